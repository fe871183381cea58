"""One websocket: the websockets package's sans-I/O protocol on a socket of our own.

Its owner is a connection actor. ``open`` and ``send`` are called in the actor's thread (``send``
and ``ping`` from any), ``receive_into`` in its reader thread, ``abort`` from any. Every write has
a deadline: a peer that stops reading ends the connection instead of holding a thread.

The socket is non-blocking, and one lock covers the protocol state and the socket's calls, because
an SSL object must not be read and written by two threads at once; waiting happens outside it.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from actors.errors import ConnectionLost, ConnectRefused, HandshakeRefused, WriteTimeout
from actors.resolve import dial

OnText = Callable[[bytes, float], None]
OnPong = Callable[[], None]

_CHUNK: Final = 65_536
_MAX_MESSAGE: Final = 4 * 1024 * 1024
# Handshake headers carry a session; the package would log them at DEBUG.
_SILENT: Final = logging.getLogger("ketch.websocket")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_SILENT.setLevel(logging.CRITICAL + 1)


class WebSocket:
    """An open websocket. Created by ``open``; dead after the first error."""

    def __init__(
        self, name: str, sock: socket.socket, protocol: ClientProtocol, write_timeout_s: float
    ) -> None:
        self.name = name
        self._sock = sock
        self._protocol = protocol
        self._write_timeout_s = write_timeout_s
        self._lock = threading.Lock()
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._reading = False
        self._closed = False

    @classmethod
    def open(
        cls,
        name: str,
        url: str,
        headers: Mapping[str, str],
        *,
        connect_timeout_s: float,
        write_timeout_s: float,
    ) -> WebSocket:
        """Connect and shake hands; ``connect_timeout_s`` covers both.

        Raises HandshakeRefused with the HTTP status, or ConnectRefused.
        """
        deadline_s = time.monotonic() + connect_timeout_s
        uri = parse_uri(url)
        try:
            sock = dial(uri.host, uri.port, connect_timeout_s)
        except OSError as error:
            raise ConnectRefused(name, f"{urlsplit(url).netloc}: {error}") from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if uri.secure:
                context = ssl.create_default_context()
                sock = context.wrap_socket(sock, server_hostname=uri.host)
            protocol = ClientProtocol(uri, max_size=_MAX_MESSAGE, logger=_SILENT)
            connection = cls(name, sock, protocol, write_timeout_s)
            connection._shake_hands(headers, deadline_s)
        except (OSError, InvalidHandshake) as error:
            sock.close()
            raise _refusal(name, error) from error
        except BaseException:
            sock.close()
            raise
        sock.setblocking(False)
        return connection

    def send(self, text: bytes) -> float:
        """Write one text message; returns the monotonic moment at which it was written.

        Raises ConnectionLost (nothing was sent, or it broke on the way) or WriteTimeout. Any
        thread.
        """
        with self._lock:
            if self._protocol.state is not State.OPEN:
                raise ConnectionLost(self.name, "not open any more")
            self._protocol.send_text(text)
            self._flush()
        return time.monotonic()

    def ping(self) -> None:
        """Send a ping; the reader's ``on_pong`` tells of the answer. Any thread."""
        with self._lock:
            if self._protocol.state is not State.OPEN:
                raise ConnectionLost(self.name, "not open any more")
            self._protocol.send_ping(b"")
            self._flush()

    def receive_into(self, on_text: OnText, on_pong: OnPong) -> None:
        """Read until the connection ends, which raises ConnectionLost. The reader thread's body.

        ``on_text`` gets each message and the monotonic moment at which its bytes were read. What
        it raises ends the reading and leaves the socket open until ``close``: whoever is sending
        just then must not be told of a closed socket in the place of the cause.
        """
        with self._lock:
            if self._closed:
                raise ConnectionLost(self.name, "closed by us")
            self._reading = True
        try:
            poller = select.poll()
            poller.register(self._sock, select.POLLIN)
            self._dispatch(time.monotonic(), on_text, on_pong)  # what came with the handshake
            while self._protocol.state is State.OPEN:
                poller.poll()  # an abort ends it
                received_s = time.monotonic()
                while self._read_some():
                    self._dispatch(received_s, on_text, on_pong)
            raise self._lost()
        finally:
            with self._lock:
                self._reading = False
                self._release()

    def abort(self) -> None:
        """End the connection now, whatever it is doing. Any thread; never waits for the lock."""
        try:
            # Not SSLSocket's own, which first turns the socket into one that writes in the clear.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            return  # it is gone already, which is what was asked for

    def close(self) -> None:
        """Say goodbye if it can be said at once, and end. A running reader lets go of it last."""
        with self._lock:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                # When the peer does not listen, there is nobody to say it to.
                with contextlib.suppress(ConnectionLost, WriteTimeout):
                    self._flush(timeout_s=0.1)
        self.abort()
        with self._lock:
            self._closed = True
            self._release()

    # -- inside ----------------------------------------------------------------------------------

    def _release(self) -> None:
        """Close the socket once nobody uses it: its number may be another socket's right after."""
        if self._closed and not self._reading:
            self._sock.close()

    def _shake_hands(self, headers: Mapping[str, str], deadline_s: float) -> None:
        protocol = self._protocol
        request = protocol.connect()
        request.headers.update(headers)
        protocol.send_request(request)
        self._sock.settimeout(_left_s(deadline_s))
        self._sock.sendall(b"".join(protocol.data_to_send()))
        while protocol.state is State.CONNECTING:
            self._sock.settimeout(_left_s(deadline_s))
            data = self._sock.recv(_CHUNK)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            if isinstance(protocol.handshake_exc, InvalidHandshake):
                raise protocol.handshake_exc
            if protocol.handshake_exc is not None:  # no HTTP at all: any kind of exception
                raise InvalidHandshake(str(protocol.handshake_exc)) from protocol.handshake_exc

    def _read_some(self) -> bool:
        """Feed what the socket has to the protocol; True when there was something."""
        with self._lock:
            try:
                data = self._sock.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                raise ConnectionLost(self.name, str(error)) from error
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._flush()
            return bool(data)

    def _dispatch(self, received_s: float, on_text: OnText, on_pong: OnPong) -> None:
        for event in self._protocol.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode is Opcode.PONG:
                on_pong()
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                message = self._assemble(event)
                if message is not None:
                    on_text(message, received_s)

    def _assemble(self, frame: Frame) -> bytes | None:
        if frame.fin and not self._partial:
            return bytes(frame.data)
        self._partial.append(frame.data)
        self._partial_size += len(frame.data)
        if self._partial_size > _MAX_MESSAGE:
            raise ConnectionLost(self.name, f"message of more than {_MAX_MESSAGE} bytes", 1009)
        if not frame.fin:
            return None
        message = b"".join(self._partial)
        self._partial, self._partial_size = [], 0
        return message

    def _flush(self, timeout_s: float | None = None) -> None:
        """Write what the protocol has to say, within the write deadline. The lock is held."""
        timeout_s = self._write_timeout_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + timeout_s
        for data in self._protocol.data_to_send():
            if not data:  # the protocol wants the write side closed
                self.abort()
                continue
            view = memoryview(data)
            while view:
                try:
                    view = view[self._sock.send(view) :]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    self._wait_writable(deadline_s, timeout_s)
                except OSError as error:
                    raise ConnectionLost(self.name, str(error)) from error

    def _wait_writable(self, deadline_s: float, timeout_s: float) -> None:
        poller = select.poll()
        poller.register(self._sock, select.POLLOUT)
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not poller.poll(left_s * 1000):
            self.abort()
            raise WriteTimeout(self.name, timeout_s)

    def _lost(self) -> ConnectionLost:
        """What ended it. Asked at once: the peer may take its time to hang up, or never do so."""
        protocol = self._protocol
        if protocol.parser_exc is not None:
            code = None if protocol.close_sent is None else protocol.close_sent.code
            return ConnectionLost(self.name, str(protocol.parser_exc), code)
        received = protocol.close_rcvd
        if received is None:
            return ConnectionLost(self.name, "closed by us")
        return ConnectionLost(
            self.name, f"closed with code {received.code} {received.reason}".rstrip(), received.code
        )


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("no handshake in time")
    return left_s


def _refusal(name: str, error: Exception) -> ConnectRefused:
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"")[:120].decode("utf-8", "replace")
        return HandshakeRefused(name, error.response.status_code, body)
    return ConnectRefused(name, str(error) or type(error).__name__)
