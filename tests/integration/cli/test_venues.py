"""Runs at venues that outlive them: two on one account, a lost record, a venue that is down."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.integration.cli.test_control import HOLD, running
from tests.support.cli import FAST, PROMPT, ketch, started

_PROXIED = "paper.proxied=[grvt/edge, grvt/trades, grvt/market-data]"


class Venues:
    """Paper venues with GRVT behind the fault proxy; ``option`` has a run trade there."""

    def __init__(self, file: Path, line: bytes) -> None:
        file.write_bytes(line)
        self.option = ("--venue", str(file), *PROMPT)
        self._faults = msgspec.json.decode(line)["control"] + "/faults"

    def grvt_is_silent(self) -> None:
        """Connections are accepted, and nothing comes back."""
        body = msgspec.json.encode({"action": "blackhole", "connection": "grvt"})
        self._ask("POST", body)

    def all_is_well(self) -> None:
        self._ask("DELETE", None)

    def _ask(self, method: str, body: bytes | None) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._faults, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


@pytest.fixture
def venues(tmp_path: Path) -> Iterator[Venues]:
    process = started(tmp_path, "venue", "-o", _PROXIED)
    assert process.stdout is not None
    yield Venues(tmp_path / "venue.json", process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate()


def killed_while_holding(state: Path, venues: Venues) -> None:
    """A run that leaves a hedged position behind."""
    with running(state, *venues.option, *HOLD) as run:
        run.wait_line("holding")
        run.process.kill()
        assert run.end() == -signal.SIGKILL


def test_two_runs_on_one_account_are_one_too_many_whatever_their_state_folders(
    tmp_path: Path, venues: Venues
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with running(first, *venues.option, *FAST) as run:
        run.wait_line("completed")
        done = ketch(second, "run", *venues.option, *FAST)
        assert done.returncode == 78, done.stdout + done.stderr
        held = f"another ketch trades on it, process {run.process.pid}, state folder {first}"
        assert held in done.stderr
        assert "Traceback" not in done.stderr
        run.do("stop")
        assert run.end() == 0, run.said
    assert ketch(second, "run", "--cycles", "1", *venues.option, *FAST).returncode == 0


def test_a_position_of_which_the_record_was_lost_waits_to_be_explained(
    tmp_path: Path, venues: Venues
) -> None:
    killed_while_holding(tmp_path / "lost", venues)
    with running(tmp_path / "new", *venues.option, *HOLD) as run:
        run.wait_line("eth has halted, and waits")
        said = run.do("status")
        assert "expected to start flat, the venues hold" in said
        assert "0.5" in said
        mark = run.mark()
        run.do("adopt")
        run.wait_line("recovered", mark)
        run.wait_line("holding", mark)
        run.do("stop")
        assert run.end() == 0, run.said


@pytest.mark.parametrize(("policy", "code"), [("adopt", 0), ("flatten", 6)])
def test_what_is_to_become_of_such_a_position_can_be_said_beforehand(
    tmp_path: Path, venues: Venues, policy: str, code: int
) -> None:
    killed_while_holding(tmp_path / "lost", venues)
    told = ("-o", f"desks.eth.unexplained={policy}")
    done = ketch(tmp_path / "new", "run", "--cycles", "1", *told, *venues.option, *FAST)
    assert done.returncode == code, done.stdout + done.stderr
    assert "1 recovered" in done.stdout


def test_a_desk_that_had_halted_waits_for_its_operator_also_after_a_restart(
    tmp_path: Path, venues: Venues
) -> None:
    killed_while_holding(tmp_path / "lost", venues)
    told = ("-o", "desks.eth.unexplained=flatten")
    state = tmp_path / "new"
    assert ketch(state, "run", *told, *venues.option, *FAST).returncode == 6
    counted = ketch(state, "run", "--cycles", "1", *venues.option, *FAST)
    assert counted.returncode == 6, counted.stdout + counted.stderr
    with running(state, *venues.option, *FAST) as run:
        run.wait_line("eth has halted, and waits: ketch resume eth")
        mark = run.mark()
        run.do("resume")
        run.wait_line("completed", mark)
        run.do("stop")
        assert run.end() == 0, run.said


def test_a_start_while_a_venue_is_down_closes_what_is_open_once_it_is_back(
    tmp_path: Path, venues: Venues
) -> None:
    killed_while_holding(tmp_path, venues)
    venues.grvt_is_silent()
    quick = tuple(
        option
        for name in ("connect_timeout_s", "read_timeout_s")
        for option in ("-o", f"venues.grvt.connection.{name}=0.5")
    )
    with running(tmp_path, *venues.option, *FAST, *quick) as run:
        run.wait_line("grvt can't be reached")
        run.wait_line("backpack is ready")
        run.wait_line("control socket")
        venues.all_is_well()
        run.do("reset", "grvt/session")
        mark = run.wait_line("recovered")
        run.wait_line("completed", mark)
        run.do("stop")
        assert run.end() == 0, run.said


def test_a_first_start_needs_both_venues(tmp_path: Path, venues: Venues) -> None:
    venues.grvt_is_silent()
    quick = ("-o", "venues.grvt.connection.read_timeout_s=0.5")
    done = ketch(tmp_path, "run", "--cycles", "1", *venues.option, *quick)
    assert done.returncode == 1
    assert "grvt can't be reached" in done.stderr
    venues.all_is_well()
