"""Canaries: what we override in pykka is still called, and its traps are still where we step over.

If one of these fails after an upgrade of pykka, read supervision/actor.py again before anything.
"""

from __future__ import annotations

import inspect
import threading

import pykka
import pytest
from pykka._actor import Actor
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from supervision.actor import ActorContext, SupervisedActor
from supervision.clock import MonotonicClock
from supervision.directory import Directory
from supervision.events import Event, Exited, Ready
from supervision.inbox import Inbox, InboxClosed
from supervision.states import ExitKind
from supervision.timers import Timers

BOUND_S = 5.0


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        """Where the hands are."""
        return self.seconds


class Notices:
    """Stands where the supervisor would be."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.gone = threading.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Exited):
            self.gone.set()


class Echo(SupervisedActor):
    """Answers with the message, or raises it."""

    def on_message(self, message: object) -> object:
        if isinstance(message, BaseException):
            raise message
        return message


def alone(notices: Notices) -> Echo:
    """An actor without a supervisor."""
    clock = MonotonicClock()
    return Echo(ActorContext("a", 1, Directory(), clock, Timers(clock), notices))


@pytest.mark.parametrize(
    "seam",
    [
        "_create_actor_inbox", "_start_actor_loop", "_actor_loop_setup", "_actor_loop_teardown",
        "_handle_receive", "_handle_failure", "_stop", "_actor_loop", "_actor_loop_running",
    ],
)  # fmt: skip
def test_every_seam_still_exists(seam: str) -> None:
    assert callable(getattr(Actor, seam))


def test_the_running_loop_still_calls_what_we_override() -> None:
    source = inspect.getsource(Actor._actor_loop_running)
    for call in ("self.actor_inbox.get()", "self._handle_receive(", "self._handle_failure("):
        assert call in source
    assert "self.actor_stopped.is_set()" in source


def test_pykka_still_stops_every_actor_on_a_base_exception() -> None:
    """The trap (T6) that makes us catch BaseException in ``_handle_receive``."""
    assert "ActorRegistry.stop_all()" in inspect.getsource(Actor._actor_loop_running)


def test_an_actor_started_the_pykka_way_is_not_in_the_registry() -> None:
    notices = Notices()
    clock = MonotonicClock()
    ref = Echo.start(ActorContext("a", 1, Directory(), clock, Timers(clock), notices))
    assert ref not in pykka.ActorRegistry.get_all()
    assert ref.ask("hello", timeout=BOUND_S) == "hello"
    ref.stop(timeout=BOUND_S)
    assert notices.gone.wait(BOUND_S)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("x"), ExitKind.ERROR), (SystemExit(1), ExitKind.CRASH)],
)
def test_whatever_a_tell_raises_there_is_exactly_one_notice(
    error: BaseException, kind: ExitKind
) -> None:
    notices = Notices()
    actor = alone(notices)
    actor.launch()
    actor.tell_self(error)
    assert notices.gone.wait(BOUND_S)
    ready, gone = notices.events
    assert isinstance(ready, Ready)
    assert isinstance(gone, Exited)
    assert (gone.kind, gone.cause) == (kind, error)


def test_h02_stamps_say_since_when_a_message_or_the_last_beat_in_it_is_in_progress() -> None:
    clock, notices, stamps = HandClock(), Notices(), []

    class Worker(Echo):
        """Takes five seconds, and beats after three."""

        def on_message(self, message: object) -> object:
            stamps.append(self.busy_since)
            clock.seconds += 3
            self.beat()
            stamps.append(self.busy_since)
            clock.seconds += 2
            return None

    context = ActorContext("a", 1, Directory(), clock, Timers(clock), notices)
    actor = Worker(context)
    actor.launch()
    actor.actor_ref.ask("work", timeout=BOUND_S)
    actor.stop_self()
    assert notices.gone.wait(BOUND_S)
    assert stamps == [100, 103]
    assert actor.busy_since is None


def test_a_stop_overtakes_the_backlog() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put(Envelope(number))
    inbox.order_stop()
    assert isinstance(inbox.get().message, _ActorStop)
    assert [inbox.get().message for _ in range(3)] == [0, 1, 2]


def test_a_draining_stop_waits_for_its_turn() -> None:
    inbox = Inbox()
    inbox.put(Envelope("before"))
    inbox.order_stop(drain=True)
    assert inbox.get().message == "before"
    assert isinstance(inbox.get().message, _ActorStop)


def test_closing_returns_what_is_left_and_refuses_the_rest() -> None:
    inbox = Inbox()
    inbox.put(Envelope("left"))
    assert [envelope.message for envelope in inbox.close()] == ["left"]
    with pytest.raises(InboxClosed):
        inbox.put(Envelope("late"))
    assert isinstance(inbox.get().message, _ActorStop)


def test_no_message_vanishes_between_putting_and_closing() -> None:
    inbox, accepted = Inbox(), []

    def put(writer: int) -> None:
        for number in range(2000):
            try:
                inbox.put(Envelope((writer, number)))
            except InboxClosed:
                return
            accepted.append((writer, number))

    writers = [threading.Thread(target=put, args=(w,)) for w in range(4)]
    for thread in writers:
        thread.start()
    taken = [inbox.get().message for _ in range(500)]
    taken += [envelope.message for envelope in inbox.close()]
    for thread in writers:
        thread.join(BOUND_S)
    assert sorted(taken) == sorted(accepted)
