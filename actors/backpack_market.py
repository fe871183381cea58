"""Backpack's public websocket: prices and books of the markets we trade."""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from actors.access import BackpackAccess
from actors.connection import ConnectionActor
from actors.http import HttpClient
from actors.market_board import MarketBoard
from actors.request_limiter import BARRED
from supervision.actor import ActorContext
from supervision.states import ExitKind
from venues.backpack import codec, requests
from venues.backpack.book import BookBuilder
from venues.backpack.outcome import is_error_object
from venues.backpack.streams import DepthDelta, QuoteEvent, StreamRefused, decode_stream
from venues.model import BACKPACK, Quote

_DEPTH: Final = 20
_BOOKS_EVERY_S: Final = 0.1
_REBUILD_AFTER_S: Final = 1.0  # of a crossed book: the snapshot after it may be crossed as well


class BooksDue(msgspec.Struct, frozen=True):
    """Time to show the books that have changed."""


class SnapshotDue(msgspec.Struct, frozen=True):
    """The book of this market needs a snapshot to start from."""

    symbol: str


class BackpackMarket(ConnectionActor):
    """Ready once every market has a price and a whole book.

    The reader thread puts prices on the board and deltas into the books, so that a fast market
    makes no queue: what is not read stays with the venue. The actor's thread shows the changed
    books from time to time. The stream sends no snapshot of a book: that is read over HTTP, on a
    connection that is only open until every book is whole.
    """

    def __init__(self, context: ActorContext, access: BackpackAccess, board: MarketBoard) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._board = board
        self._http: HttpClient | None = None
        self._lock = threading.Lock()  # of the four below, which both threads use
        self._books = {symbol: BookBuilder(symbol) for symbol in access.instruments}
        self._awaited: set[str] = set()
        self._changed: dict[str, float] = {}
        self._unpriced = set(access.instruments)

    # -- actor thread ------------------------------------------------------------------------------

    def on_start(self) -> None:
        self._board.clear(BACKPACK, self.epoch)
        self._access.limiter.enter(self.name, self.clock.now())
        self.connect(self._access.ws_url, {})
        streams = [f"bookTicker.{symbol}" for symbol in self._books]
        streams += [f"depth.{symbol}" for symbol in self._books]
        self.send(requests.subscribe_public_frame(streams).encode())
        self.expect_ready(self.timing.read_timeout_s)
        self.after(_BOOKS_EVERY_S, BooksDue())

    def on_message(self, message: object) -> object:
        if isinstance(message, BooksDue):
            self._show_books()
            self.after(_BOOKS_EVERY_S, message)
            return None
        if isinstance(message, SnapshotDue):
            self._load(message.symbol)
            return None
        return super().on_message(message)

    def on_interrupt(self) -> None:
        if self._http is not None:
            self._http.abort()
        super().on_interrupt()

    def on_exit(self, kind: ExitKind) -> None:
        if self._http is not None:
            self._http.close()
        super().on_exit(kind)
        self._board.clear(BACKPACK, self.epoch)

    def data_age_s(self) -> float | None:
        return self.clock.now() - self._data_s

    def _load(self, symbol: str) -> None:
        snapshot = self._snapshot(symbol)
        with self._lock:
            self._awaited.discard(symbol)
            # One that is older than the stream is of no use: the next delta asks for another.
            if self._books[symbol].load(snapshot):
                self._changed[symbol] = self.clock.now()
            whole = all(builder.ready for builder in self._books.values())
        if whole and self._http is not None:
            self._http.close()
        self._maybe_ready()

    def _snapshot(self, symbol: str) -> codec.DepthSnapshot:
        self.check_fence()
        if self._http is None:
            self._http = HttpClient(
                self.name,
                self._access.api_url,
                connect_timeout_s=self.timing.connect_timeout_s,
                read_timeout_s=self.timing.read_timeout_s,
            )
        request = requests.depth(symbol)
        self._access.limiter.enter(self.name, self.clock.now())
        answer = self._http.request(request.method, request.target, dict(request.headers))
        known = answer.status not in BARRED or is_error_object(answer.body)
        self._access.limiter.answered_anyone(
            answer.status, answer.headers, known=known, now_s=self.clock.now()
        )
        return codec.decode_depth(symbol, answer.status, answer.body)

    def _show_books(self) -> None:
        self.check_fence()
        with self._lock:
            changed, self._changed = self._changed, {}
            books = [(self._books[symbol].book(_DEPTH), at_s) for symbol, at_s in changed.items()]
        for book, at_s in books:
            if book.crossed:
                self._rebuild(book.symbol)
            else:
                self._board.put_book(book, self._access.clock.moment_s(book.event_ns, at_s))

    def _rebuild(self, symbol: str) -> None:
        self.log.warning("{}: book crossed, rebuilding from a snapshot", symbol)
        with self._lock:
            self._books[symbol] = BookBuilder(symbol)
            self._awaited.add(symbol)
            self._changed.pop(symbol, None)
        self._board.drop_book(BACKPACK, symbol)
        self.after(_REBUILD_AFTER_S, SnapshotDue(symbol))

    def _maybe_ready(self) -> None:
        with self._lock:
            whole = not self._unpriced and all(book.ready for book in self._books.values())
        if whole:
            self.report_ready()

    # -- reader thread -----------------------------------------------------------------------------

    def on_text(self, message: bytes, received_s: float) -> None:
        event = decode_stream(message)
        if isinstance(event, QuoteEvent):
            self._priced(event.quote, received_s)
        elif isinstance(event, DepthDelta):
            self._take_delta(event, received_s)
        elif isinstance(event, StreamRefused):
            raise event.error()

    def _priced(self, quote: Quote, received_s: float) -> None:
        self.check_fence()
        self._board.put_quote(quote, self._access.clock.moment_s(quote.event_ns, received_s))
        if quote.symbol in self._unpriced:
            with self._lock:
                self._unpriced.discard(quote.symbol)
            self._maybe_ready()

    def _take_delta(self, delta: DepthDelta, received_s: float) -> None:
        with self._lock:
            builder = self._books.get(delta.symbol)
            if builder is None:
                return
            builder.apply(delta)
            if builder.ready:
                self._changed[delta.symbol] = received_s
            elif delta.symbol not in self._awaited:
                self._awaited.add(delta.symbol)
                self.tell_self(SnapshotDue(delta.symbol))
