"""From GRVT's objects to the venue model. Pure; ``place`` names the route or stream for errors."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import UnsetType

from venues.errors import FrameError
from venues.grvt import frames
from venues.grvt.errors import key_refusal_in
from venues.grvt.numbers import IntText, finite, to_int
from venues.grvt.refusals import refusal_in
from venues.model import (
    GRVT,
    ZERO,
    AccountSummary,
    Book,
    Fill,
    Instrument,
    Level,
    MarketInfo,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    Side,
)

_STATUSES: Final = {
    "PENDING": OrderStatus.PENDING,
    "OPEN": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "REJECTED": OrderStatus.REJECTED,
    "CANCELLED": OrderStatus.CANCELLED,
}

NO_REASON: Final = "UNSPECIFIED"


def order_status(text: str) -> OrderStatus:
    """GRVT's status; a partial fill is OPEN, a text we don't know is UNKNOWN."""
    return _STATUSES.get(text, OrderStatus.UNKNOWN)


def order_update(order: frames.Order, place: str = "order") -> OrderUpdate:
    """An order with its state, from a reply, a query or v1.order."""
    if len(order.legs) != 1:
        raise FrameError(GRVT, place, f"an order with {len(order.legs)} legs")
    if order.state is None or isinstance(order.state, UnsetType):
        raise FrameError(GRVT, place, "an order without its state")
    leg = order.legs[0]
    order_id = order.order_id if isinstance(order.order_id, str) else ""
    return _update(
        order.state,
        place,
        symbol=leg.instrument,
        order_id=order_id,
        client_order_id=order.metadata.client_order_id,
        size=finite(leg.size, f"{place} size"),
        side=_side(leg.is_buying_asset),
    )


def state_update(state: frames.StateUpdate, symbol: str, place: str = "v1.state") -> OrderUpdate:
    """A message of v1.state; ``symbol`` is what the selector says, "" when it says nothing."""
    return _update(
        state.order_state,
        place,
        symbol=symbol,
        order_id=state.order_id,
        client_order_id=state.client_order_id,
    )


def _update(
    state: frames.OrderState,
    place: str,
    *,
    symbol: str,
    order_id: str,
    client_order_id: IntText | UnsetType,
    size: Decimal | None = None,
    side: Side | None = None,
) -> OrderUpdate:
    status = order_status(state.status)
    return OrderUpdate(
        venue=GRVT,
        symbol=symbol,
        client_order_id=_client_id(client_order_id, place),
        venue_order_id=venue_order_id(order_id),
        status=status,
        executed=_first(state.traded_size, f"{place} traded_size") or ZERO,
        size=size,
        side=side,
        average_price=_first(state.avg_fill_price, f"{place} avg_fill_price") or None,
        reason="" if state.reject_reason == NO_REASON else state.reject_reason,
        refusal=refusal_in(status, state.reject_reason),
        key_refusal=key_refusal_in(state.reject_reason),
        event_ns=to_int(state.update_time, f"{place} update_time"),
    )


def venue_order_id(text: str) -> str:
    """GRVT's order id; "" for the ``0x00`` that stands for "not numbered yet"."""
    return text if text.removeprefix("0x").strip("0") else ""


def fill(row: frames.Fill, place: str = "v1.fill") -> Fill:
    """One match. A liquidation is marked as forced. FrameError for one of no size, or no price."""
    return Fill(
        venue=GRVT,
        symbol=row.instrument,
        trade_id=row.trade_id,
        venue_order_id=row.order_id,
        client_order_id=_client_id(row.client_order_id, place),
        side=_side(row.is_buyer),
        size=_positive(row.size, f"{place} size"),
        price=_positive(row.price, f"{place} price"),
        fee=finite(row.fee, f"{place} fee"),
        maker=not row.is_taker,
        event_ns=to_int(row.event_time, f"{place} event_time"),
        forced=row.is_liquidation,
    )


def position(row: frames.Position, place: str = "v1.position") -> Position:
    """A position, long positive."""
    return Position(
        venue=GRVT,
        symbol=row.instrument,
        size=finite(row.size, f"{place} size"),
        entry_price=finite(row.entry_price, f"{place} entry_price"),
        mark_price=finite(row.mark_price, f"{place} mark_price"),
        unrealized_pnl=finite(row.unrealized_pnl, f"{place} unrealized_pnl"),
        realized_pnl=finite(row.realized_pnl, f"{place} realized_pnl"),
        liquidation_price=finite(row.est_liquidation_price, f"{place} liquidation") or None,
        event_ns=to_int(row.event_time, f"{place} event_time"),
    )


def summary(row: frames.SubAccount, place: str = "account_summary") -> AccountSummary:
    """Equity and what of it is free. GRVT does not report fee rates here."""
    return AccountSummary(
        venue=GRVT,
        equity=finite(row.total_equity, f"{place} total_equity"),
        available=finite(row.available_balance, f"{place} available_balance"),
    )


def book(row: frames.Book, place: str = "v1.book.s") -> Book:
    """A whole book, down to the subscribed depth."""
    return Book(
        venue=GRVT,
        symbol=row.instrument,
        bids=_levels(row.bids, f"{place} bids"),
        asks=_levels(row.asks, f"{place} asks"),
        event_ns=to_int(row.event_time, f"{place} event_time"),
    )


def quote(row: frames.Mini, place: str = "v1.mini.s") -> Quote:
    """Best bid and ask; 0 for a side that the book does not have."""
    return Quote(
        venue=GRVT,
        symbol=row.instrument,
        bid=finite(row.best_bid_price or ZERO, f"{place} best_bid_price"),
        bid_size=finite(row.best_bid_size or ZERO, f"{place} best_bid_size"),
        ask=finite(row.best_ask_price or ZERO, f"{place} best_ask_price"),
        ask_size=finite(row.best_ask_size or ZERO, f"{place} best_ask_size"),
        event_ns=to_int(row.event_time, f"{place} event_time"),
    )


def market_info(row: frames.Ticker, place: str = "v1.ticker.s") -> MarketInfo:
    """Mark and funding, whose rate is live in percent; GRVT tells of no mode of a market.

    Fields may be missing, and a time of 0 is none.
    """
    rate, due, hours = row.funding_rate, row.next_funding_time, row.funding_interval_hours
    due_ns = 0 if isinstance(due, UnsetType) else to_int(due or 0, f"{place} next_funding_time")
    return MarketInfo(
        venue=GRVT,
        symbol=row.instrument,
        mark_price=finite(row.mark_price, f"{place} mark_price") or None,
        funding_rate=None if isinstance(rate, UnsetType) else finite(rate, place) / 100,
        next_funding_ns=due_ns or None,
        funding_interval_s=None if isinstance(hours, UnsetType) else hours * 3_600,
        event_ns=to_int(row.event_time, f"{place} event_time"),
    )


def instrument(row: frames.Instrument, place: str = "instrument") -> Instrument:
    """A contract. GRVT has no size step of its own: sizes are multiples of the minimum."""
    try:
        asset_id = int(row.instrument_hash, 16)
    except ValueError:
        raise FrameError(GRVT, place, f"instrument_hash {row.instrument_hash!r}") from None
    tick = finite(row.tick_size, f"{place} tick_size")
    step = finite(row.min_size, f"{place} min_size")
    if tick <= 0 or step <= 0 or not 0 <= row.base_decimals <= _MAX_DECIMALS or asset_id < 0:
        raise FrameError(GRVT, place, f"{row.instrument} cannot be traded in these units")
    return Instrument(
        venue=GRVT,
        symbol=row.instrument,
        base=row.base,
        quote=row.quote,
        tick=tick,
        step=step,
        min_size=step,
        min_notional=finite(row.min_notional, f"{place} min_notional"),
        asset_id=asset_id,
        base_decimals=row.base_decimals,
    )


_MAX_DECIMALS: Final = 18


def _levels(rows: tuple[frames.BookLevel, ...], place: str) -> tuple[Level, ...]:
    return tuple(Level(finite(row.price, place), finite(row.size, place)) for row in rows)


def _positive(value: Decimal, place: str) -> Decimal:
    if finite(value, place) <= 0:
        raise FrameError(GRVT, place, f"not positive: {value}")
    return value


def _first(values: tuple[Decimal, ...], place: str) -> Decimal | None:
    return finite(values[0], place) if values else None


def _client_id(value: IntText | UnsetType, place: str) -> int | None:
    if isinstance(value, UnsetType) or value == "":
        return None
    return to_int(value, f"{place} client_order_id")


def _side(buys: bool) -> Side:
    return Side.BUY if buys else Side.SELL
