"""What an operator may order for one child: start, stop, restart, reset, remove, add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervision import events
from supervision.child import DELAYED, Child, Purpose
from supervision.events import VerbKind, VerbReply
from supervision.policy import Restart, Strategy
from supervision.spec import child_errors
from supervision.states import ChildState

if TYPE_CHECKING:
    from supervision.machine import Machine


def apply(machine: Machine, order: events.Verb) -> None:
    """Carry out ``order`` and reply to it."""
    child = machine.find(order.id)
    if machine.leaving is not None:
        machine.emit(events.Reply(order.token, VerbReply.STOPPING))
        return
    if child is None:
        machine.emit(events.Reply(order.token, VerbReply.NOT_FOUND))
        return
    result = _VERBS[order.kind](machine, child)
    detail = (machine.gate(child) or "") if result is VerbReply.WAITING else ""
    machine.emit(events.Reply(order.token, result, detail))


def start(machine: Machine, child: Child) -> VerbReply:
    """One instance as soon as the gate allows, without a delay or a token."""
    if child.live and child.wanted is None:
        return VerbReply.ALREADY_STARTED
    if child.has_instance:
        child.start_after = True
        return VerbReply.OK
    if len(child.abandoned) >= child.policy.max_abandoned:
        return VerbReply.ABANDONED_LIMIT
    if child.state is ChildState.FAILED:
        child.failures = child.openings = 0
    child.manual = child.completed = False
    child.free_start = True
    if child.state is ChildState.OPEN:
        child.retry_at = machine.now
    elif child.state is not ChildState.WAITING:
        child.rest(ChildState.WAITING)
    if machine.gate(child) is None:
        machine.create(child, probe=child.state is ChildState.OPEN)
        return VerbReply.OK
    machine.publish(child)
    return VerbReply.WAITING


def _stop(machine: Machine, child: Child) -> VerbReply:
    child.start_after = False
    if child.live:
        _leave_service(machine, child, Purpose.MANUAL)
    elif child.state is ChildState.STOPPING:
        child.purpose = Purpose.MANUAL
    else:
        child.manual = True
        child.completed = False
        child.rest(ChildState.STOPPED)
        machine.publish(child)
    return VerbReply.OK


def _restart(machine: Machine, child: Child) -> VerbReply:
    if child.live:
        _leave_service(machine, child, Purpose.RESTART)
        return VerbReply.OK
    if child.state is ChildState.STOPPING:
        return VerbReply.OK
    return start(machine, child)


def _leave_service(machine: Machine, child: Child, purpose: Purpose) -> None:
    """Cascades like a failure and counts nowhere. Alone, it needn't wait for anybody's turn."""
    child.wanted = purpose
    if machine.spec.strategy is Strategy.ONE_FOR_ONE:
        machine.stop(child, purpose)
    else:
        machine.cascade(child)


def _reset(machine: Machine, child: Child) -> VerbReply:
    delayed = child.state in DELAYED
    if child.state is ChildState.FAILED:
        return start(machine, child)
    child.failures = 0
    if child.state is not ChildState.BACKING_OFF:
        child.openings = 0
    if child.state is ChildState.HALF_OPEN and child.wanted is None:
        machine.close(child)
    elif delayed:
        child.rest(ChildState.WAITING)
        return start(machine, child)
    child.probe = False
    return VerbReply.OK


def _remove(machine: Machine, child: Child) -> VerbReply:
    if child.live:
        return VerbReply.RUNNING
    if child.state is ChildState.STOPPING or child.state in DELAYED:
        return VerbReply.RESTARTING
    machine.forget(child)
    return VerbReply.OK


_VERBS = {
    VerbKind.START: start,
    VerbKind.STOP: _stop,
    VerbKind.RESTART: _restart,
    VerbKind.RESET: _reset,
    VerbKind.REMOVE: _remove,
}


def add(machine: Machine, order: events.Add) -> None:
    """Append a child and start it; the answer comes once it is ready or has failed to be.

    The child is dropped again if it is required and its first start fails.
    """
    present = machine.find(order.spec.id)
    if machine.leaving is not None:
        reply = events.Reply(order.token, VerbReply.STOPPING)
    elif present is not None:
        started = VerbReply.ALREADY_STARTED if present.live else VerbReply.ALREADY_PRESENT
        reply = events.Reply(order.token, started)
    else:
        earlier = tuple(c.spec.id for c in machine.children)
        errors = child_errors(order.spec, earlier, machine.spec.auto_shutdown)
        if not errors:
            _append(machine, order)
            return
        text = "; ".join(str(error) for error in errors)
        reply = events.Reply(order.token, VerbReply.START_ERROR, text)
    machine.emit(reply)


def _append(machine: Machine, order: events.Add) -> None:
    child = machine.append(order.spec, dynamic=True)
    shut = machine.gate(child)
    if shut is not None:
        child.rest(ChildState.WAITING)
        machine.publish(child)
        machine.emit(events.Reply(order.token, VerbReply.WAITING, shut))
        return
    child.add_token = order.token
    child.first_start = child.policy.restart is not Restart.TEMPORARY
    machine.create(child)


def answer_add(machine: Machine, child: Child, result: VerbReply, detail: str = "") -> None:
    """The first outcome of an added child's start answers its ``Add``."""
    if child.add_token is not None:
        machine.emit(events.Reply(child.add_token, result, detail))
        child.add_token = None
