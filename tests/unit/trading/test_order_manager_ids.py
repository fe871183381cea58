"""News with the id of an order of ours that is not about it: ids may come again after a restore."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, SECOND_NS, START_NS, D, fill, position, update
from tests.unit.trading.managers import TIMING, only, sure_manager, with_sent_order
from trading.order_effects import AskPositions
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import Fill, OrderStatus, OrderUpdate, Side

_DAY_S = 86_400.0


def in_doubt() -> OrderManager:
    """Order 1, a buy, was sent at 6 s and had no answer."""
    manager = with_sent_order(sure_manager(), at_s=6.0)
    manager.doubted(1, "no reply", 6.5)
    return manager


def told(status: OrderStatus, executed: str, side: Side, at_s: float) -> OrderUpdate:
    event_ns = START_NS + int(at_s * SECOND_NS)
    news = update(status, executed, venue_order_id="yesterday")
    return msgspec.structs.replace(news, side=side, event_ns=event_ns)


@pytest.mark.parametrize(
    "news",
    [
        told(OrderStatus.FILLED, "0.5", Side.BUY, -_DAY_S),
        told(OrderStatus.FILLED, "0.5", Side.SELL, 7.0),
        told(OrderStatus.CANCELLED, "0", Side.BUY, -_DAY_S),
    ],
    ids=["too old", "the other side", "too old, and over"],
)
def test_what_an_order_of_that_id_came_to_before_is_not_believed_of_this_one(
    news: OrderUpdate,
) -> None:
    manager = in_doubt()
    manager.updated(news, 7.0)
    order = manager.orders[1]
    assert (order.state, order.executed, order.venue_order_id) == (OrderState.IN_DOUBT, D(0), "")


@pytest.mark.parametrize(
    "old",
    [
        fill("t-old", "0.5", at_s=-_DAY_S),
        fill("t-old", "0.5", at_s=6.5, side=Side.SELL),
        msgspec.structs.replace(fill("t-old", "0.5", at_s=6.5), symbol="BTC_USDT_Perp"),
    ],
    ids=["too old", "the other side", "another market"],
)
def test_a_fill_of_that_id_from_before_is_not_counted_and_the_position_decides(old: Fill) -> None:
    manager = in_doubt()
    assert only(manager.fills_read((old,), 7.0), AskPositions)
    assert manager.orders[1].executed == 0


def test_an_order_whose_id_stands_for_another_one_at_the_venue_is_proven_absent() -> None:
    manager = in_doubt()
    other = told(OrderStatus.FILLED, "0.5", Side.SELL, -_DAY_S)
    for step in range(60):
        at_s = 7.0 + step / 4
        manager.due(at_s)
        manager.updated(other, at_s)
        manager.fills_read((), at_s)
        manager.positions_read((position("0"),), at_s)
    order = manager.orders[1]
    assert (order.state, order.executed) == (OrderState.EXPIRED, D(0))


@pytest.mark.parametrize("late_s", [0.0, -1_800.0])
def test_clocks_may_differ(late_s: float) -> None:
    manager = in_doubt()
    manager.updated(told(OrderStatus.FILLED, "0.5", Side.BUY, 7.0 + late_s), 7.0)
    assert manager.orders[1].state is OrderState.FILLED


def test_while_our_clock_is_known_to_be_wrong_age_says_nothing() -> None:
    manager = in_doubt()
    manager.clock_checked("our clock is 7200 s ahead")
    manager.filled(fill("t1", "0.5", at_s=-7_200.0), 7.0)
    assert manager.orders[1].state is OrderState.FILLED


def test_a_clock_of_ours_that_has_jumped_by_a_day_disowns_no_fill() -> None:
    manager = OrderManager(GRVT_ETH.venue, frozenset({GRVT_ETH.symbol}), TIMING, START_NS)
    manager.connected(0.0)
    manager.open_orders_read((), 0.0)
    manager.fills_read((), 0.0)
    manager.positions_read((position("0"),))
    with_sent_order(manager, at_s=6.0)
    order = manager.orders[1]
    order.new = msgspec.structs.replace(order.new, created_ns=order.new.created_ns + 10**9 * 86_400)
    manager.filled(fill("t1", "0.5", at_s=6.2), 6.2)
    assert order.state is OrderState.FILLED
