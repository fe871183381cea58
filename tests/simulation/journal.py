"""What survives a killed process: the rows that were committed, and no others."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Trouble
from trading.desk import CycleRecord

_COMMIT_S = 0.002
_AWAY_S = 0.2


class Journal:
    """One writer, rows in order, in groups: a row counts, and is answered for, at its commit."""

    def __init__(self, schedule: Schedule, trouble: Trouble) -> None:
        self.epoch = 0
        self.next_cycle = 1
        self.open_cycle = 0
        self.finished = 0
        self.records: list[CycleRecord] = []
        self.on_lost: Callable[[], None] = lambda: None
        self._schedule = schedule
        self._trouble = trouble
        self._group: list[tuple[Callable[[], None], Callable[[str], None] | None]] = []
        self._life = 0
        self._up = True

    def begin_run(self) -> int:
        """A new process: its epoch is on disk before anything else."""
        self.epoch += 1
        self._up = True
        return self.epoch

    def write(self, apply: Callable[[], None], answer: Callable[[str], None] | None = None) -> bool:
        """Take a row. ``answer`` hears of its commit, with "", or why there is none."""
        if not self._up:
            return False
        self._group.append((apply, answer))
        if len(self._group) == 1:
            slow = self._schedule.chance(self._trouble.slow_disk)
            delay_s = self._schedule.random.uniform(0.5, 4) if slow else _COMMIT_S
            life = self._life
            due = lambda: self.commit() if self._life == life else None  # noqa: E731
            self._schedule.after(delay_s, due)
        return True

    def commit(self) -> None:
        """Everything taken is on disk now, but what the disk refuses."""
        group, self._group = self._group, []
        self._life += 1
        for apply, answer in group:
            if answer is None:
                apply()
            elif self._schedule.chance(self._trouble.refuse_intent):
                answer("disk full")
            else:
                apply()
                answer("")

    def fail(self) -> None:
        """The writer ends, having told who waits for it, and is back a moment later."""
        group, self._group = self._group, []
        self._life += 1
        self._up = False
        for _, answer in group:
            if answer is not None:
                answer("not recorded")
        self.on_lost()
        life = self._life
        self._schedule.after(_AWAY_S, lambda: self._return(life))

    def die(self) -> None:
        """The process is gone, with what was not committed."""
        self._group.clear()
        self._life += 1

    def _return(self, life: int) -> None:
        self._up = self._up or self._life == life

    # -- rows --------------------------------------------------------------------------------------

    def start_cycle(self, cycle: int) -> None:
        self.next_cycle = max(self.next_cycle, cycle + 1)
        self.open_cycle = cycle

    def end_cycle(self, record: CycleRecord) -> None:
        self.records.append(record)
        self.finished += record.outcome in ("completed", "unwound")
        if self.open_cycle == record.cycle:
            self.open_cycle = 0
