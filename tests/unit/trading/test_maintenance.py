"""A venue that takes no orders for a while: when it is trusted to take them again."""

from __future__ import annotations

from trading.maintenance import CLEAN_S, Maintenance


def test_a_venue_that_has_said_nothing_is_open() -> None:
    assert Maintenance().reason(0.0) == ""


def test_it_is_closed_from_its_own_word_on_however_long_nothing_is_heard() -> None:
    maintenance = Maintenance()
    maintenance.shut("1009")
    assert maintenance.reason(1e6) == "closed by the venue: 1009"


def test_it_opens_some_time_after_the_first_clean_sign() -> None:
    maintenance = Maintenance()
    maintenance.shut("MAINTENANCE")
    maintenance.clean(10.0)
    maintenance.clean(20.0)
    assert maintenance.reason(10.0 + CLEAN_S - 0.1)
    assert maintenance.reason(10.0 + CLEAN_S) == ""


def test_another_refusal_begins_anew() -> None:
    maintenance = Maintenance()
    maintenance.shut("MAINTENANCE")
    maintenance.clean(0.0)
    maintenance.shut("MAINTENANCE")
    assert maintenance.reason(CLEAN_S) != ""
    assert maintenance.doubtful


def test_a_clean_sign_of_before_says_nothing_of_a_later_closure() -> None:
    maintenance = Maintenance()
    maintenance.clean(0.0)
    maintenance.shut("1009")
    assert maintenance.reason(CLEAN_S) != ""
