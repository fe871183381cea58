"""What an operator tells a desk: stop, pause, resume, flatten; in each phase."""

from __future__ import annotations

import pytest

from tests.unit.trading.desks import (
    HEDGE,
    PRIMARY,
    Desk,
    closing,
    holding,
    started,
    unwinding,
)
from trading.desk import Phase
from trading.ids import Leg


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
