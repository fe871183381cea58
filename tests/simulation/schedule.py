"""A virtual clock and the order in which things happen on it: one seed, one course of events."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random

from tests.support_trading import SECOND_NS, START_NS


class Schedule:
    """What is still to happen. A *step* is a message that arrives somewhere; steps are counted."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now_s = 1000.0
        self.steps = 0
        self.on_step: Callable[[int], None] = lambda step: None
        self._heap: list[tuple[float, int, bool, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def now_ns(self) -> int:
        """UTC, on the same clock."""
        return START_NS + int(self.now_s * SECOND_NS)

    def after(self, delay_s: float, act: Callable[[], None], *, step: bool = True) -> None:
        """Have ``act`` happen ``delay_s`` from now."""
        heapq.heappush(self._heap, (self.now_s + delay_s, next(self._order), step, act))

    def chance(self, probability: float) -> bool:
        """True that often. Nothing is drawn for 0, so that a calm world has one course."""
        return probability > 0 and self.random.random() < probability

    def run_until(self, over: Callable[[], bool], limit_s: float) -> None:
        """Let things happen until ``over()``, or until ``limit_s`` have passed."""
        end_s = self.now_s + limit_s
        while self._heap and not over() and self._heap[0][0] <= end_s:
            self.now_s, _, step, act = heapq.heappop(self._heap)
            if step:
                self.steps += 1
                self.on_step(self.steps)
            act()
