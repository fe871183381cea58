"""One limit over time: reached at its figure, in force, clear for long enough, reached again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import D
from trading.limits import Figure, Latch, LimitState, gist, in_force, short
from trading.plan import Action, ActiveLimit, Limit

AT_TEN = Limit(at=D(10), action=Action.REDUCE, clear_s=5.0)


def look(latch: Latch, value: str | None, now_s: float) -> LimitState:
    figure = Figure(None, "nobody said") if value is None else Figure(D(value), "of grvt")
    state = latch.look(figure, now_s)
    assert state is not None
    return state


@pytest.mark.parametrize(
    ("value", "above", "below"),
    [("9.999999", False, True), ("10", True, True), ("10.000001", True, False)],
)
def test_a_limit_is_reached_at_its_figure_from_its_side(
    value: str, above: bool, below: bool
) -> None:
    assert bool(look(Latch("x", AT_TEN), value, 0).active) is above
    assert bool(look(Latch("x", AT_TEN, from_above=True), value, 0).active) is below


def test_a_limit_that_is_switched_off_has_no_state() -> None:
    assert Latch("x", Limit()).look(Figure(D(10**9)), 0) is None
    assert Latch("x", Limit()).look(Figure(None, "unknown"), 0) is None


def test_it_says_what_was_reached_by_what() -> None:
    active = look(Latch("margin_ratio", AT_TEN), "12.3456789", 0).active
    assert active == ActiveLimit("margin_ratio", Action.REDUCE, "12.3457 of grvt, limit 10")


def test_its_reason_is_what_brought_it_and_its_figure_is_the_present_one() -> None:
    latch = Latch("x", AT_TEN)
    first = look(latch, "11", 0)
    later = look(latch, "9", 1)
    assert later.reason == first.reason
    assert later.figure == D(9)


def test_it_is_over_once_it_has_been_clear_for_its_time() -> None:
    latch = Latch("x", AT_TEN)
    look(latch, "10", 0)
    assert look(latch, "9", 1).clears_s == 6.0
    assert look(latch, "9", 5.9).active
    assert not look(latch, "9", 6.0).active


def test_reached_again_it_has_to_be_clear_for_the_whole_time_again() -> None:
    latch = Latch("x", AT_TEN)
    look(latch, "10", 0)
    look(latch, "9", 1)
    assert look(latch, "10", 5).clears_s is None
    look(latch, "9", 7)
    assert look(latch, "9", 11.9).active
    assert not look(latch, "9", 12).active


def test_without_a_time_to_clear_it_is_over_as_soon_as_it_is_clear() -> None:
    latch = Latch("x", Limit(at=D(10), clear_s=0))
    assert look(latch, "10", 0).active
    assert not look(latch, "9", 0.25).active


def test_a_limit_that_halts_is_in_force_until_it_is_resumed() -> None:
    latch = Latch("x", Limit(at=D(10), action=Action.HALT, clear_s=0))
    look(latch, "10", 0)
    state = look(latch, "0", 10_000)
    assert state.active
    assert state.clears_s is None
    latch.resume()
    assert not look(latch, "9", 10_001).active


def test_resumed_while_it_is_still_reached_it_is_in_force_again() -> None:
    latch = Latch("x", Limit(at=D(10), action=Action.HALT))
    look(latch, "10", 0)
    latch.resume()
    assert look(latch, "10", 1).active


def test_what_is_not_known_freezes_until_it_is_known_and_no_longer() -> None:
    latch = Latch("margin_ratio", AT_TEN)
    reason = "not known: nobody said"
    assert look(latch, None, 0).active == ActiveLimit("margin_ratio", Action.FREEZE, reason)
    assert not look(latch, "9", 0.25).active


def test_a_limit_in_force_stays_so_while_its_figure_is_not_known() -> None:
    latch = Latch("x", AT_TEN)
    look(latch, "10", 0)
    look(latch, "9", 1)
    state = look(latch, None, 5)
    assert state.action is Action.REDUCE
    assert state.clears_s is None
    assert look(latch, "9", 7).active, "what was not known was not clear"


_LOOKS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 20)), st.floats(0.01, 4)), min_size=1, max_size=40
)


@given(looks=_LOOKS, clear_s=st.floats(0, 10))
def test_it_is_in_force_exactly_while_not_clear_for_its_time(
    looks: list[tuple[int | None, float]], clear_s: float
) -> None:
    """Against the plain words: the last bad look, and everything since then has been good."""
    latch = Latch("x", Limit(at=D(10), action=Action.REDUCE, clear_s=clear_s))
    now_s, in_force, good_since_s = 0.0, False, None
    for value, passed_s in looks:
        now_s += passed_s
        state = latch.look(Figure(None if value is None else Decimal(value)), now_s)
        assert state is not None
        if value is not None and value < 10:
            good_since_s = now_s if good_since_s is None else good_since_s
            in_force = in_force and now_s - good_since_s < clear_s
        else:
            good_since_s = None
            in_force = in_force or value is not None
        assert (state.active is not None and state.action is Action.REDUCE) is in_force


def test_only_limits_in_force_are_holds() -> None:
    states = [look(Latch("a", AT_TEN), "9", 0), look(Latch("b", AT_TEN), "10", 0)]
    assert [active.limit for active in in_force(states)] == ["b"]


def test_a_set_of_holds_is_another_when_a_figure_becomes_known_and_not_when_it_grows() -> None:
    freeze = Limit(at=D(10), clear_s=0)
    unknown, ten, more = (in_force([look(Latch("x", freeze), v, 0)]) for v in (None, "10", "11"))
    assert gist(unknown) != gist(ten) == gist(more)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.3456789", "12.3457"), ("0.000123456789", "0.000123457"), ("100", "100"),
        ("1234567.89", "1234570"), ("0", "0"), ("-0.5", "-0.5"),
    ],
)  # fmt: skip
def test_a_figure_has_six_digits_that_count(value: str, text: str) -> None:
    assert short(D(value)) == text
