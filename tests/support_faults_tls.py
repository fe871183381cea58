"""A venue's host in TLS, whose certificate can become somebody else's."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path
from typing import Self

from tests.support_actors import Certificate

_CHUNK = 65_536


class TlsHost:
    """``localhost`` in TLS before a port that speaks plainly.

    ``deceive`` presents another certificate from then on, and ends what is connected. ``stolen`` is
    everything that was told to the false host; ``deceived`` how often somebody came.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.certificate = Certificate(folder)
        (folder / "false").mkdir()
        self._true = _context(self.certificate.path)
        self._false = _context(Certificate(folder / "false").path)
        self._target = port
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._lying = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0
        self.deceived = 0
        self.stolen = b""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def deceive(self, *, on: bool = True) -> None:
        """Be somebody else, or the true host again."""
        self._loop.call_soon_threadsafe(self._turn, on)

    def _turn(self, on: bool) -> None:
        self._lying = on
        for writer in tuple(self._open):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._turn(False)
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lying = self._lying
        self.deceived += lying
        try:
            await writer.start_tls(self._false if lying else self._true)
        except (OSError, ssl.SSLError):
            writer.close()
            return
        if lying:
            self.stolen += await reader.read(_CHUNK)
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(_CHUNK):
                target.write(data)
                await target.drain()
        except OSError:
            pass  # one of the ends is gone: so is the other, below
        finally:
            self._open.discard(target)
            target.close()


def _context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
