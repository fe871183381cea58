"""What survives a killed process: the rows that were committed, and no others.

A model of ``actors.journal``: one writer, rows in the order in which they were told, in groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Trouble
from trading.desk import CycleRecord
from trading.ids import compact_id
from trading.leg import Leg
from trading.on_record import CycleRecorded, OrderOnRecord, recorded
from venues.model import ZERO, Fill, Instrument, NewOrder

_COMMIT_S = 0.002
_AWAY_S = 0.2
_CRASH_WINDOW_S = 60.0
_NO_INTENT = -1

FillKey = tuple[str, str, str]


class Intent:
    """A row: an order that was, or may have been, sent; ``resolved`` once its outcome is known."""

    def __init__(self, venue: str, new: NewOrder) -> None:
        self.venue = venue
        self.new = new
        self.resolved = False
        self.executed = ZERO


class CycleRow:
    """A row: a cycle, its record once it is over, and the last intent before that."""

    def __init__(self, size: Decimal) -> None:
        self.size = size
        self.over = False
        self.last_intent = _NO_INTENT


class DeskHistory(NamedTuple):
    """Where the desk left off; as ``actors.journal_history`` has it."""

    next_cycle: int
    open_cycle: int
    open_size: Decimal
    finished: int
    paused: bool
    halted: str


class Journal:
    """Rows count, and are answered for, at their commit."""

    def __init__(self, schedule: Schedule, trouble: Trouble) -> None:
        self.epoch = 0
        self.up = True
        self.life = 1
        self.records: list[CycleRecord] = []
        self.fills: dict[str, dict[FillKey, Fill]] = {}
        self.paused = False
        self.halted = ""
        self.on_change: Callable[[], None] = lambda: None
        self.last_id: int | None = None  # not in the file: it waits for no commit
        self._intents: dict[tuple[str, int], Intent] = {}
        self._ended: set[int] = set()
        self._cycles: dict[int, CycleRow] = {}
        self._runs: list[float] = []
        self._began_ns = 0
        self._schedule = schedule
        self._trouble = trouble
        self._group: list[tuple[Callable[[], None], Callable[[str], None] | None]] = []
        self._groups = 0

    def begin_run(self) -> int:
        """A new process: its epoch is on disk before anything else. Returns recent crashes."""
        now_s = self._schedule.now_s
        crashes = sum(now_s - began_s <= _CRASH_WINDOW_S for began_s in self._runs)
        self._runs.append(now_s)
        self._began_ns = self._began_ns or self._schedule.host_ns
        self.epoch += 1
        self.life += 1
        self.up = True
        return crashes

    # -- groups ------------------------------------------------------------------------------------

    def write(self, apply: Callable[[], None], answer: Callable[[str], None] | None = None) -> bool:
        """Take a row. ``answer`` hears of its commit, with "", or why there is none."""
        if not self.up:
            return False
        self._group.append((apply, answer))
        if len(self._group) == 1:
            slow = self._schedule.chance(self._trouble.slow_disk)
            delay_s = self._schedule.random.uniform(0.5, 4) if slow else _COMMIT_S
            group = self._groups
            self._schedule.after(delay_s, lambda: self.commit() if self._groups == group else None)
        return True

    def commit(self) -> None:
        """Everything taken is on disk now, but the intents that the disk refuses."""
        group = self._take_group()
        for apply, answer in group:
            if answer is not None and self._schedule.chance(self._trouble.refuse_intent):
                answer("disk full")
                continue
            apply()
            if answer is not None:
                answer("")

    def fail(self) -> None:
        """The writer ends, with what was not committed, and another is there a moment later."""
        if not self.up:
            return
        self.up = False
        for _, answer in self._take_group():
            if answer is not None:
                answer("not recorded")
        self.on_change()
        life = self.life
        self._schedule.after(_AWAY_S, lambda: self._return() if self.life == life else None)

    def die(self) -> None:
        """The process is gone, with what was not committed."""
        self._take_group()
        self.life += 1
        self.up = False

    def _return(self) -> None:
        self.life += 1
        self.up = True
        self.on_change()

    def _take_group(self) -> list[tuple[Callable[[], None], Callable[[str], None] | None]]:
        group, self._group = self._group, []
        self._groups += 1
        return group

    # -- rows --------------------------------------------------------------------------------------

    def add_intent(self, venue: str, new: NewOrder) -> None:
        self._intents.setdefault((venue, new.client_order_id), Intent(venue, new))

    def add_fill(self, fill: Fill) -> None:
        self.fills.setdefault(fill.venue, {}).setdefault(fill.key, fill)

    def resolve(self, venue: str, client_order_id: int, executed: Decimal) -> None:
        self._ended.add(compact_id(client_order_id))
        intent = self._intents.get((venue, client_order_id))
        if intent is not None:
            intent.resolved = True
            intent.executed = executed

    def start_cycle(self, cycle: int, size: Decimal) -> None:
        self._cycles.setdefault(cycle, CycleRow(size))

    def end_cycle(self, cycle: int, size: Decimal, record: CycleRecord | None) -> None:
        """It is over: ``record`` says how; None for one of which only that is known."""
        row = self._cycles.setdefault(cycle, CycleRow(size))
        row.last_intent = len(self._intents) - 1
        if not row.over and record is not None:
            self.records.append(record)
        row.over = True

    # -- what is on record -------------------------------------------------------------------------

    @property
    def finished(self) -> int:
        """Cycles that traded."""
        return sum(record.outcome in ("completed", "unwound") for record in self.records)

    def load_desk(self) -> DeskHistory:
        """Where the desk left off; it is asked for, so all that was told before counts."""
        self.commit()
        cycle = max(self._cycles, default=0)
        row = self._cycles.get(cycle)
        size = ZERO if row is None else row.size
        is_open = row is not None and not row.over
        if not is_open:  # its start can be lost with a journal, and its orders be on record
            last = _NO_INTENT if row is None else row.last_intent
            later = list(self._intents.values())[last + 1 :]
            size = max((intent.new.size for intent in later), default=ZERO)
            is_open = bool(size)
            cycle += is_open
        open_cycle = cycle if is_open else 0
        return DeskHistory(cycle + 1, open_cycle, size, self.finished, self.paused, self.halted)

    def load_open_cycle(
        self, instruments: Mapping[Leg, Instrument], previous: int | None, last: int | None
    ) -> CycleRecorded:
        """Where the open cycle stands by the record alone."""
        after = max((row.last_intent for row in self._cycles.values() if row.over), default=-1)
        intents = list(self._intents.values())[after + 1 :]
        known = {compact_id(intent.new.client_order_id) for intent in intents} | self._ended
        orders = [self._order(intent) for intent in intents]
        return recorded(orders, known, instruments=instruments, previous=previous, last=last)

    def _order(self, intent: Intent) -> OrderOnRecord:
        number = intent.new.client_order_id
        fills = self.fills.get(intent.venue, {}).values()
        filled = sum((fill.size for fill in fills if fill.client_order_id == number), ZERO)
        executed = max(filled, intent.executed)
        return OrderOnRecord(intent.venue, intent.new, executed, intent.resolved)

    def load_venue(self, venue: str) -> tuple[tuple[NewOrder, ...], tuple[FillKey, ...], int]:
        """Orders without an outcome, the keys of known fills, and when the last one was.

        Without one, when the first run began.
        """
        self.commit()
        unresolved = tuple(
            intent.new
            for intent in self._intents.values()
            if intent.venue == venue and not intent.resolved
        )
        fills = self.fills.get(venue, {})
        last_ns = max((fill.event_ns for fill in fills.values()), default=self._began_ns)
        return unresolved, tuple(fills), last_ns
