"""Backpack's HTTP answers decoded into the model, route by route.

Order routes return an ``OrderAnswer``, which never raises: an answer that can't be read is an
outcome that is not known, not an accident. The other routes are reads: they return their value,
or raise VenueRefused, SessionRefused or FrameError.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import DecimalException
from typing import Any, Final, TypeVar

import msgspec

from venues.backpack import convert, frames
from venues.backpack.convert import MarketListing
from venues.backpack.outcome import Outcome, Verdict, classify
from venues.backpack.streams import StreamEvent, checked_levels, decode_stream
from venues.errors import FrameError, VenueError
from venues.model import (
    BACKPACK,
    AccountSummary,
    Fill,
    Level,
    OrderUpdate,
    Position,
)

__all__ = [
    "DepthSnapshot", "MarketListing", "OrderAnswer", "Outcome", "StreamEvent", "Verdict",
    "account_summary", "classify", "decode_account", "decode_cancel", "decode_cancel_all",
    "decode_collateral", "decode_depth", "decode_fills", "decode_mark_prices",
    "decode_markets", "decode_open_orders", "decode_order", "decode_order_history", "decode_placed",
    "decode_positions", "decode_status", "decode_stream", "decode_ticker", "decode_time",
]  # fmt: skip

_Value = TypeVar("_Value")
_ORDER: Final = msgspec.json.Decoder(frames.OrderResult)
_ORDERS: Final = msgspec.json.Decoder(tuple[frames.OrderResult, ...])
_HISTORY: Final = msgspec.json.Decoder(tuple[frames.HistoryOrder, ...])
_FILLS: Final = msgspec.json.Decoder(tuple[frames.HistoryFill, ...])
_POSITIONS: Final = msgspec.json.Decoder(tuple[frames.PositionResult, ...])
_MARKETS: Final = msgspec.json.Decoder(tuple[frames.Market, ...])
_DEPTH: Final = msgspec.json.Decoder(frames.Depth)
_TICKER: Final = msgspec.json.Decoder(frames.Ticker)
_MARKS: Final = msgspec.json.Decoder(tuple[frames.MarkPrice, ...])
_ACCOUNT: Final = msgspec.json.Decoder(frames.Account)
_COLLATERAL: Final = msgspec.json.Decoder(frames.Collateral)
_STATUS: Final = msgspec.json.Decoder(frames.SystemStatus)

_ORDER_PLACE: Final = "/api/v1/order"


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to placing, querying or cancelling one order.

    ``update`` is there when the venue showed the order. ``outcome.verdict`` OK without it is a
    cancel that was accepted and not yet done (202). ``error`` is the refusal, or why the outcome
    is UNKNOWN: then nothing may be concluded and the venue must be asked.
    """

    outcome: Outcome
    update: OrderUpdate | None = None
    error: VenueError | None = None


class DepthSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A book as of update id ``last_id``; levels in no particular order."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_id: int
    event_ns: int


def decode_placed(status: int, body: bytes, client_order_id: int | None = None) -> OrderAnswer:
    """Answer of POST /api/v1/order: the order after matching, a refusal, or an unknown outcome."""
    answer = _order_answer(status, body, client_order_id, may_be_empty=False)
    if answer.outcome.verdict is not Verdict.NOT_FOUND:
        return answer
    # Whatever was not found, it was not an order: this one was never placed.
    refused = msgspec.structs.replace(answer.outcome, verdict=Verdict.REFUSED)
    return OrderAnswer(outcome=refused, error=refused.error(client_order_id))


def decode_order(status: int, body: bytes, client_order_id: int | None = None) -> OrderAnswer:
    """Answer of GET /api/v1/order. NOT_FOUND means: not resting (now, or any more)."""
    return _order_answer(status, body, client_order_id, may_be_empty=False)


def decode_cancel(status: int, body: bytes, client_order_id: int | None = None) -> OrderAnswer:
    """Answer of DELETE /api/v1/order: the order, or OK without one (202, not yet executed)."""
    return _order_answer(status, body, client_order_id, may_be_empty=status == 202)


def _order_answer(
    status: int, body: bytes, client_order_id: int | None, *, may_be_empty: bool
) -> OrderAnswer:
    outcome = classify(status, body, _ORDER_PLACE)
    if not outcome.ok:
        return OrderAnswer(outcome=outcome, error=outcome.error(client_order_id))
    if may_be_empty and not body.strip():
        return OrderAnswer(outcome=outcome)
    try:
        update = _decoded(_ORDER_PLACE, body, lambda: convert.order_result(_ORDER.decode(body)))
    except FrameError as error:
        unknown = Outcome(
            verdict=Verdict.UNKNOWN, status=status, text=error.reason, place=_ORDER_PLACE
        )
        return OrderAnswer(outcome=unknown, error=error)
    return OrderAnswer(outcome=outcome, update=update)


def decode_cancel_all(status: int, body: bytes) -> tuple[OrderUpdate, ...]:
    """The orders that DELETE /api/v1/orders ended; empty for 202, when they are yet to be."""
    if status == 202 and not body.strip():
        return ()
    return read_answer("/api/v1/orders", status, body, lambda: _orders(body))


def decode_open_orders(status: int, body: bytes) -> tuple[OrderUpdate, ...]:
    """Resting orders."""
    return read_answer("/api/v1/orders", status, body, lambda: _orders(body))


def _orders(body: bytes) -> tuple[OrderUpdate, ...]:
    return tuple(convert.order_result(frame) for frame in _ORDERS.decode(body))


def decode_order_history(status: int, body: bytes) -> tuple[OrderUpdate, ...]:
    """Past orders, newest first; ``reason`` is the expiry reason. Lags behind the engine."""
    return read_answer(
        "/wapi/v1/history/orders", status, body,
        lambda: tuple(convert.order_result(frame) for frame in _HISTORY.decode(body)),
    )  # fmt: skip


def decode_fills(status: int, body: bytes) -> tuple[Fill, ...]:
    """Fills, newest first. Lags behind the engine."""
    return read_answer(
        "/wapi/v1/history/fills", status, body,
        lambda: convert.history_fills(_FILLS.decode(body)),
    )  # fmt: skip


def decode_positions(status: int, body: bytes, *, single: bool = False) -> tuple[Position, ...]:
    """Open positions. Only the answer about a ``single`` symbol may be a 404, and then means none.

    For the whole account it is documented for nothing: a proxy's 404 must not read as flat.
    """
    place = "/api/v1/position"
    if single and classify(status, body, place).verdict is Verdict.NOT_FOUND:
        return ()
    return read_answer(
        place, status, body,
        lambda: tuple(convert.position_result(frame) for frame in _POSITIONS.decode(body)),
    )  # fmt: skip


def decode_markets(status: int, body: bytes) -> tuple[MarketListing, ...]:
    """Every listed market."""

    def listings() -> tuple[MarketListing, ...]:
        return tuple(
            MarketListing(
                instrument=convert.instrument(frame),
                market_type=frame.market_type,
                state=frame.order_book_state,
                visible=frame.visible is not False,
                funding_interval_s=(frame.funding_interval or 0) // 1_000 or None,
            )
            for frame in _MARKETS.decode(body)
        )

    return read_answer("/api/v1/markets", status, body, listings)


def decode_depth(symbol: str, status: int, body: bytes) -> DepthSnapshot:
    """A book. The answer does not name its market: ``symbol`` is what was asked for."""

    def snapshot() -> DepthSnapshot:
        frame = _DEPTH.decode(body)
        return DepthSnapshot(
            symbol=symbol,
            bids=checked_levels(frame.bids),
            asks=checked_levels(frame.asks),
            last_id=int(frame.last_update_id),
            event_ns=frame.timestamp * convert.NS_PER_US,
        )

    return read_answer("/api/v1/depth", status, body, snapshot)


def decode_ticker(status: int, body: bytes) -> frames.Ticker | None:
    """The day's figures; None when there are none (204)."""
    if status == 204:
        return None
    return read_answer("/api/v1/ticker", status, body, lambda: _TICKER.decode(body))


def decode_mark_prices(status: int, body: bytes) -> tuple[frames.MarkPrice, ...]:
    """Mark, index and funding; a tuple even for one market."""
    return read_answer("/api/v1/markPrices", status, body, lambda: _MARKS.decode(body))


def decode_account(status: int, body: bytes) -> frames.Account:
    """Fees (bps), limits and flags of the account."""
    return read_answer("/api/v1/account", status, body, lambda: _ACCOUNT.decode(body))


def decode_collateral(status: int, body: bytes) -> frames.Collateral:
    """Equity and margin."""
    return read_answer("/api/v1/capital/collateral", status, body, lambda: _COLLATERAL.decode(body))


def account_summary(account: frames.Account, collateral: frames.Collateral) -> AccountSummary:
    """Both account routes as the model has them. Raises FrameError for numbers that are none."""
    return _decoded(
        "/api/v1/capital/collateral", b"",
        lambda: AccountSummary(
            venue=BACKPACK,
            equity=convert.number(collateral.net_equity),
            available=convert.number(collateral.net_equity_available),
            maker_fee_bps=convert.number(account.futures_maker_fee),
            taker_fee_bps=convert.number(account.futures_taker_fee),
        ),
    )  # fmt: skip


def decode_status(status: int, body: bytes) -> frames.SystemStatus:
    """``Ok`` or ``Maintenance``."""
    return read_answer("/api/v1/status", status, body, lambda: _STATUS.decode(body))


def decode_time(status: int, body: bytes) -> int:
    """The venue's UTC clock in ms; plain text on the wire."""

    def milliseconds() -> int:
        text = body.decode().strip().strip('"')
        if not text.isdigit() or len(text) > 20:
            raise ValueError("the time is not a number")
        return int(text)

    return read_answer("/api/v1/time", status, body, milliseconds)


def read_answer(place: str, status: int, body: bytes, decode: Callable[[], _Value]) -> _Value:
    """What ``decode`` makes of a good answer. Raises its refusal, or FrameError."""
    outcome = classify(status, body, place)
    if not outcome.ok:
        raise outcome.error()
    return _decoded(place, body, decode)


def _decoded(place: str, body: Any, decode: Callable[[], _Value]) -> _Value:
    try:
        return decode()
    except (msgspec.DecodeError, ValueError, DecimalException, OverflowError) as cause:
        raise FrameError(BACKPACK, place, str(cause), body) from cause
    except RecursionError as cause:
        raise FrameError(BACKPACK, place, "nested too deep", body) from cause
