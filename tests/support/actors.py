"""Peers for the sockets of actors: scripted servers on loopback, one thread a connection.

A script is a function of the accepted ``Peer``; when it returns, the connection is closed. Nothing
sleeps: scripts wait for bytes, or for the test to let them go.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from drills.certificate import self_signed, serving
from supervision.actor import ActorContext, SupervisedActor
from supervision.spec import ChildSpec

WAIT_S = 10.0
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


UNASKED_PONG = b"\x8a\x00"
"""A sign of life, which a peer may also send unasked."""


class Peer:
    """The far end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(WAIT_S)
        self._read = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_head(self) -> bytes:
        """One HTTP head, up to its empty line; b"" at the end of the connection."""
        while b"\r\n\r\n" not in self._read:
            data = self.sock.recv(65_536)
            if not data:
                return b""
            self._read += data
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        return head

    def read_exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            data = self.sock.recv(65_536)
            if not data:
                raise EOFError
            self._read += data
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    def until_gone(self) -> None:
        """Wait until the other side has ended the connection."""
        try:
            while self.sock.recv(65_536):
                pass
        except ConnectionError:
            return

    def reset(self) -> None:
        """End it with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- websocket -------------------------------------------------------------------------------

    def upgrade(self) -> dict[str, str]:
        """Accept a websocket handshake; returns the request's headers in lower case."""
        lines = self.read_head().decode().split("\r\n")[1:]
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        digest = hashlib.sha1(headers["sec-websocket-key"].encode() + _MAGIC).digest()
        accept = base64.b64encode(digest).decode()
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        return headers

    def text(self, message: bytes) -> None:
        self.send(frame(TEXT, message))

    def read_frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of one frame of the client's, unmasked."""
        first, second = self.read_exactly(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(self.read_exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self.read_exactly(8), "big")
        mask = self.read_exactly(4)
        payload = self.read_exactly(size)
        return first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A websocket frame as a server writes it."""
    head = bytes([opcode | (0x80 if fin else 0)])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65_536:
        return head + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return head + b"\x7f" + struct.pack(">Q", len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason.encode())


Script = Callable[[Peer], object]


def steps(*scripts: Script) -> Script:
    """One after the other."""

    def script(peer: Peer) -> None:
        for step in scripts:
            step(peer)

    return script


def sends(data: bytes) -> Script:
    """A step: write this."""
    return lambda peer: peer.send(data)


class ScriptedServer:
    """Listens on a port of the system's choice; the n-th connection gets the n-th script.

    The last script serves all further ones. ``receive_buffer`` makes it a peer that is full soon.
    """

    def __init__(self, *scripts: Script, receive_buffer: int | None = None) -> None:
        self.scripts = scripts
        self.accepted = 0
        self.released = threading.Event()
        self.errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._peers: list[Peer] = []
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/socket"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for peer in tuple(self._peers):
            _shut(peer.sock)
        for thread in tuple(self._threads):
            thread.join(WAIT_S)
        self._listener.close()
        assert error is not None or not self.errors, self.errors

    def hold(self, _: Peer) -> None:
        """A script, or its end: do nothing until the test is over."""
        self.released.wait(WAIT_S)

    def _spawn(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="scripted", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.accepted, len(self.scripts) - 1)]
            self.accepted += 1
            peer = Peer(sock)
            self._peers.append(peer)
            self._spawn(functools.partial(self._serve, peer, script))

    def _serve(self, peer: Peer, script: Script) -> None:
        try:
            script(peer)
        except (OSError, EOFError):
            pass  # the client was gone first, which some tests are about
        except BaseException as error:  # noqa: BLE001 - shown by the test that owns this server
            self.errors.append(error)
        finally:
            _shut(peer.sock)
            peer.sock.close()


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def open_descriptors() -> set[str]:
    """What this process has open."""
    kinds = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            kinds.add(f"{name} {Path(f'/proc/self/fd/{name}').readlink()}")
        except OSError:
            continue  # the listing's own
    return kinds


def answer(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer with a body of a known length (of ``length``, true or not)."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {size}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_request(peer: Peer) -> tuple[str, bytes]:
    """(request line, body) of one HTTP request; EOFError when the client has gone."""
    head = peer.read_head().decode("latin-1")
    if not head:
        raise EOFError
    lines = head.split("\r\n")
    fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
    return lines[0], peer.read_exactly(int(fields.get("content-length", 0)))


class Certificate:
    """A certificate for localhost that only those trust who are told to (``SSL_CERT_FILE``)."""

    def __init__(self, folder: Path, host: str = "localhost") -> None:
        self.path = self_signed(folder / f"{host}.pem", host)

    def wrap(self, peer: Peer) -> None:
        """Go on in TLS on the server's side."""
        peer.sock = serving(self.path).wrap_socket(peer.sock, server_side=True)


class Proxy(ScriptedServer):
    """Passes bytes on to a port, both ways, until it is told to do something else.

    ``silence`` makes it half open: it takes everything and passes on nothing. ``inject`` writes
    bytes of the test's own to the client, between two pieces of what the server says.
    """

    def __init__(self, port: int) -> None:
        super().__init__(self._pass)
        self._target = port
        self._silent = threading.Event()
        self._lock = threading.Lock()
        self._clients: list[Peer] = []

    def silence(self, *, on: bool = True) -> None:
        if on:
            self._silent.set()
        else:
            self._silent.clear()

    def inject(self, data: bytes) -> None:
        """To the connection that was opened last."""
        with self._lock:
            self._clients[-1].send(data)

    def _pass(self, client: Peer) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._clients.append(client)
            back = threading.Thread(target=self._pump, args=(server, client.sock), daemon=True)
            back.start()
            self._pump(client.sock, server)
            back.join(WAIT_S)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        source.settimeout(None)
        try:
            while data := source.recv(65_536):
                if not self._silent.is_set():
                    with self._lock:
                        target.sendall(data)
        except OSError:
            pass  # one of the ends is gone: so is the other, below
        finally:
            _shut(source)
            _shut(target)


class Mailbox(SupervisedActor):
    """An actor that puts whatever it is sent into a queue of the test's."""

    def __init__(self, context: ActorContext, letters: queue.Queue[Any]) -> None:
        super().__init__(context)
        self._letters = letters

    def on_message(self, message: object) -> None:
        self._letters.put(message)


def mailbox(child_id: str, letters: queue.Queue[Any]) -> ChildSpec:
    """A child that collects messages."""
    return ChildSpec(child_id, lambda context: Mailbox(context, letters))
