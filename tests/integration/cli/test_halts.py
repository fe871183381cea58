"""What outlives the process: pauses, and that a desk must not go on after crashes."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.integration.cli.test_control import Running, running
from tests.support_cli import FAST, ketch

_HOLD = ("-o", "desks.eth.hold_s=60")


def killed(run: Running) -> None:
    run.process.kill()
    assert run.end() == -signal.SIGKILL


def test_a_pause_outlives_the_process_and_resume_ends_it(tmp_path: Path) -> None:
    with running(tmp_path, *FAST) as first:
        first.wait_line("completed")
        first.do("pause")
        killed(first)
    with running(tmp_path, *FAST) as second:
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
    with running(tmp_path, *FAST) as run:
        run.wait_line("completed")
        run.do("stop", "--drain")
        assert run.end() == 0, run.said
    assert "paused" not in ketch(tmp_path, "journal", "check").stdout


def test_after_three_crashes_in_a_minute_it_ends_halted_until_it_is_told_to_go_on(
    tmp_path: Path,
) -> None:
    for moment in ("holding", "control socket", "control socket"):
        with running(tmp_path, *_HOLD) as run:
            run.wait_line(moment)
            killed(run)
    again = ketch(tmp_path, "run", *FAST)
    assert again.returncode == 6, again.stdout + again.stderr
    assert "3 runs within 60 s crashed" in again.stderr
    assert "1 of 1 planned" not in again.stdout
    assert "eth has halted: 3 runs" in ketch(tmp_path, "journal", "check").stdout
    told = ketch(tmp_path, "run", "--resume", "--cycles", "1", *FAST)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "1 completed" in told.stdout
