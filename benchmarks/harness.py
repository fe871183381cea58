"""Figures, and how they are taken: ours and the floor by turns, so that load and clock cancel out.

A batch is a callable that does its work some times and returns the mean seconds of one. ``rounds``
batches of either side alternate (A B, B A, ...), and each side's median is what counts.
"""

from __future__ import annotations

import enum
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

Batch = Callable[[], float]

US: Final = 1e6


class Bound(enum.Enum):
    """What a limit limits: measured / floor, floor / measured, or the measured value itself."""

    RATIO = "ratio"
    SPEED_UP = "speed-up"
    VALUE = "value"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. ``measured`` and ``floor`` are in ``unit``.

    ``limit`` is None for a figure that only informs, ``floor`` for one that stands alone.
    """

    name: str
    measured: float
    unit: str
    floor: float | None = None
    limit: float | None = None
    bound: Bound = Bound.RATIO

    @property
    def ratio(self) -> float | None:
        """Measured / floor, turned round for a speed-up; None without a floor."""
        if self.floor is None:
            return None
        if self.bound is Bound.SPEED_UP:
            return _divided(self.floor, self.measured)
        return _divided(self.measured, self.floor)

    @property
    def within(self) -> bool | None:
        """True when the bound holds, None when there is none."""
        value = self.measured if self.bound is Bound.VALUE else self.ratio
        if self.limit is None or value is None:
            return None
        return value >= self.limit if self.bound is Bound.SPEED_UP else value <= self.limit


class Pair(msgspec.Struct, frozen=True):
    """What both sides took in each round, in seconds."""

    ours: tuple[float, ...]
    floor: tuple[float, ...]

    def figure(
        self,
        name: str,
        limit: float | None = None,
        bound: Bound = Bound.RATIO,
        *,
        share: float = 0.5,
    ) -> Figure:
        """The medians (or another quantile) of both sides, in microseconds."""
        return Figure(
            name=name,
            measured=quantile(self.ours, share) * US,
            floor=quantile(self.floor, share) * US,
            unit="µs",
            limit=limit,
            bound=bound,
        )


def interleave(ours: Batch, floor: Batch, rounds: int) -> Pair:
    """Run both by turns, each going first every other round; one round before is not counted."""
    ours(), floor()
    taken: dict[Batch, list[float]] = {ours: [], floor: []}
    for number in range(rounds):
        order = (ours, floor) if number % 2 == 0 else (floor, ours)
        for batch in order:
            taken[batch].append(batch())
    return Pair(tuple(taken[ours]), tuple(taken[floor]))


def repeated(work: Callable[[], object], times: int) -> Batch:
    """A batch that calls ``work`` so many times."""

    def batch() -> float:
        began_s = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - began_s) / times

    return batch


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed; the middle for one half."""
    if share == 0.5:
        return statistics.median(values)
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def scaled(count: float, scale: float) -> int:
    """``count`` times ``scale``, at least 1: how a benchmark is made short."""
    return max(1, round(count * scale))


def _divided(upper: float, lower: float) -> float:
    return upper / lower if lower else math.inf
