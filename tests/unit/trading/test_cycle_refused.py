"""A venue refuses: for money, for its market, because there is nothing to reduce."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, started
from trading.cycle_effects import CheckPositions
from trading.desk import LegOrder, Phase
from trading.leg import Leg
from trading.plan import Style
from trading.transitions import OrderState
from venues.model import Refusal, Side

LASTING = pytest.mark.parametrize("refusal", [Refusal.FUNDS, Refusal.MARKET])

# -- what lasts -----------------------------------------------------------------------------------


@LASTING
def test_a_hedge_refused_for_what_lasts_is_not_repeated_but_unwound(refusal: Refusal) -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, refusal)
    desk.wait(0.25)
    assert len(desk.on(HEDGE)) == 1
    order = desk.live(PRIMARY)
    assert (order.side, order.size, order.reduce_only) == (Side.SELL, D("0.5"), True)
    assert desk.records == []


@LASTING
def test_what_executed_before_the_refusal_stays_hedged(refusal: Refusal) -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, refusal, "0.2")
    desk.wait(0.25)
    assert desk.live(PRIMARY).size == D("0.3")


def test_an_unwound_cycle_says_why() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, Refusal.FUNDS)
    desk.wait(0.25)
    desk.fill(PRIMARY)
    desk.settle()
    assert (desk.records[0].outcome, desk.records[0].reason) == ("unwound", "hedge refused")


@LASTING
@pytest.mark.parametrize("leg", list(Leg))
def test_after_a_refusal_that_lasts_the_next_cycle_waits_for_seconds(
    refusal: Refusal, leg: Leg
) -> None:
    desk = started(cycles=9)
    if leg is HEDGE:
        desk.fill(PRIMARY)
    desk.refuse(leg, refusal)
    desk.wait(0.25)
    for order in desk.machine.orders.unresolved():
        desk.fill(order.leg)
    desk.settle()
    assert desk.phase is Phase.IDLE
    due_s = desk.machine.next_due_s(desk.now_s)
    assert due_s is not None
    wait_s = 30.0 if refusal is Refusal.MARKET else 8.0
    assert wait_s / 2 <= due_s - desk.now_s <= wait_s
    desk.wait(0.1)
    assert desk.machine.waiting[0].endswith("setbacks")


def test_an_entry_refused_for_money_is_not_repeated() -> None:
    desk = started()
    desk.refuse(PRIMARY, Refusal.FUNDS)
    assert desk.phase is Phase.SETTLING
    assert len(desk.orders) == 1


def test_what_reduces_is_tried_again_whatever_it_was_refused_for() -> None:
    desk = closing()
    desk.refuse(PRIMARY, Refusal.MARKET)
    desk.wait(0.25)
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_price_that_was_refused_has_the_hedge_tried_again() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, Refusal.PRICE, "0.1")
    assert desk.live(HEDGE).size == D("0.4")


def test_a_self_trade_that_was_prevented_leaves_a_need_and_nothing_else() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, Refusal.SELF_TRADE, "0.2")
    assert desk.live(HEDGE).size == D("0.3")
    desk.fill(HEDGE)
    assert desk.phase is Phase.HOLDING


def test_a_market_that_is_shut_for_long_is_waited_for_with_what_is_to_be_closed() -> None:
    desk = closing()
    for _ in range(200):
        desk.refuse(PRIMARY, Refusal.MARKET)
        desk.wait(2.0)
    assert desk.machine.halted == ""
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).reduce_only


def test_too_many_requests_are_waited_out_and_are_no_try_of_the_entry() -> None:
    desk = started()
    for _ in range(200):
        for order in desk.machine.orders.unresolved():
            desk.refuse(order.leg, Refusal.RATE)
        desk.wait(0.5)
    assert desk.phase is Phase.OPENING
    assert desk.machine.halted == ""
    assert len(desk.orders) <= 110


# -- why it ended is told by another message ------------------------------------------------------


def unexplained() -> tuple[Desk, LegOrder]:
    """A desk that knows of its hedge only that it ended."""
    desk = started()
    desk.fill(PRIMARY)
    order = desk.live(HEDGE)
    desk.report(order, "0", OrderState.EXPIRED, reason_follows=True)
    return desk, order


def test_a_hedge_that_ended_for_a_reason_yet_to_be_told_is_not_repeated_before_it_is() -> None:
    desk, order = unexplained()
    assert len(desk.on(HEDGE)) == 1
    desk.report(order, "0", OrderState.EXPIRED, refusal=Refusal.FUNDS)
    desk.wait(0.25)
    assert len(desk.on(HEDGE)) == 1
    assert desk.live(PRIMARY).reduce_only


def test_it_goes_on_at_once_when_the_reason_is_none_to_stop_for() -> None:
    desk, order = unexplained()
    desk.report(order, "0", OrderState.EXPIRED)
    assert desk.live(HEDGE).size == D("0.5")


def test_what_executed_is_hedged_with_the_rest_once_the_reason_is_known() -> None:
    desk, order = unexplained()
    desk.report(order, "0.2", OrderState.EXPIRED)
    assert desk.live(HEDGE).size == D("0.3")


def test_a_reason_that_does_not_come_is_waited_for_a_tenth_of_a_second() -> None:
    desk, _ = unexplained()
    due_s = desk.machine.next_due_s(desk.now_s)
    assert due_s is not None
    assert due_s - desk.now_s == pytest.approx(0.1)
    desk.wait(0.09)
    assert len(desk.on(HEDGE)) == 1
    desk.wait(0.02)
    assert desk.live(HEDGE).size == D("0.5")


def test_a_reason_that_comes_after_that_is_too_late_for_what_was_done_since() -> None:
    desk, order = unexplained()
    desk.wait(0.11)
    desk.fill(HEDGE)
    desk.wait(0.5)
    desk.report(order, "0", OrderState.EXPIRED, refusal=Refusal.FUNDS)
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).reduce_only
    assert desk.phase is Phase.CLOSING


def test_what_rests_is_cancelled_while_the_hedges_end_is_not_explained() -> None:
    desk = started(entry=Style.MAKER)
    desk.part_fill(PRIMARY, "0.2")
    desk.report(desk.live(HEDGE), "0", OrderState.EXPIRED, reason_follows=True)
    assert desk.cancels(PRIMARY) == [0]


def test_an_entry_judged_after_the_desk_has_gone_on_makes_the_close_no_dearer() -> None:
    desk = started()
    entry = desk.live(PRIMARY)
    desk.report(entry, "0.498", OrderState.EXPIRED, reason_follows=True)
    desk.fill(HEDGE)
    assert desk.phase is Phase.HOLDING
    desk.wait(0.5)
    assert desk.live(PRIMARY).price == closing().live(PRIMARY).price


def test_the_end_of_a_cycle_waits_for_no_reason() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    desk.report(desk.live(HEDGE), "0.4", OrderState.EXPIRED, reason_follows=True)
    desk.wait(0.11)
    desk.fill(HEDGE)
    desk.settle()
    assert len(desk.records) == 1
    assert desk.phase is Phase.IDLE


# -- nothing to reduce ----------------------------------------------------------------------------


def twice_not_reduced() -> Desk:
    desk = closing()
    desk.refuse(PRIMARY, Refusal.REDUCE_ONLY)
    desk.wait(0.25)
    desk.refuse(PRIMARY, Refusal.REDUCE_ONLY)
    return desk


def read(desk: Desk, primary: str, hedge: str, times: int = 3) -> Desk:
    """Both venues tell what they hold, so many times, as often as they are asked."""
    for _ in range(times):
        desk.wait(0.25)
        desk.positions(primary, hedge)
    return desk


def test_after_two_refusals_to_reduce_nothing_is_ordered_before_the_position_is_read() -> None:
    desk = twice_not_reduced()
    desk.wait(60.0)
    assert len(desk.on(PRIMARY)) == 3
    assert len(desk.of(CheckPositions)) >= 1
    assert [order.reduce_only for order in desk.on(PRIMARY)] == [False, True, True]


def test_a_position_that_is_there_is_reduced_again_once_that_is_sure() -> None:
    desk = read(twice_not_reduced(), "0.5", "-0.5", 8)
    before = len(desk.on(PRIMARY))
    read(desk, "0.5", "-0.5", 2)
    assert (before, len(desk.on(PRIMARY))) == (3, 4)
    assert desk.machine.halted == ""


def test_positions_are_asked_for_until_what_is_there_is_reduced_again() -> None:
    desk = twice_not_reduced()
    asked = 0
    for _ in range(20):
        desk.wait(0.25)
        if len(desk.of(CheckPositions)) > asked:
            asked = len(desk.of(CheckPositions))
            desk.positions("0.5", "-0.5")
    assert len(desk.on(PRIMARY)) == 4


def test_a_position_that_is_gone_is_matched_on_the_other_leg() -> None:
    desk = read(twice_not_reduced(), "0", "-0.5")
    assert (desk.live(HEDGE).side, desk.live(HEDGE).size) == (Side.BUY, D("0.5"))
    assert desk.live(HEDGE).reduce_only
    assert "there is nothing to reduce" in desk.machine.halted


def test_a_failed_reading_ends_no_doubt() -> None:
    desk = twice_not_reduced()
    for _ in range(100):
        desk.wait(0.25)
    assert len(desk.on(PRIMARY)) == 3
