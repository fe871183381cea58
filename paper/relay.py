"""One TCP connection that is passed on: two ends, two directions, and the faults in between."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import Final, Protocol, TypeVar, cast

from paper.faults import Blackhole, Cut, Hold, NoRead, Trickle
from paper.faults.wire import Direction, WireFault

_Kind = TypeVar("_Kind", bound=WireFault)
_Directed = TypeVar("_Directed", Hold, NoRead, Trickle, Cut)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_SLICE_S: Final = 0.02


class Weather(Protocol):
    """Who knows which faults act on a relay."""

    def acting(self, relay: Relay, kind: type[_Kind]) -> list[_Kind]:
        """The faults of a kind that hit this connection now."""

    def met(self, relay: Relay, fault: WireFault) -> None:
        """That fault has touched this connection."""

    def spent(self, fault: WireFault) -> None:
        """A fault that acts once has acted."""

    def left(self, relay: Relay) -> None:
        """Both ends of a connection are gone."""


class Relay:
    """A client's connection and ours to the venue. ``port`` is ours, as the venue sees it."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._touched: set[int] = set()
        self._silent = False
        self._connecting: asyncio.Task[None] | None = None
        self.port = 0
        self.client = End(self)
        self.venue = End(self)
        self.up = Flow(self, "up", self.client, self.venue)
        self.down = Flow(self, "down", self.venue, self.client)

    def connect(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        """Open our side to the venue."""
        self._connecting = loop.create_task(self._connect(loop, host, port))

    async def _connect(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        try:
            await loop.create_connection(lambda: self.venue, host, port)
        except OSError:
            self.client.abort()
            self.venue.open = False
            self._leave_if_over()

    def acting(self, kind: type[_Kind]) -> list[_Kind]:
        """The faults of a kind that hit this connection now."""
        return self._weather.acting(self, kind)

    def met(self, fault: WireFault) -> None:
        """Report a fault once for this connection."""
        if id(fault) not in self._touched:
            self._touched.add(id(fault))
            self._weather.met(self, fault)

    def spent(self, fault: WireFault) -> None:
        """A fault that acts once has acted here."""
        self._weather.spent(fault)

    def swallows(self) -> bool:
        """True when what arrives now vanishes: in a black hole, and ever after."""
        for fault in self.acting(Blackhole):
            self.met(fault)
            self._silent = True
        return self._silent

    def refresh(self) -> None:
        """Other faults act now than before."""
        if self._silent and (self.up.ended or self.down.ended) and not self.acting(Blackhole):
            # An end that went in the dark: now the other one may know.
            self.reset()
            return
        for flow in (self.up, self.down):
            flow.refresh()

    def opened(self, end: End) -> None:
        """An end is connected."""
        if end is self.venue:
            self.port = end.port
        self.refresh()

    def finished(self, end: End) -> None:
        """An end will send no more."""
        flow = self.up if end is self.client else self.down
        if self.swallows():
            flow.stop()
            self.refresh()
        else:
            flow.received(None)

    def lost(self, end: End, broken: bool) -> None:
        """An end is gone: tell the other one, unless the way there is blocked."""
        flow, back = (self.up, self.down) if end is self.client else (self.down, self.up)
        back.stop()
        if broken and not self.swallows() and not flow.held:
            self.reset()
        else:
            self.finished(end)
        self._leave_if_over()

    def drained(self) -> None:
        """A direction has come to its end: with both, the connection is over."""
        if self.up.drained and self.down.drained:
            self.finish()

    def reset(self) -> None:
        """RST to both ends."""
        for end in (self.client, self.venue):
            end.abort()

    def finish(self) -> None:
        """FIN to both ends, after what is on its way."""
        for end in (self.client, self.venue):
            end.close()

    def _leave_if_over(self) -> None:
        if not self.client.open and not self.venue.open:
            self._weather.left(self)


class End(asyncio.Protocol):
    """One socket of a relay."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._transport: asyncio.Transport | None = None
        self.open = True
        self.full = False
        self.flow: Flow | None = None
        self.feeder: Flow | None = None

    @property
    def connected(self) -> bool:
        """True once bytes can be written."""
        return self._transport is not None and self.open

    @property
    def port(self) -> int:
        """The local port."""
        assert self._transport is not None
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._relay.opened(self)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        assert self.flow is not None
        self.flow.received(data)

    def eof_received(self) -> bool:
        """Pass it on too, and keep this side open for what comes the other way."""
        self._relay.finished(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.open = False
        self._relay.lost(self, broken=exc is not None)

    def pause_writing(self) -> None:
        """The peer does not read: neither do we on the other side."""
        self._fill(True)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._fill(False)

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None and self.open:
            self._transport.write(data)

    def write_eof(self) -> None:
        """No more will be sent."""
        if self._transport is not None and self.open and not self._transport.is_closing():
            # The peer may have reset the connection, and the loop not have heard of it yet.
            with contextlib.suppress(OSError):
                self._transport.write_eof()

    def read(self, wanted: bool) -> None:
        """Start or stop reading."""
        if self._transport is None or not self.open or self._transport.is_closing():
            return
        if wanted and not self._transport.is_reading():
            self._transport.resume_reading()
        elif not wanted and self._transport.is_reading():
            self._transport.pause_reading()

    def close(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is None or not self.open:
            return
        raw: socket.socket = self._transport.get_extra_info("socket")
        if raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _fill(self, full: bool) -> None:
        self.full = full
        if self.feeder is not None:
            self.feeder.refresh()


class Flow:
    """One direction: what came in and has not left yet; None is the end of it."""

    def __init__(self, relay: Relay, direction: Direction, source: End, target: End) -> None:
        self._relay = relay
        self._direction = direction
        self._source = source
        self._target = target
        self._queue: deque[bytes | None] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._counts: dict[int, int] = {}
        self.ended = False
        self.drained = False
        source.flow = self
        target.feeder = self

    def received(self, data: bytes | None) -> None:
        """Bytes, or the end of them."""
        if self.ended or self._relay.swallows():
            return
        self.ended = data is None
        self._queue.append(data)
        self._pump()

    def stop(self) -> None:
        """Nothing leaves any more."""
        self._queue.clear()
        self.ended = self.drained = True

    @property
    def held(self) -> bool:
        """True while nothing may leave."""
        holding = self._hitting(Hold)
        for fault in holding:
            self._relay.met(fault)
        return bool(holding)

    def refresh(self) -> None:
        """Read or not, and go on with what waits."""
        stopped = self._hitting(NoRead)
        for fault in stopped:
            self._relay.met(fault)
        self._source.read(not stopped and not self._target.full)
        self._pump()

    def _hitting(self, kind: type[_Directed]) -> list[_Directed]:
        """The faults of a kind that act in this direction."""
        acting = self._relay.acting(kind)
        return [fault for fault in acting if fault.direction in ("both", self._direction)]

    def _pump(self) -> None:
        if self._paced():
            return
        while self._queue and self._target.connected and not self.held:
            data = self._queue.popleft()
            if data is None:
                self.drained = True
                self._target.write_eof()
                self._relay.drained()
                return
            data = self._trickled(data)
            if self._cut(data):
                return
            self._target.write(data)
            if self._paced():
                return

    def _trickled(self, data: bytes) -> bytes:
        """What may leave now; the rest waits for its time."""
        for fault in self._hitting(Trickle):
            self._relay.met(fault)
            size = max(1, int(fault.bytes_per_s * _SLICE_S))
            if len(data) > size:
                self._queue.appendleft(data[size:])
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(size / fault.bytes_per_s, self._resume)
            return data[:size]
        return data

    def _paced(self) -> bool:
        """True while the next bytes wait for their time."""
        return self._timer is not None

    def _resume(self) -> None:
        self._timer = None
        self._pump()

    def _cut(self, data: bytes) -> bool:
        """Count the bytes of each cut; the one that is reached resets the connection."""
        for fault in self._hitting(Cut):
            count = self._counts.get(id(fault), 0)
            if count + len(data) <= fault.after_bytes:
                self._counts[id(fault)] = count + len(data)
                continue
            self._relay.met(fault)
            self._target.write(data[: fault.after_bytes - count])
            self._relay.spent(fault)
            self.stop()
            self._relay.reset()
            return True
        return False
