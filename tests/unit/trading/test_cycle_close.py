"""The second half of a cycle: it holds, closes, settles, and the next one begins."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, holding, settling, started
from trading.cycle_effects import CheckPositions, FinishCycle
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import Direction
from trading.transitions import OrderState
from venues.model import Side

COARSE_HEDGE = msgspec.structs.replace(GRVT_ETH, min_size=D("0.1"))

# -- holding and closing --------------------------------------------------------------------------


def test_a_balanced_desk_holds_for_its_time() -> None:
    desk = holding()
    desk.wait(0.49)
    before = desk.phase
    desk.wait(0.01)
    assert (before, desk.phase) == (Phase.HOLDING, Phase.CLOSING)


def test_closing_takes_the_primary_off_first_and_never_further() -> None:
    order = closing().live(PRIMARY)
    assert (order.side, order.size) == (Side.SELL, D("0.5"))
    assert order.reduce_only
    assert not order.adds_risk


def test_closing_takes_the_hedge_off_as_the_primary_fills() -> None:
    desk = closing()
    desk.part_fill(PRIMARY, "0.2")
    order = desk.live(HEDGE)
    assert (order.side, order.size, order.reduce_only) == (Side.BUY, D("0.2"), True)


def test_closing_needs_no_permission_for_new_risk() -> None:
    desk = holding()
    for leg in Leg:
        desk.readiness(leg, True, new_risk=False)
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    assert desk.machine.flat


def test_closing_waits_for_a_venue_that_is_not_ready() -> None:
    desk = holding()
    desk.readiness(PRIMARY, False)
    desk.wait(0.5)
    assert len(desk.on(PRIMARY)) == 1
    desk.readiness(PRIMARY, True)
    assert len(desk.on(PRIMARY)) == 2


def test_closing_goes_on_for_as_long_as_it_takes() -> None:
    desk = closing()
    for _ in range(20):
        desk.cancel(PRIMARY)
        desk.wait(0.25)
    assert desk.phase is Phase.CLOSING
    assert desk.live(PRIMARY).size == D("0.5")


def test_closing_first_takes_off_what_was_too_small_to_hedge() -> None:
    desk = started(hedge=COARSE_HEDGE, entry_attempts=2)
    desk.cancel(PRIMARY, "0.2")
    desk.fill(HEDGE)
    desk.cancel(PRIMARY, "0.05")
    desk.wait(0.5)
    assert desk.live(PRIMARY).size == D("0.05")
    desk.fill(PRIMARY)
    assert desk.live(PRIMARY).size == D("0.2")


def test_closing_ends_with_a_hedge_whose_primary_is_gone() -> None:
    desk = closing(hedge=COARSE_HEDGE)
    desk.part_fill(PRIMARY, "0.45")
    desk.wait(0.02)
    desk.cancel(HEDGE, "0.4")
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).size == D("0.1")


# -- settling -------------------------------------------------------------------------------------


def test_settling_asks_both_venues_what_they_hold() -> None:
    desk = settling()
    assert desk.phase is Phase.SETTLING
    assert len(desk.of(CheckPositions)) == 1


def test_a_cycle_is_over_when_both_venues_confirm_it() -> None:
    desk = settling()
    assert desk.take(desk.machine.positions_read(PRIMARY, D(0), desk.now_s)) == []
    effects = desk.take(desk.machine.positions_read(HEDGE, D(0), desk.now_s))
    assert isinstance(effects[0], FinishCycle)
    assert desk.phase is Phase.IDLE


def test_positions_are_asked_for_again_until_they_are_answered() -> None:
    desk = settling()
    for _ in range(100):
        desk.wait(0.25)
    assert len(desk.of(CheckPositions)) == 101
    assert desk.phase is Phase.SETTLING


def test_a_reading_from_before_is_no_confirmation() -> None:
    desk = closing()
    desk.positions("0", "0")
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    assert desk.phase is Phase.SETTLING


def test_a_reading_that_is_behind_is_asked_for_again() -> None:
    desk = settling()
    desk.positions("0", "-0.5")
    assert desk.phase is Phase.SETTLING
    desk.wait(0.25)
    desk.positions("0", "0")
    assert desk.records[0].outcome == "completed"
    assert desk.machine.halted == ""


def test_a_cycle_waits_for_the_fees_of_all_its_fills() -> None:
    desk = closing()
    order = desk.live(PRIMARY)
    desk.fill(PRIMARY, fills_complete=False)
    desk.fill(HEDGE)
    desk.settle()
    assert desk.phase is Phase.SETTLING
    desk.report(order, order.size, OrderState.FILLED)
    assert desk.records[0].fees_complete


def test_a_cycle_does_not_wait_for_fees_for_ever() -> None:
    desk = closing()
    desk.fill(PRIMARY, fills_complete=False)
    desk.fill(HEDGE)
    desk.settle()
    desk.wait(5.0)
    assert not desk.records[0].fees_complete


# -- one cycle after the other --------------------------------------------------------------------


def test_the_next_cycle_opens_after_the_pause() -> None:
    desk = holding().close()
    desk.wait(0.09)
    assert desk.phase is Phase.IDLE
    desk.wait(0.02)
    assert (desk.live(PRIMARY).cycle, desk.live(PRIMARY).attempt) == (2, 0)


def test_a_desk_is_done_after_the_cycles_it_was_planned_for() -> None:
    desk = holding(cycles=2).close()
    desk.wait(0.2).open().close()
    assert desk.phase is Phase.DONE
    assert desk.machine.finished == 2


def test_a_desk_without_a_number_of_cycles_goes_on() -> None:
    desk = started(cycles=None)
    for _ in range(10):
        desk.open().close().wait(0.2)
    assert desk.machine.finished == 10
    assert desk.phase is Phase.OPENING


def test_cycles_that_were_finished_before_the_start_count() -> None:
    desk = started(cycles=20, next_cycle=20, finished=19).open().close()
    assert desk.phase is Phase.DONE
    assert desk.records[0].cycle == 20


def test_a_cycle_that_executed_nothing_is_not_one_of_those_planned() -> None:
    desk = started(cycles=1)
    for _ in range(3):
        desk.cancel(PRIMARY)
    desk.settle()
    desk.wait(0.5)
    assert desk.machine.finished == 0
    assert desk.live(PRIMARY).cycle == 2


@pytest.mark.parametrize(
    ("direction", "sides"),
    [
        (Direction.LONG, [Side.BUY, Side.BUY, Side.BUY]),
        (Direction.SHORT, [Side.SELL, Side.SELL, Side.SELL]),
        (Direction.ALTERNATE, [Side.BUY, Side.SELL, Side.BUY]),
    ],
)
def test_the_direction_says_which_way_the_primary_opens(
    direction: Direction, sides: list[Side]
) -> None:
    desk = started(direction=direction, cycles=3)
    for _ in range(3):
        desk.open().close().wait(0.2)
    assert [order.side for order in desk.on(PRIMARY) if order.adds_risk] == sides


def test_an_alternating_desk_keeps_its_turn_across_a_restart() -> None:
    desk = started(direction=Direction.ALTERNATE, cycles=9, next_cycle=4, finished=3)
    assert desk.live(PRIMARY).side is Side.SELL


def test_the_next_moment_to_look_is_the_end_of_the_hold() -> None:
    desk = holding()
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + 0.5


def test_nothing_is_closed_while_one_leg_has_no_price() -> None:
    """After a restart, say: the first to go would leave the other naked."""
    desk = Desk()
    for leg in Leg:
        desk.readiness(leg, True)
    desk.quotes(PRIMARY)
    desk.recover("0.5", "-0.5")
    desk.take(desk.machine.tick(0.1))
    assert desk.orders == []
    assert "; ".join(desk.machine.waiting) == "closing waits for a price of grvt"
    desk.quotes(HEDGE)
    assert [order.leg for order in desk.orders] == [PRIMARY]
    assert not desk.machine.waiting


@pytest.mark.parametrize("leg", list(Leg))
def test_nothing_is_closed_while_one_venue_takes_no_orders(leg: Leg) -> None:
    """Its connection was lost during the hold, say: both legs hedge each other until it is back."""
    desk = holding()
    before = len(desk.orders)
    desk.readiness(leg, False)
    desk.wait(0.6)
    assert len(desk.orders) == before
    venue = desk.instruments[leg].venue
    assert "; ".join(desk.machine.waiting) == f"closing waits for {venue}"
    desk.readiness(leg, True, new_risk=False)
    assert [order.leg for order in desk.orders[before:]] == [PRIMARY]
    assert not desk.machine.waiting


def test_what_is_naked_is_balanced_where_there_is_a_price() -> None:
    desk = Desk()
    for leg in Leg:
        desk.readiness(leg, True)
    desk.quotes(PRIMARY)
    desk.recover("0.5", "0")
    desk.take(desk.machine.tick(0.1))
    assert [(order.leg, order.side) for order in desk.orders] == [(PRIMARY, Side.SELL)]
