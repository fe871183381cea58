"""What moves by itself after an event: stop sequences, boot, starts that are due, readiness."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from supervision import events
from supervision.child import DELAYED, Child, Purpose
from supervision.policy import Boot, Restart
from supervision.states import ChildState

if TYPE_CHECKING:
    from supervision.machine import Machine


class Settling:
    """Takes one step at a time until nothing moves: stops first, then boot, then starts."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._queue: deque[Child] = deque()
        self._booting: Child | None = None
        self._booted = False

    def boot(self) -> None:
        """Start the children in list order, from here on."""
        self._booted = True
        self._queue.extend(self._machine.children)

    def drop(self, child: Child) -> None:
        """The child is off the list, whether or not its turn had come."""
        if child in self._queue:
            self._queue.remove(child)
        if self._booting is child:
            self._booting = None

    def step(self) -> bool:
        """Make one move; False when there is none to make."""
        if self._stop_next():
            return True
        if self._machine.leaving is not None:
            return self._leave()
        return self._boot_next() or self._start_due() or self._report_ready()

    def _stop_next(self) -> bool:
        """One at a time, the last first: the next is told only once the previous is gone."""
        wanted = [c for c in self._machine.children if c.wanted is not None]
        if not wanted or any(
            c.state is ChildState.STOPPING and c.purpose is not Purpose.FAIL
            for c in self._machine.children
        ):
            return False
        child = wanted[-1]
        assert child.wanted is not None, "filtered above"
        self._machine.stop(child, child.wanted)
        return True

    def _leave(self) -> bool:
        if self._machine.left or any(c.has_instance for c in self._machine.children):
            return False
        assert self._machine.leaving is not None, "only a leaving supervisor leaves"
        self._machine.left = True
        for child in [c for c in self._machine.children if c.dynamic]:
            self._machine.forget(child)
        self._machine.emit(
            events.Leave(
                self._machine.leaving.kind,
                self._machine.leaving.detail,
                self._machine.leaving.cause,
            )
        )
        return False

    def _boot_next(self) -> bool:
        """Strictly in order: the next is created when the one before has had its first start."""
        if self._booting is not None and self._booting.first_start:
            return False
        self._booting = None
        if not self._queue:
            return False
        child = self._booting = self._queue.popleft()
        if child.state is not ChildState.STOPPED or child.started or child.manual:
            return True
        if self._machine.gate(child) is None:
            child.first_start = True
            self._machine.create(child)
        else:
            child.rest(ChildState.WAITING)
            self._machine.publish(child)
        return True

    def _start_due(self) -> bool:
        due = [
            c
            for c in self._machine.children
            if c.state in DELAYED and c.retry_at is not None and c.retry_at <= self._machine.now
        ]
        due.sort(key=lambda c: (c.retry_at, c.index))
        waiting = [c for c in self._machine.children if c.state is ChildState.WAITING]
        return any(self._try_start(child) for child in [*due, *waiting])

    def _try_start(self, child: Child) -> bool:
        """True if something changed. Gate first, then the token: held children stay as they are."""
        if self._machine.gate(child) is not None:
            if child.state is ChildState.BACKING_OFF:
                child.rest(ChildState.WAITING)
                self._machine.publish(child)
                return True
            return False
        if self._held(child):
            return True
        probe = child.state is ChildState.OPEN and child.policy.breaker is not None
        self._machine.create(child, probe=probe)
        return True

    def _held(self, child: Child) -> bool:
        """Restarts and probes need a token; boot, verbs and bystanders of a group do not."""
        limiter = child.policy.limiter
        free = child.free_start or child.state is ChildState.WAITING or bool(child.reserved)
        if limiter is None or free:
            return False
        granted = self._machine.reserve(limiter, self._machine.now)
        if granted <= self._machine.now:
            return False
        child.reserved, child.retry_at = (limiter, granted), granted
        self._machine.publish(child)
        return True

    def _report_ready(self) -> bool:
        if self._machine.ready or self._queue or self._booting is not None or not self._booted:
            return False
        if all(self._settled(child) for child in self._machine.children):
            self._machine.ready = True
            self._machine.emit(events.BootDone())
        return False

    def _settled(self, child: Child) -> bool:
        """Up, or in a state that the supervisor's readiness does not wait for."""
        retrying = child.state in DELAYED or child.being_started
        optional = child.policy.boot is Boot.OPTIONAL or child.policy.restart is Restart.TEMPORARY
        return (
            child.up
            or child.state in (ChildState.STOPPED, ChildState.FAILED, ChildState.WAITING)
            or (optional and retrying)
        )
