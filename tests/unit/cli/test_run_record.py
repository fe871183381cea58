"""What a run finds in the journal of those before it, and what it leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from actors.journal_file import JournalFile
from actors.last_id import LastId
from cli import run_record
from cli.exits import CommandFailed
from cli.run_record import RunRecord
from trading.ids import LAST_EPOCH, IdAllocator, epoch_of

DESKS = ("eth",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def begin(path: Path, *, resume: bool = False, new_venues: bool = False) -> RunRecord:
    return run_record.begin(path, DESKS, resume=resume, new_venues=new_venues)


def halted(path: Path) -> str:
    journal = JournalFile(path)
    try:
        return journal.load_desk("eth", 0).halted
    finally:
        journal.close()


def halt(path: Path, *, paused: bool = False) -> None:
    journal = JournalFile(path)
    journal.set_desk("eth", halted="drift", paused=paused)
    journal.close()


def test_every_run_has_an_epoch_of_its_own(path: Path) -> None:
    epochs = [begin(path).epoch for _ in range(4)]
    assert len(set(epochs)) == 4


def test_a_journal_that_was_lost_hardly_ever_leads_to_the_same_epochs(tmp_path: Path) -> None:
    epochs = {begin(tmp_path / f"{n}.sqlite").epoch for n in range(8)}
    assert len(epochs) > 1


def hand_out(path: Path, record: RunRecord) -> set[int]:
    """What a run does with its epoch."""
    last = LastId(path.with_name(run_record.LAST_ID))
    ids = IdAllocator(record.epoch, record.first_epoch, last.previous, last.note)
    return {ids.next() for _ in range(3)}


def test_a_journal_restored_from_a_copy_leads_to_no_id_of_the_runs_that_it_lacks(
    path: Path,
) -> None:
    hand_out(path, begin(path))
    with closing(sqlite3.connect(path)) as journal, closing(sqlite3.connect(":memory:")) as copy:
        journal.backup(copy)
        used = [hand_out(path, begin(path)) for _ in range(3)]
        copy.backup(journal)
    record = begin(path)
    mine = hand_out(path, record)
    assert not mine.intersection(*used)
    earlier = IdAllocator(record.epoch, record.first_epoch)
    assert all(earlier.may_be_ours(number) for ids in used for number in ids)


def test_one_that_was_lost_goes_on_behind_the_last_id(path: Path) -> None:
    used = hand_out(path, begin(path))
    path.unlink()
    assert begin(path).epoch == epoch_of(max(used)) % LAST_EPOCH + 1


def test_a_last_id_that_is_older_than_the_journal_takes_nothing_back(path: Path) -> None:
    hand_out(path, begin(path))
    epochs = [begin(path).epoch for _ in range(3)]  # and no power to write down their ids
    assert begin(path).epoch == epochs[-1] % LAST_EPOCH + 1


def test_after_three_crashes_in_a_minute_the_desk_only_closes_what_is_open(path: Path) -> None:
    assert [begin(path).crashed for _ in range(3)] == ["", "", ""]
    record = begin(path)
    assert "3 runs within 60 s crashed" in record.crashed
    assert "ketch run --resume" in record.crashed
    assert halted(path) == record.crashed
    assert record.halted == {}  # not before this run: it ends once all is closed


def test_the_halt_over_crashes_outlives_them(path: Path) -> None:
    for _ in range(3):
        begin(path)
    last = begin(path)
    run_record.end(path, last)
    assert begin(path).halted == {"eth": last.crashed}


def test_runs_that_end_in_an_orderly_way_are_no_crashes(path: Path) -> None:
    for _ in range(6):
        record = begin(path)
        assert record.crashed == ""
        run_record.end(path, record)


def test_the_operator_can_have_it_go_on_after_crashes_and_halts(path: Path) -> None:
    for _ in range(5):
        begin(path)
    record = begin(path, resume=True)
    assert (record.crashed, record.halted, halted(path)) == ("", {}, "")


def test_a_halt_of_an_earlier_run_is_known_and_stays(path: Path) -> None:
    halt(path)
    assert begin(path).halted == {"eth": "drift"}
    assert halted(path) == "drift"


def test_new_venues_know_nothing_of_an_earlier_halt_but_a_pause_stays(path: Path) -> None:
    halt(path, paused=True)
    assert begin(path, new_venues=True).halted == {}
    journal = JournalFile(path)
    assert journal.load_desk("eth", 0).paused
    journal.close()


def test_a_file_that_is_no_journal_is_refused_for_good(path: Path) -> None:
    path.write_text("not a database, and long enough to be looked at" * 40)
    with pytest.raises(CommandFailed) as caught:
        begin(path)
    assert caught.value.code == 78
    assert "move it away" in str(caught.value)


def test_a_journal_of_a_newer_version_is_refused_for_good(path: Path) -> None:
    JournalFile(path).close()
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(CommandFailed) as caught:
        begin(path)
    assert caught.value.code == 78


def test_a_journal_that_somebody_holds_is_worth_another_try(path: Path) -> None:
    JournalFile(path).close()
    holder = sqlite3.connect(path)
    holder.execute("begin exclusive")
    with pytest.raises(CommandFailed) as caught:
        run_record.begin(path, DESKS, resume=False, new_venues=False, busy_timeout_s=0.05)
    holder.close()
    assert caught.value.code == 1


def test_an_end_that_can_not_be_recorded_fails_nothing(path: Path) -> None:
    record = begin(path)
    path.unlink()
    path.mkdir()
    run_record.end(path, record)


@pytest.mark.parametrize(("resume", "new_venues"), [(True, False), (False, True), (False, False)])
def test_losses_count_anew_when_desks_are_to_go_on_or_the_venues_are_others(
    path: Path, resume: bool, new_venues: bool
) -> None:
    begin(path, resume=resume, new_venues=new_venues)
    journal = JournalFile(path)
    scopes = {"guard": DESKS, **{desk: (desk,) for desk in DESKS}}
    resumed_ns = [journal.load_results(scope, of, 0).resumed_ns for scope, of in scopes.items()]
    journal.close()
    assert list(map(bool, resumed_ns)) == [resume or new_venues] * len(scopes)
