"""Figures are ratios of medians taken by turns, and say whether their bound holds."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness import Bound, Figure, Pair, interleave, quantile, repeated, scaled
from benchmarks.report import as_json, cells

TIMES = st.lists(st.floats(1e-9, 10), min_size=1, max_size=50)


def figure(measured: float, floor: float | None, limit: float | None, bound: Bound) -> Figure:
    return Figure(name="a", measured=measured, unit="µs", floor=floor, limit=limit, bound=bound)


def test_both_sides_run_by_turns_and_each_goes_first_every_other_round() -> None:
    ran: list[str] = []

    def ours() -> float:
        ran.append("A")
        return 3.0

    def floor() -> float:
        ran.append("B")
        return 2.0

    pair = interleave(ours, floor, 3)
    assert "".join(ran) == "AB" + "AB" + "BA" + "AB"
    assert pair == Pair((3.0,) * 3, (2.0,) * 3)


def test_the_round_before_the_first_does_not_count() -> None:
    cold = iter([100.0, 1.0, 1.0])
    assert interleave(lambda: next(cold), lambda: 1.0, 2).ours == (1.0, 1.0)


def test_a_ratio_is_the_median_of_ours_over_that_of_the_floor() -> None:
    taken = Pair((3e-6, 900e-6, 2e-6), (2e-6, 1e-6, 2e-6)).figure("a", 1.5)
    assert taken.measured == pytest.approx(3.0)
    assert taken.floor == pytest.approx(2.0)
    assert taken.ratio == pytest.approx(1.5)


@pytest.mark.parametrize(("measured", "within"), [(3.0, True), (3.1, False)])
def test_a_ratio_may_be_as_large_as_its_limit(measured: float, within: bool) -> None:
    assert figure(measured, 2.0, 1.5, Bound.RATIO).within is within


@pytest.mark.parametrize(("measured", "within"), [(0.02, True), (0.021, False)])
def test_a_speed_up_is_the_other_way_round(measured: float, within: bool) -> None:
    taken = figure(measured, 1.0, 50, Bound.SPEED_UP)
    assert taken.ratio == pytest.approx(1.0 / measured)
    assert taken.within is within


@pytest.mark.parametrize(("measured", "within"), [(120, True), (121, False)])
def test_a_value_stands_alone(measured: float, within: bool) -> None:
    taken = figure(measured, None, 120, Bound.VALUE)
    assert taken.ratio is None
    assert taken.within is within


def test_a_figure_without_a_limit_only_informs() -> None:
    assert figure(1, 2, None, Bound.RATIO).within is None


def test_a_figure_over_its_bound_is_shown_so() -> None:
    assert cells(figure(31.0, 10.0, 1.5, Bound.RATIO))[1:] == (
        "31.0 µs", "10.0 µs", "3.10 x", "<= 1.5 x", "OVER",
    )  # fmt: skip
    assert cells(figure(1.5, None, 3, Bound.VALUE))[1:] == ("1.50 µs", "", "", "<= 3 µs", "ok")


def test_the_document_has_a_schema_and_every_figure() -> None:
    document = msgspec.json.decode(as_json([figure(3, 2, 1.5, Bound.RATIO)]))
    assert document["schema"] == "ketch.benchmarks/1"
    assert document["figures"] == [
        {"name": "a", "unit": "µs", "measured": 3.0, "floor": 2.0, "ratio": 1.5,
         "bound": "<= 1.5 x", "within": True},
    ]  # fmt: skip


@given(TIMES, st.floats(0.01, 1))
def test_a_quantile_is_not_exceeded_by_its_share_of_the_values(
    values: list[float], share: float
) -> None:
    limit = quantile(values, share)
    assert sum(value <= limit for value in values) >= share * len(values) - 1e-9


def test_the_99th_percentile_of_a_hundred_is_the_second_largest() -> None:
    assert quantile([float(n) for n in range(100)], 0.99) == 98.0


def test_a_batch_does_its_work_so_many_times() -> None:
    done: list[int] = []
    assert repeated(lambda: done.append(1), 7)() >= 0
    assert len(done) == 7


def test_a_scaled_count_is_never_nothing() -> None:
    assert [scaled(40, scale) for scale in (0.0, 0.25, 1.0, 2.0)] == [1, 10, 40, 80]
