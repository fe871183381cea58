"""Instances that vanish, can't get away, or hang with a whole subtree: real threads."""

from __future__ import annotations

import signal
import threading

import pytest

from supervision.errors import (
    ActorCrashed,
    ActorKilled,
    AskTimeout,
    BootFailed,
    Escalated,
    Fenced,
    HelperReturned,
    StaleEpoch,
    SupervisionError,
    Unavailable,
)
from supervision.policy import Backoff, Intensity, Limiter, Policy, Watchdog
from supervision.spec import SpecErrors, SupervisorSpec
from supervision.states import ChildState, ExitKind
from tests.support.supervision_live import BOUND_S, RETRY, Puppet, Stage

RUNNING, BACKING_OFF = ChildState.RUNNING, ChildState.BACKING_OFF


class Vanishing(Puppet):
    """Its first instance ends without a word."""

    def _depart(self) -> None:
        if self.epoch > 1:
            super()._depart()


def test_a_thread_that_vanishes_is_found_and_replaced() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a", kind=Vanishing)):
        stage.wait("a", RUNNING)
        stage.actors[("a", 1)].stop_self()
        assert stage.wait("a", BACKING_OFF).kind == "lost"
        stage.wait("a", RUNNING, 2)


class Clinging(Puppet):
    """Its first instance never finishes its cleanup, unless it is interrupted."""

    def on_exit(self, kind: ExitKind) -> None:
        if self.epoch == 1:
            self.released.wait(BOUND_S)
        super().on_exit(kind)


def test_a_cleanup_that_does_not_end_is_interrupted_and_counted_once() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a", kind=Clinging)):
        stage.wait("a", RUNNING)
        stage.actors[("a", 1)].stop_self()
        status = stage.wait("a", BACKING_OFF)
        assert (status.detail, status.failures) == ("its cleanup or a helper does not end", 1)
        stage.wait("a", RUNNING, 2)


def test_a_reader_that_outlives_its_actor_keeps_the_next_instance_away() -> None:
    stage = Stage()
    ended: list[str] = []

    def born(actor: Puppet) -> None:
        def read() -> None:
            actor.released.wait()
            ended.append(str(actor))

        assert len(ended) == actor.epoch - 1
        actor.spawn_helper("reader", read)

    with stage.tree(stage.spec("a", born)) as root:
        for epoch in (1, 2, 3):
            stage.wait("a", RUNNING, epoch)
            root.kill("a")
        stage.wait("a", RUNNING, 4)
    assert ended == ["a#1", "a#2", "a#3", "a#4"]


def test_a_supervisor_that_hangs_loses_its_whole_subtree() -> None:
    stage, gate, begun = Stage(), threading.Event(), threading.Event()

    instant = Backoff(initial=0, jitter=0)
    policy = Policy(watchdog=Watchdog(0.5, 0.1), shutdown=0.3, backoff=RETRY)
    inner = SupervisorSpec("v", (stage.spec("a"), stage.spec("b", backoff=instant)), policy=policy)
    with stage.tree(inner, stage.spec("z")) as root:
        root.wait_ready(BOUND_S)
        first = stage.actors[("v/a", 1)]
        supervisor = stage.directory.control("v").__self__  # type: ignore[union-attr]
        supervisor.tell_self(_Hang(begun, gate))
        assert begun.wait(BOUND_S)
        assert stage.wait("v", BACKING_OFF).kind == "hang"
        assert stage.wait("v/a", ChildState.STOPPED).epoch == 1
        with pytest.raises(Fenced):
            first.check_fence()
        stage.wait("v/b", RUNNING, 2)
        gate.set()
        assert {e for _, e in stage.stream("z")} == {1}


class _Hang:
    """A message that a supervisor chokes on."""

    def __init__(self, begun: threading.Event, gate: threading.Event) -> None:
        self.begun, self.gate = begun, gate

    @property
    def name(self) -> str:
        """Read by the machine when it looks up whom an event is about."""
        self.begun.set()
        self.gate.wait(60)
        return "nobody"

    epoch = 0


def test_a_reload_is_checked_as_a_whole_and_restarts_nothing() -> None:
    stage = Stage()
    with stage.tree(SupervisorSpec("v", (stage.spec("a"),))) as root:
        root.wait_ready(BOUND_S)
        good = SupervisorSpec("v", (stage.spec("a", backoff=Backoff(initial=0, jitter=0)),))
        with pytest.raises(SpecErrors):
            root.reload(SupervisorSpec("root", (good,), intensity=Intensity(-1, 30)))
        root.reload(
            SupervisorSpec("root", (good,), intensity=Intensity(50, 30), shutdown_deadline=7)
        )
        assert root.shutdown_deadline_s == 7
        root.kill("v/a")
        stage.wait("v/a", RUNNING, 2)
        assert "backing_off" not in [state for state, _ in stage.stream("v/a")]


def test_a_reload_takes_over_limiters_and_the_figures_of_the_root() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a")) as root:
        root.wait_ready(BOUND_S)
        spec = stage.spec("a", limiter="fast")
        tree = SupervisorSpec("root", (spec,), intensity=Intensity(50, 30))
        with pytest.raises(SpecErrors):
            root.reload(tree)
        root.reload(tree, limiters={"fast": Limiter(100, 100)})
        root.kill("a")
        stage.wait("a", RUNNING, 2)


def test_the_root_answers_until_it_is_gone_and_then_nothing_is_amiss_either() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a")) as root:
        assert root.answers(BOUND_S)
    assert root.answers(BOUND_S)


def test_a_stop_may_be_ordered_from_a_signal_handler() -> None:
    stage = Stage()
    with stage.tree(stage.spec("a")) as root:
        root.wait_ready(BOUND_S)
        previous = signal.signal(signal.SIGUSR1, lambda *_: root.stop())
        try:
            signal.raise_signal(signal.SIGUSR1)
            assert root.wait(BOUND_S) == 0
        finally:
            signal.signal(signal.SIGUSR1, previous)
    assert stage.exit_codes == [0]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("a", ChildState.OPEN, 75.0), "a is unavailable: open, retry at 75.000"),
        (Unavailable("a", None, None), "a is unavailable: unknown"),
        (StaleEpoch("a", 1, 2), "a is at epoch 2, not 1"),
        (AskTimeout("a", "Ping", 5), "a did not answer Ping within 5 s"),
        (ActorCrashed("a", 2, "SystemExit: 1"), "a #2 crashed: SystemExit: 1"),
        (Fenced("a", 3), "a #3 was given up and may not act any more"),
        (HelperReturned("a", "reader"), "helper reader of a returned"),
        (ActorKilled("a"), "a was killed on request"),
        (BootFailed("a did not start"), "a did not start"),
        (Escalated("a failed too often"), "a failed too often"),
    ],
)
def test_every_error_makes_its_text_from_its_fields(error: SupervisionError, text: str) -> None:
    assert str(error) == text
