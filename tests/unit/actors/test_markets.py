"""The market actors: what they put on the board, and that no price outlives its stream."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from actors.backpack_market import BackpackMarket
from actors.grvt_market import GrvtMarket
from actors.market_board import MarketBoard
from actors.request_limiter import RequestLimiter
from supervision.actor import ActorContext, SupervisedActor
from tests.support.actors import WAIT_S, Peer, Script, ScriptedServer, answer, read_request
from tests.support.actors_venue import (
    BACKPACK_ETH,
    GRVT_ETH,
    UNLIMITED,
    Scene,
    backpack_access,
    grvt_access,
    grvt_subscribed,
)
from tests.support.trading import BACKPACK_ETH as BACKPACK_MARKET
from tests.support.trading import GRVT_ETH as GRVT_MARKET
from tests.support.trading import D
from trading.market import MarketView
from venues.model import BACKPACK, GRVT, Instrument, MarketInfo

SNAPSHOT = {"bids": [["2499", "5"]], "asks": [["2501", "5"]], "lastUpdateId": "10", "timestamp": 1}


class Watched:
    """A market actor against a script, and the board that it fills."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.board = MarketBoard()
        self.scene = Scene(instrument.venue, "market")

    @contextmanager
    def playing(
        self, build: Callable[[ActorContext, str, MarketBoard], SupervisedActor], *scripts: Script
    ) -> Iterator[None]:
        with (
            ScriptedServer(*scripts) as server,
            self.scene.playing(lambda c: build(c, server.http, self.board)),
        ):
            heard = self.scene.stage.directory.address(f"{self.instrument.venue}/heartbeat")
            self.board.listen(heard, (self.instrument,))
            yield

    def until(self, true: Callable[[MarketView], bool]) -> MarketView:
        """Look at the market at each change, until it is so."""
        due_s = time.monotonic() + WAIT_S
        venue, symbol = self.instrument.venue, self.instrument.symbol
        while not true(view := self.board.take(f"{venue}/heartbeat", venue, symbol)):
            self.scene.pongs.get(timeout=max(0.0, due_s - time.monotonic()))
        return view

    def bid(self) -> str:
        """The best bid of the book once there is one."""
        book = self.until(lambda view: view.book is not None).book
        assert book is not None
        return str(book.bids[0].price)


# -- GRVT ----


def grvt_says(peer: Peer, numbers: Iterator[int], stream: str, **feed: Any) -> None:
    body = {"event_time": "1", "instrument": GRVT_ETH, **feed}
    rate = {"v1.mini.s": "@200", "v1.book.s": "@500-50", "v1.ticker.s": "@1000"}[stream]
    data = {
        "stream": stream, "selector": GRVT_ETH + rate,
        "sequence_number": str(next(numbers)), "feed": body,
    }  # fmt: skip
    peer.text(json.dumps(data).encode())


def grvt_prices(peer: Peer, numbers: Iterator[int], stream: str = "v1.mini.s", **more: Any) -> None:
    prices = {"mark_price": "2500", "best_bid_price": "2499", "best_ask_price": "2501"}
    sizes = {"best_bid_size": "1", "best_ask_size": "1"}
    grvt_says(peer, numbers, stream, **prices, **sizes, **more)


def grvt_book(peer: Peer, numbers: Iterator[int], bid: str, ask: str = "2501") -> None:
    sides = {"bids": [{"price": bid, "size": "5"}], "asks": [{"price": ask, "size": "5"}]}
    grvt_says(peer, numbers, "v1.book.s", **sides)


def grvt(*steps: Callable[[Peer, Iterator[int], Iterator[int]], object]) -> Script:
    """A venue that accepts all streams; each step gets the numbers of prices and of books."""

    def script(peer: Peer) -> None:
        peer.upgrade()
        grvt_subscribed(peer, 3)
        prices, books = itertools.count(1), itertools.count(1)
        for step in steps:
            step(peer, prices, books)

    return script


def grvt_market(context: ActorContext, url: str, board: MarketBoard) -> SupervisedActor:
    return GrvtMarket(context, grvt_access(url), board)


def test_grvts_prices_and_books_come_to_the_board() -> None:
    it = Watched(GRVT_MARKET)
    script = grvt(
        lambda peer, prices, _: grvt_prices(peer, prices),
        lambda peer, _, books: grvt_book(peer, books, "2499"),
        lambda peer, *_: peer.until_gone(),
    )
    with it.playing(grvt_market, script):
        view = it.until(lambda view: view.quote is not None and view.book is not None)
        assert view.quote is not None
        assert str(view.quote.bid) == it.bid() == "2499"
        assert view.quoted_s <= time.monotonic()


def test_grvts_mark_and_funding_come_to_the_board_and_its_rate_is_in_percent() -> None:
    it = Watched(GRVT_MARKET)

    def ticker(peer: Peer, prices: Iterator[int], *_: Iterator[int]) -> None:
        told = {"funding_rate": "0.01", "next_funding_time": "28800000000000"}
        grvt_prices(peer, prices, "v1.ticker.s", funding_interval_hours=8, **told)

    with it.playing(grvt_market, grvt(ticker, lambda peer, *_: peer.until_gone())):
        info = it.until(lambda view: view.info is not None).info
    assert info == MarketInfo(
        venue=GRVT, symbol=GRVT_ETH, mark_price=D(2500), funding_rate=D("0.0001"),
        next_funding_ns=28_800 * 10**9, funding_interval_s=28_800, event_ns=1,
    )  # fmt: skip


def test_a_crossed_book_of_grvts_is_left_out_and_the_stream_goes_on() -> None:
    it = Watched(GRVT_MARKET)
    script = grvt(
        lambda peer, prices, _: grvt_prices(peer, prices),
        lambda peer, _, books: grvt_book(peer, books, "2502"),
        lambda peer, _, books: grvt_book(peer, books, "2498"),
        lambda peer, *_: peer.until_gone(),
    )
    with it.playing(grvt_market, script):
        assert it.bid() == "2498"
        assert ("backing_off", 1) not in it.scene.stage.stream(it.scene.name)


def test_no_price_and_no_book_of_grvts_outlives_its_stream() -> None:
    it = Watched(GRVT_MARKET)
    first = grvt(
        lambda peer, prices, _: grvt_prices(peer, prices),
        lambda peer, _, books: grvt_book(peer, books, "2499"),
    )
    with it.playing(grvt_market, first, grvt(lambda peer, *_: peer.until_gone())):
        it.scene.failed()
        view = it.board.view(GRVT, GRVT_ETH)
        assert (view.quote, view.book) == (None, None)


# -- Backpack ----


def delta(peer: Peer, first: int, bids: list[list[str]], last: int | None = None) -> None:
    data = {"s": BACKPACK_ETH, "a": [], "b": bids, "U": first, "u": last or first, "T": 1}
    peer.text(json.dumps({"stream": f"depth.{BACKPACK_ETH}", "data": data}).encode())


def ticker(peer: Peer) -> None:
    data = {"s": BACKPACK_ETH, "a": "2501", "A": "1", "b": "2499", "B": "1", "T": 1}
    peer.text(json.dumps({"stream": f"bookTicker.{BACKPACK_ETH}", "data": data}).encode())


def backpack(*steps: Callable[[Peer], object]) -> Script:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.read_frame()
        for step in steps:
            step(peer)

    return script


def snapshots(peer: Peer) -> None:
    """The book of update 10, as often as it is asked for."""
    while True:
        assert "/api/v1/depth" in read_request(peer)[0]
        peer.send(answer(200, json.dumps(SNAPSHOT).encode()))


def backpack_market(context: ActorContext, url: str, board: MarketBoard) -> SupervisedActor:
    return BackpackMarket(context, backpack_access(url), board)


def test_backpacks_prices_and_its_book_of_snapshot_and_deltas_come_to_the_board() -> None:
    it = Watched(BACKPACK_MARKET)
    stream = backpack(
        ticker,
        lambda peer: delta(peer, 11, [["2499.5", "1"]]),
        Peer.until_gone,
    )
    with it.playing(backpack_market, stream, snapshots):
        it.scene.ready()
        view = it.until(lambda view: view.quote is not None and view.book is not None)
        assert view.book is not None
        assert [str(level.price) for level in view.book.bids] == ["2499.5", "2499"]


def test_a_crossed_book_of_backpacks_is_no_book_and_is_built_anew() -> None:
    it = Watched(BACKPACK_MARKET)
    stream = backpack(
        ticker,
        lambda peer: delta(peer, 11, [["2502", "1"]]),
        Peer.until_gone,
    )
    with it.playing(backpack_market, stream, snapshots):
        # The ghost is in no snapshot: what is built anew is without it.
        assert it.bid() == "2499"
        assert it.scene.stage.stream(it.scene.name)[-1] == ("running", 1)


def test_a_missing_delta_ends_the_stream_and_nothing_of_it_is_left() -> None:
    it = Watched(BACKPACK_MARKET)
    stream = backpack(
        ticker,
        lambda peer: delta(peer, 11, [["2499.5", "1"]]),
        lambda peer: delta(peer, 13, [["2499.6", "1"]]),
        Peer.until_gone,
    )
    with it.playing(backpack_market, stream, snapshots):
        assert it.scene.failed().detail.startswith("SequenceGap: ")
        view = it.board.view(BACKPACK, BACKPACK_ETH)
        assert (view.quote, view.book) == (None, None)


def test_a_snapshot_that_is_one_question_too_many_stops_openings() -> None:
    limiter = RequestLimiter(UNLIMITED)

    def market(context: ActorContext, url: str, board: MarketBoard) -> SupervisedActor:
        return BackpackMarket(context, replace(backpack_access(url), limiter=limiter), board)

    def refused(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer(429, b"<html>"))

    it = Watched(BACKPACK_MARKET)
    stream = backpack(ticker, lambda peer: delta(peer, 11, []), Peer.until_gone)
    with it.playing(market, stream, refused):
        it.scene.failed()
    assert limiter.no_new_risk(time.monotonic())
    assert not limiter.barred(time.monotonic())
