"""What the desk puts on record, again if need be; as ``actors.desk_records`` does it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.simulation.journal import Journal
from tests.simulation.process import Process
from trading.desk import CycleRecord


class DeskRecords:
    """Tells the journal, and tells its next life what the last one has not confirmed."""

    def __init__(self, journal: Journal, process: Process) -> None:
        self._journal = journal
        self._process = process
        self._told: dict[int, Callable[[], object]] = {}
        self._life = journal.life
        self._paused: bool | None = None
        self._halted: str | None = None

    def started(self, cycle: int, size: Decimal) -> None:
        row = lambda: self._journal.start_cycle(cycle, size)  # noqa: E731
        self._tell(cycle, lambda: self._journal.write(row))

    def finished(self, record: CycleRecord) -> None:
        self._end(record.cycle, record.size, record)

    def interrupted(self, cycle: int, size: Decimal) -> None:
        self._end(cycle, size, None)

    def remember(self, *, paused: bool | None = None, halted: str | None = None) -> None:
        """What lasts over all runs; None changes nothing. It is on disk at once."""
        self._paused = self._paused if paused is None else paused
        self._halted = self._halted if halted is None else halted
        self._remember()

    def _remember(self) -> None:
        paused, halted = self._paused, self._halted

        def write() -> None:
            self._journal.paused = self._journal.paused if paused is None else paused
            self._journal.halted = self._journal.halted if halted is None else halted

        if self._journal.write(write):
            self._journal.commit()

    def journal_changed(self) -> None:
        """A new life of it is told everything that is not confirmed."""
        if self._journal.up and self._journal.life != self._life:
            self._life = self._journal.life
            for tell in tuple(self._told.values()):
                tell()
            self._remember()

    def _end(self, cycle: int, size: Decimal, record: CycleRecord | None) -> None:
        def write() -> None:
            self._journal.end_cycle(cycle, size, record)
            if record is not None:
                self._process.tell(lambda: self._confirmed(cycle))

        self._tell(cycle, lambda: self._journal.write(write))

    def _confirmed(self, cycle: int) -> None:
        for known in [known for known in self._told if known <= cycle]:
            del self._told[known]

    def _tell(self, cycle: int, tell: Callable[[], object]) -> None:
        self._told[cycle] = tell
        tell()
