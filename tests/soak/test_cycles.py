"""Clean cycles of every kind: the ledger finds nothing, and records agree with it to the digit.

KETCH_SOAK_CYCLES says how many there are together (16); ``make soak-cycles`` asks for 1,000.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_control import running
from tests.support.cli import SWAPPED, run_and_sum_up
from tests.support.desks import UNLIMITED
from tests.support.ledger import Books, money

CYCLES = int(os.environ.get("KETCH_SOAK_CYCLES", "16"))
# Of the last cycle of a run it would be known too late.
UNFUNDED = ("paper.grvt.engine.funding.rate=0", "paper.backpack.engine.funding.rate=0")
# Somebody takes from the touch at every step, so that what rests there is soon filled.
BUSY = ("paper.grvt.engine.liquidity.flow=1", "paper.backpack.engine.liquidity.flow=1")
TAKER: dict[str, tuple[str, ...]] = {
    "taker, alternate": (),
    "taker, long, 0.1 ETH": ("desks.eth.direction=long", "desks.eth.size=0.1"),
    "taker, short, in slices": ("desks.eth.direction=short", "desks.eth.slices=5"),
    "taker, 0.1 ETH in slices": ("desks.eth.size=0.1", "desks.eth.slices=4"),
}
_RESTING = ("desks.eth.entry=maker", "desks.eth.maker.requotes=100", *BUSY)
MAKER: dict[str, tuple[str, ...]] = {
    "maker in": _RESTING,
    "maker in and out, 0.1 ETH": (*_RESTING, "desks.eth.exit=maker", "desks.eth.size=0.1"),
    "maker in, short, in slices": (*_RESTING, "desks.eth.direction=short", "desks.eth.slices=2"),
}
KINDS = TAKER | MAKER
LEADERS = {"backpack": (), "grvt": SWAPPED}
LONG = CYCLES >= 100
# In a short run each kind has one leader, by turns.
RUNS = [
    (kind, leader)
    for number, kind in enumerate(KINDS)
    for turn, leader in enumerate(LEADERS)
    if LONG or number % 2 == turn
]
# An order that rests takes its time: four of five cycles are takers'.
OF_TAKERS = max(2, CYCLES * 4 // 5 // (2 * len(TAKER)))
OF_MAKERS = max(1, CYCLES // 5 // (2 * len(MAKER)) + 1)
# A short run shares its processor with other tests; the long one has it for itself.
WORST_Q_S = Decimal("0.5") if LONG else Decimal(2)


@pytest.mark.timeout(120 + 30 * OF_TAKERS)
@pytest.mark.parametrize(("kind", "leader"), RUNS)
def test_cycles_are_clean_and_their_money_is_the_ledgers(
    tmp_path: Path, kind: str, leader: str
) -> None:
    settings = [word for text in (*KINDS[kind], *UNFUNDED) for word in ("-o", text)]
    ledger, cycles = tmp_path / "ledger.jsonl", OF_MAKERS if kind in MAKER else OF_TAKERS
    code, summary, said = run_and_sum_up(
        tmp_path, "--cycles", str(cycles), "--ledger", str(ledger), *UNLIMITED, *settings,
        *LEADERS[leader], limit_s=100 + 30 * cycles,
    )  # fmt: skip
    assert code == 0, said
    verdict, books = summary["verdict"], Books(ledger)
    assert summary["cycles"] == {"completed": cycles}
    assert Decimal(verdict["availability"]) == 1
    for finding in ("duplicates", "orphans", "position_errors", "flips"):
        assert verdict[finding] == []
    assert Decimal(verdict["naked_q_s"]["max"]) <= WORST_Q_S
    assert money(summary["fees"]) == money(verdict["fees"]) == dict(sorted(books.fees.items()))
    assert Decimal(summary["pnl"]) == books.pnl


LATE_S = 30.0
# One direction: what a long pays and a short receives could add up to nothing.
FUNDED = (
    "desks.eth.direction=long",
    "desks.eth.gate.funding_guard_s=0", "desks.eth.hold_s=1.2",
    "paper.grvt.engine.funding.interval_s=1", "paper.backpack.engine.funding.interval_s=1",
    "venues.grvt.connection.balances_every_s=0.2",
    "venues.backpack.connection.balances_every_s=0.2",
)  # fmt: skip


def test_funding_that_venues_book_is_put_into_the_records_of_its_cycles(tmp_path: Path) -> None:
    settings = [word for text in FUNDED for word in ("-o", text)]
    ledger = tmp_path / "ledger.jsonl"
    with running(tmp_path, "--ledger", str(ledger), *UNLIMITED, *settings) as run:
        run.wait_line("eth cycle 2 ")
        run.do("flatten")
        until_s = time.monotonic() + LATE_S
        while not agreed(run.read("status")["desks"][0]["cycles"], Books(ledger)):
            assert time.monotonic() < until_s, run.said
        run.do("stop")
        assert run.end() == 0, run.said
    assert all(Books(ledger).funding.values())


def agreed(cycles: list[dict[str, Any]], books: Books) -> bool:
    """The records of all cycles together are the ledger's."""
    funding = [cycle["funding"] for cycle in cycles]
    paid = {v: sum((Decimal(each[v]) for each in funding), Decimal(0)) for v in books.funding}
    return (paid, sum(Decimal(cycle["pnl"]) for cycle in cycles)) == (books.funding, books.pnl)
