"""Orders that a venue refuses over our key: whoever trades is told that this is why."""

from __future__ import annotations

import msgspec

from tests.support.trading import update
from tests.unit.trading.managers import published, ready_manager, with_sent_order
from trading.transitions import OrderState
from venues.errors import KeyCheck, KeyRefusal
from venues.model import OrderStatus

KEY = KeyRefusal("grvt", "2000", KeyCheck.KEY)


def test_a_refusal_over_our_key_is_told_as_such() -> None:
    manager = with_sent_order(ready_manager())
    view = published(manager.refused(1, "2000 signer", 0.3, KEY))
    assert (view.state, view.key_refusal) == (OrderState.REJECTED, KEY)


def test_so_is_one_that_comes_as_news_of_the_order() -> None:
    manager = with_sent_order(ready_manager())
    news = msgspec.structs.replace(update(OrderStatus.REJECTED), key_refusal=KEY)
    assert published(manager.updated(news, 0.3)).key_refusal == KEY


def test_what_executed_all_the_same_was_not_refused() -> None:
    manager = with_sent_order(ready_manager())
    manager.refused(1, "2000 signer", 0.3, KEY)
    assert published(manager.updated(update(OrderStatus.FILLED, "0.5"), 0.4)).key_refusal is None
