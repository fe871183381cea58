"""A world for supervision tests: a whole tree of decision machines on a virtual clock.

Children follow scripts instead of running; every figure is exact. ``World.until`` moves time from
one due moment to the next and never skips any.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from supervision import events
from supervision.actor import ActorContext, SupervisedActor
from supervision.events import Event, VerbKind, VerbReply
from supervision.limiter import Limiters
from supervision.machine import Machine
from supervision.policy import Backoff, Breaker, Intensity, Limiter, Policy, Strategy
from supervision.spec import AnySpec, ChildSpec, SupervisorSpec
from supervision.states import ChildState, ExitKind, StatusMessage

P = Backoff(initial=1, factor=2, max=30, jitter=0, stable_for=60)
NO_DELAY = Backoff(initial=0, jitter=0)
B = Breaker(
    failure_threshold=5, reset_timeout=60, reset_factor=2, reset_max=900, jitter=0,
    probe_stable_for=30,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Life:
    """The script of one instance; times count from its creation. None means never."""

    construct_fails: bool = False
    start_fails: bool = False
    ready: float | None = 0.0
    ends: float | None = None
    kind: ExitKind = ExitKind.ERROR
    stop: float | None = 0.0
    health: tuple[tuple[float, bool], ...] = ()
    busy_from: float | None = None


LIVES = Life()
FAILS = Life(start_fails=True)


def build_nothing(context: ActorContext) -> SupervisedActor:
    """A factory for specs whose instances are scripted."""
    raise AssertionError(f"{context.name} is scripted, not built")


def child(child_id: str, backoff: Backoff | None = P, **fields: Any) -> ChildSpec:
    """A scripted child; spec fields and policy fields by name."""
    outer = {k: fields.pop(k) for k in ("depends_on", "gate", "significant") if k in fields}
    return ChildSpec(child_id, build_nothing, Policy(backoff=backoff, **fields), **outer)


def supervisor(*children: AnySpec, id: str = "top", **fields: Any) -> SupervisorSpec:
    """A supervisor over ``children``; a window of (m, w) may be given as ``window``."""
    if "window" in fields:
        most, within = fields.pop("window")
        fields["intensity"] = Intensity(most, within)
    return SupervisorSpec(id, children, **fields)


def rest_for_one(*children: AnySpec, **fields: Any) -> SupervisorSpec:
    """A rest_for_one supervisor."""
    return supervisor(*children, strategy=Strategy.REST_FOR_ONE, **fields)


def one_for_all(*children: AnySpec, **fields: Any) -> SupervisorSpec:
    """A one_for_all supervisor."""
    return supervisor(*children, strategy=Strategy.ONE_FOR_ALL, **fields)


class World:
    """A tree under test: boots at 0, and logs what the shell would have been told to do."""

    def __init__(
        self,
        spec: SupervisorSpec,
        lives: Mapping[str, Sequence[Life]] | None = None,
        *,
        u: Callable[[], float] = lambda: 0.0,
        limiters: Mapping[str, Limiter] | None = None,
    ) -> None:
        self.now = 0.0
        self.lives = dict(lives or {})
        self.created: list[tuple[str, float]] = []
        self.orders: list[tuple[str, float]] = []
        self.statuses: list[StatusMessage] = []
        self.names: dict[str, int] = {}
        self.abandoned: list[tuple[str, int, float]] = []
        self.fenced: list[tuple[str, int, float]] = []
        self.interrupts: list[tuple[str, float]] = []
        self.failures: list[events.Failure] = []
        self.ready_at: float | None = None
        self.left: tuple[ExitKind, str, float] | None = None
        self._u = u
        self._limiters = Limiters(limiters)
        self._epochs: dict[str, int] = {}
        self._births: dict[tuple[str, int], float] = {}
        self._counts: dict[str, int] = {}
        self._live: dict[str, int] = {}
        self._ended: set[tuple[str, int]] = set()
        self._pending: deque[tuple[str, Event]] = deque()
        self._executing = False
        self._orders = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._machines: dict[str, tuple[Machine, int]] = {}
        self._replies: list[events.Reply] = []
        self.machine = self._raise_supervisor(spec, "", 0)
        self.feed(events.Boot())
        self.until(0.0)

    # -- what tests do ------------------------------------------------------------------------

    def until(self, moment: float) -> World:
        """Let everything happen that happens up to and including ``moment``."""
        turns = 0
        while (due := self._next()) is not None and due <= moment:
            turns = turns + 1 if due <= self.now else 0
            assert turns < 1000, f"time stands still at {self.now}"
            self.now = max(self.now, due)
            while self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()
            for path, (machine, _) in tuple(self._machines.items()):
                machine_due = machine.next_due()
                if machine_due is not None and machine_due <= self.now:
                    self.feed(events.Tick(), path)
        self.now = moment
        return self

    def ends(self, name: str, kind: ExitKind = ExitKind.ERROR) -> None:
        """The present instance of ``name`` exits by itself, now."""
        self._end(name, self._epochs[name], kind)
        self.until(self.now)

    def order_stop(self) -> None:
        """The whole tree is told to stop, now."""
        self.feed(events.StopAll())
        self.until(self.now)

    def verb(self, kind: VerbKind, name: str) -> VerbReply:
        """An operator's order, now."""
        path, _, child_id = name.rpartition("/")
        self.feed(events.Verb(kind, child_id), path)
        reply = self._replies.pop().result
        self.until(self.now)
        return reply

    def add(self, spec: AnySpec, path: str = "") -> VerbReply:
        """A dynamic child, now; the answer must be there at once."""
        self.feed(events.Add(spec), path)
        self.until(self.now)
        return self._replies.pop().result

    def reload(self, spec: SupervisorSpec, path: str = "") -> None:
        """New policies, now."""
        self.feed(events.Reload(spec), path)
        self.until(self.now)

    def feed(self, event: Event, path: str = "") -> None:
        """Hand an event to the machine at ``path`` and carry out its effects, one after the other.

        What an effect leads to is handled after the rest of them, as in a supervisor's inbox.
        """
        self._pending.append((path, event))
        if self._executing:
            return
        self._executing = True
        try:
            while self._pending:
                path, event = self._pending.popleft()
                if path in self._machines:
                    for effect in self._handle(self._machines[path][0], event):
                        self._execute(effect, path)
        finally:
            self._executing = False

    # -- what tests look at -------------------------------------------------------------------

    def births(self, name: str) -> list[float]:
        """When the instances of ``name`` were created."""
        return [moment for other, moment in self.created if other == name]

    def epoch(self, name: str) -> int:
        """The last epoch of ``name``."""
        return self._epochs.get(name, 0)

    def status(self, name: str) -> StatusMessage:
        """The last status of ``name``."""
        return next(s for s in reversed(self.statuses) if s.name == name)

    def state(self, name: str) -> ChildState:
        """The last published state of ``name``."""
        return self.status(name).state

    def stream(self, name: str) -> list[tuple[str, int, float]]:
        """(state, epoch, time) of every status of ``name``."""
        return [(s.state.value, s.epoch, s.since) for s in self.statuses if s.name == name]

    def known(self, name: str, path: str = "") -> bool:
        """True while the supervisor at ``path`` has this child."""
        return any(c.name == name for c in self._machines[path][0].children)

    # -- the scripted shell ---------------------------------------------------------------------

    def _raise_supervisor(self, spec: SupervisorSpec, path: str, epoch: int) -> Machine:
        machine = Machine(
            spec,
            path,
            next_epoch=self._next_epoch,
            last_epoch=self.epoch,
            jitter=self._u,
            reserve=self._limiters.reserve,
            release=self._limiters.release,
        )
        self._machines[path] = (machine, epoch)
        return machine

    def _handle(self, machine: Machine, event: Event) -> list[events.Effect]:
        return machine.handle(event, self.now)

    def _next_epoch(self, name: str) -> int:
        self._epochs[name] = self._epochs.get(name, 0) + 1
        return self._epochs[name]

    def _next(self) -> float | None:
        moments = [self._heap[0][0]] if self._heap else []
        due = [machine.next_due() for machine, _ in self._machines.values()]
        moments += [moment for moment in due if moment is not None]
        return min(moments, default=None)

    def _at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (moment, next(self._orders), what))

    def _execute(self, effect: events.Effect, path: str) -> None:
        match effect:
            case events.Create():
                self._create(effect, path)
            case events.OrderStop():
                self._stop(effect)
            case events.Publish():
                self.statuses.append(effect.status)
            case events.Bind():
                self.names[effect.name] = effect.epoch
            case events.Unbind():
                assert self.names.pop(effect.name) == effect.epoch
            case events.BootDone():
                self._boot_done(path)
            case events.Leave():
                self._leave(effect, path)
            case _:
                self._note(effect, path)

    def _note(self, effect: events.Effect, path: str) -> None:
        match effect:
            case events.Fence():
                self.fenced.append((effect.name, effect.epoch, self.now))
            case events.Interrupt():
                self.interrupts.append((effect.name, self.now))
            case events.Abandon():
                self._abandon(effect.name, effect.epoch)
            case events.Inspect():
                self._inspect(effect, path)
            case events.Failure():
                self.failures.append(effect)
            case events.Reply():
                self._replies.append(effect)

    def _life(self, name: str, index: int) -> Life:
        script = self.lives.get(name, (LIVES,))
        return script[min(index, len(script) - 1)]

    def _create(self, effect: events.Create, path: str) -> None:
        name, epoch = effect.name, effect.epoch
        assert name not in self._live, f"{name}#{self._live[name]} still lives"
        self._live[name] = epoch
        self.created.append((name, self.now))
        self._births[(name, epoch)] = self.now
        spec = next(c.spec for c in self._machines[path][0].children if c.name == name)
        if isinstance(spec, SupervisorSpec):
            self._raise_supervisor(spec, name, epoch)
            self._at(self.now, lambda: self._tell(name, epoch, events.Boot()))
            return
        count = self._counts[name] = self._counts.get(name, 0) + 1
        life = self._life(name, count - 1)
        if life.construct_fails or life.start_fails:
            self._at(self.now, lambda: self._end(name, epoch, ExitKind.START_FAILED))
            return
        if life.ready is not None:
            self._at(self.now + life.ready, lambda: self._say(events.Ready(name, epoch)))
        for delay, ok in life.health:
            report = events.HealthReported(name, epoch, ok)
            self._at(self.now + delay, lambda report=report: self._say(report))  # type: ignore[misc]
        if life.ends is not None:
            self._at(self.now + life.ends, lambda: self._end(name, epoch, life.kind))

    def _tell(self, path: str, epoch: int, event: Event) -> None:
        """To that instance of a supervisor, if it is still there."""
        if path in self._machines and self._machines[path][1] == epoch:
            self.feed(event, path)

    def _say(self, event: events.Ready | events.HealthReported) -> None:
        if (event.name, event.epoch) not in self._ended:
            self.feed(event, event.name.rpartition("/")[0])

    def _end(self, name: str, epoch: int, kind: ExitKind, detail: str = "") -> None:
        if (name, epoch) not in self._ended:
            self._ended.add((name, epoch))
            if self._live.get(name) == epoch:
                del self._live[name]
            self.feed(events.Exited(name, epoch, kind, detail), name.rpartition("/")[0])

    def _abandon(self, name: str, epoch: int) -> None:
        """It is given up, and all that is below it."""
        self.abandoned.append((name, epoch, self.now))
        self._live.pop(name, None)
        for below in [n for n in self._live if n.rpartition("/")[0] == name]:
            self.names.pop(below, None)
            self._abandon(below, self._live[below])
        self._machines.pop(name, None)

    def _stop(self, effect: events.OrderStop) -> None:
        name, epoch = effect.name, effect.epoch
        self.orders.append((name, self.now))
        if name not in self._counts:
            self._at(self.now, lambda: self._tell(name, epoch, events.StopAll()))
            return
        life = self._life(name, self._counts[name] - 1)
        if life.stop is not None:
            self._at(self.now + life.stop, lambda: self._end(name, epoch, ExitKind.SHUTDOWN))

    def _inspect(self, effect: events.Inspect, path: str) -> None:
        life = self._life(effect.name, self._counts[effect.name] - 1)
        since = None
        if life.busy_from is not None:
            since = self._births[(effect.name, effect.epoch)] + life.busy_from
            since = since if since <= self.now else None
        self.feed(events.Inspected(effect.name, effect.epoch, since), path)

    def _boot_done(self, path: str) -> None:
        if not path:
            self.ready_at = self.now
            return
        epoch = self._machines[path][1]
        self._say(events.Ready(path, epoch))

    def _leave(self, effect: events.Leave, path: str) -> None:
        if not path:
            self.left = (effect.kind, effect.detail, self.now)
            return
        _, epoch = self._machines.pop(path)
        self._at(self.now, lambda: self._end(path, epoch, effect.kind, effect.detail))
