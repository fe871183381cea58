"""The order manager: what it asks the venue, how often, and from when on."""

from __future__ import annotations

from tests.support.trading import SECOND_NS, fill, new_order, update
from tests.unit.trading.managers import (
    at_ns,
    new_manager,
    only,
    ready_manager,
    sure_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOpenOrders,
    AskOrder,
    Effect,
)
from trading.order_manager import OrderManager
from venues.model import OrderStatus

ORDER = new_order(1)

# -- from when fills are read ---------------------------------------------------------------------


def fills_since_s(effects: list[Effect]) -> float:
    (ask,) = only(effects, AskFills)
    return (ask.since_ns - at_ns(0)) / SECOND_NS


def test_the_first_fills_are_read_from_before_the_start() -> None:
    assert fills_since_s(new_manager().connected(0.0)) == -10


def test_fills_are_read_from_before_the_last_one_known() -> None:
    manager = with_sent_order(ready_manager(), at_s=30)
    manager.filled(fill("t1", "0.5", at_s=31), 31)
    assert fills_since_s(manager.connected(40)) == 21


def test_fills_are_read_from_before_the_oldest_order_that_may_lack_some() -> None:
    manager = with_sent_order(ready_manager(), at_s=30)
    manager.submit(new_order(2, created_s=50), adds_risk=False)
    manager.filled(fill("t1", "0.5", client_order_id=2, at_s=51), 51)
    assert fills_since_s(manager.connected(60)) == 20


def test_fills_are_read_again_until_they_add_up_to_what_executed() -> None:
    manager = with_sent_order(sure_manager(), at_s=4)
    manager.updated(update(OrderStatus.FILLED, "0.5"), 4.2)
    assert len(only(manager.due(5.0), AskFills)) == 1
    manager.fills_read((fill("t1", "0.5"),), 5.1)
    assert only(manager.due(9.0), AskFills) == []


# -- what rests -----------------------------------------------------------------------------------


def test_what_rests_is_listed_again_once_the_venue_shows_all_of_an_earlier_life() -> None:
    """A closing order waits for no disk: one sent just before a kill is on no record of ours."""
    manager = ready_manager()
    assert [only(manager.due(at_s), AskOpenOrders) for at_s in (1.0, 1.9)] == [[], []]
    assert only(manager.due(3.1), AskOpenOrders)


def test_it_is_listed_again_until_there_is_an_answer_and_not_for_ever() -> None:
    manager = ready_manager()
    manager.due(1.0)
    manager.open_orders_read((), 2.5)  # asked for at the start
    assert only(manager.due(3.0), AskOpenOrders)
    assert only(manager.due(4.5), AskOpenOrders)
    manager.open_orders_read((), 4.6)
    assert only(manager.due(6.0), AskOpenOrders) == []


# -- how often ------------------------------------------------------------------------------------


def asked_at(manager: OrderManager, *moments_s: float) -> list[float]:
    return [at_s for at_s in moments_s if only(manager.due(at_s), AskOrder)]


def test_an_order_without_news_is_asked_for_every_poll_period() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    assert asked_at(manager, 10.5, 10.99, 11.0, 11.5, 11.99, 12.0) == [11.0, 12.0]


def test_an_order_in_doubt_is_asked_for_more_often() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    assert only(manager.doubted(1, "timeout", 11.0), AskOrder) == [
        AskOrder(new_order(1, created_s=10))
    ]
    assert asked_at(manager, 11.2, 11.25, 11.4, 11.5) == [11.25, 11.5]


def test_an_intent_is_not_asked_for() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    assert asked_at(manager, 1.0, 2.0) == []


def test_nothing_is_asked_for_without_a_connection() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("reset by peer")
    assert manager.due(60) == []


def test_what_is_over_is_not_asked_for() -> None:
    manager = with_sent_order(ready_manager())
    manager.filled(fill("t1", "0.5"), 0.2)
    assert asked_at(manager, 1.0, 2.0) == []
