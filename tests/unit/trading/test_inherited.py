"""What earlier lives did in a cycle counts in the record of the life that closes it."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import D, new_order
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk
from trading.desk import CycleRecord
from trading.inherited import Inherited
from trading.leg import Leg
from trading.on_record import CycleRecorded, OrderOnRecord
from trading.volume import volume_of
from venues.model import Side


def record_of(desk: Desk) -> CycleRecord:
    (record,) = desk.records
    return record


def on_record(
    leg: Leg, side: Side, size: str, price: str, fees: str, *, reduce_only: bool = False,
    number: int = 1, exact: bool = True,
) -> OrderOnRecord:  # fmt: skip
    """An order of an earlier life that executed all of its size."""
    instrument = Desk().instruments[leg]
    new = msgspec.structs.replace(
        new_order(client_order_id=number),
        symbol=instrument.symbol, side=side, size=D(size), reduce_only=reduce_only,
    )  # fmt: skip
    return OrderOnRecord(
        instrument.venue, new, D(size), over=True, quote_amount=D(size) * D(price), fees=D(fees),
        fills=1, exact=exact,
    )  # fmt: skip


def inheriting(*orders: OrderOnRecord, trouble: str = "") -> Desk:
    desk = Desk()
    recorded = CycleRecorded({}, trouble, orders)
    desk.machine.orders.inherited = Inherited(recorded, desk.instruments)
    return desk


BOUGHT = on_record(PRIMARY, Side.BUY, "0.5", "2500.05", "0.625")


def test_what_an_interrupted_cycle_had_paid_counts_in_the_record_of_what_closes_it() -> None:
    desk = inheriting(BOUGHT).recover("0.5", "0").venues_up()
    desk.quotes(mid="2400")
    desk.fill(PRIMARY, price="2400", fees="0.6")
    desk.settle()
    record = record_of(desk)
    assert record.pnl == D("-50.025") - D("1.225")
    assert (record.primary.entry_price, record.primary.exit_price) == (D("2500.05"), D(2400))
    assert (record.primary.traded, record.primary.fees) == (D(1), D("1.225"))
    assert (record.primary.orders, record.primary.fills) == (2, 1)
    assert record.fees_complete
    assert volume_of(record.orders) == D("0.5") * (D("2500.05") + D(2400))


def test_what_no_fill_on_record_explains_is_worth_the_mid_and_not_exact() -> None:
    desk = inheriting(BOUGHT).recover("0.5", "-0.5").venues_up()
    for leg in (PRIMARY, HEDGE):
        desk.fill(leg)
    desk.settle()
    record = record_of(desk)
    assert record.primary.gross_pnl == D("-0.025")
    assert record.hedge.gross_pnl == 0
    assert not record.fees_complete


@pytest.mark.parametrize(
    ("order", "trouble"),
    [
        (msgspec.structs.replace(BOUGHT, exact=False), ""),
        (msgspec.structs.replace(BOUGHT, over=False), ""),
        (BOUGHT, "order 7 may have been sent, and is not on record"),
    ],
    ids=["not all fills", "no outcome", "perhaps another order"],
)
def test_a_record_that_may_lack_fills_says_so(order: OrderOnRecord, trouble: str) -> None:
    desk = inheriting(order, trouble=trouble).recover("0.5", "0").venues_up()
    desk.fill(PRIMARY)
    desk.settle()
    assert not record_of(desk).fees_complete


def test_a_cycle_that_was_closed_and_not_recorded_has_its_record_from_its_fills() -> None:
    sold = on_record(PRIMARY, Side.SELL, "0.5", "2499.05", "0.6", reduce_only=True, number=2)
    record = inheriting(BOUGHT, sold).machine.interrupted_record(7)
    assert (record.cycle, record.outcome, record.pnl) == (7, "interrupted", D("-1.725"))
    assert record.fees_complete
    assert record.primary.exit_price == D("2499.05")


def test_what_earlier_lives_did_is_of_no_other_cycle() -> None:
    desk = inheriting(BOUGHT).recover().venues_up().open().close()
    assert record_of(desk).primary.traded == D(1)
    assert record_of(desk).fees_complete
