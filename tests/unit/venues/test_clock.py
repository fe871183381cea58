"""A venue's clock: measured now and then, carried on by the monotonic one, compared with ours."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import SECOND_NS, START_NS, new_order
from venues.clock import VenueClock


def clock_at(venue_s: float, at_s: float = 100.0, trip_s: float = 0.0) -> VenueClock:
    """A clock that said ``venue_s`` after START_NS, asked at ``at_s``."""
    clock = VenueClock("grvt")
    clock.measured(START_NS + int(venue_s * SECOND_NS), at_s, at_s + trip_s)
    return clock


def test_a_clock_that_was_never_measured_is_not_known() -> None:
    clock = VenueClock("grvt")
    assert clock.now_ns(1.0) is None
    assert clock.trouble(START_NS, 1.0, 2.0) == "the clock of grvt is not known"


def test_it_goes_on_with_the_monotonic_clock() -> None:
    assert clock_at(0).now_ns(107.5) == START_NS + int(7.5 * SECOND_NS)


def test_the_time_is_that_of_the_middle_of_the_way() -> None:
    assert clock_at(0, trip_s=1.0).now_ns(101.0) == START_NS + SECOND_NS // 2


def test_of_the_last_measurements_the_one_with_the_shortest_way_counts() -> None:
    clock = clock_at(0.0, trip_s=0.1)
    clock.measured(START_NS + 4 * SECOND_NS, 101.0, 105.0)
    assert clock.now_ns(106.0) == START_NS + int(5.95 * SECOND_NS)
    for late_s in range(5):
        clock.measured(START_NS + (11 + late_s) * SECOND_NS, 110.0 + late_s, 111.0 + late_s)
    assert clock.now_ns(115.0) == START_NS + int(15.5 * SECOND_NS)


@pytest.mark.parametrize("jump_s", [-60.0, -0.5, 0.5, 60.0])
def test_a_clock_that_was_set_anew_is_believed_at_once(jump_s: float) -> None:
    clock = clock_at(0.0)
    clock.measured(START_NS + int((10 + jump_s) * SECOND_NS), 109.9, 110.1)
    assert clock.now_ns(111.0) == START_NS + int((11 + jump_s) * SECOND_NS)


def test_a_measurement_that_is_too_old_is_none() -> None:
    assert clock_at(0).now_ns(500.0) is None


@pytest.mark.parametrize(("ours_s", "trouble"), [
    (0.0, ""), (1.0, ""), (-1.0, ""),
    (1.5, "our clock is 1.5 s ahead of that of grvt"),
    (-3600.0, "our clock is 3600.0 s behind that of grvt"),
])  # fmt: skip
def test_half_a_window_is_too_much(ours_s: float, trouble: str) -> None:
    assert clock_at(0).trouble(START_NS + int(ours_s * SECOND_NS), 100.0, 2.0) == trouble


@given(st.floats(-1e5, 1e5), st.floats(0, 10), st.floats(-1e5, 1e5))
def test_an_order_never_lives_longer_than_it_should_by_the_venues_clock(
    off_s: float, age_s: float, jump_s: float
) -> None:
    """However wrong ours is, and even if it was put back or forward since the decision."""
    clock = clock_at(off_s)
    our_ns = START_NS + int((age_s + jump_s) * SECOND_NS)
    expires_ns = clock.expiry_ns(new_order(lives_s=5.0), our_ns, 100.0)
    venue_ns = clock.now_ns(100.0)
    assert venue_ns is not None
    assert expires_ns is None or venue_ns < expires_ns <= venue_ns + 5 * SECOND_NS


def test_an_order_whose_time_is_over_gets_none() -> None:
    assert clock_at(0).expiry_ns(new_order(lives_s=5.0), START_NS + 5 * SECOND_NS, 100.0) is None


def test_without_the_venues_clock_ours_has_to_do() -> None:
    order = msgspec.structs.replace(new_order(lives_s=5.0))
    assert VenueClock("grvt").expiry_ns(order, START_NS, 1.0) == order.expires_ns


def test_what_the_venue_dates_is_of_that_moment_and_never_of_one_to_come() -> None:
    clock = clock_at(0)
    at_ns = START_NS + 3 * SECOND_NS
    assert clock.moment_s(at_ns, 110.0) == pytest.approx(103.0)
    assert clock.moment_s(at_ns, 102.0) == 102.0


def test_what_the_measurement_leaves_open_does_not_make_it_older() -> None:
    clock = clock_at(0, trip_s=1.0)
    assert clock.moment_s(START_NS + 3 * SECOND_NS, 110.0) == pytest.approx(104.0)


def test_what_is_not_dated_or_of_an_unknown_clock_is_of_when_it_was_read() -> None:
    assert clock_at(0).moment_s(0, 110.0) == 110.0
    assert clock_at(0).moment_s(START_NS, 1_000.0) == 1_000.0
    assert VenueClock("grvt").moment_s(START_NS, 110.0) == 110.0


def test_a_clock_that_is_forgotten_is_not_known_until_it_is_measured_again() -> None:
    clock = VenueClock("grvt")
    clock.measured(1_000_000_000, 1.0, 1.0)
    clock.forget()
    assert clock.now_ns(1.0) is None
    clock.measured(9_000_000_000, 2.0, 2.0)
    assert clock.now_ns(2.0) == 9_000_000_000
