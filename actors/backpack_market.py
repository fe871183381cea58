"""Backpack's public websocket: prices and books of the markets we trade."""

from __future__ import annotations

from actors.access import BackpackAccess
from actors.backpack_rest import DepthRead, ReadDepth
from actors.connection import ConnectionActor
from actors.coordinator import QuoteReported
from supervision.actor import ActorContext
from supervision.directory import parent_path
from venues.backpack.book import BookBuilder
from venues.backpack.requests import subscribe_public_frame
from venues.backpack.streams import DepthDelta, QuoteEvent, StreamRefused, decode_stream
from venues.errors import FrameError
from venues.model import BACKPACK


class BackpackMarket(ConnectionActor):
    """Ready once every market has a price and a whole book.

    The books are touched by the actor's thread only; the reader hands it the deltas. Prices go
    from the reader straight to the desks.
    """

    def __init__(
        self, context: ActorContext, access: BackpackAccess, desks: tuple[str, ...]
    ) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._desks = tuple(self.address(desk) for desk in desks)
        self._rest = self.address(f"{parent_path(context.name)}/rest")
        self._books = {symbol: BookBuilder(symbol) for symbol in access.instruments}
        self._unpriced = set(access.instruments)
        self._snapshots_wanted = set(access.instruments)  # once their first delta is here

    def on_start(self) -> None:
        self.connect(self._access.ws_url, {})
        streams = [f"bookTicker.{symbol}" for symbol in self._books]
        streams += [f"depth.{symbol}" for symbol in self._books]
        self.send(subscribe_public_frame(streams).encode())

    def on_message(self, message: object) -> object:
        if isinstance(message, DepthDelta):
            self._take_delta(message)
            return None
        if isinstance(message, DepthRead):
            self._take_snapshot(message)
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

    def _take_delta(self, delta: DepthDelta) -> None:
        builder = self._books.get(delta.symbol)
        if builder is None:
            return
        builder.apply(delta)
        if delta.symbol in self._snapshots_wanted:
            self._snapshots_wanted.discard(delta.symbol)
            self._rest.tell(ReadDepth(delta.symbol, self.name), half_open=True)
        elif builder.ready:
            self._check(builder)

    def _take_snapshot(self, message: DepthRead) -> None:
        builder = self._books[message.snapshot.symbol]
        if not builder.load(message.snapshot):
            self._rest.tell(ReadDepth(builder.symbol, self.name), half_open=True)
            return
        self._maybe_ready()

    def _check(self, builder: BookBuilder) -> None:
        if builder.book(1).crossed:
            raise FrameError(BACKPACK, self.name, f"crossed book of {builder.symbol}")

    def _maybe_ready(self) -> None:
        if not self._unpriced and all(builder.ready for builder in self._books.values()):
            self.report_ready()
