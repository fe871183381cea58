"""A virtual clock and the order in which things happen on it: one seed, one course of events."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tests.support.trading import SECOND_NS, START_NS

_BEGAN_S = 1000.0


class _Due(NamedTuple):
    at_s: float
    number: int
    step: bool
    ours: bool
    act: Callable[[], None]


class Schedule:
    """What is still to happen. A *step* is a message that arrives somewhere; steps are counted.

    ``now_s`` is the world's time. Our host has two clocks of its own: ``host_s``, monotonic, which
    stands while the host sleeps, and ``host_ns``, UTC as far as the host knows it.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now_s = _BEGAN_S
        self.steps = 0
        self.steps_due = 0
        self.on_step: Callable[[int], None] = lambda step: None
        self.clock_error_s = 0.0
        self._slept_s = 0.0
        self._begun: list[_Due] = []  # at which something else happens first
        self._heap: list[_Due] = []
        self._number = 0

    @property
    def now_ns(self) -> int:
        """UTC, as it is at the venues."""
        return START_NS + int(self.now_s * SECOND_NS)

    @property
    def host_s(self) -> float:
        """Our monotonic clock."""
        return self.now_s - self._slept_s

    @property
    def host_ns(self) -> int:
        """What our host takes for UTC."""
        return START_NS + int((self.now_s + self.clock_error_s) * SECOND_NS)

    def after(
        self, delay_s: float, act: Callable[[], None], *, step: bool = True, ours: bool = True
    ) -> None:
        """Have ``act`` happen ``delay_s`` from now; ``ours``: it waits while our host stands."""
        self._number += 1
        self.steps_due += step
        heapq.heappush(self._heap, _Due(self.now_s + delay_s, self._number, step, ours, act))

    def chance(self, probability: float) -> bool:
        """True that often. Nothing is drawn for 0, so that a calm world has one course."""
        return probability > 0 and self.random.random() < probability

    def run_until(self, over: Callable[[], bool], limit_s: float) -> None:
        """Let things happen until ``over()``, or until ``limit_s`` have passed."""
        end_s = self.now_s + limit_s
        heap, happen, pop = self._heap, self._happen, heapq.heappop
        while heap and not over() and heap[0][0] <= end_s:
            happen(pop(heap))

    def stand(self, length_s: float, *, clock_stands: bool) -> None:
        """Our host does nothing for so long; the venues go on. What came meanwhile is heard then.

        ``clock_stands``: as in a suspend, where the monotonic clock does not count the time.
        """
        end_s = self.now_s + length_s
        self._carry_out_theirs()
        held: list[_Due] = []
        while self._heap and self._heap[0].at_s <= end_s:
            due = heapq.heappop(self._heap)
            if due.ours:
                held.append(due)
            else:
                self._happen(due)
        self.now_s = max(self.now_s, end_s)
        if clock_stands:
            self._slept_s += length_s
        kept = []
        for due in self._heap:
            shifts = clock_stands and due.ours and not due.step
            kept.append(due._replace(at_s=due.at_s + length_s) if shifts else due)
        for place, due in enumerate(held):
            timer = clock_stands and not due.step
            kept.append(due._replace(at_s=due.at_s + length_s if timer else end_s + place * 1e-6))
        heapq.heapify(kept)
        self._heap[:] = kept

    def _happen(self, due: _Due) -> None:
        self.now_s = max(self.now_s, due.at_s)
        if due.step:
            self.steps += 1
            self.steps_due -= 1
            self._begun.append(due)
            self.on_step(self.steps)
            if not self._begun or self._begun[-1] is not due:
                return  # it was carried out before our host stood still
            self._begun.pop()
        due.act()

    def _carry_out_theirs(self) -> None:
        """What a venue is about to do it does now: only our host stands still."""
        if self._begun and not self._begun[-1].ours:
            self._begun.pop().act()
