"""The websockets that are open now, and how to abort them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator

import msgspec
from aiohttp import web

from paper.faults.effects import hits


def client_port(request: web.Request) -> int:
    """The port at the other end of a request's connection; 0 when that is gone."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    return int(peer[1]) if peer else 0


class _Live(msgspec.Struct):
    """A websocket that is open, how to abort it, and the client's port."""

    connection: str
    close: Callable[[], None]
    port: int


class Connections:
    """Every open websocket by its process-unique id. Loop thread only.

    ``refusing`` says whether a name is refused at this moment: then the websocket is aborted.
    """

    def __init__(self, refusing: Callable[[str], bool]) -> None:
        self._refusing = refusing
        self._last_id = 0
        self._live: dict[int, _Live] = {}
        self._dropped: set[int] = set()

    @property
    def names(self) -> dict[int, str]:
        """Connection names by id."""
        return {number: live.connection for number, live in self._live.items()}

    def name_at(self, port: int, names: Collection[str]) -> str | None:
        """The one of ``names`` that the websocket has whose client side has this port.

        Connections to different servers may have the same port.
        """
        for live in self._live.values():
            if live.port == port and live.connection in names:
                return live.connection
        return None

    def opened(self, connection: str, close: Callable[[], None], port: int) -> int:
        """Register an accepted websocket; returns its id."""
        self._last_id += 1
        self._live[self._last_id] = _Live(connection, close, port)
        self._drop_if_refused(self._last_id)
        return self._last_id

    def renamed(self, connection_id: int, connection: str) -> None:
        """It is known by another name now."""
        live = self._live.get(connection_id)
        if live is not None:
            live.connection = connection
            self._drop_if_refused(connection_id)

    def closed(self, connection_id: int) -> None:
        """It is gone."""
        self._live.pop(connection_id, None)

    def close_all(self) -> None:
        """Abort every one: the process ends."""
        for number in list(self._live):
            self._live.pop(number).close()

    def dropped(self, connection_id: int) -> bool:
        """True when a fault ended it."""
        return connection_id in self._dropped

    def drop(self, name: str) -> None:
        """Abort those that a fault of this name hits."""
        for number in list(self._of(name)):
            self._drop(number)

    def _of(self, name: str) -> Iterator[int]:
        return (number for number, live in self._live.items() if hits(name, live.connection))

    def _drop_if_refused(self, connection_id: int) -> None:
        live = self._live.get(connection_id)
        if live is not None and self._refusing(live.connection):
            # Not now: whoever registers it does not know its id yet.
            asyncio.get_running_loop().call_soon(self._drop, connection_id)

    def _drop(self, connection_id: int) -> None:
        live = self._live.pop(connection_id, None)
        if live is not None:
            self._dropped.add(connection_id)
            live.close()
