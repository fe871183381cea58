"""The start gate: may a child that is waiting, or due, start now? A pure function."""

from __future__ import annotations

from collections.abc import Sequence

from supervision.child import DELAYED, Child
from supervision.policy import Gate, Strategy
from supervision.states import ChildState


def why_shut(child: Child, siblings: Sequence[Child], strategy: Strategy, now: float) -> str | None:
    """The reason why ``child`` may not start, or None when it may. Siblings in start order."""
    needed = [s for s in siblings if s.spec.id in child.spec.depends_on]
    if strategy is not Strategy.ONE_FOR_ONE:
        needed = [s for s in siblings if s.index < child.index]
        busy = _busy(child, siblings)
        if busy is not None:
            return busy
    for sibling in needed:
        if not _satisfied(child, sibling):
            return f"{sibling.name} is {sibling.state.value}"
    if strategy is Strategy.ONE_FOR_ALL:
        return _all_or_nothing(child, siblings, now)
    return None


def _satisfied(child: Child, needed: Child) -> bool:
    if needed.state is ChildState.RUNNING or needed.completed:
        return True
    return child.spec.gate is Gate.UP and needed.up


def _busy(child: Child, siblings: Sequence[Child]) -> str | None:
    """A group moves as one: nothing starts while a sibling is being stopped or started."""
    for sibling in siblings:
        if sibling is child:
            continue
        if sibling.wanted is not None or sibling.state is ChildState.STOPPING:
            return f"{sibling.name} is stopping"
        if sibling.being_started:
            return f"{sibling.name} is starting"
    return None


def _all_or_nothing(child: Child, siblings: Sequence[Child], now: float) -> str | None:
    for sibling in siblings:
        if sibling is child:
            continue
        pending = sibling.retry_at is not None and sibling.retry_at > now
        if sibling.state in DELAYED and pending:
            return f"{sibling.name} is {sibling.state.value}"
        if sibling.state is ChildState.FAILED or sibling.manual:
            return f"{sibling.name} is {sibling.state.value}"
    return None
