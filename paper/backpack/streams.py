"""The websocket host: subscriptions, and what the engine reports turned into stream messages.

No success answer to a subscription, as at the exchange; a refused one gets an error frame and the
socket stays open. Private streams: ``account.orderUpdate`` and ``account.positionUpdate``, of all
markets or of one. Public: ``bookTicker``, ``depth``, ``markPrice``, ``trade``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from paper.backpack import encode
from paper.backpack.connection import FEED_NAME, StreamConnection
from paper.backpack.depth import DepthChannels
from paper.backpack.errors import ApiError
from paper.backpack.public_faults import PublicFaults
from paper.backpack.settings import BackpackSettings
from paper.backpack.verify import Claim, Verifier
from paper.faults import Faults, Subscribe
from paper.orders import (
    BookDelta,
    Exchange,
    PaperFill,
    PaperOrder,
    PaperPosition,
    SessionLedger,
    Status,
)
from venues.backpack.frames import ORDER_STREAM, POSITION_STREAM, ErrorBody
from venues.backpack.stream_frames import (
    BookTickerData,
    MarkPriceData,
    Refusal,
    StreamRequest,
    TradeData,
)
from venues.model import BACKPACK, ZERO, Side

INVALID_STREAM: Final = 4006
INVALID_SIGNATURE: Final = 4002  # the exchange's own number is not published
INVALID_REQUEST: Final = 4000
_FEED_FIRST_LIMIT_S: Final = 1.0

_REQUEST: Final = msgspec.json.Decoder(StreamRequest)
_KINDS: Final = ("bookTicker", "markPrice", "trade")


class StreamHub:
    """The exchange's listener and the websocket handler. Loop thread only."""

    def __init__(
        self, exchange: Exchange, ledger: SessionLedger, faults: Faults, verifier: Verifier,
        settings: BackpackSettings,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._ledger = ledger
        self._faults = faults
        self._verifier = verifier
        self._settings = settings
        self._connections: set[StreamConnection] = set()
        self._sizes: dict[tuple[str, str], Decimal] = {}
        self._touch: dict[str, tuple[object, ...]] = {}
        self._release: asyncio.Event | None = None
        self._engine_us = 0
        self._spoiler = PublicFaults(exchange, faults, self._floodable)
        self._depth = DepthChannels(settings, self._publish)
        exchange.add_listener(self)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one websocket until it ends."""
        ws = web.WebSocketResponse(autoping=False, timeout=self._settings.close_grace_s)
        await ws.prepare(request)
        connection = StreamConnection(ws, request, self._settings, self._faults, self._ledger)
        self._connections.add(connection)

        async def received(text: str | bytes) -> None:
            self._received(connection, text)

        try:
            await connection.serve(received)
        finally:
            self._connections.discard(connection)
        return ws

    async def close(self) -> None:
        """Close every websocket, as the exchange does before it goes down."""
        await asyncio.gather(*(connection.close() for connection in tuple(self._connections)))

    async def publish_marks(self) -> None:
        """Publish mark prices at their interval, for ever."""
        while True:
            await asyncio.sleep(self._settings.mark_interval_s)
            for instrument in self._exchange.instruments:
                self._publish_mark(instrument.symbol)

    @contextmanager
    def held(self, release: asyncio.Event) -> Iterator[None]:
        """What the engine reports inside reaches no private stream before ``release`` is set."""
        self._release = release
        try:
            yield
        finally:
            self._release = None

    async def feeds_written(self, account: str) -> None:
        """Wait until the account's feeds have sent everything so far (a second at most)."""
        barriers = [
            connection.barrier().wait()
            for connection in self._connections
            if account in connection.accounts.values()
        ]
        if barriers:
            waiting = [asyncio.ensure_future(barrier) for barrier in barriers]
            _, late = await asyncio.wait(waiting, timeout=_FEED_FIRST_LIMIT_S)
            for task in late:
                task.cancel()

    # --- ExchangeListener -------------------------------------------------------------------

    def order_accepted(self, order: PaperOrder) -> None:
        """``orderAccepted``, also for an order that fills or ends at once."""
        self._order_event(order, "orderAccepted")

    def filled(self, fill: PaperFill) -> None:
        """``orderFill``: one message per match."""
        if fill.order.request.untold:
            return
        data = encode.fill_data(fill, self._stamp(fill.now_ns), self._settings)
        self._send_private(ORDER_STREAM, fill.account, fill.symbol, data, "fill")

    def order_changed(self, order: PaperOrder) -> None:
        """``orderCancelled``, ``orderExpired`` or ``orderModified``; a fill says itself."""
        if order.status is Status.OPEN:
            self._order_event(order, "orderModified")
        elif order.status is not Status.FILLED:
            cancelled = encode.status_of(order) == "Cancelled"
            self._order_event(order, "orderCancelled" if cancelled else "orderExpired")

    def position_changed(self, position: PaperPosition) -> None:
        """``positionOpened``, ``positionAdjusted`` (a flip too) or ``positionClosed``."""
        key = (position.account, position.symbol)
        before = self._sizes.get(key, ZERO)
        self._sizes[key] = position.size
        event = "positionAdjusted"
        if not position.size:
            event = "positionClosed"
        elif not before:
            event = "positionOpened"
        self._send_position(position, event)

    def book_changed(self, delta: BookDelta) -> None:
        """Depth updates, and the best prices when they moved."""
        self._depth.changed(delta)
        if self._wanted(f"bookTicker.{delta.symbol}"):
            self._publish_touch(delta)

    def traded(self, fill: PaperFill) -> None:
        """A public trade."""
        stream = f"trade.{fill.symbol}"
        if not self._wanted(stream):
            return
        own_id = str(fill.order.order_id)
        buying = fill.side is Side.BUY
        moment_us = fill.now_ns // encode.NS_PER_US
        data = TradeData(
            event="trade", event_us=moment_us, engine_us=moment_us, symbol=fill.symbol,
            price=encode.wire(fill.price), quantity=encode.wire(fill.size),
            trade_id=fill.trade_id, buyer_order_id=own_id if buying else "0",
            seller_order_id="0" if buying else own_id, buyer_is_maker=not buying,
        )  # fmt: skip
        self._publish(stream, data)

    # --- subscriptions ----------------------------------------------------------------------

    def _received(self, connection: StreamConnection, text: str | bytes) -> None:
        try:
            request = _REQUEST.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _refuse(connection, INVALID_REQUEST, "Invalid request")
            return
        if request.method == "UNSUBSCRIBE":
            connection.public.difference_update(request.params)
            for stream in request.params:
                connection.accounts.pop(stream, None)
        elif request.method == "SUBSCRIBE":
            self._subscribe(connection, request)
        else:
            _refuse(connection, INVALID_REQUEST, "Invalid method")

    def _subscribe(self, connection: StreamConnection, request: StreamRequest) -> None:
        private = [stream for stream in request.params if stream.startswith("account.")]
        for stream in request.params:
            if stream in private:
                continue
            if self._is_public(stream):
                connection.public.add(stream)
            else:
                _refuse(connection, INVALID_STREAM, "Invalid stream")
        if private and self._refused_by_fault(connection):
            return
        known = [stream for stream in private if self._is_private(stream)]
        if len(known) < len(private):
            _refuse(connection, INVALID_STREAM, "Invalid stream")
        if known:
            self._subscribe_private(connection, known, request.signature)

    def _refused_by_fault(self, connection: StreamConnection) -> bool:
        """True when a fault keeps an account's streams from being subscribed to."""
        fault = self._faults.effects.take(Subscribe, FEED_NAME, lambda _: True)
        if fault is None:
            return False
        self._faults.effects.hit(fault, fault.how)
        if fault.how == "error":
            _refuse(connection, INVALID_SIGNATURE, "Invalid signature")
        return True

    def _subscribe_private(
        self, connection: StreamConnection, streams: list[str], signature: tuple[str, ...]
    ) -> None:
        now_ms = self._exchange.now_ns() // encode.NS_PER_MS
        try:
            account = self._verifier.account(_claim(signature), "subscribe", [()], now_ms)
        except ApiError as error:
            self._ledger.logged_in(BACKPACK, "", False)
            _refuse(connection, INVALID_SIGNATURE, error.text)
            return
        self._ledger.logged_in(BACKPACK, account, True)
        connection.authenticated()
        for stream in streams:
            connection.accounts[stream] = account
            if stream.startswith(POSITION_STREAM):
                self._send_snapshot(connection, stream, account)

    def _send_snapshot(self, connection: StreamConnection, stream: str, account: str) -> None:
        for position in self._exchange.positions(account):
            if stream in (POSITION_STREAM, f"{POSITION_STREAM}.{position.symbol}"):
                connection.send(_frame(stream, self._position_data(position, None)))

    def _is_public(self, stream: str) -> bool:
        kind, _, symbol = stream.partition(".")
        if kind == "depth":
            return symbol.rpartition(".")[2] in self._symbols and self._depth.open(stream)
        return kind in _KINDS and symbol in self._symbols

    def _is_private(self, stream: str) -> bool:
        for prefix in (ORDER_STREAM, POSITION_STREAM):
            if stream == prefix:
                return True
            if stream.startswith(prefix + "."):
                return stream[len(prefix) + 1 :] in self._symbols
        return False

    @property
    def _symbols(self) -> set[str]:
        return {instrument.symbol for instrument in self._exchange.instruments}

    # --- sending ----------------------------------------------------------------------------

    def _stamp(self, now_ns: int) -> int:
        """Engine microseconds, never going back."""
        self._engine_us = max(self._engine_us, now_ns // encode.NS_PER_US)
        return self._engine_us

    def _order_event(self, order: PaperOrder, event: str) -> None:
        request = order.request
        if request.untold:
            return
        data = encode.order_data(order, event, self._stamp(order.updated_ns))
        self._send_private(ORDER_STREAM, request.account, request.symbol, data, "order")

    def _position_data(self, position: PaperPosition, event: str | None) -> object:
        exposed = encode.exposure(self._exchange, position.account, position.symbol, position.size)
        return encode.position_data(position, event, self._stamp(position.now_ns), exposed)

    def _send_position(self, position: PaperPosition, event: str) -> None:
        data = self._position_data(position, event)
        account, symbol = position.account, position.symbol
        self._send_private(POSITION_STREAM, account, symbol, data, "position")

    def _send_private(
        self, prefix: str, account: str, symbol: str, data: object, kind: str
    ) -> None:
        release, frames = self._release, self._faults.frames
        for stream in (prefix, f"{prefix}.{symbol}"):
            if self._listeners(stream, account):
                fault = frames.take(FEED_NAME, kind)
                send = partial(self._send_feed, stream, account, release)
                frames.deliver(FEED_NAME, fault, _frame(stream, data).encode(), send)

    def _send_feed(
        self, stream: str, account: str, release: asyncio.Event | None, frame: bytes
    ) -> None:
        """Tell those who listen now, which is later than it happened when a fault wants it."""
        for connection in self._listeners(stream, account):
            connection.send(frame, release)

    def _listeners(self, stream: str, account: str) -> list[StreamConnection]:
        return [one for one in self._connections if one.accounts.get(stream) == account]

    def _wanted(self, stream: str) -> bool:
        return any(stream in connection.public for connection in self._connections)

    def _floodable(self) -> list[str]:
        return [symbol for symbol in self._symbols if self._wanted(f"depth.{symbol}")]

    def _publish(self, stream: str, data: object) -> None:
        if self._spoiler.lost(data):
            return
        data = self._spoiler.spoilt(stream, data)
        text: str | None = None
        for connection in self._connections:
            if stream in connection.public:
                text = text or _frame(stream, data)
                connection.send(text)

    def _publish_touch(self, delta: BookDelta) -> None:
        book, last_id = self._exchange.book(delta.symbol, 1)
        if not book.bids or not book.asks:
            return
        bid, ask = book.bids[0], book.asks[0]
        touch = (bid.price, bid.size, ask.price, ask.size)
        if self._touch.get(delta.symbol) == touch:
            return
        self._touch[delta.symbol] = touch
        moment_us = delta.now_ns // encode.NS_PER_US
        data = BookTickerData(
            event="bookTicker", event_us=moment_us, engine_us=moment_us, symbol=delta.symbol,
            ask=encode.wire(ask.price), ask_size=encode.wire(ask.size),
            bid=encode.wire(bid.price), bid_size=encode.wire(bid.size), update_id=str(last_id),
        )  # fmt: skip
        self._publish(f"bookTicker.{delta.symbol}", data)

    def _publish_mark(self, symbol: str) -> None:
        if not self._wanted(f"markPrice.{symbol}"):
            return
        ticker = self._exchange.ticker(symbol)
        moment_us = ticker.now_ns // encode.NS_PER_US
        data = MarkPriceData(
            event="markPrice", event_us=moment_us, engine_us=moment_us, symbol=symbol,
            mark=encode.wire(ticker.mark), index=encode.wire(ticker.index),
            funding_rate=encode.wire(ticker.funding_rate),
            next_funding_ms=ticker.next_funding_ns // encode.NS_PER_MS,
        )  # fmt: skip
        self._publish(f"markPrice.{symbol}", data)


def _frame(stream: str, data: object) -> str:
    return msgspec.json.encode({"stream": stream, "data": data}).decode()


def _refuse(connection: StreamConnection, code: int, text: str) -> None:
    frame = Refusal(error=ErrorBody(code=code, message=text))
    connection.send(msgspec.json.encode(frame).decode())


def _claim(signature: tuple[str, ...]) -> Claim:
    if len(signature) != 4:
        raise ApiError(401, "UNAUTHORIZED", "Missing signature")
    key, signed, timestamp, window = signature
    return Claim(key=key, signature=signed, timestamp=timestamp, window=window)
