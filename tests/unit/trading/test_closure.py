"""A venue that takes no orders for a while: when it is trusted to take them again."""

from __future__ import annotations

from trading.closure import CLEAN_S, Closure


def test_a_venue_that_has_said_nothing_is_open() -> None:
    assert Closure().reason(0.0) == ""


def test_it_is_closed_from_its_own_word_on_however_long_nothing_is_heard() -> None:
    closure = Closure()
    closure.shut("1009")
    assert closure.reason(1e6) == "closed by the venue: 1009"


def test_it_opens_some_time_after_the_first_clean_sign() -> None:
    closure = Closure()
    closure.shut("MAINTENANCE")
    closure.clean(10.0)
    closure.clean(20.0)
    assert closure.reason(10.0 + CLEAN_S - 0.1)
    assert closure.reason(10.0 + CLEAN_S) == ""


def test_another_refusal_begins_anew() -> None:
    closure = Closure()
    closure.shut("MAINTENANCE")
    closure.clean(0.0)
    closure.shut("MAINTENANCE")
    assert closure.reason(CLEAN_S) != ""
    assert closure.doubtful


def test_a_clean_sign_of_before_says_nothing_of_a_later_closure() -> None:
    closure = Closure()
    closure.clean(0.0)
    closure.shut("1009")
    assert closure.reason(CLEAN_S) != ""
