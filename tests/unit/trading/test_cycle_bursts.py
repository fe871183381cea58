"""Many fills at once, and dust: every fill is hedged, none twice, and what is too small waits."""

from __future__ import annotations

import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, closing, started
from trading.desk import Phase
from trading.transitions import OrderState

COARSE_HEDGE = msgspec.structs.replace(GRVT_ETH, min_size=D("0.1"), step=D("0.1"))


@given(st.lists(st.integers(1, 5), min_size=20, max_size=20), st.integers(1, 19))
def test_twenty_fills_in_a_burst_have_no_more_hedges_and_the_same_sum(
    lots: list[int], answered_after: int
) -> None:
    desk = started(size=D("1.0"))
    done = D(0)
    for number, lot in enumerate(lots):
        done = min(done + D(lot) / 100, D("0.99"))
        desk.part_fill(PRIMARY, str(done))
        if number == answered_after:
            desk.fill(HEDGE)
    while [order for order in desk.machine.orders.unresolved() if order.leg is HEDGE]:
        desk.fill(HEDGE)
    assert -desk.machine.position(HEDGE) == done
    assert len(desk.on(HEDGE)) <= 4


def test_a_burst_is_decided_in_much_less_than_twenty_milliseconds() -> None:
    """A ratio in one run: 20 fills cost no more than 40 times the first one, hedge and all."""
    desk = started(size=D("1.0"))
    began_s = time.perf_counter()
    desk.part_fill(PRIMARY, "0.01")
    first_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    for number in range(2, 22):
        desk.part_fill(PRIMARY, str(D(number) / 100))
    assert time.perf_counter() - began_s < max(40 * first_s, 0.02)


def test_the_first_fill_is_hedged_at_once_and_the_rest_with_the_next() -> None:
    desk = started()
    for number in range(1, 21):
        desk.part_fill(PRIMARY, str(D(number) / 100))
    assert [order.size for order in desk.on(HEDGE)] == [D("0.01")]
    desk.fill(HEDGE)
    assert [order.size for order in desk.on(HEDGE)] == [D("0.01"), D("0.19")]


def test_dust_is_carried_and_cleared_on_the_primary_at_the_end() -> None:
    desk = started(hedge=COARSE_HEDGE, entry_attempts=1)
    desk.cancel(PRIMARY, "0.13")
    desk.fill(HEDGE)
    assert desk.machine.net == D("0.03")
    assert desk.phase is Phase.HOLDING
    desk.wait(0.5)
    assert desk.live(PRIMARY).size == D("0.03")
    desk.fill(PRIMARY)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    assert desk.machine.net == 0
    assert desk.machine.flat


def test_dust_alone_is_cleared_too() -> None:
    desk = started(hedge=COARSE_HEDGE, entry_attempts=1)
    desk.cancel(PRIMARY, "0.03")
    assert desk.on(HEDGE) == []
    desk.wait(0.5)
    assert (desk.live(PRIMARY).size, desk.live(PRIMARY).reduce_only) == (D("0.03"), True)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_the_net_is_never_more_than_one_lot_of_the_hedge_once_it_has_had_its_time(
    hundredths: list[int],
) -> None:
    desk = started(hedge=COARSE_HEDGE)
    done = D(0)
    for more in hundredths:
        done = min(done + Decimal(more) / 100, D("0.49"))
        desk.part_fill(PRIMARY, str(done))
        while [order for order in desk.machine.orders.unresolved() if order.leg is HEDGE]:
            desk.fill(HEDGE)
        assert abs(desk.machine.net) < COARSE_HEDGE.step


def test_a_late_fill_of_an_order_that_was_over_goes_with_the_next_hedge() -> None:
    desk = closing()
    order = desk.live(PRIMARY)
    desk.cancel(PRIMARY, "0.1")
    desk.report(order, "0.3", OrderState.CANCELLED)
    desk.fill(HEDGE)
    assert desk.live(HEDGE).size == D("0.2")
    assert BACKPACK_ETH.min_size == D("0.01")


# -- a last fill that is too little by itself ------------------------------------------------------

DEAR_HEDGE = msgspec.structs.replace(GRVT_ETH, min_notional=D("100"))  # 0.04 of 2500


def test_a_hedge_waits_for_a_last_fill_that_would_be_too_little_by_itself() -> None:
    desk = started(hedge=DEAR_HEDGE)
    desk.part_fill(PRIMARY, "0.47")
    assert desk.on(HEDGE) == []
    desk.fill(PRIMARY)
    assert [order.size for order in desk.on(HEDGE)] == [D("0.5")]


def test_it_waits_for_twenty_milliseconds_at_most() -> None:
    desk = started(hedge=DEAR_HEDGE)
    desk.part_fill(PRIMARY, "0.47")
    due_s = desk.machine.next_due_s(desk.now_s)
    assert due_s is not None
    assert due_s - desk.now_s == pytest.approx(0.02)
    desk.wait(0.019)
    assert desk.on(HEDGE) == []
    desk.wait(0.001)
    assert desk.live(HEDGE).size == D("0.47")


def test_it_does_not_wait_when_the_primarys_order_is_over() -> None:
    desk = started(hedge=DEAR_HEDGE)
    desk.cancel(PRIMARY, "0.47")
    assert desk.live(HEDGE).size == D("0.47")


@pytest.mark.parametrize("executed", ["0.1", "0.45"])
def test_it_does_not_wait_for_what_can_be_hedged_by_itself(executed: str) -> None:
    desk = started(hedge=DEAR_HEDGE)
    desk.part_fill(PRIMARY, executed)
    assert desk.live(HEDGE).size == D(executed)


def test_a_close_in_two_fills_leaves_nothing_to_carry() -> None:
    desk = closing(hedge=DEAR_HEDGE)
    desk.part_fill(PRIMARY, "0.47")
    desk.wait(0.001)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    assert desk.machine.flat
