"""The first half of a cycle: it opens, and every fill is hedged."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, started
from trading.cycle_effects import PlaceOrder, StartCycle
from trading.desk import Phase
from trading.leg import Leg
from trading.transitions import OrderState
from venues.model import Side

COARSE_HEDGE = msgspec.structs.replace(GRVT_ETH, min_size=D("0.1"))

# -- opening --------------------------------------------------------------------------------------


def test_a_desk_does_nothing_before_it_knows_what_the_venues_hold() -> None:
    desk = Desk().venues_up()
    assert desk.phase is Phase.RECOVERING
    assert desk.orders == []


def test_a_cycle_opens_with_the_whole_size_on_the_primary() -> None:
    (order,) = started().orders
    assert (order.leg, order.side, order.size) == (PRIMARY, Side.BUY, D("0.5"))
    assert (order.cycle, order.attempt) == (1, 0)
    assert order.adds_risk
    assert not order.reduce_only


def test_a_cycle_is_on_record_before_its_first_order() -> None:
    kinds = [type(e) for e in started().effects if isinstance(e, StartCycle | PlaceOrder)]
    assert kinds == [StartCycle, PlaceOrder]


@pytest.mark.parametrize("lost", list(Leg))
def test_no_cycle_opens_while_a_venue_is_not_ready(lost: Leg) -> None:
    desk = Desk().recover()
    desk.readiness(lost.other, True)
    desk.quotes()
    assert desk.phase is Phase.IDLE
    desk.readiness(lost, True)
    assert len(desk.orders) == 1


@pytest.mark.parametrize("weak", list(Leg))
def test_no_cycle_opens_while_a_venue_is_on_probation(weak: Leg) -> None:
    desk = Desk().recover()
    desk.readiness(weak.other, True)
    desk.readiness(weak, True, new_risk=False)
    desk.quotes()
    assert desk.phase is Phase.IDLE


@pytest.mark.parametrize("stale", list(Leg))
def test_no_cycle_opens_on_a_stale_quote(stale: Leg) -> None:
    desk = Desk().recover()
    desk.quotes(stale)
    desk.wait(1.01, quiet=True)
    desk.quotes(stale.other)
    for leg in Leg:
        desk.readiness(leg, True)
    assert desk.phase is Phase.IDLE
    desk.quotes(stale)
    assert desk.phase is not Phase.IDLE


def test_a_buy_is_capped_above_the_ask_and_a_sell_below_the_bid() -> None:
    desk = started()
    desk.fill(PRIMARY)
    assert desk.on(PRIMARY)[0].price == D("2501.30")  # 2500.05 and 5 bps, down to the tick
    assert desk.on(HEDGE)[0].price == D("2498.71")  # 2499.95 less 5 bps, up to the tick


def test_an_entry_that_did_not_fill_is_tried_again_with_a_wider_cap() -> None:
    desk = started()
    desk.cancel(PRIMARY)
    assert [order.attempt for order in desk.orders] == [0, 1]
    assert [order.price for order in desk.orders] == [D("2501.30"), D("2502.86")]


def test_an_entry_that_filled_in_part_is_tried_again_for_the_rest() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.2")
    desk.fill(HEDGE)
    assert desk.live(PRIMARY).size == D("0.3")


def test_an_entry_is_not_tried_again_before_what_filled_is_hedged() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.2")
    assert len(desk.on(PRIMARY)) == 1


def test_an_entry_is_not_tried_again_on_a_venue_that_must_not_take_new_risk() -> None:
    desk = started()
    desk.readiness(HEDGE, True, new_risk=False)
    desk.cancel(PRIMARY)
    assert len(desk.orders) == 1
    desk.readiness(HEDGE, True)
    assert len(desk.orders) == 2


def test_a_refused_entry_is_tried_again_after_a_pause() -> None:
    desk = started()
    desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
    desk.wait(0.24)
    assert len(desk.orders) == 1
    desk.wait(0.01)
    assert len(desk.orders) == 2


def test_an_entry_that_fills_in_part_to_the_end_is_held_as_it_is() -> None:
    desk = started()
    desk.cancel(PRIMARY, "0.2")
    desk.fill(HEDGE)
    desk.cancel(PRIMARY)
    desk.cancel(PRIMARY)
    assert desk.phase is Phase.HOLDING
    assert desk.machine.position(PRIMARY) == D("0.2")


def test_an_entry_that_never_fills_is_given_up() -> None:
    desk = started()
    for _ in range(3):
        desk.cancel(PRIMARY)
    assert desk.phase is Phase.SETTLING
    desk.settle()
    assert desk.records[0].outcome == "abandoned"


# -- hedging --------------------------------------------------------------------------------------


def test_each_partial_fill_is_hedged_as_it_comes() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.1")
    desk.fill(HEDGE)
    desk.part_fill(PRIMARY, "0.3")
    desk.fill(HEDGE)
    desk.fill(PRIMARY)
    assert [order.size for order in desk.on(HEDGE)] == [D("0.1"), D("0.2"), D("0.2")]
    assert {order.side for order in desk.on(HEDGE)} == {Side.SELL}


def test_a_hedge_adds_no_risk_and_never_waits_for_a_disk() -> None:
    desk = started()
    desk.fill(PRIMARY)
    assert not desk.live(HEDGE).adds_risk


def test_a_view_that_tells_nothing_new_places_nothing() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.1")
    assert desk.part_fill(PRIMARY, "0.1") == []


def test_what_fills_while_a_hedge_is_unresolved_goes_with_the_next() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.1")
    desk.part_fill(PRIMARY, "0.2")
    desk.part_fill(PRIMARY, "0.4")
    assert len(desk.on(HEDGE)) == 1
    desk.fill(HEDGE)
    assert desk.live(HEDGE).size == D("0.3")


def test_a_hedge_in_doubt_is_not_sent_again_however_long_it_takes() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.report(desk.live(HEDGE), "0", OrderState.IN_DOUBT)
    for _ in range(100):
        desk.wait(1.0)
    assert len(desk.on(HEDGE)) == 1
    assert len(desk.on(PRIMARY)) == 1


def test_what_is_too_small_for_the_hedge_waits_until_it_is_enough() -> None:
    desk = started(hedge=COARSE_HEDGE)
    desk.part_fill(PRIMARY, "0.04")
    desk.part_fill(PRIMARY, "0.09")
    assert desk.on(HEDGE) == []
    desk.part_fill(PRIMARY, "0.12")
    assert desk.live(HEDGE).size == D("0.12")


def test_a_notional_below_the_minimum_of_the_hedge_venue_waits_too() -> None:
    desk = started(hedge=msgspec.structs.replace(GRVT_ETH, min_notional=D(500)))
    desk.part_fill(PRIMARY, "0.19")
    assert desk.on(HEDGE) == []
    desk.part_fill(PRIMARY, "0.21")
    assert desk.live(HEDGE).size == D("0.21")


def test_a_hedge_that_did_not_fill_goes_further_each_time() -> None:
    desk = started()
    desk.fill(PRIMARY)
    for _ in range(5):
        desk.cancel(HEDGE)
        desk.wait(0.25)
    prices = [order.price for order in desk.on(HEDGE)]
    assert prices[:2] == [D("2498.71"), D("2497.14")]
    assert prices == sorted(prices, reverse=True)
    assert prices[-1] == D("2492.46")  # 30 bps below the bid, and no further


def test_a_hedge_at_its_widest_cap_is_tried_again_after_a_pause() -> None:
    desk = started()
    desk.fill(PRIMARY)
    for _ in range(5):
        desk.cancel(HEDGE)
    assert len(desk.on(HEDGE)) == 5
    desk.wait(0.25)
    assert len(desk.on(HEDGE)) == 6


def test_a_hedge_that_filled_has_the_next_one_begin_at_the_first_cap() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.2")
    desk.cancel(HEDGE)
    desk.fill(HEDGE)
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).price == D("2498.71")


def test_a_fill_that_comes_after_the_end_of_its_order_is_hedged() -> None:
    desk = started()
    order = desk.live(PRIMARY)
    desk.cancel(PRIMARY)
    desk.report(order, "0.2", OrderState.CANCELLED)
    assert desk.live(HEDGE).size == D("0.2")


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 50))
def test_the_hedge_never_sells_more_than_the_primary_bought(
    upto: list[int], of_each_hedge: int
) -> None:
    desk = started()
    entry = desk.live(PRIMARY)
    for hundredths in upto:
        desk.report(entry, D(hundredths) / 100, OrderState.PARTIALLY_FILLED)
        if desk.machine.orders.live(HEDGE):
            share = min(D(of_each_hedge) / 100, desk.live(HEDGE).size)
            desk.cancel(HEDGE, str(share))
        promised = sum((o.size for o in desk.machine.orders.unresolved() if o.leg is HEDGE), D(0))
        assert promised - desk.machine.position(HEDGE) <= desk.machine.position(PRIMARY)


@given(st.lists(st.decimals("0", "0.5", places=2), min_size=1, max_size=6))
def test_naked_quantity_is_primary_plus_hedge(upto: list[Decimal]) -> None:
    desk = started()
    entry = desk.live(PRIMARY)
    for executed in upto:
        desk.report(entry, executed, OrderState.PARTIALLY_FILLED)
    assert desk.machine.net == max(upto)
    assert (desk.machine.naked_since_s is None) == (max(upto) == 0)
