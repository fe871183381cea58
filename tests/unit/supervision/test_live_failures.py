"""Failure paths on real threads (cases F): one child ends, everybody else is untouched."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pykka
import pytest

from supervision.actor import ActorContext
from supervision.errors import ActorCrashed, BootFailed, Unavailable
from supervision.policy import Boot
from supervision.states import ChildState, ExitKind
from tests.support.supervision_live import BOUND_S, Puppet, Stage, joined

RUNNING, BACKING_OFF = ChildState.RUNNING, ChildState.BACKING_OFF


class Plain(pykka.ThreadingActor):
    """An actor that nobody supervises."""

    use_daemon_thread = True


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage on which Z (supervised) and U (not) must come to no harm."""
    stage = Stage()
    plain = Plain.start()
    yield stage
    assert plain.is_alive()
    plain.stop()
    assert {s.epoch for s in stage.statuses if s.name == "z"} <= {1}


def raiser(error: BaseException) -> Callable[[object], object]:
    """A callable that raises ``error``, whatever it is given."""

    def run(_: object) -> object:
        raise error

    return run


def once_each(*errors: BaseException) -> Callable[[ActorContext], object]:
    """Raise each error for one epoch, then let them pass."""

    def run(context: ActorContext) -> None:
        if context.epoch <= len(errors):
            raise errors[context.epoch - 1]

    return run


def test_f01_a_constructor_that_raises_anything_is_a_failed_start(stage: Stage) -> None:
    failing = stage.spec("a", construct=once_each(ValueError("no"), SystemExit(3)))
    with stage.tree(stage.spec("z"), failing):
        stage.wait("a", RUNNING, 3)
        assert [s.kind for s in stage.statuses if s.state is BACKING_OFF] == ["start_failed"] * 2
        assert pykka.ActorRegistry.get_by_class(Puppet) == []


def test_f02_a_start_hook_that_raises_anything_is_a_failed_start(stage: Stage) -> None:
    births = (raiser(ValueError("no")), raiser(SystemExit(3)), lambda _: None)
    with stage.tree(stage.spec("z"), stage.spec("a", *births)):
        stage.wait("a", RUNNING, 3)
        assert [s.kind for s in stage.statuses if s.state is BACKING_OFF] == ["start_failed"] * 2
        assert joined("a", 1)
        assert joined("a", 2)
        assert stage.exits == [ExitKind.START_FAILED] * 2


def test_f03_a_tell_handler_that_raises_ends_the_instance(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.tell("a", raiser(ConnectionError("gone")))
        status = stage.wait("a", BACKING_OFF)
        assert (status.kind, status.detail) == ("error", "ConnectionError: gone")
        stage.wait("a", RUNNING, 2)


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()]
)
def test_f04_a_base_exception_ends_only_its_own_actor(stage: Stage, error: BaseException) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.tell("a", raiser(error))
        assert stage.wait("a", BACKING_OFF).kind == "crash"
        stage.wait("a", RUNNING, 2)


def test_f05_an_ask_that_fails_goes_to_the_caller_and_the_actor_lives(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)
        with pytest.raises(KeyError):
            stage.ask("a", raiser(KeyError("k")))
        assert stage.ask("a", lambda actor: actor.epoch) == 1


def test_f05_an_ask_that_fails_with_a_named_class_ends_the_instance_too(stage: Stage) -> None:
    child = stage.spec("a", fail_on=("io",))
    with stage.tree(stage.spec("z"), child, error_keys={"io": (OSError,)}):
        stage.wait("a", RUNNING)
        with pytest.raises(ConnectionError):
            stage.ask("a", raiser(ConnectionError("gone")))
        assert stage.wait("a", BACKING_OFF).kind == "error"


def test_f06_a_base_exception_in_an_ask_answers_the_caller_at_once(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)
        with pytest.raises(ActorCrashed):
            stage.ask("a", raiser(SystemExit(1)))
        assert stage.wait("a", BACKING_OFF).kind == "crash"


def _read_then_fail(actor: Puppet) -> None:
    """A reader that is told to fail by the test."""

    def read() -> None:
        actor.released.wait()
        if not actor.stopping:
            raise ConnectionError("reset by peer")

    actor.spawn_helper("reader", read)


@pytest.mark.parametrize("backlog", [0, 1000])
def test_f07_a_reader_that_dies_ends_its_actor_even_behind_a_backlog(
    stage: Stage, backlog: int
) -> None:
    gate = threading.Event()
    with stage.tree(stage.spec("z"), stage.spec("a", _read_then_fail)):
        stage.wait("a", RUNNING)
        for _ in range(backlog):
            stage.tell("a", lambda _: gate.wait(0.005))
        stage.actors[("a", 1)].released.set()
        status = stage.wait("a", BACKING_OFF)
        assert (status.kind, status.failures) == ("error", 1)
        assert status.detail == "ConnectionError: reset by peer"
        stage.wait("a", RUNNING, 2)


def test_f07_a_helper_that_returns_unasked_is_a_failure(stage: Stage) -> None:
    with stage.tree(stage.spec("a", lambda a: a.spawn_helper("reader", lambda: None))):
        assert stage.wait("a", BACKING_OFF).detail == "HelperReturned: helper reader of a returned"


def test_f07_of_several_causes_the_first_counts_and_there_is_one_exit(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)

        def everything(actor: Puppet) -> None:
            actor.fail(ConnectionError("first"))
            actor.fail(OSError("second"))
            raise ValueError("third")

        stage.tell("a", everything)
        status = stage.wait("a", BACKING_OFF)
        assert (status.detail, status.failures) == ("ConnectionError: first", 1)
        stage.wait("a", RUNNING, 2)
        assert stage.exits == [ExitKind.ERROR]


def test_f08_what_was_queued_is_refused_and_counted(stage: Stage) -> None:
    begun, queued = threading.Event(), threading.Event()

    def hold_then_die(_: Puppet) -> None:
        begun.set()
        queued.wait()
        raise ConnectionError("gone")

    with stage.tree(stage.spec("a")):
        stage.wait("a", RUNNING)
        stage.tell("a", hold_then_die)
        begun.wait()
        stage.tell("a", lambda _: None)
        answer = stage.actors[("a", 1)].actor_ref.ask("anything", block=False)
        queued.set()
        with pytest.raises(Unavailable):
            answer.get(timeout=BOUND_S)
        stage.wait("a", RUNNING, 2)
        assert [(d.name, d.count) for d in stage.directory.dead_letters()] == [("a", 1)]


class GivesBack(Puppet):
    """Tells somebody of what it will never handle."""

    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self.given_back: list[object] = []

    def on_unhandled(self, message: object) -> None:
        self.given_back.append(message)
        if message == "no matter":
            raise LookupError(message)


def test_what_was_told_too_late_can_be_given_back_before_the_exit_is_known(stage: Stage) -> None:
    begun, queued = threading.Event(), threading.Event()

    def hold_then_die(_: Puppet) -> None:
        begun.set()
        queued.wait()
        raise ConnectionError("gone")

    with stage.tree(stage.spec("a", kind=GivesBack)):
        stage.wait("a", RUNNING)
        stage.tell("a", hold_then_die)
        begun.wait()
        for message in ("no matter", "an order"):
            stage.directory.address("a").tell(message)
        answer = stage.actors[("a", 1)].actor_ref.ask("a question", block=False)
        queued.set()
        with pytest.raises(Unavailable):
            answer.get(timeout=BOUND_S)
        stage.wait("a", RUNNING, 2)
        actor = stage.actors[("a", 1)]
        assert isinstance(actor, GivesBack)
        assert actor.given_back == ["no matter", "an order"]


def test_f09_a_fatal_cause_is_never_restarted(stage: Stage) -> None:
    child = stage.spec("a", fatal=("auth",))
    with stage.tree(stage.spec("z"), child, error_keys={"auth": (PermissionError,)}):
        stage.wait("a", RUNNING)
        stage.tell("a", raiser(PermissionError("key refused")))
        status = stage.wait("a", ChildState.FAILED)
        assert (status.kind, status.detail) == ("fatal", "PermissionError: key refused")


class Threadless(Puppet):
    """Its first instance gets no thread from the system."""

    def launch(self) -> None:
        if self.epoch == 1:
            raise RuntimeError("can't start new thread")
        super().launch()


def test_f10_a_thread_that_the_system_refuses_is_a_failed_start(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a", kind=Threadless)):
        assert stage.wait("a", BACKING_OFF).kind == "start_failed"
        stage.wait("a", RUNNING, 2)
        assert pykka.ActorRegistry.get_by_class(Puppet) == []


def test_f10_pykkas_stop_all_reaches_no_supervised_actor() -> None:
    stage, plain = Stage(), Plain.start()
    with stage.tree(stage.spec("z")):
        stage.wait("z", RUNNING)
        pykka.ActorRegistry.stop_all(timeout=5)
        assert not plain.is_alive()
        assert stage.ask("z", lambda actor: actor.epoch) == 1
        assert stage.stream("z") == [("starting", 1), ("running", 1)]


def test_a_third_partys_stop_is_a_normal_exit(stage: Stage) -> None:
    with stage.tree(stage.spec("z"), stage.spec("a")):
        stage.wait("a", RUNNING)
        assert stage.actors[("a", 1)].actor_ref.stop(timeout=5)
        stage.wait("a", RUNNING, 2)
        assert stage.exits == [ExitKind.NORMAL]


def test_a_boot_that_fails_tells_which_child_and_why() -> None:
    stage = Stage()
    bad = stage.spec("bad", raiser(OSError("disk full")), boot=Boot.REQUIRED)
    with stage.tree(stage.spec("a"), bad) as root:
        with pytest.raises(BootFailed, match=r"bad did not start \(start_failed\): OSError: disk"):
            root.wait_ready(10)
        assert root.wait(10) == 69
        assert isinstance(root.failure, BootFailed)
        assert isinstance(root.failure.__cause__, OSError)
        assert stage.exit_codes == [69]
