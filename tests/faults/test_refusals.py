"""Faults 25, 26, 27 and 28: a venue refuses an order, or what is left of it, for its own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import LEGS, Scene, scene
from tests.support.faults_rules import AS_SHIPPED, ROLES, closing, hedge_of, long, most_in_a_cycle
from venues.model import BACKPACK, GRVT

MOST_ATTEMPTS = 2

# -- 25: insufficient margin, or a limit, on the hedge ----


@ROLES
@pytest.mark.parametrize(
    ("reason", "when"),
    [
        ("margin", "entry"),
        ("margin", "after"),
        long("position_limit", "entry"),
        long("open_order_limit", "entry"),
        long("position_limit", "after"),
    ],
)
@pytest.mark.parametrize("resumes", [False, long(True, id="and goes on")])
def test_25_the_hedge_is_refused_for_margin_or_a_limit(
    tmp_path: Path, swapped: bool, reason: str, when: str, resumes: bool
) -> None:
    """For six seconds; what takes off is taken all the time. Then the desk cools down."""
    with scene(tmp_path, swapped=swapped) as the:
        hedge = hedge_of(the)
        at = the.at("hedge_recv")
        rule = {"connection": hedge, "of": "increasing", "reason": reason, "when": when}
        the.arm("deny", at=at, for_s=6, **rule)
        with the.service() as run:
            the.met()
            the.run_on(run, 3 if resumes else 1)
            the.finish(run)
        assert most_in_a_cycle(the, the.hits_s()) <= MOST_ATTEMPTS
        verdict = the.judged(naked_q_s=5)
        assert verdict["completed"] >= (2 if resumes else 1)


# -- 26: reduce-only refusals ----

REDUCTIONS: dict[str, dict[str, Any]] = {
    "refused": {"reason": "reduce_only", "when": "entry"},
    "too large": {"reason": "reduce_too_large", "when": "entry"},
    "rejected": {"reason": "reduce_only"},
    "cut after a part": {"reason": "reduce_only_limit", "part": 0.4},
    "shrunk": {"reason": "reduce_only_limit", "part": 0.4, "shrink": True},
}


@LEGS
@pytest.mark.parametrize(
    "how",
    ["refused", "rejected", "cut after a part", long("too large"), long("shrunk")],
)
def test_26_what_closes_is_refused_as_not_reducing(
    tmp_path: Path, venue: str, swapped: bool, how: str
) -> None:
    """The flag stays on: every order that closes has it."""
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg(venue)}_accept")
        the.arm("deny", connection=venue, of="reduce_only", times=2, at=at, **REDUCTIONS[how])
        with the.service() as run:
            the.met(2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=5)
        assert all(order.reduce_only for order in closing(the, venue))


# -- 27: self-trade prevention ----


@ROLES
@pytest.mark.parametrize("part", [0.4, long(0.0)])
def test_27_the_hedge_ends_for_self_trade_prevention(
    tmp_path: Path, swapped: bool, part: float
) -> None:
    """It leaves a need, and nothing else."""
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at("hedge_recv")
        the.arm("deny", connection=hedge_of(the), reason="self_trade", part=part, at=at)
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        assert the.judged(naked_q_s=3)["self_trades"] == []


# -- 28: price band, impact, slippage; an IOC is executed in part ----


def hedge_stopped(the: Scene, reason: str, **more: Any) -> None:
    at = the.at("hedge_recv")
    the.arm("deny", connection=hedge_of(the), of="increasing", reason=reason, at=at, **more)


REASONS = {GRVT: ("ioc", "market", "maker_limit"), BACKPACK: ("price_band", "slippage")}


@ROLES
@pytest.mark.parametrize("part", [0.8, long(0.3), long(0.0)])
@pytest.mark.parametrize("number", [0, long(1)])
def test_28_the_hedge_is_executed_in_part_twice_and_only_the_rest_is_repeated(
    tmp_path: Path, swapped: bool, number: int, part: float
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        hedge_stopped(the, REASONS[hedge_of(the)][number], part=part, times=2)
        with the.service() as run:
            the.met(2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=10)


@AS_SHIPPED
def test_28_the_hedge_is_stopped_again_and_again_and_the_primary_is_taken_off(
    tmp_path: Path, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        hedge_stopped(the, REASONS[hedge_of(the)][0], part=0.2, for_s=12)
        with the.service() as run:
            the.met(2)
            the.run_on(run, 3)
            the.finish(run)
        the.judged(naked_q_s=10)
