"""Ketch beside other traders on the same seeds: a sign test on failed cycles, a bootstrap on N.

Cycles are paired by seed and number, so that what differs is the trader and not the trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb
from typing import Final

from drills.draws import Draws
from drills.result import Comparison, Result
from drills.traders import KETCH

_SAMPLES: Final = 1000
_CONFIDENCE: Final = 0.95


def compare(runs: Sequence[Result]) -> Iterator[Comparison]:
    """Ketch with each other trader that ran the same plan on a seed of its."""
    own = {_place(run): run for run in runs if run.trader == KETCH}
    for trader in dict.fromkeys(run.trader for run in runs if run.trader != KETCH):
        both = [
            (own[_place(run)], run) for run in runs if run.trader == trader and _place(run) in own
        ]
        if both:
            yield _compared(trader, both)


def sign_test(first: int, second: int) -> float:
    """How likely a split at least so uneven is by chance, two-sided; 1 of nothing."""
    total = first + second
    tail = sum(comb(total, k) for k in range(max(first, second), total + 1))
    return min(1.0, tail / 2.0 ** (total - 1))


def bootstrap(values: Sequence[float], samples: int = _SAMPLES) -> tuple[float, float]:
    """Between what the mean of ``values`` lies with 95 % confidence; the same for the same ones."""
    if not values:
        return 0.0, 0.0
    draws = Draws(0, 0, "bootstrap")
    means = sorted(sum(draws.choice(values) for _ in values) / len(values) for _ in range(samples))
    cut = int(samples * (1 - _CONFIDENCE) / 2)
    return means[cut], means[-1 - cut]


def _compared(trader: str, both: Sequence[tuple[Result, Result]]) -> Comparison:
    ketch_only = other_only = 0
    more: list[float] = []
    for own, other in both:
        for number in range(1, own.planned + 1):
            ours, theirs = _done(own, number), _done(other, number)
            ketch_only += ours and not theirs
            other_only += theirs and not ours
            more.append(_naked(other, number) - _naked(own, number))
    low, high = bootstrap(more)
    return Comparison(
        trader=trader, pairs=len(more), ketch_only=ketch_only, other_only=other_only,
        p_value=sign_test(ketch_only, other_only),
        naked_q_s=sum(more) / len(more) if more else 0.0, low=low, high=high,
    )  # fmt: skip


def _place(run: Result) -> tuple[int, str, str]:
    return run.seed, run.style, run.primary


def _done(run: Result, number: int) -> bool:
    """What was never begun was not completed either."""
    return number in run.cycle_naked_q_s and number not in run.incomplete


def _naked(run: Result, number: int) -> float:
    return float(run.cycle_naked_q_s.get(number, 0))
