"""Fault 32: a venue closes a leg by force, and the other one is matched to it.

The money of it is in the record of the cycle, to the digit of the ledger: what the streams do not
tell of is in the history, which is read while a position is in question.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper.records import Filled
from tests.support.faults import LEADERS, LEGS, Scene, openings, scene, seconds, until
from tests.support.faults_process import fills_on_record
from tests.support.faults_rules import long
from tests.support.ledger import ACCOUNT
from trading.desk import CycleRecord
from venues.model import ZERO

ONE_LOT = Decimal("0.01")
HELD = "desks.eth.hold_s=6"
# One fill of each leg is its whole size: the venue acts when the desk has all that it wants.
DEEP = {"engine": {"liquidity": {"level_notional": 10_000}}}


def closed_by_force(the: Scene, venue: str, **how: object) -> tuple[Any, CycleRecord]:
    """The desk halts, opens nothing more, and is matched; returns the measures and its record."""
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
    (record,) = filter(forced, run.records)  # told once it is on disk: not later than the end
    # GRVT says 0 for the client order id of its own orders, and Backpack none.
    by_force = [size for _, order, size in fills_on_record(run.journal) if order in ("", "0")]
    assert sum(by_force) == record.primary.forced + record.hedge.forced
    return verdict, record


def forced(record: CycleRecord) -> bool:
    return bool(record.primary.forced or record.hedge.forced)


def has_the_money_of_the_ledger(record: CycleRecord, the: Scene) -> None:
    """Both legs and the result, to the digit, of the last cycle that was opened."""
    assert record.fees_complete
    records = the.records()
    began_s = seconds(openings(records)[-1])
    for leg in (record.primary, record.hedge):
        fills = [
            each
            for each in records
            if isinstance(each, Filled)
            and (each.account, each.venue) == (ACCOUNT, leg.venue)
            and seconds(each) >= began_s
        ]
        assert leg.traded == sum(fill.size for fill in fills)
        assert leg.forced == sum(fill.size for fill in fills if fill.forced)
        assert leg.fees == sum(fill.fee for fill in fills)
        cash = sum((-fill.side.sign * fill.size * fill.price for fill in fills), ZERO)
        assert leg.gross_pnl == cash
    gross = record.primary.gross_pnl + record.hedge.gross_pnl
    costs = [leg.fees + leg.funding for leg in (record.primary, record.hedge)]
    assert record.pnl == gross - sum(costs)


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
        verdict, record = closed_by_force(the, venue, part=part, how=how, told=told)
        assert verdict["duplicates"] == []
        has_the_money_of_the_ledger(record, the)


@LEADERS
@pytest.mark.parametrize("part", [long(0.3), 1.0])
def test_32_a_leg_is_closed_by_force_in_the_middle_of_the_hedge(
    tmp_path: Path, venue: str, swapped: bool, part: float
) -> None:
    """What was on its way when the venue acted overshoots, and is taken off again."""
    with scene(tmp_path, swapped=swapped) as the:
        _, record = closed_by_force(the, venue, part=part)
        has_the_money_of_the_ledger(record, the)
