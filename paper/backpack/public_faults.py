"""What faults make of a public message of Backpack's: nothing, an old one, a crossed one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from paper.backpack import encode
from paper.faults import Faults
from paper.faults.streams import StreamFaults
from paper.orders import Exchange
from venues.backpack.stream_frames import BookTickerData, DepthData
from venues.model import Level


class PublicFaults:
    """Asked before each public message. ``floodable`` are the markets whose depth is listened to.

    While books are crossed, each depth message brings a bid at the best ask that is in no snapshot
    and that nothing takes away: a ghost.
    """

    def __init__(
        self, exchange: Exchange, faults: Faults, floodable: Callable[[], list[str]]
    ) -> None:
        self._exchange = exchange
        self._floodable = floodable
        self._faults = StreamFaults(faults, "backpack/market")
        self._faults.floods(self._burst)

    def lost(self, data: object) -> bool:
        """True for a message that is not sent."""
        return self._faults.silent or (isinstance(data, DepthData) and self._faults.lost())

    def spoilt(self, stream: str, data: object) -> object:
        """What is sent in the place of ``data``."""
        if isinstance(data, BookTickerData):
            if self._faults.crossed:
                data = msgspec.structs.replace(data, ask=data.bid, bid=data.ask)
            return self._faults.as_it_was(stream, data)
        if isinstance(data, DepthData):
            if self._faults.crossed:
                data = self._haunted(data)
            moment_us = self._faults.as_it_was("moment", data.engine_us)
            return msgspec.structs.replace(data, event_us=moment_us, engine_us=moment_us)
        return data

    def _haunted(self, data: DepthData) -> DepthData:
        book, _ = self._exchange.book(data.symbol, 1)
        ghosts = tuple(Level(encode.wire(ask.price), encode.wire(ask.size)) for ask in book.asks)
        return msgspec.structs.replace(data, bids=(*data.bids, *ghosts))

    def _burst(self, count: int) -> None:
        for symbol in self._floodable():
            self._exchange.stir(symbol, count)
