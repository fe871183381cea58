"""One keep-alive HTTP connection, on urllib3, for one thread at a time.

A request has no total timeout of its own: reading limits are per read, so a peer that trickles
would never meet one. Whoever owns the connection calls ``abort`` from another thread when the
request's deadline has passed, and that is the end of this client.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from actors.errors import ConnectionLost, ConnectRefused
from actors.resolve import dial

_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80


class HttpAnswer(msgspec.Struct, frozen=True):
    """A whole answer, whatever its status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class _Plain(HTTPConnection):
    """urllib3's, on a socket of ours."""

    connecting: Callable[[socket.socket], None]

    def _new_conn(self) -> socket.socket:
        return dial(self.host, self.port, float(self.timeout or 0), connecting=self.connecting)


class _Tls(HTTPSConnection):
    """The same in TLS: urllib3 wraps the socket and checks the certificate."""

    connecting: Callable[[socket.socket], None]

    def _new_conn(self) -> socket.socket:
        return dial(self.host, self.port, float(self.timeout or 0), connecting=self.connecting)


class HttpClient:
    """A connection to one host that is opened when needed and kept alive."""

    def __init__(
        self, name: str, base_url: str, *, connect_timeout_s: float, read_timeout_s: float
    ) -> None:
        self.name = name
        self._read_timeout_s = read_timeout_s
        parts = urlsplit(base_url)
        self._prefix = parts.path.rstrip("/")
        host = parts.hostname or ""
        self._connection: _Plain | _Tls
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = _Tls(
                host, parts.port or _HTTPS_PORT, timeout=connect_timeout_s, ssl_context=context
            )
        else:
            self._connection = _Plain(host, parts.port or _HTTP_PORT, timeout=connect_timeout_s)
        self._connection.connecting = self._connecting
        self._connect_timeout_s = connect_timeout_s
        self._aborted = False
        self._sock: socket.socket | None = None
        self._attempt: socket.socket | None = None  # a second handle of what is being connected

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        on_sent: Callable[[], None] | None = None,
    ) -> HttpAnswer:
        """Send one request and read the whole answer; ``on_sent`` is called in between.

        Raises ConnectRefused when nothing was sent, ConnectionLost when the outcome is unknown.
        """
        self._connect()
        if self._aborted:
            self._connection.close()
            raise ConnectRefused(self.name, "aborted before anything was sent")
        try:
            self._connection.request(
                method, self._prefix + target, body=body or None, headers=dict(headers)
            )
            if on_sent is not None:
                on_sent()
            response = self._connection.getresponse()
            return HttpAnswer(response.status, tuple(response.headers.items()), response.data)
        except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:
            self._connection.close()
            raise ConnectionLost(self.name, f"{method} {target.partition('?')[0]}: {error}") from (
                error
            )

    def abort(self) -> None:
        """Break off whatever is under way, for good. Any thread.

        A request that is being answered raises ConnectionLost; one whose connection is still being
        made, and any later one, is not sent and raises ConnectRefused.
        """
        self._aborted = True
        # An answer that ends the connection has taken the socket over, and is still being read.
        sock = getattr(self._connection, "sock", None) or self._sock
        for present in (self._attempt, sock):
            # What is gone already is what was asked for.
            with contextlib.suppress(OSError):
                if present is not None:
                    # Not SSLSocket's own, which first makes the socket write in the clear.
                    socket.socket.shutdown(present, socket.SHUT_RDWR)

    def close(self) -> None:
        """Release the socket. In the thread that uses the connection, or after ``abort``."""
        self._connection.close()

    def _connect(self) -> None:
        # An idle connection that the peer has closed meanwhile is readable: it is replaced
        # before anything is written, so that its end is not taken for an unknown outcome.
        if self._connection.is_connected:
            return
        self._connection.close()
        try:
            self._connection.timeout = self._connect_timeout_s
            self._connection.connect()
        except (OSError, HTTPError) as error:
            self._connection.close()
            raise ConnectRefused(self.name, str(error)) from error
        finally:
            self._forget_attempt()
        sock = self._sock = self._connection.sock
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.timeout = self._read_timeout_s  # it sets the socket's at each request

    def _connecting(self, sock: socket.socket) -> None:
        """A handle of its own, since a TLS handshake takes over the one that it is given."""
        self._forget_attempt()
        self._attempt = sock.dup()
        if self._aborted:  # looked at after the handle is there: whoever aborts sees that, or we do
            raise ConnectRefused(self.name, "aborted before anything was sent")

    def _forget_attempt(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.close()
