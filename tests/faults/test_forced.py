"""Fault 32: a venue closes a leg by force, and the other one is matched to it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support_faults import LEGS, Scene, openings, scene, seconds, until
from tests.support_faults_rules import long

ONE_LOT = Decimal("0.01")
HELD = "desks.eth.hold_s=6"
# One fill of each leg is its whole size: the venue acts when the desk has all that it wants.
DEEP = {"engine": {"liquidity": {"level_notional": 10_000}}}


def closed_by_force(the: Scene, venue: str, **how: object) -> Any:
    """The desk halts, opens nothing more, and is matched; returns the measures."""
    the.arm("liquidate", venue=venue, at=the.at("hedge_fill"), **how)
    with the.service(HELD) as run:
        the.met()
        until(run, lambda: run.outcome is not None, "the desk is over", 30)
        assert run.outcome is not None
        assert run.outcome.halted, run.describe()
    fired_s = the.faults_s()[0]
    assert [order for order in openings(the.records()) if seconds(order) > fired_s] == []
    verdict = the.judge.measures(the.primary)
    assert verdict["orphans"] == []
    assert abs(Decimal(verdict["net"])) < ONE_LOT
    assert float(verdict["naked_q_s"]["max"]) <= 5
    return verdict


@LEGS
@pytest.mark.parametrize("part", [long(0.3), 1.0])
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("liquidation", "all"),
        ("adl", "position"),
        long("adl", "all"),
        long("liquidation", "position"),
    ],
)
def test_32_a_leg_is_closed_by_force_while_it_is_hedged(
    tmp_path: Path, venue: str, swapped: bool, part: float, how: str, told: str
) -> None:
    with scene(tmp_path, swapped=swapped, grvt=DEEP, backpack=DEEP) as the:
        verdict = closed_by_force(the, venue, part=part, how=how, told=told)
        assert verdict["duplicates"] == []


@LEGS
@pytest.mark.parametrize("part", [long(0.3), 1.0])
def test_32_a_leg_is_closed_by_force_in_the_middle_of_the_hedge(
    tmp_path: Path, venue: str, swapped: bool, part: float
) -> None:
    """What was on its way when the venue acted overshoots, and is taken off again."""
    with scene(tmp_path, swapped=swapped) as the:
        closed_by_force(the, venue, part=part)
