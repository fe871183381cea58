"""What the host does in a drill ends with it, whatever it was about to wait for."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drills.host import MET_NOTHING, Host
from drills.unfold import mark_of

BOUND_S = 10.0
LONG_S = 3600.0


def nobody(venue: Path, settings: Sequence[str]) -> list[str]:
    raise AssertionError("no second copy was asked for")


def host_at(folder: Path) -> Host:
    return Host(folder, folder / "venue.json", nobody)


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that says back what it is told."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield child


def test_a_wait_is_over_when_the_hosts_part_ends(tmp_path: Path) -> None:
    with host_at(tmp_path) as host:
        waiting = threading.Thread(target=host.wait, args=(LONG_S,), daemon=True)
        waiting.start()
    waiting.join(BOUND_S)
    assert not waiting.is_alive()


def test_a_wait_that_has_no_time_left_is_none(tmp_path: Path) -> None:
    with host_at(tmp_path) as host:
        host.wait(-1.0)


def test_a_journal_that_can_not_be_locked_is_told_by_its_mark(tmp_path: Path) -> None:
    with host_at(tmp_path) as host, process() as child:
        host.act(["lock 1"], child)
        host.wait(0.0)
    assert "lock 1" in host.failures()


def test_what_is_to_fail_within_the_process_is_told_over_standard_input(tmp_path: Path) -> None:
    with host_at(tmp_path) as host, process() as child:
        host.act(["clock 5 3600"], child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"clock 5 3600\n"
    assert host.failures() == {}


def test_a_part_that_was_handed_no_such_message_was_not_reached(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with host_at(tmp_path) as host, process() as child:
        host.act(["part 0 dies grvt/orders SubmitOrder"], child)
        failures = host.failures()
    assert "it met nothing" in failures["part 0 dies grvt/orders SubmitOrder"]


def test_a_part_that_said_what_it_met_was_reached(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    with host_at(tmp_path) as host, process() as child:
        host.act(["part 3600 dies grvt/orders SubmitOrder"], child)
        assert child.stdout is not None
        child.stdout.readline()  # so that it was asked for before it is met
        log.write_text("drill: part dies grvt/orders SubmitOrder\n")
    assert host.failures() == {}


def test_one_fault_at_several_cycles_is_told_for_each(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    words = "part 0 dies grvt/orders SubmitOrder"
    with host_at(tmp_path) as host, process() as child:
        host.act([mark_of(words, 7)], child)
        assert child.stdout is not None
        assert child.stdout.readline() == f"{words}\n".encode()
        failures = host.failures()
    assert list(failures) == [mark_of(words, 7)]


def test_where_the_process_has_ended_nobody_was_there_to_meet_anything(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with host_at(tmp_path) as host, process() as child:
        host.act(["part 3600 dies grvt/orders SubmitOrder"], child)
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
        child.wait()
    assert host.failures() == {}


def test_what_has_ended_before_it_is_told_meets_nothing(tmp_path: Path) -> None:
    """Another fault of the same cycle has killed it."""
    (tmp_path / "log").write_text("")
    words = "part 0 dies grvt/orders SubmitOrder"
    with host_at(tmp_path) as host, process() as child:
        child.kill()
        child.wait()
        assert child.stdin is not None
        child.stdin.close()
        host.act([words], child)
        assert MET_NOTHING in host.failures()[words]
