"""The book of a market: the U/u rule, against a plain model of what the venue holds."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.backpack import STEADY
from venues.backpack.book import BookBuilder
from venues.backpack.codec import DepthSnapshot
from venues.backpack.streams import DepthDelta
from venues.errors import SequenceGap
from venues.model import Level

Levels = dict[Decimal, Decimal]


def level(price: int, size: int) -> Level:
    return Level(Decimal(price), Decimal(size))


def delta(first: int, last: int, *bids: Level, asks: tuple[Level, ...] = ()) -> DepthDelta:
    return DepthDelta(symbol="X", bids=bids, asks=asks, first_id=first, last_id=last, event_ns=last)


def snapshot(last: int, *bids: Level, asks: tuple[Level, ...] = ()) -> DepthSnapshot:
    return DepthSnapshot(symbol="X", bids=bids, asks=asks, last_id=last, event_ns=last)


def test_a_snapshot_in_any_order_becomes_a_sorted_book() -> None:
    builder = BookBuilder("X")
    assert builder.load(snapshot(5, level(1, 1), level(3, 1), asks=(level(9, 1), level(7, 2))))
    book = builder.book(10)
    assert builder.ready
    assert [bid.price for bid in book.bids] == [3, 1]
    assert [ask.price for ask in book.asks] == [7, 9]
    assert builder.book(1).asks == (level(7, 2),)


def test_buffered_deltas_that_the_snapshot_covers_are_dropped() -> None:
    builder = BookBuilder("X")
    builder.apply(delta(1, 3, level(1, 9)))
    builder.apply(delta(4, 6, level(2, 4)))
    assert builder.load(snapshot(4, level(1, 1)))
    assert builder.book(5).bids == (level(2, 4), level(1, 1))
    assert builder.last_id == 6


def test_a_snapshot_older_than_the_stream_is_to_be_fetched_again() -> None:
    builder = BookBuilder("X")
    builder.apply(delta(10, 12, level(1, 1)))
    assert not builder.load(snapshot(8))
    assert not builder.ready
    assert builder.load(snapshot(9))
    assert builder.book(5).bids == (level(1, 1),)


def test_a_snapshot_ahead_of_the_stream_waits_for_it_to_catch_up() -> None:
    builder = BookBuilder("X")
    builder.apply(delta(1, 2, level(1, 1)))
    assert builder.load(snapshot(5, level(1, 5)))
    builder.apply(delta(3, 4, level(1, 4)))
    assert builder.book(5).bids == (level(1, 5),)
    builder.apply(delta(5, 6, level(1, 6)))
    assert builder.book(5).bids == (level(1, 6),)


def test_the_first_delta_after_a_snapshot_may_overlap_it_but_not_leave_a_hole() -> None:
    builder = BookBuilder("X")
    builder.load(snapshot(5))
    with pytest.raises(SequenceGap, match="expected 6, got 7"):
        builder.apply(delta(7, 8))


@pytest.mark.parametrize("first", [5, 7])
def test_a_missed_or_repeated_message_voids_the_book(first: int) -> None:
    builder = BookBuilder("X")
    builder.load(snapshot(4))
    builder.apply(delta(5, 5))
    with pytest.raises(SequenceGap, match=f"depth.X: sequence gap: expected 6, got {first}"):
        builder.apply(delta(first, 9))


def test_a_hole_is_seen_before_the_snapshot_too() -> None:
    builder = BookBuilder("X")
    builder.apply(delta(5, 5))
    with pytest.raises(SequenceGap):
        builder.apply(delta(7, 7))


def test_size_zero_in_any_spelling_removes_a_level() -> None:
    builder = BookBuilder("X")
    builder.load(snapshot(1, level(1, 1), level(2, 1)))
    builder.apply(delta(2, 2, Level(Decimal("1.0"), Decimal("0.00"))))
    assert builder.book(5).bids == (level(2, 1),)


@STEADY
@given(
    changes=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=1, max_size=30),
    cuts=st.sets(st.integers(1, 29)),
    taken=st.integers(0, 30),
    seen=st.integers(0, 10),
)
def test_any_split_and_any_snapshot_lead_to_the_venues_book(
    changes: list[tuple[int, int]], cuts: set[int], taken: int, seen: int
) -> None:
    held = [_held(changes[:count]) for count in range(len(changes) + 1)]
    edges = [0, *sorted(cut for cut in cuts if cut < len(changes)), len(changes)]
    deltas = [
        delta(low + 1, high, *(level(*change) for change in changes[low:high]))
        for low, high in itertools.pairwise(edges)
    ]
    taken = min(taken, len(changes))
    builder = BookBuilder("X")
    for message in deltas[:seen]:
        builder.apply(message)
    assert builder.load(
        snapshot(taken, *(Level(price, size) for price, size in held[taken].items()))
    )
    for message in deltas[seen:]:
        builder.apply(message)
    assert {bid.price: bid.size for bid in builder.book(99).bids} == held[-1]
    assert builder.last_id == len(changes)


def _held(changes: list[tuple[int, int]]) -> Levels:
    levels: Levels = {}
    for price, size in changes:
        levels[Decimal(price)] = Decimal(size)
    return {price: size for price, size in levels.items() if size}
