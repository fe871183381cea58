"""The market streams: v1.book.s, v1.mini.s, v1.ticker.s at their rates, v1.trade as it happens."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from paper.faults.streams import StreamFaults
from paper.grvt import encode
from paper.grvt.hub import LOST, PRIMARY_END, Publish
from paper.grvt.refusals import STREAM_UNKNOWN, GrvtRefusal
from paper.grvt.settings import GrvtAccount
from paper.orders import BookDelta, Exchange, PaperFill, PaperOrder, PaperPosition, Refused
from venues.grvt import codec, errors, frames

TRADE_STREAM: Final = "v1.trade"

_RATES_MS: Final = {
    codec.BOOK_STREAM: (500, 1000),
    codec.MINI_STREAM: (200, 500, 1000, 5000),
    codec.TICKER_STREAM: (500, 1000, 5000),
}
_LIMITS: Final = (50, 200, 500, 1000)
DEPTHS: Final = (10, 50, 100, 500)
_MS: Final = 0.001


class _Selector(msgspec.Struct, frozen=True):
    """A public selector: ``period_s`` 0 for v1.trade, ``depth`` for books and trades."""

    symbol: str
    period_s: float = 0.0
    depth: int = 0


class PublicSource:
    """What the market streams say. It is a listener of the engine for the sake of v1.trade."""

    def __init__(self, exchange: Exchange, faults: StreamFaults) -> None:
        self._exchange = exchange
        self._faults = faults
        self._books: dict[str, tuple[_Selector, Publish]] = {}
        faults.floods(self._burst)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._trade_channels: dict[str, list[tuple[str, Publish]]] = defaultdict(list)
        self._trades: dict[str, deque[frames.Trade]] = defaultdict(lambda: deque(maxlen=1000))

    def check(self, stream: str, selector: str, account: GrvtAccount | None) -> None:
        """Raise GrvtRefusal with the code of whatever is wrong with the selector."""
        self._parse(stream, selector)

    def snapshots(self, stream: str, selector: str) -> Sequence[msgspec.Struct]:
        """The state now; of v1.trade the last ``limit`` trades, oldest first."""
        parsed = self._parse(stream, selector)
        if self._faults.silent:
            return ()
        if stream == TRADE_STREAM:
            return list(self._trades[parsed.symbol])[-parsed.depth :]
        return (self._read(stream, parsed),)

    def opened(self, stream: str, selector: str, publish: Publish) -> None:
        """Start publishing at the selector's rate."""
        parsed = self._parse(stream, selector)
        if stream == TRADE_STREAM:
            self._trade_channels[parsed.symbol].append((selector, publish))
            return
        task = asyncio.get_running_loop().create_task(
            _periodically(parsed.period_s, lambda: self._say(stream, selector, parsed, publish))
        )
        if stream == codec.BOOK_STREAM:
            self._books[selector] = (parsed, publish)
        self._tasks[(stream, selector)] = task

    def closed(self, stream: str, selector: str) -> None:
        """Stop publishing."""
        task = self._tasks.pop((stream, selector), None)
        if task is not None:
            task.cancel()
        if stream == codec.BOOK_STREAM:
            self._books.pop(selector, None)
        if stream == TRADE_STREAM:
            symbol = selector.partition(PRIMARY_END)[0]
            channels = self._trade_channels[symbol]
            channels[:] = [channel for channel in channels if channel[0] != selector]

    async def stop(self) -> None:
        """Stop everything, at the end of the process."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def traded(self, fill: PaperFill) -> None:
        """A public trade."""
        trade = encode.trade(fill)
        self._trades[fill.symbol].append(trade)
        for _, publish in self._trade_channels[fill.symbol]:
            publish(trade)

    def order_accepted(self, order: PaperOrder) -> None:
        """Private: not told here."""

    def filled(self, fill: PaperFill) -> None:
        """Private: not told here."""

    def order_changed(self, order: PaperOrder) -> None:
        """Private: not told here."""

    def position_changed(self, position: PaperPosition) -> None:
        """Private: not told here."""

    def book_changed(self, delta: BookDelta) -> None:
        """Books are published whole, at their rate."""

    def _say(self, stream: str, selector: str, parsed: _Selector, publish: Publish) -> None:
        if self._faults.silent:
            return
        if stream == codec.BOOK_STREAM and self._faults.lost():
            publish(LOST)
        else:
            publish(self._faults.as_it_was((stream, selector), self._read(stream, parsed)))

    def _burst(self, count: int) -> None:
        """A flood: each book so many times, as it is now."""
        for parsed, publish in tuple(self._books.values()):
            said = msgspec.Raw(codec.encode(self._read(codec.BOOK_STREAM, parsed)))
            for _ in range(count):
                publish(said)

    def _read(self, stream: str, parsed: _Selector) -> msgspec.Struct:
        crossed = self._faults.crossed
        if stream == codec.BOOK_STREAM:
            book = self._exchange.book(parsed.symbol, parsed.depth)[0]
            if crossed:
                book = msgspec.structs.replace(book, bids=book.asks, asks=book.bids)
            return encode.book(book)
        row = self._exchange.ticker(parsed.symbol)
        if crossed:
            row = msgspec.structs.replace(row, bid=row.ask, ask=row.bid)
        return encode.mini(row) if stream == codec.MINI_STREAM else encode.ticker(row)

    def _parse(self, stream: str, selector: str) -> _Selector:
        if stream not in _RATES_MS and stream != TRADE_STREAM:
            raise GrvtRefusal(STREAM_UNKNOWN, stream)
        symbol, at, secondary = selector.partition(PRIMARY_END)
        if not at or PRIMARY_END in secondary:
            raise GrvtRefusal(errors.FEED_FORMAT, selector)
        if not symbol or "-" in symbol:
            raise GrvtRefusal(errors.PRIMARY_SELECTORS, selector)
        parts = secondary.split("-")
        if len(parts) != (2 if stream == codec.BOOK_STREAM else 1):
            raise GrvtRefusal(errors.SECONDARY_SELECTORS, selector)
        try:
            self._exchange.instrument(symbol)
        except Refused:
            raise GrvtRefusal(errors.INSTRUMENT_INVALID, symbol) from None
        if stream == TRADE_STREAM:
            return _Selector(symbol, depth=_one_of(parts[0], _LIMITS, errors.LIMIT_VALUE))
        rate = _one_of(parts[0], _RATES_MS[stream], errors.FEED_RATE)
        depth = _one_of(parts[1], DEPTHS, errors.DEPTH_INVALID) if len(parts) > 1 else 0
        return _Selector(symbol, rate * _MS, depth)


def _one_of(text: str, allowed: tuple[int, ...], code: int) -> int:
    value = int(text) if text.isascii() and text.isdecimal() else -1
    if value not in allowed:
        raise GrvtRefusal(code, text)
    return value


async def _periodically(period_s: float, publish: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due += period_s
        # A loop that was held up does not send what it missed in one burst.
        await asyncio.sleep(max(0.0, due - loop.time()))
        due = max(due, loop.time() - period_s)
        publish()
