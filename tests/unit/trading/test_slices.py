"""Parts of a size: on the grid of both venues, each hedged before the next, in and out."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, holding, started
from trading.desk import Phase
from trading.slices import common_step, jittered_s, last_level, levels, next_level
from venues.model import Instrument


def stepped(step: str) -> Instrument:
    return msgspec.structs.replace(GRVT_ETH, step=D(step), min_size=D(step))


# -- the grid -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "step"),
    [("0.01", "0.01", "0.01"), ("0.001", "0.1", "0.1"), ("0.004", "0.006", "0.012"),
     ("5", "0.5", "5"), ("10", "4", "20")],
)  # fmt: skip
def test_the_common_step_is_the_smallest_that_both_divide(one: str, other: str, step: str) -> None:
    assert common_step((stepped(one), stepped(other))) == D(step)


@given(st.integers(1, 500), st.integers(1, 20), st.integers(1, 7))
def test_parts_are_steps_and_add_up_to_the_size(lots: int, slices: int, step: int) -> None:
    grid = Decimal(step) / 100
    ends = levels(grid * lots, slices, grid)
    parts = [end - begin for begin, end in zip((D(0), *ends), ends, strict=False)]
    assert sum(parts) == grid * lots
    assert all(part > 0 and part % grid == 0 for part in parts)
    assert len(parts) <= slices
    assert max(parts) == parts[-1]


@given(st.integers(0, 100), st.integers(1, 9))
def test_the_way_out_goes_by_the_ends_of_the_way_in(held: int, slices: int) -> None:
    ends = levels(D(1), slices, D("0.01"))
    size = D(held) / 100
    assert next_level(ends, size) > size or size == 1
    assert last_level(ends, size) < size or size == 0
    if 0 < size < 1:
        assert last_level(ends, next_level(ends, size)) <= size


# -- the desk -------------------------------------------------------------------------------------


def filled(desk: Desk) -> list[str]:
    """Both legs of each part fill, until nothing is wanted."""
    sizes = []
    while desk.machine.orders.unresolved():
        sizes.append(str(desk.live(PRIMARY).size))
        desk.fill(PRIMARY)
        desk.fill(HEDGE)
    return sizes


def test_each_part_is_hedged_before_the_next_is_ordered() -> None:
    desk = started(slices=3)
    desk.fill(PRIMARY)
    assert len(desk.on(PRIMARY)) == 1
    assert desk.live(HEDGE).size == D("0.16")
    desk.fill(HEDGE)
    assert [order.size for order in desk.on(PRIMARY)] == [D("0.16"), D("0.16")]


def test_the_size_goes_in_and_out_by_the_same_parts() -> None:
    desk = started(slices=3)
    assert filled(desk) == ["0.16", "0.16", "0.18"]
    desk.wait(0.5)
    assert filled(desk) == ["0.18", "0.16", "0.16"]
    assert desk.phase is Phase.SETTLING


def test_a_part_that_filled_in_part_is_completed_before_the_next() -> None:
    desk = started(slices=2)
    desk.cancel(PRIMARY, "0.1")
    desk.fill(HEDGE)
    assert desk.live(PRIMARY).size == D("0.15")


def test_what_is_closed_before_its_time_is_closed_at_once() -> None:
    desk = started(slices=5)
    filled(desk)
    desk.take(desk.machine.flatten(desk.now_s))
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_recovery_closes_all_at_once() -> None:
    desk = Desk(slices=5).recover("0.5", "-0.5").venues_up()
    assert desk.live(PRIMARY).size == D("0.5")


def test_parts_too_small_for_the_hedge_are_taken_together() -> None:
    desk = started(slices=5, hedge=msgspec.structs.replace(GRVT_ETH, min_size=D("0.25")))
    assert desk.live(PRIMARY).size == D("0.3")


# -- the hold -------------------------------------------------------------------------------------


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_a_hold_is_longer_or_shorter_by_its_jitter_at_most(jitter: float, cycle: int) -> None:
    hold_s = jittered_s(10.0, jitter, "eth", cycle)
    assert 10 * (1 - jitter) - 1e-9 <= hold_s <= 10 * (1 + jitter) + 1e-9
    assert hold_s == jittered_s(10.0, jitter, "eth", cycle)


def test_holds_of_different_cycles_differ() -> None:
    assert len({jittered_s(10.0, 0.5, "eth", cycle) for cycle in range(100)}) == 100


def test_a_cycle_is_held_for_its_jittered_time() -> None:
    hold_s = jittered_s(0.5, 0.4, "eth", 1)
    desk = holding(hold_jitter=0.4)
    assert desk.machine.next_due_s(desk.now_s) == desk.now_s + hold_s
