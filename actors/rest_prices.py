"""Reads best prices over HTTP while a venue's stream of prices is away, silent or out of date.

Nothing is opened by them alone, since the book is as old as its stream. What is open already needs
a price all the same: to be hedged, or to be closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from actors.access import BackpackAccess, GrvtAccess
from actors.http import HttpAnswer
from actors.http_reader import HttpReader
from actors.market_board import MarketBoard
from actors.request_limiter import RequestLimiter
from config.schema import ConnectionConfig
from supervision.actor import ActorContext
from trading.request_budget import Lane
from venues.backpack import codec
from venues.backpack import requests as backpack_requests
from venues.backpack.outcome import is_error_object
from venues.clock import VenueClock
from venues.grvt import requests as grvt_requests
from venues.grvt import rest
from venues.grvt.reading import read_quote
from venues.model import BACKPACK, GRVT, ZERO, Level, Quote

_STALE_S: Final = 1.0
_EVERY_S: Final = 0.25  # one market each time: of many, each is read less often
_LEVELS: Final = 5
_NOTHING: Final = Level(ZERO, ZERO)

Request = Callable[[str, str, Mapping[str, str], bytes], HttpAnswer]
Ask = Callable[[Request, str], Quote]


class ReadDue(msgspec.Struct, frozen=True):
    """Time to see whether a price is missing."""


class PriceSource(NamedTuple):
    """Where a venue's prices are read."""

    venue: str
    url: str
    symbols: tuple[str, ...]
    timing: ConnectionConfig
    clock: VenueClock
    limiter: RequestLimiter
    ask: Ask
    is_its_own: Callable[[bytes], bool]


class RestPrices(HttpReader):
    """One per venue. It asks for nothing while the stream tells its prices."""

    def __init__(self, context: ActorContext, source: PriceSource, board: MarketBoard) -> None:
        super().__init__(context, source.url, source.timing, source.limiter, source.is_its_own)
        self._source = source
        self._board = board
        self._last = ""

    def on_start(self) -> None:
        self.after(_STALE_S, ReadDue())
        self.report_ready()

    def on_message(self, message: object) -> object:
        if isinstance(message, ReadDue):
            self._read()
            self.after(_EVERY_S, message)
            return None
        return super().on_message(message)

    def _read(self) -> None:
        symbol = self._next_stale()
        if symbol is None:
            return
        self.check_fence()
        asked_s = self.clock.now()
        if self._source.limiter.take(Lane.DOUBT, asked_s):
            return
        quote = self._source.ask(self._request, symbol)
        self.check_fence()
        moment_s = self._source.clock.moment_s(quote.event_ns, asked_s)
        self._board.put_quote(quote, moment_s, streamed=False)

    def _next_stale(self) -> str | None:
        """The market without a recent price whose turn it is."""
        now_s, source = self.clock.now(), self._source
        stale = [
            symbol
            for symbol in source.symbols
            if now_s - self._board.view(source.venue, symbol).quoted_s > _STALE_S
        ]
        if not stale:
            return None
        self._last = min(stale, key=lambda symbol: (symbol <= self._last, symbol))
        return self._last


def grvt_prices(access: GrvtAccess) -> PriceSource:
    """GRVT's, from the market-data host."""
    return PriceSource(
        venue=GRVT,
        url=access.endpoints.market_data,
        symbols=tuple(access.instruments),
        timing=access.connection,
        clock=access.clock,
        limiter=access.limiter,
        ask=_ask_grvt,
        is_its_own=rest.is_error_object,
    )


def backpack_prices(access: BackpackAccess) -> PriceSource:
    """Backpack's, from the top of its book."""
    return PriceSource(
        venue=BACKPACK,
        url=access.api_url,
        symbols=tuple(access.instruments),
        timing=access.connection,
        clock=access.clock,
        limiter=access.limiter,
        ask=_ask_backpack,
        is_its_own=is_error_object,
    )


def _ask_grvt(request: Request, symbol: str) -> Quote:
    call = grvt_requests.mini(symbol)
    asked = rest.post(call)
    answer = request("POST", asked.path, asked.headers, asked.body)
    return read_quote(rest.parse_reply(answer.status, answer.body, call.route))


def _ask_backpack(request: Request, symbol: str) -> Quote:
    asked = backpack_requests.depth(symbol, _LEVELS)
    answer = request(asked.method, asked.target, dict(asked.headers), b"")
    return _top(symbol, answer)


def _top(symbol: str, answer: HttpAnswer) -> Quote:
    book = codec.decode_depth(symbol, answer.status, answer.body)
    bid = max(book.bids, key=lambda level: level.price, default=_NOTHING)
    ask = min(book.asks, key=lambda level: level.price, default=_NOTHING)
    return Quote(
        venue=BACKPACK,
        symbol=symbol,
        bid=bid.price,
        bid_size=bid.size,
        ask=ask.price,
        ask_size=ask.size,
        event_ns=book.event_ns,
    )
