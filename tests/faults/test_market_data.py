"""Faults 23, 24 and 33: books with holes, old prices, fundings; what is opened on them: nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper.records import Filled, Funded
from tests.support.faults import LEADERS, LEGS, RESUME_S, Scene, between, scene, soak
from venues.model import BPS

MARKET = {"grvt": "grvt/market", "backpack": "backpack/market"}
CAP_BPS = Decimal(30) + 1  # the shipped cap counts from the touch, which is that far from the mid


def worst_fill_bps(the: Scene) -> Decimal:
    """By how much an execution of ours was worse than the venue's mid, at worst."""
    return max(
        (fill.price / fill.mark - 1) * fill.side.sign / BPS
        for fill in the.records()
        if isinstance(fill, Filled) and fill.account == "main"
    )


@LEADERS
def test_23_a_hole_in_a_book(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("stream", connection=MARKET[venue], do="gap", at=the.at("primary_fill"))
        with the.service() as run:
            the.met()
            again_s = the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)
        assert again_s < 10, again_s
        assert worst_fill_bps(the) <= CAP_BPS


@LEADERS
def test_23_a_crossed_book_for_ten_seconds(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("stream", connection=MARKET[venue], do="cross", for_s=10, at=the.at("primary_fill"))
        with the.service() as run:
            the.met()
            the.run_on(run, within_s=10 + RESUME_S)
            the.finish(run)
        # An older price is good for a second.
        began_s = the.faults_s()[0]
        assert between(the.openings(), began_s + 1.1, began_s + 10) == []
        assert worst_fill_bps(the) <= CAP_BPS
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("do", ["silent", "stuck"])
@LEADERS
def test_24_old_prices(tmp_path: Path, venue: str, swapped: bool, do: str) -> None:
    """For five seconds, in which the market moves by 1.5 %."""
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("stream", connection=MARKET[venue], do=do, for_s=5, at=the.at("hedge_fill"))
        the.arm("move", by_bps="-150", at=the.at("hedge_fill"))
        with the.service() as run:
            the.met(2)
            the.run_on(run, within_s=5 + RESUME_S)
            the.finish(run)
        began_s = min(the.faults_s())
        assert between(the.openings(), began_s + 1.1, began_s + 5) == []
        assert worst_fill_bps(the) <= CAP_BPS
        the.judged(naked_q_s=5)


@soak
@LEGS
@pytest.mark.timeout(240)
def test_24_old_prices_for_a_minute(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("stream", connection=MARKET[venue], do="stuck", for_s=60, at=the.at("hedge_fill"))
        the.arm("move", by_bps="300", at=the.at("hedge_fill"))
        with the.service() as run:
            the.met(2)
            the.run_on(run, within_s=60 + RESUME_S)
            the.finish(run)
        began_s = min(the.faults_s())
        assert between(the.openings(), began_s + 1.1, began_s + 60) == []
        assert worst_fill_bps(the) <= CAP_BPS
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_33_funding_at_the_boundary(tmp_path: Path, swapped: bool) -> None:
    """GRVT funds every 8 seconds and Backpack every 12: nothing opens within a second of it."""
    every_s, guard_s = {"grvt": 8, "backpack": 12}, 1
    funding: dict[str, Any] = {
        venue: {"engine": {"funding": {"interval_s": interval_s, "rate": "0.001"}}}
        for venue, interval_s in every_s.items()
    }
    with scene(tmp_path, swapped=swapped, **funding) as the:
        settings = (f"desks.eth.gate.funding_guard_s={guard_s}", "desks.eth.hold_s=4")
        with the.service(*settings) as run:
            the.run_on(run, cycles=5)
            the.finish(run)
        the.judged(naked_q_s=0.5)
        assert any(isinstance(record, Funded) for record in the.records())
        for opening in the.openings():
            for interval_s in every_s.values():
                since_s = opening.utc_ns / 1e9 % interval_s
                # The order takes its way after the decision, hence not to the last digit.
                assert guard_s - 0.05 < since_s < interval_s - guard_s + 0.1, (opening, since_s)
