"""What a guard's limits do to a desk: freeze, reduce, halt, and how it goes on afterwards."""

from __future__ import annotations

import pytest

from tests.support.trading import plan
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, holding, started
from trading.cycle import CycleMachine
from trading.cycle_effects import ChangePhase
from trading.desk import DeskState, Phase
from trading.plan import Action, ActiveLimit
from venues.model import Side


def phases(desk: Desk) -> list[Phase]:
    """Those that it went through."""
    return [effect.phase for effect in desk.of(ChangePhase)]


def limited(desk: Desk, *limits: tuple[str, Action]) -> None:
    desk.take(
        desk.machine.limits_changed(
            tuple(ActiveLimit(name, action, "why") for name, action in limits), desk.now_s
        )
    )


def test_a_frozen_desk_lets_its_cycle_come_to_its_end_and_opens_no_other() -> None:
    desk = holding()
    limited(desk, ("stream_age_s", Action.FREEZE))
    assert phases(desk)[-1] is Phase.HOLDING
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    desk.wait(5)
    assert phases(desk)[-1] is Phase.IDLE
    assert desk.machine.state is DeskState.FROZEN
    assert "stream_age_s: why" in desk.machine.waiting
    desk.quotes()
    limited(desk)
    assert phases(desk)[-1] is Phase.OPENING


@pytest.mark.parametrize("action", [Action.REDUCE, Action.HALT])
def test_a_limit_that_reduces_closes_at_once(action: Action) -> None:
    desk = holding()
    limited(desk, ("margin_ratio", action))
    assert desk.phase is Phase.CLOSING
    assert desk.live(PRIMARY).reduce_only


def test_a_limit_that_halts_is_why_the_desk_has_halted_also_once_it_is_clear() -> None:
    desk = holding()
    limited(desk, ("daily_loss", Action.HALT))
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    limited(desk)
    assert phases(desk)[-1] is Phase.HALTED
    assert desk.machine.halted == "daily_loss: why"
    desk.take(desk.machine.resume(desk.now_s))
    desk.wait(1)
    assert phases(desk)[-1] is Phase.OPENING


def test_a_desk_that_is_resumed_while_a_limit_that_halts_is_reached_halts_again() -> None:
    desk = holding()
    limited(desk, ("order_notional", Action.HALT))
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    desk.take(desk.machine.resume(desk.now_s))
    assert phases(desk)[-3:] == [Phase.IDLE, Phase.IDLE, Phase.HALTED]
    assert desk.machine.halted == "order_notional: why"


@pytest.mark.parametrize("limit", ["naked_s", "naked_notional", "account.naked_notional"])
def test_a_limit_on_what_is_naked_takes_the_primary_off_without_the_hedges_deadline(
    limit: str,
) -> None:
    desk = started(hedge_deadline_s=3600)
    desk.readiness(HEDGE, ready=False)
    desk.fill(PRIMARY)
    desk.wait(1)
    limited(desk, (limit, Action.FREEZE))
    assert phases(desk)[-1] is Phase.OPENING, "it does no more than keep the next cycle closed"
    limited(desk, (limit, Action.REDUCE))
    assert phases(desk)[-1] is Phase.UNWINDING
    assert desk.live(PRIMARY).side is Side.SELL


def test_a_desk_opens_nothing_before_its_guard_has_spoken() -> None:
    desk = Desk()
    desk.machine = CycleMachine(plan(), desk.instruments, awaits_guard=True)
    desk.recover()
    desk.venues_up()
    assert phases(desk) == [Phase.IDLE]
    limited(desk)
    assert phases(desk) == [Phase.IDLE, Phase.OPENING]
