"""In which parts a cycle's size goes in and out, and how long it is held. Pure.

Parts are multiples of a size that both venues can trade, so each can be hedged whole.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from venues.model import ZERO, Instrument

_HASH_RANGE: Final = 1 << 64


def common_step(instruments: Iterable[Instrument]) -> Decimal:
    """The smallest size above 0 that is a whole number of steps of every instrument."""
    steps = [Fraction(instrument.step) for instrument in instruments]
    whole = math.lcm(*(step.numerator for step in steps))
    parts = math.gcd(*(step.denominator for step in steps))
    return Decimal(whole) / Decimal(parts)


def levels(size: Decimal, slices: int, step: Decimal) -> tuple[Decimal, ...]:
    """How much is open after each part: ``slices`` of them or fewer, the last one is ``size``.

    Each part is rounded down to ``step``; what that leaves goes with the last.
    """
    part = (size / slices) // step * step
    if part <= 0:
        return (size,)
    return (*(part * number for number in range(1, slices)), size)


def next_level(open_levels: tuple[Decimal, ...], held: Decimal) -> Decimal:
    """The first level above ``held``, or the highest."""
    return next((level for level in open_levels if level > held), open_levels[-1])


def last_level(open_levels: tuple[Decimal, ...], held: Decimal) -> Decimal:
    """The last level below ``held``, or nothing."""
    return next((level for level in reversed(open_levels) if level < held), ZERO)


def jittered_s(hold_s: float, jitter: float, desk: str, cycle: int) -> float:
    """The hold of one cycle: longer or shorter by up to ``jitter`` of it, the same each time."""
    digest = hashlib.sha256(f"{desk} {cycle}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / _HASH_RANGE * 2 - 1
    return max(0.0, hold_s * (1 + jitter * share))
