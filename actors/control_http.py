"""HTTP/1.1 on the control socket: one request a connection, within limits of size and time.

The standard library parses. Here is what it leaves open: who may ask, how much may be sent, until
when, and how many at once. Whatever is malformed gets a JSON answer and its connection closed.
"""

from __future__ import annotations

import contextlib
import http.server
import io
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

import msgspec
from loguru import logger

from actors.control_schema import Error
from actors.control_socket import Peer, peer_of
from supervision.directory import trace

MAX_BODY: Final = 16_384
_MAX_REQUEST: Final = 65_536  # head and body together
_MAX_CONNECTIONS: Final = 8
_REQUEST_S: Final = 5.0
_ANSWER_S: Final = 5.0
_CLOSE_S: Final = 2.0

log = logger.bind(actor="console")


class Request(NamedTuple):
    """What was asked, and by whom."""

    method: str
    path: str
    body: bytes
    peer: Peer


class Answer(NamedTuple):
    """A status and a JSON document."""

    status: HTTPStatus
    document: msgspec.Struct


class RequestTooLarge(Exception):
    """The peer sends more than a request may have."""


class RequestTooSlow(Exception):
    """The request was not complete in time. No OSError, for the base class swallows timeouts."""


def refusal(status: HTTPStatus, detail: str) -> Answer:
    """A request that is not served."""
    return Answer(status, Error(error=status.name.lower(), detail=detail))


class ControlServer:
    """Serves ``listener`` until it is closed. ``respond`` runs on a thread of the connection.

    ``allowed`` are the users that are served. ``request_s`` is how long a whole request may take
    to arrive.
    """

    def __init__(
        self,
        listener: socket.socket,
        respond: Callable[[Request], Answer],
        allowed: frozenset[int],
        request_s: float = _REQUEST_S,
    ) -> None:
        self.respond = respond
        self.allowed = allowed
        self.request_s = request_s
        self._listener = listener
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._closing = False

    def serve(self) -> None:
        """Accept connections; returns once closed. Raises OSError when accepting fails."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._closing:
                    return
                raise
            self._admit(connection)

    def close(self) -> None:
        """Accept nothing more; requests that are being answered are, idle peers are cut off."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            _shut(connection, socket.SHUT_RD)
        deadline_s = time.monotonic() + _CLOSE_S
        for connection, thread in left.items():
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline_s - time.monotonic()))
            _shut(connection, socket.SHUT_RDWR)

    def _admit(self, connection: socket.socket) -> None:
        with self._lock:
            full = len(self._open) >= _MAX_CONNECTIONS
            if not full:
                thread = threading.Thread(
                    target=self._converse, args=(connection,), name="console:peer", daemon=True
                )
                self._open[connection] = thread
        if full:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(0)
                connection.sendall(_BUSY)
            return
        try:
            thread.start()
        except RuntimeError:
            self._forget(connection)
            raise

    def _converse(self, connection: socket.socket) -> None:
        try:
            _Conversation(connection, self)
        except OSError as error:
            log.debug("control connection: {}", error)
        finally:
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.pop(connection, None)
        connection.close()


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)


class _Bounded(io.RawIOBase):
    """Reads a socket up to a deadline and a size, whatever the pace of the peer."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._left = _MAX_REQUEST

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises RequestTooSlow past the deadline, RequestTooLarge past the size."""
        if self._left <= 0:
            raise RequestTooLarge
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise RequestTooSlow
        self._connection.settimeout(left_s)
        try:
            count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        except TimeoutError:
            raise RequestTooSlow from None
        self._left -= count
        return count


class _Conversation(http.server.BaseHTTPRequestHandler):
    """One connection: one request, one answer. Runs on a thread of its own."""

    protocol_version = "HTTP/1.1"
    server_version = "ketch"
    sys_version = ""

    def __init__(self, connection: socket.socket, control: ControlServer) -> None:
        self._control = control
        super().__init__(connection, "", cast(socketserver.BaseServer, None))

    def setup(self) -> None:
        """The stream of the request, bounded; the stream of the answer, with a deadline."""
        self.connection = self.request
        bounded = _Bounded(self.connection, time.monotonic() + self._control.request_s)
        self.rfile = io.BufferedReader(bounded)
        self.wfile = self._out = io.BytesIO()

    def finish(self) -> None:
        """Send what was answered, in one write."""
        answer = self._out.getvalue()
        self.rfile.close()
        if answer:
            self.connection.settimeout(_ANSWER_S)
            self.connection.sendall(answer)

    def handle(self) -> None:
        """Serve the one request, if this peer may ask at all."""
        self.close_connection = True
        self.request_version = self.protocol_version
        self.requestline = self.command = ""
        peer = peer_of(self.connection)
        if peer.uid not in self._control.allowed:
            log.warning("refused: process {} of user {}", peer.pid, peer.uid)
            self._send(refusal(HTTPStatus.FORBIDDEN, "only the service's own user and root"))
            return
        try:
            self.handle_one_request()
        except RequestTooLarge:
            text = f"a request has at most {_MAX_REQUEST} bytes"
            self._send(refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text))
        except RequestTooSlow:
            text = f"a request arrives within {self._control.request_s:g} s"
            self._send(refusal(HTTPStatus.REQUEST_TIMEOUT, text))

    def do_GET(self) -> None:
        """Ask, without a body."""
        self._respond(b"")

    def do_POST(self) -> None:
        """Order, with a JSON body."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            text = "a POST has a Content-Length and a body of that size"
            self._send(refusal(HTTPStatus.LENGTH_REQUIRED, text))
        elif len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            text = f"a body has at most {MAX_BODY} bytes"
            self._send(refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text))
        elif len(body := self.rfile.read(int(length))) == int(length):
            self._respond(body)
        else:
            self._send(refusal(HTTPStatus.BAD_REQUEST, "the body ended early"))

    def _respond(self, body: bytes) -> None:
        if self.request_version == "HTTP/0.9":
            self._send(refusal(HTTPStatus.BAD_REQUEST, "HTTP/1.1 is spoken here"))
            return
        request = Request(self.command, self.path, body, peer_of(self.connection))
        try:
            answer = self._control.respond(request)
        except Exception as error:  # noqa: BLE001 - one answer is lost, logged, and said to be
            log.error("{} {}: {}", request.method, request.path, trace(error))
            text = f"{type(error).__name__}; the log says more"
            answer = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, text)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = msgspec.json.encode(answer.document)
        if self.request_version == "HTTP/0.9":
            self.request_version = self.protocol_version
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses, said in JSON."""
        self._send(refusal(HTTPStatus(code), message or ""))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing by itself: orders are logged where they are carried out."""


_BUSY_BODY: Final = msgspec.json.encode(Error(error="busy", detail="too many connections"))
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BUSY_BODY), _BUSY_BODY)
)
