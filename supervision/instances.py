"""Every live instance of the process, and every abandoned one: what a supervisor acts through."""

from __future__ import annotations

import threading
from collections.abc import Callable

from supervision.actor import SupervisedActor
from supervision.directory import Directory, matches
from supervision.events import Identity


class Instances:
    """Shared by all supervisors of a tree. Every method may be called from any thread.

    ``on_limit`` is called once more threads than ``max_abandoned_total`` hang: only the end of
    the process frees those.
    """

    def __init__(self, max_abandoned_total: int, on_limit: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._live: dict[Identity, SupervisedActor] = {}
        self._abandoned: dict[Identity, SupervisedActor] = {}
        self._limit = max_abandoned_total
        self._on_limit = on_limit

    def retune(self, max_abandoned_total: int) -> None:
        """A new limit, which acts the next time that an instance is abandoned."""
        self._limit = max_abandoned_total

    def enlist(self, actor: SupervisedActor) -> None:
        """A new instance."""
        with self._lock:
            self._live[(actor.name, actor.epoch)] = actor

    def get(self, identity: Identity) -> SupervisedActor | None:
        """The live instance, or None."""
        return self._live.get(identity)

    def discharge(self, identity: Identity) -> None:
        """The instance is gone, or its late end makes it one abandoned thread less."""
        with self._lock:
            self._live.pop(identity, None)
            self._abandoned.pop(identity, None)

    def outslept(self) -> list[SupervisedActor]:
        """Those that should have ended with the last stall of the process."""
        with self._lock:
            return [actor for actor in self._live.values() if actor.outslept]

    def abandoned(self) -> tuple[str, ...]:
        """The abandoned instances whose threads still live, as name#epoch."""
        with self._lock:
            return tuple(str(a) for a in self._abandoned.values() if a.thread_alive)

    def revoke(self, identity: Identity, directory: Directory) -> None:
        """Take the rights of an instance; of a supervisor, those of everything below it too.

        What is below is told to stop as well, for its supervisor may not be able to say so.
        """
        name = identity[0]
        with self._lock:
            itself = self._live.get(identity)
            below = [a for key, a in self._live.items() if key[0] != name and matches(name, key[0])]
        if itself is not None:
            itself.fence()
        for actor in reversed(below):
            actor.fence()
            directory.unbind(actor.name, actor.epoch)
            actor.order_stop(drain=False)

    def abandon(self, identity: Identity, directory: Directory) -> None:
        """Give up an instance and, if it is a supervisor, everything below it, last first."""
        name = identity[0]
        self._give_up(
            lambda key: key == identity or (key[0] != name and matches(name, key[0])), directory
        )
        directory.close_below(name)

    def abandon_below(self, path: str, own_name: str, directory: Directory) -> None:
        """Give up everything below a supervisor that can't stop its children any more."""
        self._give_up(lambda key: key[0] != own_name and matches(path, key[0]), directory)
        directory.close_below(path)

    def _give_up(self, which: Callable[[Identity], bool], directory: Directory) -> None:
        with self._lock:
            lost = [(key, actor) for key, actor in self._live.items() if which(key)]
            for key, actor in lost:
                del self._live[key]
                self._abandoned[key] = actor
            # Nobody reaps what a dead supervisor leaves behind, so the threads are looked at.
            self._abandoned = {k: a for k, a in self._abandoned.items() if a.thread_alive}
            over = len(self._abandoned) >= self._limit
        for _, actor in reversed(lost):
            directory.unbind(actor.name, actor.epoch)
            actor.order_stop(drain=False)
            actor.abandon()
        if over:
            self._on_limit()
