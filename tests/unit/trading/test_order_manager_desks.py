"""Several desks at one venue: each symbol is judged for itself, whatever the others do."""

from __future__ import annotations

import msgspec

from tests.support.trading import GRVT_ETH, START_NS, D, new_order, position
from tests.unit.trading.managers import TIMING, only
from trading.order_effects import (
    AskPositions,
    Effect,
    PublishDrift,
    PublishOutside,
    PublishPositions,
)
from trading.order_manager import OrderManager
from venues.model import GRVT

GRVT_BTC = msgspec.structs.replace(GRVT_ETH, symbol="BTC_USDT_Perp", base="BTC")
GRVT_SOL = msgspec.structs.replace(GRVT_ETH, symbol="SOL_USDT_Perp", base="SOL")


def two_desks(*held: str) -> OrderManager:
    """Ready, with what is ``held`` in SOL, which no desk trades."""
    manager = OrderManager(GRVT, frozenset({GRVT_ETH.symbol, GRVT_BTC.symbol}), TIMING, START_NS)
    manager.connected(0.0)
    manager.open_orders_read((), 0.0)
    manager.fills_read((), 0.0)
    read(manager, 0.0, sol=held[0] if held else "0")
    return manager


def read(
    manager: OrderManager, at_s: float, *, eth: str = "0", btc: str = "0", sol: str = "0"
) -> list[Effect]:
    manager.due(at_s)
    held = ((eth, GRVT_ETH), (btc, GRVT_BTC), (sol, GRVT_SOL))
    return manager.positions_read(tuple(position(size, of) for size, of in held))


def for_long(manager: OrderManager, from_s: float, **held: str) -> list[Effect]:
    moments_s = [from_s + step / 2 for step in range(5)]
    return [effect for at_s in moments_s for effect in read(manager, at_s, **held)]


def busy(manager: OrderManager, at_s: float) -> None:
    """The desk of BTC has an order under way."""
    manager.submit(
        new_order(1, "0.5", instrument=GRVT_BTC, created_s=at_s, lives_s=600.0), adds_risk=False
    )
    manager.sent(1, at_s)


def test_a_reading_is_settled_for_a_desk_while_another_ones_order_is_under_way() -> None:
    manager = two_desks()
    busy(manager, 1.0)
    (told,) = only(read(manager, 2.0), PublishPositions)
    assert told.unsettled == {GRVT_BTC.symbol}


def test_drift_is_found_while_another_desks_order_is_under_way_and_says_whose_it_is() -> None:
    manager = two_desks()
    for_long(manager, 1.0)
    busy(manager, 4.0)
    (drift,) = only(for_long(manager, 5.0, eth="0.3"), PublishDrift)
    assert drift.symbol == GRVT_ETH.symbol
    assert "ETH_USDT_Perp: expected a position of 0, the venue has 0.3" in drift.detail


def test_drift_of_two_desks_is_told_to_each() -> None:
    manager = two_desks()
    for_long(manager, 1.0)
    drifts = only(for_long(manager, 5.0, eth="0.3", btc="-0.1"), PublishDrift)
    assert {drift.symbol for drift in drifts} == {GRVT_ETH.symbol, GRVT_BTC.symbol}


def test_a_position_on_the_feed_is_doubted_while_another_desks_order_is_under_way() -> None:
    manager = two_desks()
    for_long(manager, 1.0)
    busy(manager, 4.0)
    assert manager.position_seen(position("0.3")) == [AskPositions()]
    assert manager.position_seen(position("0.3", GRVT_BTC)) == []


def test_a_position_that_was_there_and_no_desk_trades_is_mentioned_once() -> None:
    manager = OrderManager(GRVT, frozenset({GRVT_ETH.symbol}), TIMING, START_NS)
    manager.connected(0.0)
    (notice,) = only(read(manager, 0.0, sol="3"), PublishOutside)
    assert "SOL_USDT_Perp: 3 is held, which no desk trades" in notice.detail
    later = read(manager, 1.0, sol="3") + read(manager, 2.0, sol="2")
    assert only(later, PublishOutside) == []
    assert only(later, PublishDrift) == []


def test_a_position_that_appears_where_no_desk_trades_concerns_them_all() -> None:
    manager = two_desks()
    assert only(read(manager, 5.0, sol=str(D(3))), PublishDrift) == []
    assert AskPositions() in manager.due(6.0)
    (drift,) = only(read(manager, 6.0, sol="3"), PublishDrift)
    assert drift.symbol == ""
    assert only(read(manager, 7.0, sol="3"), PublishDrift) == []


def test_one_reading_alone_of_such_a_position_says_nothing() -> None:
    manager = two_desks()
    shown = read(manager, 5.0, sol="3") + read(manager, 6.0) + read(manager, 7.0, sol="3")
    assert only(shown, PublishDrift) == []


def test_a_position_that_was_always_there_may_go_and_come_back() -> None:
    manager = two_desks("3")
    later = read(manager, 5.0) + read(manager, 6.0, sol="3") + read(manager, 7.0, sol="3")
    assert only(later, PublishDrift) == []
