"""What an exit leads to: restart, rest, the breaker, giving up. One atomic step per exit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supervision import events, verbs
from supervision.child import Child, Purpose
from supervision.policy import AutoShutdown, Boot, Restart
from supervision.states import ChildState, ExitKind

if TYPE_CHECKING:
    from supervision.machine import Machine


_AS_ORDERED = (ExitKind.NORMAL, ExitKind.SHUTDOWN, ExitKind.KILLED)


def requested(machine: Machine, child: Child, event: events.Exited) -> None:
    """The exit that we ordered, or absorbed because we were about to: never a failure."""
    machine.unbind(child)
    purpose, probe = child.purpose, child.probe
    kind = ExitKind.KILLED if event.kind is ExitKind.KILLED else ExitKind.SHUTDOWN
    if event.kind not in _AS_ORDERED:
        machine.emit(
            events.Failure(
                child.name, event.epoch, event.kind, "absorbed by a stop", event.detail, event.cause
            )
        )
    temporary = child.policy.restart is Restart.TEMPORARY
    if purpose is Purpose.RESTART or (purpose is Purpose.GROUP and not temporary):
        _stand_by(machine, child, kind, probe)
        return
    child.manual = purpose is Purpose.MANUAL
    child.rest(ChildState.STOPPED, kind.value)
    machine.publish(child)
    if temporary:
        machine.forget(child)


def _stand_by(machine: Machine, child: Child, kind: ExitKind, probe: bool) -> None:
    """Its next instance comes without a delay or a token; a probe has had no verdict."""
    child.rest(ChildState.OPEN if probe else ChildState.WAITING, kind.value)
    child.free_start = True
    if probe:
        child.retry_at = machine.now
    machine.publish(child)


class _Verdict(NamedTuple):
    """Why an instance ended."""

    kind: ExitKind
    detail: str
    cause: BaseException | None


def unrequested(machine: Machine, child: Child, event: events.Exited) -> None:
    """Decide on an exit that nobody here asked for; the first cause counts."""
    why = _Verdict(*(child.cause or (event.kind, event.detail, event.cause)))
    machine.unbind(child)
    child.credit(machine.now)
    decision = _decide(machine, child, why)
    machine.emit(events.Failure(child.name, event.epoch, why.kind, decision, why.detail, why.cause))
    _auto_shutdown(machine, child)


def _decide(machine: Machine, child: Child, why: _Verdict) -> str:
    """Carry out what follows from the exit; returns it in words, for the log."""
    restart = child.policy.restart
    completed = why.kind is ExitKind.NORMAL and restart is not Restart.PERMANENT
    if child.first_start and not completed and child.policy.boot is Boot.REQUIRED:
        return _abort(machine, child, why)
    if restart is Restart.TEMPORARY or completed:
        return _end(machine, child, why, completed)
    if why.kind is ExitKind.FATAL:
        return _failed(machine, child, why.kind.value, why.detail)
    if len(child.abandoned) >= child.policy.max_abandoned:
        return _failed(machine, child, "abandoned_limit", why.detail)
    return _restart(machine, child, why)


def _abort(machine: Machine, child: Child, why: _Verdict) -> str:
    """A required first start failed: boot is undone. One that was added later is dropped again."""
    child.rest(ChildState.FAILED, why.kind.value, why.detail)
    machine.publish(child)
    if child.add_token is not None:
        verbs.answer_add(machine, child, events.VerbReply.START_ERROR, why.detail)
        machine.forget(child)
        return "dropped"
    text = f"{child.name} did not start ({why.kind.value}): {why.detail}"
    machine.stop_all(events.StopAll(ExitKind.START_FAILED, text, why.cause))
    return "boot failed"


def _end(machine: Machine, child: Child, why: _Verdict, completed: bool) -> str:
    """It has done what it had to do, or is one that is never restarted. No cascade."""
    child.completed = completed
    state = ChildState.STOPPED if completed else ChildState.FAILED
    child.rest(state, why.kind.value, why.detail)
    machine.publish(child)
    verbs.answer_add(machine, child, events.VerbReply.OK)
    if child.policy.restart is Restart.TEMPORARY:
        machine.forget(child)
    return state.value


def _failed(machine: Machine, child: Child, kind: str, detail: str) -> str:
    child.rest(ChildState.FAILED, kind, detail)
    machine.publish(child)
    verbs.answer_add(machine, child, events.VerbReply.START_ERROR, detail)
    machine.cascade(child)
    return f"failed ({kind})"


def _restart(machine: Machine, child: Child, why: _Verdict) -> str:
    child.failures += 1
    breaker = child.policy.breaker
    if breaker is not None and (child.probe or child.failures >= breaker.failure_threshold):
        child.openings += 1
        return _delay(machine, child, ChildState.OPEN, why)
    if breaker is None and _over_limit(machine):
        child.rest(ChildState.FAILED, "intensity", why.detail)
        machine.publish(child)
        text = f"{child.name} failed too often, at last: {why.detail or why.kind.value}"
        machine.stop_all(events.StopAll(ExitKind.ESCALATED, text, why.cause))
        return "escalated"
    return _delay(machine, child, ChildState.BACKING_OFF, why)


def _delay(machine: Machine, child: Child, state: ChildState, why: _Verdict) -> str:
    """A restart without a delay goes straight to starting; it is published only if held."""
    child.rest(state, why.kind.value, why.detail)
    child.probe = False
    child.set_delay(machine.now, machine.jitter)
    assert child.retry_at is not None, "set_delay sets it"
    seconds = child.retry_at - machine.now
    if seconds > 0:
        machine.publish(child)
    verbs.answer_add(machine, child, events.VerbReply.WAITING, why.detail)
    machine.cascade(child)
    return f"{state.value}, {'probe' if state is ChildState.OPEN else 'restart'} in {seconds:.3g} s"


def _over_limit(machine: Machine) -> bool:
    """Record one restart decision in the sliding window; a stamp exactly ``within`` old counts."""
    intensity, window = machine.spec.intensity, machine.window
    while window and window[0] < machine.now - intensity.within:
        window.popleft()
    window.append(machine.now)
    return len(window) > intensity.max_restarts


def _auto_shutdown(machine: Machine, child: Child) -> None:
    """A significant child that completed, or a temporary one that ended at all, may end us."""
    mode = machine.spec.auto_shutdown
    ended = child.completed or child.policy.restart is Restart.TEMPORARY
    if not child.spec.significant or not ended or mode is AutoShutdown.NEVER:
        return
    others = [c for c in machine.children if c.spec.significant and c is not child]
    if mode is AutoShutdown.ALL_SIGNIFICANT and not all(c.completed for c in others):
        return
    machine.stop_all(events.StopAll(ExitKind.NORMAL, f"{child.name} is done"))
