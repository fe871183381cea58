"""The floor: a websocket on the same sans-I/O protocol and a plain socket, and no actors."""

from __future__ import annotations

import socket
import time
from typing import Final

from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

_CHUNK: Final = 65_536
_WAIT_S: Final = 20.0


class BareSocket:
    """One connection for one thread. Blocks in ``receive``, at most for a while."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        uri = parse_uri(url)
        self._protocol = ClientProtocol(uri, max_size=None)
        self.sock = socket.create_connection((uri.host, uri.port), timeout=_WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = self._protocol.connect()
        request.headers.update(headers or {})
        self._protocol.send_request(request)
        self._flush()
        while self._protocol.state is State.CONNECTING:
            self._protocol.receive_data(self.sock.recv(_CHUNK))
        self._protocol.events_received()

    def send(self, text: bytes) -> float:
        """One message; returns the monotonic moment at which it was written."""
        self._protocol.send_text(text)
        self._flush()
        return time.monotonic()

    def receive(self) -> list[bytes]:
        """The messages in what the socket has now."""
        self._protocol.receive_data(self.sock.recv(_CHUNK))
        events = self._protocol.events_received()
        return [bytes(event.data) for event in events if isinstance(event, Frame)]

    def until_gone(self) -> None:
        """Read until the peer has hung up."""
        while self.sock.recv(_CHUNK):
            pass

    def close(self) -> None:
        """Hang up."""
        self.sock.close()

    def _flush(self) -> None:
        self.sock.sendall(b"".join(self._protocol.data_to_send()))
