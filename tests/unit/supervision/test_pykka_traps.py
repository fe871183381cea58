"""Canaries for pykka itself: every trap that supervision/ steps over (T1 to T25) is still there.

They show plain pykka actors. One that fails after an upgrade says that pykka has changed where
we step over it: read supervision/actor.py again, then change the canary.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest
from pykka._actor import Actor
from pykka._envelope import Envelope

BOUND_S = 5.0
SOON_S = 0.05  # for waiting in vain

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
REGISTRY = pykka.ActorRegistry


class Gate:
    """A message that keeps its handler until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        self.opened.wait(BOUND_S)


class Plain(pykka.ThreadingActor):
    """Does what it is told, and notes it. Hooks run what they are given."""

    use_daemon_thread = True
    last: Callable[[], Plain | None]

    def __init__(self, seen: list[Any], **hooks: Any) -> None:
        super().__init__()
        self.seen, self.hooks, self.thread = seen, hooks, threading.current_thread()
        Plain.last = weakref.ref(self)

    def on_start(self) -> None:
        self.thread = threading.current_thread()
        self._hook("start")

    def on_stop(self) -> None:
        self._hook("stop")

    def on_failure(self, *_: Any) -> None:
        self._hook("failure")

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.seen.append(message)
        return message() if callable(message) else message

    def boom(self) -> None:
        raise ValueError("boom")

    def _hook(self, name: str) -> None:
        self.seen.append(name)
        what = self.hooks.get(name)
        if isinstance(what, BaseException):
            raise what
        if what is not None:
            what()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for ref in REGISTRY.get_all():
        REGISTRY.unregister(ref)


def start(seen: list[Any], **hooks: Any) -> tuple[Any, pykka.ActorRef[Plain]]:
    """An actor and its ref."""
    ref = Plain.start(seen, **hooks)
    return Plain.last(), ref


def ended(actor: Any) -> None:
    """Wait for the end of its thread."""
    threads = [t for t in threading.enumerate() if t is actor.thread or actor.actor_urn in t.name]
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(BOUND_S)


def busy(ref: pykka.ActorRef[Plain]) -> Gate:
    """It is in the middle of a message until the gate is opened."""
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(BOUND_S)
    return gate


def test_t1_a_start_hook_that_raises_calls_no_other_hook() -> None:
    gate, seen = Gate(), list[Any]()

    def fail() -> None:
        gate()
        raise ValueError

    actor, ref = start(seen, start=fail)
    assert gate.entered.wait(BOUND_S)
    gate.opened.set()
    ended(actor)
    assert seen == ["start"]
    assert not ref.is_alive()


def test_t2_start_returns_before_the_start_hook_and_what_is_told_then_may_vanish() -> None:
    gate, seen = Gate(), list[Any]()

    def fail() -> None:
        gate()
        raise ValueError

    actor, ref = start(seen, start=fail)
    ref.tell("lost")
    assert gate.entered.wait(BOUND_S)
    gate.opened.set()
    ended(actor)
    assert "lost" not in seen


def test_t3_construction_runs_in_the_caller_and_raises_there() -> None:
    class Bad(pykka.ThreadingActor):
        def __init__(self) -> None:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        Bad.start()


def test_t4_an_error_in_an_ask_goes_to_the_caller_and_the_actor_lives() -> None:
    seen: list[Any] = []
    _, ref = start(seen)
    with pytest.raises(ValueError, match="no"):
        ref.ask(ValueError("no"), timeout=BOUND_S)
    assert ref.ask("still there", timeout=BOUND_S) == "still there"
    assert seen == ["start", "still there"]
    ref.stop(timeout=BOUND_S)


def test_t5_a_proxy_swallows_the_error_that_nobody_gets_and_a_dead_one_raises_nothing() -> None:
    _, ref = start([])
    proxy: Any = ref.proxy()
    proxy.boom()
    assert ref.ask("alive", timeout=BOUND_S) == "alive"
    ref.stop(timeout=BOUND_S)
    assert isinstance(proxy.boom(), pykka.Future)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
def test_t6_a_base_exception_in_a_tell_stops_every_actor(error: BaseException) -> None:
    bystander, other = start([])
    assert other.ask("up", timeout=BOUND_S) == "up"
    _, ref = start([])
    ref.tell(error)
    ended(bystander)
    assert not other.is_alive()


def test_t7_a_base_exception_in_an_ask_never_answers() -> None:
    actor, ref = start([])
    assert ref.ask("up", timeout=BOUND_S) == "up"
    future = ref.ask(SystemExit(1), block=False)
    ended(actor)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=SOON_S)


def test_t8_that_stop_of_all_waits_without_a_bound() -> None:
    assert "ActorRegistry.stop_all()" in inspect.getsource(Actor._actor_loop_running)
    defaults = inspect.signature(REGISTRY.stop_all).parameters
    assert (defaults["block"].default, defaults["timeout"].default) == (True, None)


def test_t9_a_start_hook_that_exits_leaves_a_zombie_that_takes_messages() -> None:
    gate = Gate()

    def leave() -> None:
        gate()
        raise SystemExit(1)

    actor, ref = start([], start=leave)
    assert gate.entered.wait(BOUND_S)
    gate.opened.set()
    ended(actor)
    assert ref.is_alive()
    assert ref in REGISTRY.get_all()
    ref.tell("nobody reads this")


def test_t10_a_stop_hook_that_exits_runs_twice_and_its_stop_is_never_answered() -> None:
    seen: list[Any] = []
    actor, ref = start(seen, stop=SystemExit(1))
    assert ref.ask("up", timeout=BOUND_S) == "up"
    future = ref.stop(block=False)
    ended(actor)
    assert seen.count("stop") == 2
    with pytest.raises(pykka.Timeout):
        future.get(timeout=SOON_S)


def test_t11_a_failure_hook_that_exits_leaves_what_is_queued_without_an_answer() -> None:
    actor, ref = start([], failure=SystemExit(1))
    gate = busy(ref)
    ref.tell(ValueError("fails"))
    future = ref.ask("queued", block=False)
    gate.opened.set()
    ended(actor)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=SOON_S)


def test_t11_a_stop_hook_that_raises_is_a_stop_all_the_same() -> None:
    _, ref = start([], stop=ValueError("no"))
    assert ref.stop(timeout=BOUND_S) is True


def test_t12_an_actor_is_dead_and_forgotten_while_its_stop_hook_still_runs() -> None:
    gate = Gate()
    actor, ref = start([], stop=gate)
    ref.stop(block=False)
    assert gate.entered.wait(BOUND_S)
    assert not ref.is_alive()
    assert ref not in REGISTRY.get_all()
    assert ref.stop(timeout=BOUND_S) is False
    gate.opened.set()
    ended(actor)


def test_t13_a_stop_waits_behind_the_backlog() -> None:
    seen: list[Any] = []
    actor, ref = start(seen)
    gate = busy(ref)
    ref.tell("order 1")
    ref.stop(block=False)
    gate.opened.set()
    ended(actor)
    assert "order 1" in seen


def test_t14_a_blocked_actor_outlives_the_time_of_its_stop() -> None:
    actor, ref = start([])
    gate = busy(ref)
    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=SOON_S)
    assert ref.is_alive()
    gate.opened.set()
    ended(actor)


@pytest.mark.parametrize("send", [pykka.ActorRef.tell, pykka.ActorRef.ask])
def test_t15_to_look_whether_it_lives_and_to_put_are_two_steps(send: Any) -> None:
    source = inspect.getsource(send)
    assert source.index("if not self.is_alive()") < source.index("self.actor_inbox.put(")


def test_t15_what_is_put_in_between_the_two_is_never_answered() -> None:
    actor, ref = start([])
    ref.stop(timeout=BOUND_S)
    ended(actor)
    future: pykka.Future[Any] = pykka.ThreadingFuture()
    ref.actor_inbox.put(Envelope("lost", reply_to=future))
    with pytest.raises(pykka.Timeout):
        future.get(timeout=SOON_S)


def test_t16_an_ask_that_timed_out_is_handled_later_and_asks_wait_for_ever_by_default() -> None:
    seen: list[Any] = []
    _, ref = start(seen)
    gate = busy(ref)
    with pytest.raises(pykka.Timeout):
        ref.ask("late", timeout=SOON_S)
    gate.opened.set()
    ref.ask("after", timeout=BOUND_S)
    assert "late" in seen
    assert inspect.signature(pykka.ActorRef.ask).parameters["timeout"].default is None
    ref.stop(timeout=BOUND_S)


def test_t17_a_broadcast_ends_at_the_first_dead_actor() -> None:
    _, dead = start([])
    dead.stop(timeout=BOUND_S)
    REGISTRY.register(dead)
    seen: list[Any] = []
    _, other = start(seen)
    with pytest.raises(pykka.ActorDeadError):
        REGISTRY.broadcast("news")
    other.ask("up", timeout=BOUND_S)
    assert "news" not in seen
    other.stop(timeout=BOUND_S)


def test_t18_an_actor_without_a_thread_stays_registered() -> None:
    class Threadless(Plain):
        def _start_actor_loop(self) -> None:
            raise RuntimeError("can't start new thread")

    with pytest.raises(RuntimeError):
        Threadless.start([])
    assert len(REGISTRY.get_by_class(Threadless)) == 1


def test_t19_a_bounded_stop_of_all_ends_at_the_first_that_hangs() -> None:
    _, older = start([])
    actor, hung = start([])
    gate = busy(hung)
    with pytest.raises(pykka.Timeout):
        REGISTRY.stop_all(timeout=SOON_S)
    assert older.ask("not even told", timeout=BOUND_S) == "not even told"
    gate.opened.set()
    ended(actor)
    older.stop(timeout=BOUND_S)


def test_t20_every_start_has_a_new_name_and_a_proxy_keeps_its_dead_actor() -> None:
    actor, ref = start([])
    _, again = start([])
    assert ref.actor_urn != again.actor_urn
    proxy, weak = ref.proxy(), weakref.ref(actor)
    ref.stop(timeout=BOUND_S)
    again.stop(timeout=BOUND_S)
    ended(actor)
    del actor, ref
    assert weak() is not None
    del proxy


def test_t21_a_stop_of_all_begins_with_the_youngest() -> None:
    seen: list[Any] = []
    for name in ("supervisor", "child"):
        _, ref = start([], stop=lambda name=name: seen.append(name))
        ref.ask("up", timeout=BOUND_S)
    REGISTRY.stop_all(timeout=BOUND_S)
    assert seen == ["child", "supervisor"]


def test_t22_a_reader_that_dies_is_nobodys_business() -> None:
    _, ref = start([])

    def read() -> None:
        raise ConnectionError

    reader = threading.Thread(target=read)
    ref.ask(reader.start, timeout=BOUND_S)
    reader.join(BOUND_S)
    assert ref.ask("fine", timeout=BOUND_S) == "fine"
    ref.stop(timeout=BOUND_S)


def test_t23_threads_hold_the_interpreter_by_default() -> None:
    assert pykka.ThreadingActor.use_daemon_thread is False


def test_t24_to_set_the_flag_wakes_nobody_and_ends_a_busy_actor_without_its_hook() -> None:
    seen: list[Any] = []
    actor, ref = start(seen)
    ref.ask("up", timeout=BOUND_S)
    actor.actor_stopped.set()
    actor.thread.join(SOON_S)
    assert actor.thread.is_alive()
    actor.actor_inbox.put(Envelope("wake"))
    ended(actor)
    assert "stop" not in seen
    assert ref in REGISTRY.get_all()


def test_t25_the_end_drops_what_was_told_and_refuses_what_was_asked() -> None:
    seen: list[Any] = []
    _, ref = start(seen)
    gate = busy(ref)
    ref.stop(block=False)
    ref.tell("dropped")
    future = ref.ask("refused", block=False)
    gate.opened.set()
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=BOUND_S)
    assert "dropped" not in seen
