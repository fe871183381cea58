"""Prices read over HTTP: only while the stream tells none, and never in the place of newer ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from actors.market_board import MarketBoard
from actors.request_limiter import RequestLimiter
from actors.rest_prices import PriceSource, ReadDue, RestPrices, backpack_prices, grvt_prices
from tests.support.actors import WAIT_S, Peer, ScriptedServer, answer, read_request
from tests.support.actors_venue import UNLIMITED, Scene, backpack_access, grvt_access
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, quote
from trading.market import MarketView
from venues.model import BACKPACK, GRVT, Instrument

MARKETS = {GRVT: GRVT_ETH, BACKPACK: BACKPACK_ETH}
EACH = pytest.mark.parametrize("venue", MARKETS)
ANSWERS: dict[str, dict[str, Any]] = {
    GRVT: {
        "result": {
            "event_time": "1", "instrument": GRVT_ETH.symbol, "mark_price": "2500",
            "best_bid_price": "2499", "best_bid_size": "1",
            "best_ask_price": "2501", "best_ask_size": "1",
        }
    },
    BACKPACK: {
        "bids": [["2498", "1"], ["2499", "1"]], "asks": [["2502", "1"], ["2501", "1"]],
        "lastUpdateId": "1", "timestamp": 0,
    },
}  # fmt: skip


class Reader:
    """The actor of one venue, against a host that counts what it is asked."""

    def __init__(self, venue: str) -> None:
        self.instrument: Instrument = MARKETS[venue]
        self.board = MarketBoard()
        self.scene = Scene(venue, "prices")
        self.asked = threading.Semaphore(0)
        self.says: tuple[int, dict[str, Any]] = (200, ANSWERS[venue])
        self.limiter = RequestLimiter(UNLIMITED)

    def script(self, peer: Peer) -> None:
        while True:
            read_request(peer)
            self.asked.release()
            peer.send(answer(self.says[0], json.dumps(self.says[1]).encode()))

    def _source(self, url: str) -> PriceSource:
        if self.instrument.venue == GRVT:
            return grvt_prices(replace(grvt_access(url), limiter=self.limiter))
        return backpack_prices(replace(backpack_access(url), limiter=self.limiter))

    @contextmanager
    def reading(self) -> Iterator[None]:
        with (
            ScriptedServer(self.script) as server,
            self.scene.playing(lambda c: RestPrices(c, self._source(server.http), self.board)),
        ):
            heard = self.scene.stage.directory.address(f"{self.instrument.venue}/heartbeat")
            self.board.listen(heard, (self.instrument,))
            self.view()
            self.scene.ready()
            yield

    def view(self) -> MarketView:
        one = self.instrument
        return self.board.take(f"{one.venue}/heartbeat", one.venue, one.symbol)

    def look(self) -> None:
        """It looks whether a price is missing."""
        self.scene.actor.tell(ReadDue())


@EACH
def test_a_price_that_no_stream_tells_is_read(venue: str) -> None:
    it = Reader(venue)
    with it.reading():
        it.look()
        it.scene.pongs.get(timeout=WAIT_S)
        view = it.view()
        assert view.quote is not None
        assert (view.quote.bid, view.quote.ask) == (D(2499), D(2501))
        assert time.monotonic() - view.quoted_s < WAIT_S
        assert view.book is None
        assert not view.streamed


ONE_SIDED: dict[str, dict[str, Any]] = {
    GRVT: {
        "result": {
            "event_time": "1", "instrument": GRVT_ETH.symbol, "mark_price": "2500",
            "best_ask_price": "2501", "best_ask_size": "1",
        }
    },
    BACKPACK: {"bids": [], "asks": [["2501", "1"]], "lastUpdateId": "1", "timestamp": 0},
}  # fmt: skip


@EACH
def test_a_book_with_one_side_tells_no_price_and_is_read_again(venue: str) -> None:
    it = Reader(venue)
    it.says = (200, ONE_SIDED[venue])
    with it.reading():
        it.look()
        it.scene.actor.ask(ReadDue())  # it lives, and has answered the first look
        assert it.asked.acquire(timeout=WAIT_S)
        assert it.view().quote is None
        it.says = (200, ANSWERS[venue])
        it.look()
        it.scene.actor.ask(ReadDue())
        assert it.view().quote is not None


@EACH
def test_one_that_is_fresh_is_not(venue: str) -> None:
    it = Reader(venue)
    with it.reading():
        it.board.put_quote(quote(it.instrument), time.monotonic() + WAIT_S)
        it.scene.actor.ask(ReadDue())  # answered once it has looked
        assert not it.asked.acquire(blocking=False)


@EACH
def test_an_answer_that_is_none_ends_it(venue: str) -> None:
    it = Reader(venue)
    it.says = (500, {"code": "SERVER_ERROR", "message": ""})
    with it.reading():
        it.look()
        assert it.scene.failed().kind == "error"
        assert it.view().quote is None


@EACH
def test_too_many_of_its_questions_stop_openings(venue: str) -> None:
    """Venues count by address what anybody may ask."""
    it = Reader(venue)
    it.says = (429, {"code": "TOO_MANY_REQUESTS", "message": ""})
    with it.reading():
        it.look()
        it.scene.failed()
    assert it.limiter.no_new_risk(time.monotonic())
    assert not it.limiter.barred(time.monotonic())
