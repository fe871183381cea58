"""From Backpack's words to the model's: sides, statuses, times, money and ids.

Everything that does not convert raises ``ValueError``; the codec turns it into a FrameError with
the place and the frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from venues.backpack.frames import (
    ASK,
    BID,
    HistoryFill,
    HistoryOrder,
    Id,
    OrderResult,
    PositionResult,
)
from venues.backpack.frames import Market as MarketFrame
from venues.backpack.outcome import key_refusal_in
from venues.backpack.refusals import refusal_in
from venues.backpack.stream_frames import OrderData, PositionData
from venues.model import (
    BACKPACK,
    ZERO,
    Fill,
    Instrument,
    OrderStatus,
    OrderUpdate,
    Position,
    Side,
    plain,
    unnumbered,
)

NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000

# Beyond this many digits a number is no price or size but an attack on memory or an error.
_MAX_EXPONENT: Final = 40
_MAX_DIGITS: Final = 26  # sums are exact to 28 digits: with more, nothing adds up any more
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES: Final = {BID: Side.BUY, ASK: Side.SELL}
_STATUSES: Final = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerPending": OrderStatus.PENDING,
    "Triggered": OrderStatus.PENDING,  # bpx-api-client's word, not in the schema
    "TriggerFailed": OrderStatus.REJECTED,
}


class MarketListing(msgspec.Struct, frozen=True, kw_only=True):
    """A listed market: what orders must respect, and what the book takes now.

    ``state``: Open, Closed, CancelOnly, LimitOnly, PostOnly, or a word that we do not know.
    ``visible`` is false for a market that is taken off the list.
    """

    instrument: Instrument
    market_type: str
    state: str
    visible: bool = True
    funding_interval_s: int | None = None


def number(value: Decimal | None) -> Decimal:
    """A finite number of reasonable size; absent is 0. Raises ValueError."""
    if value is None:
        return ZERO
    if not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT:
        raise ValueError("a number is not finite or out of range")
    _, digits, exponent = value.as_tuple()
    too_small = isinstance(exponent, int) and abs(exponent) > _MAX_EXPONENT
    if too_small or len(digits) > _MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return value


def positive(value: Decimal | None) -> Decimal:
    """A number above 0. Raises ValueError."""
    checked = number(value)
    if checked <= 0:
        raise ValueError("a price or size is not positive")
    return checked


def not_negative(value: Decimal | None) -> Decimal:
    """A number that is 0 at least; absent is 0. Raises ValueError."""
    checked = number(value)
    if checked < 0:
        raise ValueError("a price or size is negative")
    return checked


def side(word: str) -> Side:
    """Bid is a buy. Raises ValueError for an unknown word."""
    if word not in _SIDES:
        raise ValueError(f"unknown side {word[:20]!r}")
    return _SIDES[word]


def status(word: str) -> OrderStatus:
    """UNKNOWN, which is never terminal, for a word that we do not know."""
    return _STATUSES.get(word, OrderStatus.UNKNOWN)


def client_id(value: Id | None) -> int | None:
    """Our id from an integer or its text (history). Raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise ValueError(f"client id {value[:20]!r} is not a number")
    return int(value)


def time_ns(value: Id | None) -> int:
    """UTC ns from integer ms (live routes) or naive ISO text (history). Raises ValueError."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value * NS_PER_MS
    if value.isascii() and value.isdigit():
        return int(value[:20]) * NS_PER_MS
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * NS_PER_US


def instrument(frame: MarketFrame) -> Instrument:
    """A market's filters as an instrument. Raises ValueError."""
    filters = frame.filters
    return Instrument(
        venue=BACKPACK,
        symbol=frame.symbol,
        base=frame.base_symbol,
        quote=frame.quote_symbol,
        tick=positive(filters.price.tick_size),
        step=positive(filters.quantity.step_size),
        min_size=positive(filters.quantity.min_quantity),
    )


def _average(executed: Decimal, executed_quote: Decimal | None) -> Decimal | None:
    quote = number(executed_quote)
    return quote / executed if executed > 0 and quote > 0 else None


def _known_side(word: str) -> Side | None:
    return _SIDES.get(word)


def order_result(frame: OrderResult | HistoryOrder) -> OrderUpdate:
    """An order of any REST route. Raises ValueError.

    Why it expired, only the history and the stream say (``OrderExpiryReason`` in the OpenAPI file).
    """
    executed = number(frame.executed_quantity)
    told = frame.expiry_reason or "" if isinstance(frame, HistoryOrder) else None
    reason = told or ""
    return OrderUpdate(
        venue=BACKPACK,
        symbol=frame.symbol,
        client_order_id=client_id(frame.client_id),
        venue_order_id=frame.id,
        status=status(frame.status),
        executed=executed,
        size=None if frame.quantity is None else number(frame.quantity),
        side=_known_side(frame.side),
        average_price=_average(executed, frame.executed_quote_quantity),
        reason=reason,
        refusal=refusal_in(status(frame.status), reason),
        key_refusal=key_refusal_in(reason),
        reason_follows=told is None and status(frame.status) is OrderStatus.EXPIRED,
        event_ns=time_ns(frame.created_at),
    )


def order_data(frame: OrderData) -> OrderUpdate:
    """An order event of the private stream. Raises ValueError."""
    executed = number(frame.executed)
    return OrderUpdate(
        venue=BACKPACK,
        symbol=frame.symbol,
        client_order_id=client_id(frame.client_id),
        venue_order_id=str(frame.order_id),
        status=status(frame.status),
        executed=executed,
        size=None if frame.quantity is None else number(frame.quantity),
        side=_known_side(frame.side),
        average_price=_average(executed, frame.executed_quote),
        reason=frame.reason or "",
        refusal=refusal_in(status(frame.status), frame.reason or ""),
        key_refusal=key_refusal_in(frame.reason or ""),
        event_ns=(frame.engine_us or frame.event_us) * NS_PER_US,
    )


def fill_data(frame: OrderData) -> Fill | None:
    """The execution in an ``orderFill``; None in any other event. Raises ValueError."""
    if frame.event != "orderFill":
        return None
    if not isinstance(frame.trade_id, int | str):
        raise ValueError("a fill without a trade id")
    price = positive(frame.fill_price)
    return Fill(
        venue=BACKPACK,
        symbol=frame.symbol,
        trade_id=str(frame.trade_id),
        venue_order_id=str(frame.order_id),
        client_order_id=client_id(frame.client_id),
        side=side(frame.side),
        size=positive(frame.fill_quantity),
        price=price,
        fee=_fee_in_quote(frame.symbol, number(frame.fee), frame.fee_symbol or "", price),
        maker=bool(frame.maker),
        event_ns=(frame.engine_us or frame.event_us) * NS_PER_US,
        forced=frame.origin not in (None, "", "USER"),
        fee_told=frame.fee is not None,
    )


def history_fills(frames: Iterable[HistoryFill]) -> tuple[Fill, ...]:
    """Fills of the history. Raises ValueError.

    Rows without a trade id that are the same in all they say are several fills of one moment.
    """
    alike: Counter[tuple[object, ...]] = Counter()
    fills = []
    for frame in frames:
        numbers = positive(frame.price), positive(frame.quantity)
        what = (frame.symbol, frame.order_id, frame.timestamp, *numbers)
        alike[what] += frame.trade_id is None
        fills.append(_history_fill(frame, alike[what]))
    return tuple(fills)


def _history_fill(frame: HistoryFill, nth: int) -> Fill:
    price, size = positive(frame.price), positive(frame.quantity)
    trade_id = frame.trade_id
    if trade_id is None:
        trade_id = unnumbered(frame.timestamp, plain(price), plain(size), nth)
    return Fill(
        venue=BACKPACK,
        symbol=frame.symbol,
        trade_id=str(trade_id),
        venue_order_id=frame.order_id,
        client_order_id=client_id(frame.client_id),
        side=side(frame.side),
        size=size,
        price=price,
        fee=_fee_in_quote(frame.symbol, number(frame.fee), frame.fee_symbol, price),
        maker=frame.is_maker,
        event_ns=time_ns(frame.timestamp),
        forced=frame.system_order_type is not None,
    )


def _fee_in_quote(symbol: str, fee: Decimal, fee_symbol: str, price: Decimal) -> Decimal:
    # Perps charge USDC; a spot buy may charge the base asset, whose price is this fill's.
    return fee * price if fee_symbol and symbol.split("_")[0] == fee_symbol else fee


def position_result(frame: PositionResult) -> Position:
    """A position of GET /api/v1/position; its liquidation price is 0 unless asked for alone.

    Raises ValueError.
    """
    return Position(
        venue=BACKPACK,
        symbol=frame.symbol,
        size=number(frame.net_quantity),
        entry_price=number(frame.entry_price),
        mark_price=number(frame.mark_price),
        unrealized_pnl=number(frame.pnl_unrealized),
        realized_pnl=number(frame.pnl_realized),
        liquidation_price=number(frame.est_liquidation_price) or None,
    )


def position_data(frame: PositionData) -> Position:
    """A position of the private stream. Raises ValueError."""
    return Position(
        venue=BACKPACK,
        symbol=frame.symbol,
        size=number(frame.quantity),
        entry_price=number(frame.entry_price),
        mark_price=number(frame.mark_price),
        unrealized_pnl=number(frame.unrealized_pnl),
        realized_pnl=number(frame.realized_pnl),
        event_ns=(frame.engine_us or frame.event_us) * NS_PER_US,
    )
