"""A websocket under test, the thread that reads it, and how it ended."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from actors.errors import ConnectionLost
from actors.websocket import WebSocket
from tests.support.actors import (
    WAIT_S,
    Peer,
    ScriptedServer,
)

NAME = "venue/feed"
MIB = 1024 * 1024
WRONG_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: bm90IHRoZSByaWdodCBvbmU=\r\n\r\n"
)


def dial(url: str, *, connect_s: float = 5.0, write_s: float = 1.0) -> WebSocket:
    return WebSocket.open(
        NAME, url, {"X-Key": "k"}, connect_timeout_s=connect_s, write_timeout_s=write_s
    )


class Reader:
    """The reader thread of a websocket, what it read, and how it ended."""

    def __init__(self, websocket: WebSocket) -> None:
        self.texts: queue.Queue[bytes] = queue.Queue()
        self.pongs: queue.Queue[None] = queue.Queue()
        self.end: queue.Queue[BaseException] = queue.Queue()
        self._socket = websocket
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._socket.receive_into(
                lambda text, _: self.texts.put(text), lambda: self.pongs.put(None)
            )
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.end.put(error)

    def text(self) -> bytes:
        return self.texts.get(timeout=WAIT_S)

    def lost(self) -> ConnectionLost:
        error = self.end.get(timeout=WAIT_S)
        self.thread.join(WAIT_S)
        assert isinstance(error, ConnectionLost), repr(error)
        return error


def ended_by(action: Callable[[Peer], object]) -> ConnectionLost:
    """How a reader ends when the peer does this after the handshake."""

    def script(peer: Peer) -> None:
        peer.upgrade()
        action(peer)

    with ScriptedServer(script) as server:
        return Reader(dial(server.ws)).lost()
