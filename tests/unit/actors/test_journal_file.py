"""The journal's file: honest rows, older files carried on, and what is not a journal refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.journal_check import check_journal
from actors.journal_file import JournalFile, JournalUnusable
from actors.journal_history import DeskHistory, RunStart
from actors.journal_tables import SCHEMA_VERSION, SINCE_3, SINCE_4
from tests.support.actors import open_descriptors
from tests.support.actors_records import cycle_record
from tests.support.trading import SECOND_NS, START_NS, D, fill, new_order
from trading.desk import CycleRecord, OrderRecord
from trading.ids import LAST_EPOCH
from trading.leg import Leg
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import Side

VERSION_1 = """
create table intents (
    venue text not null, client_order_id text not null, desk text not null,
    order_json text not null, recorded_ns integer not null, primary key (venue, client_order_id));
create table outcomes (
    venue text not null, client_order_id text not null, view_json text not null,
    recorded_ns integer not null);
create table cycles (
    desk text not null, cycle integer not null, direction text not null, size text not null,
    started_ns integer not null, finished_ns integer, outcome text, record_json text,
    primary key (desk, cycle));
insert into intents values ('grvt', '256', 'eth/coordinator', '{}', 1);
insert into outcomes values ('grvt', '256', '{"a":1}', 1), ('grvt', '256', '{"a":2}', 2);
insert into cycles values ('eth', 1, 'buy', '0.5', 1, 2, 'completed', '{}'),
    ('eth', 2, 'sell', '0.5', 3, null, null, null);
pragma user_version = 1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@contextmanager
def opened(path: Path) -> Iterator[JournalFile]:
    with closing(JournalFile(path)) as file:
        yield file


def edit(path: Path, statement: str) -> None:
    """Somebody else does this to the file."""
    with closing(sqlite3.connect(path)) as other:
        other.executescript(statement)


def outcome(client_order_id: int) -> OrderView:
    return OrderView(
        client_order_id=client_order_id, symbol="ETH", size=Decimal(1), signed_executed=Decimal(1),
        quote_amount=Decimal(1), fees=Decimal(0), state=OrderState.FILLED, reason="",
        fills_complete=True,
    )  # fmt: skip


def test_the_file_is_written_through_to_the_disk(path: Path) -> None:
    JournalFile(path).close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    with opened(path) as file:
        assert file._database.execute("pragma synchronous").fetchone() == (2,)  # full


def test_each_run_has_an_epoch_of_its_own(path: Path) -> None:
    for epoch in (1, 2, 3):
        with opened(path) as file:
            assert file.begin_run(START_NS + epoch * 61 * SECOND_NS).epoch == epoch


def test_epochs_come_round_only_after_all_of_them(path: Path) -> None:
    with opened(path) as file:
        assert file.next_epoch(LAST_EPOCH - 1, START_NS) == LAST_EPOCH
        assert file.next_epoch(0, START_NS) == 1
        assert file.begin_run(START_NS).epoch == 2


def test_runs_that_did_not_end_in_an_orderly_way_within_a_minute_are_counted(path: Path) -> None:
    with opened(path) as file:
        for second, crashes in ((0, 0), (5, 1), (10, 2), (15, 3)):
            assert file.begin_run(START_NS + second * SECOND_NS).recent_crashes == crashes
        file.end_run(4, START_NS + 20 * SECOND_NS)
        assert file.begin_run(START_NS + 25 * SECOND_NS) == RunStart(5, 3, 1)
        assert file.begin_run(START_NS + 90 * SECOND_NS) == RunStart(6, 0, 1)


def test_an_unresolved_order_is_one_without_an_outcome(path: Path) -> None:
    with opened(path) as file:
        for number in (1, 2, 3):
            file.write_intent("grvt", new_order(number), "eth/coordinator", START_NS)
        file.write_outcome("grvt", outcome(2), START_NS)
        file.commit()
    with opened(path) as file:
        found = file.load_orders("grvt", START_NS)
        assert [intent.new for intent in found.unresolved] == [new_order(1), new_order(3)]
        assert file.load_orders("backpack", START_NS).unresolved == ()


def test_a_fill_is_in_the_file_once_whoever_tells_it(path: Path) -> None:
    with opened(path) as file:
        for one in (fill("t1", "0.2"), fill("t2", "0.3", at_s=2.0), fill("t1", "0.2")):
            file.write_fill(one, START_NS)
        file.commit()
        found = file.load_orders("grvt", START_NS)
        assert found.fill_keys == (fill("t1", "0.2").key, fill("t2", "0.3").key)
        assert found.last_fill_ns == START_NS + 2 * SECOND_NS


def test_without_a_fill_they_are_read_back_from_the_first_run(path: Path) -> None:
    """The first order of all may have executed after its process was killed, unrecorded."""
    with opened(path) as file:
        assert file.load_orders("grvt", START_NS).last_fill_ns == 0
        file.begin_run(START_NS)
        file.begin_run(START_NS + 60 * SECOND_NS)
        assert file.load_orders("grvt", START_NS).last_fill_ns == START_NS


def test_what_was_not_committed_is_not_in_the_file(path: Path) -> None:
    with opened(path) as file:
        file.write_intent("grvt", new_order(1), "eth/coordinator", START_NS)
    with opened(path) as file:
        assert file.load_orders("grvt", START_NS).unresolved == ()


@pytest.mark.parametrize(
    ("damage", "read"),
    [
        (
            "update intents set order_json = replace(order_json, '0.5', '5.0')",
            lambda file: file.load_orders("grvt", START_NS),
        ),
        ("update cycles set size = '9'", lambda file: file.load_desk("eth", 0)),
        ("update desks set paused = 0", lambda file: file.load_desk("eth", 0)),
    ],
)
def test_a_row_that_was_changed_is_not_believed(
    path: Path, damage: str, read: Callable[[JournalFile], object]
) -> None:
    with opened(path) as file:
        file.write_intent("grvt", new_order(1), "eth/coordinator", START_NS)
        file.write_start("eth", 1, "buy", "0.5", START_NS)
        file.set_desk("eth", paused=True)
    edit(path, damage)
    with opened(path) as file, pytest.raises(JournalUnusable, match="does not match its checksum"):
        read(file)
    assert len(check_journal(path).damaged) == 1


def test_a_cycle_whose_start_got_lost_is_open_with_its_first_order(path: Path) -> None:
    """Else a restart would find a position that nothing explains."""
    with opened(path) as file:
        file.write_intent("grvt", new_order(1, "0.3"), "eth/coordinator", START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(2, 1, 0, "0.3")
        file.write_cycle(cycle_record(1), START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(2, 0, 1)
        file.write_intent("grvt", new_order(2, "0.3"), "btc/coordinator", START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(2, 0, 1)
        file.write_intent("grvt", new_order(3, "0.4"), "eth/coordinator", START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(3, 2, 1, "0.4")
        file.write_interrupted("eth", 2, START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(3, 0, 1)


def test_a_days_volume_is_what_the_primary_traded_in_cycles_that_ended_on_it(path: Path) -> None:
    order = OrderRecord(
        leg=Leg.PRIMARY, client_order_id=1, side=Side.BUY, size=D("0.5"), price=D(2000),
        mid=D(2000), reduce_only=False, executed=D("0.5"), average_price=D(2000), fills=1,
        fee=D(0), state="filled", reason="", ack_ms=None,
    )  # fmt: skip
    traded = msgspec.structs.replace(cycle_record(1), orders=(order, order))
    with opened(path) as file:
        file.write_cycle(traded, START_NS)
        assert file.load_desk("eth", 0, START_NS).traded == D(2000)
        assert file.load_desk("eth", 0, START_NS + 86_400 * SECOND_NS).traded == 0
        assert file.load_desk("eth", 0).traded == 0


def test_the_end_of_a_recovery_is_the_end_of_what_it_closed(path: Path) -> None:
    with opened(path) as file:
        file.write_start("eth", 1, "buy", "0.5", START_NS)
        file.write_start("eth", 2, "recover", "0.5", START_NS)
        file.write_cycle(cycle_record(2, "recovered"), START_NS)
        assert file.load_desk("eth", 0) == DeskHistory(3, 0, 0)
        assert check_journal(path).open_cycles == {}


def test_what_an_operator_wants_of_a_desk_lasts(path: Path) -> None:
    with opened(path) as file:
        file.set_desk("eth", paused=True, ignored={"primary": Decimal("0.5")})
        file.set_desk("eth", halted="drift")
        known = file.load_desk("eth", 0)
        assert (known.paused, known.halted) == (True, "drift")
        assert known.ignored == {"primary": Decimal("0.5")}


def _dropped(made: str) -> str:
    words = [line.split() for line in made.splitlines() if line.startswith("create")]
    return "".join(f"drop {kind} {name};" for _, kind, name, *_ in words)


def results(file: JournalFile, since_ns: int = 0) -> list[tuple[str, int, Decimal]]:
    found = file.load_results("guard", ("eth", "btc"), since_ns).results
    return [(one.desk, one.cycle, one.pnl) for one in found]


def record(cycle: int, pnl: str, desk: str = "eth") -> CycleRecord:
    return msgspec.structs.replace(cycle_record(cycle), desk=desk, pnl=Decimal(pnl))


def test_results_are_those_of_the_desks_asked_for_in_the_order_of_their_ends(path: Path) -> None:
    with opened(path) as file:
        file.write_cycle(record(1, "-1"), START_NS)
        file.write_cycle(record(2, "-2"), START_NS + 1)
        file.write_cycle(record(1, "-3", "btc"), START_NS + 2)
        file.write_cycle(record(1, "-4", "sol"), START_NS + 2)
        file.write_start("eth", 3, "buy", "0.5", START_NS + 3)
        file.write_interrupted("btc", 2, START_NS + 3)
        every = [("eth", 1, Decimal(-1)), ("eth", 2, Decimal(-2)), ("btc", 1, Decimal(-3))]
        assert results(file) == every


def test_a_record_that_is_put_right_is_of_the_moment_of_the_first(path: Path) -> None:
    with opened(path) as file:
        file.write_cycle(record(1, "-1"), START_NS)
        file.write_cycle(record(1, "-2"), START_NS + 9)
        (found,) = file.load_results("eth", ("eth",), 0).results
        assert found.pnl == -2
        assert found.finished_ns == START_NS


@pytest.mark.parametrize("asked_before", [True, False])
def test_results_from_before_a_resume_are_left_out(path: Path, asked_before: bool) -> None:
    with opened(path) as file:
        file.write_cycle(record(1, "-1"), START_NS)
        file.write_cycle(record(2, "-2"), START_NS + 2)
        assert not asked_before or len(results(file)) == 2
        file.set_resumed("guard", START_NS + 1)
        assert results(file) == [("eth", 2, Decimal(-2))]
        assert file.load_results("guard", ("eth", "btc"), 0).resumed_ns == START_NS + 1


def test_a_resume_is_that_of_its_scope_alone(path: Path) -> None:
    with opened(path) as file:
        file.write_cycle(record(1, "-1"), START_NS)
        file.write_cycle(record(1, "-2", "btc"), START_NS)
        file.set_resumed("btc", START_NS + 1)
        assert len(results(file)) == 2
        assert file.load_results("btc", ("btc",), 0).results == ()
        assert len(file.load_results("eth", ("eth",), 0).results) == 1
        file.set_resumed("guard", START_NS + 1)
        assert results(file) == []
        assert len(file.load_results("eth", ("eth",), 0).results) == 1


@pytest.mark.parametrize(("btc_resumed", "counts"), [(True, [3]), (False, [1, 2, 3])])
def test_in_a_file_of_version_3_the_account_was_resumed_once_every_desk_was(
    path: Path, btc_resumed: bool, counts: list[int]
) -> None:
    with opened(path) as file:
        for cycle in (1, 2, 3):
            file.write_cycle(record(cycle, "-1"), START_NS + cycle * 10)
        file.write_cycle(record(1, "0", "btc"), START_NS)
        file.set_resumed("eth", START_NS + 25)
        if btc_resumed:
            file.set_resumed("btc", START_NS + 26)
    edit(path, _dropped(SINCE_4) + "pragma user_version = 3;")
    with opened(path) as file:
        assert [cycle for desk, cycle, _ in results(file) if desk == "eth"] == counts


@pytest.mark.parametrize("text", ["{}", "spoilt"])
def test_a_result_that_can_not_be_read_is_not_taken_for_nothing(path: Path, text: str) -> None:
    with opened(path) as file:
        file.write_cycle(record(1, "-1"), START_NS)
        row = next(file.rows("cycles", ""))
        file._insert("cycles", (*row[:7], text, row[8]), "insert or replace")
        with pytest.raises(JournalUnusable, match="cycle 1 of eth"):
            file.load_results("eth", ("eth",), 0)


def test_a_check_tells_what_an_operator_wants_to_know(path: Path) -> None:
    with opened(path) as file:
        file.begin_run(START_NS)
        file.write_intent("grvt", new_order(1), "eth/coordinator", START_NS)
        file.write_fill(fill("t1", "0.2"), START_NS)
        file.write_start("eth", 1, "buy", "0.5", START_NS)
        file.write_cycle(cycle_record(1), START_NS)
        file.write_start("eth", 2, "buy", "0.5", START_NS)
        file.set_desk("eth", halted="drift")
        found = check_journal(path)
    assert found.damaged == ()
    assert found.unresolved == {"grvt": 1}
    assert found.open_cycles == {"eth": 2}
    assert found.last_fill_ns == {"grvt": START_NS}
    assert found.halted == {"eth": "drift"}
    assert found.rows["cycles"] == 2


def test_a_file_of_version_1_is_carried_on(path: Path) -> None:
    path.parent.mkdir()
    edit(path, VERSION_1)
    with opened(path) as file:
        assert file.load_desk("eth", 0) == DeskHistory(3, 2, 1, "0.5")
        assert file.load_orders("grvt", START_NS).unresolved == ()
        assert check_journal(path).damaged == ()
        assert check_journal(path).rows["outcomes"] == 1
    with opened(path) as file:
        assert check_journal(path).schema_version == SCHEMA_VERSION


def test_a_file_of_version_2_is_carried_on(path: Path) -> None:
    with opened(path) as file:
        file.set_desk("eth", halted="drift")
    edit(path, _dropped(SINCE_4) + _dropped(SINCE_3) + "pragma user_version = 2;")
    with opened(path) as file:
        assert file.load_desk("eth", 0).halted == "drift"
        file.set_resumed("eth", START_NS)
        assert check_journal(path).schema_version == SCHEMA_VERSION


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    path.parent.mkdir()
    edit(path, VERSION_1 + "create table runs (a);")
    with pytest.raises(JournalUnusable, match="runs"):
        JournalFile(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("pragma user_version").fetchone() == (1,)
        assert other.execute("select count(*) from cycles").fetchone() == (2,)


@pytest.mark.parametrize("content", [None, b"not a database at all" * 100])
def test_what_is_no_journal_can_not_be_checked(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "journal.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JournalUnusable):
        check_journal(path)
    assert path.exists() == (content is not None)


def test_a_locked_file_that_has_its_tables_can_be_opened(path: Path) -> None:
    JournalFile(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        JournalFile(path, busy_timeout_s=0.05).close()
        other.execute("rollback")


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99])
def test_a_file_of_another_version_is_not_touched(tmp_path: Path, version: int) -> None:
    path = tmp_path / "journal.sqlite"
    edit(path, f"pragma user_version = {version}")
    before = open_descriptors()
    with pytest.raises(JournalUnusable, match=f"schema {version}"):
        JournalFile(path)
    assert open_descriptors() == before
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("select count(*) from sqlite_master").fetchone() == (0,)


def test_a_file_that_is_no_database_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    before = open_descriptors()
    with pytest.raises(JournalUnusable) as unusable:
        JournalFile(path)
    assert unusable.value.path == path
    assert open_descriptors() == before


def test_a_place_that_can_not_be_written_to_is_unusable(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(JournalUnusable):
        JournalFile(blocked / "journal.sqlite")
