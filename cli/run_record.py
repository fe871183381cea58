"""A run's own lines in the journal: that it began, how it ended, which desks may not go on.

They are written before the tree starts and after it has ended, when nobody else owns the file.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from actors.guard_messages import ACCOUNT_GUARD
from actors.journal_file import (
    BUSY_TIMEOUT_S,
    CRASH_WINDOW_S,
    JournalFile,
    JournalUnusable,
)
from actors.last_id import LastId
from cli.exits import CONFIGURATION, UNEXPECTED, CommandFailed
from trading.ids import LAST_EPOCH, epoch_of

JOURNAL: Final = "journal.sqlite"
LAST_ID: Final = "last-order-id"
_LOOP: Final = 3  # crashes within CRASH_WINDOW_S: the next start only closes what is open


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How this run begins. ``epoch`` is what its order ids are made of, ``first_epoch`` that of
    the first run on record.

    ``halted`` are the desks that had halted in an earlier run, and why; ``crashed`` is why no desk
    may open anything in this one, or empty.
    """

    epoch: int
    first_epoch: int
    halted: dict[str, str]
    crashed: str


def begin(
    path: Path,
    desks: Iterable[str],
    *,
    resume: bool,
    new_venues: bool,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
) -> RunRecord:
    """Put the beginning of a run on record.

    Raises CommandFailed: 78 for a journal that can't be used, 1 for one that can't be written now.

    ``resume``: the operator has looked, and wants desks to go on whatever happened, also whatever
    they have lost. ``new_venues``: what was found at the venues of an earlier run, and lost there,
    does not exist any more.
    """
    names = tuple(desks)
    with _opened(path, busy_timeout_s) as journal:
        # A journal that was lost, or restored from a copy, must not lead to ids that were used.
        last_id = LastId(path.with_name(LAST_ID)).previous
        noted = None if last_id is None else epoch_of(last_id)
        start = journal.begin_run(time.time_ns(), 1 + secrets.randbelow(LAST_EPOCH), noted)
        if resume or new_venues:
            for desk in names:
                journal.set_desk(
                    desk,
                    paused=False if resume else None,
                    halted="",
                    ignored={} if new_venues else None,
                )
            for scope in (*names, ACCOUNT_GUARD):
                journal.set_resumed(scope, time.time_ns())
        for scope, of in (*((desk, (desk,)) for desk in names), (ACCOUNT_GUARD, names)):
            journal.prepare_results(scope, of)
        halted = {desk: why for desk in names if (why := journal.load_desk(desk, 0).halted)}
        crashed = ""
        if start.recent_crashes >= _LOOP and not resume:
            crashed = (
                f"{start.recent_crashes} runs within {CRASH_WINDOW_S} s crashed: only what is open "
                "is closed; look at the log, then go on with: ketch run --resume"
            )
            for desk in names:
                if desk not in halted:
                    journal.set_desk(desk, halted=crashed)
    if crashed:
        logger.error("{}", crashed)
    return RunRecord(
        epoch=start.epoch, first_epoch=start.first_epoch, halted=halted, crashed=crashed
    )


def end(path: Path, record: RunRecord) -> None:
    """Put on record that the run ended in an orderly way. A disk that fails is only logged."""
    try:
        journal = JournalFile(path)
        try:
            journal.end_run(record.epoch, time.time_ns())
        finally:
            journal.close()
    except (sqlite3.Error, JournalUnusable) as error:
        logger.warning("{}: the next start takes this run for crashed: {}", path, error)


@contextmanager
def _opened(path: Path, busy_timeout_s: float) -> Iterator[JournalFile]:
    try:
        journal = JournalFile(path, busy_timeout_s)
        try:
            yield journal
        finally:
            journal.close()
    except JournalUnusable as error:
        raise _failed(str(error), error.__cause__) from None
    except sqlite3.Error as error:
        raise _failed(f"journal {path}: {error}", error) from None


def _failed(text: str, cause: BaseException | None) -> CommandFailed:
    """A disk that is full or a file that is locked may be so no more at the next start."""
    if isinstance(cause, sqlite3.OperationalError):
        return CommandFailed(UNEXPECTED, f"{text}; make room or end what holds it, then run again")
    return CommandFailed(CONFIGURATION, f"{text}; repair it, or move it away to begin a new one")
