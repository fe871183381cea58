"""Pings the connections of a venue, and has the supervisor fail the one that is silent.

It is an actor of its own so that it also finds the connection whose thread hangs: it only ever
tells, and the supervisor, not the connection, acts on the failure.
"""

from __future__ import annotations

import contextlib

import msgspec

from actors.errors import HeartbeatMissed
from actors.gateway import Ping
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import parent_path
from supervision.errors import Unavailable


class Ponged(msgspec.Struct, frozen=True):
    """A connection's peer is alive. ``data_age_s``: since its last data, None if that may be."""

    connection: str
    epoch: int
    data_age_s: float | None


class Beat(msgspec.Struct, frozen=True):
    """Time to look at everything again."""


class _Watched:
    """One incarnation of a connection, and when it was last known to be alive."""

    __slots__ = ("alive_s", "epoch")

    def __init__(self, epoch: int, now_s: float) -> None:
        self.epoch = epoch
        self.alive_s = now_s


class Heartbeat(SupervisedActor):
    """One per venue. ``connections`` are the ids of its siblings to watch."""

    def __init__(
        self,
        context: ActorContext,
        connections: tuple[str, ...],
        interval_s: float,
        stale_after_s: float,
    ) -> None:
        super().__init__(context)
        prefix = parent_path(context.name)
        self._names = tuple(f"{prefix}/{connection}" for connection in connections)
        self._interval_s = interval_s
        self._stale_after_s = stale_after_s
        self._watched: dict[str, _Watched] = {}

    def on_start(self) -> None:
        self._beat()

    def on_message(self, message: object) -> None:
        if isinstance(message, Ponged):
            self._ponged(message)
        elif isinstance(message, Beat):
            self._beat()
        else:
            super().on_message(message)

    def _beat(self) -> None:
        for name in self._names:
            self._look_at(name)
        self.after(self._interval_s, Beat())

    def _look_at(self, name: str) -> None:
        status = self.directory.status(name)
        if status is None or not status.up:
            self._watched.pop(name, None)
            return
        now_s = self.clock.now()
        watched = self._watched.get(name)
        if watched is None or watched.epoch != status.epoch:
            watched = self._watched[name] = _Watched(status.epoch, now_s)
        silent_s = now_s - watched.alive_s
        if silent_s >= self._stale_after_s:
            self._fail(name, watched.epoch, "pong", silent_s)
            return
        # At every beat, answered or not: one pong that gets lost must not look like silence.
        with contextlib.suppress(Unavailable):  # it is being replaced: the next beat sees it
            self.address(name).tell(Ping(self.name), half_open=True)

    def _ponged(self, pong: Ponged) -> None:
        watched = self._watched.get(pong.connection)
        if watched is None or watched.epoch != pong.epoch:
            return
        watched.alive_s = self.clock.now()
        if pong.data_age_s is not None and pong.data_age_s >= self._stale_after_s:
            self._fail(pong.connection, pong.epoch, "data", pong.data_age_s)

    def _fail(self, name: str, epoch: int, what: str, silent_s: float) -> None:
        self._watched.pop(name, None)
        self.directory.fail(name, epoch, HeartbeatMissed(name, what, silent_s))
