"""One life of the process: its messages between actors end with it, and its ids are its own."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.journal import Journal
from tests.simulation.schedule import Schedule
from trading.ids import IdAllocator

_HOP_S = 0.0001


class Process:
    """What every actor of one process has in common."""

    def __init__(self, schedule: Schedule, journal: Journal) -> None:
        self.alive = True
        self._journal = journal
        self.ids = IdAllocator(journal.epoch, 1, journal.last_id, self._note)
        self._schedule = schedule

    def _note(self, compact: int) -> None:
        self._journal.last_id = compact

    def tell(self, act: Callable[[], None]) -> None:
        """Have ``act`` happen in another actor, if the process lives to see it."""
        self._schedule.after(_HOP_S, lambda: act() if self.alive else None)
