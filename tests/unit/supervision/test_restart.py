"""Restart types, strategies, intensity and escalation, on a virtual clock (cases R, S, I)."""

from __future__ import annotations

import pytest

from supervision.events import VerbKind, VerbReply
from supervision.policy import AutoShutdown, Backoff, Boot, Breaker, Restart
from supervision.states import ChildState, ExitKind
from tests.support.supervision import (
    FAILS,
    NO_DELAY,
    Life,
    World,
    child,
    one_for_all,
    rest_for_one,
    supervisor,
)

ABNORMAL = [
    ExitKind.ERROR, ExitKind.CRASH, ExitKind.HANG, ExitKind.UNHEALTHY, ExitKind.ESCALATED,
    ExitKind.LOST,
]  # fmt: skip


def test_r01_a_permanent_child_is_restarted_whatever_its_exit() -> None:
    world = World(supervisor(child("a", NO_DELAY)))
    for moment, kind in enumerate((ExitKind.NORMAL, ExitKind.ERROR, ExitKind.NORMAL), start=1):
        world.until(moment).ends("a", kind)
    assert world.epoch("a") == 4
    assert list(world.machine.window) == [1, 2, 3]


def test_r02_a_transient_child_is_restarted_only_after_a_failure() -> None:
    world = World(supervisor(child("a", NO_DELAY, restart=Restart.TRANSIENT), child("b")))
    world.until(1).ends("a")
    assert world.epoch("a") == 2
    world.until(2).ends("a", ExitKind.NORMAL)
    assert (world.state("a"), world.epoch("a")) == (ChildState.STOPPED, 2)
    assert world.verb(VerbKind.START, "a") is VerbReply.OK
    assert (world.epoch("a"), world.epoch("b")) == (3, 1)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (ExitKind.NORMAL, ChildState.STOPPED),
        (ExitKind.ERROR, ChildState.FAILED),
        (None, ChildState.STOPPED),
    ],
    ids=["normal", "abnormal", "stop verb"],
)
def test_r03_a_temporary_child_is_never_restarted_and_its_spec_goes(
    kind: ExitKind | None, state: ChildState
) -> None:
    spec = child("t", restart=Restart.TEMPORARY)
    world = World(supervisor(child("a")))
    assert world.add(spec) is VerbReply.OK
    if kind is None:
        world.verb(VerbKind.STOP, "t")
    else:
        world.ends("t", kind)
    assert (world.state("t"), world.known("t")) == (state, False)
    assert world.verb(VerbKind.START, "t") is VerbReply.NOT_FOUND
    assert world.add(spec) is VerbReply.OK
    assert world.epoch("t") == 2


@pytest.mark.parametrize("kind", ABNORMAL)
def test_a_transient_child_is_restarted_after_every_abnormal_kind(kind: ExitKind) -> None:
    world = World(supervisor(child("a", NO_DELAY, restart=Restart.TRANSIENT)))
    world.until(1).ends("a", kind)
    assert world.epoch("a") == 2


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_a_fatal_exit_is_never_followed_by_a_restart(restart: Restart) -> None:
    world = World(supervisor(child("a", NO_DELAY, restart=restart)))
    world.until(1).ends("a", ExitKind.FATAL)
    assert (world.until(500).state("a"), world.epoch("a")) == (ChildState.FAILED, 1)
    assert list(world.machine.window) == []


def test_s01_one_for_one_leaves_the_others_alone_and_counts_per_supervisor() -> None:
    world = World(supervisor(child("a", NO_DELAY), child("b", NO_DELAY), window=(2, 3600)))
    world.until(1).ends("a")
    assert (world.epoch("a"), world.epoch("b")) == (2, 1)
    world.until(2).ends("b")
    assert (world.epoch("a"), world.epoch("b")) == (2, 2)
    world.until(3).ends("b")
    assert world.status("b").kind == "intensity"
    assert world.orders == [("a", 3)]
    assert world.left is not None
    assert world.left[0] is ExitKind.ESCALATED


def test_s02_one_for_all_stops_in_reverse_and_starts_in_order_after_the_delay() -> None:
    world = World(one_for_all(*(child(i) for i in "abc")))
    world.until(10).ends("b")
    world.until(50)
    assert world.orders == [("c", 10), ("a", 10)]
    assert world.created[3:] == [("a", 11), ("b", 11), ("c", 11)]
    assert [world.machine.children[i].failures for i in range(3)] == [0, 1, 0]
    assert list(world.machine.window) == [10]


def test_s03_the_start_phase_begins_when_delay_and_stop_phase_are_both_over() -> None:
    world = World(rest_for_one(*(child(i) for i in "abc")), {"c": [Life(stop=4)]})
    world.until(10).ends("a")
    world.until(50)
    assert world.orders == [("c", 10), ("b", 14)]
    assert world.created[3:] == [("a", 14), ("b", 14), ("c", 14)]


def test_s04_a_later_member_that_fails_to_start_is_its_own_failure() -> None:
    world = World(rest_for_one(*(child(i) for i in "abc")), {"b": [Life(), FAILS, Life()]})
    world.until(10).ends("a")
    world.until(50)
    assert [world.births(i) for i in "abc"] == [[0, 11], [0, 11, 12], [0, 12]]
    assert len(world.machine.window) == 2


def test_a_member_that_dies_while_its_group_is_being_stopped_is_not_counted() -> None:
    world = World(rest_for_one(*(child(i, NO_DELAY) for i in "abc")), {"c": [Life(stop=3)]})
    world.until(10).ends("a")
    world.until(11).ends("b")
    world.until(20)
    assert world.orders == [("c", 10)]
    assert world.created[3:] == [("a", 13), ("b", 13), ("c", 13)]
    assert list(world.machine.window) == [10]


def test_a_completed_transient_member_runs_again_with_its_group() -> None:
    transient = child("b", NO_DELAY, restart=Restart.TRANSIENT)
    world = World(rest_for_one(child("a", NO_DELAY), transient))
    world.until(5).ends("b", ExitKind.NORMAL)
    world.until(10).ends("a")
    assert world.births("b") == [0, 10]


def test_a_later_child_that_backs_off_keeps_its_timer_when_an_earlier_one_fails() -> None:
    slow = Backoff(initial=20, jitter=0)
    world = World(rest_for_one(child("a"), child("b", slow)))
    world.until(10).ends("b")
    world.until(12).ends("a")
    world.until(100)
    assert (world.births("a"), world.births("b")) == ([0, 13], [0, 30])


def test_a_failed_member_keeps_a_one_for_all_group_down_until_it_is_started() -> None:
    world = World(one_for_all(child("a"), child("b"), child("c")))
    world.until(10).ends("b", ExitKind.FATAL)
    assert (world.until(99).state("a"), world.state("c")) == (ChildState.WAITING,) * 2
    world.verb(VerbKind.START, "b")
    assert world.created[3:] == [("a", 99), ("b", 99), ("c", 99)]


def test_i01_over_the_limit_the_offender_fails_and_the_supervisor_gives_up() -> None:
    tree = supervisor(*(child(i, NO_DELAY) for i in "abc"), window=(1, 30))
    world = World(tree, {"b": [Life(ends=1)]}).until(50)
    assert world.births("b") == [0, 1]
    assert (world.state("b"), world.status("b").kind) == (ChildState.FAILED, "intensity")
    assert world.orders == [("c", 2), ("a", 2)]
    assert world.left is not None
    assert (world.left[0], world.left[2]) == (ExitKind.ESCALATED, 2)


@pytest.mark.parametrize(
    ("ends", "left_at", "births"),
    [([5.0], 15.0, 3), ([5.1], None, 12), ([2, 7, 4, 1, 99], 14, 4)],
    ids=["a stamp exactly as old still counts", "just outside", "sliding, not tumbling"],
)
def test_i02_the_window_slides_and_includes_its_edge(
    ends: list[float], left_at: float | None, births: int
) -> None:
    lives = {"a": [Life(ends=e) for e in ends]}
    world = World(supervisor(child("a", NO_DELAY), window=(2, 10)), lives).until(60)
    assert len(world.births("a")) == births
    assert (world.left[2] if world.left else None) == left_at


def test_i03_with_no_restarts_allowed_the_first_one_escalates() -> None:
    world = World(supervisor(child("a"), window=(0, 30)))
    world.until(1).ends("a")
    assert world.left is not None
    assert world.births("a") == [0]


def test_i04_failed_attempts_count_like_exits() -> None:
    tree = supervisor(child("x", NO_DELAY), child("y"), window=(4, 3600))
    world = World(tree, {"x": [Life(ends=1), Life(construct_fails=True)]}).until(9)
    assert len(world.births("x")) == 5
    assert world.orders == [("y", 1)]
    assert world.left is not None


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_i05_a_supervisor_that_escalates_is_restarted_with_its_static_children(
    restart: Restart,
) -> None:
    policy = child("x", NO_DELAY, restart=restart, shutdown="infinite").policy
    inner = supervisor(child("w", NO_DELAY), id="s", window=(1, 30), policy=policy)
    world = World(supervisor(child("o"), inner))
    world.lives["s/d"] = [Life(ends=5), FAILS]
    assert world.until(1).add(child("d", NO_DELAY), "s") is VerbReply.OK
    world.until(20)
    assert (world.epoch("s/w"), world.state("s/w")) == (2, ChildState.RUNNING)
    assert world.births("s/d") == [1, 6]
    assert not world.known("s/d", "s")
    assert "s/d" not in world.names
    assert (world.epoch("o"), world.state("s")) == (1, ChildState.RUNNING)


def test_the_epochs_in_the_statuses_go_on_when_a_supervisor_is_restarted() -> None:
    inner = supervisor(
        child("x", NO_DELAY, boot=Boot.OPTIONAL),
        child("y", NO_DELAY, depends_on=("x",)),
        id="s",
        window=(0, 30),
    )
    world = World(supervisor(inner), {"s/x": [Life(ends=5), Life(ready=2)]}).until(20)
    epochs = [s.epoch for s in world.statuses if s.name == "s/y"]
    assert epochs == sorted(epochs)
    assert (world.epoch("s"), epochs[-1]) == (2, 2)


def test_a_child_with_a_breaker_never_escalates() -> None:
    breaker = Breaker(failure_threshold=1000, jitter=0)
    tree = supervisor(child("a", NO_DELAY, breaker=breaker, boot=Boot.OPTIONAL), window=(1, 30))
    world = World(tree, {"a": [Life(ends=0.1)]}).until(20)
    assert world.left is None
    assert len(world.births("a")) > 100


@pytest.mark.parametrize(
    ("mode", "left_after"),
    [(AutoShutdown.ANY_SIGNIFICANT, 1), (AutoShutdown.ALL_SIGNIFICANT, 2)],
)
def test_significant_children_that_complete_end_their_supervisor(
    mode: AutoShutdown, left_after: int
) -> None:
    children = (
        child(i, NO_DELAY, restart=Restart.TRANSIENT, significant=i != "w") for i in ("a", "b", "w")
    )
    world = World(supervisor(*children, auto_shutdown=mode))
    for moment, name in list(enumerate(("a", "b"), start=1))[:left_after]:
        assert world.machine.leaving is None
        world.until(moment).ends(name, ExitKind.NORMAL)
    assert world.left is not None
    assert (world.left[0], world.left[2]) == (ExitKind.NORMAL, left_after)
    assert ("w", left_after) in world.orders
