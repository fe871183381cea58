"""Why a venue did not execute an order: whoever trades is told, whichever way it is said."""

from __future__ import annotations

import msgspec

from tests.support.trading import update
from tests.unit.trading.managers import published, ready_manager, with_sent_order
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import OrderStatus, Refusal


def ended(status: OrderStatus, executed: str) -> OrderView:
    manager = with_sent_order(ready_manager())
    news = msgspec.structs.replace(update(status, executed), refusal=Refusal.FUNDS)
    return published(manager.updated(news, 0.3))


def test_a_refusal_at_entry_says_why() -> None:
    manager = with_sent_order(ready_manager())
    view = published(manager.refused(1, "2080 margin", 0.3, None, Refusal.FUNDS))
    assert (view.state, view.refusal) == (OrderState.REJECTED, Refusal.FUNDS)


def test_so_does_an_order_that_was_taken_and_ended() -> None:
    assert ended(OrderStatus.REJECTED, "0").refusal is Refusal.FUNDS


def test_and_one_of_which_a_part_executed() -> None:
    view = ended(OrderStatus.CANCELLED, "0.2")
    assert (view.state, view.refusal) == (OrderState.CANCELLED, Refusal.FUNDS)


def test_what_executed_whole_was_not_refused() -> None:
    assert ended(OrderStatus.FILLED, "0.5").refusal is None


def test_a_reason_that_comes_after_the_end_is_told_too() -> None:
    manager = with_sent_order(ready_manager())
    assert published(manager.updated(update(OrderStatus.EXPIRED), 0.3)).refusal is None
    news = msgspec.structs.replace(update(OrderStatus.EXPIRED), refusal=Refusal.FUNDS)
    assert published(manager.updated(news, 0.4)).refusal is Refusal.FUNDS
