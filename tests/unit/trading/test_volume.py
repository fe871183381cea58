"""A day's volume: what the primary traded, until midnight UTC."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import D
from trading.desk import OrderRecord
from trading.leg import Leg
from trading.volume import DAY_NS, DayVolume, day_began_ns, volume_of
from venues.model import Side


def order(leg: Leg, executed: str, price: str = "2000") -> OrderRecord:
    return OrderRecord(
        leg=leg, client_order_id=1, side=Side.BUY, size=D(1), price=D(price), mid=D(price),
        reduce_only=False, executed=D(executed), average_price=D(price), fills=1, fee=D(0),
        state="filled", reason="", ack_ms=None,
    )  # fmt: skip


def test_only_what_the_primary_executed_counts() -> None:
    orders = (order(Leg.PRIMARY, "0.5"), order(Leg.HEDGE, "0.5"), order(Leg.PRIMARY, "0.2"))
    assert volume_of(orders) == D("1400")


def test_a_volume_that_is_reached_closes_the_desk_until_midnight() -> None:
    volume = DayVolume(D(2000), D(0), 5 * DAY_NS)
    volume.add((order(Leg.PRIMARY, "0.5"),), 5 * DAY_NS + 1)
    assert volume.closed(5 * DAY_NS + 2) == ()
    volume.add((order(Leg.PRIMARY, "0.5"),), 5 * DAY_NS + 3)
    assert volume.closed(6 * DAY_NS - 1) == (
        "2000 of 2000 is traded today; the day ends at midnight UTC",
    )
    assert volume.closed(6 * DAY_NS) == ()


def test_what_earlier_runs_of_the_day_traded_counts_too() -> None:
    assert DayVolume(D(2000), D(2000), 7 * DAY_NS + 9).closed(7 * DAY_NS + 10)


def test_a_clock_that_is_put_back_takes_nothing_off() -> None:
    volume = DayVolume(D(10), D(10), 7 * DAY_NS)
    assert volume.closed(7 * DAY_NS - 1)


@given(st.lists(st.decimals("0", "10", places=2), max_size=10))
def test_a_desk_without_a_volume_is_never_closed_by_it(sizes: list[Decimal]) -> None:
    volume = DayVolume(None, D(0), 0)
    for size in sizes:
        volume.add((order(Leg.PRIMARY, str(size)),), 1)
    assert volume.closed(2) == ()


@given(st.integers(0, 10**19))
def test_the_day_began_at_most_a_day_ago(utc_ns: int) -> None:
    assert 0 <= utc_ns - day_began_ns(utc_ns) < DAY_NS
