"""The clearing house: where an account would be liquidated, and when funding is booked next."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.clearing import Clearing
from paper.registry import OrderRegistry
from paper.settings import BACKPACK_VENUE, Funding

SYMBOL = "ETH_USDC_PERP"
D = Decimal


class House:
    """A clearing house of one account with one position, at a mark that can be moved."""

    def __init__(self, size: str, deposit: str = "1000", **settings: object) -> None:
        self.mark = D(2500)
        changed = msgspec.structs.replace(BACKPACK_VENUE, deposit=D(deposit), **settings)
        self.clearing = Clearing(changed, ["main"], OrderRegistry(1), lambda _: self.mark)
        if D(size):
            self.clearing.account("main").trade(SYMBOL, D(size), self.mark, D(0))

    def liquidation_price(self) -> Decimal:
        return self.clearing.position("main", SYMBOL, 0).liquidation_price


@given(size=st.sampled_from(["0.5", "-0.5", "3", "-3"]), deposit=st.integers(400, 5_000))
def test_an_account_is_liquidated_just_beyond_its_liquidation_price(
    size: str, deposit: int
) -> None:
    house = House(size, str(deposit))
    price = house.liquidation_price()
    if not price:
        assert D(size) * 2500 <= deposit  # a long of which all of its worth may be lost
        return
    worse = -D("0.01") if D(size) > 0 else D("0.01")
    house.mark = price - worse
    assert not house.clearing.below_maintenance("main")
    house.mark = price + worse
    assert house.clearing.below_maintenance("main")


def test_who_holds_nothing_has_no_liquidation_price() -> None:
    assert House("0").liquidation_price() == 0


@pytest.mark.parametrize(("now_s", "next_s"), [(0, 3_600), (3_599, 3_600), (3_600, 7_200)])
def test_the_next_funding_is_at_the_next_multiple_of_the_interval(now_s: int, next_s: int) -> None:
    house = House("0.5", funding=Funding(interval_s=3_600))
    assert house.clearing.next_funding_ns(now_s * 10**9) == next_s * 10**9


@pytest.mark.parametrize(("now_s", "next_s"), [(0, 1_000), (999, 1_000), (1_000, 4_600)])
def test_fundings_that_were_moved_keep_their_interval(now_s: int, next_s: int) -> None:
    house = House("0.5", funding=Funding(interval_s=3_600))
    house.clearing.shift_funding(1_000 * 10**9)
    assert house.clearing.next_funding_ns(now_s * 10**9) == next_s * 10**9


def test_a_funding_that_was_moved_is_booked_once_when_it_is_due() -> None:
    house = House("0.5", funding=Funding(interval_s=3_600))
    house.clearing.fund(0)
    house.clearing.shift_funding(1_000 * 10**9)
    booked = [len(house.clearing.fund(now_s * 10**9)) for now_s in (999, 1_000, 1_001, 3_600)]
    assert [bool(count) for count in booked] == [False, True, False, False]
