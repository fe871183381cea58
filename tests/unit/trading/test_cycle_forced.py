"""A venue closes a leg by itself: what it holds is the truth, the other leg follows, and it halts.

The same for a trade by hand against our position, which nobody can tell from it.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, holding, started
from trading.cycle_effects import CheckPositions
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import MakerPlan, Style
from trading.transitions import OrderState

WHY = "grvt: ETH_USDT_Perp: the venue closed 0.5 by itself"


def told(desk: Desk, leg: Leg = HEDGE) -> Desk:
    """The venue says that it has closed something of a leg."""
    desk.force(leg, "0.5" if leg is HEDGE else "-0.5", reason=WHY)
    return desk


def read(desk: Desk, leg: Leg, size: str, seconds: float) -> Desk:
    """The leg's position is read four times a second."""
    for _ in range(int(seconds * 4) + 1):
        desk.take(desk.machine.positions_read(leg, D(size), desk.now_s))
        desk.wait(0.25)
    return desk


def flat_again(desk: Desk) -> Desk:
    while desk.machine.orders.unresolved():
        desk.fill(desk.machine.orders.unresolved()[0].leg)
        desk.wait(0.25)
    desk.settle()
    return desk


def test_positions_are_asked_for_again_when_what_was_read_is_of_before_an_execution() -> None:
    desk = holding(hold_s=60.0)
    executed_s = desk.now_s
    desk.wait(1.0)
    told(desk)
    asked = len(desk.of(CheckPositions))
    desk.take(desk.machine.positions_read(HEDGE, D(0), desk.now_s, executed_s - 0.1))
    desk.wait(0.25)
    assert len(desk.of(CheckPositions)) == asked + 1


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("left", ["0", "0.35"])
def test_the_other_leg_is_matched_reduce_only_within_a_second(leg: Leg, left: str) -> None:
    desk = told(holding(hold_s=60.0), leg)
    began_s = desk.now_s
    read(desk, leg, left if leg is PRIMARY else f"-{left}", 0.5)
    order = desk.live(leg.other)
    assert order.size == D("0.5") - D(left)
    assert order.reduce_only
    assert desk.now_s - began_s <= 1.0


@pytest.mark.parametrize("leg", list(Leg))
def test_the_desk_is_flat_at_last_and_halted_with_what_happened(leg: Leg) -> None:
    desk = read(told(holding(hold_s=60.0), leg), leg, "0.35" if leg is PRIMARY else "-0.35", 0.5)
    flat_again(desk)
    assert (desk.phase, desk.machine.halted) == (Phase.HALTED, WHY)
    assert desk.machine.flat
    assert [record.outcome for record in desk.records] == ["unwound"]


def test_nothing_is_ordered_on_that_leg_before_its_position_is_known() -> None:
    desk = told(closing(), PRIMARY)
    desk.cancel(PRIMARY)
    desk.wait(30.0)
    assert len(desk.on(PRIMARY)) == 2


def test_what_rests_is_cancelled_at_once() -> None:
    desk = started(entry=Style.MAKER, maker=MakerPlan())
    desk.part_fill(PRIMARY, "0.2")
    desk.fill(HEDGE)
    told(desk)
    assert desk.cancels(PRIMARY) == [0]


def test_a_desk_that_holds_nothing_does_not_mind() -> None:
    desk = told(Desk().recover())
    assert desk.machine.halted == ""


def test_late_word_of_what_an_earlier_cycle_lost_halts_no_cycle_and_has_the_position_read() -> None:
    desk = holding(hold_s=60.0).wait(1.0)
    asked = len(desk.of(CheckPositions))
    desk.force(HEDGE, "0.5", price="2600", fee="3", earlier=True)
    read(desk, HEDGE, "-0.5", 3.0)
    assert (desk.phase, desk.machine.halted) == (Phase.HOLDING, "")
    assert len(desk.of(CheckPositions)) == asked + 1


def test_though_clocks_may_differ_what_is_gone_now_is_believed() -> None:
    desk = holding(hold_s=60.0).wait(1.0)
    desk.force(HEDGE, "0.5", earlier=True)
    read(desk, HEDGE, "0", 3.0)
    assert (desk.phase, bool(desk.machine.halted)) == (Phase.UNWINDING, True)


def test_a_position_change_without_a_word_is_believed_after_two_seconds() -> None:
    desk = holding(hold_s=60.0)
    read(desk, HEDGE, "0", 1.5)
    assert len(desk.orders) == 2
    read(desk, HEDGE, "0", 0.75)
    assert desk.live(PRIMARY).size == D("0.5")
    assert desk.machine.halted == "hedge: ours is -0.5, the venue holds 0"


def test_a_position_that_is_in_question_is_read_until_it_is_sure() -> None:
    desk = holding(hold_s=60.0)
    desk.take(desk.machine.positions_read(HEDGE, D(0), desk.now_s))
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + 0.25


def test_readings_from_before_an_execution_prove_nothing() -> None:
    desk = closing()
    for _ in range(30):
        desk.wait(0.1)
        desk.take(desk.machine.positions_read(HEDGE, D("-0.1"), desk.now_s))
        order = desk.live(PRIMARY)
        done = min(order.size, abs(desk.machine.orders.executed(PRIMARY)) * 0 + D("0.01"))
        desk.report(order, done, OrderState.CANCELLED)
        desk.wait(0.25)
        for hedge in [o for o in desk.machine.orders.unresolved() if o.leg is HEDGE]:
            desk.fill(hedge.leg)
    assert desk.machine.halted == ""


def test_a_position_larger_than_ours_is_somebody_elses_beside_it() -> None:
    desk = holding(hold_s=60.0)
    read(desk, HEDGE, "-0.8", 5.0)
    assert desk.machine.position(HEDGE) == D("-0.5")
    assert desk.machine.halted == ""


def test_past_zero_it_is_somebody_elses() -> None:
    desk = read(holding(hold_s=60.0), HEDGE, "0.2", 2.5)
    assert desk.machine.position(HEDGE) == 0
    assert desk.live(PRIMARY).size == D("0.5")


@given(st.integers(0, 49), st.sampled_from(list(Leg)))
def test_whatever_was_taken_off_no_order_flips_a_leg(left: int, leg: Leg) -> None:
    sign = 1 if leg is PRIMARY else -1
    desk = told(holding(hold_s=60.0), leg)
    read(desk, leg, str(D(left) / 100 * sign), 0.5)
    flat_again(desk)
    assert desk.machine.flat
    assert all(order.reduce_only for order in desk.orders[2:])
