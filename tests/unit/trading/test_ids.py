"""Client order ids: what a restarted process can compute, and what a venue can take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.ids import (
    CYCLE_SPAN,
    MAX_ATTEMPTS,
    MAX_DESKS,
    Leg,
    OrderKey,
    client_order_id,
    compact_id,
    key_of,
)

keys = st.builds(
    OrderKey,
    desk=st.integers(0, MAX_DESKS - 1),
    cycle=st.integers(1, CYCLE_SPAN - 1),
    leg=st.sampled_from(Leg),
    attempt=st.integers(0, MAX_ATTEMPTS - 1),
)


@given(keys)
def test_a_key_is_read_back_from_its_compact_id(key: OrderKey) -> None:
    assert key_of(compact_id(key)) == key


@given(keys)
def test_a_key_is_read_back_from_its_wide_id(key: OrderKey) -> None:
    assert key_of(client_order_id(key, wide=True)) == key


@given(keys, keys)
def test_two_keys_have_the_same_id_only_if_they_are_the_same(one: OrderKey, two: OrderKey) -> None:
    assert (compact_id(one) == compact_id(two)) == (one == two)


@given(keys)
def test_a_compact_id_is_a_positive_uint32(key: OrderKey) -> None:
    assert 0 < client_order_id(key, wide=False) < 1 << 32


@given(keys)
def test_a_wide_id_is_in_the_machine_range_of_grvt(key: OrderKey) -> None:
    assert 1 << 63 <= client_order_id(key, wide=True) < 1 << 64


@given(keys)
def test_the_low_half_of_a_wide_id_is_the_compact_one(key: OrderKey) -> None:
    assert client_order_id(key, wide=True) & 0xFFFFFFFF == client_order_id(key, wide=False)


@given(keys)
def test_a_cycle_number_comes_round_after_its_span(key: OrderKey) -> None:
    later = OrderKey(key.desk, key.cycle + CYCLE_SPAN, key.leg, key.attempt)
    assert compact_id(later) == compact_id(key)


def test_the_layout_is_fixed_because_a_later_version_reads_it() -> None:
    assert compact_id(OrderKey(0, 1, Leg.PRIMARY, 0)) == 0x100
    assert compact_id(OrderKey(0, 1, Leg.HEDGE, 0)) == 0x180
    assert compact_id(OrderKey(0, 1, Leg.HEDGE, 5)) == 0x185
    assert compact_id(OrderKey(1, 1, Leg.PRIMARY, 0)) == 0x400_0100


def test_the_last_key_of_all_fills_the_uint32() -> None:
    last = OrderKey(MAX_DESKS - 1, CYCLE_SPAN - 1, Leg.HEDGE, MAX_ATTEMPTS - 1)
    assert compact_id(last) == 0xFFFFFFFF


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (OrderKey(MAX_DESKS, 1, Leg.PRIMARY, 0), "desk 64 is not in 0..63"),
        (OrderKey(-1, 1, Leg.PRIMARY, 0), "desk -1 is not in 0..63"),
        (OrderKey(0, 1, Leg.PRIMARY, MAX_ATTEMPTS), "attempt 128 is not in 0..127"),
        (OrderKey(0, 1, Leg.PRIMARY, -1), "attempt -1 is not in 0..127"),
        (OrderKey(0, 0, Leg.PRIMARY, 0), "cycle 0 is not positive"),
        (OrderKey(0, -3, Leg.PRIMARY, 0), "cycle -3 is not positive"),
    ],
)
def test_a_part_out_of_its_range_is_refused_by_name(key: OrderKey, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        compact_id(key)


def test_each_leg_is_the_other_one_of_the_other() -> None:
    assert Leg.PRIMARY.other is Leg.HEDGE
    assert Leg.HEDGE.other is Leg.PRIMARY
