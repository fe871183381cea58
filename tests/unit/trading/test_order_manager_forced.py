"""A venue closes something by itself: it is told at once, explained from then on, and no drift."""

from __future__ import annotations

import msgspec

from tests.support.trading import GRVT_ETH, fill, position
from tests.unit.trading.managers import only, read_for_long, sure_manager, with_sent_order
from trading.order_effects import AskPositions, PublishDrift, PublishForced, RecordFill
from trading.transitions import OrderState
from venues.model import Side

LIQUIDATION = msgspec.structs.replace(
    fill("7", "0.5", client_order_id=None, venue_order_id="v9", side=Side.SELL, at_s=5.0),
    forced=True,
)
WHY = "ETH_USDT_Perp: the venue closed 0.5 by itself, trade 7"


def test_a_forced_close_is_told_and_recorded_once_and_the_position_read() -> None:
    manager = sure_manager("0.5")
    assert manager.filled(LIQUIDATION, 5.0) == [
        RecordFill(LIQUIDATION), AskPositions(), PublishForced(GRVT_ETH.symbol, WHY, LIQUIDATION),
    ]  # fmt: skip
    assert manager.filled(LIQUIDATION, 5.1) == []


def test_a_forced_close_of_a_market_that_no_desk_trades_is_nobodys() -> None:
    other = msgspec.structs.replace(LIQUIDATION, symbol="SOL_USDT_Perp")
    assert only(sure_manager("0.5").filled(other, 5.0), PublishForced) == []


def test_what_a_forced_close_leaves_is_no_drift() -> None:
    manager = sure_manager("0.5")
    manager.filled(LIQUIDATION, 5.0)
    assert only(read_for_long(manager, 6.0, "0"), PublishDrift) == []
    assert only(read_for_long(manager, 12.0, "0.5"), PublishDrift) != []


def test_a_forced_close_of_before_the_start_is_in_what_is_held_already() -> None:
    """A later life reads it from the fill history, once more."""
    manager = sure_manager("0.5")
    before = msgspec.structs.replace(LIQUIDATION, event_ns=fill("7", "0.5", at_s=-1.0).event_ns)
    assert manager.fills_read((before,), 5.0) == [AskPositions()]
    assert only(read_for_long(manager, 6.0, "0.5"), PublishDrift) == []


def test_an_order_that_got_lost_as_its_leg_was_closed_is_proven_absent_all_the_same() -> None:
    """What the venue took off is as large as the order: it must not pass for its execution."""
    manager = with_sent_order(sure_manager("0.5"), "-0.5", 5.0)
    manager.doubted(1, "no answer", 5.1)
    manager.filled(LIQUIDATION, 5.2)
    for late_s in range(13, 17):
        manager.absent(1, float(late_s))
        manager.fills_read((), float(late_s))
        manager.positions_read((position("0"),))
    assert manager.orders[1].state is OrderState.EXPIRED


def test_a_close_that_is_heard_of_late_does_not_keep_a_lost_order_in_doubt() -> None:
    """The baseline was read after it; the order must not pass for what fills the gap."""
    manager = sure_manager("0")
    early = msgspec.structs.replace(LIQUIDATION, event_ns=fill("7", "0.5", at_s=0.5).event_ns)
    manager.filled(early, 4.9)
    manager = with_sent_order(manager, "0.5", 5.0)
    manager.doubted(1, "no answer", 5.1)
    for late_s in range(13, 17):
        manager.absent(1, float(late_s))
        manager.fills_read((), float(late_s))
        manager.positions_read((position("0"),))
    assert manager.orders[1].state is OrderState.EXPIRED
