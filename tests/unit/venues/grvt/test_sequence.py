"""GRVT's sequence numbers: what is whole, what is a repeat, what is a gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from venues.errors import FrameError, SequenceGap
from venues.grvt.codec import StreamData, Subscription
from venues.grvt.sequence import SequenceTracker

BOOK = "BTC_USDT_Perp@500-10"


def tracker(snapshots: int = 1, first: str = "464151") -> SequenceTracker:
    started = SequenceTracker()
    started.subscribed(
        Subscription(
            stream="v1.book.s",
            subs=(BOOK,),
            num_snapshots=(snapshots,),
            first_sequence_number=(first,),
        )
    )
    return started


def message(number: int, selector: str = BOOK) -> StreamData:
    return StreamData(
        stream="v1.book.s", selector=selector, sequence_number=number, feed=Raw(b"{}")
    )


def test_snapshots_then_contiguous_numbers_are_accepted() -> None:
    numbers = tracker(snapshots=2)
    assert all(numbers.accept(message(n)) for n in (0, 0, 464151, 464152, 464153))


def test_a_repeated_message_is_ignored() -> None:
    numbers = tracker(snapshots=0)
    assert numbers.accept(message(464151))
    assert not numbers.accept(message(464151))
    assert numbers.accept(message(464152))


def test_the_last_message_before_the_subscription_is_a_repeat_too() -> None:
    assert not tracker(snapshots=0).accept(message(464150))


@pytest.mark.parametrize("bad", [464153, 464149, 1])
def test_a_jump_or_a_decrease_is_a_gap(bad: int) -> None:
    numbers = tracker(snapshots=0)
    with pytest.raises(SequenceGap) as caught:
        numbers.accept(message(bad))
    assert (caught.value.expected, caught.value.got) == (464151, bad)


def test_a_missing_or_a_surplus_snapshot_is_a_gap() -> None:
    with pytest.raises(SequenceGap):
        tracker(snapshots=1).accept(message(464151))
    with pytest.raises(SequenceGap):
        tracker(snapshots=0).accept(message(0))


def test_a_selector_echoed_without_its_secondary_part_is_recognised() -> None:
    assert tracker(snapshots=0).accept(message(464151, selector="BTC_USDT_Perp"))


def test_a_replaced_selector_is_ignored_from_then_on() -> None:
    numbers = tracker(snapshots=0)
    other = "BTC_USDT_Perp@1000-10"
    numbers.subscribed(
        Subscription(
            stream="v1.book.s", subs=(other,), unsubs=(BOOK,), first_sequence_number=("9",)
        )
    )
    assert not numbers.accept(message(464151))
    assert numbers.accept(message(9, selector=other))


def test_a_stream_that_was_never_subscribed_to_is_a_frame_error() -> None:
    with pytest.raises(FrameError):
        tracker().accept(message(1, selector="ETH_USDT_Perp@500-10"))


def test_without_a_first_number_the_first_message_sets_it() -> None:
    numbers = SequenceTracker()
    numbers.subscribed(Subscription(stream="v1.book.s", subs=(BOOK,)))
    assert numbers.accept(message(77))
    with pytest.raises(SequenceGap):
        numbers.accept(message(79))


@given(st.lists(st.integers(464140, 464165), max_size=30))
def test_accepted_numbers_never_skip_whatever_arrives(numbers: list[int]) -> None:
    counting = tracker(snapshots=0)
    accepted = []
    for number in numbers:
        try:
            if counting.accept(message(number)):
                accepted.append(number)
        except SequenceGap:
            break
    assert accepted == list(range(464151, 464151 + len(accepted)))
