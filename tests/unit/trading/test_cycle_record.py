"""The record of a cycle: money to the last digit, and what was measured on the way."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, settling, started
from trading.desk import CycleRecord
from trading.plan import Direction
from trading.transitions import OrderState


def record_of(desk: Desk) -> CycleRecord:
    (record,) = desk.records
    return record


def traded(
    *, entry: str, hedge_entry: str, leave: str, hedge_leave: str, fees: str = "0"
) -> CycleRecord:
    """A long cycle of 0.5 at these prices, with the same fees for each of its four orders."""
    desk = started()
    desk.fill(PRIMARY, price=entry, fees=fees)
    desk.fill(HEDGE, price=hedge_entry, fees=fees)
    desk.wait(0.5)
    desk.fill(PRIMARY, price=leave, fees=fees)
    desk.fill(HEDGE, price=hedge_leave, fees=fees)
    desk.settle()
    return record_of(desk)


# -- money ----------------------------------------------------------------------------------------


def test_pnl_is_what_both_legs_made() -> None:
    record = traded(entry="2500", hedge_entry="2501", leave="2510", hedge_leave="2512")
    assert record.primary.gross_pnl == D("5.0")
    assert record.hedge.gross_pnl == D("-5.5")
    assert record.pnl == D("-0.5")


def test_fees_are_taken_off_the_pnl() -> None:
    record = traded(
        entry="2500", hedge_entry="2500", leave="2500", hedge_leave="2500", fees="0.625"
    )
    assert (record.primary.fees, record.hedge.fees) == (D("1.250"), D("1.250"))
    assert record.pnl == D("-2.500")


def test_a_rebate_is_a_negative_fee_and_adds_to_the_pnl() -> None:
    record = traded(
        entry="2500", hedge_entry="2500", leave="2500", hedge_leave="2500", fees="-0.125"
    )
    assert record.hedge.fees == D("-0.250")
    assert record.pnl == D("0.500")


def test_each_leg_has_its_entry_and_exit_price() -> None:
    record = traded(entry="2500", hedge_entry="2501", leave="2510", hedge_leave="2512")
    assert (record.primary.entry_price, record.primary.exit_price) == (D(2500), D(2510))
    assert (record.hedge.entry_price, record.hedge.exit_price) == (D(2501), D(2512))


def test_prices_are_averages_weighed_by_what_executed() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.2", price="2500")
    desk.fill(HEDGE)
    desk.fill(PRIMARY, price="2510")
    desk.fill(HEDGE)
    desk.close()
    assert record_of(desk).primary.entry_price == D(2506)


def test_a_price_that_has_no_end_is_rounded_to_a_millionth() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.1", price="2500")
    desk.fill(HEDGE)
    desk.cancel(PRIMARY, "0.2", price="2501")
    desk.fill(HEDGE)
    desk.cancel(PRIMARY)
    desk.close()
    assert record_of(desk).primary.entry_price == D("2500.666667")


def test_a_leg_tells_all_that_it_traded_and_in_how_many_orders() -> None:
    record = traded(entry="2500", hedge_entry="2500", leave="2500", hedge_leave="2500")
    assert (record.primary.traded, record.primary.orders) == (D("1.0"), 2)


def test_an_order_that_did_not_execute_counts_as_an_order_only() -> None:
    desk = started()
    desk.cancel(PRIMARY)
    desk.open().close()
    record = record_of(desk)
    assert (record.primary.traded, record.primary.orders) == (D("1.0"), 3)
    assert record.primary.slippage_bps == 0


@pytest.mark.parametrize(
    ("price", "bps"), [("2501", "4"), ("2499", "-4"), ("2500", "0"), ("2500.5", "2")]
)
def test_a_buy_above_the_mid_is_slippage(price: str, bps: str) -> None:
    desk = started()
    desk.fill(PRIMARY, price=price)
    assert desk.machine.orders.leg_record(desk.machine.legs[PRIMARY]).slippage_bps == D(bps)


@pytest.mark.parametrize(("price", "bps"), [("2499", "4"), ("2501", "-4"), ("2500", "0")])
def test_a_sell_below_the_mid_is_slippage(price: str, bps: str) -> None:
    desk = started(direction=Direction.SHORT)
    desk.fill(PRIMARY, price=price)
    assert desk.machine.orders.leg_record(desk.machine.legs[PRIMARY]).slippage_bps == D(bps)


def test_slippage_of_entry_and_exit_is_weighed_over_both() -> None:
    record = traded(entry="2501", hedge_entry="2500", leave="2499.5", hedge_leave="2500")
    assert record.primary.slippage_bps == D(3)
    assert record.hedge.slippage_bps == 0


def test_a_cycle_in_which_nothing_executed_has_no_prices_and_no_money() -> None:
    desk = started(entry_attempts=1)
    desk.cancel(PRIMARY)
    desk.settle()
    record = record_of(desk)
    assert (record.outcome, record.pnl) == ("abandoned", D(0))
    assert (record.primary.entry_price, record.hedge.entry_price) == (D(0), D(0))


def test_what_a_recovered_cycle_closes_was_worth_the_mid_it_was_found_at() -> None:
    desk = Desk().recover("0.5", "-0.5").venues_up()
    desk.fill(PRIMARY, price="2499")
    desk.fill(HEDGE, price="2500")
    desk.settle()
    record = record_of(desk)
    assert record.primary.gross_pnl == D("-0.5")
    assert record.hedge.gross_pnl == 0


def test_a_recovered_leg_on_one_venue_only_is_counted_as_what_it_was_worth() -> None:
    desk = Desk().recover("0.5", "0").venues_up()
    desk.fill(PRIMARY, price="2499", fees="0.5")
    desk.settle()
    assert record_of(desk).pnl == D("-1.0")


def test_what_is_too_small_to_close_is_counted_as_what_it_is_worth() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.005")
    desk.cancel(PRIMARY)
    desk.cancel(PRIMARY)
    desk.wait(0.5)
    desk.settle()
    assert record_of(desk).pnl == 0


def test_the_last_word_on_fees_counts() -> None:
    desk = closing()
    order = desk.live(PRIMARY)
    desk.fill(PRIMARY, fees="0", fills_complete=False)
    desk.fill(HEDGE)
    desk.settle()
    desk.report(order, order.size, OrderState.FILLED, fees="1.25")
    assert record_of(desk).primary.fees == D("1.25")
    assert record_of(desk).fees_complete


# -- measured on the way --------------------------------------------------------------------------


def test_naked_time_is_from_the_fill_to_its_hedge() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.wait(0.125)
    desk.fill(HEDGE)
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.wait(0.25)
    desk.fill(HEDGE)
    desk.settle()
    assert record_of(desk).naked_ms == (125.0, 250.0)


def test_naked_time_goes_on_until_all_of_it_is_hedged() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.2")
    desk.wait(0.125)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.wait(0.125)
    desk.fill(HEDGE)
    assert desk.machine.orders.naked_ms == [250.0]


def test_the_way_from_a_fill_to_its_hedge_is_from_socket_to_socket() -> None:
    desk = started()
    desk.fill(PRIMARY, received_s=10.0)
    desk.fill(HEDGE, sent_s=10.0625)
    assert desk.machine.orders.fill_to_hedge_sent_ms() == (62.5,)


def test_a_hedge_that_no_message_caused_is_not_measured() -> None:
    desk = started()
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY, received_s=10.0)
    desk.readiness(HEDGE, True)
    desk.fill(HEDGE, sent_s=11.0)
    assert desk.machine.orders.fill_to_hedge_sent_ms() == ()


def test_an_order_is_answered_when_the_venue_first_speaks_of_it() -> None:
    desk = started()
    order = desk.live(PRIMARY)
    desk.wait(0.125)
    desk.report(order, "0", OrderState.SENT)
    desk.wait(0.125)
    desk.report(order, "0", OrderState.OPEN)
    desk.wait(0.125)
    desk.fill(PRIMARY)
    assert desk.machine.orders.decision_to_ack_ms() == (250.0,)


def test_the_duration_is_from_the_first_decision_to_the_confirmation() -> None:
    desk = started()
    desk.open().close()
    started_s = desk.now_s
    desk.wait(0.25).open().wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.wait(0.25)
    desk.settle()
    assert desk.records[1].duration_s == desk.now_s - started_s - 0.25


def test_a_record_says_what_the_cycle_was() -> None:
    desk = settling(direction=Direction.SHORT, next_cycle=9)
    desk.settle()
    record = record_of(desk)
    assert (record.desk, record.cycle, record.outcome) == ("eth", 9, "completed")
    assert (record.direction, record.size) == ("sell", D("0.5"))
    assert (record.primary.venue, record.hedge.venue) == ("backpack", "grvt")


# -- the book behind it ---------------------------------------------------------------------------


def test_what_executed_never_shrinks() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.3")
    desk.part_fill(PRIMARY, "0.1")
    assert desk.machine.orders.executed(PRIMARY) == D("0.3")


def test_an_outcome_is_never_taken_back() -> None:
    desk = started()
    order = desk.live(PRIMARY)
    desk.fill(PRIMARY)
    desk.report(order, "0.5", OrderState.IN_DOUBT)
    assert not desk.machine.orders.live(PRIMARY)
    assert order not in desk.machine.orders.unresolved()


def test_an_outcome_with_less_than_was_known_keeps_what_was_known() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.3")
    desk.cancel(PRIMARY, "0.1")
    assert desk.machine.orders.executed(PRIMARY) == D("0.3")


def test_an_order_is_live_until_its_outcome_is_known() -> None:
    desk = started()
    order = desk.live(PRIMARY)
    for state in (OrderState.SENT, OrderState.OPEN, OrderState.IN_DOUBT):
        desk.report(order, "0", state)
        assert desk.machine.orders.live(PRIMARY)
    desk.cancel(PRIMARY)
    assert order not in desk.machine.orders.unresolved()
