"""Backpack's websocket frames, for both ends: requests, the envelope, and the streams' data.

Source: the streams chapter of docs.backpack.exchange and recorded traffic. ``E`` (sent by the
stream server) and ``T`` (the engine's time) are integer microseconds; order by ``T``. The wire's
one-letter keys differ by case, hence the names spelled out here.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType, field

from venues.backpack.frames import ErrorBody, Id
from venues.model import Level


class StreamRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """SUBSCRIBE or UNSUBSCRIBE. ``signature``: key, signature, timestamp ms and window ms."""

    method: str
    params: tuple[str, ...]
    signature: tuple[str, ...] = ()
    id: int | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every frame that the server sends: a stream's data, or a control frame."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    error: ErrorBody | None = None
    id: Id | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The error frame: a bad stream (4006) or a bad signature. ``id`` is null."""

    error: ErrorBody
    id: Id | None = None


class _Stream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class OrderData(_Stream, frozen=True, kw_only=True):
    """``account.orderUpdate``: one per event of an own order; ``orderFill`` is one per match.

    ``trade_id`` is null (live) or absent (documented) on anything but a fill.
    """

    event: str = field(name="e")
    symbol: str = field(name="s")
    side: str = field(name="S")
    status: str = field(name="X")
    order_id: Id = field(name="i")
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)
    client_id: Id | None = field(name="c", default=None)
    order_type: str | None = field(name="o", default=None)
    time_in_force: str | None = field(name="f", default=None)
    quantity: Decimal | None = field(name="q", default=None)
    quote_quantity: Decimal | None = field(name="Q", default=None)
    price: Decimal | None = field(name="p", default=None)
    reason: str | None = field(name="R", default=None)
    trade_id: Id | UnsetType | None = field(name="t", default=UNSET)
    fill_quantity: Decimal | None = field(name="l", default=None)
    fill_price: Decimal | None = field(name="L", default=None)
    executed: Decimal | None = field(name="z", default=None)
    executed_quote: Decimal | None = field(name="Z", default=None)
    maker: bool | None = field(name="m", default=None)
    fee: Decimal | None = field(name="n", default=None)
    fee_symbol: str | None = field(name="N", default=None)
    self_trade_prevention: str | None = field(name="V", default=None)
    post_only: bool | None = field(name="y", default=None)
    reduce_only: bool | None = field(name="r", default=None)
    origin: str | None = field(name="O", default=None)


class PositionData(_Stream, frozen=True, kw_only=True):
    """``account.positionUpdate``; without ``e`` it is the snapshot after subscribing.

    Documented with numbers and a string id, seen live with strings and an integer id.
    """

    symbol: str = field(name="s")
    quantity: Decimal = field(name="q")
    event: str | None = field(name="e", default=None)
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)
    break_even_price: Decimal | None = field(name="b", default=None)
    entry_price: Decimal | None = field(name="B", default=None)
    initial_fraction: Decimal | None = field(name="f", default=None)
    mark_price: Decimal | None = field(name="M", default=None)
    maintenance_fraction: Decimal | None = field(name="m", default=None)
    exposure_quantity: Decimal | None = field(name="Q", default=None)
    exposure_notional: Decimal | None = field(name="n", default=None)
    position_id: Id | None = field(name="i", default=None)
    realized_pnl: Decimal | None = field(name="p", default=None)
    unrealized_pnl: Decimal | None = field(name="P", default=None)
    liquidation_price: Decimal | None = field(name="l", default=None)


class BookTickerData(_Stream, frozen=True, kw_only=True):
    """``bookTicker.SYMBOL``: best ask (a, A) and bid (b, B), price and size.

    What it has for a side of the book that is empty is not documented: 0, null or nothing will do.
    """

    symbol: str = field(name="s")
    ask: Decimal | None = field(name="a", default=None)
    ask_size: Decimal | None = field(name="A", default=None)
    bid: Decimal | None = field(name="b", default=None)
    bid_size: Decimal | None = field(name="B", default=None)
    event: str | None = field(name="e", default=None)
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)
    update_id: Id | None = field(name="u", default=None)


class DepthData(_Stream, frozen=True, kw_only=True):
    """``depth.SYMBOL``: changed levels with absolute sizes; numerically zero removes."""

    symbol: str = field(name="s")
    asks: tuple[Level, ...] = field(name="a")
    bids: tuple[Level, ...] = field(name="b")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    event: str | None = field(name="e", default=None)
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)


class MarkPriceData(_Stream, frozen=True, kw_only=True):
    """``markPrice.SYMBOL``: mark, index and estimated funding; ``next_funding_ms`` is in ms."""

    symbol: str = field(name="s")
    mark: Decimal = field(name="p")
    event: str | None = field(name="e", default=None)
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)
    index: Decimal | None = field(name="i", default=None)
    funding_rate: Decimal | None = field(name="f", default=None)
    next_funding_ms: int | None = field(name="n", default=None)


class TradeData(_Stream, frozen=True, kw_only=True):
    """``trade.SYMBOL``: a public trade; ``b`` and ``a`` are the two order ids, as text."""

    symbol: str = field(name="s")
    price: Decimal = field(name="p")
    quantity: Decimal = field(name="q")
    trade_id: int = field(name="t")
    event: str | None = field(name="e", default=None)
    event_us: int = field(name="E", default=0)
    engine_us: int = field(name="T", default=0)
    buyer_order_id: Id | None = field(name="b", default=None)
    seller_order_id: Id | None = field(name="a", default=None)
    buyer_is_maker: bool | None = field(name="m", default=None)
