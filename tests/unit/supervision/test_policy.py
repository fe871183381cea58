"""Delays and limits: exact figures (case K01) and what must hold for any figures."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.limiter import Limiters
from supervision.policy import Backoff, Breaker, Limiter


def _delay(n: int, initial: float, factor: float, cap: float) -> float:
    return Backoff(initial=initial, factor=factor, max=cap, jitter=0).delay(n)


def test_k01_delays_grow_to_their_cap() -> None:
    assert [_delay(n, 1, 2, 30) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("n", "initial", "factor", "cap", "expected"),
    [
        (3, 5, 2, 7, 7), (3, 5, 2, 604800, 20), (30, 300, 2, 600, 600), (500, 2, 1, 9, 2),
        (5, 0, 2, 30, 0), (2000, 1, 2, 30, 30), (1_000_000, 1, 1.5, 30, 30),
    ],
)  # fmt: skip
def test_k01_no_number_of_failures_overflows(
    n: int, initial: float, factor: float, cap: float, expected: float
) -> None:
    assert _delay(n, initial, factor, cap) == expected


def test_k02_jitter_only_adds_also_at_the_cap() -> None:
    backoff = Backoff(initial=1, factor=2, max=30, jitter=0.2)
    assert backoff.delay(1, 0.5) == pytest.approx(1.1)
    assert (backoff.delay(9, 0), backoff.delay(9, 0.5)) == (30, 33)


def test_the_first_restarts_of_a_streak_may_be_immediate() -> None:
    backoff = Backoff(immediate=1, jitter=0)
    assert [backoff.delay(n) for n in range(1, 5)] == [0, 1, 2, 4]


def test_a_breaker_waits_twice_as_long_each_time_up_to_its_maximum() -> None:
    assert [Breaker(jitter=0).delay(k) for k in range(1, 7)] == [60, 120, 240, 480, 900, 900]


@given(
    n=st.integers(1, 10**7),
    initial=st.floats(0, 3600),
    factor=st.floats(1, 10),
    extra=st.floats(0, 80000),
    jitter=st.floats(0, 1),
    u=st.floats(0, 1, exclude_max=True),
)
def test_a_delay_is_never_below_its_figure_nor_above_the_jittered_cap(
    n: int, initial: float, factor: float, extra: float, jitter: float, u: float
) -> None:
    backoff = Backoff(initial=initial, factor=factor, max=initial + extra, jitter=jitter)
    floor = backoff.delay(n, 0)
    assert initial * 0.999999 <= floor <= backoff.max
    assert floor <= backoff.delay(n, u) <= floor * (1 + jitter)


@given(
    rate=st.floats(0.01, 100),
    burst=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=40),
)
def test_a_limiter_never_grants_more_than_its_burst_and_rate(
    rate: float, burst: int, gaps: list[float]
) -> None:
    limiters = Limiters({"x": Limiter(rate, burst)})
    granted = [limiters.reserve("x", now) for now in itertools.accumulate(gaps)]
    assert granted == sorted(granted)
    for i, first in enumerate(granted):
        for j in range(i, len(granted)):
            assert j - i + 1 <= burst + (granted[j] - first) * rate + 1e-6
