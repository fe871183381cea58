"""A small server behind the fault proxy, and clients of it, all on one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from paper.faults import AnyWire, Faults
from paper.proxy import Proxy, Wire

WAIT_S = 10.0


class Peer:
    """One end of a connection, with everything that it received."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), WAIT_S)

    async def rest(self) -> bytes:
        """Everything until the end; raises ConnectionError for a reset."""
        return await asyncio.wait_for(self.reader.read(), WAIT_S)

    async def hears_nothing(self) -> bool:
        """True when nothing has arrived after several turns of the loop and its sockets."""
        for _ in range(20):
            await asyncio.sleep(0)
        try:
            return not await asyncio.wait_for(self.reader.read(1), 0.05)
        except TimeoutError:
            return True


class Place:
    """An endpoint behind the proxy: ``accepted`` are the venue's ends, in order."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.faults = Faults()
        self.wire = Wire(self.faults)
        self.accepted: asyncio.Queue[Peer] = asyncio.Queue()
        self.port = 0

    async def connected(self) -> tuple[Peer, Peer]:
        """A client and the venue's end of its connection."""
        client = await self.client()
        return client, await asyncio.wait_for(self.accepted.get(), WAIT_S)

    async def client(self) -> Peer:
        return Peer(*await asyncio.open_connection("127.0.0.1", self.port))

    def do(self, fault: AnyWire) -> None:
        self.faults.arm(fault)

    def met(self) -> list[str]:
        """The names of the connections that faults have touched."""
        return [hit.detail for hit in self.faults.hits]


def at(endpoint: str, check: Callable[[Place], Awaitable[None]]) -> None:
    """Run ``check`` with an endpoint behind the proxy."""

    async def run() -> None:
        place = Place(endpoint)

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            place.accepted.put_nowait(Peer(reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        proxy = Proxy(endpoint, server.sockets[0].getsockname()[1], place.wire)
        place.port = await proxy.start(0)
        try:
            await check(place)
        finally:
            await proxy.stop()
            server.close()

    asyncio.run(run())
