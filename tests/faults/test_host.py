"""36 to 40: the host. Disk, another process on the account, clock, suspend, descriptors."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors import orders
from actors.journal_file import JournalFile
from paper.records import Accepted, AnyRecord, Connection, FaultFired
from supervision.stalls import StallWatch, boot_s
from supervision.states import ChildState
from tests.support.actors_tree import running
from tests.support.faults import PRIVATE, SHIPPED, Scene, between, scene, seconds, soak
from tests.support.faults_process import Service, fired_s, service
from venues.model import GRVT

_log = logging.getLogger("ketch.faults")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as it:
        yield it


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as stage:
        yield stage


# -- 39: suspend, long stall ----


def stalls(it: Service, stall_s: float, *hooks: str) -> None:
    """The process stands still at each of these, one a cycle, and goes on."""
    with it.life("--cycles", str(2 * len(hooks) + 1)) as life:
        for number, hook in enumerate(hooks, 1):
            life.signalled("stop", hook, 2 * number, for_s=stall_s)
        assert life.end(60 + 2 * stall_s * len(hooks)) == 0, it.said
    assert it.scene.judge.fired() == len(hooks)
    it.scene.judged(naked_q_s=stall_s + 5)
    for stopped_s in fired_s(it.scene.records()):
        first_order_comes_over_a_new_connection(it.scene.records(), stopped_s + stall_s)


def first_order_comes_over_a_new_connection(records: list[AnyRecord], woke_s: float) -> None:
    """Which takes orders only once open orders, fills and positions have been read over it.

    GRVT takes them over REST, too, where reads are answered as well, with the old websocket gone.
    """
    fresh: set[str] = set()
    for record in records:
        if seconds(record) < woke_s - 0.05 or isinstance(record, FaultFired):
            continue
        if isinstance(record, Connection) and record.event == "authenticated":
            fresh.add(record.connection.partition("/")[0])
        elif isinstance(record, Connection) and record.event == "closed":
            fresh |= {GRVT} if record.connection == PRIVATE[GRVT] else set()
        elif isinstance(record, Accepted) and record.account == "main":
            assert record.venue in fresh
            return


def test_39_after_a_stall_everything_is_connected_and_read_anew(it: Service) -> None:
    stalls(it, 3, "primary_accept", "primary_fill", "hedge_recv")


def test_39_a_suspend_that_stops_the_monotonic_clock_too_is_noticed(
    it: Service, tmp_path: Path
) -> None:
    """Prices look fresh and deadlines met: only the clock that counts suspended time has moved."""
    slept_s = 0.0
    watch = StallWatch(lambda: boot_s() + slept_s)
    with running(it.scene.process, tmp_path, cycles=None, settings=SHIPPED, stalls=watch) as run:
        run.wait_cycles(1)
        slept_s = 3600.0
        for name in ("grvt/trading", "grvt/market", "backpack/rest", "backpack/feed"):
            run.wait_status(name, ChildState.RUNNING, 2)
        run.wait_cycles(len(run.records) + 2)
        assert run.epoch("grvt/orders") == run.epoch("eth/coordinator") == 1
        run.finish()
    it.scene.judged(naked_q_s=5)


@soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stall_s", [30, 300])
def test_39_after_a_long_stall(it: Service, stall_s: int) -> None:
    stalls(it, stall_s, "primary_fill")


# -- 38: the system clock jumps ----


@pytest.mark.parametrize("jump_s", [3600, -3600], ids=["an hour ahead", "an hour back"])
def test_38_the_clock_jumps_with_a_hedge_pending(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    """Between the primary's fill and its hedge. While it differs nothing is opened; then it is."""
    real, off_ns = time.time_ns, 0
    monkeypatch.setattr(time, "time_ns", lambda: real() + off_ns)
    fill = orders._HANDLERS[orders.FillReported]
    jumped = threading.Event()

    def jump(actor: orders.Orders, message: orders.FillReported) -> Any:
        nonlocal off_ns
        if armed and actor.venue == "backpack" and not jumped.is_set():
            off_ns = jump_s * 1_000_000_000
            jumped.set()
        return fill(actor, message)

    armed = False
    monkeypatch.setitem(orders._HANDLERS, orders.FillReported, jump)
    with running(stage.process, stage.folder, cycles=None, settings=SHIPPED) as run:
        run.wait_cycles(1)
        armed = True
        assert jumped.wait(30)
        run.wait_cycles(len(run.records) + 1)
        off_ns = 0
        run.wait_cycles(len(run.records) + 2)
        stage.finish(run)
    verdict = stage.judged(naked_q_s=3)
    assert verdict["completed"] >= 3


# -- 36: disk full, database locked, slow disk, nobody reads the log ----


@contextmanager
def full_disk(it: Service, pid: int) -> Iterator[None]:
    """No file of the process can grow; its log can't either."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def locked_journal(it: Service, pid: int) -> Iterator[None]:
    """Somebody else is writing to it, and takes his time."""
    path = it.state / "journal.sqlite"
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


@pytest.mark.parametrize("trouble", [full_disk, locked_journal], ids=lambda it: it.__name__)
def test_36_what_can_not_be_journalled_is_not_opened_and_what_is_open_is_hedged_and_closed(
    it: Service, trouble: Callable[[Service, int], AbstractContextManager[None]]
) -> None:
    with it.life() as life:
        # Stopped for a moment between the fill and its hedge: that is when the trouble begins.
        life.signalled("stop", "primary_fill", 3, for_s=0.5)
        it.scene.fired()
        with trouble(it, life.child.pid):
            life.until(lambda: journal_of(it)["state"] != "running", "the journal's failure")
            failed_s = time.monotonic()
            life_then = journal_of(it)["epoch"]
            life.until(lambda: journal_of(it)["epoch"] >= life_then + 2, "two more tries")
            again_s = time.monotonic()
        life.cycles(1)
        life.child.send_signal(signal.SIGTERM)
        assert life.end() == 0, it.said
    it.scene.judged(naked_q_s=3)
    assert not between(it.scene.openings(), failed_s, again_s)


def journal_of(it: Service) -> Any:
    """The journal's actor, as ``ketch tree`` has it."""
    nodes = json.loads(it.do("tree", "--json"))["nodes"]
    return next(node for node in nodes if node["name"] == "journal")


@soak
def test_36_a_disk_that_takes_two_seconds_delays_openings_and_no_hedge(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, slow = JournalFile.commit, threading.Event()

    def slow_commit(file: JournalFile) -> None:
        if slow.is_set():
            threading.Event().wait(2.0)
        commit(file)

    monkeypatch.setattr(JournalFile, "commit", slow_commit)
    with running(stage.process, stage.folder, cycles=None, settings=SHIPPED) as run:
        run.wait_cycles(1)
        slow.set()
        run.wait_cycles(len(run.records) + 2)
        slow.clear()
        stage.finish(run)
    stage.judged(naked_q_s=3)


def test_36_a_pipe_that_nobody_reads_stops_neither_trading_nor_the_end(it: Service) -> None:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    try:
        with it.life("--cycles", "12", output=write_end) as life:
            assert life.end() == 0
        assert len(os.read(read_end, 65536)) > 2048
    finally:
        os.close(read_end)
        os.close(write_end)
    assert it.scene.judged(naked_q_s=3)["completed"] == 12


# -- 40: no descriptors left ----


def test_40_sixty_four_descriptors_are_enough(it: Service) -> None:
    with it.life("--cycles", "3") as life:
        resource.prlimit(life.child.pid, resource.RLIMIT_NOFILE, (64, 64))
        assert life.end() == 0, it.said
    assert it.scene.judged(naked_q_s=5)["completed"] == 3


def test_40_no_descriptor_is_left_when_the_hedges_connection_drops(it: Service) -> None:
    with it.life() as life:
        pid = life.child.pid
        life.signalled("stop", "primary_fill", 3, for_s=0.5)
        it.scene.arm("drop", connection="grvt/trading", at=it.scene.at("primary_fill", 3))
        it.scene.fired(2)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, before[1]))
        life.until(lambda: "Too many open files" in it.said, "out of descriptors")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        life.cycles(2)
        life.child.send_signal(signal.SIGTERM)
        assert life.end() == 0, it.said
    it.scene.judged(naked_q_s=15)  # the hedge venue is gone: unwound after hedge_deadline_s, 5 s


@pytest.mark.parametrize("cycles", [20, pytest.param(400, marks=soak)])
def test_40_descriptors_do_not_grow_with_the_cycles(it: Service, cycles: int) -> None:
    with it.life() as life:
        folder = Path(f"/proc/{life.child.pid}/fd")
        life.cycles(4)
        early = len(list(folder.iterdir()))
        life.cycles(cycles, within_s=60 + cycles)
        assert len(list(folder.iterdir())) <= early + 5
        life.child.send_signal(signal.SIGTERM)
        assert life.end() == 0, it.said


# -- 37: two of them on one account ----


def test_37_one_that_starts_where_another_trades_halts_and_the_first_goes_on(
    stage: Scene, tmp_path: Path
) -> None:
    """On another host, where no lock of the first can be seen."""
    holding = (*SHIPPED, "desks.eth.hold_s=1")
    (tmp_path / "other").mkdir()
    with running(stage.process, stage.folder, cycles=None, settings=holding) as first:
        first.wait_cycles(1)
        began_s = time.monotonic()
        with running(stage.process, tmp_path / "other", cycles=None, settings=holding) as second:
            assert second.wait_done().halted, second.describe()
            _log.info("halted after %.1f s: %s", time.monotonic() - began_s, second.outcome)
        assert time.monotonic() - began_s < 15
        stage.run_on(first)
        stage.finish(first)
    stage.judged(naked_q_s=5)
