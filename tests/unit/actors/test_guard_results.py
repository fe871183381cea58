"""What a guard counts after a restart is what it counted before: an operator's resume included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from loguru import logger

from actors.guard_messages import ACCOUNT_GUARD
from actors.guard_results import GuardResults
from actors.journal import LoadResults, RecordResume, ResultsOnRecord
from actors.journal_file import JournalFile
from tests.support.actors_records import cycle_record
from trading.desk import CycleRecord
from trading.leg import Leg
from venues.model import ZERO

DESKS = ("eth", "btc")


class Service:
    """The results of two desks and of the account, over a journal that outlives them."""

    def __init__(self, file: JournalFile) -> None:
        self.file = file
        self.guards: dict[str, GuardResults] = {}
        self.start()

    def start(self) -> None:
        """A new life of the guards."""
        journal: Any = self
        scopes = {ACCOUNT_GUARD: DESKS, **{desk: (desk,) for desk in DESKS}}
        for scope, desks in scopes.items():
            self.guards[scope] = GuardResults(journal, scope, scope, desks, logger, whole=False)
            self.guards[scope].ask(0.0)

    def offer(self, message: object) -> bool:
        """In the place of the journal's address."""
        if isinstance(message, RecordResume):
            self.file.set_resumed(message.scope, message.resumed_ns)
        elif isinstance(message, LoadResults):
            found = self.file.load_results(message.scope, message.desks, message.since_ns)
            self.guards[message.reply_to].answered(found)
        return True

    def ends(self, desk: str, cycle: int, pnl: int) -> None:
        record = msgspec.structs.replace(cycle_record(cycle), desk=desk, pnl=Decimal(pnl))
        self.file.write_cycle(record, time.time_ns())
        self.file.commit()
        for guard in self._hear_of(record):
            guard.finished(record)

    def is_charged(self, desk: str, cycle: int, funding: str) -> None:
        right = {Leg.PRIMARY: Decimal(funding), Leg.HEDGE: ZERO}
        record = self.file.write_funding(desk, cycle, right)
        assert record is not None
        for guard in self._hear_of(record):
            guard.put_right(record)

    def _hear_of(self, record: CycleRecord) -> tuple[GuardResults, ...]:
        return self.guards[record.desk], self.guards[ACCOUNT_GUARD]

    def resume(self, scope: str) -> None:
        """By an operator whom its results were in the way."""
        utc_ns = time.time_ns()
        known = self.guards[scope].known
        assert known is not None
        known.resumed(utc_ns)
        self.guards[scope].resumed(utc_ns)

    def lost(self, *scopes: str) -> list[str]:
        """The day's loss of each."""
        known = [results for scope in scopes if (results := self.guards[scope].known)]
        assert len(known) == len(scopes)
        return [str(results.daily_loss(time.time_ns())) for results in known]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with closing(JournalFile(tmp_path / "journal.sqlite")) as file:
        yield Service(file)


def test_the_accounts_resume_outlives_a_restart(service: Service) -> None:
    service.ends("eth", 1, -600)
    service.resume(ACCOUNT_GUARD)
    assert service.lost(ACCOUNT_GUARD, "eth") == ["0", "600"]
    service.start()
    assert service.lost(ACCOUNT_GUARD, "eth") == ["0", "600"]


def test_a_desks_resume_forgives_the_account_nothing(service: Service) -> None:
    service.ends("eth", 1, -450)
    service.ends("btc", 1, -1)
    service.resume("btc")
    service.ends("eth", 2, -100)
    assert service.lost(ACCOUNT_GUARD, "btc") == ["551", "0"]
    service.start()
    assert service.lost(ACCOUNT_GUARD, "btc") == ["551", "0"]


def test_funding_that_comes_after_a_restart_brings_back_no_loss_that_was_resumed(
    service: Service,
) -> None:
    service.ends("eth", 7, -600)
    for scope in ("eth", ACCOUNT_GUARD):
        service.resume(scope)
    service.start()
    service.is_charged("eth", 7, "0.01")
    assert service.lost("eth", ACCOUNT_GUARD) == ["0", "0"]
    service.ends("eth", 8, -5)
    service.is_charged("eth", 8, "0.25")
    assert service.lost("eth", ACCOUNT_GUARD) == ["5.25", "5.25"]


class Asked:
    """In the place of the journal's address: one that takes its time."""

    def __init__(self) -> None:
        self.times = 0

    def offer(self, message: object) -> bool:
        self.times += isinstance(message, LoadResults)
        return True


def test_a_journal_that_does_not_answer_is_asked_again_soon_and_then_less_and_less_often() -> None:
    """The first answer may come before the guard's name is bound. A slow journal has them all to
    answer, before the questions of desks, which do not wait for long.
    """
    asked = Asked()
    journal: Any = asked
    guard = GuardResults(journal, "eth/guard", "eth", ("eth",), logger, whole=False)
    asked_s = []
    for second in range(50):
        before = asked.times
        guard.ask(float(second))
        asked_s += [second] if asked.times > before else []
    assert asked_s == [0, 2, 6, 14, 30]
    guard.answered(ResultsOnRecord((), 0, "damaged"))
    guard.ask(50.0)
    guard.ask(51.0)
    assert asked.times == 6
    guard.answered(ResultsOnRecord((), 0))
    guard.ask(500.0)
    assert asked.times == 6
