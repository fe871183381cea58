"""The ladder: an order goes further through the touch while it is not filled."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, started
from trading.ladder import Climb
from trading.plan import Rung

TIMED = (Rung(cap_bps=D(5)), Rung(cap_bps=D(10), for_s=2.0), Rung(cap_bps=D(30)))


def test_a_rung_without_a_time_is_for_one_order() -> None:
    climb = Climb(TIMED)
    assert climb.cap_bps(0.0) == 5
    assert climb.missed(0.1)
    assert climb.cap_bps(0.1) == 10


def test_a_rung_with_a_time_is_left_when_that_is_over() -> None:
    climb = Climb(TIMED)
    climb.cap_bps(0.0)
    climb.missed(0.0)
    assert not climb.missed(1.9)
    assert climb.cap_bps(1.99) == 10
    assert climb.cap_bps(2.0) == 30


def test_there_is_nothing_above_the_last_rung() -> None:
    climb = Climb(TIMED)
    for now_s in range(10):
        climb.cap_bps(float(now_s))
        climb.missed(float(now_s))
    assert not climb.missed(99.0)
    assert climb.cap_bps(99.0) == 30


def test_what_filled_begins_at_the_bottom_again() -> None:
    climb = Climb(TIMED)
    climb.cap_bps(0.0)
    climb.missed(0.0)
    climb.reset()
    assert climb.cap_bps(50.0) == 5


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=20))
def test_an_order_never_goes_less_far_than_the_one_before(steps: list[tuple[float, bool]]) -> None:
    climb = Climb(TIMED)
    now_s, caps = 0.0, [climb.cap_bps(0.0)]
    for passed_s, missed in steps:
        now_s += passed_s
        if missed:
            climb.missed(now_s)
        caps.append(climb.cap_bps(now_s))
    assert caps == sorted(caps)


def test_no_order_goes_further_than_the_largest_slippage() -> None:
    desk = started(ladder=(Rung(cap_bps=D(5)), Rung(cap_bps=D(80))), max_slippage_bps=D(20))
    desk.fill(PRIMARY)
    desk.cancel(HEDGE)
    assert desk.live(HEDGE).price == D("2494.96")  # 2499.95 less 20 bps, up to the tick


def test_on_a_timed_rung_only_the_rest_is_repeated_after_a_pause() -> None:
    desk = started(ladder=(Rung(cap_bps=D(5), for_s=1.0), Rung(cap_bps=D(30))))
    desk.fill(PRIMARY)
    desk.cancel(HEDGE, "0.2")
    assert len(desk.on(HEDGE)) == 1
    desk.wait(0.25)
    assert desk.live(HEDGE).size == D("0.3")
    assert desk.live(HEDGE).price == desk.on(HEDGE)[0].price
    desk.cancel(HEDGE)
    desk.wait(0.75)
    assert desk.live(HEDGE).price < desk.on(HEDGE)[0].price


def test_three_rungs_within_five_seconds_and_then_the_rest_is_taken_off() -> None:
    """Fault 28, with every hedge filled by a fifth of what it asks for."""
    desk = started(ladder=tuple(Rung(cap_bps=D(cap)) for cap in (5, 15, 30)))
    desk.fill(PRIMARY)
    while desk.now_s < 5.0:
        for order in desk.machine.orders.unresolved():
            desk.report_part(order, order.size / 5)
        desk.wait(0.25)
    caps = {order.price for order in desk.on(HEDGE)}
    assert len(caps) == 3
    assert desk.live(PRIMARY).reduce_only
    assert desk.live(PRIMARY).size == desk.machine.net
    assert -desk.machine.position(HEDGE) <= Decimal("0.5")
