"""The journal: what is answered is durable, and what can't be made durable is refused."""

from __future__ import annotations

import queue
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.journal import (
    BeginEpoch,
    CycleOnRecord,
    DeskHistory,
    EndsOnRecord,
    IntentRecorded,
    Journal,
    LoadDesk,
    LoadEnds,
    LoadResults,
    LoadVenue,
    RecordCycle,
    RecordCycleStart,
    RecordDesk,
    RecordFill,
    RecordIntent,
    RecordInterrupted,
    RecordOrder,
    RecordResume,
    UnresolvedIntent,
    VenueHistory,
)
from actors.journal_file import JournalFile
from supervision.policy import Policy
from supervision.spec import ChildSpec
from supervision.states import ChildState
from tests.support.actors import WAIT_S, mailbox
from tests.support.actors_records import cycle_record
from tests.support.supervision_live import RETRY, Stage
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import Fill, NewOrder, Side, TimeInForce

LETTERS = "letters"


class Desk:
    """A tree of a journal and a mailbox, and what a desk tells and asks the journal."""

    def __init__(self, path: Path, busy_timeout_s: float = 5.0) -> None:
        self.path = path
        self.stage = Stage()
        self.letters: queue.Queue[Any] = queue.Queue()
        self.journal = self.stage.directory.address("journal")
        policy = Policy(drain=True, backoff=RETRY)
        self.children = (
            mailbox(LETTERS, self.letters),
            ChildSpec("journal", lambda c: Journal(c, path, busy_timeout_s), policy),
        )

    @contextmanager
    def running(self) -> Iterator[Desk]:
        with self.stage.tree(*self.children):
            self.stage.wait("journal", ChildState.RUNNING)
            yield self

    def load(self, since_ns: int = 0, desk: str = "eth") -> DeskHistory:
        history: DeskHistory = self.journal.ask(LoadDesk(desk, since_ns))
        return history

    def answer(self) -> IntentRecorded:
        answer: IntentRecorded = self.letters.get(timeout=WAIT_S)
        return answer

    def rows(self, statement: str) -> list[Any]:
        """What another process reads from the file now."""
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(statement).fetchall()


def new_order(cycle: int, attempt: int = 0) -> NewOrder:
    return NewOrder(
        symbol="ETH",
        side=Side.BUY,
        size=Decimal("0.5"),
        price=Decimal("2500.01"),
        time_in_force=TimeInForce.IOC,
        client_order_id=(cycle << 16) | attempt,
        expires_ns=1,
        created_ns=1,
        nonce=1,
    )


def intent(cycle: int, attempt: int = 0) -> RecordIntent:
    return RecordIntent(new_order(cycle, attempt), "backpack", "eth/coordinator", LETTERS)


def outcome_of(new: NewOrder) -> OrderView:
    return OrderView(
        client_order_id=new.client_order_id, symbol=new.symbol, size=new.size,
        signed_executed=new.size, quote_amount=Decimal(1250), fees=Decimal(0),
        state=OrderState.FILLED, reason="", fills_complete=True,
    )  # fmt: skip


def start(cycle: int) -> RecordCycleStart:
    return RecordCycleStart("eth", cycle, "buy", "0.5")


def over(cycle: int, outcome: str = "completed") -> RecordCycle:
    return RecordCycle(cycle_record(cycle, outcome))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "state" / "journal.sqlite")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else writes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


def test_an_intent_is_in_the_file_before_it_is_answered(desk: Desk) -> None:
    with desk.running():
        for attempt in range(5):
            message = intent(1, attempt)
            desk.journal.tell(message)
            assert desk.answer() == IntentRecorded(message.new.client_order_id)
            ids = [int(row[0]) for row in desk.rows("select client_order_id from intents")]
            assert ids[-1] == message.new.client_order_id


def test_what_waits_is_committed_together_and_each_is_answered_in_order(desk: Desk) -> None:
    desk.path.parent.mkdir()
    JournalFile(desk.path).close()
    with desk.running():
        with locked(desk.path):  # the first write waits here, and the others behind it
            for attempt in range(100):
                desk.journal.tell(intent(1, attempt))
            assert desk.letters.empty()
        answers = [desk.answer() for _ in range(100)]
    assert [a.client_order_id & 0xFF for a in answers] == list(range(100))
    assert not any(a.error for a in answers)
    assert desk.rows("select count(*) from intents") == [(100,)]


def test_a_new_file_has_no_history(desk: Desk) -> None:
    with desk.running():
        assert desk.load() == DeskHistory(1, 0, 0)


def test_the_history_tells_the_next_cycle_the_open_one_and_how_many_are_finished(
    desk: Desk,
) -> None:
    with desk.running():
        desk.journal.tell(start(1))
        assert desk.load() == DeskHistory(2, 1, 0, "0.5")
        desk.journal.tell(over(1))
        assert desk.load() == DeskHistory(2, 0, 1)
        for cycle, outcome in ((2, "abandoned"), (3, "unwound"), (4, "recovered")):
            desk.journal.tell(start(cycle))
            desk.journal.tell(over(cycle, outcome))
        assert desk.load() == DeskHistory(5, 0, 2)
        assert desk.load(desk="btc") == DeskHistory(1, 0, 0)
        assert desk.load(since_ns=time.time_ns()).finished == 0


def test_a_reopened_journal_goes_on_where_the_last_life_stopped(desk: Desk) -> None:
    with desk.running():
        for cycle in (1, 2, 3):
            desk.journal.tell(start(cycle))
            if cycle < 3:
                desk.journal.tell(over(cycle))
    again = Desk(desk.path)
    with again.running():
        assert again.load() == DeskHistory(4, 3, 2, "0.5")
        again.stage.directory.address("journal").tell(over(3))
        assert again.load() == DeskHistory(4, 0, 3)


def test_what_is_on_its_way_is_still_written_when_the_service_stops(desk: Desk) -> None:
    with desk.running():
        for attempt in range(100):
            desk.journal.tell(intent(1, attempt))
    assert desk.rows("select count(*) from intents") == [(100,)]


def test_an_outcome_is_recorded_as_it_was_known(desk: Desk) -> None:
    view = OrderView(
        client_order_id=7, symbol="ETH", size=Decimal("0.5"), signed_executed=Decimal("0.3"),
        quote_amount=Decimal(750), fees=Decimal("-0.01"), state=OrderState.CANCELLED, reason="ioc",
        fills_complete=True,
    )  # fmt: skip
    with desk.running():
        desk.journal.tell(RecordOrder("grvt", view))
        desk.load()
        [(text,)] = desk.rows("select view_json from outcomes where client_order_id = '7'")
    assert '"0.3"' in text
    assert '"cancelled"' in text


def test_a_cycle_that_is_over_is_confirmed_once_it_is_durable(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(start(5))
        desk.journal.tell(RecordCycle(cycle_record(5), LETTERS))
        assert desk.letters.get(timeout=WAIT_S) == CycleOnRecord(5)
        assert desk.rows("select outcome from cycles where cycle = 5") == [("completed",)]
        desk.journal.tell(RecordCycle(cycle_record(5), LETTERS))  # told again: it changes nothing
        assert desk.letters.get(timeout=WAIT_S) == CycleOnRecord(5)
        assert desk.load() == DeskHistory(6, 0, 1)


def test_a_record_whose_start_got_lost_is_a_cycle_all_the_same(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(over(5))
        assert desk.load() == DeskHistory(6, 0, 1)


def test_an_interrupted_cycle_is_over_and_does_not_count(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(start(1))
        assert desk.load() == DeskHistory(2, 1, 0, "0.5")
        desk.journal.tell(RecordInterrupted("eth", 1))
        assert desk.load() == DeskHistory(2, 0, 0)


def test_what_an_operator_wants_of_a_desk_lasts(desk: Desk) -> None:
    with desk.running():
        desk.journal.ask(RecordDesk("eth", paused=True))
        desk.journal.ask(RecordDesk("eth", halted="somebody traded by hand"))
        known = desk.load()
        assert (known.paused, known.halted) == (True, "somebody traded by hand")
        desk.journal.ask(RecordDesk("eth", paused=False))
        known = desk.load()
        assert (known.paused, known.halted) == (False, "somebody traded by hand")


def test_results_are_told_to_whoever_asked_and_count_from_the_last_resume(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(over(1))
        desk.journal.tell(LoadResults("eth", ("eth",), 0, LETTERS))
        told = desk.letters.get(timeout=WAIT_S)
        assert [result.cycle for result in told.results] == [1]
        desk.journal.tell(RecordResume("eth", time.time_ns()))
        desk.journal.tell(LoadResults("eth", ("eth",), 0, LETTERS))
        assert desk.letters.get(timeout=WAIT_S).results == ()


def test_results_that_can_not_be_read_are_told_as_an_error(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(over(1))
        desk.load()
        with closing(sqlite3.connect(desk.path)) as other, other:
            other.execute("update cycles set size = '9'")
        desk.journal.tell(LoadResults("eth", ("eth",), 0, LETTERS))
        assert "does not match its checksum" in desk.letters.get(timeout=WAIT_S).error
        assert desk.stage.directory.last_epoch("journal") == 1


def test_of_a_desk_with_a_damaged_row_no_end_is_told_and_of_another_all(desk: Desk) -> None:
    with desk.running():
        btc = msgspec.structs.replace(cycle_record(1), desk="btc")
        for record in (cycle_record(1), btc):
            desk.journal.tell(RecordCycle(record, ""))
        desk.load()
        with closing(sqlite3.connect(desk.path)) as other, other:
            other.execute("update cycles set size = '9' where desk = 'eth'")
        asked_ns = time.time_ns()
        desk.journal.tell(LoadEnds(("eth", "btc"), 0, LETTERS))
        told = desk.letters.get(timeout=WAIT_S)
        assert isinstance(told, EndsOnRecord)
        eth, btc_ends = told.desks
        assert (eth.desk, eth.ends) == ("eth", ())
        assert eth.since_ns >= asked_ns
        assert [end.cycle for end in btc_ends.ends] == [1]


def test_a_venue_is_told_its_unresolved_orders_and_its_fills(desk: Desk) -> None:
    now_ns = time.time_ns()
    fill = Fill(
        venue="backpack", symbol="ETH", trade_id="t1", venue_order_id="v1", client_order_id=7,
        side=Side.BUY, size=Decimal("0.5"), price=Decimal(2500), fee=Decimal("0.1"), maker=False,
        event_ns=now_ns,
    )  # fmt: skip
    with desk.running():
        for attempt in (0, 1):
            desk.journal.tell(intent(1, attempt))
            desk.answer()
        desk.journal.tell(RecordOrder("backpack", outcome_of(intent(1, 0).new)))
        desk.journal.tell(RecordFill("backpack", fill))
        desk.journal.tell(RecordFill("backpack", fill))
        desk.journal.tell(LoadVenue("backpack", LETTERS))
        desk.journal.tell(LoadVenue("grvt", LETTERS))
        assert desk.letters.get(timeout=WAIT_S) == VenueHistory(
            "backpack",
            (UnresolvedIntent(intent(1, 1).new, "eth/coordinator"),),
            (fill.key,),
            now_ns,
        )
        assert desk.letters.get(timeout=WAIT_S) == VenueHistory("grvt", (), (), 0)
    assert desk.rows("select count(*) from fills") == [(1,)]


def test_an_order_that_takes_risk_off_is_recorded_and_nobody_is_told(desk: Desk) -> None:
    with desk.running():
        desk.journal.tell(RecordIntent(new_order(1), "grvt", "eth/coordinator", ""))
        desk.load()
        assert desk.letters.empty()
    assert desk.rows("select count(*) from intents") == [(1,)]


def test_a_further_epoch_is_past_every_known_one(desk: Desk) -> None:
    with desk.running():
        assert desk.journal.ask(BeginEpoch()) == 1
        assert desk.journal.ask(BeginEpoch()) == 2
        assert desk.journal.ask(BeginEpoch(beyond=40)) == 41


def test_a_locked_file_refuses_the_intent_and_fails_the_actor(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "journal.sqlite", busy_timeout_s=0.05)
    with desk.running():
        with locked(desk.path):
            desk.journal.tell(intent(1))
            answer = desk.answer()
            status = desk.stage.wait("journal", ChildState.BACKING_OFF)
        assert "locked" in answer.error
        assert status.kind == "error"
        assert "JournalUnusable" in status.detail
        desk.stage.wait("journal", ChildState.RUNNING, 2)
        desk.journal.tell(intent(1))
        assert desk.answer().error == ""
    assert desk.rows("select count(*) from intents") == [(1,)]


def test_a_damaged_file_refuses_the_intent_and_fails_the_actor(desk: Desk) -> None:
    with desk.running():
        with closing(sqlite3.connect(desk.path)) as other:
            other.execute("drop table intents")
            other.commit()
        desk.journal.tell(intent(1))
        assert "intents" in desk.answer().error
        assert desk.stage.wait("journal", ChildState.BACKING_OFF).kind == "error"
