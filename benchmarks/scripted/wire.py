"""The far end of a socket: HTTP requests and websocket messages, on plain blocking sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

_CHUNK: Final = 65_536


class HttpCall(msgspec.Struct, frozen=True):
    """One request as it came."""

    method: str
    target: str
    body: bytes


class HttpPeer:
    """Keep-alive HTTP on one accepted connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = b""

    def calls(self) -> Iterator[HttpCall]:
        """Requests until the client hangs up."""
        while True:
            while b"\r\n\r\n" not in self._read:
                if not self._more():
                    return
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            length = next(
                (int(x.partition(":")[2]) for x in lines if x.lower().startswith("content-length")),
                0,
            )
            while len(self._read) < length:
                if not self._more():
                    return
            body, self._read = self._read[:length], self._read[length:]
            method, target, _ = lines[0].split(" ")
            yield HttpCall(method, target, body)

    def answer(self, body: bytes, *headers: str) -> None:
        """200 with this body."""
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
        self._sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _more(self) -> bool:
        data = self._sock.recv(_CHUNK)
        self._read += data
        return bool(data)


class WebSocketPeer:
    """A websocket on one accepted connection; ``send`` from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._protocol = ServerProtocol(max_size=None)
        self._lock = threading.Lock()

    def messages(self, on_open: Callable[[str], None]) -> Iterator[bytes]:
        """Text messages until the connection ends; ``on_open`` gets the path asked for."""
        while True:
            data = self._sock.recv(_CHUNK)
            with self._lock:
                if data:
                    self._protocol.receive_data(data)
                else:
                    self._protocol.receive_eof()
                events = self._protocol.events_received()
                for event in events:
                    if isinstance(event, Request):
                        self._protocol.send_response(self._protocol.accept(event))
                self._flush()
            for event in events:
                if isinstance(event, Request):
                    on_open(event.path)
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield bytes(event.data)
            if not data:
                return

    def send(self, *texts: bytes) -> None:
        """One frame each, in one write. Raises ConnectionError once the client is gone."""
        with self._lock:
            if self._protocol.state is not State.OPEN:
                raise ConnectionAbortedError
            for text in texts:
                self._protocol.send_text(text)
            self._flush()

    def kill(self) -> None:
        """End the connection without a word."""
        self._sock.shutdown(socket.SHUT_RDWR)

    def _flush(self) -> None:
        self._sock.sendall(b"".join(self._protocol.data_to_send()))


def listen(serve: Callable[[socket.socket], None]) -> int:
    """Serve each connection to a free loopback port on a thread of its own; returns the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve_one(sock: socket.socket) -> None:
        with sock:
            try:
                serve(sock)
            except ConnectionError:
                return  # the client was gone first

    def accept() -> None:
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve_one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port
