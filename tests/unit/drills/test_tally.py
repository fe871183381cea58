"""Figures of a run beside its verdict: N by kind of cycle, pauses, the process, the comparison."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.compare import bootstrap, sign_test
from drills.figures import CycleFigures, Episode, Figures
from drills.footprint import Steps, look
from drills.plan import Injection
from drills.tally import Acting, freezes, naked_by_kind
from drills.unfold import Placed

D = Decimal
_S = 10**9


def cycle(number: int, start_s: int, end_s: int) -> CycleFigures:
    return CycleFigures(number=number, start_ns=start_s * _S, end_ns=end_s * _S, completed=True)


def episode(of_cycle: int, q_s: str) -> Episode:
    return Episode(cycle=of_cycle, start_ns=0, end_ns=_S, q_s=D(q_s))


def figures(*cycles: CycleFigures, episodes: tuple[Episode, ...] = ()) -> Figures:
    return Figures(cycles=cycles, episodes=episodes, fill_to_hedge_ms=(), cancel_to_end_ms=())


def test_n_is_told_of_clean_cycles_and_of_those_with_a_fault_by_its_group() -> None:
    run = figures(
        cycle(1, 0, 1), cycle(2, 1, 2), episodes=(episode(1, "0.1"), episode(2, "2"))
    )  # fmt: skip
    fault = Placed(injection=Injection(fault=20, group="feed"), cycle=2, arm=())
    kinds = naked_by_kind(run, (fault,))
    assert {kind: spread.max for kind, spread in kinds.items()} == {
        "clean": D("0.1"), "faulted": D(2), "feed": D(2),
    }  # fmt: skip


def test_a_cycle_that_was_never_naked_counts_too() -> None:
    kinds = naked_by_kind(figures(cycle(1, 0, 1), cycle(2, 1, 2), episodes=(episode(1, "3"),)), ())
    assert (kinds["clean"].p50, kinds["clean"].max) == (D(0), D(3))


@pytest.mark.parametrize(("until_s", "unfounded"), [(5, 0), (0, 1)])
def test_a_pause_that_begins_while_no_fault_acts_is_unfounded(until_s: int, unfounded: int) -> None:
    run = figures(cycle(1, 0, 1), cycle(2, 4, 5), cycle(3, 5, 6))
    acting = Acting(start_ns=0, end_ns=until_s * _S)
    found = freezes(run, (acting,), pause_s=0.5)
    assert (found.count, found.total_s, found.unfounded) == (1, 2.5, unfounded)


def test_a_process_is_looked_at_in_its_fifth_cycle_and_its_last() -> None:
    now_s = iter(range(100))
    steps = Steps(planned=20, clock_s=lambda: float(next(now_s)))
    for number in (1, 4, 5, 5, 9):
        steps.step(os.getpid(), lambda number=number: number, 1)  # type: ignore[misc]
    assert steps.early is not None
    assert steps.last is not None
    assert (steps.early.cycle, steps.last.cycle) == (5, 9)
    assert steps.last.descriptors > 2
    assert steps.last.rss_mib > 1


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    assert look(2**22 + 1, cycle=1, life=1) is None


@pytest.mark.parametrize(
    ("first", "second", "p_value"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (4, 4, 1.0)]
)
def test_the_sign_test_is_exact_and_two_sided(first: int, second: int, p_value: float) -> None:
    assert sign_test(first, second) == sign_test(second, first) == p_value


@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=8))
def test_a_bootstrap_lies_within_the_values_and_is_the_same_again(values: list[float]) -> None:
    low, high = bootstrap(values, 50)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert bootstrap(values, 50) == (low, high)
