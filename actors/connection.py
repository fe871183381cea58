"""What every websocket actor has in common: one socket, one reader thread, one life.

A subclass opens the socket in ``on_start`` with ``connect`` and says what a message means in
``on_text``, which runs on the reader thread. Whatever that raises, and the end of the socket, ends
the actor: there is no reconnect here, a fresh incarnation gets a fresh socket.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.errors import ConnectionFailed, ReplyTimeout
from actors.gateway import Ping
from actors.heartbeat import Ponged
from actors.websocket import WebSocket
from config.schema import ConnectionConfig
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind


class ReadyDue(msgspec.Struct, frozen=True):
    """What makes the connection ready should have come by now."""

    limit_s: float


class ConnectionActor(SupervisedActor):
    """Owns exactly one websocket and lives exactly as long as it."""

    def __init__(self, context: ActorContext, timing: ConnectionConfig) -> None:
        super().__init__(context)
        self.timing = timing
        self._socket: WebSocket | None = None
        self._pong_to: str = ""
        self._data_s = 0.0
        self._heard_s = 0.0
        self._proven = False

    # -- for subclasses ----------------------------------------------------------------------------

    def on_text(self, message: bytes, received_s: float) -> None:
        """Handle one message. Reader thread; raising ends the actor."""
        raise NotImplementedError

    def on_pong(self) -> None:
        """The peer has answered a ping. Reader thread."""

    def data_age_s(self) -> float | None:
        """Seconds since the last data, for a stream that is never silent; None for others."""
        return None

    def silent_since(self, moment_s: float) -> bool:
        """True when the peer has sent nothing after that moment, pongs included."""
        return self._heard_s < moment_s

    def connect(self, url: str, headers: Mapping[str, str]) -> None:
        """Open the socket and start reading. Actor thread; raises ConnectRefused."""
        self.check_fence()
        self._socket = WebSocket.open(
            self.name,
            url,
            headers,
            connect_timeout_s=self.timing.connect_timeout_s,
            write_timeout_s=self.timing.write_timeout_s,
        )
        self._data_s = self._heard_s = self.clock.now()
        self.spawn_helper("reader", self._read)

    def report_ready(self) -> None:
        self._proven = True
        super().report_ready()

    def expect_ready(self, limit_s: float) -> None:
        """End this actor if it is not ready in ``limit_s``: the peer listens, or it does not."""
        self.after(limit_s, ReadyDue(limit_s))

    def send(self, text: bytes) -> float:
        """Write one message; returns the monotonic moment. Any thread.

        Raises ConnectionFailed when it was not, or perhaps not, written; Fenced.
        """
        self.check_fence()
        if self._socket is None:
            raise ConnectionFailed(self.name, "not connected")
        return self._socket.send(text)

    def ping(self) -> None:
        """Ask the peer for a pong. Any thread."""
        self.check_fence()
        if self._socket is not None:
            self._socket.ping()

    # -- hooks -------------------------------------------------------------------------------------

    def on_message(self, message: object) -> object:
        if isinstance(message, Ping):
            self._pong_to = message.reply_to
            self.ping()
            return None
        if isinstance(message, ReadyDue):
            if not self._proven:
                raise ReplyTimeout(self.name, "a subscription", message.limit_s)
            return None
        return super().on_message(message)

    def on_interrupt(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    def on_exit(self, kind: ExitKind) -> None:
        if self._socket is not None:
            self._socket.close()

    # -- inside, on the reader thread --------------------------------------------------------------

    def _read(self) -> None:
        assert self._socket is not None
        self._socket.receive_into(self._take, self._take_pong)

    def _take(self, message: bytes, received_s: float) -> None:
        self._data_s = self._heard_s = received_s
        self.on_text(message, received_s)

    def _take_pong(self) -> None:
        self._heard_s = self.clock.now()
        self.on_pong()
        heartbeat, self._pong_to = self._pong_to, ""
        if heartbeat:
            self.address(heartbeat).offer(Ponged(self.name, self.epoch, self.data_age_s()))
