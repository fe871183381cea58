"""The board: the last word of everybody, what has happened since, and who was replaced."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from actors.board import Board, BoardSnapshot, DeskReported, LegReport, ReadBoard
from actors.guard_messages import LimitsReported
from actors.journal import FundingOnRecord
from actors.orders_outbox import VenuePositions
from supervision.spec import ChildSpec
from supervision.states import ChildState, StatusMessage
from tests.support.actors import WAIT_S
from tests.support.actors_records import cycle_record
from tests.support.supervision_live import Stage
from trading.desk import CycleRecord, Phase
from venues.model import Position


class Theatre:
    """A board over one actor that can be made to fail."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.records: queue.Queue[CycleRecord] = queue.Queue()
        self.put_right: queue.Queue[CycleRecord] = queue.Queue()
        self.address = self.stage.directory.address("board")

    def read(self, since: int = 0) -> BoardSnapshot:
        snapshot: BoardSnapshot = self.address.ask(ReadBoard(since))
        return snapshot


@pytest.fixture
def theatre() -> Iterator[Theatre]:
    theatre = Theatre()
    board = ChildSpec(
        "board", lambda c: Board(c, theatre.records.put, on_put_right=theatre.put_right.put)
    )
    with theatre.stage.tree(board, theatre.stage.spec("a"), theatre.stage.spec("b")):
        theatre.stage.wait("b", ChildState.RUNNING)
        yield theatre


def desk(phase: Phase, cycle: int) -> DeskReported:
    leg = LegReport(
        leg="primary", venue="backpack", symbol="ETH", position=Decimal("0.5"), ready=True
    )
    return DeskReported(
        desk="eth", phase=phase, cycle=cycle, finished=cycle - 1, planned=None, halted="",
        legs=(leg,), naked_since_s=None,
    )  # fmt: skip


def _raise(_: object) -> None:
    raise ConnectionError("gone")


def states(snapshot: BoardSnapshot) -> dict[str, ChildState]:
    return {status.name: status.state for status in snapshot.statuses}


def test_the_snapshot_has_the_present_status_of_every_actor(theatre: Theatre) -> None:
    now = states(theatre.read())
    assert {now[name] for name in ("board", "a", "b")} == {ChildState.RUNNING}
    assert theatre.read().restarts == ()


def test_a_replaced_actor_is_counted_and_its_failure_is_an_event(theatre: Theatre) -> None:
    seen = theatre.read().last_event
    theatre.stage.tell("a", _raise)
    theatre.stage.wait("a", ChildState.RUNNING, 2)
    snapshot = theatre.read(seen)
    assert snapshot.restarts == (("a", 1),)
    changes = [(e.name, e.state) for e in snapshot.events if isinstance(e, StatusMessage)]
    assert ("a", ChildState.BACKING_OFF) in changes
    assert changes[-1] == ("a", ChildState.RUNNING)
    assert {name for name, _ in changes} == {"a"}


def test_the_last_word_of_a_desk_replaces_the_one_before(theatre: Theatre) -> None:
    theatre.address.tell(desk(Phase.OPENING, 1))
    theatre.address.tell(desk(Phase.HOLDING, 1))
    assert theatre.read().desks == (desk(Phase.HOLDING, 1),)


def test_a_finished_cycle_is_passed_on_and_is_an_event(theatre: Theatre) -> None:
    seen = theatre.read().last_event
    record = cycle_record(7)
    theatre.address.tell(record)
    assert theatre.records.get(timeout=WAIT_S) == record
    assert theatre.read(seen).events == (record,)


def test_a_record_that_is_put_right_is_an_event_if_the_cycle_was_one(theatre: Theatre) -> None:
    theatre.address.tell(cycle_record(7))
    seen = theatre.read().last_event
    right = msgspec.structs.replace(cycle_record(7), pnl=Decimal(-2))
    theatre.address.tell(FundingOnRecord(cycle_record(6)))  # of an earlier run
    theatre.address.tell(FundingOnRecord(right))
    assert theatre.read(seen).events == (right,)
    assert [theatre.put_right.get(timeout=WAIT_S).cycle for _ in range(2)] == [6, 7]
    assert theatre.records.qsize() == 1


def test_who_reads_on_from_the_last_event_misses_nothing_and_sees_nothing_twice(
    theatre: Theatre,
) -> None:
    seen = theatre.read().last_event
    read: list[object] = []
    for cycle in range(1, 51):
        theatre.address.tell(cycle_record(cycle))
        if cycle % 7 == 0:
            snapshot = theatre.read(seen)
            seen, read = snapshot.last_event, [*read, *snapshot.events]
    read += theatre.read(seen).events
    assert [r.cycle for r in read if isinstance(r, CycleRecord)] == list(range(1, 51))
    last = theatre.read().last_event
    assert theatre.read(last).events == ()


def test_only_the_latest_events_are_kept_and_their_numbers_go_on(theatre: Theatre) -> None:
    first = theatre.read().last_event
    for cycle in range(1_500):
        theatre.address.tell(cycle_record(cycle + 1))
    snapshot = theatre.read(first)
    assert snapshot.last_event == first + 1_500
    assert len(snapshot.events) == 1_000
    last = snapshot.events[-1]
    assert isinstance(last, CycleRecord)
    assert last.cycle == 1_500


def test_the_snapshot_has_the_last_positions_of_each_venue_and_the_limits_of_each_scope(
    theatre: Theatre,
) -> None:
    for size in ("0.5", "0.3"):
        held = Position(venue="grvt", symbol="ETH", size=Decimal(size))
        flat = Position(venue="grvt", symbol="BTC", size=Decimal(0))
        theatre.address.tell(VenuePositions("grvt", (held, flat)))
        theatre.address.tell(LimitsReported("eth", ()))
    snapshot = theatre.read()
    (positions,) = snapshot.positions
    assert positions.sizes == {"ETH": Decimal("0.3")}
    assert snapshot.limits == (LimitsReported("eth", ()),)
