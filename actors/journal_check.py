"""A journal's file as an operator asks about it: read whole, changed in nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from actors.journal_file import JournalUnusable, is_honest
from actors.journal_history import JournalCheck
from actors.journal_tables import SCHEMA_VERSION, SUMMED


def check_journal(path: Path) -> JournalCheck:
    """Read every row, also while a service writes. Raises JournalUnusable if that can't be done."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as file:
            return _check(path, file)
    except sqlite3.Error as error:
        raise JournalUnusable(path, str(error)) from error


def _check(path: Path, file: sqlite3.Connection) -> JournalCheck:
    version = file.execute("pragma user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise JournalUnusable(path, f"schema {version}, this version checks {SCHEMA_VERSION}")
    found = file.execute("pragma integrity_check").fetchone()[0]
    if found != "ok":
        raise JournalUnusable(path, f"damaged: {found}")
    damaged: list[str] = []
    counts: dict[str, int] = {}
    for table, columns in SUMMED.items():
        counts[table] = 0
        for row in file.execute(f"select {columns}, checksum from {table}"):
            counts[table] += 1
            if not is_honest(row):
                damaged.append(f"{table} {row[0]} {row[1]}")
    states = file.execute("select desk, paused, halted from desks").fetchall()
    return JournalCheck(
        path=str(path),
        schema_version=version,
        rows=counts,
        damaged=tuple(damaged),
        unresolved=_pairs(
            file, "select venue, count(*) from intents where resolved = 0 group by venue"
        ),
        open_cycles=_pairs(
            file, "select desk, max(cycle) from cycles where finished_ns is null group by desk"
        ),
        last_fill_ns=_pairs(file, "select venue, max(event_ns) from fills group by venue"),
        halted={desk: halted for desk, _, halted in states if halted},
        paused=tuple(desk for desk, paused, _ in states if paused),
    )


def _pairs(file: sqlite3.Connection, query: str) -> dict[str, Any]:
    return dict(file.execute(query).fetchall())
