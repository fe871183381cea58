"""Names, epochs, status, hangs and stops on real threads (cases N, H, E)."""

from __future__ import annotations

import itertools
import threading

import pytest

from supervision.actor import SupervisedActor
from supervision.directory import Directory
from supervision.errors import AskTimeout, Fenced, StaleEpoch, Unavailable
from supervision.events import VerbReply
from supervision.policy import Backoff, Intensity, Policy, Readiness, Restart, Strategy, Watchdog
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState, StatusMessage
from tests.support.supervision_live import BOUND_S, Puppet, Stage, joined, threads_of

RUNNING, BACKING_OFF, STOPPING = ChildState.RUNNING, ChildState.BACKING_OFF, ChildState.STOPPING


def die(_: object) -> None:
    raise ConnectionError("gone")


def hang(stage: Stage, name: str) -> threading.Event:
    """Have the puppet hang, deaf to its interrupt hook, until the returned event is set."""
    begun, gate = threading.Event(), threading.Event()

    def block(_: Puppet) -> None:
        begun.set()
        gate.wait()

    stage.tell(name, block)
    assert begun.wait(BOUND_S)
    return gate


def test_n03_a_name_resolves_to_the_present_epoch_or_says_when_to_come_back() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
        address = stage.directory.address("a")
        assert address.ask(lambda actor: actor.epoch) == 1
        address.tell(die)
        retry_at = stage.wait("a", BACKING_OFF).retry_at
        with pytest.raises(Unavailable) as caught:
            address.tell("anything")
        assert (caught.value.state, caught.value.retry_at) == (BACKING_OFF, retry_at)
        assert threads_of("a") == [] or joined("a", 1)
        stage.wait("a", RUNNING, 2)
        assert address.ask(lambda actor: actor.epoch) == 2


def test_n03_a_watcher_that_resolves_in_its_handler_never_gets_the_dead_instance() -> None:
    stage, seen = Stage(), []

    def resolve(status: StatusMessage) -> None:
        binding = stage.directory.resolve("a")
        seen.append((status.state, status.epoch, binding.epoch if binding else None))

    stage.directory.subscribe("a", resolve)
    with stage.tree(stage.spec("a")):
        for epoch in (1, 2, 3):
            stage.wait("a", RUNNING, epoch)
            stage.tell("a", die)
        stage.wait("a", RUNNING, 4)
    for state, epoch, bound in seen:
        assert bound == (epoch if state is RUNNING else None)


def test_before_ready_the_name_does_not_resolve() -> None:
    stage, born = Stage(), threading.Event()
    with stage.tree(stage.spec("a", lambda _: born.set(), ready=Readiness.EXPLICIT)):
        assert born.wait(BOUND_S)
        with pytest.raises(Unavailable):
            stage.directory.address("a").tell("too early")
        stage.actors[("a", 1)].report_ready()
        stage.wait("a", RUNNING)
        stage.directory.address("a").tell("in time")


def test_n02_a_subscriber_gets_the_present_statuses_first_then_every_change_in_order() -> None:
    stage = Stage()
    late: list[StatusMessage] = []
    with stage.tree(SupervisorSpec("v", (stage.spec("a"), stage.spec("b"))), stage.spec("va")):
        stage.wait("va", RUNNING)
        unsubscribe = stage.directory.subscribe("v", late.append)
        assert [(s.name, s.state) for s in late] == [(n, RUNNING) for n in ("v", "v/a", "v/b")]
        stage.tell("v/a", die)
        stage.wait("v/a", RUNNING, 2)
        unsubscribe()
    changes = [s for s in late if s.name == "v/a"]
    assert [s.state for s in changes][1:4] == [BACKING_OFF, ChildState.STARTING, RUNNING]
    assert [b.seq - a.seq for a, b in itertools.pairwise(changes)] == [1, 1, 1]


def test_a_watcher_that_raises_is_removed_and_the_others_still_hear() -> None:
    stage, calls = Stage(), []

    def broken(status: StatusMessage) -> None:
        calls.append(status)
        raise RuntimeError("broken watcher")

    stage.directory.subscribe("", broken)
    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
    assert len(calls) == 1


def test_an_actor_that_watches_gets_statuses_as_messages_until_it_ends() -> None:
    stage, heard = Stage(), []

    class Watcher(Puppet):
        """Notes the states it is told."""

        def on_start(self) -> None:
            self.watch("a")

        def on_message(self, message: object) -> object:
            if isinstance(message, StatusMessage):
                heard.append(message.state)
                return None
            return super().on_message(message)

    with stage.tree(stage.spec("a"), stage.spec("w", kind=Watcher)):
        stage.wait("w", RUNNING)
        assert stage.ask("w", lambda _: list(heard)) == [RUNNING]


def test_an_expected_epoch_that_is_over_is_refused() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.tell("a", die)
        stage.wait("a", RUNNING, 2)
        with pytest.raises(StaleEpoch):
            stage.directory.address("a").tell("for the first one", expect_epoch=1)


def test_an_ask_that_takes_too_long_raises_and_the_message_is_still_handled() -> None:
    stage, done = Stage(), threading.Event()
    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.tell("a", lambda actor: actor.released.wait(BOUND_S))
        with pytest.raises(AskTimeout):
            stage.ask("a", lambda _: done.set(), timeout_s=0.01)
        stage.actors[("a", 1)].released.set()
        assert done.wait(BOUND_S)


def test_an_offer_to_nobody_is_counted_and_raises_nothing() -> None:
    directory = Directory()
    assert directory.address("nobody").offer("hello") is False
    assert [(d.name, d.count, d.samples) for d in directory.dead_letters()] == [
        ("nobody", 1, ("str",))
    ]


def test_a_timer_tells_its_own_instance_and_dies_with_it() -> None:
    stage, fired = Stage(), threading.Event()
    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.ask("a", lambda actor: actor.after(0.0, lambda _: fired.set()) and None)
        assert fired.wait(BOUND_S)
        timer = stage.ask("a", lambda actor: actor.after(3600.0, "never"))
        stage.tell("a", die)
        stage.wait("a", RUNNING, 2)
        assert not timer.pending  # type: ignore[attr-defined]


def test_f_an_instance_that_hangs_is_failed_from_outside_and_abandoned() -> None:
    stage = Stage()
    with stage.tree(stage.spec("z"), stage.spec("a", shutdown=0.2)) as root:
        stage.wait("a", RUNNING)
        hung = stage.actors[("a", 1)]
        gate = hang(stage, "a")
        assert stage.directory.fail("a", 1, ConnectionError("stale"))
        assert stage.wait("a", STOPPING).epoch == 1
        assert stage.wait("a", BACKING_OFF).detail == "ConnectionError: stale"
        assert root.instances.abandoned() == ("a#1",)
        stage.wait("a", RUNNING, 2)
        with pytest.raises(Fenced):
            hung.check_fence()
        assert not stage.directory.fail("a", 1, ConnectionError("again"))
        gate.set()
        assert joined("a", 1)
        assert stage.ask("a", lambda actor: actor.epoch) == 2


def test_h01_a_handler_that_blocks_is_found_by_the_watchdog() -> None:
    stage = Stage()
    watched = stage.spec("a", watchdog=Watchdog(0.5, 0.1), shutdown=0.2)
    with stage.tree(watched):
        stage.wait("a", RUNNING)
        stage.tell("a", lambda actor: actor.released.wait(BOUND_S))
        status = stage.wait("a", BACKING_OFF)
        assert (status.kind, status.failures) == ("hang", 1)
        stage.wait("a", RUNNING, 2)


def test_h04_at_the_limit_of_hung_threads_the_whole_tree_stops_with_75() -> None:
    stage = Stage()
    with stage.tree(stage.spec("z"), stage.spec("a", shutdown=0.1), max_abandoned_total=1) as root:
        stage.wait("z", RUNNING)
        stage.wait("a", RUNNING)
        gate = hang(stage, "a")
        assert root.kill("a")
        assert root.wait(BOUND_S) == 75
        gate.set()
        assert joined("a", 1)


def test_e06_while_a_child_takes_its_time_to_stop_everything_is_answered() -> None:
    stage, told = Stage(), threading.Event()

    class Slow(Puppet):
        """Takes until the test lets it go."""

        def on_exit(self, kind: object) -> None:
            told.set()
            self.released.wait(BOUND_S)

    with stage.tree(stage.spec("a"), stage.spec("b", kind=Slow, shutdown=60)) as root:
        stage.wait("b", RUNNING)
        root.stop()
        assert told.wait(BOUND_S)
        root.stop()
        assert root.start("a").result is VerbReply.STOPPING
        assert stage.directory.status("b").state is STOPPING  # type: ignore[union-attr]
        assert root.wait(0.0) is None
        stage.actors[("b", 1)].released.set()
        assert root.wait(BOUND_S) == 0
    assert [s for s, _ in stage.stream("b")].count("stopping") == 1
    assert stage.stream("a")[-2:] == [("stopping", 1), ("stopped", 1)]


@pytest.mark.parametrize(("drain", "expected"), [(False, 0), (True, 20)])
def test_a_stop_discards_the_backlog_unless_the_policy_drains_it(
    drain: bool, expected: int
) -> None:
    stage = Stage()
    handled: list[int] = []
    with stage.tree(stage.spec("a", drain=drain)) as root:
        stage.wait("a", RUNNING)
        gate = hang(stage, "a")
        for _ in range(20):
            stage.tell("a", lambda _: handled.append(1))
        root.stop()
        stage.wait("a", STOPPING)
        gate.set()
        assert root.wait(BOUND_S) == 0
    assert len(handled) == expected


def test_verbs_reach_children_of_nested_supervisors() -> None:
    stage = Stage()
    inner = SupervisorSpec("v", (stage.spec("a"), stage.spec("b")), strategy=Strategy.REST_FOR_ONE)
    with stage.tree(inner) as root:
        root.wait_ready(BOUND_S)
        assert root.restart("v/a").result is VerbReply.OK
        stage.wait("v/b", RUNNING, 2)
        assert root.stop_child("v/b").result is VerbReply.OK
        assert root.start("v/x").result is VerbReply.NOT_FOUND
        assert root.start("x/y").result is VerbReply.NOT_FOUND
        assert root.add("v", stage.spec("c", restart=Restart.TRANSIENT)).result in (
            VerbReply.OK,
            VerbReply.WAITING,
        )


def test_a_nested_supervisor_that_gives_up_is_restarted_and_the_root_exits_70_in_the_end() -> None:
    stage = Stage()
    instant = Backoff(initial=0, jitter=0)
    inner = SupervisorSpec("v", (stage.spec("a", backoff=instant),))
    with stage.tree(inner, intensity=Intensity(0, 60)) as root:
        root.wait_ready(BOUND_S)
        for epoch in range(1, 5):
            stage.wait("v/a", RUNNING, epoch)
            stage.tell("v/a", die)
        assert root.wait(BOUND_S) == 70
        assert "v/a failed too often" in str(root.failure)


def test_a_supervisor_whose_own_code_fails_stops_its_children_first() -> None:
    stage = Stage()

    class Unbuildable(SupervisedActor):
        """Answers the supervisor's look at it with an error of its own."""

        @property
        def busy_since(self) -> float | None:
            raise ZeroDivisionError("a bug in the shell")

    bad = ChildSpec("bad", Unbuildable, Policy(watchdog=Watchdog(0.5, 0.1)))
    inner = SupervisorSpec("v", (stage.spec("a"), bad))
    with stage.tree(inner, stage.spec("z")):
        status = stage.wait("v", BACKING_OFF)
        assert (status.kind, status.detail) == ("error", "ZeroDivisionError: a bug in the shell")
        assert ("stopped", 1) in stage.stream("v/a")
        assert {e for _, e in stage.stream("z")} == {1}
