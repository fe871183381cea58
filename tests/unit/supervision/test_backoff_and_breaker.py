"""Backoff, breaker, health, status stream and storms, on a virtual clock (cases K, C, N, X)."""

from __future__ import annotations

import random

import pytest

from supervision import events
from supervision.events import VerbKind, VerbReply
from supervision.policy import Backoff, Boot, Breaker, Limiter
from supervision.states import ChildState, ExitKind
from tests.support.supervision import (
    FAILS,
    LIVES,
    NO_DELAY,
    B,
    Life,
    P,
    World,
    child,
    rest_for_one,
    supervisor,
)


def _broken(lives: list[Life]) -> World:
    return World(supervisor(child("a", breaker=B, boot=Boot.OPTIONAL)), {"a": lives})


def test_k02_children_that_exit_together_come_back_spread_out() -> None:
    backoff = Backoff(initial=1, jitter=0.2)
    names = [f"n{i}" for i in range(50)]
    tree = supervisor(*(child(n, backoff) for n in names), window=(100, 60))
    world = World(tree, {n: [Life(ends=10), LIVES] for n in names}, u=random.Random(7).random)
    world.until(20)
    births = [world.births(n)[1] for n in names]
    assert len(set(births)) == 50
    assert all(11 <= moment < 11.2 for moment in births)


def test_failures_are_forgotten_after_one_life_that_lasted() -> None:
    world = World(supervisor(child("a")), {"a": [Life(ends=1), Life(ends=59.9), Life(ends=60)]})
    assert world.until(300).births("a")[:5] == [0, 2, 63.9, 124.9, 185.9]


def test_bad_health_stops_the_stable_clock_and_good_health_starts_it_anew() -> None:
    lives = [Life(ends=1), Life(ends=100, health=((10, False), (50, True))), LIVES]
    world = World(supervisor(child("a")), {"a": lives}).until(300)
    assert world.births("a") == [0, 2, 104]


def test_a_child_that_is_unhealthy_for_too_long_fails() -> None:
    world = World(
        supervisor(child("a", unhealthy_timeout=7)), {"a": [Life(health=((3, False),)), LIVES]}
    ).until(50)
    assert world.orders == [("a", 10)]
    assert world.births("a") == [0, 11]
    assert world.failures[0].kind is ExitKind.UNHEALTHY


def test_the_first_restart_of_a_streak_may_be_immediate() -> None:
    backoff = Backoff(immediate=1, initial=1, jitter=0)
    world = World(supervisor(child("a", backoff), window=(50, 60)), {"a": [Life(ends=1)]})
    assert world.until(12).births("a") == [0, 1, 3, 6, 11]


def test_c01_the_breaker_opens_at_the_threshold_and_probes_after_its_reset_time() -> None:
    world = _broken([FAILS]).until(80)
    assert world.births("a") == [0, 1, 3, 7, 15, 75]
    states = [s for s, _, _ in world.stream("a") if s in ("backing_off", "open")]
    assert states == ["backing_off"] * 4 + ["open"] * 2


def test_c01_with_a_threshold_of_one_the_first_failure_opens() -> None:
    tree = supervisor(child("a", breaker=Breaker(failure_threshold=1), boot=Boot.OPTIONAL))
    assert World(tree, {"a": [FAILS]}).state("a") is ChildState.OPEN


def test_c02_reset_times_grow_to_their_maximum() -> None:
    world = _broken([FAILS]).until(3000)
    assert world.births("a") == [0, 1, 3, 7, 15, 75, 195, 435, 915, 1815, 2715]


def test_c03_while_open_only_the_timer_creates_one_instance() -> None:
    world = _broken([FAILS, FAILS, FAILS, FAILS, FAILS, Life(ready=10)]).until(50)
    assert (world.state("a"), world.status("a").retry_at) == (ChildState.OPEN, 75)
    before = world.machine.stale
    for late in (
        events.Ready("a", 5),
        events.HealthReported("a", 5, False),
        events.Exited("a", 5, ExitKind.ERROR),
    ):
        world.feed(late)
    assert world.machine.stale == before + 3
    world.until(76)
    assert (len(world.births("a")), world.state("a")) == (6, ChildState.HALF_OPEN)
    assert world.verb(VerbKind.START, "a") is VerbReply.ALREADY_STARTED
    assert world.verb(VerbKind.RESTART, "a") is VerbReply.OK
    assert world.births("a")[-2:] == [75, 76]
    assert (world.state("a"), world.status("a").openings) == (ChildState.HALF_OPEN, 1)


def test_c04_ready_alone_does_not_close_the_breaker() -> None:
    world = _broken([FAILS] * 5 + [LIVES]).until(104.9)
    assert world.state("a") is ChildState.HALF_OPEN
    assert world.names == {"a": 6}
    assert world.until(105).state("a") is ChildState.RUNNING
    assert (world.status("a").failures, world.status("a").openings) == (0, 0)


def test_c05_one_failure_of_the_probe_opens_again_for_twice_as_long() -> None:
    world = _broken([FAILS] * 5 + [Life(ready=2, ends=31.9), LIVES]).until(300)
    assert world.births("a")[5:] == [75, pytest.approx(226.9)]
    assert max(s.openings for s in world.statuses) == 2


@pytest.mark.parametrize(
    "probe",
    [Life(ready=None), Life(health=((5, False),)), Life(ready=1, ends=4, kind=ExitKind.NORMAL)],
    ids=["never ready", "bad health", "a clean close"],
)
def test_c06_whatever_the_failure_of_the_probe_is_it_opens_again(probe: Life) -> None:
    world = _broken([FAILS] * 5 + [probe, LIVES]).until(110)
    assert (world.state("a"), world.status("a").openings) == (ChildState.OPEN, 2)


def test_c07_a_probe_that_lasted_starts_a_new_count() -> None:
    world = _broken([FAILS] * 5 + [Life(ends=100), FAILS]).until(255)
    closed = [t for s, e, t in world.stream("a") if s == "running"]
    assert closed == [105]
    assert world.births("a")[5:] == [75, 176, 178, 182, 190, 250]


def test_c08_a_probe_stopped_as_a_bystander_is_no_verdict() -> None:
    probed = child("b", breaker=B, boot=Boot.OPTIONAL)
    world = World(rest_for_one(child("a", NO_DELAY), probed), {"b": [FAILS] * 5 + [LIVES]})
    world.until(80).ends("a")
    world.until(300)
    assert world.births("b")[5:] == [75, 80]
    assert max(s.openings for s in world.statuses if s.name == "b") == 1
    assert world.state("b") is ChildState.RUNNING


def test_n01_the_status_stream_of_one_failure() -> None:
    world = World(supervisor(child("a")))
    world.until(10).ends("a")
    world.until(70)
    assert world.stream("a")[1:] == [
        ("running", 1, 0), ("backing_off", 1, 10), ("starting", 2, 11), ("running", 2, 11),
    ]  # fmt: skip
    assert world.statuses[2].retry_at == 11


def test_a_name_resolves_only_between_ready_and_the_end() -> None:
    world = World(supervisor(child("a")), {"a": [Life(ready=2)]}).until(1)
    assert world.names == {}
    assert world.until(2).names == {"a": 1}
    world.until(10).ends("a")
    assert world.names == {}
    assert world.until(13).names == {"a": 2}


def test_x01_a_limiter_spreads_a_storm_of_restarts_in_tree_order() -> None:
    names = [f"n{i:02}" for i in range(20)]
    tree = supervisor(*(child(n, P, breaker=B, limiter="l") for n in names))
    lives = {n: [Life(ends=100), LIVES] for n in names}
    world = World(tree, lives, limiters={"l": Limiter(2, 2)}).until(101.2)
    assert world.state("n05") is ChildState.BACKING_OFF
    assert world.status("n19").retry_at == 110
    world.until(200)
    expected = [101, 101, *(101 + 0.5 * i for i in range(1, 19))]
    assert world.created[20:] == list(zip(names, expected, strict=True))


def test_x01_probes_use_the_same_bucket() -> None:
    once = Breaker(failure_threshold=1, jitter=0)
    names = [f"n{i}" for i in range(6)]
    tree = supervisor(*(child(n, breaker=once, limiter="l") for n in names))
    lives = {n: [Life(ends=100), LIVES] for n in names}
    world = World(tree, lives, limiters={"l": Limiter(0.5, 1)}).until(300)
    assert [world.births(n)[1] for n in names] == [160, 162, 164, 166, 168, 170]


def test_a_reload_starts_nobody_who_waits_for_a_token() -> None:
    names = [f"n{i}" for i in range(6)]
    once = Breaker(failure_threshold=1, jitter=0)
    restarts = [child(n, P, breaker=B, limiter="l") for n in names[:3]]
    tree = supervisor(*restarts, *(child(n, breaker=once, limiter="l") for n in names[3:]))
    lives = {n: [Life(ends=100 if n < "n3" else 41), LIVES] for n in names}
    world = World(tree, lives, limiters={"l": Limiter(0.5, 1)}).until(101.2)
    world.reload(tree)
    world.until(200)
    assert [world.births(n)[1] for n in names] == [101, 103, 105, 107, 109, 111]


def test_a_reload_that_changes_the_bucket_has_its_token_taken_from_the_new_one() -> None:
    old, new = (supervisor(*(child(n, P, breaker=B, limiter=li) for n in "abc")) for li in "xy")
    lives = {n: [Life(ends=100), LIVES] for n in "abc"}
    world = World(old, lives, limiters={"x": Limiter(0.01, 1), "y": Limiter(0.5, 1)}).until(110)
    world.reload(new)
    world.until(200)
    assert [world.births(n)[1] for n in "abc"] == [101, 110, 112]


def test_a_token_that_a_stopped_child_waits_for_goes_to_the_next() -> None:
    tree = supervisor(*(child(n, P, breaker=B, limiter="l") for n in "abcd"))
    lives = {n: [Life(ends=100), LIVES] for n in "abcd"}
    lives["d"] = [Life(ends=102), LIVES]
    world = World(tree, lives, limiters={"l": Limiter(0.2, 1)}).until(101.5)
    assert world.status("b").retry_at == 106
    world.verb(VerbKind.STOP, "b")
    world.until(200)
    assert [world.births(n)[1:] for n in "abcd"] == [[101], [], [111], [106]]


def test_x01_boot_verbs_and_bystanders_need_no_token() -> None:
    tree = rest_for_one(*(child(n, NO_DELAY, limiter="l") for n in "abcd"), window=(9, 60))
    world = World(tree, limiters={"l": Limiter(0.01, 1)})
    assert len(world.created) == 4
    world.until(1).ends("a")
    assert [world.births(n)[-1] for n in "abcd"] == [1, 1, 1, 1]
    world.until(2).verb(VerbKind.RESTART, "d")
    assert world.births("d")[-1] == 2
