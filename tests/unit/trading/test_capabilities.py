"""What can be had of a venue, as its orders know it: submit, cancel, fills and position."""

from __future__ import annotations

from tests.support.trading import new_order
from tests.unit.trading.managers import answer_reads, new_manager, ready_manager
from trading.capabilities import Capabilities
from trading.order_manager import OrderManager

ALL = Capabilities()


def cannot(manager: OrderManager) -> set[str]:
    """What can't be had."""
    can = manager.can
    return {name for name in can.__struct_fields__ if getattr(can, name)}


def test_of_a_venue_that_is_connected_and_read_everything_can_be_had() -> None:
    assert ready_manager().can == ALL


def test_of_one_that_is_not_connected_nothing_can() -> None:
    assert cannot(new_manager()) == {"submit", "cancel", "fills", "position"}


def test_until_it_is_read_nothing_is_opened_and_nobody_knows_what_is_held() -> None:
    manager = new_manager()
    manager.connected(0.0)
    assert cannot(manager) == {"submit", "position"}
    answer_reads(manager)
    assert manager.can == ALL


def test_after_too_many_requests_only_opening_is_out() -> None:
    manager = ready_manager()
    manager.restricted("too many", 0.1)
    assert manager.can == Capabilities(submit="too many")


def test_a_venue_that_takes_no_orders_takes_no_cancels_either() -> None:
    manager = ready_manager()
    manager.restricted("closed", 0.1, closed=True)
    assert manager.can == Capabilities(submit="closed", cancel="closed")


def test_a_clock_that_can_not_be_trusted_is_why_nothing_is_opened() -> None:
    manager = ready_manager()
    manager.clock_checked("2 s off")
    assert manager.can == Capabilities(submit="2 s off")


def test_on_the_other_route_orders_are_cancelled_and_executions_only_read() -> None:
    manager = ready_manager()
    manager.disconnected("gone")
    manager.take_detour(1.0)
    answer_reads(manager, 1.0)
    assert cannot(manager) == {"submit", "fills"}


def test_questions_without_answers_hide_what_is_held() -> None:
    manager = ready_manager()
    manager.submit(new_order(), adds_risk=False)
    manager.doubted(1, "timeout", 0.1)
    for second in range(1, 8):
        manager.verify_positions(float(second) * 2)
    assert cannot(manager) == {"submit", "position"}
