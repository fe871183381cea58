"""Whether a stream's messages are whole: the rules of GRVT's sequence numbers.

A subscription starts with ``num_snapshots`` messages numbered 0, then goes on from
``first_sequence_number`` in steps of one. A repeated message is dropped; anything else voids what
was built from the stream, and the connection must be opened anew. Source: GRVT api-spec
(May 2026), websocket streams, and captures of live traffic.
"""

from __future__ import annotations

from venues.errors import FrameError, SequenceGap
from venues.grvt.codec import StreamData, Subscription
from venues.grvt.numbers import IntText, to_int
from venues.model import GRVT

_Key = tuple[str, str]


class _Place:
    """Where one selector of one stream stands; ``last`` is None until a number is known."""

    __slots__ = ("last", "snapshots")

    def __init__(self, snapshots: int, last: int | None) -> None:
        self.snapshots = snapshots
        self.last = last


class SequenceTracker:
    """The numbers of all subscriptions of one connection. For one thread."""

    def __init__(self) -> None:
        self._places: dict[_Key, _Place] = {}
        self._ended: set[_Key] = set()

    def subscribed(self, subscription: Subscription) -> None:
        """Start counting what a subscribe reply has switched on, stop what it switched off."""
        self.unsubscribed(subscription)
        for index, selector in enumerate(subscription.subs):
            snapshots = _at(subscription.num_snapshots, index, subscription.stream)
            first = _at(subscription.first_sequence_number, index, subscription.stream)
            last = None if first is None or first == 0 else first - 1
            self._places[(subscription.stream, selector)] = _Place(snapshots or 0, last)
            self._ended.discard((subscription.stream, selector))

    def unsubscribed(self, subscription: Subscription) -> None:
        """Stop counting what is named in ``unsubs``; stragglers of it are then ignored."""
        for selector in subscription.unsubs:
            self._places.pop((subscription.stream, selector), None)
            self._ended.add((subscription.stream, selector))

    def accept(self, data: StreamData) -> bool:
        """True for the next message, False for one to ignore.

        Raises SequenceGap when a message is missing or the numbers went back, FrameError for a
        stream that nobody subscribed to.
        """
        place = self._find(data)
        if place is None:
            return False
        number = data.sequence_number
        if number == 0:
            return self._snapshot(place, data)
        if place.snapshots:
            raise self._gap(data, 0)
        if place.last is not None and number == place.last:
            return False
        if place.last is not None and number != place.last + 1:
            raise self._gap(data, place.last + 1)
        place.last = number
        return True

    def _snapshot(self, place: _Place, data: StreamData) -> bool:
        if not place.snapshots:
            raise self._gap(data, 1 if place.last is None else place.last + 1)
        place.snapshots -= 1
        return True

    def _find(self, data: StreamData) -> _Place | None:
        key = (data.stream, data.selector)
        place = self._places.get(key)
        if place is not None or key in self._ended:
            return place
        # Some documents echo only the primary part of a selector.
        primary = data.selector.partition("@")[0]
        for (stream, selector), candidate in self._places.items():
            if stream == data.stream and selector.partition("@")[0] == primary:
                return candidate
        raise FrameError(GRVT, data.stream, f"selector {data.selector!r} was never subscribed to")

    @staticmethod
    def _gap(data: StreamData, expected: int) -> SequenceGap:
        return SequenceGap(GRVT, f"{data.stream} {data.selector}", expected, data.sequence_number)


def _at(values: tuple[IntText, ...], index: int, stream: str) -> int | None:
    return to_int(values[index], f"{stream} subscription") if index < len(values) else None
