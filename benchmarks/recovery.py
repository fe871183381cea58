"""GRVT's trading connection killed, to orders accepted again: the service, and a bare client.

The service notices, stops what depends on the connection, starts a fresh one, subscribes, reads
open orders, fills and positions, and declares the venue ready. The floor notices, connects, logs
in and subscribes, on plain sockets in one thread, and reads nothing.
"""

from __future__ import annotations

import http.client
import queue
import time
from typing import Final

from actors.orders import VenueReadiness
from benchmarks.bare import BareSocket
from benchmarks.harness import Figure, interleave, scaled
from benchmarks.peer import Peer
from benchmarks.samples import SUB_ACCOUNT
from benchmarks.scripted.venues import FLOOR, OURS, Ports
from benchmarks.service import WAIT_S, RunningService, replaced
from supervision.actor import ActorContext, SupervisedActor
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState, StatusMessage
from venues.grvt import encode_subscribe, rest
from venues.grvt.codec import FILL_STREAM, ORDER_STREAM, POSITION_STREAM, account_selector
from venues.model import GRVT

_ROUNDS: Final = 41
_STREAMS: Final = (ORDER_STREAM, FILL_STREAM, POSITION_STREAM)
_LAST: Final = "grvt/heartbeat"  # the last of the venue's tree to come back


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """Medians over many kills."""
    with Peer() as peer, _Watched(peer.ports) as service:
        service.until_ready()
        floor = _Floor(peer.ports)
        pair = interleave(
            lambda: service.recover(peer), lambda: floor.recover(peer), scaled(_ROUNDS, scale)
        )
        floor.close()
    return (pair.figure("connection killed to orders accepted / connect, login, subscribe", 1.3),)


class _Desk(SupervisedActor):
    """In the coordinator's place: notes when it is told that a venue takes orders."""

    def __init__(self, context: ActorContext, ready_s: queue.SimpleQueue[float]) -> None:
        super().__init__(context)
        self._ready_s = ready_s

    def on_message(self, message: object) -> None:
        if isinstance(message, VenueReadiness) and message.venue == GRVT and message.ready:
            self._ready_s.put(time.monotonic())


class _Watched(RunningService):
    """The tree with that desk, and word of when the venue's last actor is back."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._ready_s: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._epoch = 0
        self.directory.subscribe(_LAST, self._note)

    def spec(self) -> SupervisorSpec:
        child = ChildSpec(id="coordinator", factory=lambda c: _Desk(c, self._ready_s))
        return replaced(super().spec(), SupervisorSpec(id="eth", children=(child,)))

    def until_ready(self) -> float:
        """Until GRVT takes orders and its tree has come to rest; returns the former moment."""
        self._back.get(timeout=WAIT_S)
        return self._ready_s.get(timeout=WAIT_S)

    def recover(self, peer: Peer) -> float:
        """Seconds from the kill until GRVT takes orders."""
        while not self._ready_s.empty():
            self._ready_s.get()  # told twice: a desk that comes up is introduced to the venue
        killed_s = peer.kill(OURS)
        return self.until_ready() - killed_s

    def _note(self, status: StatusMessage) -> None:
        if status.state is ChildState.RUNNING and status.epoch != self._epoch:
            self._epoch = status.epoch
            self._back.put(status.epoch)


class _Floor:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._socket = self._open()

    def recover(self, peer: Peer) -> float:
        """Seconds from the kill until everything is subscribed."""
        killed_s = peer.kill(FLOOR)
        self._socket.until_gone()
        self._socket.close()
        self._socket = self._open()
        return time.monotonic() - killed_s

    def close(self) -> None:
        self._socket.close()

    def _open(self) -> BareSocket:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports.http, timeout=WAIT_S)
        request = rest.login("scripted")
        connection.request("POST", request.path, request.body, request.headers)
        answer = connection.getresponse()
        session = rest.parse_login(answer.status, answer.getheaders(), answer.read())
        connection.close()
        opened = BareSocket(f"ws://127.0.0.1:{self._ports.trades}/floor", session.headers)
        selector = account_selector(SUB_ACCOUNT)
        for number, stream in enumerate(_STREAMS):
            opened.send(encode_subscribe(stream, (selector,), number))
        answers = 0
        while answers < len(_STREAMS):
            answers += len(opened.receive())
        return opened
