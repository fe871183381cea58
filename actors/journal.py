"""The durable record: one SQLite file, one writer. Intents, fills, outcomes, cycles, runs.

Writes are grouped: while messages wait, they go into one transaction, and nobody is answered
before its commit. A disk that fails refuses the waiting intents, so that nothing that adds risk is
sent on them, and then fails this actor.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.journal_file import BUSY_TIMEOUT_S, JournalFile, JournalUnusable
from actors.journal_history import DeskHistory, ResultsOnRecord, UnresolvedIntent
from actors.journal_open import LoadOpenCycle, load_open_cycle
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind
from trading.desk import CycleRecord
from trading.funding import DeskEnds
from trading.leg import Leg
from trading.orders import OrderView
from venues.model import Fill, NewOrder

__all__ = [
    "BeginEpoch", "CycleOnRecord", "DeskHistory", "EndsOnRecord", "FundingOnRecord",
    "IntentRecorded", "Journal", "JournalUnusable", "LoadDesk", "LoadEnds", "LoadOpenCycle",
    "LoadResults", "LoadVenue", "RecordCycle", "RecordCycleStart", "RecordDesk", "RecordFill",
    "RecordFunding", "RecordIntent", "RecordInterrupted", "RecordOrder", "RecordResume",
    "ResultsOnRecord", "UnresolvedIntent", "VenueHistory",
]  # fmt: skip


class RecordIntent(msgspec.Struct, frozen=True):
    """An order that is about to be sent, or just was. Answered with IntentRecorded to ``reply_to``.

    Nobody is answered without one: what takes risk off does not wait.
    """

    new: NewOrder
    venue: str
    desk: str
    reply_to: str


class IntentRecorded(msgspec.Struct, frozen=True):
    """The journal's answer: durable, or the reason why it could not be made so."""

    client_order_id: int
    error: str = ""


class RecordFill(msgspec.Struct, frozen=True):
    """One execution of an order of ours. The same one again changes nothing."""

    venue: str
    fill: Fill


class RecordOrder(msgspec.Struct, frozen=True):
    """An order's outcome is known."""

    venue: str
    view: OrderView


class RecordCycleStart(msgspec.Struct, frozen=True):
    """A cycle begins; its first intent comes after this one in the same inbox."""

    desk: str
    cycle: int
    direction: str
    size: str


class RecordCycle(msgspec.Struct, frozen=True):
    """A cycle is over. Once that is durable, ``reply_to`` is told CycleOnRecord."""

    record: CycleRecord
    reply_to: str = ""


class CycleOnRecord(msgspec.Struct, frozen=True):
    """The journal's answer: that cycle's record is durable."""

    cycle: int


class RecordInterrupted(msgspec.Struct, frozen=True):
    """A cycle of an earlier life was never recorded as over, and the venues are flat."""

    desk: str
    cycle: int


class RecordDesk(msgspec.Struct, frozen=True):
    """What lasts over all runs: that a desk is paused, why it halted, what it leaves alone.

    None changes nothing. Durable before the next message is taken.
    """

    desk: str
    paused: bool | None = None
    halted: str | None = None
    ignored: dict[str, Decimal] | None = None


class BeginEpoch(msgspec.Struct, frozen=True):
    """Ask: a new run epoch for order ids, past all on record and ``beyond``. Answered by it."""

    beyond: int = 0


class RecordResume(msgspec.Struct, frozen=True):
    """An operator has resumed: what was earned or lost before does not count for limits.

    ``scope`` is that of LoadResults: a desk's limits, or the account's. Durable before the next
    message is taken.
    """

    scope: str
    resumed_ns: int


class LoadEnds(msgspec.Struct, frozen=True):
    """Which cycles have ended since then? EndsOnRecord is told to ``reply_to``."""

    desks: tuple[str, ...]
    since_ns: int
    reply_to: str


class EndsOnRecord(msgspec.Struct, frozen=True):
    """The journal's answer to LoadEnds: of each desk, as far back as its rows can be told."""

    desks: tuple[DeskEnds, ...]


class RecordFunding(msgspec.Struct, frozen=True):
    """A cycle's record is to have that funding. FundingOnRecord is told to ``reply_to``."""

    desk: str
    cycle: int
    funding: dict[Leg, Decimal]
    reply_to: str


class FundingOnRecord(msgspec.Struct, frozen=True):
    """The journal's answer: that is the cycle's record now."""

    record: CycleRecord


class LoadResults(msgspec.Struct, frozen=True):
    """What have the cycles of those desks come to? ResultsOnRecord is told to ``reply_to``.

    ``scope`` names who asks, over all runs. Cycles that ended before ``since_ns`` are left out if
    they can't be read.
    """

    scope: str
    desks: tuple[str, ...]
    since_ns: int
    reply_to: str


class LoadDesk(msgspec.Struct, frozen=True):
    """Ask: where did this desk leave off? Answered with DeskHistory.

    Cycles since ``since_ns`` (UTC) count as finished, the volume is that of the day of ``day_ns``.
    """

    desk: str
    since_ns: int
    day_ns: int | None = None


class LoadVenue(msgspec.Struct, frozen=True):
    """What is on record of a venue's orders? VenueHistory is told to ``reply_to``."""

    venue: str
    reply_to: str


class VenueHistory(msgspec.Struct, frozen=True):
    """The journal's answer to LoadVenue; ``OrdersOnRecord`` says what the fields are."""

    venue: str
    unresolved: tuple[UnresolvedIntent, ...]
    fill_keys: tuple[tuple[str, str, str], ...]
    last_fill_ns: int


_GROUP: Final = 64


class Journal(SupervisedActor):
    """Owns the file while the service runs. Everybody else tells it, or asks."""

    def __init__(
        self, context: ActorContext, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        super().__init__(context)
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._file: JournalFile | None = None
        self._waiting: list[RecordIntent] = []
        self._cycles: list[RecordCycle] = []
        self._in_group = 0

    def on_start(self) -> None:
        self._file = JournalFile(self._path, self._busy_timeout_s)

    def on_message(self, message: object) -> object:
        reader, writer = _READERS.get(type(message)), _WRITERS.get(type(message))
        try:
            if reader is not None:
                self._commit()
                return reader(self, message)
            if writer is None:
                return super().on_message(message)
            writer(self, message)
            self._in_group += 1
            if self._in_group >= _GROUP or not self.inbox_depth():
                self._commit()
        except sqlite3.Error as error:
            self._turn_away(str(error))
            raise JournalUnusable(self._path, str(error)) from error
        return None

    def on_exit(self, kind: ExitKind) -> None:
        if self._file is None:
            return
        try:
            self._commit()
        except sqlite3.Error as error:
            self._turn_away(str(error))
        finally:
            self._file.close()

    @property
    def _open(self) -> JournalFile:
        assert self._file is not None
        return self._file

    # -- writing -----------------------------------------------------------------------------------

    def _write_intent(self, message: RecordIntent) -> None:
        self._waiting.append(message)  # first: if it can't be written, that is its answer
        self._open.write_intent(message.venue, message.new, message.desk, _now_ns())

    def _write_cycle(self, message: RecordCycle) -> None:
        self._open.write_cycle(message.record, _now_ns())
        self._cycles.append(message)

    # -- reading -----------------------------------------------------------------------------------

    def _load_venue(self, message: LoadVenue) -> None:
        found = self._open.load_orders(message.venue, _now_ns())
        history = VenueHistory(message.venue, found.unresolved, found.fill_keys, found.last_fill_ns)
        self.address(message.reply_to).offer(history)

    def _load_results(self, message: LoadResults) -> None:
        try:
            found = self._open.load_results(message.scope, message.desks, message.since_ns)
        except JournalUnusable as error:  # whoever asks has to live with that, not the journal
            found = ResultsOnRecord((), 0, str(error))
        self.address(message.reply_to).offer(found)

    def _load_ends(self, message: LoadEnds) -> None:
        desks = tuple(self._ends_of(desk, message.since_ns) for desk in message.desks)
        self.address(message.reply_to).offer(EndsOnRecord(desks))

    def _ends_of(self, desk: str, since_ns: int) -> DeskEnds:
        try:
            return self._open.load_ends(desk, since_ns)
        except JournalUnusable as error:  # as above
            self.log.warning("the funding of {}'s earlier cycles stays as it is: {}", desk, error)
            return DeskEnds(desk, (), _now_ns())

    def _record_funding(self, message: RecordFunding) -> None:
        try:
            record = self._open.write_funding(message.desk, message.cycle, message.funding)
        except JournalUnusable as error:
            self.log.warning("could not correct the funding of a cycle: {}", error)
            return
        if record is not None:
            self.address(message.reply_to).offer(FundingOnRecord(record))

    # -- groups ------------------------------------------------------------------------------------

    def _commit(self) -> None:
        self._open.commit()
        self._in_group = 0
        self._answer("")
        cycles, self._cycles = self._cycles, []
        for message in cycles:
            if message.reply_to:
                self.address(message.reply_to).offer(CycleOnRecord(message.record.cycle))

    def _turn_away(self, reason: str) -> None:
        self._in_group = 0
        self._cycles.clear()
        self._answer(f"not recorded: {reason}")

    def _answer(self, error: str) -> None:
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            if message.reply_to:
                reply = IntentRecorded(message.new.client_order_id, error)
                self.address(message.reply_to).offer(reply)


_WRITERS: Final[dict[type, Callable[[Journal, Any], None]]] = {
    RecordIntent: Journal._write_intent,
    RecordFill: lambda self, m: self._open.write_fill(m.fill, _now_ns()),
    RecordOrder: lambda self, m: self._open.write_outcome(m.venue, m.view, _now_ns()),
    RecordCycleStart: lambda self, m: self._open.write_start(
        m.desk, m.cycle, m.direction, m.size, _now_ns()
    ),
    RecordCycle: Journal._write_cycle,
    RecordInterrupted: lambda self, m: self._open.write_interrupted(m.desk, m.cycle, _now_ns()),
}
_READERS: Final[dict[type, Callable[[Journal, Any], object]]] = {
    LoadDesk: lambda self, m: self._open.load_desk(m.desk, m.since_ns, m.day_ns),
    LoadOpenCycle: lambda self, m: load_open_cycle(self._open, m),
    LoadVenue: Journal._load_venue,
    LoadResults: Journal._load_results,
    LoadEnds: Journal._load_ends,
    RecordFunding: Journal._record_funding,
    RecordResume: lambda self, m: self._open.set_resumed(m.scope, m.resumed_ns),
    BeginEpoch: lambda self, m: self._open.next_epoch(m.beyond, _now_ns()),
    RecordDesk: lambda self, m: self._open.set_desk(
        m.desk, paused=m.paused, halted=m.halted, ignored=m.ignored
    ),
}


def _now_ns() -> int:
    return time.time_ns()
