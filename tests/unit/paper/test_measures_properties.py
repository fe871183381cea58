"""Runs of a sound hedger, whatever its slices, are sound; with one defect, each is found out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper.verdict import Measures
from tests.support.paper_script import Script

LOT = Decimal("0.01")
FULL = 50
Slices = list[int]
quick = settings(max_examples=40, deadline=None)


@st.composite
def slices(draw: st.DrawFn) -> Slices:
    """A cycle's 50 lots, cut into primary fills."""
    cuts = draw(st.sets(st.integers(1, FULL - 1), max_size=4))
    edges = [0, *sorted(cuts), FULL]
    return [b - a for a, b in pairwise(edges)]


cycles = st.lists(st.tuples(slices(), slices(), st.booleans()), min_size=1, max_size=4)


def leg(script: Script, parts: Slices, sign: int) -> None:
    """One primary order, filled in parts, each part hedged by one order of its own."""
    order = script.accept("backpack", str(LOT * FULL * sign))
    for part in parts:
        script.fill(order, str(LOT * part))
        script.wait(5)
        script.trade("grvt", str(-LOT * part * sign))
    script.end(order)
    script.wait(500)


def play(script: Script, run: list[tuple[Slices, Slices, bool]]) -> None:
    for opening, closing, long in run:
        leg(script, opening, 1 if long else -1)
        leg(script, closing, -1 if long else 1)


@quick
@given(cycles)
def test_a_sound_run_is_sound_however_it_is_sliced(run: list[tuple[Slices, Slices, bool]]) -> None:
    script = Script()
    play(script, run)
    verdict = script.judge(planned=len(run))
    assert verdict.sound
    assert (verdict.completed, verdict.availability) == (len(run), Decimal(1))
    assert verdict.naked_ms.max == 5
    assert verdict.naked_q_s.max <= Decimal("0.005")


def hedge_twice(script: Script) -> None:
    script.trade("backpack", "0.3")
    script.trade("grvt", "-0.3")
    script.trade("grvt", "-0.3")


def hedge_too_much(script: Script) -> None:
    script.trade("backpack", "0.3")
    script.trade("grvt", "-0.31")


def open_twice(script: Script) -> None:
    script.accept("backpack", "0.5")
    script.end(script.accept("backpack", "0.5"), "cancelled")


def forget_an_order(script: Script) -> None:
    script.accept("backpack", "-0.01")


def leave_a_leg(script: Script) -> None:
    script.trade("backpack", "0.5")


def oversize(script: Script) -> None:
    script.end(script.accept("backpack", "0.51"), "cancelled")


DEFECTS: list[tuple[Callable[[Script], None], str]] = [
    (hedge_twice, "duplicates"),
    (hedge_too_much, "duplicates"),
    (hedge_too_much, "flips"),
    (open_twice, "duplicates"),
    (forget_an_order, "orphans"),
    (leave_a_leg, "position_errors"),
    (oversize, "position_errors"),
]


@pytest.mark.parametrize(("defect", "measure"), DEFECTS)
@settings(max_examples=15, deadline=None)
@given(run=cycles)
def test_one_defect_after_any_sound_run_is_found(
    defect: Callable[[Script], None], measure: str, run: list[tuple[Slices, Slices, bool]]
) -> None:
    script = Script()
    play(script, run)
    defect(script)
    verdict: Measures = script.judge(planned=len(run))
    assert getattr(verdict, measure)
    assert not verdict.sound
