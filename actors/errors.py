"""How a connection fails, typed. Each carries the connection's name, and the figures behind it.

ConnectionFailed
├── ConnectRefused     no connection, or no websocket handshake: nothing was sent
│   └── HandshakeRefused  the venue answered the handshake with an HTTP status
├── ConnectionLost     it was up and is gone
├── WriteTimeout       the peer does not read
├── ReplyTimeout       the peer does not answer
└── HeartbeatMissed    the peer does not answer pings, or sends no data
"""

from __future__ import annotations


class ConnectionFailed(Exception):
    """A connection can't be used any more. ``connection`` is its actor's name."""

    def __init__(self, connection: str, detail: str) -> None:
        super().__init__(connection, detail)
        self.connection = connection
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.connection}: {self.detail}"


class ConnectRefused(ConnectionFailed):
    """No connection could be made: nothing of ours has left the process."""


class HandshakeRefused(ConnectRefused):
    """The venue answered the websocket handshake with this HTTP status."""

    def __init__(self, connection: str, status: int, detail: str) -> None:
        super().__init__(connection, f"handshake answered with HTTP {status} {detail}".rstrip())
        self.status = status


class ConnectionLost(ConnectionFailed):
    """It was open, and the peer or the network ended it. ``code`` is the close code, or None."""

    def __init__(self, connection: str, detail: str, code: int | None = None) -> None:
        super().__init__(connection, detail)
        self.code = code


class WriteTimeout(ConnectionFailed):
    """The peer took nothing for ``timeout_s``. What was being written may have arrived or not."""

    def __init__(self, connection: str, timeout_s: float) -> None:
        super().__init__(connection, f"peer does not read: write not done in {timeout_s:g} s")
        self.timeout_s = timeout_s


class ReplyTimeout(ConnectionFailed):
    """A request got no answer within ``timeout_s``."""

    def __init__(self, connection: str, request: str, timeout_s: float) -> None:
        super().__init__(connection, f"no answer to {request} in {timeout_s:g} s")
        self.request = request
        self.timeout_s = timeout_s


class HeartbeatMissed(ConnectionFailed):
    """Silence: no pong, or no data where there should be some, for ``silent_s``."""

    def __init__(self, connection: str, what: str, silent_s: float) -> None:
        super().__init__(connection, f"no {what} for {silent_s:.1f} s")
        self.what = what
        self.silent_s = silent_s
