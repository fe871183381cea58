"""Subscriptions of one host: who hears which selector, and the sequence numbers of each.

A channel is a stream and a selector; its numbers are shared by all subscribers, as they are at one
of GRVT's gateways. What a channel has to say at first, and who may hear it, is its ``Source``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from paper.faults.frames import FrameFaults
from paper.grvt.settings import GrvtAccount, GrvtSettings
from venues.grvt.codec import Subscription, encode

Feed = msgspec.Struct | msgspec.Raw
"""What a message is about; ``LOST`` for one that is not sent, though its number is used up."""
Publish = Callable[[Feed], None]
LOST: Final = msgspec.Raw(b"")


class Subscriber(Protocol):
    """A connection, as the hub sees it."""

    def feed(self, frame: bytes) -> None:
        """Send a stream's message, after what was sent before."""


class Source(Protocol):
    """Where a host's streams come from."""

    def check(self, stream: str, selector: str, account: GrvtAccount | None) -> None:
        """Raise GrvtRefusal unless this may be subscribed to by ``account``."""

    def snapshots(self, stream: str, selector: str) -> Sequence[msgspec.Struct]:
        """What a new subscriber is told first."""

    def opened(self, stream: str, selector: str, publish: Publish) -> None:
        """Somebody listens now: from here on ``publish`` what happens."""

    def closed(self, stream: str, selector: str) -> None:
        """Nobody listens any more."""


class StreamFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's message, written with the same key order as the venue's."""

    stream: str
    selector: str
    sequence_number: str
    feed: Feed
    prev_sequence_number: str


class _Channel:
    """One selector of one stream."""

    __slots__ = ("latest", "selector", "sent", "stream", "subscribers")

    def __init__(self, stream: str, selector: str) -> None:
        self.stream = stream
        self.selector = selector
        self.latest = 0
        self.sent = 0
        self.subscribers: dict[Subscriber, None] = {}

    def send(self, frame: bytes) -> None:
        """Tell everybody who listens now."""
        for subscriber in tuple(self.subscribers):
            subscriber.feed(frame)

    def frame(self, feed: Feed, number: int) -> bytes:
        """A message with this number; 0 is a snapshot."""
        return encode(
            StreamFrame(
                stream=self.stream,
                selector=self.selector,
                sequence_number=str(number),
                feed=feed,
                prev_sequence_number=str(max(number - 1, 0)),
            )
        )


_Key = tuple[str, str]
PRIMARY_END: Final = "@"
_TRADING: Final = "grvt/trading"


class Hub:
    """The channels of one host, and the ``spoiler`` of its messages. Loop thread only."""

    def __init__(
        self, source: Source, settings: GrvtSettings, spoiler: FrameFaults | None = None
    ) -> None:
        self._source = source
        self._settings = settings
        self._spoiler = spoiler
        self._channels: dict[_Key, _Channel] = {}

    def subscribe(
        self,
        subscriber: Subscriber,
        stream: str,
        selectors: Sequence[str],
        account: GrvtAccount | None,
    ) -> tuple[Subscription, list[bytes]]:
        """Add ``subscriber``; gives the reply and the snapshots that follow it.

        Another secondary of a selector that the subscriber already has replaces it. Raises
        GrvtRefusal, and then nothing has changed.
        """
        for selector in selectors:
            self._source.check(stream, selector, account)
        replaced = [
            old for selector in selectors for old in self._same(subscriber, stream, selector)
        ]
        self.unsubscribe(subscriber, stream, replaced)
        frames: list[bytes] = []
        counts: list[int] = []
        latest: list[int] = []
        for selector in selectors:
            channel = self._channel(stream, selector)
            snapshots = self._source.snapshots(stream, selector)
            frames.extend(channel.frame(snapshot, 0) for snapshot in snapshots)
            counts.append(len(snapshots))
            latest.append(channel.latest)
            self._add(channel, subscriber)
        reply = Subscription(
            stream=stream,
            subs=tuple(selectors),
            unsubs=tuple(replaced),
            num_snapshots=tuple(counts),
            first_sequence_number=tuple(str(number + 1) for number in latest),
            latest_sequence_number=tuple(str(number) for number in latest),
        )
        return reply, frames

    def unsubscribe(
        self, subscriber: Subscriber, stream: str, selectors: Sequence[str]
    ) -> tuple[str, ...]:
        """Take ``subscriber`` off; gives the selectors that it really had."""
        gone = []
        for selector in selectors:
            channel = self._channels.get((stream, selector))
            if channel is not None and subscriber in channel.subscribers:
                gone.append(selector)
                self._remove(channel, subscriber)
        return tuple(gone)

    def leave(self, subscriber: Subscriber) -> None:
        """The connection is gone: end all of its subscriptions."""
        for channel in self._channels.values():
            if subscriber in channel.subscribers:
                self._remove(channel, subscriber)

    def publish(self, stream: str, selector: str, feed: Feed) -> None:
        """Tell the subscribers of a channel, if there are any."""
        channel = self._channels.get((stream, selector))
        if channel is None or not channel.subscribers:
            return
        fault = None if self._spoiler is None else self._spoiler.take(_TRADING, _kind(stream))
        if fault is not None and fault.do == "drop" and not fault.numbered:
            return
        channel.latest += 1
        if feed is LOST:
            return
        channel.sent += 1
        frame = channel.frame(feed, channel.latest)
        for _ in range(self._copies(channel.sent)):
            if self._spoiler is None:
                channel.send(frame)
            else:
                self._spoiler.deliver(_TRADING, fault, frame, channel.send)

    def restart(self) -> None:
        """Forget all numbers, as a gateway does that restarts. Close the connections too."""
        for channel in self._channels.values():
            channel.latest = 0

    def _copies(self, sent: int) -> int:
        gap, duplicate = self._settings.gap_every, self._settings.duplicate_every
        if gap and sent % gap == 0:
            return 0
        return 2 if duplicate and sent % duplicate == 0 else 1

    def _same(self, subscriber: Subscriber, stream: str, selector: str) -> list[str]:
        primary = selector.partition(PRIMARY_END)[0]
        return [
            channel.selector
            for channel in self._channels.values()
            if channel.stream == stream
            and subscriber in channel.subscribers
            and channel.selector != selector
            and channel.selector.partition(PRIMARY_END)[0] == primary
        ]

    def _channel(self, stream: str, selector: str) -> _Channel:
        return self._channels.setdefault((stream, selector), _Channel(stream, selector))

    def _add(self, channel: _Channel, subscriber: Subscriber) -> None:
        if not channel.subscribers:
            stream, selector = channel.stream, channel.selector
            self._source.opened(stream, selector, lambda feed: self.publish(stream, selector, feed))
        channel.subscribers[subscriber] = None

    def _remove(self, channel: _Channel, subscriber: Subscriber) -> None:
        del channel.subscribers[subscriber]
        if not channel.subscribers:
            self._source.closed(channel.stream, channel.selector)


def _kind(stream: str) -> str:
    """``fill`` for ``v1.fill``."""
    return stream.rpartition(".")[2]
