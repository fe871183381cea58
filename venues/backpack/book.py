"""An order book of one market, built from a snapshot and the depth stream's deltas.

Rule (streams chapter, "Depth"): every message has ``U == previous u + 1``; a snapshot covers all
messages with ``u <= lastUpdateId``, and the first one kept must contain ``lastUpdateId + 1``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from decimal import Decimal

from venues.backpack.codec import DepthSnapshot
from venues.backpack.streams import DepthDelta
from venues.errors import SequenceGap
from venues.model import BACKPACK, Book, Level


class BookBuilder:
    """The book of ``symbol``. Owned by one thread.

    Subscribe first and hand every delta to ``apply``; fetch a snapshot then and hand it to
    ``load``; if that says False, the snapshot is older than the stream: fetch another.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._event_ns = 0
        self._waiting: list[DepthDelta] = []
        self._streamed_id: int | None = None
        self._book_id: int | None = None

    @property
    def ready(self) -> bool:
        """True once a snapshot is in: ``book`` is right from then on."""
        return self._book_id is not None

    @property
    def last_id(self) -> int:
        """Update id that the book has reached; 0 before a snapshot."""
        return self._book_id or 0

    def apply(self, delta: DepthDelta) -> None:
        """Take the next message of the stream, before or after the snapshot.

        Raises SequenceGap when one is missing: the book is void and the stream must be opened anew.
        """
        if self._streamed_id is not None and delta.first_id != self._streamed_id + 1:
            raise self._gap(self._streamed_id + 1, delta.first_id)
        if self._book_id is None:
            self._waiting.append(delta)
        else:
            self._take(delta, self._book_id)
        self._streamed_id = delta.last_id

    def load(self, snapshot: DepthSnapshot) -> bool:
        """Start from ``snapshot`` and the deltas seen so far; False if it is too old for them."""
        kept = [delta for delta in self._waiting if delta.last_id > snapshot.last_id]
        if kept and kept[0].first_id > snapshot.last_id + 1:
            return False
        self._bids, self._asks = {}, {}
        _set_levels(self._bids, snapshot.bids)
        _set_levels(self._asks, snapshot.asks)
        self._event_ns = snapshot.event_ns
        self._book_id = snapshot.last_id
        self._waiting = []
        for delta in kept:
            self._take(delta, self._book_id)
        return True

    def book(self, depth: int) -> Book:
        """The best ``depth`` levels of each side, sorted."""
        bids = heapq.nlargest(depth, self._bids)
        asks = heapq.nsmallest(depth, self._asks)
        return Book(
            venue=BACKPACK,
            symbol=self.symbol,
            bids=tuple(Level(price, self._bids[price]) for price in bids),
            asks=tuple(Level(price, self._asks[price]) for price in asks),
            event_ns=self._event_ns,
        )

    def _take(self, delta: DepthDelta, book_id: int) -> None:
        if delta.last_id <= book_id:
            return
        # Only the first delta after a snapshot may overlap it: `apply` has checked the others.
        if delta.first_id > book_id + 1:
            raise self._gap(book_id + 1, delta.first_id)
        _set_levels(self._bids, delta.bids)
        _set_levels(self._asks, delta.asks)
        self._event_ns = max(self._event_ns, delta.event_ns)
        self._book_id = delta.last_id

    def _gap(self, expected: int, got: int) -> SequenceGap:
        return SequenceGap(BACKPACK, f"depth.{self.symbol}", expected, got)


def _set_levels(levels: dict[Decimal, Decimal], changes: Iterable[Level]) -> None:
    for change in changes:
        if change.size:
            levels[change.price] = change.size
        else:
            levels.pop(change.price, None)
