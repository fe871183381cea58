"""A venue that does not take our key: no later order will fare better until a person has acted."""

from __future__ import annotations

from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, started
from trading.cycle_effects import ChangePhase
from trading.desk import Phase
from trading.leg import Leg
from trading.transitions import OrderState
from venues.model import Side


def refused_hedge() -> Desk:
    """A desk that unwinds, because the venue of the hedge does not take its key."""
    desk = started(cycles=None)
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    return desk.wait(desk.machine.plan.retry_s)


def next_hedge(desk: Desk) -> Desk:
    """The cycle is unwound, and the primary of the next is filled."""
    desk.fill(PRIMARY)
    desk.settle()
    desk.wait(60.0)
    desk.fill(PRIMARY)
    return desk


def test_a_hedge_refused_over_the_key_is_unwound_long_before_the_deadline() -> None:
    desk = refused_hedge()
    assert desk.phase is Phase.UNWINDING
    order = desk.live(PRIMARY)
    assert (order.side, order.size, order.reduce_only) == (Side.SELL, desk.machine.plan.size, True)
    assert desk.now_s < desk.machine.plan.hedge_deadline_s / 2
    assert len(desk.on(HEDGE)) == 1


def test_a_refusal_that_was_none_shows_before_anything_is_unwound() -> None:
    desk = started()
    desk.fill(PRIMARY)
    order = desk.live(HEDGE)
    desk.refuse_key(HEDGE)
    assert len(desk.on(PRIMARY)) == 1
    desk.report(order, order.size, OrderState.FILLED)
    desk.wait(desk.machine.plan.retry_s)
    assert desk.phase is Phase.HOLDING
    assert len(desk.on(PRIMARY)) == 1


def test_the_moment_to_unwind_is_one_to_wake_up_at() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + desk.machine.plan.retry_s


def test_one_refusal_of_the_key_does_not_halt_the_desk_and_the_next_cycle_tries_anew() -> None:
    desk = next_hedge(refused_hedge())
    assert not desk.machine.halted
    desk.fill(HEDGE)
    assert desk.phase is Phase.HOLDING


def test_the_second_hedge_in_a_row_that_is_refused_over_the_key_halts_the_desk_flat() -> None:
    desk = next_hedge(refused_hedge())
    desk.refuse_key(HEDGE)
    desk.wait(desk.machine.plan.retry_s)
    desk.fill(PRIMARY)
    desk.settle()
    assert desk.phase is Phase.HALTED
    assert desk.machine.flat
    assert len(desk.on(HEDGE)) == 2


def test_the_reason_names_venue_code_and_what_to_check() -> None:
    desk = next_hedge(refused_hedge())
    desk.refuse_key(HEDGE)
    assert "grvt refuses our key (2000): check that the private key" in desk.machine.halted
    assert any(desk.machine.halted in change.detail for change in desk.of(ChangePhase))


def test_a_hedge_that_executed_in_between_starts_the_count_anew() -> None:
    desk = next_hedge(refused_hedge())
    desk.fill(HEDGE)
    desk.close()
    desk.wait(60.0)
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    assert not desk.machine.halted


def test_a_refusal_that_says_nothing_of_the_key_neither_counts_nor_starts_the_count_anew() -> None:
    desk = started()
    desk.refuse_key(PRIMARY)
    desk.wait(1.0)
    desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
    desk.wait(1.0)
    assert not desk.machine.halted
    desk.refuse_key(PRIMARY)
    assert desk.machine.halted


def test_a_primary_refused_twice_in_a_row_over_the_key_halts_the_desk() -> None:
    desk = started(entry_attempts=3)
    desk.refuse_key(PRIMARY)
    desk.wait(1.0)
    desk.refuse_key(PRIMARY)
    desk.settle()
    assert desk.phase is Phase.HALTED
    assert not desk.on(HEDGE)


def test_a_hedge_whose_key_is_refused_as_it_closes_is_held_balanced() -> None:
    """To close the other leg alone would be naked, again and again."""
    desk = closing()
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    desk.wait(1.0)
    assert (desk.live(PRIMARY).side, desk.live(PRIMARY).adds_risk) == (Side.BUY, False)
    desk.fill(PRIMARY)
    desk.wait(30.0)
    desk.refuse_key(HEDGE)
    placed = len(desk.orders)
    desk.wait(600.0)
    assert desk.machine.halted
    assert not desk.machine.net
    assert len(desk.orders) == placed


def test_what_is_held_balanced_is_closed_once_somebody_says_that_the_key_is_right() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    desk.wait(1.0)
    desk.fill(PRIMARY)
    desk.wait(30.0)
    desk.refuse_key(HEDGE)
    desk.wait(30.0)
    desk.take(desk.machine.resume(desk.now_s))
    for leg in (HEDGE, PRIMARY):  # who refused goes first: the other one is closed for sure
        desk.fill(leg)
    assert all(not desk.machine.position(leg) for leg in Leg)


def test_a_resumed_desk_gives_the_key_both_tries_again() -> None:
    desk = started()
    desk.refuse_key(PRIMARY)
    desk.wait(1.0)
    desk.refuse_key(PRIMARY)
    desk.settle()
    desk.take(desk.machine.resume(desk.now_s))
    desk.wait(60.0)
    desk.refuse_key(PRIMARY)
    assert not desk.machine.halted
