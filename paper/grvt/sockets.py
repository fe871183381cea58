"""One websocket of the front-end: frames in, replies and streams out, with the venue's latency."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from paper.faults import Faults
from paper.faults.connections import client_port
from paper.grvt.framing import Dialect
from paper.grvt.hub import Hub
from paper.grvt.outbox import Outbox
from paper.grvt.scripted import ScriptedDialect
from paper.grvt.sessions import PaperSession
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.orders import SessionLedger

_MAX_FRAME_BYTES = 1 << 20
_SESSION_OVER = 4401
_NS = 1_000_000_000


class GrvtSocket:
    """A connection from its handshake to its end. Loop thread only."""

    def __init__(
        self,
        name: str,
        request: web.Request,
        session: PaperSession | None,
        dialect: Dialect,
        hub: Hub,
        settings: GrvtSettings,
        faults: Faults,
        ledger: SessionLedger,
    ) -> None:
        self.account: GrvtAccount | None = None if session is None else session.account
        self._name = name
        self._request = request
        self._session = session
        self._dialect = ScriptedDialect(dialect, faults, name)
        self._hub = hub
        self._settings = settings
        self._faults = faults
        self._ledger = ledger
        self._socket = web.WebSocketResponse(max_msg_size=_MAX_FRAME_BYTES, compress=False)
        self._ended_by = "client"
        self._outbox: Outbox | None = None
        self._closing: asyncio.Task[bool] | None = None

    async def serve(self, now_ns: int) -> web.WebSocketResponse:
        """Accept the handshake and serve frames until either side ends it."""
        await self._socket.prepare(self._request)
        self._outbox = Outbox(self._socket, self._settings.outbox, self._cut)
        connection_id = self._faults.opened(self._name, self.abort, client_port(self._request))
        self._ledger.connected(self._name, connection_id, self._session is not None)
        expiry = self._close_at_expiry(now_ns)
        try:
            await self._read()
        finally:
            if expiry is not None:
                expiry.cancel()
            self._hub.leave(self)
            await self._outbox.stop()
            by = "fault" if self._faults.dropped(connection_id) else self._ended_by
            self._faults.closed(connection_id)
            self._ledger.disconnected(self._name, connection_id, by)
        return self._socket

    def reply(self, frame: bytes) -> None:
        """Send an answer after the venue's latency and whatever delay a fault adds."""
        self._push(frame, self._settings.latency_s)

    def feed(self, frame: bytes) -> None:
        """Send a stream's message."""
        self._push(frame, self._settings.feed_latency_s)

    def end(self) -> None:
        """The venue closes this connection."""
        self._cut()

    def _push(self, frame: bytes, latency_s: float) -> None:
        if self._outbox is not None:
            self._outbox.push(frame, latency_s + self._faults.delay_s(self._name))

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[tuple[float, str | bytes | None]] = asyncio.Queue()
        worker = loop.create_task(self._work(inbox)) if self._settings.latency_s else None
        if worker is not None:
            worker.add_done_callback(self._worked)
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                if worker is None:
                    self._dialect.handle(message.data, self)
                else:
                    inbox.put_nowait((loop.time() + self._settings.latency_s, message.data))
        finally:
            if worker is not None:
                # What had already left the client when the connection broke still arrives.
                inbox.put_nowait((0.0, None))
                await worker

    async def _work(self, inbox: asyncio.Queue[tuple[float, str | bytes | None]]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await inbox.get()
            if data is None:
                return
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._dialect.handle(data, self)

    def _worked(self, worker: asyncio.Task[None]) -> None:
        """A fault of ours must not leave a client waiting on a socket that serves nothing."""
        if worker.cancelled() or worker.exception() is not None:
            self._cut()

    def _close_at_expiry(self, now_ns: int) -> asyncio.TimerHandle | None:
        if self._session is None or self._settings.expired_socket == "keep":
            return None
        left_s = max(0.0, (self._session.expires_ns - now_ns) / _NS)
        return asyncio.get_running_loop().call_later(left_s, self._expire)

    def _expire(self) -> None:
        self.close(_SESSION_OVER)

    def close(self, code: int) -> None:
        """A Close frame with this code, after which the venue waits for the client's."""
        self._ended_by = "venue"
        self._closing = asyncio.get_running_loop().create_task(self._socket.close(code=code))

    def _cut(self) -> None:
        self._ended_by = "venue"
        self.abort()

    def abort(self) -> None:
        """Break the connection off: no close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()
