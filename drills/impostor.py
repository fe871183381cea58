"""A host in TLS before an endpoint of the venues, whose certificate can become somebody else's."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final, Self

from drills.certificate import self_signed, serving

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_HANDSHAKE_S: Final = 5.0


class Impostor:
    """Passes on what it is told in TLS, while it is who it says it is.

    ``certificate`` is what those trust who are told to (``SSL_CERT_FILE``). ``deceived`` counts who
    came while it was somebody else, ``stolen`` the bytes that those told it.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.certificate = self_signed(folder / "host.pem", HOST)
        self._true = serving(self.certificate)
        self._false = serving(self_signed(folder / "impostor.pem", HOST))
        self._target = port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._lying = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="impostor")
        self.port = 0
        self.deceived = 0
        self.stolen = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def deceive(self, *, on: bool) -> None:
        """Be somebody else, or the true host again; what is connected ends. Any thread."""
        self._loop.call_soon_threadsafe(self._turn, on)

    def _turn(self, on: bool) -> None:
        self._lying = on
        for writer in tuple(self._open):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._turn(False)
        server.close()
        left = tuple(self._tasks)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer, lying=self._lying)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, lying: bool
    ) -> None:
        self.deceived += lying
        context = self._false if lying else self._true
        try:
            await writer.start_tls(context, ssl_handshake_timeout=_HANDSHAKE_S)
        except OSError:
            return  # whoever came has seen the certificate, and left
        if lying:
            self.stolen += len(await reader.read(_CHUNK))
            return
        there, back = await asyncio.open_connection(HOST, self._target)
        self._open |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(_CHUNK):
                target.write(data)
                await target.drain()
        except OSError:
            return  # one of the ends is gone: so is the other, below
        finally:
            self._open.discard(target)
            target.close()
