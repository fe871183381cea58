"""The gateway is away and another route takes orders: what may go there, and how it is watched."""

from __future__ import annotations

import msgspec

from tests.support.trading import new_order, update
from tests.unit.trading.managers import (
    answer_reads,
    new_manager,
    only,
    ready_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOrder,
    AskPositions,
    PublishReadiness,
    SendOrder,
)
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import OrderStatus, TimeInForce


def on_detour(at_s: float = 1.0) -> OrderManager:
    """The gateway went, and everything has been read by the other route."""
    manager = ready_manager()
    manager.disconnected("gone")
    manager.take_detour(at_s)
    answer_reads(manager, at_s)
    return manager


def test_everything_is_read_by_the_other_route_before_it_takes_an_order() -> None:
    manager = ready_manager()
    manager.disconnected("gone")
    asks = manager.take_detour(1.0)
    assert only(asks, AskFills)
    assert only(asks, AskPositions)
    assert not manager.ready
    (said,) = only(answer_reads(manager, 1.0), PublishReadiness)
    assert (said.ready, said.new_risk) == (True, False)


def test_what_takes_risk_off_goes_by_it_and_what_adds_risk_does_not() -> None:
    manager = on_detour()
    assert only(manager.submit(new_order(1), adds_risk=False), SendOrder)
    assert not only(manager.submit(new_order(2), adds_risk=True), SendOrder)
    assert manager.orders[2].state is OrderState.NOT_SENT


def test_an_order_that_was_lost_with_the_gateway_stays_in_doubt_on_the_detour() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("gone")
    asks = manager.take_detour(1.0)
    assert [ask.new.client_order_id for ask in only(asks, AskOrder)] == [1]
    answer_reads(manager, 1.0)
    assert manager.orders[1].state is OrderState.IN_DOUBT


def test_an_order_there_is_asked_for_quickly_since_no_feed_tells_of_it() -> None:
    manager = on_detour()
    manager.submit(new_order(1), adds_risk=False)
    manager.sent(1, 1.0)
    manager.updated(update(OrderStatus.PENDING), 1.0)
    assert not only(manager.due(1.2), AskOrder)
    assert only(manager.due(1.3), AskOrder)
    assert only(manager.due(2.1), AskFills)


def test_taking_it_twice_or_beside_a_connection_does_nothing() -> None:
    assert on_detour().take_detour(2.0) == []
    assert ready_manager().take_detour(2.0) == []


def test_a_gateway_that_is_back_is_read_anew_before_it_takes_an_order() -> None:
    manager = on_detour()
    effects = manager.connected(2.0)
    assert only(effects, PublishReadiness)[0].ready is False
    assert not manager.detour
    answer_reads(manager, 2.0)
    assert manager.new_risk


def test_an_order_under_way_by_the_other_route_is_answered_after_the_gateway_is_back() -> None:
    manager = on_detour()
    manager.submit(new_order(1), adds_risk=False)
    manager.sent(1, 1.0)
    assert only(manager.connected(1.1), AskOrder)
    manager.updated(update(OrderStatus.FILLED, "0.5"), 1.2)
    assert manager.orders[1].state is OrderState.FILLED


def test_when_the_other_route_is_lost_too_its_order_is_in_doubt_and_nothing_is_ready() -> None:
    manager = on_detour()
    manager.submit(new_order(1), adds_risk=False)
    manager.sent(1, 1.0)
    manager.disconnected("gone too")
    assert manager.orders[1].state is OrderState.IN_DOUBT
    assert not manager.ready
    assert not manager.detour


def test_a_restriction_is_why_nothing_new_is_opened_and_goes_as_it_came() -> None:
    manager = ready_manager()
    (said,) = only(manager.restricted("too many", 0.1), PublishReadiness)
    assert (said.ready, said.new_risk, said.detail) == (True, False, "too many")
    assert manager.restricted("too many", 0.2) == []
    assert only(manager.restricted("", 0.3), PublishReadiness)[0].new_risk


def test_a_venue_that_closes_may_have_ended_what_rests_there() -> None:
    manager = ready_manager()
    resting = msgspec.structs.replace(new_order(lives_s=60), time_in_force=TimeInForce.GTC)
    manager.submit(resting, adds_risk=False)
    manager.sent(1, 0.0)
    manager.updated(update(OrderStatus.OPEN), 0.1)
    asked = manager.restricted("closed", 2.0, closed=True)
    assert manager.orders[1].state is OrderState.IN_DOUBT
    assert only(asked, AskOrder)


def test_a_manager_that_never_had_a_gateway_may_take_the_other_route() -> None:
    manager = new_manager()
    manager.take_detour(0.0)
    answer_reads(manager)
    assert manager.ready
