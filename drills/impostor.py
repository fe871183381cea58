"""A host in TLS before an endpoint of the venues, whose certificate can become somebody else's."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_HANDSHAKE_S: Final = 5.0


class Impostor:
    """Passes on what it is told in TLS, while it is who it says it is.

    ``certificate`` is what those trust who are told to (``SSL_CERT_FILE``). ``deceived`` counts who
    came while it was somebody else, ``stolen`` the bytes that those told it.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.certificate = _certificate(folder / "host.pem")
        self._true = _context(self.certificate)
        self._false = _context(_certificate(folder / "impostor.pem"))
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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


def _certificate(file: Path) -> Path:
    """One of its own making for the host, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "drill")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address(HOST))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(pem)
    )
    return file


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
