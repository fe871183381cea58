"""Reads that bring nothing, and reads that are asked for often."""

from __future__ import annotations

from tests.support_trading import update
from tests.unit.trading.managers import (
    answer_reads,
    at_ns,
    only,
    ready_manager,
    with_sent_order,
)
from trading.order_effects import AskFills, AskOrder, AskPositions
from trading.reads import Read
from venues.model import OrderStatus


def test_a_fill_that_a_read_does_not_bring_is_looked_for_further_back() -> None:
    """It may be older than we think, by a clock that has jumped."""
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 1.0)
    back = []
    for second in range(2, 16):
        back += [ask.since_ns for ask in only(manager.due(float(second)), AskFills)]
        manager.fills_read((), float(second))
    assert back[0] == at_ns(-10.0)
    assert back[1:3] == [at_ns(-20.0), at_ns(-40.0)]
    assert back[-1] == at_ns(-5120.0)  # and no further


def test_who_asks_twice_in_a_moment_has_not_been_left_without_an_answer() -> None:
    manager = ready_manager()
    for _ in range(10):
        manager.verify_positions(3.0)
    assert manager.new_risk


def test_a_read_that_our_own_rate_limit_withholds_is_asked_again_soon_and_is_no_silence() -> None:
    manager = ready_manager()
    manager.disconnected("gone")
    asked = manager.connected(5.0)
    for step in range(1, 20):
        assert only(asked, AskPositions), "at every look, not only when an answer is overdue"
        manager.withheld(Read.POSITIONS)
        asked = manager.due(5.0 + step / 4)
    answer_reads(manager, 10.0)
    assert manager.ready
    assert manager.new_risk, "that venue has left nothing unanswered"


def test_a_read_that_was_withheld_goes_before_the_next_question_for_an_order() -> None:
    """Else an order in doubt takes every token, and what would prove its end is never read."""
    manager = with_sent_order(ready_manager())
    manager.doubted(1, "no reply", 1.0)
    assert only(manager.due(1.3), AskOrder)
    manager.withheld(Read.POSITIONS)
    asked = manager.due(1.6)
    assert only(asked, AskPositions)
    assert not only(asked, AskOrder)
    assert only(manager.due(1.7), AskOrder)
