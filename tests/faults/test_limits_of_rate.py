"""Faults 18 and 21: requests are turned away as too many, and fills come twenty at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import HEDGERS, scene
from tests.support.faults_rules import (
    ROLES,
    executed,
    hedge_of,
    long,
    nothing_opened,
    orders,
    resumed,
)

BUDGETS = tuple(
    f"venues.{venue}.rate.{figure}"
    for venue in ("grvt", "backpack")
    for figure in ("per_s=9", "burst=10")
)
# How long the venue does so, and for how long nothing is opened after its last word: as in the
# fault list and as shipped, or sooner over.
SHIPPED = (20.0, BUDGETS)
HURRIED = (5.0, (*BUDGETS, "venues.grvt.rate.pause_s=7", "venues.backpack.rate.pause_s=7"))


@HEDGERS
@pytest.mark.parametrize(
    ("timing", "retry_after_s"),
    [
        pytest.param(HURRIED, None, id="plain"),
        long(SHIPPED, None, id="plain, as shipped"),
        long(SHIPPED, 2, id="with retry-after, as shipped"),
    ],
)
def test_18_three_requests_of_ten_are_turned_away(
    tmp_path: Path, venue: str, swapped: bool, timing: Any, retry_after_s: int | None
) -> None:
    """And the first two that matter: the hedge, or the order that closes the primary."""
    for_s, settings = timing
    with scene(tmp_path, swapped=swapped) as the:
        throttle: dict[str, Any] = {"connection": venue, "retry_after_s": retry_after_s}
        at = the.at(f"{the.leg(venue)}_recv", nth=1 if venue == hedge_of(the) else 2)
        the.arm("throttle", share=0.3, for_s=for_s, at=at, **throttle)
        the.arm("throttle", times=2, at=at, **throttle)
        with the.service(*settings) as run:
            the.met(2)
            began_s = the.faults_s()[0]
            the.run_on(run, 3, within_s=90)
            the.finish(run)
        nothing_opened(the, began_s, began_s + for_s)
        resumed(the, began_s + for_s)
        assert the.judged(naked_q_s=5)["bans"] == 0


# -- 21: many partial fills at once ----


@ROLES
@pytest.mark.parametrize("slices", [1, 3])
def test_21_twenty_fills_at_once(tmp_path: Path, swapped: bool, slices: int) -> None:
    """Over one order of the primary, or over three; messages of different streams in any order."""
    shuffled = {"front": {"feed_order": "shuffled"}}
    with scene(tmp_path, swapped=swapped, grvt=shuffled) as the:
        the.arm("shatter", connection=the.primary, pieces=20, for_s=60)
        with the.service(f"desks.eth.slices={slices}", cycles=3) as run:
            the.finish(run)
        the.met(3)
        verdict = the.judged(naked_q_s=1)
        assert sum(executed(the, the.primary)) == sum(executed(the, hedge_of(the))) == 0
        assert verdict["completed"] == 3
        assert len(orders(the, hedge_of(the))) <= verdict["fills"] / 2
