"""The prices of all markets, in one place: market actors put them, desks and guards look at them.

It is no actor and has no inbox, so a fast market makes no queue. Each part of a view takes the
place of the one before, and a desk has at most one message per market waiting for it, which says no
more than that there is something to look at.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from trading.market import NEVER, MarketView
from venues.model import ZERO, Book, Instrument, MarketInfo, Quote

_Key = tuple[str, str]
_NO_PRICES: Final[Mapping[str, Any]] = {
    "quote": None, "quoted_s": NEVER, "book": None, "booked_s": NEVER,
}  # fmt: skip


class MarketChanged(msgspec.Struct, frozen=True):
    """To a desk: there is news of this market. ``MarketBoard.take`` has it."""

    venue: str
    symbol: str


class Listening(Protocol):
    """Whom changes are told: an actor's address, without a fence of the actor's own."""

    @property
    def name(self) -> str:
        """By which it takes."""

    def offer(self, message: object) -> bool:
        """Send, unless nobody is there."""


class _Listener:
    """A desk, and the markets whose last message it has not taken yet."""

    __slots__ = ("address", "markets", "told")

    def __init__(self, address: Listening, markets: frozenset[_Key]) -> None:
        self.address = address
        self.markets = markets
        self.told = set(markets)


class MarketBoard:
    """The last of everything that market actors have read. One per process, any thread.

    A venue's market actor clears its venue when it begins and when it ends: a price of a stream
    that is no more is nobody's price.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[_Key, MarketView] = {}
        self._listeners: dict[str, _Listener] = {}
        self._epochs: dict[str, int] = {}

    def put_quote(self, quote: Quote, read_s: float, *, streamed: bool = True) -> None:
        """New best prices, as of the monotonic ``read_s``. Crossed or one-sided ones are none.

        Those that are older than what is known are left out: a price may be told in two ways.
        """
        usable = ZERO < quote.bid < quote.ask
        parts = {
            "quote": quote if usable else None,
            "quoted_s": read_s if usable else NEVER,
            "streamed": streamed,
        }
        self._put(quote.venue, quote.symbol, parts, price_s=read_s)

    def put_book(self, book: Book, read_s: float) -> None:
        """A new book, whole, as of the monotonic ``read_s``. A crossed one is none."""
        if book.crossed:
            self.drop_book(book.venue, book.symbol)
        else:
            self._put(book.venue, book.symbol, {"book": book, "booked_s": read_s})

    def drop_book(self, venue: str, symbol: str) -> None:
        """The book can't be relied on any more."""
        self._put(venue, symbol, {"book": None, "booked_s": NEVER})

    def put_info(self, info: MarketInfo, read_s: float) -> None:
        """The market's mode, mark and funding, as of the monotonic ``read_s``."""
        self._put(info.venue, info.symbol, {"info": info, "informed_s": read_s})

    def clear(self, venue: str, epoch: int = 0) -> None:
        """No price and no book of this venue's is known any more; so says its market actor's life.

        One that has been replaced while it hung does not take away what its successor knows. What
        a market takes and when it funds stays known, as of when it was told.
        """
        with self._lock:
            if epoch < self._epochs.get(venue, 0):
                return
            self._epochs[venue] = epoch
            symbols = [symbol for at, symbol in self._views if at == venue]
        for symbol in symbols:
            self._put(venue, symbol, _NO_PRICES)

    def view(self, venue: str, symbol: str) -> MarketView:
        """What is known of a market now; of one that nobody has put, nothing."""
        with self._lock:
            return self._view((venue, symbol))

    def listen(self, address: Listening, instruments: Iterable[Instrument]) -> None:
        """Tell ``address`` of these markets; whoever had its name before is told no more.

        All of them count as told: it begins by looking at each with ``take``.
        """
        markets = frozenset((one.venue, one.symbol) for one in instruments)
        with self._lock:
            self._listeners[address.name] = _Listener(address, markets)

    def take(self, name: str, venue: str, symbol: str) -> MarketView:
        """The view of a market, for the listener of that name: the next change is told again."""
        with self._lock:
            listener = self._listeners.get(name)
            if listener is not None:
                listener.told.discard((venue, symbol))
            return self._view((venue, symbol))

    def _view(self, key: _Key) -> MarketView:
        return self._views.get(key) or MarketView(venue=key[0], symbol=key[1])

    def _put(
        self, venue: str, symbol: str, parts: Mapping[str, Any], *, price_s: float = math.inf
    ) -> None:
        key = (venue, symbol)
        with self._lock:
            if price_s < self._view(key).quoted_s:
                return
            self._views[key] = msgspec.structs.replace(self._view(key), **parts)
            untold = [
                one
                for one in self._listeners.values()
                if key in one.markets and key not in one.told
            ]
            for listener in untold:
                listener.told.add(key)
        for listener in untold:
            self._tell(listener, key)

    def _tell(self, listener: _Listener, key: _Key) -> None:
        # Outside the lock, and counted as told before: `take` may follow at once.
        if not listener.address.offer(MarketChanged(*key)):
            with self._lock:
                listener.told.discard(key)
