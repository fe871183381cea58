"""What cycles came to, kept beside them in the journal's file, so that nobody reads all of them.

Of each scope that asks (a desk, or several desks together) there is a tally of what is too old to
be put right, and of each desk a figure for each day's volume. Both change with the record of the
cycle, in its transaction. A tally that is missing or damaged is made again from the records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.guard_messages import ACCOUNT_GUARD
from actors.journal_history import ResultsOnRecord, result_of, volume_on_record
from actors.journal_tables import JournalUnusable
from trading.results import KEPT, NOTHING_OLDER, CycleResult, Tally
from trading.volume import DAY_NS
from venues.model import ZERO

_AT_ONCE: Final = 500  # so many rows are in memory while a tally is made
_SLACK: Final = 50  # a tally lags behind by up to so many: it is not written at every cycle
_AFTER: Final = (
    "desk = ? and finished_ns >= ? and (finished_ns > ? or (?, cycle) > (?, ?))"
    " and record_json != ''"
)

Place = tuple[int, str, int]
"""Where a cycle stands among all: the moment of its end, its desk, its number."""


class Kept(msgspec.Struct, frozen=True):
    """A scope's tally as it is in the file: up to and with ``through``, since ``resumed_ns``.

    ``trouble``: why it can't be carried on, or empty.
    """

    desks: tuple[str, ...]
    resumed_ns: int
    through: Place
    tally: Tally = NOTHING_OLDER
    trouble: str = ""


class KeptResults:
    """Within a transaction of the file; ``rows`` and ``insert`` are the file's own.

    Every reading raises JournalUnusable for a damaged row.
    """

    def __init__(
        self,
        path: Path,
        database: sqlite3.Connection,
        rows: Callable[..., Iterator[tuple[Any, ...]]],
        insert: Callable[[str, tuple[object, ...], str], None],
    ) -> None:
        self._path = path
        self._database = database
        self._rows = rows
        self._insert = insert

    def ended(self, row: tuple[Any, ...], before: str) -> None:
        """That row of ``cycles`` is in the file, in the place of one with the record ``before``."""
        desk, cycle, ended_ns, text = row[0], row[1], row[5], row[7]
        self._add_volume(row, before)
        for scope, kept in list(self._all_kept()):
            if desk not in kept.desks or kept.trouble:
                continue
            is_new = text and not before and ended_ns >= kept.resumed_ns
            grown = kept
            if is_new and (ended_ns, desk, cycle) <= kept.through:  # the clock was set back
                grown = self._with(kept, [row], kept.through)
            grown = self._carried_on(grown)
            if grown != kept:
                self._keep(scope, grown)

    def resumed(self, scope: str, utc_ns: int) -> None:
        """For that scope it is now another moment from which on results count."""
        self._insert("resumes", (scope, utc_ns), "insert or replace")
        kept = self._kept(scope)
        if kept is not None and kept.resumed_ns != utc_ns:
            self._keep(scope, _fresh(kept.desks, utc_ns))

    def resumed_ns(self, scope: str) -> int:
        """When it was last resumed itself, or 0: a desk's resume is none of the account's."""
        resumed_ns: int = next(self._rows("resumes", "where desk = ?", scope), (scope, 0))[1]
        return resumed_ns

    def load(self, scope: str, desks: Iterable[str], since_ns: int) -> ResultsOnRecord:
        """The scope's results. If older ones can't be read, those since then will do."""
        kept = self.prepare(scope, desks)
        resumed_ns = kept.resumed_ns
        if kept.trouble:
            if not since_ns:
                raise JournalUnusable(self._path, kept.trouble)
            kept = _fresh(kept.desks, max(since_ns, kept.resumed_ns))
        results = tuple(self._result(row) for row in self._first(kept, -1))
        return ResultsOnRecord(results, resumed_ns, tally=kept.tally)

    def prepare(self, scope: str, of: Iterable[str]) -> Kept:
        """The scope's tally, made or carried on if need be: that can take a while, once."""
        desks = tuple(sorted(of))
        counts_ns = self.resumed_ns(scope)
        known = self._kept(scope)
        kept = known
        if kept is None or kept.resumed_ns != counts_ns or not self._covers(kept, desks):
            kept = _fresh(desks, counts_ns)
        kept = self._carried_on(msgspec.structs.replace(kept, desks=desks))
        if kept != known:
            self._keep(scope, kept)
        return kept

    def volume(self, desk: str, day: int) -> Decimal:
        """What the desk's primary traded in cycles that ended on that day (UTC)."""
        row = next(self._rows("volumes", "where desk = ? and day = ?", desk, day), None)
        return ZERO if row is None else Decimal(row[2])

    def make(self) -> None:
        """Of an older file: a tally of each desk, and the volumes of the last days."""
        found = self._database.execute("select distinct desk from cycles order by desk").fetchall()
        # The account's own resume was on record as that of every desk.
        with suppress(JournalUnusable):
            resumed_ns = min((self.resumed_ns(desk) for (desk,) in found), default=0)
            if resumed_ns:
                self.resumed(ACCOUNT_GUARD, resumed_ns)
        for (desk,) in found:
            with suppress(JournalUnusable):  # of a resume: whoever loads it is told
                self.prepare(desk, (desk,))
            last_ns = self._database.execute(
                "select max(finished_ns) from cycles where desk = ? and record_json != ''", (desk,)
            ).fetchone()[0]
            day = _fresh((desk,), (last_ns or 0) // DAY_NS * DAY_NS)
            while rows := self._first(day, _AT_ONCE):
                for row in rows:
                    self._add_volume(row, "")
                day = msgspec.structs.replace(day, through=_place(rows[-1]))

    # -- inside ------------------------------------------------------------------------------------

    def _add_volume(self, row: tuple[Any, ...], before: str) -> None:
        desk, day = row[0], row[5] // DAY_NS
        grown = volume_on_record(row[7]) - volume_on_record(before)
        if not grown:
            return
        try:
            volume = self.volume(desk, day) + grown
        except JournalUnusable:
            return  # whoever reads it is told
        self._insert("volumes", (desk, day, str(volume)), "insert or replace")

    def _all_kept(self) -> Iterator[tuple[str, Kept]]:
        for (scope,) in self._database.execute("select scope from tallies").fetchall():
            kept = self._kept(scope)
            if kept is not None:
                yield scope, kept

    def _kept(self, scope: str) -> Kept | None:
        """None for one that is not there, or not to be believed: it is made again."""
        try:
            row = next(self._rows("tallies", "where scope = ?", scope), None)
            return None if row is None else msgspec.json.decode(row[1], type=Kept)
        except (JournalUnusable, msgspec.DecodeError):
            return None

    def _keep(self, scope: str, kept: Kept) -> None:
        text = msgspec.json.encode(kept).decode()
        self._insert("tallies", (scope, text), "insert or replace")

    def _covers(self, kept: Kept, desks: tuple[str, ...]) -> bool:
        """Whether the tally would be the same for those desks."""
        others = tuple(set(kept.desks) ^ set(desks))
        every = self._count(_fresh(others, kept.resumed_ns))
        return every == self._count(msgspec.structs.replace(kept, desks=others))

    def _carried_on(self, kept: Kept) -> Kept:
        """The tally with all but the latest cycles, unless it lags behind by few only."""
        excess = self._count(kept) - KEPT
        if kept.trouble or excess <= _SLACK:
            return kept
        try:
            while excess > 0 and (rows := self._first(kept, min(excess, _AT_ONCE))):
                kept = self._with(kept, rows, _place(rows[-1]))
                excess -= len(rows)
        except JournalUnusable as error:
            return msgspec.structs.replace(kept, trouble=error.reason)
        return kept

    def _with(self, kept: Kept, rows: Iterable[tuple[Any, ...]], through: Place) -> Kept:
        tally = kept.tally.grown(self._result(row) for row in rows)
        return msgspec.structs.replace(kept, tally=tally, through=through)

    def _count(self, kept: Kept) -> int:
        """How many cycles with a record its tally does not have yet."""
        statement = f"select count(*) from cycles where {_AFTER}"
        return sum(
            self._database.execute(statement, _after(kept, desk)).fetchone()[0]
            for desk in kept.desks
        )

    def _first(self, kept: Kept, most: int) -> list[tuple[Any, ...]]:
        """The oldest of them, in order; -1 for all."""
        where = f"where {_AFTER} order by finished_ns, cycle limit ?"
        rows = [
            row
            for desk in kept.desks
            for row in self._rows("cycles", where, *_after(kept, desk), most)
        ]
        rows.sort(key=_place)
        return rows if most < 0 else rows[:most]

    def _result(self, row: tuple[Any, ...]) -> CycleResult:
        try:
            return result_of(row[0], row[1], row[5], row[7])
        except msgspec.DecodeError as error:
            raise JournalUnusable(self._path, f"cycle {row[1]} of {row[0]}: {error}") from error


def _fresh(desks: tuple[str, ...], since_ns: int) -> Kept:
    return Kept(desks, since_ns, (since_ns, "", 0))


def _place(row: tuple[Any, ...]) -> Place:
    return row[5], row[0], row[1]


def _after(kept: Kept, desk: str) -> tuple[object, ...]:
    ended_ns, its_desk, its_cycle = kept.through
    return desk, ended_ns, ended_ns, desk, its_desk, its_cycle
