"""Asks Backpack what none of its streams tells: what each market takes, and when it funds."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.access import BackpackAccess
from actors.http_reader import HttpReader
from actors.market_board import MarketBoard
from supervision.actor import ActorContext
from venues.backpack import codec, requests
from venues.backpack.markets import exchange_mode, market_infos
from venues.backpack.outcome import is_error_object
from venues.backpack.requests import HttpRequest
from venues.model import BACKPACK, MarketInfo, MarketMode

_EVERY_S: Final = 3.0


class LookDue(msgspec.Struct, frozen=True):
    """Time to ask again."""


class BackpackStatus(HttpReader):
    """Ready once it has put every market on the board. It waits for answers: for nothing else.

    A question that fails ends it; what it has told grows old then, and closes the entry gate.
    """

    def __init__(self, context: ActorContext, access: BackpackAccess, board: MarketBoard) -> None:
        super().__init__(
            context, access.api_url, access.connection, access.limiter, is_error_object
        )
        self._symbols = tuple(access.instruments)
        self._board = board
        self._infos: dict[str, MarketInfo] = {}
        self._words: dict[str, str] = {}

    def on_start(self) -> None:
        self._look()
        self.report_ready()

    def on_message(self, message: object) -> object:
        if isinstance(message, LookDue):
            self._look()
            return None
        return super().on_message(message)

    def _look(self) -> None:
        asked_s = self.clock.now()
        for symbol, info in self._read().items():
            self._notice(info)
            self._infos[symbol] = info
            self._board.put_info(info, asked_s)
        self.after(_EVERY_S, LookDue())

    def _read(self) -> dict[str, MarketInfo]:
        """Of every market of ours; in maintenance only that it is closed."""
        mode = exchange_mode(*self._ask(requests.status()))
        if mode is MarketMode.CLOSED:
            self._limiter.shut("maintenance")
            return {symbol: self._closed(symbol) for symbol in self._symbols}
        self._limiter.clean(self.clock.now())
        listings = codec.decode_markets(*self._ask(requests.markets()))
        marks = codec.decode_mark_prices(*self._ask(requests.mark_prices()))
        self._words = {one.instrument.symbol: one.state for one in listings}
        infos = market_infos(mode, listings, marks)
        return {symbol: infos.get(symbol) or _unlisted(symbol) for symbol in self._symbols}

    def _closed(self, symbol: str) -> MarketInfo:
        known = self._infos.get(symbol) or _unlisted(symbol)
        return msgspec.structs.replace(known, mode=MarketMode.CLOSED)

    def _notice(self, info: MarketInfo) -> None:
        before = self._infos.get(info.symbol)
        normal = MarketMode.NORMAL if before is None else before.mode
        if info.mode is not normal:
            word = self._words.get(info.symbol, "not listed")
            self.log.warning("{} is {} now, by its state {!r}", info.symbol, info.mode.value, word)

    def _ask(self, request: HttpRequest) -> tuple[int, bytes]:
        self.check_fence()
        self._limiter.enter(self.name, self.clock.now())
        answer = self._request(request.method, request.target, dict(request.headers))
        return answer.status, answer.body


def _unlisted(symbol: str) -> MarketInfo:
    return MarketInfo(venue=BACKPACK, symbol=symbol, mode=MarketMode.UNKNOWN)
