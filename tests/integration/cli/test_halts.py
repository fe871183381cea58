"""What outlives the process: pauses, and that a desk must not go on after crashes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.journal_file import JournalFile
from tests.integration.cli.test_control import HOLD, Running, running
from tests.support.cli import FAST, PROMPT, ketch


def record(state: Path) -> closing[JournalFile]:
    """The journal of the runs with that state folder."""
    return closing(JournalFile(state / "ketch" / "paper" / "journal.sqlite"))


def killed(run: Running) -> None:
    run.process.kill()
    assert run.end() == -signal.SIGKILL


def test_a_pause_outlives_the_process_and_resume_ends_it(tmp_path: Path) -> None:
    with running(tmp_path, *FAST, *PROMPT) as first:
        first.wait_line("completed")
        first.do("pause")
        killed(first)
    with running(tmp_path, *FAST, *PROMPT) as second:
        second.wait_line("backpack is ready")
        second.wait_line("idle")
        assert second.read("status")["desks"][0]["paused"]
        assert "eth is paused" in second.do("journal", "check")
        mark = second.mark()
        second.do("resume")
        second.wait_line("completed", mark)
        second.do("stop")
        assert second.end() == 0, second.said
    assert "sound" in ketch(tmp_path, "journal", "check").stdout


def test_a_stop_that_lets_the_cycle_end_is_no_pause(tmp_path: Path) -> None:
    with running(tmp_path, *FAST, *PROMPT) as run:
        run.wait_line("completed")
        run.do("stop", "--drain")
        assert run.end() == 0, run.said
    assert "paused" not in ketch(tmp_path, "journal", "check").stdout


def test_after_three_crashes_in_a_minute_it_ends_halted_until_it_is_told_to_go_on(
    tmp_path: Path,
) -> None:
    with running(tmp_path, *HOLD, *PROMPT) as run:
        run.wait_line("holding")
        killed(run)
    with record(tmp_path) as journal:  # and two more that did not get far
        for _ in range(2):
            journal.begin_run(time.time_ns())
    again = ketch(tmp_path, "run", *FAST, *PROMPT)
    assert again.returncode == 6, again.stdout + again.stderr
    assert "3 runs within 60 s crashed" in again.stderr
    assert "1 of 1 planned" not in again.stdout
    assert "eth has halted: 3 runs" in ketch(tmp_path, "journal", "check").stdout
    told = ketch(tmp_path, "run", "--resume", "--cycles", "1", *FAST, *PROMPT)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "1 completed" in told.stdout


def find_unexplained(run: Running) -> None:
    """Open a position, and have the journal forget the cycle that it belongs to."""
    run.wait_line("holding")
    run.do("stop", "eth/coordinator", "--force")
    cycle = run.read("journal", "check")["open_cycles"]["eth"]
    with record(run.state) as journal:
        journal.write_interrupted("eth", cycle, time.time_ns())
        journal.commit()
    run.do("start", "eth/coordinator")


@pytest.fixture
def halted(tmp_path: Path) -> Iterator[Running]:
    """A service that waits to be told what it has found."""
    with running(tmp_path, *HOLD, *PROMPT) as run:
        find_unexplained(run)
        run.wait_line("eth has halted, and waits: ketch adopt eth")
        yield run


def test_what_is_found_and_not_explained_is_shown_and_left_alone_until_it_is(
    halted: Running,
) -> None:
    said = halted.do("status")
    assert "expected to start flat, the venues hold: " in said
    for command in ("ketch adopt eth", "ketch flatten eth", "ketch ignore eth"):
        assert command in said
    assert halted.read("status")["desks"][0]["unexplained"]
    assert "say first what it has found" in halted.do("resume", code=1)
    halted.process.send_signal(signal.SIGTERM)
    assert halted.end() == 7, halted.said


def test_what_was_found_is_adopted_closed_and_the_desk_goes_on(halted: Running) -> None:
    mark = halted.mark()
    halted.do("adopt")
    halted.wait_line("recovered", mark)
    halted.wait_line("holding", mark)
    assert "nothing that it can't explain" in halted.do("adopt", code=1)
    halted.do("stop")
    assert halted.end() == 0, halted.said


def test_what_was_found_is_flattened_and_the_desk_stays_halted_until_it_is_resumed(
    halted: Running,
) -> None:
    assert halted.do("flatten", "eth") == "flatten eth: flat, and paused\n"
    desk = halted.read("status")["desks"][0]
    assert (desk["phase"], desk["settled"], desk["unexplained"]) == ("halted", True, False)
    mark = halted.mark()
    halted.do("resume")
    halted.wait_line("holding", mark)
    halted.do("stop")
    assert halted.end() == 0, halted.said


def test_what_was_found_is_ignored_and_the_desk_trades_beside_it(halted: Running) -> None:
    mark = halted.mark()
    halted.do("ignore")
    halted.wait_line("holding", mark)
    assert not halted.read("status")["desks"][0]["unexplained"]
    halted.do("flatten")
    desk = halted.read("status")["desks"][0]
    assert (desk["phase"], desk["halted"]) == ("idle", "")
    assert Decimal(desk["net"]) == 0
    mark = halted.mark()
    halted.do("restart", "eth/coordinator")
    halted.wait_line("eth/coordinator is back", mark)
    halted.do("resume")
    halted.wait_line("holding", mark)  # what is ignored is on record


def test_a_counted_run_does_not_wait_for_anybody(tmp_path: Path) -> None:
    with running(tmp_path, "--cycles", "3", *HOLD, *PROMPT) as run:
        find_unexplained(run)
        assert run.end() == 7, run.said


_FOUND = ("-o", "paper.grvt.start_positions={ETH_USDT_Perp: -1.5}")


def test_an_account_that_is_not_flat_is_not_traded_over(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    done = ketch(tmp_path, "run", "--cycles", "1", "--ledger", str(ledger), *_FOUND, *FAST, *PROMPT)
    assert done.returncode == 7, done.stdout + done.stderr
    assert "halted: expected to start flat, the venues hold" in done.stderr
    records = [msgspec.json.decode(line) for line in ledger.read_bytes().splitlines()]
    ours = [r for r in records if r["type"] == "accepted" and r["account"] == "main"]
    by_hand = [r["order_id"] for r in records if r["type"] == "manual"]
    assert [r["order_id"] for r in ours] == by_hand  # how the position came about


def test_a_position_that_is_to_be_ignored_is_left_as_it_is(tmp_path: Path) -> None:
    told = ("-o", "desks.eth.unexplained=ignore")
    done = ketch(tmp_path, "run", "--cycles", "2", *told, *_FOUND, *FAST, *PROMPT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found at start: " in done.stderr
    assert "2 completed" in done.stdout
    assert "duplicates 0, orphans 0, position violations 0, flips 0" in done.stdout
