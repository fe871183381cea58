"""The inbox of a supervised actor: it can be closed, and a stop goes ahead of the backlog.

pykka checks that an actor is alive and then puts, two steps; a message in between lands in a dead
inbox and an ask is never answered. Here closing and putting exclude each other, so every sender
either has its message in the queue or an error.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Any, Final

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop


class InboxClosed(pykka.ActorDeadError):
    """The instance takes no more messages."""


WAKE: Final[Envelope[Any]] = Envelope(None)


class Inbox:
    """A pykka inbox: ``put`` and ``order_stop`` from any thread, ``get`` from the actor's own."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Envelope[Any]] = queue.SimpleQueue()
        self._urgent: deque[Envelope[Any]] = deque()
        self._held: deque[Envelope[Any]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, envelope: Envelope[Any]) -> None:
        """Append ``envelope``; raises InboxClosed. A stop by anybody takes the urgent lane."""
        if type(envelope.message) is _ActorStop:
            if self._closed:
                raise InboxClosed
            self._interject(envelope)
            return
        with self._lock:
            if self._closed:
                raise InboxClosed
            self._queue.put(envelope)

    def order_stop(self, *, drain: bool = False) -> None:
        """The actor ends after its present message, or after its backlog if ``drain``.

        Takes no lock, so that a signal handler may call it whatever it interrupted.
        """
        order: Envelope[Any] = Envelope(_ActorStop())
        if drain:
            self._queue.put(order)
        else:
            self._interject(order)

    def _interject(self, envelope: Envelope[Any]) -> None:
        # Appended before the wake-up, so whoever takes the wake-up sees it.
        self._urgent.append(envelope)
        self._queue.put(WAKE)

    def get(self) -> Envelope[Any]:
        """The next envelope, urgent ones first. Blocks while there is none."""
        while True:
            envelope = self._held.popleft() if self._held else self._queue.get()
            if self._urgent:
                if envelope is not WAKE:
                    self._held.append(envelope)
                return self._urgent.popleft()
            if envelope is not WAKE:
                return envelope

    def empty(self) -> bool:
        """True when nothing is waiting."""
        return self.depth() == 0

    def depth(self) -> int:
        """How many envelopes wait, give or take what other threads are doing."""
        return self._queue.qsize() + len(self._held)

    @property
    def closed(self) -> bool:
        """True once no more messages are taken."""
        return self._closed

    def close(self) -> list[Envelope[Any]]:
        """Take no more, and return what nobody will handle. Any thread, any number of times.

        A stop is left behind for an actor that hangs now and comes back for more later.
        """
        with self._lock:
            self._closed = True
        left: list[Envelope[Any]] = []
        for lane in (self._urgent, self._held):
            while lane:
                left.append(lane.popleft())
        while True:
            try:
                envelope = self._queue.get_nowait()
            except queue.Empty:
                break
            if envelope is not WAKE:
                left.append(envelope)
        self._interject(Envelope(_ActorStop()))
        return left
