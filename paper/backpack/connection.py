"""One accepted websocket: its subscriptions, its outgoing queue, its pings, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from paper.backpack.settings import BackpackSettings
from paper.faults import Faults
from paper.faults.connections import client_port
from paper.faults.frames import BinaryFrame
from paper.orders import SessionLedger

MARKET_NAME: Final = "backpack/market"
FEED_NAME: Final = "backpack/feed"


class _Outgoing(msgspec.Struct):
    """A message, when it may leave (loop seconds), and what must have been set by then."""

    data: bytes
    due_s: float
    release: asyncio.Event | None


class StreamConnection:
    """A client's websocket. Messages leave in the order of ``send``, each after the feed's latency.

    Loop thread only. ``accounts`` maps each private stream subscribed to to its account.
    """

    def __init__(
        self, ws: web.WebSocketResponse, request: web.Request, settings: BackpackSettings,
        faults: Faults, ledger: SessionLedger,
    ) -> None:  # fmt: skip
        self.public: set[str] = set()
        self.accounts: dict[str, str] = {}
        self.name = MARKET_NAME
        self._ws = ws
        self._request = request
        self._settings = settings
        self._faults = faults
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[_Outgoing | asyncio.Event] = asyncio.Queue(settings.queue_limit)
        self._last_pong_s = self._loop.time()
        self._ended_by_venue = False
        self._id = faults.opened(self.name, self.abort, client_port(request))
        ledger.connected(self.name, self._id, False)

    def abort(self) -> None:
        """Cut the connection: no close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def authenticated(self) -> None:
        """A private subscription was accepted: from now on this is the feed."""
        if self.name != FEED_NAME:
            self.name = FEED_NAME
            self._faults.renamed(self._id, FEED_NAME)
        self._ledger.connected(FEED_NAME, self._id, True)

    def send(self, text: str | bytes, release: asyncio.Event | None = None) -> None:
        """Queue a message; a client that does not keep up is cut off."""
        due_s = self._loop.time() + self._settings.feed_latency_s
        try:
            data = text if isinstance(text, bytes) else text.encode()
            self._queue.put_nowait(_Outgoing(data, due_s, release))
        except asyncio.QueueFull:
            self._ended_by_venue = True
            self.abort()

    def barrier(self) -> asyncio.Event:
        """Set once everything queued so far has left, or the connection is gone."""
        passed = asyncio.Event()
        try:
            self._queue.put_nowait(passed)
        except asyncio.QueueFull:
            passed.set()
        return passed

    async def serve(self, received: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Run until the connection is gone; ``received`` is called with each message."""
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._keep_alive())]
        try:
            async for message in self._ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await received(message.data)
                elif message.type is WSMsgType.PING:
                    await self._ws.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._last_pong_s = self._loop.time()
        except ConnectionError:
            # It broke while we answered a ping: the end of it, recorded below.
            self.abort()
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._ended()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def close(self) -> None:
        """The exchange goes down: Close frame, then some grace for the client's own."""
        self._ended_by_venue = True
        await self._ws.close(code=WSCloseCode.GOING_AWAY, message=b"server shutdown")

    def _ended(self) -> None:
        while not self._queue.empty():
            left = self._queue.get_nowait()
            if isinstance(left, asyncio.Event):
                left.set()
        by = "client"
        if self._faults.dropped(self._id):
            by = "fault"
        elif self._ended_by_venue:
            by = "venue"
        self._faults.closed(self._id)
        self._ledger.disconnected(self.name, self._id, by)

    async def _write(self) -> None:
        while True:
            outgoing = await self._queue.get()
            if isinstance(outgoing, asyncio.Event):
                outgoing.set()
                continue
            if outgoing.release is not None:
                await outgoing.release.wait()
            wait_s = outgoing.due_s - self._loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await self._faults.before_reply(self.name)
            try:
                binary = isinstance(outgoing.data, BinaryFrame)
                opcode = WSMsgType.BINARY if binary else WSMsgType.TEXT
                await self._ws.send_frame(outgoing.data, opcode)
            except ConnectionError:
                self.abort()
                return

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._settings.ping_interval_s)
            if self._loop.time() - self._last_pong_s > self._settings.pong_timeout_s:
                self._ended_by_venue = True
                self.abort()
                return
            try:
                await self._ws.ping()
            except ConnectionError:
                self.abort()
                return
