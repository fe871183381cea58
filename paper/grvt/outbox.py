"""What leaves on one websocket: in order, after its latency, and never without a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMsgType, web

from paper.faults.frames import BinaryFrame


class Outbox:
    """A bounded queue and the one task that writes it. A consumer too slow for it is dropped.

    ``on_overflow`` is called once, when the bound is passed; nothing is sent after that.
    """

    def __init__(
        self, socket: web.WebSocketResponse, bound: int, on_overflow: Callable[[], None]
    ) -> None:
        self._socket = socket
        self._on_overflow = on_overflow
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(bound)
        self._overflown = False
        self._task = self._loop.create_task(self._write())

    def push(self, frame: bytes, delay_s: float) -> None:
        """Send ``frame`` no earlier than ``delay_s`` from now, after everything pushed before."""
        if self._overflown:
            return
        try:
            self._queue.put_nowait((self._loop.time() + delay_s, frame))
        except asyncio.QueueFull:
            self._overflown = True
            self._on_overflow()

    async def stop(self) -> None:
        """Stop writing, whatever is left."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            due, frame = await self._queue.get()
            wait_s = due - self._loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            # GRVT's frames are text; ours are made as UTF-8 bytes, unless a fault spoils them.
            opcode = WSMsgType.BINARY if isinstance(frame, BinaryFrame) else WSMsgType.TEXT
            await self._socket.send_frame(frame, opcode)
