"""Naked episodes: how long, and how much of a cycle, stood without its hedge."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from venues.model import ZERO

_N = TypeVar("_N", Decimal, float)
_NS_PER_S = Decimal(1_000_000_000)
_NS_PER_MS = Decimal(1_000_000)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over all episodes; percentiles are by nearest rank, 0 without an episode."""

    total: Decimal
    p50: Decimal
    p99: Decimal
    max: Decimal


def spread(values: Sequence[Decimal]) -> Spread:
    """Total, median, 99th percentile and maximum of ``values``."""
    ordered = sorted(values)
    return Spread(
        total=sum(ordered, ZERO),
        p50=rank(ordered, 50, ZERO),
        p99=rank(ordered, 99, ZERO),
        max=ordered[-1] if ordered else ZERO,
    )


def rank(ordered: Sequence[_N], percent: int, of_none: _N) -> _N:
    """A percentile of sorted values, by nearest rank; ``of_none`` where there are no values."""
    if not ordered:
        return of_none
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


class NakedClock:
    """Integrates |net| over time; an episode lasts while |net| reaches one hedge lot.

    Both |net| and q are valued at the same mark, so the mark cancels and N = ∫|net| dt / q in q·s.
    """

    def __init__(self, q: Decimal, lot: Decimal) -> None:
        self._q = q
        self._lot = lot
        self._net = ZERO
        self._since_ns = 0
        self._started_ns: int | None = None
        self._integral = ZERO
        self.exposures_q_s: list[Decimal] = []
        self.durations_ms: list[Decimal] = []

    def moved(self, net: Decimal, at_ns: int) -> None:
        """The net position is ``net`` from ``at_ns`` on."""
        self._integrate(at_ns)
        self._net = net
        naked = abs(net) >= self._lot
        if naked and self._started_ns is None:
            self._started_ns = at_ns
        elif not naked and self._started_ns is not None:
            self._finish(self._started_ns, at_ns)

    def end(self, at_ns: int) -> None:
        """The run is over; an open episode counts up to here."""
        self._integrate(at_ns)
        if self._started_ns is not None:
            self._finish(self._started_ns, at_ns)

    def _integrate(self, at_ns: int) -> None:
        if self._started_ns is not None:
            self._integral += abs(self._net) * (at_ns - self._since_ns) / _NS_PER_S / self._q
        self._since_ns = at_ns

    def _finish(self, started_ns: int, at_ns: int) -> None:
        self.exposures_q_s.append(self._integral)
        self.durations_ms.append((at_ns - started_ns) / _NS_PER_MS)
        self._integral = ZERO
        self._started_ns = None
