"""Faults that wait for a moment of a cycle."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from paper.faults.base import At, Fault, Hook

_Any = TypeVar("_Any", bound=Fault)


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A hook was reached: for the ``nth`` time in its cycle, and at that venue."""

    cycle: int
    hook: Hook
    nth: int
    venue: str = ""
    venue_nth: int = 0


class _Waiting(msgspec.Struct, Generic[_Any]):
    """``seen`` counts the hook from the arming on, for a fault that names no cycle."""

    fault: _Any
    at: At
    seen: int = 0

    def due(self, reached: Reached) -> bool:
        """Count the hook; True when it is the one."""
        at = self.at
        if at.hook != reached.hook or at.venue not in (None, reached.venue):
            return False
        if at.cycle is None:
            self.seen += 1
            return self.seen == at.nth
        nth = reached.nth if at.venue is None else reached.venue_nth
        return at.cycle == reached.cycle and at.nth == nth


class Plan(Generic[_Any]):
    """What is armed, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[_Any]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def armed(self) -> tuple[_Any, ...]:
        """Faults that still wait."""
        return tuple(waiting.fault for waiting in self._waiting)

    def add(self, fault: _Any, at: At) -> None:
        """Wait for ``at``."""
        self._waiting.append(_Waiting(fault, at))

    def due(self, reached: Reached) -> list[_Any]:
        """Take what was armed for this moment."""
        due = [waiting for waiting in self._waiting if waiting.due(reached)]
        self._waiting = [waiting for waiting in self._waiting if waiting not in due]
        return [waiting.fault for waiting in due]

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
