"""Whether the service still makes progress: what the watchdog of the service manager is fed by.

A hung actor is its supervisor's business; this finds the case in which that does not help any more,
because supervision itself is stuck. No actor is bothered: the base class stamps when its present
message began, and an actor that has been in the same one since the last time we looked has made no
progress. An actor that is down, for whatever reason, counts as its supervisor's progress.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from config.schema import KetchConfig
from supervision.directory import Directory
from supervision.root import RootHandle

_ROOT_ANSWERS_S: Final = 1.0


def required_actors(config: KetchConfig) -> tuple[str, ...]:
    """Those without which orders are not followed: with each, the supervisor above it."""
    desks = config.desks
    venues = {leg.venue for desk in desks.values() for leg in (desk.primary, desk.hedge)}
    names = ["journal", "board"]
    for venue in sorted(venues):
        names += [venue, f"{venue}/orders"]
    for desk in desks:
        names += [desk, f"{desk}/coordinator"]
    return tuple(names)


class Progress:
    """Looks at the actors called ``required`` and at the root. Main thread."""

    def __init__(self, root: RootHandle, directory: Directory, required: Iterable[str]) -> None:
        self._root = root
        self._directory = directory
        self._required = tuple(required)

    def stalled(self, since_s: float) -> tuple[str, ...]:
        """Who has not progressed since then (monotonic seconds); empty when all is well.

        Waits at most a second, for the root's answer.
        """
        stalled = tuple(name for name in self._required if self._is_stalled(name, since_s))
        return stalled if self._root.answers(_ROOT_ANSWERS_S) else (*stalled, "root")

    def _is_stalled(self, name: str, since_s: float) -> bool:
        status = self._directory.status(name)
        actor = status and self._root.instances.get((name, status.epoch))
        if not actor:
            return False
        busy_since = actor.busy_since
        return not actor.thread_alive or (busy_since is not None and busy_since <= since_s)
