"""The durable record: one SQLite file, one writer. Intents, outcomes, cycles.

Writes are grouped: while messages wait, they go into one transaction, and nobody is answered
before its commit (WAL, synchronous=FULL). A disk that fails refuses the waiting intents, so that
nothing that adds risk is sent on them, and then fails this actor.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

import msgspec

from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind
from trading.cycle_effects import RECOVER
from trading.desk import CycleRecord
from trading.ids import key_of
from trading.orders import OrderView
from venues.model import NewOrder


class RecordIntent(msgspec.Struct, frozen=True):
    """An order that is about to be sent. Answered with IntentRecorded to ``reply_to``."""

    new: NewOrder
    venue: str
    desk: str
    reply_to: str


class IntentRecorded(msgspec.Struct, frozen=True):
    """The journal's answer: durable, or the reason why it could not be made so."""

    client_order_id: int
    error: str = ""


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
    """A cycle is over."""

    record: CycleRecord


class LoadDesk(msgspec.Struct, frozen=True):
    """Ask: where did this desk leave off? Answered with DeskHistory."""

    desk: str
    since_ns: int


class DeskHistory(msgspec.Struct, frozen=True):
    """``open_cycle`` is the cycle that was started and not recorded as over, or 0.

    ``finished`` counts the cycles that traded and ended at or after ``since_ns`` (UTC).
    """

    next_cycle: int
    open_cycle: int
    finished: int


class JournalUnusable(Exception):
    """The journal's file can't be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"journal {self.path}: {self.reason}"


SCHEMA_VERSION: Final = 1
_GROUP: Final = 64
BUSY_TIMEOUT_S: Final = 5.0
_TABLES: Final = """
create table if not exists intents (
    venue text not null, client_order_id text not null, desk text not null,
    order_json text not null, recorded_ns integer not null, primary key (venue, client_order_id));
create table if not exists outcomes (
    venue text not null, client_order_id text not null, view_json text not null,
    recorded_ns integer not null);
create table if not exists cycles (
    desk text not null, cycle integer not null, direction text not null, size text not null,
    started_ns integer not null, finished_ns integer, outcome text, record_json text,
    primary key (desk, cycle));
"""


def open_journal(path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """The journal's database, made if need be. Raises JournalUnusable.

    Somebody else's lock is waited for ``busy_timeout_s`` at each write.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise JournalUnusable(path, str(error)) from error
    try:
        _prepare(database, path)
    except sqlite3.Error as error:
        database.close()
        raise JournalUnusable(path, str(error)) from error
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Durable settings, and the tables of a new file. One that has them is not written to."""
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    version = database.execute("pragma user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        raise JournalUnusable(path, f"schema {version}, this version reads {SCHEMA_VERSION}")
    if not version:
        database.executescript(_TABLES)
        database.execute(f"pragma user_version = {SCHEMA_VERSION}")


class Journal(SupervisedActor):
    """Owns the file. Everybody else tells it, or asks LoadDesk."""

    def __init__(
        self, context: ActorContext, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        super().__init__(context)
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._database: sqlite3.Connection | None = None
        self._waiting: list[RecordIntent] = []
        self._in_group = 0

    def on_start(self) -> None:
        self._database = open_journal(self._path, self._busy_timeout_s)

    def on_message(self, message: object) -> object:
        try:
            if isinstance(message, LoadDesk):
                self._commit()
                return self._load(message)
            self._write(message)
            # A recovery asks for its start to be on disk: its orders wait for nothing else.
            whole = isinstance(message, RecordCycleStart) and message.direction == RECOVER
            if whole or self._in_group >= _GROUP or not self.inbox_depth():
                self._commit()
        except sqlite3.Error as error:
            self._turn_away(str(error))
            raise JournalUnusable(self._path, str(error)) from error
        return None

    def on_exit(self, kind: ExitKind) -> None:
        if self._database is None:
            return
        try:
            self._commit()
        except sqlite3.Error as error:
            self._turn_away(str(error))
        finally:
            self._database.close()

    def _write(self, message: object) -> None:
        if isinstance(message, RecordIntent):
            self._write_intent(message)
        elif isinstance(message, RecordOrder):
            text = msgspec.json.encode(message.view).decode()
            row = (message.venue, str(message.view.client_order_id), text)
            self._execute("insert into outcomes values (?, ?, ?, ?)", *row, _now_ns())
        elif isinstance(message, RecordCycleStart):
            self._write_start(message)
        elif isinstance(message, RecordCycle):
            text = msgspec.json.encode(message.record).decode()
            self._execute(
                "update cycles set finished_ns = ?, outcome = ?, record_json = ?"
                " where desk = ? and cycle = ?",
                _now_ns(), message.record.outcome, text, message.record.desk, message.record.cycle,
            )  # fmt: skip
        else:
            super().on_message(message)

    def _write_intent(self, message: RecordIntent) -> None:
        new = message.new
        self._waiting.append(message)  # first: if it can't be written, that is its answer
        text = msgspec.json.encode(new).decode()
        key = (message.venue, str(new.client_order_id), message.desk, text)
        self._execute("insert or replace into intents values (?, ?, ?, ?, ?)", *key, _now_ns())
        # The start of its cycle may have been told to a life of this actor that is gone. Without
        # it a restart would use the ids again, and find a position that nothing explains.
        desk = message.desk.partition("/")[0]
        cycle = key_of(new.client_order_id).cycle
        self._write_start(RecordCycleStart(desk, cycle, new.side.value, str(new.size)))

    def _write_start(self, start: RecordCycleStart) -> None:
        row = (start.desk, start.cycle, start.direction, start.size)
        self._execute(
            "insert or ignore into cycles values (?, ?, ?, ?, ?, null, null, null)",
            *row, _now_ns(),
        )  # fmt: skip

    def _load(self, message: LoadDesk) -> DeskHistory:
        assert self._database is not None
        last = self._database.execute(
            "select cycle, finished_ns from cycles where desk = ? order by cycle desc limit 1",
            (message.desk,),
        ).fetchone()
        if last is None:
            return DeskHistory(1, 0, 0)
        finished = self._database.execute(
            "select count(*) from cycles where desk = ? and finished_ns >= ?"
            " and outcome in ('completed', 'unwound')",
            (message.desk, message.since_ns),
        ).fetchone()[0]
        return DeskHistory(last[0] + 1, 0 if last[1] is not None else last[0], finished)

    def _execute(self, statement: str, *values: object) -> None:
        assert self._database is not None
        if not self._in_group:
            self._database.execute("begin immediate")
        self._database.execute(statement, values)
        self._in_group += 1

    def _commit(self) -> None:
        assert self._database is not None
        if not self._in_group:
            return
        self._database.execute("commit")
        self._in_group = 0
        self._answer("")

    def _turn_away(self, reason: str) -> None:
        self._in_group = 0
        self._answer(f"not recorded: {reason}")

    def _answer(self, error: str) -> None:
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            reply = IntentRecorded(message.new.client_order_id, error)
            self.address(message.reply_to).offer(reply)


def _now_ns() -> int:
    return time.time_ns()
