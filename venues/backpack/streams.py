"""Backpack's websocket frames decoded into events of the model.

``decode_stream`` is total: it returns an event, or raises FrameError, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Any, Final

import msgspec

from venues.backpack import convert
from venues.backpack.frames import ORDER_STREAM, POSITION_STREAM
from venues.backpack.stream_frames import (
    BookTickerData,
    DepthData,
    Envelope,
    MarkPriceData,
    OrderData,
    PositionData,
)
from venues.errors import FrameError, SessionRefused
from venues.model import BACKPACK, Fill, Level, OrderUpdate, Position, Quote

PLACE: Final = "stream"


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An own order changed. ``kind`` is the venue's word (``orderFill``, ...); ``fill`` its match.

    The venue repeats nothing and numbers nothing: count a fill once by ``fill.key``.
    """

    kind: str
    update: OrderUpdate
    fill: Fill | None = None


class PositionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An own position, after a mutation or (``snapshot``) right after subscribing."""

    position: Position
    snapshot: bool


class QuoteEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A new best bid and ask; 0 for a side that the book does not have."""

    quote: Quote


class DepthDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Changed book levels, update ids ``first_id..last_id``; size 0 removes a level."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_id: int
    last_id: int
    event_ns: int


class MarkEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Mark price and funding of a market; ``funding_rate`` is a fraction per interval."""

    symbol: str
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int
    event_ns: int


class StreamRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The venue did not accept a subscription: a bad stream name, or a bad signature."""

    code: str
    text: str

    def error(self) -> SessionRefused:
        """As the error that a connection fails with."""
        return SessionRefused(BACKPACK, 0, self.code, self.text)


class ControlFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that is no stream's data and no error: it means nothing to us."""


class OtherEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data of a stream that we do not decode."""

    stream: str


StreamEvent = (
    OrderEvent
    | PositionEvent
    | QuoteEvent
    | DepthDelta
    | MarkEvent
    | StreamRefused
    | ControlFrame
    | OtherEvent
)

_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


def decode_stream(frame: bytes | str) -> StreamEvent:
    """One websocket message as an event. Raises FrameError when it does not decode."""
    try:
        envelope = _ENVELOPE.decode(frame)
        if envelope.error is not None:
            return StreamRefused(code=str(envelope.error.code), text=envelope.error.message)
        if envelope.stream is None or not bytes(envelope.data):
            return ControlFrame()
        return _decode_data(envelope.stream, envelope.data)
    except (msgspec.DecodeError, ValueError, DecimalException, OverflowError) as cause:
        raise FrameError(BACKPACK, PLACE, str(cause), frame) from cause
    except RecursionError as cause:
        raise FrameError(BACKPACK, PLACE, "nested too deep", frame) from cause


def _decode_data(stream: str, data: msgspec.Raw) -> StreamEvent:
    for prefix, decoder, convert_data in _ROUTES:
        if stream == prefix or stream.startswith(prefix + "."):
            return convert_data(decoder.decode(data))
    return OtherEvent(stream=stream)


def _order(data: OrderData) -> StreamEvent:
    update = convert.order_data(data)
    return OrderEvent(kind=data.event, update=update, fill=convert.fill_data(data))


def _position(data: PositionData) -> StreamEvent:
    return PositionEvent(position=convert.position_data(data), snapshot=data.event is None)


def _quote(data: BookTickerData) -> StreamEvent:
    return QuoteEvent(
        quote=Quote(
            venue=BACKPACK,
            symbol=data.symbol,
            bid=convert.not_negative(data.bid),
            bid_size=convert.not_negative(data.bid_size),
            ask=convert.not_negative(data.ask),
            ask_size=convert.not_negative(data.ask_size),
            event_ns=(data.engine_us or data.event_us) * convert.NS_PER_US,
        )
    )


def _depth(data: DepthData) -> StreamEvent:
    if data.last_id < data.first_id:
        raise ValueError("a depth update that ends before it begins")
    return DepthDelta(
        symbol=data.symbol,
        bids=checked_levels(data.bids),
        asks=checked_levels(data.asks),
        first_id=data.first_id,
        last_id=data.last_id,
        event_ns=(data.engine_us or data.event_us) * convert.NS_PER_US,
    )


def checked_levels(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """``levels`` themselves; raises ValueError unless prices are above 0 and sizes not below."""
    for level in levels:
        convert.positive(level.price)
        if convert.number(level.size) < 0:
            raise ValueError("a level of negative size")
    return levels


def _mark(data: MarkPriceData) -> StreamEvent:
    return MarkEvent(
        symbol=data.symbol,
        mark=convert.positive(data.mark),
        index=convert.number(data.index),
        funding_rate=convert.number(data.funding_rate),
        next_funding_ms=data.next_funding_ms or 0,
        event_ns=(data.engine_us or data.event_us) * convert.NS_PER_US,
    )


_Route = tuple[str, "msgspec.json.Decoder[Any]", Callable[[Any], StreamEvent]]
_ROUTES: Final[tuple[_Route, ...]] = (
    (ORDER_STREAM, msgspec.json.Decoder(OrderData), _order),
    (POSITION_STREAM, msgspec.json.Decoder(PositionData), _position),
    ("bookTicker", msgspec.json.Decoder(BookTickerData), _quote),
    ("depth", msgspec.json.Decoder(DepthData), _depth),
    ("markPrice", msgspec.json.Decoder(MarkPriceData), _mark),
)
