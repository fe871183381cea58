"""Backpack's public websocket: prices and books of the markets we trade."""

from __future__ import annotations

from actors.access import BackpackAccess
from actors.connection import ConnectionActor
from actors.coordinator import QuoteReported
from actors.http import HttpClient
from supervision.actor import ActorContext
from supervision.states import ExitKind
from venues.backpack import codec, requests
from venues.backpack.book import BookBuilder
from venues.backpack.streams import DepthDelta, QuoteEvent, StreamRefused, decode_stream
from venues.errors import FrameError
from venues.model import BACKPACK


class BackpackMarket(ConnectionActor):
    """Ready once every market has a price and a whole book.

    The books are touched by the actor's thread only; the reader hands it the deltas. Prices go
    from the reader straight to the desks. The stream sends no snapshot of a book: that is read
    over HTTP, on a connection that is only open until every book is whole.
    """

    def __init__(
        self, context: ActorContext, access: BackpackAccess, desks: tuple[str, ...]
    ) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._desks = tuple(self.address(desk) for desk in desks)
        self._http: HttpClient | None = None
        self._books = {symbol: BookBuilder(symbol) for symbol in access.instruments}
        self._unpriced = set(access.instruments)

    def on_start(self) -> None:
        self.connect(self._access.ws_url, {})
        streams = [f"bookTicker.{symbol}" for symbol in self._books]
        streams += [f"depth.{symbol}" for symbol in self._books]
        self.send(requests.subscribe_public_frame(streams).encode())
        self.expect_ready(self.timing.read_timeout_s)

    def on_message(self, message: object) -> object:
        if isinstance(message, DepthDelta):
            self._take_delta(message)
            return None
        return super().on_message(message)

    def data_age_s(self) -> float | None:
        return self.clock.now() - self._data_s

    def on_text(self, message: bytes, received_s: float) -> None:
        event = decode_stream(message)
        if isinstance(event, QuoteEvent):
            for desk in self._desks:
                desk.offer(QuoteReported(event.quote, received_s))
            if event.quote.symbol in self._unpriced:
                self._unpriced.discard(event.quote.symbol)
                self._maybe_ready()
        elif isinstance(event, DepthDelta):
            self.tell_self(event)
        elif isinstance(event, StreamRefused):
            raise event.error()

    def on_interrupt(self) -> None:
        if self._http is not None:
            self._http.abort()
        super().on_interrupt()

    def on_exit(self, kind: ExitKind) -> None:
        if self._http is not None:
            self._http.close()
        super().on_exit(kind)

    def _take_delta(self, delta: DepthDelta) -> None:
        builder = self._books.get(delta.symbol)
        if builder is None:
            return
        builder.apply(delta)
        if builder.ready:
            self._check(builder)
        elif builder.load(self._snapshot(delta.symbol)):
            self._maybe_ready()  # a snapshot older than the stream waits for the next delta

    def _snapshot(self, symbol: str) -> codec.DepthSnapshot:
        if self._http is None:
            self._http = HttpClient(
                self.name,
                self._access.api_url,
                connect_timeout_s=self.timing.connect_timeout_s,
                read_timeout_s=self.timing.read_timeout_s,
            )
        request = requests.depth(symbol)
        answer = self._http.request(request.method, request.target, dict(request.headers))
        return codec.decode_depth(symbol, answer.status, answer.body)

    def _check(self, builder: BookBuilder) -> None:
        if builder.book(1).crossed:
            raise FrameError(BACKPACK, self.name, f"crossed book of {builder.symbol}")

    def _maybe_ready(self) -> None:
        if not self._unpriced and all(builder.ready for builder in self._books.values()):
            if self._http is not None:
                self._http.close()
            self.report_ready()
