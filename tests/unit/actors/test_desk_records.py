"""What a desk puts on record is told again to a journal that was replaced."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.desk_records import DeskRecords
from actors.journal import RecordCycle, RecordCycleStart, RecordDesk, RecordInterrupted
from supervision.states import ChildState, StatusMessage
from tests.support.actors import WAIT_S, mailbox
from tests.support.actors_records import cycle_record
from tests.support.supervision_live import Stage
from trading.leg import Leg

HALF = Decimal("0.5")
START = RecordCycleStart("eth", 1, "buy", "0.5")
OVER = RecordCycle(cycle_record(1), "eth/coordinator")


class Bench:
    """The records of a desk, and what the journal heard of them."""

    def __init__(self, stage: Stage, heard: queue.Queue[Any]) -> None:
        self.heard = heard
        self.journal = stage.directory.address("journal")
        self.records = DeskRecords("eth", self.journal, "eth/coordinator")
        self.status = stage.wait("journal", ChildState.RUNNING)

    def replaced(self, epoch: int, state: ChildState = ChildState.RUNNING) -> None:
        status: StatusMessage = msgspec.structs.replace(self.status, epoch=epoch, state=state)
        self.records.journal_changed(status)

    def told(self) -> list[Any]:
        """Everything since the last time."""
        self.journal.tell("end")
        return list(iter(lambda: self.heard.get(timeout=WAIT_S), "end"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    stage, heard = Stage(), queue.Queue[Any]()
    with stage.tree(mailbox("journal", heard)):
        yield Bench(stage, heard)


def test_a_new_life_of_the_journal_is_told_what_was_not_confirmed(bench: Bench) -> None:
    bench.records.started(1, "buy", HALF)
    bench.replaced(2)
    assert bench.told() == [START, START]
    bench.records.finished(cycle_record(1))
    bench.replaced(3)
    assert bench.told() == [OVER, OVER]
    bench.records.confirmed(1)
    bench.replaced(4)
    assert bench.told() == []


def test_the_same_life_is_told_once(bench: Bench) -> None:
    bench.replaced(2)
    bench.records.started(1, "buy", HALF)
    bench.replaced(2)
    bench.replaced(3, ChildState.BACKING_OFF)
    assert bench.told() == [START]


def test_a_later_cycle_on_record_confirms_the_earlier_ones(bench: Bench) -> None:
    bench.records.interrupted(1)
    bench.records.started(2, "buy", HALF)
    bench.records.confirmed(2)
    bench.replaced(2)
    assert bench.told() == [RecordInterrupted("eth", 1), RecordCycleStart("eth", 2, "buy", "0.5")]


def test_what_lasts_over_all_runs_is_told_whole(bench: Bench) -> None:
    bench.records.remember(paused=True)
    bench.records.remember(ignored={Leg.PRIMARY: HALF})
    bench.told()
    bench.replaced(2)
    assert bench.told() == [RecordDesk("eth", True, None, {"primary": HALF})]


def test_it_knows_since_when_news_is_of_the_present_cycle(bench: Bench) -> None:
    assert bench.records.began_ns == 0  # of nothing is known that it was before
    before_ns = time.time_ns()
    bench.records.started(1, "buy", HALF)
    assert before_ns <= bench.records.began_ns <= time.time_ns()
