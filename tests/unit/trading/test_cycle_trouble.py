"""A cycle in trouble: the hedge cannot be had, the venues disagree, the desk halts or recovers."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, D, quote
from tests.unit.trading.desks import (
    HEDGE,
    PRIMARY,
    Desk,
    closing,
    holding,
    settling,
    started,
    three_times_not_reduced,
    unwinding,
)
from trading.cycle_effects import ChangePhase, CheckPositions, StartCycle
from trading.desk import Phase
from trading.placing import MAX_UNFILLED
from trading.transitions import OrderState
from venues.model import Side

COARSE_HEDGE = msgspec.structs.replace(GRVT_ETH, min_size=D("0.1"))

# -- the hedge cannot be had ----------------------------------------------------------------------


def test_a_hedge_that_is_not_had_in_time_is_unwound_on_the_primary() -> None:
    desk = unwinding()
    order = desk.live(PRIMARY)
    assert desk.phase is Phase.UNWINDING
    assert (order.side, order.size) == (Side.SELL, D("0.5"))
    assert order.reduce_only
    assert not order.adds_risk


def test_nothing_is_unwound_before_the_deadline() -> None:
    desk = started()
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + 5.0
    desk.wait(4.99)
    assert desk.phase is Phase.OPENING
    assert len(desk.on(PRIMARY)) == 1


def test_only_what_is_naked_is_unwound() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.3")
    desk.fill(HEDGE)
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    desk.wait(5.0)
    assert desk.live(PRIMARY).size == D("0.2")


def test_an_unresolved_hedge_is_not_unwound_because_it_may_have_executed() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.report(desk.live(HEDGE), "0", OrderState.IN_DOUBT)
    desk.wait(60.0)
    assert len(desk.on(PRIMARY)) == 1
    desk.cancel(HEDGE)
    assert desk.phase is Phase.UNWINDING
    assert desk.live(PRIMARY).size == D("0.5")


def test_past_the_deadline_no_further_hedge_is_tried() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.wait(60.0)
    desk.cancel(HEDGE)
    assert len(desk.on(HEDGE)) == 1
    assert desk.live(PRIMARY).reduce_only


def test_dust_that_no_hedge_order_can_take_does_not_use_up_the_time_of_the_next() -> None:
    desk = started(hedge=COARSE_HEDGE)
    desk.part_fill(PRIMARY, "0.05")
    desk.wait(60.0)
    desk.part_fill(PRIMARY, "0.2")
    assert desk.phase is Phase.OPENING
    assert desk.live(HEDGE).size == D("0.2")


def test_an_unwound_cycle_settles_and_says_so() -> None:
    desk = unwinding()
    desk.fill(PRIMARY)
    desk.settle()
    assert desk.records[0].outcome == "unwound"
    assert desk.machine.finished == 1


def test_unwinding_goes_on_at_the_hedge_if_only_that_is_ready() -> None:
    desk = started()
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    desk.readiness(PRIMARY, False)
    desk.wait(5.0)
    assert len(desk.orders) == 1
    desk.readiness(HEDGE, True)
    assert desk.live(HEDGE).size == D("0.5")


def test_unwinding_tries_again_until_it_is_done() -> None:
    desk = unwinding()
    for _ in range(20):
        desk.cancel(PRIMARY)
        desk.wait(0.25)
    assert desk.live(PRIMARY).size == D("0.5")


def test_unwinding_does_nothing_while_anything_is_unresolved() -> None:
    desk = unwinding()
    desk.report(desk.live(PRIMARY), "0", OrderState.IN_DOUBT)
    desk.readiness(HEDGE, True)
    desk.wait(60.0)
    assert len(desk.orders) == 2


def test_what_was_hedged_before_an_unwind_is_closed_when_both_venues_are_ready() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.3")
    desk.fill(HEDGE)
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    desk.wait(5.0)
    desk.fill(PRIMARY)
    assert desk.phase is Phase.UNWINDING
    desk.readiness(HEDGE, True)
    desk.wait(0.5)
    assert desk.live(PRIMARY).size == D("0.3")
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).size == D("0.3")


def test_closing_against_a_hedge_that_is_refused_waits_longer_each_time() -> None:
    desk = closing()
    for _ in range(240):
        for leg in (PRIMARY, HEDGE):
            for order in desk.machine.orders.unresolved():
                if order.leg is leg is PRIMARY:
                    desk.fill(PRIMARY)
                elif order.leg is leg:
                    desk.report(order, "0", OrderState.REJECTED)
        desk.wait(0.5)
    assert len(desk.on(PRIMARY)) <= 20


def test_after_an_unwound_cycle_the_next_waits() -> None:
    desk = unwinding(cycles=9)
    desk.fill(PRIMARY)
    desk.settle()
    assert desk.phase is Phase.IDLE
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + 0.5


def test_a_quote_with_an_empty_side_tells_no_price() -> None:
    desk = started()
    before = desk.machine.legs[HEDGE].quote
    desk.machine.quoted(HEDGE, quote(GRVT_ETH, mid="1", half="1"), desk.now_s)
    assert desk.machine.legs[HEDGE].quote is before


def test_a_hedge_lost_while_closing_is_unwound_too() -> None:
    desk = closing()
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    desk.wait(5.0)
    assert desk.phase is Phase.UNWINDING
    assert desk.live(PRIMARY).side is Side.BUY


def test_an_execution_after_the_cycle_was_closed_is_unwound() -> None:
    desk = started(entry_attempts=1)
    late = desk.live(PRIMARY)
    desk.cancel(PRIMARY)
    desk.report(late, "0.2", OrderState.CANCELLED)
    assert desk.phase is Phase.UNWINDING
    assert (desk.live(PRIMARY).side, desk.live(PRIMARY).size) == (Side.SELL, D("0.2"))


def test_a_leg_that_never_gets_done_goes_on_and_the_desk_halts() -> None:
    desk = closing(retry_s=0.0)
    for _ in range(MAX_UNFILLED):
        desk.cancel(PRIMARY)
    assert desk.machine.halted == "128 orders on one leg in one cycle did not fill"
    assert desk.live(PRIMARY).reduce_only


# -- the venues disagree --------------------------------------------------------------------------


def test_positions_that_the_cycle_does_not_explain_halt_the_desk() -> None:
    desk = settling()
    for _ in range(3):
        desk.positions("0", "0.3")
    desk.wait(5.0)
    assert desk.phase is Phase.HALTED
    reason = "the cycle explains primary 0.0, hedge 0.0, the venues hold primary 0, hedge 0.3"
    assert desk.machine.halted == reason


def test_a_mismatch_is_given_its_time() -> None:
    desk = settling()
    for _ in range(19):
        desk.positions("0", "0.3")
        desk.wait(0.25)
    assert desk.phase is Phase.SETTLING


def test_one_late_reading_halts_nothing() -> None:
    desk = settling()
    desk.positions("0", "0.3")
    desk.wait(60.0)
    before = desk.phase
    desk.positions("0", "0")
    assert (before, desk.phase) == (Phase.SETTLING, Phase.IDLE)


def test_a_position_that_cannot_be_reduced_is_read() -> None:
    assert len(three_times_not_reduced().of(CheckPositions)) == 1


def test_a_position_that_somebody_else_took_off_halts_the_desk() -> None:
    desk = three_times_not_reduced()
    for _ in range(3):
        desk.positions("0", "-0.5")
    assert desk.machine.halted == "primary: ours is 0.5, the venue holds 0"


def test_a_position_that_somebody_else_took_off_has_the_other_leg_closed() -> None:
    desk = three_times_not_reduced()
    for _ in range(3):
        desk.positions("0", "-0.5")
    desk.fill(HEDGE)
    desk.settle()
    desk.wait(5.0)  # perhaps the venue still tells of it
    assert desk.phase is Phase.HALTED
    assert desk.machine.flat


def test_a_position_of_which_somebody_else_took_a_part_is_closed_as_it_is() -> None:
    desk = three_times_not_reduced()
    for _ in range(3):
        desk.positions("0.2", "-0.5")
    assert desk.machine.halted == "primary: ours is 0.5, the venue holds 0.2"
    assert desk.live(HEDGE).size == D("0.3")
    desk.fill(HEDGE)
    assert desk.wait(10.0).live(PRIMARY).size == D("0.2")


def test_a_position_that_the_venue_holds_is_tried_again_however_often_it_refuses() -> None:
    desk = three_times_not_reduced()
    for _ in range(10):
        desk.positions("0.5", "-0.5")
    desk.wait(1.0)
    assert desk.live(PRIMARY).size == D("0.5")
    assert desk.machine.halted == ""


def test_refusals_in_a_row_lengthen_the_pause() -> None:
    desk = closing()
    pauses = []
    for _ in range(5):
        desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
        before_s, orders = desk.now_s, len(desk.orders)
        while len(desk.orders) == orders:
            desk.wait(0.125)
        pauses.append(desk.now_s - before_s)
    assert pauses == [0.25, 0.5, 1.0, 1.0, 1.0]


def test_positions_that_could_not_be_read_never_mean_flat() -> None:
    desk = settling()
    desk.take(desk.machine.positions_read(PRIMARY, D(0), desk.now_s))
    desk.wait(600.0)
    assert desk.phase is Phase.SETTLING
    assert desk.machine.halted == ""


# -- halted ---------------------------------------------------------------------------------------


def test_a_halted_desk_opens_nothing() -> None:
    desk = Desk().recover()
    desk.take(desk.machine.halt("drift", 0.0))
    desk.venues_up().wait(10.0)
    assert desk.phase is Phase.HALTED
    assert desk.orders == []


def test_a_desk_that_halts_still_hedges_and_closes_what_is_open() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.3")
    desk.take(desk.machine.halt("drift", desk.now_s))
    desk.fill(HEDGE)
    desk.cancel(PRIMARY, "0.3")
    assert desk.live(PRIMARY).side is Side.SELL
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    assert desk.phase is Phase.HALTED


def test_the_first_reason_of_a_halt_stays() -> None:
    desk = holding()
    desk.take(desk.machine.halt("first", desk.now_s))
    desk.take(desk.machine.halt("second", desk.now_s))
    assert desk.machine.halted == "first"
    assert [e.detail for e in desk.of(ChangePhase) if "halted" in e.detail] == ["halted: first"]


def test_cycles_in_vain_halt_the_desk() -> None:
    desk = started(max_vain_cycles=3, entry_attempts=1)
    for pause_s in (0.5, 1.0, 2.0):
        desk.cancel(PRIMARY)
        desk.settle()
        desk.wait(pause_s)
    assert desk.phase is Phase.HALTED
    assert desk.machine.halted == "3 cycles in a row executed nothing"


def test_a_cycle_that_trades_ends_a_row_of_vain_ones() -> None:
    desk = started(max_vain_cycles=2, entry_attempts=1, cycles=9)
    for _ in range(3):
        desk.cancel(PRIMARY)
        desk.settle()
        desk.wait(0.5)
        desk.open().close().wait(0.25)
    assert desk.machine.halted == ""


# -- recovery -------------------------------------------------------------------------------------


def test_a_desk_asks_what_the_venues_hold_until_it_is_told() -> None:
    desk = Desk()
    for _ in range(3):
        desk.wait(1.0)
    assert len(desk.of(CheckPositions)) == 3
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + 1.0


@pytest.mark.parametrize(
    ("primary", "hedge"), [("0.5", "-0.5"), ("0.5", "0"), ("0", "-0.3"), ("-0.2", "0.5")]
)
def test_what_an_interrupted_cycle_left_is_balanced_and_closed(primary: str, hedge: str) -> None:
    desk = Desk().recover(primary, hedge).venues_up()
    while not desk.machine.flat:
        leg = next(order.leg for order in desk.machine.orders.unresolved())
        desk.fill(leg)
    desk.settle()
    assert desk.records[0].outcome == "recovered"
    assert not any(order.adds_risk for order in desk.orders)
    assert desk.machine.finished == 0


def test_a_recovery_uses_none_of_the_ids_of_the_cycle_it_closes() -> None:
    desk = Desk(next_cycle=7).recover("0.5", "-0.5").venues_up()
    assert desk.of(StartCycle)[0] == StartCycle(7, "recover", D("0.5"))
    assert {order.cycle for order in desk.orders} == {7}


def test_a_recovered_desk_goes_on_with_its_plan() -> None:
    desk = Desk(next_cycle=7, finished=1).recover("0.5", "-0.5").venues_up()
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    desk.wait(0.2)
    assert desk.live(PRIMARY).cycle == 8
    assert desk.live(PRIMARY).adds_risk


@pytest.mark.parametrize(
    ("primary", "hedge", "explained"),
    [
        ("0.5", "-0.5", False),
        ("0.51", "-0.5", True),
        ("0.5", "-1", True),
        ("0.2", "0.2", True),
    ],
)
def test_positions_that_no_cycle_of_ours_explains_are_not_touched(
    primary: str, hedge: str, explained: bool
) -> None:
    desk = Desk().recover(primary, hedge, explained=explained).venues_up().wait(60.0)
    assert desk.phase is Phase.HALTED
    assert desk.orders == []
    assert f"the venues hold: primary {primary}, hedge {hedge}" in desk.machine.halted
