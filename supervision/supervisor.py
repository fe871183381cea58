"""The supervisor actor: a thin shell that executes what its decision machine says.

Its loop never waits: no ask, no join, no I/O. It is supervised itself, by its parent or, for the
root, by the handle in ``supervision.root``.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import pykka
from loguru import logger
from pykka._envelope import Envelope

from supervision import events
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import describe, trace
from supervision.errors import BootFailed, Escalated
from supervision.events import Effect, Event, identity
from supervision.inbox import InboxClosed
from supervision.instances import Instances
from supervision.limiter import Limiters
from supervision.machine import Machine
from supervision.spec import AnySpec, ErrorKeys, SupervisorSpec
from supervision.states import REQUESTED, ExitKind
from supervision.timers import Timer

LIVENESS_INTERVAL_S = 1.0

_FINAL = ("failed", "escalated", "boot failed")
# Classes that point at a mistake in the code rather than at the world outside.
_UNEXPECTED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
)


@dataclasses.dataclass(frozen=True)
class Shared:
    """What all supervisors of one tree have in common."""

    instances: Instances
    limiters: Limiters
    jitter: Callable[[], float]
    error_keys: ErrorKeys

    def errors(self, keys: tuple[str, ...]) -> tuple[type[BaseException], ...]:
        """The exception classes behind these error keys."""
        return tuple(cls for key in keys for cls in self.error_keys[key])


class _CheckLiveness:
    """Look whether a thread has gone without a notice, or can't get away."""


class SupervisorActor(SupervisedActor):
    """Runs one ``Machine``. ``path`` is "" for the root, else the supervisor's own name."""

    def __init__(
        self, context: ActorContext, spec: SupervisorSpec, shared: Shared, path: str
    ) -> None:
        super().__init__(context)
        self._spec = spec
        self._shared = shared
        self._path = path
        self._machine = Machine(
            spec,
            path,
            next_epoch=context.directory.next_epoch,
            last_epoch=context.directory.last_epoch,
            jitter=shared.jitter,
            reserve=shared.limiters.reserve,
            release=shared.limiters.release,
        )
        self._deadline_armed = False
        self._stuck: set[events.Identity] = set()
        self._wake: tuple[float, Timer] | None = None
        self._replies: dict[int, pykka.Future[Any]] = {}
        self._left: events.Leave | None = None
        self._crash: BaseException | None = None

    # -- hooks --------------------------------------------------------------------

    def on_start(self) -> None:
        """Boot. The supervisor is ready, and says so, when its children are."""
        self.directory.take_control(self._path, self.post)
        self._feed(events.Boot())
        self.after(LIVENESS_INTERVAL_S, _CheckLiveness())

    def on_message(self, message: object) -> object:
        """Take in one event. Own code that raises has the children stopped before it is over."""
        try:
            if isinstance(message, _CheckLiveness):
                self._check_liveness()
            else:
                self._feed(message)  # type: ignore[arg-type]
        except BaseException as cause:  # noqa: BLE001 - becomes the exit of this supervisor
            self._break_down(cause)
        return None

    def on_exit(self, kind: ExitKind) -> None:
        """Nobody answers for this path any more, and no child outlives its supervisor."""
        self.directory.drop_control(self._path, self.post)
        if self._left is None:
            self._shared.instances.abandon_below(self._path, self.name, self.directory)
        if self._wake is not None:
            self._wake[1].cancel()

    # -- for the outside --------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Hand in an event. Any thread, never waits; dropped once this supervisor is gone."""
        self.tell_self(event)

    def command(
        self, event: events.Verb | events.Add | events.Reload, future: pykka.Future[Any]
    ) -> None:
        """Hand in an order whose ``Reply`` goes into ``future``. Any thread."""
        self._replies[event.token] = future
        try:
            self.actor_inbox.put(Envelope(event))
        except InboxClosed:
            self._answer(events.Reply(event.token, events.VerbReply.STOPPING))

    def fail(self, cause: BaseException) -> None:
        """A supervisor that has to fail stops its children first."""
        self.post(events.StopAll(ExitKind.ERROR, describe(cause), cause))

    def stop_self(self) -> None:
        """End normally, children first."""
        self.post(events.StopAll(ExitKind.NORMAL))

    # -- the shell --------------------------------------------------------------------

    def _stop(self) -> None:
        """A stop order, ours or a third party's, starts the ordered stop of the children."""
        kind = ExitKind.SHUTDOWN if self._stop_requested else ExitKind.NORMAL
        self.on_message(events.StopAll(kind))

    def _feed(self, event: Event) -> None:
        pending = deque([event])
        while pending:
            current = self._prepared(pending.popleft())
            for effect in self._machine.handle(current, self.clock.now()):
                self._execute(effect, pending)
        if self._machine.leaving is not None and not self._path and not self._deadline_armed:
            self._deadline_armed = True
            self.after(self._machine.spec.shutdown_deadline, events.DeadlinePassed())
        self._arm()

    def _execute(self, effect: Effect, pending: deque[Event]) -> None:
        match effect:
            case events.Create():
                failure = self._create(effect)
                if failure is not None:
                    pending.append(failure)
            case events.Inspect():
                self._inspect(effect, pending)
            case events.Failure():
                self._log_failure(effect)
            case events.Reply():
                self._answer(effect)
            case events.BootDone():
                self.report_ready()
            case events.Leave():
                self._leave(effect)
            case _:
                self._act(effect)

    def _rename(self, effect: Effect) -> None:
        """The effects on the directory."""
        match effect:
            case events.Bind():
                actor = self._actor(effect)
                if actor is not None:
                    inbox = actor.actor_inbox
                    self.directory.bind(*identity(effect), inbox, half_open=effect.half_open)
            case events.Unbind():
                self.directory.unbind(*identity(effect))
            case events.Publish():
                self.directory.publish(effect.status)
            case events.Forget():
                self.directory.forget(effect.name)

    def _act(self, effect: Effect) -> None:
        """The effects on an instance that stops."""
        match effect:
            case events.Reap():
                self._shared.instances.discharge(identity(effect))
            case events.Abandon():
                self.log.error("{}#{} abandoned: its thread does not end", *identity(effect))
                self._shared.instances.abandon(identity(effect), self.directory)
            case events.Fence():
                self._shared.instances.revoke(identity(effect), self.directory)
            case events.OrderStop() | events.Interrupt():
                actor = self._actor(effect)
                if actor is None:
                    return
                if isinstance(effect, events.OrderStop):
                    actor.order_stop(drain=effect.drain)
                else:
                    self._interrupt(actor)
            case _:
                self._rename(effect)

    def _actor(self, effect: Effect) -> SupervisedActor | None:
        return self._shared.instances.get(identity(effect))

    def _create(self, effect: events.Create) -> events.Exited | None:
        """Construct and start; a failure of any class comes back as the exit of that instance."""
        try:
            actor = self._build(effect)
            self._shared.instances.enlist(actor)
            actor.launch()
        except BaseException as cause:  # noqa: BLE001 - becomes a failed start of this child
            self._shared.instances.discharge(identity(effect))
            return events.Exited(
                effect.name, effect.epoch, ExitKind.START_FAILED, describe(cause), cause
            )
        return None

    def _build(self, effect: events.Create) -> SupervisedActor:
        spec = self._spec_of(effect.name)
        context = ActorContext(
            name=effect.name,
            epoch=effect.epoch,
            directory=self.directory,
            clock=self.clock,
            timers=self.context.timers,
            notify=self.post,
            policy=spec.policy,
            fail_on=self._shared.errors(spec.policy.fail_on),
            stalls=self.context.stalls,
            outlives_stalls=isinstance(spec, SupervisorSpec) or spec.outlives_stalls,
        )
        if isinstance(spec, SupervisorSpec):
            return SupervisorActor(context, spec, self._shared, effect.name)
        return spec.factory(context)

    def _spec_of(self, name: str) -> AnySpec:
        child = self._machine.find(name.rpartition("/")[2])
        assert child is not None, "the machine creates only what it has"
        return child.spec

    def _prepared(self, event: Event) -> Event:
        """Book-keeping of an exit, and whether its cause is one that no restart can mend."""
        if not isinstance(event, events.Exited | events.Faulted):
            return event
        if isinstance(event, events.Exited):
            self._shared.instances.discharge(identity(event))
            letters = event.dead_letters
            if letters.count:
                # A stop that was asked for discards its backlog; that is nothing to report.
                level = "DEBUG" if event.kind in REQUESTED else "INFO"
                text = "{}#{} left {} messages unhandled, the last: {}"
                samples = ", ".join(letters.samples)
                self.log.log(level, text, *identity(event), letters.count, samples)
        child = self._machine.find(event.name.rpartition("/")[2])
        if child is None or not isinstance(event.cause, self._shared.errors(child.policy.fatal)):
            return event
        return msgspec.structs.replace(event, kind=ExitKind.FATAL)

    def _interrupt(self, actor: SupervisedActor) -> None:
        """The hook may block, so it has a thread of its own; what it raises is logged."""

        def run() -> None:
            try:
                actor.on_interrupt()
            except Exception as error:  # noqa: BLE001 - logged: the stop goes on without it
                actor.log.warning("interrupt failed: {}", describe(error))

        threading.Thread(target=run, name=f"{actor}:interrupt", daemon=True).start()

    def _inspect(self, effect: events.Inspect, pending: deque[Event]) -> None:
        actor = self._actor(effect)
        if actor is not None:
            pending.append(events.Inspected(effect.name, effect.epoch, actor.busy_since))

    def _check_liveness(self) -> None:
        """A notice may be in our inbox already, so what was found is queued behind it."""
        stuck: set[events.Identity] = set()
        for child in self._machine.children:
            actor = self._shared.instances.get((child.name, child.epoch))
            if actor is None or not child.has_instance:
                continue
            if not actor.thread_alive:
                text = "its thread ended without a notice"
                self.post(events.Exited(child.name, child.epoch, ExitKind.LOST, text))
            elif actor.exiting and child.live:
                stuck.add((child.name, child.epoch))
        for name, epoch in stuck & self._stuck:
            text = "its cleanup or a helper does not end"
            self.post(events.Faulted(name, epoch, ExitKind.ERROR, text, unresponsive=True))
        self._stuck = stuck
        self.after(LIVENESS_INTERVAL_S, _CheckLiveness())

    def _arm(self) -> None:
        """One timer, for the moment at which the machine is due next."""
        due = self._machine.next_due()
        if self._wake is not None:
            if self._wake[0] == due and self._wake[1].pending:
                return
            self._wake[1].cancel()
        self._wake = None
        if due is not None:
            self._wake = (due, self.context.timers.at(due, lambda: self.post(events.Tick())))

    def _answer(self, reply: events.Reply) -> None:
        future = self._replies.pop(reply.token, None)
        if future is not None:
            future.set(reply)

    def _log_failure(self, failure: events.Failure) -> None:
        """One line per failure; the traceback where it tells more than the line does."""
        log = logger.bind(actor=failure.name, epoch=failure.epoch)
        final = failure.decision.startswith(_FINAL)
        mild = failure.kind is ExitKind.NORMAL
        log.log(
            "ERROR" if final else "INFO" if mild else "WARNING",
            "{}: {} -> {}",
            failure.kind.value,
            failure.detail or "no cause given",
            failure.decision,
        )
        if failure.cause is not None:
            unexpected = isinstance(failure.cause, _UNEXPECTED)
            log.log("ERROR" if unexpected else "DEBUG", "{}", trace(failure.cause))

    def _leave(self, effect: events.Leave) -> None:
        """No child is left: this loop ends, with the reason as the cause of its exit."""
        self._left = effect
        self._record(effect.kind, _reason(effect))
        self.actor_stopped.set()

    def _break_down(self, cause: BaseException) -> None:
        """Our own code raised. Children are stopped in order, or given up if even that fails."""
        self.log.error("supervisor failed: {}\n{}", describe(cause), trace(cause))
        first, self._crash = self._crash is None, self._crash or cause
        try:
            if first:
                self._feed(events.StopAll(ExitKind.ERROR, describe(cause), cause))
                return
        except BaseException as again:  # noqa: BLE001 - the machine itself is broken
            self.log.error("and could not stop its children: {}", describe(again))
        self._record(ExitKind.ERROR, cause)
        self.actor_stopped.set()


def _reason(effect: events.Leave) -> BaseException | None:
    reason: BaseException | None
    match effect.kind:
        case ExitKind.START_FAILED:
            reason = BootFailed(effect.detail)
        case ExitKind.ESCALATED:
            reason = Escalated(effect.detail)
        case _:
            return effect.cause
    reason.__cause__ = effect.cause
    return reason
