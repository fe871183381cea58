"""What a venue takes off by itself has its money in the record, whichever news comes first.

Everything is opened at 2500; prices are at 2400 when the venue acts, and what is left of both legs
is closed there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, holding
from trading.desk import CycleRecord, LegRecord
from trading.leg import Leg
from trading.plan import Direction

LEGS = pytest.mark.parametrize("leg", list(Leg))
DIRECTIONS = pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
PARTS = pytest.mark.parametrize("part", [D("0.15"), D("0.5")])  # 30 %, and all of it


class Fall:
    """A desk that holds 0.5 against 0.5, and a market that has fallen."""

    def __init__(self, leg: Leg = PRIMARY, direction: Direction = Direction.LONG) -> None:
        self.leg = leg
        self.desk = holding(hold_s=60.0, direction=direction)
        self._held = self.desk.machine.position(leg)
        self._off = -1 if self._held > 0 else 1
        self.wait()

    def wait(self) -> None:
        self.desk.now_s += 0.25
        self.desk.quotes(mid="2400")
        self.desk.take(self.desk.machine.tick(self.desk.now_s))

    def tell(
        self, part: Decimal, price: str = "2400", fee: str = "0.6", trade_id: str = "1",
        *, fee_told: bool = True,
    ) -> None:  # fmt: skip
        """The venue tells of an execution by force."""
        signed = str(self._off * part)
        self.desk.force(self.leg, signed, price, fee, trade_id, fee_told=fee_told)

    def read(self, gone: Decimal) -> None:
        """The leg is read as so much smaller, until it is believed."""
        self._held += self._off * gone
        for _ in range(10):
            self.desk.take(self.desk.machine.positions_read(self.leg, self._held, self.desk.now_s))
            self.wait()

    def close(self) -> CycleRecord:
        """What is left executes at 2400, without a fee, and both venues confirm it."""
        for _ in range(60):
            for order in self.desk.machine.orders.unresolved():
                self.desk.fill(order.leg, price="2400")
            self.desk.settle()
            self.wait()
        (record,) = self.desk.records
        return record


def of_leg(record: CycleRecord, leg: Leg) -> LegRecord:
    return record.primary if leg is PRIMARY else record.hedge


def word_first(fall: Fall, part: Decimal) -> None:
    fall.tell(part)
    fall.read(part)


def readings_first(fall: Fall, part: Decimal) -> None:
    fall.read(part)
    fall.tell(part)


def word_twice(fall: Fall, part: Decimal) -> None:
    word_first(fall, part)
    fall.tell(part)


@LEGS
@DIRECTIONS
@PARTS
@pytest.mark.parametrize("news", [word_first, readings_first, word_twice])
def test_a_forced_close_is_booked_once_at_its_price_and_fee(
    leg: Leg, direction: Direction, part: Decimal, news: Callable[[Fall, Decimal], None]
) -> None:
    fall = Fall(leg, direction)
    news(fall, part)
    record = fall.close()
    lost = D(-50) if direction is Direction.LONG else D(50)
    closed = of_leg(record, leg)
    assert (record.primary.gross_pnl, record.hedge.gross_pnl) == (lost, -lost)
    assert (closed.fees, record.pnl) == (D("0.6"), D("-0.6"))
    assert (closed.traded, closed.forced, closed.exit_price) == (D(1), part, D(2400))
    assert of_leg(record, leg.other).forced == 0
    assert record.fees_complete


@LEGS
@DIRECTIONS
@PARTS
def test_what_the_position_alone_tells_is_worth_the_mid_then_and_its_fee_is_not_known(
    leg: Leg, direction: Direction, part: Decimal
) -> None:
    fall = Fall(leg, direction)
    fall.read(part)
    record = fall.close()
    closed = of_leg(record, leg)
    assert (closed.traded, closed.forced, closed.exit_price) == (D(1), part, D(2400))
    assert (closed.fees, record.pnl) == (D(0), D(0))
    assert not record.fees_complete


def test_each_execution_has_its_own_price_and_fee() -> None:
    fall = Fall()
    fall.tell(D("0.2"), "2410", "0.2")
    fall.tell(D("0.3"), "2405", "0.3", "2")
    fall.read(D("0.5"))
    record = fall.close()
    assert record.primary.exit_price == D(2407)
    assert record.primary.gross_pnl == D("-46.5")
    assert record.pnl == D(50) - D("46.5") - D("0.5")
    assert record.primary.fills == 2


def test_what_goes_in_two_steps_is_booked_in_two() -> None:
    fall = Fall()
    fall.tell(D("0.2"), "2410", "0.2")
    fall.read(D("0.2"))
    fall.tell(D("0.1"), "2405", "0.1", "2")
    fall.read(D("0.1"))
    record = fall.close()
    assert record.primary.forced == D("0.3")
    assert record.primary.gross_pnl == D("-18.0") + D("-9.5") + D("-20.0")
    assert record.fees_complete


def test_of_an_execution_that_took_somebody_elses_too_our_share_is_booked() -> None:
    fall = Fall()
    fall.tell(D("0.8"), fee="0.8")
    fall.read(D("0.5"))
    record = fall.close()
    assert (record.primary.forced, record.primary.fees) == (D("0.5"), D("0.5"))
    assert record.fees_complete


def test_an_execution_by_force_that_took_nothing_of_ours_is_not_booked() -> None:
    fall = Fall()
    fall.tell(D("0.3"))
    record = fall.close()
    assert (record.primary.forced, record.pnl) == (D(0), D(0))
    assert record.fees_complete


def test_what_is_told_of_a_part_only_leaves_the_rest_at_the_mid() -> None:
    fall = Fall()
    fall.tell(D("0.2"), "2450", "0.2")
    fall.read(D("0.5"))
    record = fall.close()
    assert record.primary.gross_pnl == D("-10") + D("-30")
    assert not record.fees_complete


def test_a_fee_that_was_not_told_is_not_known() -> None:
    fall = Fall()
    fall.tell(D("0.5"), fee="0", fee_told=False)
    fall.read(D("0.5"))
    record = fall.close()
    assert record.pnl == 0
    assert not record.fees_complete


def test_a_word_that_comes_while_the_cycle_settles_completes_its_record() -> None:
    fall = Fall()
    fall.read(D("0.5"))
    fall.desk.fill(HEDGE, price="2400")
    fall.desk.settle()
    assert fall.desk.records == []
    fall.tell(D("0.5"), "2390")
    (record,) = fall.desk.records
    assert record.primary.gross_pnl == -55
    assert record.fees_complete


def test_the_next_cycle_has_nothing_of_it() -> None:
    fall = Fall()
    word_first(fall, D("0.5"))
    fall.close()
    desk = fall.desk
    desk.quotes()
    desk.take(desk.machine.resume(desk.now_s))
    desk.wait(1.0)
    desk.open().wait(60.0)
    for leg in Leg:
        desk.fill(leg)
    desk.settle()
    assert [each.forced for each in (desk.records[1].primary, desk.records[1].hedge)] == [0, 0]
    assert desk.records[1].pnl == 0


@LEGS
def test_what_is_told_late_of_an_earlier_cycle_is_not_the_money_of_this_one(leg: Leg) -> None:
    fall = Fall(leg)
    signed = "-0.5" if leg is PRIMARY else "0.5"
    fall.desk.force(leg, signed, "2600", "3", "earlier", earlier=True)
    fall.tell(D("0.5"))
    fall.read(D("0.5"))
    assert of_leg(fall.close(), leg).fees == D("0.6")
