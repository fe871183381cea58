"""The public REST routes."""

from __future__ import annotations

from collections import deque
from typing import Final

from aiohttp import web

from paper.backpack import encode
from paper.backpack.errors import ApiError, invalid, json_response
from paper.backpack.settings import BackpackSettings, BookState
from paper.faults import Faults, State
from paper.orders import (
    BookDelta,
    Exchange,
    PaperFill,
    PaperOrder,
    PaperPosition,
    Refused,
)
from venues.backpack.frames import Depth, MarkPrice, PublicTrade, SystemStatus, Ticker
from venues.model import BACKPACK, ZERO, Side

_DEPTH_LIMITS: Final = frozenset({5, 10, 20, 50, 100, 500, 1000})
_MAX_TRADES: Final = 1_000


class MarketData:
    """What anyone may ask. Remembers public trades for ``trades`` and ``ticker``.

    ``maintenance`` is what ``/api/v1/status`` says.
    """

    def __init__(self, exchange: Exchange, settings: BackpackSettings, faults: Faults) -> None:
        self._exchange = exchange
        self._settings = settings
        self._faults = faults
        self._trades: dict[str, deque[PaperFill]] = {}
        self._snapshots: dict[tuple[str, int], Depth] = {}
        self.maintenance = False
        exchange.add_listener(self)

    def state(self, symbol: str) -> BookState:
        """The state of a market's order book now."""
        for fault in self._faults.effects.lasting(State, BACKPACK):
            if fault.symbol in (None, symbol):
                self._faults.effects.met(fault, fault.state)
                return fault.state
        return self._settings.book_state

    def routes(self) -> list[web.RouteDef]:
        """The routes by path."""
        return [
            web.get("/api/v1/status", self._status),
            web.get("/api/v1/ping", self._ping),
            web.get("/api/v1/time", self._time),
            web.get("/api/v1/markets", self._markets),
            web.get("/api/v1/market", self._market),
            web.get("/api/v1/depth", self._depth),
            web.get("/api/v1/ticker", self._ticker),
            web.get("/api/v1/tickers", self._tickers),
            web.get("/api/v1/markPrices", self._mark_prices),
            web.get("/api/v1/trades", self._recent_trades),
        ]

    async def _status(self, request: web.Request) -> web.Response:
        return json_response(SystemStatus(status="Maintenance" if self.maintenance else "Ok"))

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="pong")

    async def _time(self, request: web.Request) -> web.Response:
        return web.Response(text=str(self._exchange.now_ns() // encode.NS_PER_MS))

    async def _markets(self, request: web.Request) -> web.Response:
        return json_response(
            [self._listing(instrument.symbol) for instrument in self._exchange.instruments]
        )

    async def _market(self, request: web.Request) -> web.Response:
        return json_response(self._listing(self._symbol(request)))

    async def _depth(self, request: web.Request) -> web.Response:
        symbol = self._symbol(request)
        limit = int_query(request, "limit", 1000)
        if limit not in _DEPTH_LIMITS:
            raise invalid("Invalid limit", "INVALID_RANGE")
        snapshot = self._snapshot(symbol, limit)
        before = self._snapshots.get((symbol, limit), snapshot)
        self._snapshots[symbol, limit] = snapshot
        return json_response(before if self._settings.stale_snapshots else snapshot)

    async def _ticker(self, request: web.Request) -> web.Response:
        ticker = self._day(self._symbol(request))
        return web.Response(status=204) if ticker is None else json_response(ticker)

    async def _tickers(self, request: web.Request) -> web.Response:
        days = [self._day(instrument.symbol) for instrument in self._exchange.instruments]
        return json_response([day for day in days if day is not None])

    async def _mark_prices(self, request: web.Request) -> web.Response:
        symbols = [instrument.symbol for instrument in self._exchange.instruments]
        if "symbol" in request.query:
            symbols = [self._symbol(request)]
        return json_response([self._mark_price(symbol) for symbol in symbols])

    async def _recent_trades(self, request: web.Request) -> web.Response:
        trades = self._trades.get(self._symbol(request), deque())
        limit = int_query(request, "limit", 100)
        if not 0 < limit <= _MAX_TRADES:
            raise invalid("Invalid limit", "INVALID_RANGE")
        newest = [trades[-1 - place] for place in range(min(limit, len(trades)))]
        return json_response([_public_trade(fill) for fill in newest])

    def _symbol(self, request: web.Request) -> str:
        symbol = request.query.get("symbol", "")
        try:
            return self._exchange.instrument(symbol).symbol
        except Refused as refused:
            raise ApiError(400, "INVALID_MARKET", "Invalid market") from refused

    def _listing(self, symbol: str) -> object:
        instrument = self._exchange.instrument(symbol)
        interval_s = self._exchange.ticker(symbol).funding_interval_s
        return encode.market(instrument, self.state(symbol), interval_s * 1_000)

    def _snapshot(self, symbol: str, limit: int) -> Depth:
        book, last_id = self._exchange.book(symbol, limit)
        # The exchange does not document the order of levels: bids have been seen ascending.
        bids = book.bids[::-1] if self._settings.unsorted_levels else book.bids
        return Depth(
            asks=encode.levels(book.asks),
            bids=encode.levels(bids),
            last_update_id=str(last_id),
            timestamp=book.event_ns // encode.NS_PER_US,
        )

    def _mark_price(self, symbol: str) -> MarkPrice:
        ticker = self._exchange.ticker(symbol)
        return MarkPrice(
            symbol=symbol,
            mark_price=encode.wire(ticker.mark),
            index_price=encode.wire(ticker.index),
            funding_rate=encode.wire(ticker.funding_rate),
            next_funding_timestamp=ticker.next_funding_ns // encode.NS_PER_MS,
        )

    def _day(self, symbol: str) -> Ticker | None:
        trades = self._trades.get(symbol)
        if not trades:
            return None
        first, last = trades[0].price, trades[-1].price
        prices = [fill.price for fill in trades]
        return Ticker(
            symbol=symbol,
            first_price=encode.wire(first),
            last_price=encode.wire(last),
            high=encode.wire(max(prices)),
            low=encode.wire(min(prices)),
            volume=encode.wire(sum((fill.size for fill in trades), ZERO)),
            quote_volume=encode.wire(sum((fill.size * fill.price for fill in trades), ZERO)),
            price_change=encode.wire(last - first),
            price_change_percent=encode.wire((last - first) / first),
            trades=str(trades[-1].trade_id),
        )

    # --- ExchangeListener: public trades only -----------------------------------------------

    def traded(self, fill: PaperFill) -> None:
        """Remember a public trade."""
        self._trades.setdefault(fill.symbol, deque(maxlen=_MAX_TRADES)).append(fill)

    def order_accepted(self, order: PaperOrder) -> None:
        """Private."""

    def filled(self, fill: PaperFill) -> None:
        """Private."""

    def order_changed(self, order: PaperOrder) -> None:
        """Private."""

    def position_changed(self, position: PaperPosition) -> None:
        """Private."""

    def book_changed(self, delta: BookDelta) -> None:
        """Books are read when asked for."""


def _public_trade(fill: PaperFill) -> PublicTrade:
    return PublicTrade(
        id=fill.trade_id,
        price=encode.wire(fill.price),
        quantity=encode.wire(fill.size),
        quote_quantity=encode.wire(fill.size * fill.price),
        timestamp=fill.now_ns // encode.NS_PER_MS,
        is_buyer_maker=fill.side is Side.SELL,
    )


def int_query(request: web.Request, name: str, default: int) -> int:
    """A number of the query. Raises ApiError when it is none."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise invalid(f"Invalid {name}")
    return int(text)
