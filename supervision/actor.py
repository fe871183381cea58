"""The base of every actor: a pykka actor that ends exactly once, says why, and can be given up.

pykka runs the loop; this class owns its edges. It is kept out of pykka's registry (whose stop-all
would stop it behind its supervisor's back), its thread is a daemon, a BaseException in a handler
ends this actor only, a stop overtakes the backlog, and whatever happens there is one cleanup
(``on_exit``) and then one exit notice, after which neither the thread nor its helpers run.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pykka
from loguru import logger
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from supervision.clock import Clock
from supervision.directory import Address, Directory, describe, trace
from supervision.errors import ActorCrashed, Fenced, HelperReturned, Stalled, Unavailable
from supervision.events import DeadLetters, Event, Exited, Faulted, HealthReported, Ready
from supervision.inbox import Inbox, InboxClosed
from supervision.policy import Policy, Readiness
from supervision.stalls import StallWatch
from supervision.states import ExitKind, StatusMessage
from supervision.timers import Timer, Timers

_DEAD_LETTER_SAMPLES = 8
_PRUNE_TIMERS_AT = 32


@dataclasses.dataclass(frozen=True)
class ActorContext:
    """What an instance is born with. ``notify`` takes its notices to its supervisor.

    ``fail_on`` are the exceptions that end the instance even if an ask's handler raised them.
    Without ``stalls`` the process never stands still.
    """

    name: str
    epoch: int
    directory: Directory
    clock: Clock
    timers: Timers
    notify: Callable[[Event], None]
    policy: Policy = dataclasses.field(default_factory=Policy)
    fail_on: tuple[type[BaseException], ...] = ()
    stalls: StallWatch | None = None
    outlives_stalls: bool = True


class SupervisedActor(pykka.ThreadingActor):
    """One instance of a child. Subclasses fill in the hooks; ``__init__`` stays trivial.

    ``__init__`` runs on the supervisor's thread and must not wait for anything. All hooks but
    ``on_interrupt`` run on the actor's own thread. An exception out of ``on_message`` ends the
    instance when the message was told, and goes to the caller when it was asked.
    """

    use_daemon_thread = True
    actor_inbox: Inbox

    def __init__(self, context: ActorContext) -> None:
        super().__init__()
        self.context = context
        self.name = context.name
        self.epoch = context.epoch
        self.clock = context.clock
        self.directory = context.directory
        self.log = logger.bind(actor=context.name, epoch=context.epoch)
        self._verdict_lock = threading.Lock()
        self._verdict: tuple[ExitKind, BaseException | None] | None = None
        self._stop_requested = False
        self._exiting = False
        self._fenced = False
        self._busy_since: float | None = None
        self._thread: threading.Thread | None = None
        self._helpers: list[threading.Thread] = []
        self._timers: list[Timer] = []
        self._prune_timers_at = _PRUNE_TIMERS_AT
        self._stalls_before = self.stalls()
        self._watches: list[Callable[[], None]] = []

    def __str__(self) -> str:
        return f"{self.name}#{self.epoch}"

    # -- hooks --------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Get ready to work. Raising ends the instance as start_failed."""

    def on_message(self, message: object) -> object:
        """Handle one message, told or asked; the return value answers an ask."""
        raise NotImplementedError(f"{type(self).__name__} handles no {type(message).__name__}")

    def on_interrupt(self) -> None:
        """Close what the busy actor waits for. Runs once, on a thread of its own, during a stop."""

    def on_exit(self, kind: ExitKind) -> None:
        """Clean up: close, release. Runs once, however the instance ends (also a failed start)."""

    def on_unhandled(self, message: object) -> None:
        """A tell that came too late: for telling its sender so, where that is worth something.

        Called before ``on_exit``, but not in an instance that was abandoned.
        """

    # -- for subclasses -------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """True once this instance is about to end, asked to or not. Any thread."""
        return self._stop_requested or self._verdict is not None or self.actor_stopped.is_set()

    def inbox_depth(self) -> int:
        """How many messages wait. Any thread."""
        return self.actor_inbox.depth()

    def report_ready(self) -> None:
        """With ``ready: explicit``: the work can begin. Any thread; only the first counts."""
        self.context.notify(Ready(self.name, self.epoch))

    def report_health(self, ok: bool, detail: str = "") -> None:
        """Well or not well, and why. Any thread; repeating the same news changes nothing."""
        self.context.notify(HealthReported(self.name, self.epoch, ok, detail))

    def fail(self, cause: BaseException) -> None:
        """End this instance because of ``cause``. Any thread; the first cause wins.

        From the actor's own thread it ends after the present message. From another, the
        supervisor is told as well, in case the actor's thread is blocked.
        """
        if not self._record(ExitKind.ERROR, cause):
            return
        self.actor_inbox.order_stop()
        if threading.current_thread() is not self._thread:
            fault = Faulted(self.name, self.epoch, ExitKind.ERROR, describe(cause), cause)
            self.context.notify(fault)

    def stop_self(self) -> None:
        """End normally, after the present message (and the backlog, with ``drain``). Any thread."""
        if self._record(ExitKind.NORMAL, None):
            self.actor_inbox.order_stop(drain=self.context.policy.drain)

    def spawn_helper(self, name: str, target: Callable[[], None]) -> None:
        """Run ``target`` on a daemon thread; if it raises, or returns unasked, this actor fails.

        A helper must end soon after ``on_exit`` closed what it waits for: the instance is gone
        only when its helpers are.
        """
        self._helpers = [thread for thread in self._helpers if thread.is_alive()]
        thread = threading.Thread(
            target=self._run_helper, args=(name, target), name=f"{self}:{name}", daemon=True
        )
        thread.start()
        self._helpers.append(thread)

    def beat(self) -> None:
        """A long handler is getting on with it: the watchdog counts from here."""
        self._busy_since = self.clock.now()

    def check_fence(self) -> None:
        """To be called before any external effect: may this instance still act?

        Raises Fenced if it was given up; Stalled if the process has stood still since it began and
        it is not of those that outlive that.
        """
        self._check_given_up()
        if self.outslept and self.context.stalls is not None:
            raise Stalled(self.name, self.epoch, self.context.stalls.gap_s)

    def _check_given_up(self) -> None:
        if self._fenced:
            raise Fenced(self.name, self.epoch)

    def stalls(self) -> int:
        """How often the process has stood still. Any thread."""
        return 0 if self.context.stalls is None else self.context.stalls.look()

    @property
    def outslept(self) -> bool:
        """True once the process has stood still, for an instance that does not outlive that."""
        return not self.context.outlives_stalls and self.stalls() != self._stalls_before

    def tell_self(self, message: object) -> None:
        """Put ``message`` into the own inbox. Any thread; a dead letter once it is closed."""
        try:
            self.actor_inbox.put(Envelope(message))
        except InboxClosed:
            self.directory.count_dead_letters(self.name, (type(message).__name__,))

    def after(self, delay_s: float, message: object) -> Timer:
        """Tell self ``message`` in ``delay_s`` seconds, unless this instance ends before."""
        if len(self._timers) >= self._prune_timers_at:
            self._timers = [timer for timer in self._timers if timer.pending]
            self._prune_timers_at = max(_PRUNE_TIMERS_AT, 2 * len(self._timers))
        timer = self.context.timers.after(delay_s, lambda: self.tell_self(message))
        self._timers.append(timer)
        return timer

    def address(self, name: str) -> Address:
        """An address that refuses to send once this instance is fenced."""
        return Address(self.directory, name, self._check_given_up)

    def watch(
        self, prefix: str, wrap: Callable[[StatusMessage], object] = lambda status: status
    ) -> None:
        """Be told the status of everything under ``prefix``, now and at every change, till exit.

        Each status arrives as a message, made by ``wrap`` (on the publisher's thread).
        """
        unsubscribe = self.directory.subscribe(prefix, lambda s: self.tell_self(wrap(s)))
        self._watches.append(unsubscribe)

    # -- for the supervisor ---------------------------------------------------------------------

    def launch(self) -> None:
        """Start the thread. Raises RuntimeError if the system has none to give."""
        self._start_actor_loop()

    def order_stop(self, *, drain: bool) -> None:
        """Requested stop: ahead of the backlog, or behind it with ``drain``. Never waits."""
        self._stop_requested = True
        self.actor_inbox.order_stop(drain=drain)

    def fence(self) -> None:
        """Take away the right to any external effect. For good."""
        self._fenced = True

    def abandon(self) -> None:
        """Close the inbox from outside, for a thread that doesn't come back."""
        self._stop_requested = True
        self._fenced = True
        self._refuse(self.actor_inbox.close())

    @property
    def busy_since(self) -> float | None:
        """When the present message (or the last beat in it) began; None while idle."""
        return self._busy_since

    @property
    def exiting(self) -> bool:
        """True while the cleanup after the loop runs."""
        return self._exiting

    @property
    def thread_alive(self) -> bool:
        """True while the actor's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    # -- the seams of pykka -----------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    def _start_actor_loop(self) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self._thread = threading.Thread(target=self._run, name=str(self), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._actor_loop()
        except BaseException as cause:  # noqa: BLE001 - recorded: nothing may leave the thread
            self._record(ExitKind.CRASH, cause)
        finally:
            self._depart()

    def _actor_loop_setup(self) -> None:
        self._busy_since = self.clock.now()
        try:
            self.on_start()
        except BaseException as cause:  # noqa: BLE001 - recorded: a failed start, of any class
            self._record(ExitKind.START_FAILED, cause)
            self.actor_stopped.set()
        else:
            if self.context.policy.ready is Readiness.AUTO:
                self.report_ready()
        finally:
            self._busy_since = None

    def _actor_loop_teardown(self) -> None:
        """The inbox is emptied in ``_depart``, together with closing it."""

    def _handle_receive(self, message: Any) -> Any:
        if type(message) is _ActorStop:
            self._stop()
            return None
        self._busy_since = self.clock.now()
        try:
            return self.on_message(message)
        except Exception as cause:
            if isinstance(cause, self.context.fail_on):
                self.fail(cause)
            raise
        except BaseException as cause:
            # pykka would stop every actor of the process, and never answer who asked.
            self._record(ExitKind.CRASH, cause)
            self.actor_stopped.set()
            raise ActorCrashed(self.name, self.epoch, describe(cause)) from cause
        finally:
            self._busy_since = None

    def _stop(self) -> None:
        self.actor_stopped.set()

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._record(ExitKind.ERROR, exception_value)
        self.actor_stopped.set()

    # -- the end ----------------------------------------------------------------------------------

    def _record(self, kind: ExitKind, cause: BaseException | None) -> bool:
        """The first to say why wins; True if that was this one."""
        with self._verdict_lock:
            if self._verdict is not None:
                return False
            self._verdict = (kind, cause)
            return True

    def _run_helper(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as cause:  # noqa: BLE001 - becomes this actor's failure
            if self.stopping:
                self.log.debug("helper {} ended by {}", name, describe(cause))
            else:
                self.fail(cause)
        else:
            if not self.stopping:
                self.fail(HelperReturned(self.name, name))

    def _depart(self) -> None:
        self.actor_stopped.set()
        self._exiting = True
        left = self.actor_inbox.close()
        letters = self._refuse(left)
        self._give_back(left)
        kind, cause = self._conclude()
        for unsubscribe in self._watches:
            unsubscribe()
        for timer in tuple(self._timers):
            timer.cancel()
        for helper in self._helpers:
            helper.join()
        detail = "" if cause is None else describe(cause)
        self.context.notify(Exited(self.name, self.epoch, kind, detail, cause, letters))

    def _conclude(self) -> tuple[ExitKind, BaseException | None]:
        """Run the cleanup and settle the kind of this exit. A stop that was ordered succeeds."""
        fallback = ExitKind.SHUTDOWN if self._stop_requested else ExitKind.NORMAL
        kind, cause = self._verdict or (fallback, None)
        try:
            self.on_exit(kind)
        except BaseException as error:  # noqa: BLE001 - logged, and the cause if there is no other
            self.log.warning("cleanup failed: {}", describe(error))
            self.log.debug("{}", trace(error))
            if kind is ExitKind.NORMAL:
                return ExitKind.ERROR, error
        return kind, cause

    def _refuse(self, left: list[Envelope[Any]]) -> DeadLetters:
        """Answer the asks that nobody will handle, count the tells."""
        kinds: list[str] = []
        for envelope in left:
            stop = type(envelope.message) is _ActorStop
            if envelope.reply_to is None:
                if not stop:
                    kinds.append(type(envelope.message).__name__)
            elif stop:
                envelope.reply_to.set(None)
            else:
                error = self._refusal()
                envelope.reply_to.set_exception((type(error), error, None))
        samples = tuple(kinds[-_DEAD_LETTER_SAMPLES:])
        if kinds:
            self.directory.count_dead_letters(self.name, samples, len(kinds))
        return DeadLetters(len(kinds), samples)

    def _give_back(self, left: list[Envelope[Any]]) -> None:
        for envelope in left:
            if envelope.reply_to is None and type(envelope.message) is not _ActorStop:
                try:
                    self.on_unhandled(envelope.message)
                except BaseException as error:  # noqa: BLE001 - logged: the exit goes on without it
                    self.log.warning("on_unhandled failed: {}", describe(error))

    def _refusal(self) -> Unavailable:
        return self.directory.unavailable(self.name)
