"""What a reply or a stream's message contains, in the venue model.

Each function takes a ``codec.Reply`` or ``codec.StreamData`` as it was decoded. A reply with an
error raises it as VenueRefused, SessionRefused or OutcomeUnknown; contents that do not decode raise
FrameError; nothing else is raised. Look at ``Reply.error`` first where the difference matters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from venues.errors import FrameError
from venues.grvt import frames, translate
from venues.grvt.codec import (
    BOOK_STREAM,
    FILL_STREAM,
    MINI_STREAM,
    ORDER_STREAM,
    POSITION_STREAM,
    STATE_STREAM,
    TICKER_STREAM,
    Reply,
    StreamData,
    Subscription,
    decode_as,
)
from venues.model import (
    GRVT,
    AccountSummary,
    Book,
    Fill,
    Instrument,
    MarketInfo,
    OrderUpdate,
    Position,
    Quote,
)

T = TypeVar("T")
_MOST_PAGES: Final = 200  # of 500 rows: more than a day of anybody's; asked for without a pause
Model = OrderUpdate | Fill | Position | Book | Quote | MarketInfo


class FillPage(msgspec.Struct, frozen=True):
    """Fills, newest first; ``cursor`` goes into the next request, "" at the end."""

    items: tuple[Fill, ...]
    cursor: str = ""


class _Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    ack: bool | str


class _Nested(msgspec.Struct, frozen=True, kw_only=True):
    result: Raw | UnsetType = UNSET
    next: str | None = None


def read(reply: Reply, shape: type[T]) -> T:
    """The result of a reply as one of the wire's structs.

    GRVT keeps the REST envelope (``result.result``); a flattened ``result`` is accepted as well.
    Raises the reply's error where it has one (VenueRefused, SessionRefused, OutcomeUnknown).
    """
    return _decode_raw(_unwrap(reply).result, shape, reply.method)


def read_ack(reply: Reply) -> bool:
    """True when a cancel or countdown was accepted for processing, which is all it says."""
    said = read(reply, _Acknowledged).ack  # one that is missing acknowledges nothing
    return frames.Ack(ack=said).accepted


def read_order(reply: Reply) -> OrderUpdate:
    """The order in the reply to create_order or order. After a create it is provisional."""
    return translate.order_update(read(reply, frames.Order), reply.method)


def read_orders(reply: Reply) -> tuple[OrderUpdate, ...]:
    """The orders in the reply to open_orders."""
    orders = read(reply, tuple[frames.Order, ...])
    return tuple(translate.order_update(order, reply.method) for order in orders)


def read_fill_history(reply: Reply) -> FillPage:
    """A page of fills."""
    nested = _unwrap(reply)
    fills = _decode_raw(nested.result, tuple[frames.Fill, ...], reply.method)
    return FillPage(tuple(translate.fill(fill, reply.method) for fill in fills), nested.next or "")


def read_page(reply: Reply, row: type[T]) -> tuple[tuple[T, ...], str]:
    """A page of any history: its rows, and the cursor of the next one."""
    nested = _unwrap(reply)
    return _decode_raw(nested.result, tuple[row, ...], reply.method), nested.next or ""  # type: ignore[valid-type]


def next_cursor(said: str, asked: str, pages: int) -> str:
    """Where a history goes on; "" at its end. ``pages`` of it were read, the last with ``asked``.

    Raises FrameError for one that has no end: its cursor repeats, or it goes on and on.
    """
    if said and (said == asked or pages >= _MOST_PAGES):
        raise FrameError(GRVT, "history", f"no end after {pages} pages, next {said[:40]!r}")
    return said


def read_positions(reply: Reply) -> tuple[Position, ...]:
    """Positions; a flat instrument is absent."""
    rows = read(reply, tuple[frames.Position, ...])
    return tuple(translate.position(row, reply.method) for row in rows)


def read_summary(reply: Reply) -> AccountSummary:
    """The money of the sub account."""
    return translate.summary(read(reply, frames.SubAccount), reply.method)


def read_quote(reply: Reply) -> Quote:
    """Best bid and ask, in the reply to mini."""
    return translate.quote(read(reply, frames.Mini), reply.method)


def read_instrument(reply: Reply) -> Instrument:
    """The contract in the reply to instrument."""
    return translate.instrument(read(reply, frames.Instrument), reply.method)


def read_subscription(reply: Reply) -> Subscription:
    """What a subscribe or unsubscribe has changed."""
    return read(reply, Subscription)


def read_stream(data: StreamData) -> Model:
    """The content of a stream's message in the venue model.

    v1.order and v1.state give OrderUpdate (v1.state without an instrument unless the selector has
    it), v1.fill Fill, v1.position Position, v1.book.s Book, v1.mini.s Quote, v1.ticker.s
    MarketInfo. FrameError for a stream that is none of these.
    """
    reader = _STREAMS.get(data.stream)
    if reader is None:
        raise FrameError(GRVT, data.stream, "a stream that was never asked for", bytes(data.feed))
    return reader(data)


def _unwrap(reply: Reply) -> _Nested:
    if reply.error is not None:
        raise reply.error.exception()
    raw = reply.result
    if bytes(memoryview(raw)[:1]) != b"{":
        return _Nested(result=raw)
    nested = _decode_raw(raw, _Nested, reply.method)
    return nested if not isinstance(nested.result, UnsetType) else _Nested(result=raw)


def _decode_raw(raw: Raw | UnsetType, shape: type[T], place: str) -> T:
    data = b"" if isinstance(raw, UnsetType) else bytes(raw)
    return decode_as(_decoder(shape).decode, data, place)


_DECODERS: Final[dict[object, msgspec.json.Decoder[Any]]] = {}


def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _DECODERS.get(shape)
    if decoder is None:
        decoder = _DECODERS[shape] = msgspec.json.Decoder(shape)
    return decoder


def _order(data: StreamData) -> OrderUpdate:
    order = _decode_raw(data.feed, frames.Order, data.stream)
    return translate.order_update(order, data.stream)


def _state(data: StreamData) -> OrderUpdate:
    state = _decode_raw(data.feed, frames.StateUpdate, data.stream)
    return translate.state_update(state, data.symbol, data.stream)


def _fill(data: StreamData) -> Fill:
    return translate.fill(_decode_raw(data.feed, frames.Fill, data.stream), data.stream)


def _position(data: StreamData) -> Position:
    return translate.position(_decode_raw(data.feed, frames.Position, data.stream), data.stream)


def _book(data: StreamData) -> Book:
    return translate.book(_decode_raw(data.feed, frames.Book, data.stream), data.stream)


def _quote(data: StreamData) -> Quote:
    return translate.quote(_decode_raw(data.feed, frames.Mini, data.stream), data.stream)


def _market_info(data: StreamData) -> MarketInfo:
    return translate.market_info(_decode_raw(data.feed, frames.Ticker, data.stream), data.stream)


_STREAMS: Final[dict[str, Callable[[StreamData], Model]]] = {
    ORDER_STREAM: _order,
    STATE_STREAM: _state,
    FILL_STREAM: _fill,
    POSITION_STREAM: _position,
    BOOK_STREAM: _book,
    MINI_STREAM: _quote,
    TICKER_STREAM: _market_info,
}
