"""The journal's file: what is in it, how a row is kept honest, and how an older file is carried on.

SQLite in WAL mode with synchronous=FULL. Every row ends with a checksum over what it says, so that
a row that was torn, edited or restored in part is told from a good one. Not thread-safe: one actor
owns it while the service runs; the process reads and writes it alone before that.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.journal_history import (
    DeskHistory,
    OrdersOnRecord,
    ResultsOnRecord,
    RunStart,
    UnresolvedIntent,
    ends_of,
)
from actors.journal_results import KeptResults
from actors.journal_tables import (
    SCHEMA_VERSION,
    SINCE_3,
    SINCE_4,
    SUMMED,
    TABLES,
    JournalUnusable,
)
from trading.cycle_record import with_funding
from trading.desk import CycleRecord
from trading.funding import DeskEnds
from trading.ids import LAST_EPOCH, later_epoch
from trading.leg import Leg
from trading.orders import OrderView
from trading.volume import DAY_NS
from venues.model import ZERO, Fill, NewOrder

__all__ = ["BUSY_TIMEOUT_S", "CRASH_WINDOW_S", "JournalFile", "JournalUnusable", "is_honest"]

BUSY_TIMEOUT_S: Final = 5.0
CRASH_WINDOW_S: Final = 60
_SECOND_NS: Final = 1_000_000_000
_FILLS_KEPT_NS: Final = 48 * 3600 * _SECOND_NS
_ENDS: Final = 100
_INTERRUPTED: Final = "interrupted"


class JournalFile:
    """One open journal. Every sqlite3.Error passes through: whoever calls knows what it means.

    Writes join a transaction that ``commit`` ends. Raises JournalUnusable when opened on
    something that can't be used; one that already has its tables is not written to.
    """

    def __init__(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalUnusable(path, str(error)) from error
        self._results = KeptResults(path, self._database, self.rows, self._insert)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._database.close()
            raise JournalUnusable(path, str(error)) from error
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        version = self._database.execute("pragma user_version").fetchone()[0]
        if version not in range(SCHEMA_VERSION + 1):
            raise JournalUnusable(
                self.path, f"schema {version}, this version reads 1 to {SCHEMA_VERSION}"
            )
        if version != SCHEMA_VERSION:
            self._migrate(version)

    def _migrate(self, version: int) -> None:
        """Make the tables, and take over what an older file has. All of it or nothing."""
        self._database.execute("begin immediate")
        old = ("intents", "outcomes", "cycles") if version == 1 else ()
        for table in old:
            self._database.execute(f"alter table {table} rename to old_{table}")
        missing = SINCE_4
        if version < 3:
            missing = SINCE_3 + missing
        if version < 2:
            missing = TABLES + missing
        for statement in missing.split(";")[:-1]:
            self._database.execute(statement)
        for table in old:
            self._take_over(table)
            self._database.execute(f"drop table old_{table}")
        self._results.make()
        self._database.execute(f"pragma user_version = {SCHEMA_VERSION}")
        self._database.execute("commit")

    def _take_over(self, table: str) -> None:
        columns = SUMMED[table].removesuffix(", last_intent")
        for row in self._database.execute(f"select {columns} from old_{table}").fetchall():
            self._insert(table, row if table != "cycles" else (*row, None), "insert or replace")
        if table == "intents":  # of a version that could not tell: their orders expired long ago
            self._database.execute("update intents set resolved = 1")
        elif table == "cycles":
            self._end_with_all_intents()

    def _end_with_all_intents(self) -> None:
        rows = list(self.rows("cycles", "where finished_ns is not null"))
        last_intent = self._database.execute("select max(rowid) from intents").fetchone()[0] or 0
        for row in rows:
            self._insert("cycles", (*row[:8], last_intent), "insert or replace")

    def close(self) -> None:
        """Close the file. What was not committed is not in it."""
        self._database.close()

    def commit(self) -> None:
        """Make everything written so far durable."""
        if self._database.in_transaction:
            self._database.execute("commit")

    # -- runs --------------------------------------------------------------------------------------

    def begin_run(self, now_ns: int, first_epoch: int = 1, noted: int | None = None) -> RunStart:
        """Begin a run, durably, with an epoch of its own, past all on record and past ``noted``.

        In a file that has none yet, and with none noted elsewhere, it is ``first_epoch``.
        """
        self._begin()
        last = self._database.execute("select epoch from runs order by number desc").fetchone()
        ends = [end for end in (last and last[0], noted) if end]
        epoch = later_epoch(ends[0], ends[-1]) % LAST_EPOCH + 1 if ends else first_epoch
        since_ns = now_ns - CRASH_WINDOW_S * _SECOND_NS
        crashes = self._database.execute(
            "select count(*) from runs where began_ns >= ? and ended_ns is null", (since_ns,)
        ).fetchone()[0]
        self._insert("runs", (epoch, now_ns, None))
        self.commit()
        first = self._database.execute("select epoch from runs order by number limit 1").fetchone()
        return RunStart(epoch, crashes, first[0])

    def next_epoch(self, beyond: int, now_ns: int) -> int:
        """A further epoch for the running process, past all on record and ``beyond``; durable."""
        self._begin()
        last = self._database.execute("select epoch from runs order by number desc").fetchone()
        epoch = max(beyond, last[0] if last else 0) % LAST_EPOCH + 1
        self._insert("runs", (epoch, now_ns, now_ns))
        self.commit()
        return epoch

    def end_run(self, epoch: int, now_ns: int) -> None:
        """The run with that epoch ends in an orderly way; durable."""
        self._begin()
        row = self._database.execute(
            "select number, began_ns from runs where epoch = ? order by number desc", (epoch,)
        ).fetchone()
        if row is not None:
            self._database.execute(
                "update runs set ended_ns = ?, checksum = ? where number = ?",
                (now_ns, checksum((epoch, row[1], now_ns)), row[0]),
            )
        self.commit()

    # -- orders ------------------------------------------------------------------------------------

    def write_intent(self, venue: str, new: NewOrder, desk: str, now_ns: int) -> None:
        """An order is about to be sent, or has just been."""
        row = (venue, str(new.client_order_id), desk, _json(new), now_ns)
        self._insert("intents", row, "insert or ignore")

    def write_outcome(self, venue: str, view: OrderView, now_ns: int) -> None:
        """The outcome of an order is known (better)."""
        key = (venue, str(view.client_order_id))
        self._insert("outcomes", (*key, _json(view), now_ns), "insert or replace")
        self._database.execute(
            "update intents set resolved = 1 where venue = ? and client_order_id = ?", key
        )

    def write_fill(self, fill: Fill, now_ns: int) -> None:
        """One execution; the same one again changes nothing."""
        ours = "" if fill.client_order_id is None else str(fill.client_order_id)
        row = (fill.venue, *fill.key, ours, _json(fill), fill.event_ns, now_ns)
        self._insert("fills", row, "insert or ignore")

    def load_orders(self, venue: str, now_ns: int) -> OrdersOnRecord:
        """What is on record of a venue's orders. Raises JournalUnusable for a damaged row."""
        rows = self.rows("intents", "where venue = ? and resolved = 0", venue)
        keys = self._database.execute(
            "select symbol, trade_id, venue_order_id from fills where venue = ? and event_ns >= ?",
            (venue, now_ns - _FILLS_KEPT_NS),
        ).fetchall()
        # Without a fill on record the first of all may have come just after the first process died.
        last = self._database.execute(
            "select coalesce(max(event_ns), (select min(began_ns) from runs), 0)"
            " from fills where venue = ?",
            (venue,),
        ).fetchone()[0]
        return OrdersOnRecord(
            tuple(
                UnresolvedIntent(msgspec.json.decode(row[3], type=NewOrder), row[2]) for row in rows
            ),
            tuple((symbol, trade, order) for symbol, trade, order in keys),
            last,
        )

    # -- cycles and desks --------------------------------------------------------------------------

    def write_start(self, desk: str, cycle: int, direction: str, size: str, now_ns: int) -> None:
        """A cycle begins; known already, nothing changes."""
        row = (desk, cycle, direction, size, now_ns, None, None, None, None)
        self._insert("cycles", row, "insert or ignore")

    def write_cycle(self, record: CycleRecord, now_ns: int) -> None:
        """A cycle is over."""
        self.write_start(record.desk, record.cycle, record.direction, str(record.size), now_ns)
        self._end_cycle(record.desk, record.cycle, record.outcome, _json(record), now_ns)

    def write_interrupted(self, desk: str, cycle: int, now_ns: int) -> None:
        """A cycle did not live to be recorded, and the venues are flat: it is over as well."""
        self.write_start(desk, cycle, _INTERRUPTED, "0", now_ns)
        self._end_cycle(desk, cycle, _INTERRUPTED, "", now_ns)

    def load_desk(self, desk: str, since_ns: int, day_ns: int | None = None) -> DeskHistory:
        """Where the desk left off. Raises JournalUnusable for a damaged row."""
        order = "where desk = ? order by cycle desc limit 1"
        last = next(self.rows("cycles", order, desk), ("", 0, "", "", 0, 1, "", "", 0))
        cycle, size, ended, last_intent = last[1], last[3], last[5], last[8]
        is_open = not ended
        if ended:  # the start of a cycle can get lost with a journal's inbox, its orders later not
            size = self._size_of_intents(desk, last_intent or 0)
            is_open = bool(size)
            cycle += is_open
        finished = self._database.execute(
            "select count(*) from cycles where desk = ? and finished_ns >= ?"
            " and outcome in ('completed', 'unwound') and record_json != ''",
            (desk, since_ns),
        ).fetchone()[0]
        _, paused, halted, ignored = self._desk(desk)
        return DeskHistory(
            next_cycle=cycle + 1,
            open_cycle=cycle if is_open else 0,
            finished=finished,
            open_size=size,
            halted=halted,
            paused=bool(paused),
            ignored=msgspec.json.decode(ignored, type=dict[str, Decimal]),
            traded=ZERO if day_ns is None else self._results.volume(desk, day_ns // DAY_NS),
        )

    def _size_of_intents(self, desk: str, after: int) -> str:
        """The size of the largest order of a desk after that row; empty without one."""
        where = "where rowid > ? and substr(desk, 1, ?) = ?"  # names may have SQL's own wildcards
        rows = self.rows("intents", where, after, len(desk) + 1, f"{desk}/")
        sizes = [msgspec.json.decode(row[3], type=NewOrder).size for row in rows]
        return str(max(sizes)) if sizes else ""

    def _desk(self, desk: str) -> tuple[Any, ...]:
        return next(self.rows("desks", "where desk = ?", desk), (desk, 0, "", "{}"))

    def set_desk(
        self,
        desk: str,
        *,
        paused: bool | None = None,
        halted: str | None = None,
        ignored: Mapping[str, Decimal] | None = None,
    ) -> None:
        """What an operator wants of a desk, and why it halted, over all runs; durable."""
        self._begin()
        _, was_paused, was_halted, was_ignored = self._desk(desk)
        values = (
            desk,
            was_paused if paused is None else int(paused),
            was_halted if halted is None else halted,
            was_ignored if ignored is None else _json(ignored),
        )
        self._insert("desks", values, "insert or replace")
        self.commit()

    # -- funding -----------------------------------------------------------------------------------

    def load_ends(self, desk: str, since_ns: int) -> DeskEnds:
        """The latest cycles on record that ended since then.

        Raises JournalUnusable for a damaged row.
        """
        where = "where desk = ? and record_json != '' order by cycle desc limit ?"
        rows = self.rows("cycles", where, desk, _ENDS + 1)
        return ends_of(desk, rows, since_ns, _ENDS)

    def write_funding(
        self, desk: str, cycle: int, funding: Mapping[Leg, Decimal]
    ) -> CycleRecord | None:
        """Put a cycle's record right: that funding belongs to it; durable. None: not on record."""
        where = "where desk = ? and cycle = ? and record_json != ''"
        row = next(self.rows("cycles", where, desk, cycle), None)
        if row is None:
            return None
        record = with_funding(msgspec.json.decode(row[7], type=CycleRecord), funding)
        self._insert("cycles", (*row[:7], _json(record), row[8]), "insert or replace")
        self.commit()
        return record

    # -- results -----------------------------------------------------------------------------------

    def set_resumed(self, scope: str, utc_ns: int) -> None:
        """What was earned or lost before that does not count for its limits; durable.

        ``scope``: a desk, or the account, whose resume is its own.
        """
        self._results.resumed(scope, utc_ns)
        self.commit()

    def prepare_results(self, scope: str, desks: Iterable[str]) -> None:
        """Make ready what ``load_results`` will tell, so that it needs to read little; durable."""
        with suppress(JournalUnusable):  # whoever loads them is told
            self._results.prepare(scope, desks)
        self.commit()

    def load_results(self, scope: str, desks: Iterable[str], since_ns: int) -> ResultsOnRecord:
        """What the cycles of those desks came to, for whoever asks under that name.

        Older ones than ``since_ns`` are left out if they can't be read. Raises JournalUnusable for
        a damaged row.
        """
        found = self._results.load(scope, desks, since_ns)
        self.commit()
        return found

    # -- inside ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._database.in_transaction:
            self._database.execute("begin immediate")

    def _insert(self, table: str, row: tuple[object, ...], verb: str = "insert") -> None:
        self._begin()
        marks = ", ".join("?" * (len(row) + 1))
        self._database.execute(
            f"{verb} into {table} ({SUMMED[table]}, checksum) values ({marks})",
            (*row, checksum(row)),
        )

    def _end_cycle(self, desk: str, cycle: int, outcome: str, text: str, now_ns: int) -> None:
        """Close the row of a cycle, and those of earlier ones that nobody lived to close."""
        last_intent = self._database.execute("select max(rowid) from intents").fetchone()[0] or 0
        before = "indexed by open_cycles where desk = ? and cycle < ? and finished_ns is null"
        rows = list(self.rows("cycles", before, desk, cycle))
        for row in (*rows, *self.rows("cycles", "where desk = ? and cycle = ?", desk, cycle)):
            how = (outcome, text) if row[1] == cycle else (_INTERRUPTED, "")
            ended = (*row[:5], row[5] or now_ns, *how, row[8] or last_intent)
            self._insert("cycles", ended, "insert or replace")
            self._results.ended(ended, row[7] or "")

    def rows(self, table: str, where: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows whose checksums hold, without them. Raises JournalUnusable for another."""
        statement = f"select {SUMMED[table]}, checksum from {table} {where}"
        for row in self._database.execute(statement, values).fetchall():
            if not is_honest(row):
                raise JournalUnusable(
                    self.path,
                    f"the {table} row of {row[0]} {row[1]} does not match its checksum",
                )
            yield row[:-1]


def checksum(row: tuple[object, ...]) -> str:
    """What the row's last column must be."""
    return hashlib.blake2b(msgspec.json.encode(row), digest_size=8).hexdigest()


def is_honest(row: tuple[Any, ...]) -> bool:
    """True for a row whose last column is the checksum of the others."""
    return bool(checksum(row[:-1]) == row[-1])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
