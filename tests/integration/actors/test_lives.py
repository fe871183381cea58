"""Every actor of the tree dies once while cycles run; peers fall silent or talk nonsense.

Judged by the venues' ledger, as everything here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from supervision.states import ChildState
from tests.support.actors import Proxy, frame
from tests.support.actors_tree import ACTORS, BOUND_S, FRONT, Judge, Run, place_of, running
from tests.support.paper_process import Process

SUPERVISORS = ("grvt", "backpack", "eth")
# One life of each is taken here; that a life may end too often is another matter.
PATIENT = ("supervision.root.intensity.max_restarts=100",)


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with Process("--settings", FRONT) as process:
        yield process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def judge(process: Process) -> Judge:
    return Judge(process)


def kill_in_a_cycle(run: Run, name: str) -> None:
    """End the present life of ``name`` between two cycles' ends, and wait for cycles after it."""
    life = run.epoch(name)
    run.wait_cycles(len(run.records) + 1)
    assert run.root.kill(name)
    run.wait_status(name, ChildState.RUNNING, life + 1)
    run.wait_cycles(len(run.records) + 2)


def test_each_actor_may_die_while_cycles_run(judge: Judge, folder: Path) -> None:
    with running(judge.process, folder, cycles=None, settings=PATIENT) as run:
        for name in ACTORS:
            kill_in_a_cycle(run, name)
            assert run.outcome is None, run.describe()
        run.finish()
        assert run.outcome is not None
        assert run.outcome.flat
    judge.check()


def test_each_supervisor_may_die_with_all_its_children(judge: Judge, folder: Path) -> None:
    with running(judge.process, folder, cycles=None, settings=PATIENT) as run:
        for name in SUPERVISORS:
            kill_in_a_cycle(run, name)
        run.finish()
    judge.check()


def test_the_whole_venue_layer_dies_at_once_while_a_cycle_is_open(
    judge: Judge, folder: Path
) -> None:
    with running(judge.process, folder, cycles=None, settings=PATIENT) as run:
        run.wait_cycles(1)
        victims = ("grvt/orders", "backpack/orders", "eth/coordinator", "journal")
        lives = {name: run.epoch(name) for name in victims}
        for name in victims:
            run.root.kill(name)
        for name, life in lives.items():
            run.wait_status(name, ChildState.RUNNING, life + 1)
        run.wait_cycles(len(run.records) + 3)
        run.finish()
    judge.check()


def test_a_stop_and_a_start_go_on_with_the_next_cycle(judge: Judge, folder: Path) -> None:
    numbers: list[int] = []
    for _ in range(2):
        with running(judge.process, folder, cycles=2) as run:
            run.wait_done()
            numbers += [record.cycle for record in run.records]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] == 3
    judge.check()


def test_a_stop_of_the_tree_in_the_middle_of_cycles_is_recovered_from(
    judge: Judge, folder: Path
) -> None:
    """Without asking the desk: what was open is found, and closed, by the next start."""
    for _ in range(3):
        with running(judge.process, folder, cycles=None) as run:
            run.wait_cycles(1)
    with running(judge.process, folder, cycles=2) as run:
        assert run.wait_done().flat
        assert run.outcome is not None
        assert run.outcome.halted == ""
    judge.check()


# -- peers that fall silent or talk nonsense ----


def test_a_half_open_trading_socket_is_found_by_the_heartbeat(judge: Judge, folder: Path) -> None:
    place = place_of(judge.process)
    parts = urlsplit(place.trades)
    with Proxy(parts.port or 0) as proxy:
        through = msgspec.structs.replace(place, trades=proxy.http)
        quick = (
            "venues.grvt.connection.ping_interval_s=0.1",
            "venues.grvt.connection.stale_after_s=0.5",
            "venues.grvt.connection.connect_timeout_s=0.3",
        )
        with running(judge.process, folder, cycles=None, settings=quick, place=through) as run:
            run.wait_cycles(2)
            proxy.silence()
            run.wait_status("grvt/trading", ChildState.BACKING_OFF, 2)
            proxy.silence(on=False)
            run.wait_cycles(len(run.records) + 2)
            run.finish()
    judge.check()


@pytest.mark.parametrize(
    "bad",
    [frame(1, b"{not json"), frame(1, b"\xff\xfe\x00"), frame(2, b"\x00\x01"), b"\xff\xff\xff\xff"],
    ids=["no JSON", "no UTF-8", "binary", "no frame"],
)
def test_a_frame_that_does_not_decode_ends_its_connection_only(
    judge: Judge, folder: Path, bad: bytes
) -> None:
    line = judge.process.line["backpack"]
    with Proxy(urlsplit(line["ws"]).port or 0) as proxy:
        backpack = (line["api"], f"ws://127.0.0.1:{proxy.port}")
        with running(judge.process, folder, cycles=None, backpack=backpack) as run:
            run.wait_cycles(1)
            proxy.inject(bad)  # the last to connect is the market's
            run.wait_status("backpack/market", ChildState.RUNNING, 2)
            run.wait_cycles(len(run.records) + 2)
            run.finish()
            lives = {name: run.epoch(name) for name in ACTORS}
    assert lives.pop("backpack/market") == 2
    assert set(lives.values()) == {1}
    judge.check()


# -- a journal that can't write ----


def test_while_the_journal_is_locked_nothing_is_opened_and_then_cycles_go_on(
    judge: Judge, folder: Path
) -> None:
    with running(judge.process, folder, cycles=None, settings=PATIENT) as run:
        run.wait_cycles(2)
        with closing(sqlite3.connect(run.journal, timeout=BOUND_S, isolation_level=None)) as other:
            other.execute("begin immediate")
            run.wait_status("journal", ChildState.STARTING, 2)
            orders = judge.measures()["orders"]
            other.execute("rollback")
        run.wait_cycles(len(run.records) + 2)
        assert judge.measures()["orders"] > orders
        run.finish()
        vain = [record.cycle for record in run.records if record.outcome == "abandoned"]
        assert len(vain) <= 2, "a cycle that was being opened, and none was begun while it was away"
    judge.check()
