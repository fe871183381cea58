"""36 to 41: the host and the process. Disk, clock, suspend, descriptors, parts that die or hang."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from paper.records import Accepted, AnyRecord, Connection, FaultFired
from supervision.stalls import StallWatch, boot_s
from supervision.states import ChildState
from tests.support_actors_tree import running
from tests.support_faults import seconds, soak
from tests.support_faults_process import SHIPPED, Service, fired_s, service

_log = logging.getLogger("ketch.faults")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as it:
        yield it


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
    """Which takes orders only once open orders, fills and positions have been read over it."""
    fresh: set[str] = set()
    for record in records:
        if seconds(record) < woke_s - 0.05 or isinstance(record, FaultFired):
            continue
        if isinstance(record, Connection) and record.event == "authenticated":
            fresh.add(record.connection.partition("/")[0])
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
