"""What the paper venues do wrong with their market data on request, on the real sockets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.paper_faults import Drill
from tests.support.paper_process import BACKPACK_ETH, CLOSE_S, GRVT_ETH, WAIT_S, Process
from venues import grvt
from venues.backpack import requests
from venues.backpack.streams import DepthDelta, QuoteEvent, decode_stream
from venues.errors import SequenceGap
from venues.grvt import codec
from venues.grvt.reading import read_stream, read_subscription
from venues.model import Book, Quote

GRVT_MARKET, BACKPACK_MARKET = "grvt/market", "backpack/market"
D = Decimal


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with Process("--seed", "1") as running:
        yield running


@pytest.fixture
def drill(process: Process) -> Iterator[Drill]:
    it = Drill(process)
    yield it
    it.clear()


class GrvtStreams:
    """A client of GRVT's prices and books, which minds their numbers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = grvt.SequenceTracker()
        symbol = GRVT_ETH.symbol
        for number, (stream, selector) in enumerate(
            (
                (codec.MINI_STREAM, codec.mini_selector(symbol)),
                (codec.BOOK_STREAM, codec.book_selector(symbol)),
            )
        ):
            connection.send(grvt.encode_subscribe(stream, (selector,), number))

    def news(self) -> Iterator[object]:
        while True:
            frame = grvt.decode_frame(self._connection.recv(WAIT_S))
            if isinstance(frame, grvt.Reply):
                self._numbers.subscribed(read_subscription(frame))
            elif self._numbers.accept(frame):
                yield read_stream(frame)


class BackpackStreams:
    """A client of Backpack's prices and depth."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        streams = [f"bookTicker.{BACKPACK_ETH}", f"depth.{BACKPACK_ETH}"]
        connection.send(requests.subscribe_public_frame(streams))

    def news(self) -> Iterator[object]:
        while True:
            event = decode_stream(self._connection.recv(WAIT_S))
            yield event.quote if isinstance(event, QuoteEvent) else event


@contextmanager
def grvt_streams(process: Process) -> Iterator[Iterator[object]]:
    url = process.line["grvt"]["market_data"].replace("http", "ws", 1) + "/ws/full"
    with connect(url, close_timeout=CLOSE_S) as connection:
        yield GrvtStreams(connection).news()


@contextmanager
def backpack_streams(process: Process) -> Iterator[Iterator[object]]:
    with connect(process.line["backpack"]["ws"], close_timeout=CLOSE_S) as connection:
        yield BackpackStreams(connection).news()


def first(news: Iterator[object], true: Callable[[Any], bool]) -> Any:
    """The next that is so."""
    return next(one for one in news if true(one))


def test_a_number_of_grvts_book_is_missing_after_a_gap(process: Process, drill: Drill) -> None:
    with grvt_streams(process) as news:
        first(news, lambda one: isinstance(one, Book))
        drill.arm("stream", connection=GRVT_MARKET, do="gap")
        with pytest.raises(SequenceGap):
            first(news, lambda _: False)
    assert drill.wait_hits() == ["lost"]


def test_an_update_of_backpacks_depth_is_missing_after_a_gap(
    process: Process, drill: Drill
) -> None:
    with backpack_streams(process) as news:
        deltas = (one for one in news if isinstance(one, DepthDelta))
        before = next(deltas)
        drill.arm("stream", connection=BACKPACK_MARKET, do="gap")
        for delta in deltas:
            if delta.first_id != before.last_id + 1:
                break
            before = delta
    assert drill.wait_hits() == ["lost"]


def test_bid_and_ask_of_both_venues_change_places_for_a_while(
    process: Process, drill: Drill
) -> None:
    for name in (GRVT_MARKET, BACKPACK_MARKET):
        drill.arm("stream", connection=name, do="cross", for_s=60)
    with grvt_streams(process) as news:
        assert first(news, lambda one: isinstance(one, Quote) and one.bid > one.ask)
        assert first(news, lambda one: isinstance(one, Book) and one.crossed)
    with backpack_streams(process) as news:
        quote = first(news, lambda one: isinstance(one, Quote) and one.bid > one.ask)
        ghosts = first(news, lambda one: isinstance(one, DepthDelta))
        assert max(level.price for level in ghosts.bids) >= quote.ask
        drill.clear()
        assert first(news, lambda one: isinstance(one, Quote) and one.bid < one.ask)


def test_time_stands_still_while_messages_come(process: Process, drill: Drill) -> None:
    for name in (GRVT_MARKET, BACKPACK_MARKET):
        drill.arm("stream", connection=name, do="stuck", for_s=60)
    with grvt_streams(process) as news:
        quotes = (one for one in news if isinstance(one, Quote))
        assert len({quote.event_ns for quote in itertools.islice(quotes, 1, 5)}) == 1
    with backpack_streams(process) as news:
        deltas = (one for one in news if isinstance(one, DepthDelta))
        assert len({delta.event_ns for delta in itertools.islice(deltas, 5)}) == 1


def test_a_silent_stream_says_nothing_and_answers_pings(process: Process, drill: Drill) -> None:
    with connect(process.line["backpack"]["ws"], close_timeout=CLOSE_S) as connection:
        news = BackpackStreams(connection).news()
        next(news)
        drill.arm("stream", connection=BACKPACK_MARKET, do="silent", for_s=60)
        while _more(connection):
            continue
        assert connection.ping().wait(WAIT_S)
        drill.wait_hits()
        drill.clear()
        next(news)


def _more(connection: Connection) -> bool:
    """True when something comes within half a second, which is five times as often as it does."""
    try:
        connection.recv(0.5)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("streams", [grvt_streams, backpack_streams])
def test_a_flood_keeps_its_numbers(process: Process, drill: Drill, streams: Any) -> None:
    name = GRVT_MARKET if streams is grvt_streams else BACKPACK_MARKET
    drill.arm("flood", connection=name, per_s=500, for_s=1)
    with streams(process) as news:
        books = (one for one in news if isinstance(one, Book | DepthDelta))
        flood = list(itertools.islice(books, 100))
    if streams is backpack_streams:
        deltas = [one for one in flood if isinstance(one, DepthDelta)]
        assert all(b.first_id == a.last_id + 1 for a, b in itertools.pairwise(deltas))


def test_prices_move_at_once_and_stay_there(process: Process, drill: Drill) -> None:
    def marks() -> list[Decimal]:
        said = process.get(f"/prices?symbol={BACKPACK_ETH}&count=1")["marks"]
        return [D(mark) for mark in said]

    before = marks()[0]
    drill.arm("move", by_bps="200")
    with backpack_streams(process) as news:
        moved = first(news, lambda one: isinstance(one, Quote) and one.bid > before * D("1.01"))
    assert moved.bid < before * D("1.03")
    drill.arm("move", by_bps="-200", venue="backpack")


def test_a_market_is_listed_in_the_state_that_it_is_put_in(process: Process, drill: Drill) -> None:
    def states() -> dict[str, str]:
        url = process.line["backpack"]["api"] + "/api/v1/markets"
        rows = json.loads(process.http.request("GET", url).data)
        return {row["symbol"]: row["orderBookState"] for row in rows}

    assert set(states().values()) == {"Open"}
    drill.arm("state", connection="backpack", state="PostOnly", for_s=60, symbol=BACKPACK_ETH)
    assert states()[BACKPACK_ETH] == "PostOnly"
    assert set(states().values()) == {"Open", "PostOnly"}


def test_what_lasts_has_to_say_for_how_long(drill: Drill) -> None:
    said = drill.refused("stream", connection=GRVT_MARKET, do="cross")
    assert said == '"cross" lasts: say for how long with "for_s"'
