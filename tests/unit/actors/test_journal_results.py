"""Results and volumes that the journal keeps added up: the same as all cycles say, for little work.

Work is counted in steps of the database, not in time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.journal_check import check_journal
from actors.journal_file import JournalFile, JournalUnusable
from actors.journal_open import LoadOpenCycle, load_open_cycle
from actors.journal_tables import SCHEMA_VERSION, SINCE_4
from tests.support.actors_records import cycle_record
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, SECOND_NS, START_NS, D, new_order
from tests.support.trading import fill as execution
from trading.desk import CycleRecord, OrderRecord
from trading.leg import Leg
from trading.results import DAY_NS, KEPT, Results, gathered
from venues.model import Side

_FEW, _MANY = 400, 2000  # cycles on record; both are more than are kept apart
_LATER = _MANY + 1
_LATE_NS = START_NS + _LATER * 60 * SECOND_NS
_AGAIN = "pragma user_version = 3;" + "".join(
    f"drop {line.split()[1]} {line.split()[2]};"
    for line in SINCE_4.splitlines()
    if line.startswith("create")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def ended(cycle: int, pnl: int = 0, desk: str = "eth") -> CycleRecord:
    order = OrderRecord(
        leg=Leg.PRIMARY, client_order_id=cycle, side=Side.BUY, size=D("0.5"), price=D(2000),
        mid=D(2000), reduce_only=False, executed=D("0.5"), average_price=D(2000), fills=1,
        fee=D(0), state="filled", reason="", ack_ms=None,
    )  # fmt: skip
    record = cycle_record(cycle)
    return msgspec.structs.replace(record, desk=desk, pnl=Decimal(pnl), orders=(order,))


def pnl_of(cycle: int) -> int:
    return cycle % 7 - 3 + (cycle < 50) - (cycle > 300)


def fill(file: JournalFile, cycles: int, desks: tuple[str, ...] = ("eth",)) -> None:
    for cycle in range(1, cycles + 1):
        for desk in desks:
            number = cycle * 9 + desks.index(desk)
            file.write_intent("grvt", new_order(number), f"{desk}/coordinator", START_NS)
            done = execution(f"t{number}", "0.5", client_order_id=number)
            file.write_fill(done, START_NS + cycle * SECOND_NS)
            file.write_cycle(ended(cycle, pnl_of(cycle), desk), START_NS + cycle * SECOND_NS)
    file.commit()


def edit(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript(statement)


def told(file: JournalFile, scope: str = "eth", desks: tuple[str, ...] = ("eth",)) -> Results:
    found = file.load_results(scope, desks, 0)
    assert len(found.results) <= KEPT + 50 + len(desks)
    return gathered(found.results, found.resumed_ns, found.tally)


def steps(file: JournalFile, work: Callable[[JournalFile], object]) -> int:
    """How many steps of the database that takes, in tens."""
    count = 0

    def one_more() -> int:
        nonlocal count
        count += 1
        return 0

    file._database.set_progress_handler(one_more, 10)
    work(file)
    file._database.set_progress_handler(None, 10)
    return count


def _open_cycle(file: JournalFile) -> object:
    legs = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
    return load_open_cycle(file, LoadOpenCycle("eth", legs, None, None))


_WORK: dict[str, Callable[[JournalFile], object]] = {
    "the start of a desk": lambda file: file.load_desk("eth", _LATE_NS, _LATE_NS),
    "its open cycle": _open_cycle,
    "its results": lambda file: file.load_results("eth", ("eth",), 0),
    "its latest ends": lambda file: file.load_ends("eth", _LATE_NS),
    "the end of a cycle": lambda file: file.write_cycle(ended(_LATER), _LATE_NS),
}


def test_what_is_asked_at_a_start_and_at_a_cycles_end_is_no_more_work_after_many_cycles(
    tmp_path: Path,
) -> None:
    taken: list[dict[str, int]] = []
    for cycles in (_FEW, _MANY):
        with closing(JournalFile(tmp_path / f"{cycles}.sqlite")) as file:
            file.prepare_results("eth", ("eth",))
            fill(file, cycles)
            file.write_start("eth", _LATER, "buy", "0.5", _LATE_NS)
            file.write_intent("grvt", new_order(9 * _LATER), "eth/coordinator", _LATE_NS)
            taken.append({name: steps(file, work) for name, work in _WORK.items()})
    few, many = taken
    assert {name: n for name, n in many.items() if n > 1.5 * few[name] + 20} == {}, (few, many)


def test_results_added_up_are_those_of_all_cycles(path: Path) -> None:
    with closing(JournalFile(path)) as file:
        file.prepare_results("eth", ("eth",))
        fill(file, 700)
        total = peak = 0
        for cycle in range(1, 701):
            total += pnl_of(cycle)
            peak = max(peak, total)
        assert told(file).drawdown() == peak - total
        assert told(file).daily_loss(START_NS) == -min(0, total)
        assert file.load_desk("eth", 0, START_NS).traded == 700 * 1000


@pytest.mark.parametrize("spoil", ["", "update tallies set tally_json = '{}'", _AGAIN])
def test_of_two_desks_their_cycles_count_in_the_order_of_their_ends(path: Path, spoil: str) -> None:
    """The same when a tally is damaged, or of a file of version 3: it is made again."""
    desks = ("eth", "btc")
    with closing(JournalFile(path)) as file:
        file.prepare_results("guard", desks)
        fill(file, 400, desks)
    edit(path, spoil)
    with closing(JournalFile(path)) as file:
        file.prepare_results("guard", desks)
        total = peak = 0
        for cycle in range(1, 401):
            for _ in desks:
                total += pnl_of(cycle)
                peak = max(peak, total)
        assert told(file, "guard", desks).drawdown() == peak - total
        assert file.load_desk("btc", 0, START_NS).traded == 400 * 1000
        assert check_journal(path).schema_version == SCHEMA_VERSION
        assert check_journal(path).damaged == ()


def test_a_resume_counts_anew_however_much_is_added_up(path: Path) -> None:
    with closing(JournalFile(path)) as file:
        file.prepare_results("eth", ("eth",))
        fill(file, 400)
        file.set_resumed("eth", _LATE_NS)
        assert told(file).drawdown() == 0
        file.write_cycle(ended(_MANY, -3), _LATE_NS + 1)
        assert told(file).drawdown() == 3


def test_a_loss_counts_though_the_clock_was_set_back(path: Path) -> None:
    with closing(JournalFile(path)) as file:
        file.prepare_results("eth", ("eth",))
        fill(file, 400)
        before = told(file).daily_loss(START_NS)
        file.write_cycle(ended(401, -9), START_NS)
        assert told(file).daily_loss(START_NS) == before + 9


def test_a_damaged_cycle_of_long_ago_is_told_to_who_needs_all_and_hinders_no_other(
    path: Path,
) -> None:
    with closing(JournalFile(path)) as file:
        for cycle in range(1, 401):
            file.write_cycle(ended(cycle), START_NS + cycle * DAY_NS)
        file.commit()
    edit(path, "update cycles set size = '9' where cycle = 3;" + _AGAIN)
    with closing(JournalFile(path)) as file:
        assert file.load_desk("eth", 0).next_cycle == 401
        with pytest.raises(JournalUnusable, match="cycles row of eth 3"):
            file.load_results("eth", ("eth",), 0)
        assert len(file.load_results("eth", ("eth",), START_NS + 400 * DAY_NS).results) == 1
