"""What an operator tells a desk: stop, pause, resume, flatten; in each phase."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import (
    HEDGE,
    PRIMARY,
    Desk,
    closing,
    holding,
    settling,
    started,
    unwinding,
)
from trading.desk import DeskState, Phase
from trading.leg import Leg
from trading.plan import Action, ActiveLimit, Direction, Style
from venues.model import Side


def stopped(desk: Desk) -> Desk:
    desk.take(desk.machine.stop(desk.now_s))
    return desk


def test_a_desk_stopped_while_idle_is_done() -> None:
    assert stopped(Desk().recover()).phase is Phase.DONE


def test_a_desk_stopped_before_it_knows_anything_waits_until_it_does() -> None:
    desk = stopped(Desk())
    before = desk.phase
    desk.recover()
    assert (before, desk.phase) == (Phase.RECOVERING, Phase.DONE)


def test_a_desk_stopped_while_opening_waits_for_its_order_and_enters_no_more() -> None:
    desk = stopped(started())
    before = desk.phase
    desk.cancel(PRIMARY)
    desk.settle()
    assert (before, desk.phase) == (Phase.OPENING, Phase.DONE)
    assert len(desk.orders) == 1


def test_a_desk_stopped_while_opening_hedges_and_closes_what_had_filled() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.2")
    stopped(desk)
    desk.fill(HEDGE)
    desk.cancel(PRIMARY, "0.2")
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    assert desk.phase is Phase.DONE


def test_a_desk_stopped_while_holding_closes_at_once() -> None:
    desk = stopped(holding())
    assert desk.phase is Phase.CLOSING
    assert desk.live(PRIMARY).reduce_only


@pytest.mark.parametrize("leg", list(Leg))
def test_a_desk_stopped_while_closing_or_settling_finishes_that(leg: Leg) -> None:
    desk = stopped(closing()) if leg is PRIMARY else closing()
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    stopped(desk).settle()
    assert desk.phase is Phase.DONE


def test_a_desk_stopped_while_unwinding_finishes_that() -> None:
    desk = stopped(unwinding())
    desk.fill(PRIMARY)
    desk.settle()
    assert desk.phase is Phase.DONE


def test_a_paused_desk_finishes_its_cycle_and_opens_no_other() -> None:
    desk = holding()
    desk.take(desk.machine.pause(desk.now_s))
    before = desk.phase
    desk.close().wait(60.0)
    assert (before, desk.phase) == (Phase.HOLDING, Phase.IDLE)


def test_a_resumed_desk_opens_at_once() -> None:
    desk = Desk().recover()
    desk.take(desk.machine.pause(0.0))
    desk.venues_up()
    assert desk.orders == []
    desk.take(desk.machine.resume(0.0))
    assert len(desk.orders) == 1


def test_a_flattened_desk_closes_at_once_and_pauses() -> None:
    desk = holding()
    desk.take(desk.machine.flatten(desk.now_s))
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    desk.wait(60.0)
    assert desk.phase is Phase.IDLE
    assert desk.machine.flat


@pytest.mark.parametrize("idle", [True, False])
def test_a_desk_flattened_when_it_had_nothing_trades_whole_cycles_after_a_resume(
    idle: bool,
) -> None:
    desk = Desk().recover() if idle else Desk()
    desk.take(desk.machine.flatten(0.0))
    if not idle:
        desk.recover()
    desk.venues_up()
    desk.take(desk.machine.resume(0.0))
    desk.open().wait(0.1)
    assert desk.phase is Phase.HOLDING


def test_the_cycle_after_a_flatten_is_held_for_its_time() -> None:
    desk = holding()
    desk.take(desk.machine.flatten(desk.now_s))
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    desk.take(desk.machine.resume(desk.now_s))
    desk.wait(0.2).open().wait(0.1)
    assert desk.phase is Phase.HOLDING


# -- limits ---------------------------------------------------------------------------------------


def held_by(desk: Desk, *actions: Action) -> Desk:
    limits_in_force = tuple(ActiveLimit("naked_s", action, "16.0 of 15 s") for action in actions)
    desk.take(desk.machine.limits_changed(limits_in_force, desk.now_s))
    return desk


@pytest.mark.parametrize("action", [Action.FREEZE, Action.REDUCE])
def test_a_desk_that_a_limit_holds_opens_nothing_and_goes_on_by_itself(action: Action) -> None:
    desk = held_by(Desk().recover(), action).venues_up()
    assert (desk.machine.state, desk.orders) == (DeskState.FROZEN, [])
    assert desk.machine.waiting == ("naked_s: 16.0 of 15 s",)
    held_by(desk)
    assert (desk.machine.state, len(desk.orders)) == (DeskState.TRADING, 1)
    assert not desk.machine.waiting


def test_a_limit_that_freezes_lets_the_cycle_take_its_course() -> None:
    desk = held_by(holding(), Action.FREEZE)
    assert (desk.phase, desk.machine.state) == (Phase.HOLDING, DeskState.FROZEN)
    desk.close().wait(60.0)
    assert (desk.phase, desk.records[0].outcome) == (Phase.IDLE, "completed")


def test_a_limit_that_freezes_leaves_an_entry_at_what_it_has() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.2")
    desk.fill(HEDGE)
    held_by(desk, Action.FREEZE)
    desk.cancel(PRIMARY, "0.2")
    assert (desk.phase, len(desk.on(PRIMARY))) == (Phase.OPENING, 1)
    desk.wait(5.0)
    assert desk.phase is Phase.HOLDING


def test_a_limit_that_reduces_closes_what_is_open_at_once() -> None:
    desk = held_by(holding(), Action.REDUCE)
    assert (desk.phase, desk.machine.state) == (Phase.CLOSING, DeskState.REDUCING)
    assert desk.live(PRIMARY).reduce_only


def test_a_limit_that_halts_stays_when_it_is_over() -> None:
    desk = held_by(held_by(holding(), Action.HALT))
    assert (desk.machine.state, desk.machine.halted) == (DeskState.HALTED, "naked_s: 16.0 of 15 s")
    assert desk.phase is Phase.CLOSING


def test_a_desk_with_a_guard_opens_nothing_before_it_has_spoken() -> None:
    desk = Desk(awaits_guard=True).recover().venues_up()
    assert desk.orders == []
    assert desk.machine.waiting == ("the guard of the desk has not reported yet",)
    held_by(desk)
    assert len(desk.orders) == 1


# -- the gate -------------------------------------------------------------------------------------


def test_a_closed_gate_keeps_a_cycle_from_opening_and_says_why() -> None:
    reasons = ["grvt: no book"]
    desk = Desk(gate=lambda _side, _now_s: tuple(reasons)).recover().venues_up()
    assert (desk.orders, desk.machine.waiting) == ([], ("grvt: no book",))
    reasons.clear()
    desk.quotes()
    assert len(desk.orders) == 1


def test_the_gate_is_asked_for_the_side_that_the_next_cycle_has() -> None:
    sides: list[Side] = []

    def gate(side: Side, _now_s: float) -> tuple[str, ...]:
        sides.append(side)
        return ()

    desk = Desk(gate=gate, direction=Direction.ALTERNATE).recover().venues_up()
    desk.open().close().wait(0.2)
    assert list(dict.fromkeys(sides)) == [Side.BUY, Side.SELL]


def test_why_a_venue_lets_nothing_be_opened_is_said_before_the_gate_is_asked() -> None:
    desk = Desk(gate=lambda _side, _now_s: ("never",)).recover()
    desk.readiness(PRIMARY, True)
    desk.quotes(PRIMARY)
    assert desk.machine.waiting == (
        "grvt is not ready for new risk", "grvt has no price younger than 1.0 s",
    )  # fmt: skip


def test_why_a_venue_is_not_ready_is_said_in_its_own_words() -> None:
    desk = Desk().recover()
    desk.readiness(PRIMARY, True)
    desk.quotes()
    desk.machine.readiness(HEDGE, False, False, desk.now_s, "grvt/trading is backing_off")
    assert desk.machine.waiting == ("grvt is not ready for new risk: grvt/trading is backing_off",)


# -- left as it is --------------------------------------------------------------------------------


def left(desk: Desk) -> Desk:
    desk.take(desk.machine.leave(desk.now_s))
    return desk


def test_a_desk_that_is_left_as_it_is_places_nothing_and_is_done() -> None:
    desk = left(holding())
    assert (desk.phase, desk.machine.flat, len(desk.orders)) == (Phase.DONE, False, 2)


def test_a_cycle_that_only_waits_for_the_venues_word_is_on_record_when_it_is_left() -> None:
    desk = left(settling())
    assert [(r.outcome, r.primary.traded) for r in desk.records] == [("completed", D("1.0"))]
    assert desk.phase is Phase.DONE


def test_one_that_a_venue_contradicts_is_left_open_on_record() -> None:
    desk = settling()
    desk.positions("0.1", "0")
    assert (left(desk).records, desk.phase) == ([], Phase.DONE)


def test_a_desk_is_left_once_what_is_under_way_has_its_outcome() -> None:
    desk = left(started())
    before = desk.phase
    desk.fill(PRIMARY)
    assert (before, desk.phase) == (Phase.OPENING, Phase.DONE)
    assert desk.on(HEDGE) == []


def test_a_desk_that_is_left_cancels_what_rests() -> None:
    desk = left(started(entry=Style.MAKER))
    assert desk.cancels(PRIMARY) == [0]
    desk.cancel(PRIMARY)
    assert (desk.phase, desk.machine.flat) == (Phase.DONE, True)


def test_a_desk_that_does_not_know_what_is_held_finds_out_before_it_is_left() -> None:
    desk = left(Desk())
    before = desk.phase
    desk.recover("0.5", "-0.5")
    assert (before, desk.phase, desk.machine.flat) == (Phase.RECOVERING, Phase.DONE, False)
