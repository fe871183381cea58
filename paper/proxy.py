"""A TCP proxy before an endpoint, which does to connections what networks do.

``Wire`` knows the faults that act and every relayed connection; ``Proxy`` listens for one endpoint.
A relay goes by its endpoint's name (``backpack/ws``) and by the name of what runs over it, which
changes as the venue learns it (``backpack/market``, then ``backpack/feed``). Loop thread only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

from paper.faults import (
    AnyWire,
    Blackhole,
    ClearAll,
    Closed,
    Cut,
    Fault,
    FaultRefused,
    Faults,
    Fin,
    Hold,
    NoRead,
    Rst,
    Trickle,
)
from paper.faults.wire import WireFault
from paper.relay import Relay, Weather

ENDPOINTS: Final = {
    "grvt/edge": ("grvt/session",),
    "grvt/trades": ("grvt/rest", "grvt/trading"),
    "grvt/market-data": ("grvt/market-rest", "grvt/market"),
    "backpack/api": ("backpack/rest",),
    "backpack/ws": ("backpack/market", "backpack/feed"),
}
_HOST: Final = "127.0.0.1"
_KINDS: Final[tuple[type[WireFault], ...]] = (
    Blackhole,
    Closed,
    Hold,
    NoRead,
    Trickle,
    Rst,
    Fin,
    Cut,
)
_Kind = TypeVar("_Kind", bound=WireFault)


class _Acting(msgspec.Struct):
    """A fault that acts, and how its end is called off."""

    fault: WireFault
    ending: asyncio.TimerHandle | None = None


class Wire(Weather):
    """The faults of all proxied endpoints. ``faults`` arms them and names the websockets."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._acting: list[_Acting] = []
        self._relays: dict[Relay, str] = {}
        self._proxies: dict[str, Proxy] = {}
        for kind in _KINDS:
            faults.on(kind, self._begin)
        faults.on(ClearAll, self._clear)
        faults.checked_by(self._check)

    def proxied(self, endpoint: str, proxy: Proxy) -> None:
        """That endpoint is behind this proxy."""
        self._proxies[endpoint] = proxy

    async def listening(self, endpoint: str) -> None:
        """Wait until that endpoint listens again after it was closed."""
        await self._proxies[endpoint].reopened()

    def joined(self, relay: Relay, endpoint: str) -> None:
        """A client has connected to an endpoint."""
        self._relays[relay] = endpoint

    # --- Weather: what a relay asks ----------------------------------------------------------

    def acting(self, relay: Relay, kind: type[_Kind]) -> list[_Kind]:
        """The faults of a kind that hit this connection now."""
        if not self._acting:
            return []
        names = self._names(relay)
        return [
            acting.fault
            for acting in self._acting
            if isinstance(acting.fault, kind) and _hits(acting.fault.connection, names)
        ]

    def met(self, relay: Relay, fault: WireFault) -> None:
        """That fault has touched this connection."""
        self._faults.effects.hit(fault, self._names(relay)[1])

    def spent(self, fault: WireFault) -> None:
        """A fault that acts once has acted."""
        self._acting = [acting for acting in self._acting if acting.fault is not fault]

    def left(self, relay: Relay) -> None:
        """Both ends of a connection are gone."""
        self._relays.pop(relay, None)

    def close(self) -> None:
        """The process ends: cut everything."""
        for relay in tuple(self._relays):
            relay.reset()

    # --- faults -------------------------------------------------------------------------------

    def _begin(self, fault: WireFault) -> None:
        if isinstance(fault, Rst | Fin):
            for relay in tuple(self._hit_by(fault)):
                self.met(relay, fault)
                if isinstance(fault, Rst):
                    relay.reset()
                else:
                    relay.finish()
            return
        acting = _Acting(fault)
        self._acting.append(acting)
        for_s: float | None = getattr(fault, "for_s", None)
        if for_s is not None:
            loop = asyncio.get_running_loop()
            acting.ending = loop.call_later(for_s, self._end, acting)
        self._refresh()

    def _end(self, acting: _Acting) -> None:
        self.spent(acting.fault)
        self._refresh()

    def _clear(self, _: ClearAll) -> None:
        for acting in self._acting:
            if acting.ending is not None:
                acting.ending.cancel()
        self._acting.clear()
        self._refresh()

    def _refresh(self) -> None:
        for endpoint, proxy in self._proxies.items():
            closed = [
                acting.fault
                for acting in self._acting
                if isinstance(acting.fault, Closed)
                and _hits(acting.fault.connection, (endpoint, *ENDPOINTS[endpoint]))
            ]
            proxy.listen(not closed)
        for relay in tuple(self._relays):
            relay.refresh()

    def _hit_by(self, fault: WireFault) -> Iterator[Relay]:
        return (relay for relay in self._relays if _hits(fault.connection, self._names(relay)))

    def _names(self, relay: Relay) -> tuple[str, str]:
        endpoint = self._relays[relay]
        names = ENDPOINTS[endpoint]
        return endpoint, self._faults.name_at(relay.port, names) or names[0]

    def _check(self, fault: Fault) -> None:
        if not isinstance(fault, WireFault):
            return
        wanted = {
            endpoint
            for endpoint, names in ENDPOINTS.items()
            if _hits(fault.connection, (endpoint, *names))
        }
        if not wanted & self._proxies.keys():
            raise FaultRefused(
                f"{fault.connection} is not behind the proxy: start the venues with the setting "
                f'"proxied": {msgspec.json.encode(sorted(wanted)).decode()}'
            )


class Proxy:
    """Listens for one endpoint and relays every connection to ``port`` on loopback."""

    def __init__(self, endpoint: str, port: int, wire: Wire) -> None:
        self._endpoint = endpoint
        self._port = port
        self._wire = wire
        self._server: asyncio.Server | None = None
        self._listening = 0
        self._reserved: socket.socket | None = None
        self._opening: asyncio.Task[None] | None = None
        wire.proxied(endpoint, self)

    async def start(self, port: int) -> int:
        """Listen on ``port`` (0: any); returns the one that it is. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted(loop), _HOST, port)
        address: tuple[str, int] = self._server.sockets[0].getsockname()
        self._listening = address[1]
        return self._listening

    def listen(self, wanted: bool) -> None:
        """Listen, or let new connections be refused."""
        if not wanted and self._server is not None:
            self._server.close()
            self._server = None
            # Bound without listening: connections are refused, and nobody takes the port.
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.bind((_HOST, self._listening))
        elif wanted and self._reserved is not None and self._opening is None:
            opening = self._reopen(self._reserved)
            self._opening = asyncio.get_running_loop().create_task(opening)

    async def reopened(self) -> None:
        """Wait for what ``listen`` has begun."""
        if self._opening is not None:
            await self._opening

    async def _reopen(self, reserved: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted(loop), sock=reserved)
        self._reserved = self._opening = None

    async def stop(self) -> None:
        """Listen no more, and cut what is open."""
        if self._opening is not None:
            self._opening.cancel()
        for listener in (self._server, self._reserved):
            if listener is not None:
                listener.close()
        self._wire.close()

    def _accepted(self, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
        def accept() -> asyncio.Protocol:
            relay = Relay(self._wire)
            self._wire.joined(relay, self._endpoint)
            relay.connect(loop, _HOST, self._port)
            return relay.client

        return accept


def _hits(name: str, names: tuple[str, ...]) -> bool:
    return any(one == name or one.startswith(f"{name}/") for one in names)


__all__ = ["ENDPOINTS", "AnyWire", "Proxy", "Wire"]
