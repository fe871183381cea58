"""What docs/faults.md asks of a run beside its verdict: N by kind of cycle, times without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from drills.figures import Figures
from drills.unfold import Placed
from paper.naked import Spread, spread
from venues.model import ZERO

CLEAN: Final = "clean"
FAULTED: Final = "faulted"
_NS_PER_S: Final = 1_000_000_000
_FREEZE_S: Final = 1.0  # a pause between cycles that is so much longer than the plan's


class Freezes(msgspec.Struct, frozen=True, kw_only=True):
    """Times in which no cycle was under way, longer than the plan's pause by a second or more.

    ``unfounded`` are those that began while no fault acted.
    """

    count: int
    total_s: float
    longest_s: float
    unfounded: int


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """When a fault acted, as its plan says."""

    start_ns: int
    end_ns: int


def naked_by_cycle(figures: Figures) -> dict[int, Decimal]:
    """N of each cycle; what was naked between two belongs to the first."""
    found = dict.fromkeys((cycle.number for cycle in figures.cycles), ZERO)
    for episode in figures.episodes:
        found[episode.cycle] = found.get(episode.cycle, ZERO) + episode.q_s
    return found


def naked_by_kind(figures: Figures, placed: Sequence[Placed]) -> dict[str, Spread]:
    """N per cycle: of clean cycles, of those with a fault, and of these by the fault's group."""
    groups: dict[int, set[str]] = defaultdict(set)
    for each in placed:
        groups[each.cycle] |= {FAULTED, each.injection.group} - {""}
    kinds: dict[str, list[Decimal]] = defaultdict(list)
    for number, q_s in naked_by_cycle(figures).items():
        for kind in groups.get(number, {CLEAN}):
            kinds[kind].append(q_s)
    return {kind: spread(values) for kind, values in sorted(kinds.items())}


def freezes(figures: Figures, acting: Sequence[Acting], pause_s: float) -> Freezes:
    """How often and for how long no cycle was under way."""
    found: list[float] = []
    unfounded = 0
    for before, after in zip(figures.cycles, figures.cycles[1:], strict=False):
        if before.end_ns is None:
            continue
        idle_s = (after.start_ns - before.end_ns) / _NS_PER_S - pause_s
        if idle_s < _FREEZE_S:
            continue
        found.append(round(idle_s, 3))
        unfounded += not any(a.start_ns <= before.end_ns <= a.end_ns for a in acting)
    return Freezes(
        count=len(found),
        total_s=round(sum(found), 3),
        longest_s=max(found, default=0.0),
        unfounded=unfounded,
    )
