"""New policies for a running supervisor: taken over at once, starting and stopping nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from supervision import events
from supervision.child import DELAYED, Child
from supervision.events import VerbReply
from supervision.states import ChildState

if TYPE_CHECKING:
    from supervision.machine import Machine


def apply(machine: Machine, order: events.Reload) -> None:
    """Replace the figures. The spec was validated as a whole; epochs and counters stay.

    Pending waits only become shorter; thresholds and longer waits act from the next failure.
    """
    machine.spec = dataclasses.replace(
        machine.spec,
        intensity=order.spec.intensity,
        shutdown_deadline=order.spec.shutdown_deadline,
    )
    wanted = {spec.id: spec for spec in order.spec.children}
    for child in machine.children:
        spec = wanted.pop(child.spec.id, None)
        child.orphan = spec is None and not child.dynamic
        if spec is None:
            child.kind = "orphan" if child.orphan else child.kind
            continue
        child.spec = spec
        _watch(machine, child)
        _shorten(machine, child)
    for spec in wanted.values():
        child = machine.append(spec, dynamic=False)
        child.kind = "added"
        machine.publish(child)
    machine.emit(events.Reply(order.token, VerbReply.OK))


def _watch(machine: Machine, child: Child) -> None:
    """A watchdog that is new, or looks more often, does so with what runs already."""
    watchdog = child.policy.watchdog
    if watchdog is None or not child.live or not child.ready:
        return
    first = machine.now + watchdog.interval
    child.inspect_at = first if child.inspect_at is None else min(child.inspect_at, first)


def _shorten(machine: Machine, child: Child) -> None:
    """min(old, entered + new delay with the same u); an open breaker that is gone is due now.

    Whoever has its restart token reserved has waited its delay already, and waits for the token.
    """
    if child.state not in DELAYED or child.retry_at is None:
        return
    if child.reserved is not None:
        if child.reserved[0] == child.policy.limiter:
            return
        child.unused, child.reserved = child.reserved, None
    if child.state is ChildState.OPEN and child.policy.breaker is None:
        child.retry_at = min(child.retry_at, machine.now)
        return
    child.retry_at = min(child.retry_at, child.entered_at + child.delay())
    if child.retry_at > machine.now:
        machine.publish(child)
