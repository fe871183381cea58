"""The decisions of one supervisor: ``(event, now) -> effects``, with no thread, clock or actor.

What becomes of an exit is in ``decide``, what an operator orders in ``verbs``, and what moves by
itself after every event (stop sequences, boot, starts that are due) in ``settle``. Here is the
rest: state, dispatch, reports of instances, timers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from supervision import decide, events, reload, verbs
from supervision.child import DELAYED, Child, Due, Purpose
from supervision.events import Effect, Event
from supervision.gate import why_shut
from supervision.policy import Strategy
from supervision.settle import Settling
from supervision.spec import AnySpec, SupervisorSpec
from supervision.states import ChildState, ExitKind, Health


class Machine:
    """State and decisions of the supervisor at ``path`` ("" for the root).

    ``next_epoch(name)`` hands out the epochs, which outlive every supervisor, and ``last_epoch``
    says which was the last; ``jitter()`` gives u in [0, 1); ``reserve(limiter, now)`` takes a
    restart token and says when it is there, ``release`` gives one back that nobody needs any more.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        path: str,
        *,
        next_epoch: Callable[[str], int],
        last_epoch: Callable[[str], int],
        jitter: Callable[[], float],
        reserve: Callable[[str, float], float],
        release: Callable[[str, float], None],
    ) -> None:
        self.spec = spec
        self.path = path
        self.next_epoch = next_epoch
        self.last_epoch = last_epoch
        self.jitter = jitter
        self.reserve = reserve
        self._release = release
        self.now = 0.0
        self.effects: list[Effect] = []
        self.window: deque[float] = deque()
        self.stale = 0
        self.ready = False
        self.leaving: events.StopAll | None = None
        self.left = False
        self._settling = Settling(self)
        self.children: list[Child] = []
        for child in spec.children:
            self.append(child, dynamic=False)

    # -- what the shell calls ---------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take ``event`` in at ``now``; the effects are to be executed in order."""
        self.now, self.effects = now, []
        if self.left:
            return []
        self._dispatch(event)
        while self._settling.step():
            pass
        for child in self.children:
            if child.unused is not None:
                self._release(*child.unused)
                child.unused = None
        return self.effects

    def next_due(self) -> float | None:
        """When a ``Tick`` is wanted next, if nothing happens before; None: never.

        A start that is overdue waits for a gate, which only an event can open.
        """
        moments = [moment for child in self.children for moment, _ in child.timers()]
        moments += [
            child.retry_at
            for child in self.children
            if child.state in DELAYED and child.retry_at is not None and child.retry_at > self.now
        ]
        return min(moments, default=None)

    def find(self, child_id: str) -> Child | None:
        """The child with this id."""
        return next((c for c in self.children if c.spec.id == child_id), None)

    # -- vocabulary shared with decide, verbs and reload --------------------------------------

    def emit(self, effect: Effect) -> None:
        """Append an effect to what this event leads to."""
        self.effects.append(effect)

    def publish(self, child: Child) -> None:
        """Publish the child's status, if it differs in state, epoch, health or retry time."""
        key = (child.state, child.epoch, child.health, child.retry_at)
        if key != child.published:
            child.published = key
            self.emit(events.Publish(child.status(self.now)))

    def append(self, spec: AnySpec, *, dynamic: bool) -> Child:
        """A new child at the end of the list; it has no instance yet."""
        name = f"{self.path}/{spec.id}" if self.path else spec.id
        index = self.children[-1].index + 1 if self.children else 0
        child = Child(spec, name, index, epoch=self.last_epoch(name), dynamic=dynamic)
        self.children.append(child)
        return child

    def forget(self, child: Child) -> None:
        """Take a child off the list for good; its epochs are remembered elsewhere."""
        self.children.remove(child)
        self._settling.drop(child)
        self.emit(events.Forget(child.name))

    def unbind(self, child: Child) -> None:
        """The name resolves to nobody, before anybody hears that the instance is gone."""
        if child.bound:
            child.bound = False
            self.emit(events.Unbind(child.name, child.epoch))

    def gate(self, child: Child) -> str | None:
        """Why the child may not start now, or None."""
        return why_shut(child, self.children, self.spec.strategy, self.now)

    def create(self, child: Child, *, probe: bool = False) -> None:
        """One new instance, under the next epoch."""
        first = child.first_start
        child.begin(self.next_epoch(child.name), self.now, probe=probe)
        child.first_start = first
        self.publish(child)
        self.emit(events.Create(child.name, child.epoch))

    def stop(self, child: Child, purpose: Purpose) -> None:
        """Order the instance to stop, now."""
        self.unbind(child)
        child.begin_stop(purpose, self.now)
        self.publish(child)
        self.emit(events.OrderStop(child.name, child.epoch, child.policy.drain))
        if child.stop_at is not None and child.stop_at <= self.now:
            self._give_up(child)

    def cascade(self, child: Child) -> None:
        """The strategy: who else has to go because ``child`` left service."""
        for member in self._affected(child):
            if member.live:
                # A manual stop that awaits its turn outlives this restart of the group.
                if member.wanted is not Purpose.MANUAL:
                    member.wanted = Purpose.GROUP
            elif member.purpose in (Purpose.FAIL, Purpose.RESTART):
                member.purpose = Purpose.GROUP
            elif member.completed:
                member.completed = False
                member.rest(ChildState.WAITING)
                self.publish(member)

    def _affected(self, child: Child) -> list[Child]:
        match self.spec.strategy:
            case Strategy.REST_FOR_ONE:
                return [c for c in self.children if c.index > child.index]
            case Strategy.ONE_FOR_ALL:
                return [c for c in self.children if c is not child]
            case _:
                return []

    def stop_all(self, order: events.StopAll) -> None:
        """Nothing is started any more; what lives is stopped in reverse order, then we leave."""
        if self.leaving is not None:
            return
        self.leaving = order
        for child in self.children:
            child.start_after = False
            if child.live:
                child.wanted = Purpose.SHUTDOWN
            elif child.state is ChildState.STOPPING:
                child.purpose = Purpose.SHUTDOWN
            elif child.state in DELAYED or child.state is ChildState.WAITING:
                child.rest(ChildState.STOPPED)
                self.publish(child)

    # -- events -----------------------------------------------------------------------------

    def _dispatch(self, event: Event) -> None:
        match event:
            case events.Boot():
                self._settling.boot()
            case events.Tick():
                self._run_due()
            case events.StopAll():
                self.stop_all(event)
            case events.DeadlinePassed():
                self._expire()
            case events.Verb():
                verbs.apply(self, event)
            case events.Add():
                verbs.add(self, event)
            case events.Reload():
                reload.apply(self, event)
            case events.Exited():
                self._exited(event)
            case _:
                self._report(event)

    def _report(
        self, event: events.Ready | events.HealthReported | events.Faulted | events.Inspected
    ) -> None:
        """What an instance says of itself; from any but the present one it is dropped."""
        child = self._current(event.name, event.epoch)
        if child is None or not child.live:
            self.stale += 1
            return
        match event:
            case events.Ready():
                self._ready(child)
            case events.HealthReported():
                self._health(child, event)
            case events.Faulted():
                self.fail(child, event.kind, event.detail, event.cause)
                if event.unresponsive:
                    self._interrupt(child)
            case events.Inspected():
                self._inspected(child, event)

    def _current(self, name: str, epoch: int) -> Child | None:
        for child in self.children:
            if child.name == name and child.epoch == epoch and child.has_instance:
                return child
        return None

    def _ready(self, child: Child) -> None:
        if child.ready:
            return
        child.become_ready(self.now)
        child.first_start = False
        if child.state is ChildState.STARTING:
            child.state = ChildState.RUNNING
            child.kind = child.detail = ""
        half_open = child.state is ChildState.HALF_OPEN
        child.bound = True
        self.emit(events.Bind(child.name, child.epoch, half_open))
        verbs.answer_add(self, child, events.VerbReply.OK)
        breaker = child.policy.breaker
        if half_open and (breaker is None or breaker.probe_stable_for == 0):
            self.close(child)
        self.publish(child)
        if half_open and child.health is Health.BAD:
            self.fail(child, ExitKind.UNHEALTHY, child.detail, None)

    def close(self, child: Child) -> None:
        """The breaker closes: the probe is an ordinary instance from now on."""
        child.probe = False
        child.failures = child.openings = 0
        child.state = ChildState.RUNNING if child.ready else ChildState.STARTING
        child.kind = child.detail = ""
        if child.bound:
            self.emit(events.Bind(child.name, child.epoch))
        self.publish(child)

    def _health(self, child: Child, event: events.HealthReported) -> None:
        if child.probe and not event.ok:
            self.fail(child, ExitKind.UNHEALTHY, event.detail, None)
            return
        child.detail = event.detail
        child.report_health(event.ok, self.now)
        self.publish(child)

    def _inspected(self, child: Child, event: events.Inspected) -> None:
        watchdog = child.policy.watchdog
        if watchdog is None or event.busy_since is None:
            return
        busy = self.now - event.busy_since
        if busy >= watchdog.timeout:
            self.emit(events.Fence(child.name, child.epoch))
            self.fail(child, ExitKind.HANG, f"one message in progress for {busy:.1f} s", None)
            self._interrupt(child)

    def fail(self, child: Child, kind: ExitKind, detail: str, cause: BaseException | None) -> None:
        """A live instance has to end because something is wrong with it."""
        if child.wanted is not None:
            return
        child.cause = (kind, detail, cause)
        self.stop(child, Purpose.FAIL)

    def _interrupt(self, child: Child) -> None:
        """Run the hook that closes what a busy instance waits for, at most once."""
        if child.state is ChildState.STOPPING and child.interrupt_at is not None:
            child.interrupt_at = None
            self.emit(events.Interrupt(child.name, child.epoch))

    def _exited(self, event: events.Exited) -> None:
        child = self._current(event.name, event.epoch)
        if child is None:
            self._late_exit(event)
        else:
            self._gone(child, event)

    def _late_exit(self, event: events.Exited) -> None:
        for child in self.children:
            if child.name == event.name and event.epoch in child.abandoned:
                child.abandoned.discard(event.epoch)
                self.emit(events.Reap(event.name, event.epoch))
                return
        self.stale += 1

    def _gone(self, child: Child, event: events.Exited) -> None:
        """The instance is no more: by our order, or by itself."""
        child.purpose = child.purpose or child.wanted
        child.wanted = None
        if child.purpose is None or child.purpose is Purpose.FAIL:
            decide.unrequested(self, child, event)
        else:
            decide.requested(self, child, event)
        if child.start_after and self.leaving is None and child in self.children:
            child.start_after = False
            verbs.start(self, child)

    # -- time ---------------------------------------------------------------------------------

    def _run_due(self) -> None:
        """Everything that is due, by moment, then in tree order."""
        due = [
            (moment, child.index, what, child)
            for child in self.children
            for moment, what in child.timers()
            if moment <= self.now
        ]
        for _, _, what, child in sorted(due, key=lambda item: item[:2]):
            if any(what is present for _, present in child.timers()):
                self._timer(child, what)

    def _timer(self, child: Child, what: Due) -> None:
        match what:
            case Due.START:
                detail = f"not ready within {child.policy.start_timeout:g} s"
                self.fail(child, ExitKind.START_TIMEOUT, detail, None)
            case Due.PROBE_STABLE:
                self.close(child)
            case Due.STABLE:
                child.failures = 0
            case Due.UNHEALTHY:
                self.fail(child, ExitKind.UNHEALTHY, child.detail, None)
            case Due.INSPECT if child.policy.watchdog is not None:
                child.inspect_at = self.now + child.policy.watchdog.interval
                self.emit(events.Inspect(child.name, child.epoch))
            case Due.INTERRUPT:
                self._interrupt(child)
            case Due.STOP:
                self._give_up(child)

    def _give_up(self, child: Child) -> None:
        """A thread can't be killed: it loses its rights, its inbox and its name, and is listed."""
        self.emit(events.Fence(child.name, child.epoch))
        self.emit(events.Abandon(child.name, child.epoch))
        child.abandoned.add(child.epoch)
        self._gone(child, events.Exited(child.name, child.epoch, ExitKind.KILLED))

    def _expire(self) -> None:
        for child in reversed(self.children.copy()):
            if child.has_instance:
                self._give_up(child)
