"""GRVT's public websocket: prices, books and funding of the instruments we trade."""

from __future__ import annotations

from typing import Final

from actors.access import GrvtAccess
from actors.connection import ConnectionActor
from actors.market_board import MarketBoard
from supervision.actor import ActorContext
from supervision.states import ExitKind
from trading.market import NEVER, FundingTimes
from venues.errors import FrameError, SessionRefused
from venues.grvt import Reply, SequenceTracker, decode_frame, encode_subscribe
from venues.grvt.codec import (
    BOOK_STREAM,
    MINI_STREAM,
    TICKER_STREAM,
    StreamData,
    book_selector,
    mini_selector,
    ticker_selector,
)
from venues.grvt.reading import read_stream, read_subscription
from venues.model import GRVT, Book, MarketInfo, Quote

_DEPTH: Final = 50
# Each book comes whole, twice a second: of a flood most need not be looked at.
_BOOK_EVERY_S: Final = 0.1


class GrvtMarket(ConnectionActor):
    """Ready once every stream has been accepted and every instrument has a price.

    Each book comes whole, so that one which is crossed is only left out. What is read goes to the
    board on the reader thread, as of the moment that the venue gives it.
    """

    def __init__(self, context: ActorContext, access: GrvtAccess, board: MarketBoard) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._board = board
        self._sequence = SequenceTracker()
        self._unpriced = set(access.instruments)
        self._booked_s: dict[str, float] = {}
        self._funding = FundingTimes()
        symbols = access.instruments
        self._streams = {
            1: (MINI_STREAM, tuple(mini_selector(symbol) for symbol in symbols)),
            2: (BOOK_STREAM, tuple(book_selector(symbol, depth=_DEPTH) for symbol in symbols)),
            3: (TICKER_STREAM, tuple(ticker_selector(symbol) for symbol in symbols)),
        }
        self._unconfirmed = set(self._streams)

    def on_start(self) -> None:
        self._board.clear(GRVT, self.epoch)
        self._access.limiter.enter(self.name, self.clock.now())
        self.connect(self._access.endpoints.market_socket, {})
        for request_id, (stream, selectors) in self._streams.items():
            self.send(encode_subscribe(stream, selectors, request_id))
        self.expect_ready(self.timing.read_timeout_s)

    def on_exit(self, kind: ExitKind) -> None:
        super().on_exit(kind)
        self._board.clear(GRVT, self.epoch)

    def data_age_s(self) -> float | None:
        return self.clock.now() - self._data_s

    def on_text(self, message: bytes, received_s: float) -> None:
        frame = decode_frame(message, self.name)
        if isinstance(frame, Reply):
            self._subscribed(frame)
        elif self._sequence.accept(frame) and not self._too_soon(frame, received_s):
            self.check_fence()
            news = read_stream(frame)
            if isinstance(news, Quote):
                self._priced(news, received_s)
            elif isinstance(news, Book):
                self._booked(news, received_s)
            elif isinstance(news, MarketInfo):
                info = self._funding.with_interval(news)
                self._board.put_info(info, self._moment_s(news.event_ns, received_s))

    def _too_soon(self, frame: StreamData, received_s: float) -> bool:
        """True for a book that comes right after another good one of that market."""
        if frame.stream != BOOK_STREAM:
            return False
        return received_s - self._booked_s.get(frame.symbol, NEVER) < _BOOK_EVERY_S

    def _subscribed(self, reply: Reply) -> None:
        if reply.error is not None:
            raise SessionRefused(GRVT, 0, str(reply.error.code), reply.error.message)
        subscription = read_subscription(reply)
        _, wanted = self._streams[reply.request_id or 0]
        missing = subscription.missing(wanted)
        if missing:
            raise FrameError(GRVT, self.name, f"not subscribed to {', '.join(missing)}")
        self._sequence.subscribed(subscription)
        self._unconfirmed.discard(reply.request_id or 0)
        self._maybe_ready()

    def _priced(self, quote: Quote, received_s: float) -> None:
        self._board.put_quote(quote, self._moment_s(quote.event_ns, received_s))
        if quote.symbol in self._unpriced:
            self._unpriced.discard(quote.symbol)
            self._maybe_ready()

    def _booked(self, book: Book, received_s: float) -> None:
        if not book.crossed:
            self._booked_s[book.symbol] = received_s
        self._board.put_book(book, self._moment_s(book.event_ns, received_s))

    def _moment_s(self, event_ns: int, received_s: float) -> float:
        return self._access.clock.moment_s(event_ns, received_s)

    def _maybe_ready(self) -> None:
        if not self._unconfirmed and not self._unpriced:
            self.report_ready()
