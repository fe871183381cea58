"""The depth streams of every market and pace, with the faults that a book builder must survive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from paper.backpack import encode
from paper.backpack.settings import BackpackSettings
from paper.orders import BookDelta
from venues.backpack.stream_frames import DepthData
from venues.model import Level

_PACES_S: Final = {"200ms": 0.2, "600ms": 0.6, "1000ms": 1.0}

Publish = Callable[[str, object], None]
_Changes = dict[Decimal, Level]


class _Channel:
    """One stream: collects the engine's deltas, and publishes them merged, ids continuous."""

    def __init__(
        self, stream: str, pace_s: float, settings: BackpackSettings, publish: Publish
    ) -> None:
        self._stream = stream
        self._pace_s = pace_s
        self._settings = settings
        self._publish = publish
        self._bids: _Changes = {}
        self._asks: _Changes = {}
        self._first_id = 0
        self._last: BookDelta | None = None
        self._held = 0
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, delta: BookDelta) -> None:
        """Take a delta; publish when the pace or the aggregation says so."""
        self._first_id = delta.first_id if self._last is None else self._first_id
        self._last = delta
        self._held += 1
        self._bids.update((level.price, level) for level in delta.bids)
        self._asks.update((level.price, level) for level in delta.asks)
        if self._pace_s:
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._pace_s, self._flush)
        elif self._held >= self._settings.depth_aggregate:
            self._flush()

    def _flush(self) -> None:
        last, self._last, self._timer, self._held = self._last, None, None, 0
        if last is None:
            return
        data = self._data(last)
        self._bids, self._asks = {}, {}
        self._sent += 1
        gap = self._settings.depth_gap_every
        if not gap or self._sent % gap:
            self._publish(self._stream, data)

    def _data(self, last: BookDelta) -> DepthData:
        moment_us = last.now_ns // encode.NS_PER_US
        return DepthData(
            event="depth", event_us=moment_us, engine_us=moment_us, symbol=last.symbol,
            asks=encode.levels(tuple(self._asks.values())),
            bids=encode.levels(tuple(self._bids.values())),
            first_id=self._first_id, last_id=last.last_id,
        )  # fmt: skip


class DepthChannels:
    """Every depth stream that was ever subscribed to."""

    def __init__(self, settings: BackpackSettings, publish: Publish) -> None:
        self._settings = settings
        self._publish = publish
        self._channels: dict[str, dict[str, _Channel]] = {}

    def open(self, stream: str) -> bool:
        """Keep ``depth.SYMBOL`` or ``depth.200ms.SYMBOL``; False for a pace that there is not."""
        pace, _, symbol = stream.removeprefix("depth.").rpartition(".")
        if pace and pace not in _PACES_S:
            return False
        channels = self._channels.setdefault(symbol, {})
        if stream not in channels:
            pace_s = _PACES_S.get(pace, 0.0)
            channels[stream] = _Channel(stream, pace_s, self._settings, self._publish)
        return True

    def changed(self, delta: BookDelta) -> None:
        """The engine's book moved."""
        for channel in self._channels.get(delta.symbol, {}).values():
            channel.add(delta)
