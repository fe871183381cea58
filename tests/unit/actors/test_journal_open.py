"""What the journal's file tells of the cycle that is open, to a start that can't read a venue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from actors.journal_file import JournalFile
from actors.journal_open import LoadOpenCycle, load_open_cycle
from tests.support.actors_records import cycle_record
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, START_NS, D, fill, new_order
from trading.ids import wide_id
from trading.leg import Leg
from trading.on_record import CycleRecorded, Span
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import Instrument

_RUN = 3 << 16
_DESK = "eth/coordinator"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[JournalFile]:
    with closing(JournalFile(tmp_path / "journal.sqlite")) as it:
        yield it


def intend(file: JournalFile, number: int, signed: str, its: Instrument, desk: str = _DESK) -> int:
    order = number if its is BACKPACK_ETH else wide_id(number)
    file.write_intent(its.venue, new_order(order, signed, instrument=its), desk, START_NS)
    return order


def end(file: JournalFile, order: int, executed: str, its: Instrument) -> None:
    view = OrderView(
        client_order_id=order, symbol=its.symbol, size=D("0.5"), signed_executed=D(executed),
        quote_amount=Decimal(1), fees=Decimal(0), state=OrderState.CANCELLED, reason="",
        fills_complete=True,
    )  # fmt: skip
    file.write_outcome(its.venue, view, START_NS)


def load(file: JournalFile, last: int) -> CycleRecorded:
    legs = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
    return load_open_cycle(file, LoadOpenCycle("eth", legs, _RUN | last, None))


def open_cycle(file: JournalFile) -> None:
    """The primary has executed, its hedge in part, and is without an outcome."""
    end(file, intend(file, _RUN | 5, "0.5", BACKPACK_ETH), "0.5", BACKPACK_ETH)
    hedge = intend(file, _RUN | 6, "-0.5", GRVT_ETH)
    file.write_fill(fill("t1", "0.2", client_order_id=hedge), START_NS)


def test_outcomes_say_what_orders_made_and_fills_what_others_made_at_least(
    file: JournalFile,
) -> None:
    open_cycle(file)
    found = load(file, 6)
    assert not found.trouble
    assert found.legs == {
        Leg.PRIMARY: Span(D("0.5"), D("0.5")), Leg.HEDGE: Span(D("-0.5"), D("-0.2"))
    }  # fmt: skip


def test_what_orders_paid_is_told_by_their_fills_and_else_by_their_outcome(
    file: JournalFile,
) -> None:
    open_cycle(file)
    bought, sold = load(file, 6).orders
    assert (bought.executed, bought.quote_amount, bought.exact) == (D("0.5"), D(1), True)
    assert (sold.executed, sold.quote_amount, sold.fills) == (D("0.2"), D(500), 1)
    assert not sold.exact, "it has no outcome, and may have more fills"


def test_orders_of_earlier_cycles_and_of_other_desks_are_not_of_it(file: JournalFile) -> None:
    intend(file, _RUN | 4, "0.3", BACKPACK_ETH)
    file.write_cycle(cycle_record(cycle=1), START_NS)
    open_cycle(file)
    intend(file, _RUN | 7, "0.5", BACKPACK_ETH, "btc/coordinator")
    found = load(file, 7)
    assert (found.trouble, found.legs[Leg.PRIMARY]) == ("", Span(D("0.5"), D("0.5")))


def test_an_order_of_which_there_is_no_row_is_missing(file: JournalFile) -> None:
    open_cycle(file)
    assert load(file, 7).trouble == f"order {_RUN | 7} may have been sent, and is not on record"


def test_an_order_that_was_not_sent_has_an_outcome_and_nothing_else(file: JournalFile) -> None:
    open_cycle(file)
    end(file, wide_id(_RUN | 7), "0", GRVT_ETH)
    assert load(file, 7).trouble == ""
