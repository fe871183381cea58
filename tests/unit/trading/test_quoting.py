"""Entries and exits that rest: quoted at the touch, hedged as they execute, cancelled in time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.trading import BACKPACK_ETH, D, quote
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, started
from trading.cycle_effects import CancelOrder
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import Action, ActiveLimit, MakerPlan, Style
from trading.transitions import OrderState
from venues.model import Refusal, Side

MAKER = MakerPlan(requotes=3, max_age_s=10.0, requote_s=0.5, follow_bps=D(2))


def resting(**figures: Any) -> Desk:
    """A desk whose entry rests at the touch."""
    return started(**({"entry": Style.MAKER, "exit": Style.MAKER, "maker": MAKER} | figures))


def leaving(**figures: Any) -> Desk:
    """A desk whose exit rests at the touch."""
    desk = resting(**figures).open().wait(0.5)
    assert desk.phase is Phase.CLOSING
    return desk


def rested(desk: Desk, seconds: float) -> Desk:
    """Time passes while prices keep coming, none of them old."""
    end_s = desk.now_s + seconds
    while end_s - desk.now_s > 1e-9:
        desk.wait(min(0.5, end_s - desk.now_s))
    return desk


# -- the quote ------------------------------------------------------------------------------------


def test_an_entry_rests_at_the_touch_of_its_own_side() -> None:
    order = resting().live(PRIMARY)
    assert (order.side, order.price, order.rests_s) == (Side.BUY, D("2499.95"), 10.0)
    assert order.adds_risk


def test_an_exit_rests_too_and_reduces_only() -> None:
    order = leaving().live(PRIMARY)
    assert (order.side, order.price, order.rests_s) == (Side.SELL, D("2500.05"), 10.0)
    assert order.reduce_only
    assert not order.adds_risk


def test_a_hedge_never_rests() -> None:
    desk = resting()
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).rests_s == 0


def test_each_execution_is_hedged_while_the_rest_still_rests() -> None:
    desk = resting()
    desk.part_fill(PRIMARY, "0.1")
    desk.fill(HEDGE)
    desk.part_fill(PRIMARY, "0.3")
    assert [order.size for order in desk.on(HEDGE)] == [D("0.1"), D("0.2")]
    assert len(desk.on(PRIMARY)) == 1
    assert desk.cancels(PRIMARY) == []


def test_a_quote_rests_for_its_time_and_the_next_waits_for_its_end() -> None:
    desk = resting()
    rested(desk, 9.9)
    before = desk.cancels(PRIMARY)
    assert desk.machine.next_due_s(desk.now_s) == 10.0
    desk.wait(0.1)
    assert (before, desk.cancels(PRIMARY)) == ([], [0])
    assert len(desk.on(PRIMARY)) == 1
    desk.cancel(PRIMARY)
    assert desk.live(PRIMARY).attempt == 1


def test_a_quote_follows_the_touch_when_that_has_moved_away() -> None:
    desk = resting().wait(1.0)
    desk.quotes(PRIMARY, mid="2500.40")
    before = desk.cancels(PRIMARY)
    desk.quotes(PRIMARY, mid="2500.60")  # 2.4 bps
    assert (before, desk.cancels(PRIMARY)) == ([], [0])
    desk.cancel(PRIMARY)
    assert desk.live(PRIMARY).price == D("2500.55")


def test_a_quote_that_the_touch_comes_closer_to_stays() -> None:
    desk = resting().wait(1.0)
    desk.quotes(PRIMARY, mid="2490")
    assert desk.cancels(PRIMARY) == []


def test_quotes_are_half_a_second_apart_however_fast_they_end() -> None:
    """Fault 29: refused 15 times in a row, the order rate stays at two a second."""
    desk = resting(maker=MakerPlan(requotes=15, requote_s=0.5))
    while desk.machine.orders.unresolved() or desk.phase is Phase.OPENING:
        for _ in desk.machine.orders.unresolved():
            desk.refuse(PRIMARY, Refusal.POST_ONLY)
        desk.wait(0.1)
    assert len(desk.on(PRIMARY)) == 15
    assert 7.0 <= desk.now_s <= 8.0
    assert desk.phase is Phase.SETTLING


def test_a_wish_to_cancel_is_repeated_while_the_order_lives() -> None:
    desk = rested(resting(), 10.0)
    for _ in range(9):
        desk.wait(0.25)
    assert desk.cancels(PRIMARY) == [0, 0, 0]


def test_what_executes_after_the_wish_to_cancel_counts() -> None:
    desk = rested(resting(), 10.0)
    desk.part_fill(PRIMARY, "0.2")
    assert desk.live(HEDGE).size == D("0.2")
    desk.cancel(PRIMARY, "0.3")
    desk.fill(HEDGE)
    assert desk.live(HEDGE).size == D("0.1")
    desk.fill(HEDGE)
    assert desk.live(PRIMARY).size == D("0.2")


def test_an_entry_is_left_at_what_it_has_after_its_last_quote() -> None:
    desk = resting()
    rested(desk, 10.0)
    desk.cancel(PRIMARY, "0.2")
    desk.fill(HEDGE)
    for _ in range(2):
        rested(desk, 10.0)
        desk.cancel(PRIMARY)
    assert desk.phase is Phase.HOLDING
    assert desk.machine.position(PRIMARY) == D("0.2")


def test_an_exit_that_was_not_had_in_its_quotes_crosses() -> None:
    desk = leaving()
    for _ in range(3):
        rested(desk, 10.0)
        desk.cancel(PRIMARY)
    order = desk.live(PRIMARY)
    assert (order.rests_s, order.price, order.reduce_only) == (0.0, D("2498.71"), True)


def test_a_slice_that_filled_whole_gives_the_next_all_its_quotes() -> None:
    desk = resting(slices=2)
    for _ in range(2):
        rested(desk, 10.0)
        desk.cancel(PRIMARY)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.wait(0.5)
    assert desk.live(PRIMARY).rests_s
    assert desk.machine.legs[PRIMARY].requotes_used == 1


# -- what speaks against it -----------------------------------------------------------------------


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("way", [resting, leaving])
def test_it_is_cancelled_when_a_venue_ceases_to_be_ready(leg: Leg, way: Any) -> None:
    desk = way()
    order = desk.live(PRIMARY)
    desk.readiness(leg, False)
    assert desk.cancels(PRIMARY) == [order.attempt]


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("way", [resting, leaving])
def test_it_is_cancelled_when_a_price_goes_stale(leg: Leg, way: Any) -> None:
    desk = way()
    order = desk.live(PRIMARY)
    desk.wait(0.9, quiet=True)
    desk.quotes(leg.other)
    due_s = desk.machine.next_due_s(desk.now_s)
    assert due_s is not None
    assert due_s <= desk.now_s + 0.102
    desk.wait(0.11, quiet=True)
    assert desk.cancels(PRIMARY) == [order.attempt]


@pytest.mark.parametrize("way", [resting, leaving])
def test_it_is_cancelled_when_its_hedge_misses(way: Any) -> None:
    desk = way()
    order = desk.live(PRIMARY)
    desk.part_fill(PRIMARY, "0.1")
    desk.cancel(HEDGE)
    assert desk.cancels(PRIMARY) == [order.attempt]


def test_an_entry_is_cancelled_by_a_limit_and_an_exit_goes_on() -> None:
    for way, cancelled in ((resting, 1), (leaving, 0)):
        desk = way()
        active = ActiveLimit("clock_skew_ms", Action.FREEZE, "1200 of 1000")
        desk.take(desk.machine.limits_changed((active,), desk.now_s))
        assert len(desk.cancels(PRIMARY)) == cancelled


@pytest.mark.parametrize("way", [resting, leaving])
def test_it_is_cancelled_when_the_desk_has_to_close_at_once(way: Any) -> None:
    desk = way()
    order = desk.live(PRIMARY)
    desk.take(desk.machine.flatten(desk.now_s))
    assert desk.cancels(PRIMARY) == [order.attempt]


def test_a_desk_in_a_hurry_crosses_once_what_rested_has_ended() -> None:
    desk = leaving()
    desk.take(desk.machine.halt("drift", desk.now_s))
    assert len(desk.on(PRIMARY)) == 2
    desk.cancel(PRIMARY, "0.1")
    desk.fill(HEDGE)
    assert (desk.live(PRIMARY).rests_s, desk.live(PRIMARY).size) == (0.0, D("0.4"))


def test_nothing_is_unwound_before_what_rests_has_ended() -> None:
    desk = resting()
    desk.part_fill(PRIMARY, "0.2")
    desk.refuse(HEDGE, Refusal.FUNDS)
    desk.wait(0.3)
    assert desk.phase is Phase.UNWINDING
    assert len(desk.on(PRIMARY)) == 1
    desk.cancel(PRIMARY, "0.25")
    assert (desk.live(PRIMARY).side, desk.live(PRIMARY).size) == (Side.SELL, D("0.25"))


def test_the_gate_is_asked_for_what_rests_but_never_on_the_way_to_a_hedge() -> None:
    asked: list[float] = []
    closed: list[str] = []

    def gate(_side: Side, now_s: float) -> tuple[str, ...]:
        asked.append(now_s)
        return tuple(closed)

    desk = Desk(entry=Style.MAKER, maker=MAKER, gate=gate).recover().venues_up()
    asked.clear()
    desk.part_fill(PRIMARY, "0.1", received_s=1.0)
    assert asked == []
    closed.append("grvt: no book")
    desk.quotes()
    assert desk.of(CancelOrder)[0].why == "grvt: no book"


def test_a_resting_price_is_never_on_the_other_side_of_its_tick() -> None:
    odd = quote(BACKPACK_ETH, "2500.005", "0.05")  # bid 2499.955, ask 2500.055
    desk = Desk(entry=Style.MAKER, maker=MAKER).recover().venues_up()
    desk.cancel(PRIMARY)
    desk.now_s += 1.0
    desk.take(desk.machine.quoted(HEDGE, quote(desk.instruments[HEDGE]), desk.now_s))
    desk.take(desk.machine.quoted(PRIMARY, odd, desk.now_s))
    assert desk.live(PRIMARY).price == D("2499.95")


def test_a_cancelled_quote_that_had_executed_whole_is_over() -> None:
    desk = rested(resting(), 10.0)
    desk.report(desk.live(PRIMARY), "0.5", OrderState.FILLED)
    desk.fill(HEDGE)
    assert desk.phase is Phase.HOLDING
