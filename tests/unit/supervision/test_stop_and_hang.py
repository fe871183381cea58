"""Ordered stop, hang, abandonment, verbs and reload, on a virtual clock (cases E, H, V)."""

from __future__ import annotations

import pytest

from supervision import events
from supervision.events import VerbKind, VerbReply
from supervision.policy import Backoff, Boot, Breaker, Restart, Watchdog
from supervision.states import ChildState, ExitKind
from tests.support.supervision import (
    FAILS,
    LIVES,
    B,
    Life,
    P,
    World,
    child,
    rest_for_one,
    supervisor,
)

HUNG = Life(stop=None)


def test_e01_children_stop_one_at_a_time_in_reverse() -> None:
    lives = {"a": [Life(stop=0.5)], "b": [Life(stop=1)], "c": [Life(stop=2)]}
    world = World(supervisor(*(child(i) for i in "abc")), lives).until(10)
    world.order_stop()
    world.until(12.5).feed(events.StopAll())
    world.until(20)
    assert world.orders == [("c", 10), ("b", 12), ("a", 13)]
    assert world.left == (ExitKind.SHUTDOWN, "", 13.5)


def test_e02_a_hung_child_is_abandoned_when_its_shutdown_time_is_over() -> None:
    world = World(supervisor(child("a"), child("b", shutdown=1)), {"b": [HUNG]})
    world.order_stop()
    world.until(9)
    assert world.orders == [("b", 0), ("a", 1)]
    assert world.abandoned == [("b", 1, 1)]
    assert world.interrupts == [("b", 0.5)]
    assert world.left == (ExitKind.SHUTDOWN, "", 1)


def test_e02_a_brutal_stop_waits_for_nothing() -> None:
    world = World(supervisor(child("a"), child("b", shutdown="brutal")), {"b": [HUNG]})
    world.order_stop()
    assert world.left == (ExitKind.SHUTDOWN, "", 0)


def test_e02_a_supervisor_gets_all_the_time_its_children_need() -> None:
    inner = supervisor(child("x", shutdown=60), id="b")
    world = World(supervisor(child("a"), inner), {"b/x": [Life(stop=20)]})
    world.order_stop()
    world.until(60)
    assert world.abandoned == []
    assert world.left == (ExitKind.SHUTDOWN, "", 20)


def test_e03_a_stop_while_children_back_off_creates_nothing_ever_again() -> None:
    world = World(supervisor(child("a"), child("b", breaker=Breaker(failure_threshold=1))))
    world.until(5).ends("a")
    world.ends("b")
    world.order_stop()
    assert (world.state("a"), world.state("b")) == (ChildState.STOPPED,) * 2
    assert len(world.until(500).created) == 2


def test_e04_at_the_deadline_of_the_root_the_rest_is_abandoned_in_reverse() -> None:
    lives = {"a": [HUNG], "b": [HUNG]}
    world = World(supervisor(child("a", shutdown=99), child("b", shutdown=99)), lives)
    world.order_stop()
    world.until(30).feed(events.DeadlinePassed())
    assert world.abandoned == [("b", 1, 30), ("a", 1, 30)]
    assert world.left == (ExitKind.SHUTDOWN, "", 30)


def test_h01_a_hang_is_fenced_stopped_abandoned_and_counted_once() -> None:
    watched = child("a", P, watchdog=Watchdog(timeout=20, interval=5), shutdown=5)
    world = World(supervisor(watched), {"a": [Life(busy_from=7, stop=None), LIVES]}).until(29)
    assert world.names == {"a": 1}
    world.until(30)
    assert (world.orders, world.fenced, world.names) == ([("a", 30)], [("a", 1, 30)], {})
    assert world.interrupts == [("a", 30)]
    world.until(50)
    assert world.abandoned == [("a", 1, 35)]
    assert world.births("a") == [0, 36]
    assert (world.status("a").failures, world.failures[0].kind) == (1, ExitKind.HANG)
    world.feed(events.Exited("a", 1, ExitKind.ERROR))
    assert world.until(99).births("a") == [0, 36]
    assert world.machine.children[0].abandoned == set()


def test_h02_an_idle_actor_is_never_hung_and_a_busy_one_not_before_its_time() -> None:
    watched = child("a", watchdog=Watchdog(timeout=20, interval=5))
    idle = World(supervisor(watched)).until(10_000)
    assert (idle.orders, idle.epoch("a")) == ([], 1)
    busy = World(supervisor(watched), {"a": [Life(busy_from=100)]}).until(119.9)
    assert busy.orders == []
    assert busy.until(125).orders == [("a", 120)]


def test_h03_too_many_abandoned_instances_end_the_restarts() -> None:
    watched = child("a", Backoff(initial=0), watchdog=Watchdog(1, 0.5), shutdown=1, max_abandoned=2)
    lives = {"a": [Life(busy_from=0, stop=None)]}
    world = World(supervisor(watched, window=(99, 60)), lives).until(60)
    assert (world.state("a"), world.status("a").kind) == (ChildState.FAILED, "abandoned_limit")
    assert len(world.births("a")) == 2
    assert world.verb(VerbKind.START, "a") is VerbReply.ABANDONED_LIMIT


def test_a_start_that_takes_too_long_is_a_failure() -> None:
    late = child("a", start_timeout=3, boot=Boot.OPTIONAL)
    world = World(supervisor(late), {"a": [Life(ready=None, stop=1), LIVES]}).until(20)
    assert world.orders == [("a", 3)]
    assert world.births("a") == [0, 5]
    assert world.failures[0].kind is ExitKind.START_TIMEOUT


def test_a_fault_that_somebody_else_finds_ends_the_instance_once() -> None:
    world = World(supervisor(child("a")), {"a": [Life(stop=0.5), LIVES]}).until(10)
    world.feed(events.Faulted("a", 1, ExitKind.ERROR, "stale", unresponsive=True))
    assert (world.names, world.interrupts) == ({}, [("a", 10)])
    world.until(30)
    assert world.births("a") == [0, 11.5]
    assert [(f.kind, f.detail) for f in world.failures] == [(ExitKind.ERROR, "stale")]


def test_a_member_that_awaits_its_stop_may_miss_its_other_deadlines() -> None:
    unwell = child("b", unhealthy_timeout=2)
    tree = rest_for_one(child("a", Backoff(initial=0)), unwell, child("c"))
    lives = {"b": [Life(health=((9, False),)), LIVES], "c": [Life(stop=4), LIVES]}
    world = World(tree, lives).until(10)
    world.ends("a")
    world.until(30)
    assert world.orders == [("c", 10), ("b", 14)]
    assert world.births("b") == [0, 14]


def test_v01_verbs_on_a_child_that_is_up_and_down() -> None:
    world = World(supervisor(child("a")))
    verb = world.verb
    assert verb(VerbKind.START, "a") is VerbReply.ALREADY_STARTED
    assert verb(VerbKind.REMOVE, "a") is VerbReply.RUNNING
    assert world.add(child("a")) is VerbReply.ALREADY_STARTED
    assert verb(VerbKind.STOP, "a") is VerbReply.OK
    assert verb(VerbKind.STOP, "a") is VerbReply.OK
    assert world.add(child("a")) is VerbReply.ALREADY_PRESENT
    assert verb(VerbKind.START, "a") is VerbReply.OK
    assert world.epoch("a") == 2
    world.ends("a")
    assert verb(VerbKind.REMOVE, "a") is VerbReply.RESTARTING
    assert world.add(child("a")) is VerbReply.ALREADY_PRESENT
    verb(VerbKind.STOP, "a")
    assert verb(VerbKind.REMOVE, "a") is VerbReply.OK
    assert verb(VerbKind.START, "a") is VerbReply.NOT_FOUND


@pytest.mark.parametrize(("verb", "births"), [(VerbKind.STOP, [0]), (VerbKind.START, [0, 10.5])])
def test_v02_a_verb_during_the_delay_voids_the_timer(verb: VerbKind, births: list[float]) -> None:
    world = World(supervisor(child("a")))
    world.until(10).ends("a")
    world.until(10.5).verb(verb, "a")
    assert world.until(50).births("a") == births


def test_v03_a_manual_stop_outlives_group_restarts_and_keeps_dependants_waiting() -> None:
    world = World(rest_for_one(*(child(i, Backoff(initial=0)) for i in "abc")))
    world.verb(VerbKind.STOP, "b")
    assert world.orders == [("c", 0), ("b", 0)]
    world.until(5).ends("a")
    assert (world.state("b"), world.state("c")) == (ChildState.STOPPED, ChildState.WAITING)
    world.verb(VerbKind.START, "b")
    assert (world.births("b"), world.births("c")) == ([0, 5], [0, 5])


def test_v04_reset_closes_an_open_breaker_and_starts_at_once() -> None:
    broken = child("a", breaker=B, boot=Boot.OPTIONAL)
    world = World(supervisor(broken), {"a": [FAILS] * 5 + [LIVES]}).until(20)
    assert world.verb(VerbKind.RESET, "a") is VerbReply.OK
    assert (world.births("a")[-1], world.state("a")) == (20, ChildState.RUNNING)
    assert (world.status("a").failures, world.status("a").openings) == (0, 0)


def test_a_restart_verb_counts_nowhere() -> None:
    world = World(supervisor(child("a"), window=(0, 60)))
    world.until(5).verb(VerbKind.RESTART, "a")
    assert (world.births("a"), list(world.machine.window)) == ([0, 5], [])


def test_a_start_during_a_stop_comes_after_the_exit() -> None:
    world = World(supervisor(child("a")), {"a": [Life(stop=3)]})
    world.verb(VerbKind.STOP, "a")
    assert world.until(1).verb(VerbKind.START, "a") is VerbReply.OK
    assert world.until(9).births("a") == [0, 3]


def test_a_manual_stop_that_awaits_its_turn_outlives_a_restart_of_its_group() -> None:
    slow = {"c": [Life(stop=5)]}
    world = World(rest_for_one(child("a"), child("b"), child("c")), slow).until(10)
    world.verb(VerbKind.STOP, "b")
    world.ends("a")
    world.until(60)
    assert (world.state("b"), world.births("b")) == (ChildState.STOPPED, [0])
    assert world.births("a") == [0, 15]


def test_a_start_that_comes_while_a_temporary_child_ends_starts_nobody() -> None:
    spec = supervisor(child("a", restart=Restart.TEMPORARY))
    world = World(spec, {"a": [Life(stop=5)]}).until(10)
    world.feed(events.Faulted("a", 1, ExitKind.ERROR))
    world.verb(VerbKind.START, "a")
    world.until(60)
    assert not world.known("a")
    assert world.births("a") == [0]


def test_an_added_required_child_that_fails_to_start_is_dropped_again() -> None:
    world = World(supervisor(child("a")), {"x": [FAILS]})
    assert world.add(child("x")) is VerbReply.START_ERROR
    assert not world.known("x")
    assert world.left is None


@pytest.mark.parametrize(
    ("initial", "at", "born"),
    [(5, 102, 105), (5, 110, 110), (40, 102, 130)],
    ids=["shorter", "shorter and over", "longer"],
)
def test_v05_reload_only_shortens_a_pending_delay(initial: float, at: float, born: float) -> None:
    world = World(supervisor(child("a", Backoff(initial=30, max=30, jitter=0))))
    world.until(100).ends("a")
    world.until(at).reload(supervisor(child("a", Backoff(initial=initial, max=50, jitter=0))))
    assert world.until(200).births("a") == [0, born]
    assert world.epoch("a") == 2


def test_v05_a_lower_threshold_acts_from_the_next_failure() -> None:
    lives = {"a": [Life(ends=1)] * 3 + [Life(ends=5)]}
    tree = supervisor(child("a", breaker=B))
    world = World(tree, lives).until(10.5)
    assert world.machine.children[0].failures == 3
    low = Breaker(failure_threshold=2, jitter=0)
    world.reload(supervisor(child("a", breaker=low)))
    assert world.state("a") is ChildState.RUNNING
    assert world.until(20).state("a") is ChildState.OPEN


def test_v05_a_breaker_that_is_taken_away_while_open_makes_the_child_due_now() -> None:
    world = World(
        supervisor(child("a", breaker=B, boot=Boot.OPTIONAL)), {"a": [FAILS] * 5 + [LIVES]}
    )
    world.until(20).reload(supervisor(child("a", boot=Boot.OPTIONAL)))
    assert (world.births("a")[-1], world.state("a")) == (20, ChildState.RUNNING)


def test_v05_a_watchdog_that_is_switched_on_watches_what_runs_already() -> None:
    world = World(supervisor(child("a")), {"a": [Life(busy_from=7), LIVES]}).until(100)
    world.reload(supervisor(child("a", watchdog=Watchdog(timeout=20, interval=5))))
    assert world.until(200).orders == [("a", 105)]


def test_v05_a_watchdog_that_looks_more_often_does_so_at_once() -> None:
    rarely = child("a", watchdog=Watchdog(timeout=20, interval=10))
    world = World(supervisor(rarely), {"a": [Life(busy_from=0), LIVES]}).until(5)
    world.reload(supervisor(child("a", watchdog=Watchdog(timeout=4, interval=2))))
    assert world.until(200).orders == [("a", 7)]
