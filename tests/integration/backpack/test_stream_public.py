"""The paper Backpack's public streams: quotes, marks, and depth that a book is built from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.backpack_server import (
    SYMBOL,
    PaperBackpack,
    Stream,
    order,
    placed,
    served,
)
from venues.backpack import codec, requests
from venues.backpack.book import BookBuilder
from venues.backpack.streams import (
    DepthDelta,
    QuoteEvent,
    decode_stream,
)
from venues.errors import SequenceGap


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def test_best_prices_are_told_when_they_move(venue: PaperBackpack) -> None:
    stream = venue.stream(f"bookTicker.{SYMBOL}").settled()
    placed(venue, order())
    message = stream.next()
    assert isinstance(message["data"]["u"], str)
    event = decode_stream(json.dumps(message))
    assert isinstance(event, QuoteEvent)
    assert (event.quote.ask, event.quote.ask_size) == (Decimal("2500.1"), Decimal("4.5"))


def test_mark_prices_are_published_at_their_interval() -> None:
    with served(mark_interval_s=0.01) as venue:
        data = venue.stream(f"markPrice.{SYMBOL}").data()
    assert (data["e"], data["p"], data["i"]) == ("markPrice", "2500", "2500")


def deltas(stream: Stream, count: int) -> list[DepthDelta]:
    events = [decode_stream(json.dumps(stream.next())) for _ in range(count)]
    return [event for event in events if isinstance(event, DepthDelta)]


def trade_times(venue: PaperBackpack, count: int) -> None:
    for client_order_id in range(count):
        placed(venue, order(size=Decimal("0.1"), client_order_id=client_order_id))


def test_a_book_built_from_snapshot_and_stream_is_the_venues(venue: PaperBackpack) -> None:
    stream = venue.stream(f"depth.{SYMBOL}").settled()
    builder = BookBuilder(SYMBOL)
    trade_times(venue, 2)
    for delta in deltas(stream, 1):
        builder.apply(delta)
    response = venue.send(requests.depth(SYMBOL))
    assert builder.load(codec.decode_depth(SYMBOL, response.status_code, response.content))
    trade_times(venue, 2)
    for delta in deltas(stream, 3):
        builder.apply(delta)
    book, last_id = venue.call(lambda: venue.exchange.book(SYMBOL, 10))
    assert builder.book(10).asks == book.asks
    assert builder.book(10).bids == book.bids
    assert builder.last_id == last_id


def test_aggregated_depth_covers_several_ids_without_a_hole() -> None:
    with served(depth_aggregate=2) as venue:
        stream = venue.stream(f"depth.{SYMBOL}").settled()
        trade_times(venue, 4)
        first, second = deltas(stream, 2)
    assert first.last_id - first.first_id == 1
    assert second.first_id == first.last_id + 1


def test_a_paced_depth_stream_merges_what_happened_meanwhile(venue: PaperBackpack) -> None:
    stream = venue.stream(f"depth.200ms.{SYMBOL}").settled()
    trade_times(venue, 3)
    builder = BookBuilder(SYMBOL)
    while builder.last_id < venue.exchange.book(SYMBOL, 1)[1]:
        for delta in deltas(stream, 1):
            builder.apply(delta)
        response = venue.send(requests.depth(SYMBOL))
        builder.load(codec.decode_depth(SYMBOL, response.status_code, response.content))
    assert builder.book(1).asks[0].size == Decimal("4.7")


def test_a_gap_in_the_depth_stream_is_a_real_one() -> None:
    with served(depth_gap_every=2) as venue:
        stream = venue.stream(f"depth.{SYMBOL}").settled()
        trade_times(venue, 3)
        first, third = deltas(stream, 2)
    builder = BookBuilder(SYMBOL)
    builder.apply(first)
    with pytest.raises(SequenceGap):
        builder.apply(third)


def test_snapshots_may_be_stale_and_unsorted() -> None:
    with served(stale_snapshots=True, unsorted_levels=True) as venue:
        venue.bob_sends("buy", "1", "2400")
        path = f"api/v1/depth?symbol={SYMBOL}"
        first = venue.get(path).json()
        trade_times(venue, 1)
        assert venue.get(path).json()["lastUpdateId"] == first["lastUpdateId"]
        assert int(venue.get(path).json()["lastUpdateId"]) > int(first["lastUpdateId"])
    assert [price for price, _ in first["bids"]] == ["2400", "2499.9"]
