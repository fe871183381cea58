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

    def abandoned(self) -> tuple[str, ...]:
        """The abandoned instances, as name#epoch."""
        with self._lock:
            return tuple(str(actor) for actor in self._abandoned.values())

    def abandon(self, identity: Identity, directory: Directory) -> None:
        """Give up an instance and, if it is a supervisor, everything below it, last first."""
        name = identity[0]
        self._give_up(
            lambda key: key == identity or (key[0] != name and matches(name, key[0])), directory
        )

    def abandon_below(self, path: str, identity: Identity, directory: Directory) -> None:
        """Give up everything below a supervisor that can't stop its children any more."""
        self._give_up(lambda key: key[0] != identity[0] and matches(path, key[0]), directory)

    def _give_up(self, which: Callable[[Identity], bool], directory: Directory) -> None:
        with self._lock:
            lost = [actor for key, actor in self._live.items() if which(key)]
            for actor in lost:
                key = (actor.name, actor.epoch)
                del self._live[key]
                self._abandoned[key] = actor
            over = len(self._abandoned) >= self._limit
        for actor in reversed(lost):
            directory.unbind(actor.name, actor.epoch)
            actor.order_stop(drain=False)
            actor.abandon()
        if over:
            self._on_limit()
