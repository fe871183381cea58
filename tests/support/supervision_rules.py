"""A world that holds every machine of a tree to the rules, at every single event.

What happens in it is read from a tape of random bytes: one draw of hypothesis makes a whole run, so
that thousands are cheap, and shrinks it to zeros, which mean the simplest choice everywhere.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Mapping, Sequence

from supervision import events
from supervision.child import DELAYED
from supervision.events import Event, VerbKind, VerbReply
from supervision.machine import Machine
from supervision.policy import Gate, Limiter, Strategy
from supervision.spec import AnySpec, SupervisorSpec
from supervision.states import ChildState, ExitKind, StatusMessage
from tests.support.supervision import Life, World

ABNORMAL = frozenset(ExitKind) - {ExitKind.NORMAL, ExitKind.SHUTDOWN, ExitKind.KILLED}
_COUNTED = ("backing_off", "escalated")
_SATISFIED = (ChildState.RUNNING, ChildState.STOPPED)

Entry = tuple[str, float, Event, list[events.Effect]]


class RuledWorld(World):
    """A world in which breaking a rule is an assertion failure at the moment it happens.

    ``log`` has every event of every machine and what it led to, for comparing two runs.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        lives: Mapping[str, Sequence[Life]],
        *,
        u: Sequence[float] = (0.0,),
        limiters: Mapping[str, Limiter] | None = None,
    ) -> None:
        self.log: list[Entry] = []
        self._last: dict[str, StatusMessage] = {}
        self._promised: dict[str, float] = {}
        self._gone: set[str] = set()
        self._hurried: set[str] = set()
        self._down_by_hand: set[str] = set()
        self._counted: set[events.Identity] = set()
        self._told: set[events.Identity] = set()
        super().__init__(spec, lives, u=itertools.cycle(u).__next__, limiters=limiters)

    # -- what may happen to it ------------------------------------------------------------------

    @property
    def paths(self) -> tuple[str, ...]:
        """The supervisors that there are just now; the root first."""
        return tuple(self._machines)

    @property
    def living(self) -> tuple[str, ...]:
        """Who has an instance just now, the oldest first."""
        return tuple(self._live)

    def order(self, kind: VerbKind, name: str) -> None:
        """An operator's order to somebody who need not be there."""
        if name.rpartition("/")[0] not in self._machines:
            return
        if kind is VerbKind.STOP:
            self._down_by_hand.add(name)
        else:
            self._hurried.add(name)
            self._down_by_hand.discard(name)
        if self.verb(kind, name) is not VerbReply.OK:
            self._down_by_hand.discard(name)

    def add_now(self, spec: AnySpec, path: str) -> None:
        """A dynamic child; the answer may come later."""
        self.feed(events.Add(spec), path)
        self.until(self.now)

    def spec(self, path: str) -> SupervisorSpec:
        """What the supervisor at ``path`` goes by."""
        return self._machines[path][0].spec

    def is_worker(self, name: str) -> bool:
        """True for a scripted child."""
        return name in self._counts

    def retune(self, spec: SupervisorSpec, path: str) -> None:
        """New policies for one of the supervisors that there are."""
        self._hurried |= set(self._promised)
        self.reload(spec, path)

    def break_down(self, name: str, kind: ExitKind) -> None:
        """The present instance ends by itself, now."""
        self._end(name, self._live[name], kind)
        self.until(self.now)

    def find_fault(self, name: str) -> None:
        """Somebody else says that the present instance has to go."""
        fault = events.Faulted(name, self._live[name], ExitKind.ERROR, "found", unresponsive=True)
        self.feed(fault, name.rpartition("/")[0])
        self.until(self.now)

    def stop_and_give_up(self) -> None:
        """The stop of the root, and its deadline."""
        self.order_stop()
        self.feed(events.DeadlinePassed())
        self.until(self.now)

    # -- the rules, event by event --------------------------------------------------------------

    def _handle(self, machine: Machine, event: Event) -> list[events.Effect]:
        leaving = machine.leaving is not None or isinstance(event, events.StopAll)
        failures = {child.name: child.failures for child in machine.children}
        order = [child.name for child in machine.children]
        recent = machine.window.count(self.now)
        effects = super()._handle(machine, event)
        self.log.append((machine.path, self.now, event, effects))
        failed = [effect for effect in effects if isinstance(effect, events.Failure)]
        if leaving:
            self._check_leaving(order, effects)
        self._check_counts(machine, failed, failures, machine.window.count(self.now) - recent)
        self._check_one_failure_per_exit(machine, event, failed)
        self._check_owners(machine)
        return effects

    def _check_leaving(self, order: list[str], effects: list[events.Effect]) -> None:
        """Nothing is created after a stop; stops go in reverse, each once the last one is gone."""
        live = {name: self._live[name] for name in order if name in self._live}
        for effect in effects:
            assert not isinstance(effect, events.Create), f"{effect.name} created after the stop"
            if isinstance(effect, events.Abandon):
                live.pop(effect.name, None)
            elif isinstance(effect, events.OrderStop):
                others = [n for n in live if n != effect.name]
                later = [n for n in others if order.index(n) > order.index(effect.name)]
                assert not later, f"{effect.name} told to stop while {later} live"
                told = [n for n in others if (n, live[n]) in self._told]
                assert not told, f"{effect.name} told to stop before {told} are gone"

    def _check_counts(
        self,
        machine: Machine,
        failed: list[events.Failure],
        before: dict[str, int],
        stamps: int,
    ) -> None:
        """Each failure counts once: towards c of its child, and either a breaker or the window."""
        times = collections.Counter(failure.name for failure in failed)
        breakers = {c.name: c.policy.breaker is not None for c in machine.children}
        for child in machine.children:
            grown = child.failures - before.get(child.name, 0)
            assert grown <= times[child.name], f"{child.name} counted {grown} of {times}"
        for failure in failed:
            assert (failure.name, failure.epoch) not in self._counted, f"{failure} counted twice"
            self._counted.add((failure.name, failure.epoch))
        counted = [
            f for f in failed if f.decision.startswith(_COUNTED) and not breakers.get(f.name)
        ]
        assert stamps == len(counted), f"{stamps} stamps for {counted}"

    def _check_one_failure_per_exit(
        self, machine: Machine, event: Event, failed: list[events.Failure]
    ) -> None:
        """An abnormal exit of the present instance is one failure; of an abandoned one, none."""
        if not isinstance(event, events.Exited) or event.kind not in ABNORMAL or machine.left:
            return
        about = [f for f in failed if (f.name, f.epoch) == (event.name, event.epoch)]
        given_up = (event.name, event.epoch) in {(n, e) for n, e, _ in self.abandoned}
        known = any(child.name == event.name for child in machine.children)
        assert len(about) == (0 if given_up else 1) or not known, f"{event}: {about}"

    def _check_owners(self, machine: Machine) -> None:
        """No timer without an instance, no retry without a delay, no name without readiness."""
        for child in machine.children:
            assert child.has_instance or child.timers() == [], f"{child.name} has a timer"
            assert (child.state in DELAYED) == (child.retry_at is not None), child.name
            assert child.ready or not child.bound, f"{child.name} is bound before it is ready"
            assert child.live or not child.bound, f"{child.name} is bound and not there"
        if machine.left:
            assert machine.next_due() is None, f"{machine.path} has left and wants to be woken"

    # -- the rules, effect by effect ------------------------------------------------------------

    def _execute(self, effect: events.Effect, path: str) -> None:
        match effect:
            case events.Publish():
                self._check_status(effect.status)
            case events.Create():
                self._check_creation(effect, path)
            case events.OrderStop():
                identity = (effect.name, effect.epoch)
                assert identity not in self._told, f"{identity} told to stop twice"
                self._told.add(identity)
            case events.Leave() | events.Abandon():
                where = path if isinstance(effect, events.Leave) else effect.name
                self._forget_orders(where)
                self._gone |= {n for n in self._last if n.startswith(f"{where}/")}
            case events.Forget():
                self._down_by_hand.discard(effect.name)
                self._gone.add(effect.name)
        super()._execute(effect, path)

    def _check_status(self, status: StatusMessage) -> None:
        """No status repeats the one before it; epochs rise; a promise is kept until it is over."""
        last = self._last.get(status.name)
        if last is not None:
            assert status.epoch >= last.epoch, f"{status.name}: epoch {status.epoch} after {last}"
            keys = [(s.state, s.epoch, s.health, s.retry_at) for s in (last, status)]
            assert keys[0] != keys[1] or status.name in self._gone, f"{status} twice"
        self._gone.discard(status.name)
        self._last[status.name] = status
        if status.state in DELAYED and status.retry_at is not None:
            self._promised[status.name] = status.retry_at
        elif status.state not in (ChildState.STARTING, ChildState.HALF_OPEN):
            self._promised.pop(status.name, None)

    def _check_creation(self, effect: events.Create, path: str) -> None:
        """Under the next epoch, not before its time, not against an order, and needs are met."""
        name = effect.name
        assert effect.epoch == sum(1 for n, _ in self.created if n == name) + 1
        promised = self._promised.pop(name, None)
        early = promised is not None and self.now < promised
        assert not early or name in self._hurried, f"{name} before {promised}"
        self._hurried.discard(name)
        assert name not in self._down_by_hand, f"{name} was stopped by hand"
        machine, _ = self._machines[path]
        child = machine.find(name.rpartition("/")[2])
        assert child is not None, name
        states = {c.spec.id: self._last.get(c.name) for c in machine.children}
        for need in child.spec.depends_on if machine.spec.strategy is Strategy.ONE_FOR_ONE else ():
            state = states.get(need)
            probing = state is not None and state.state is ChildState.HALF_OPEN
            met = state is None or state.state in _SATISFIED or (
                probing and child.spec.gate is Gate.UP
            )  # fmt: skip
            assert met, f"{name} created while {need} is {state}"

    def _forget_orders(self, path: str) -> None:
        """The next life of a supervisor knows nothing of the orders that its last one got."""
        prefix = f"{path}/" if path else ""
        self._down_by_hand = {n for n in self._down_by_hand if not n.startswith(prefix)}
        self._promised = {n: t for n, t in self._promised.items() if not n.startswith(prefix)}
