"""A process that has stood still: who finds it, and who has to go."""

from __future__ import annotations

import dataclasses

import pytest

from supervision.clock import MonotonicClock
from supervision.errors import Stalled
from supervision.root import start_root
from supervision.spec import SupervisorSpec
from supervision.stalls import StallWatch
from supervision.states import ChildState
from tests.support.supervision_live import BOUND_S, Stage


class Boot:
    """The clock that counts suspended time, in the hands of a test."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def boot() -> Boot:
    return Boot()


def test_looking_often_enough_finds_nothing(boot: Boot) -> None:
    watch = StallWatch(boot)
    for _ in range(10):
        boot.now_s += 1.0
        assert watch.look() == 0


def test_a_longer_gap_is_a_stall_and_counts_once_whoever_looks_first(boot: Boot) -> None:
    watch = StallWatch(boot)
    boot.now_s += 3.5
    assert [watch.look(), watch.look()] == [1, 1]
    assert watch.gap_s == pytest.approx(3.5)
    boot.now_s += 1.1
    assert watch.look() == 2


def test_the_real_clock_goes_on() -> None:
    assert StallWatch().look() == 0


def test_after_a_stall_what_does_not_outlive_it_is_replaced_and_the_others_stay(
    boot: Boot,
) -> None:
    stage, watch = Stage(), StallWatch(boot)
    socket = dataclasses.replace(stage.spec("socket"), outlives_stalls=False)
    root = start_root(
        SupervisorSpec("root", (stage.spec("worker"), socket)),
        directory=stage.directory,
        clock=MonotonicClock(),
        stalls=watch,
    )
    assert root.wait_ready(BOUND_S)
    boot.now_s += 30
    with pytest.raises(Stalled, match=r"stood still for 30\.0 s"):
        stage.actors["socket", 1].check_fence()
    stage.wait("socket", ChildState.RUNNING, epoch=2)
    for survivor in (("worker", 1), ("socket", 2)):
        stage.actors[survivor].check_fence()
    assert ("running", 2) not in stage.stream("worker")
    root.stop()
    assert root.wait(BOUND_S) == 0
