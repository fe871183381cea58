"""The token bucket of a venue: what may be sent, what is kept, and what a venue's refusals do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.request_budget import Lane, RequestBudget

PER_S, BURST, RESERVED, PAUSE_S = 10.0, 8, 4, 30.0


def budget() -> RequestBudget:
    return RequestBudget(per_s=PER_S, burst=BURST, reserved=RESERVED, pause_s=PAUSE_S)


def taken(of: RequestBudget, lane: Lane, now_s: float = 0.0) -> int:
    """How many requests of a lane are let through at once."""
    count = 0
    while not of.take(lane, now_s):
        count += 1
    return count


@pytest.mark.parametrize(
    ("lane", "most"),
    [(Lane.RISK, 4), (Lane.ROUTINE, 4), (Lane.DOUBT, 7), (Lane.REDUCE, 8)],
)
def test_what_adds_risk_leaves_the_reserve_and_a_hedge_takes_the_last_token(
    lane: Lane, most: int
) -> None:
    assert taken(budget(), lane) == most


def test_there_is_a_way_out_as_long_as_the_reserve_is_whole_and_asking_costs_nothing() -> None:
    of = budget()
    assert {of.no_way_out(0.0) for _ in range(2 * BURST)} == {""}
    taken(of, Lane.RISK)
    assert of.no_way_out(0.0) == "own rate limit: 4 left, 4 kept"
    assert of.usage(0.0).denied == 1, "the order that was not let through"
    assert of.no_way_out(0.1) == ""


def test_what_is_not_let_through_is_told_why_and_counted() -> None:
    of = budget()
    taken(of, Lane.RISK)
    assert of.take(Lane.RISK, 0.0) == "own rate limit: 4 left, 4 kept"
    assert of.usage(0.0).denied == 2


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    of = budget()
    taken(of, Lane.REDUCE)
    assert of.usage(0.25).tokens == pytest.approx(2.5)
    assert taken(of, Lane.REDUCE, 100.0) == BURST


def test_a_clock_that_goes_back_gives_nothing() -> None:
    of = budget()
    taken(of, Lane.REDUCE, 10.0)
    assert of.take(Lane.REDUCE, 5.0)
    assert of.usage(10.0).tokens == 0


def test_what_cannot_wait_is_paid_by_what_comes_later() -> None:
    of = budget()
    taken(of, Lane.REDUCE)
    of.spend(0.0)
    assert of.take(Lane.REDUCE, 0.19)
    assert not of.take(Lane.REDUCE, 0.2)


def test_after_too_many_requests_nothing_opens_for_the_pause_and_hedges_go_on() -> None:
    of = budget()
    of.turned_away(0.0)
    assert of.take(Lane.RISK, PAUSE_S - 0.1)
    assert not of.take(Lane.REDUCE, 0.1)
    assert not of.take(Lane.ROUTINE, 0.1)
    assert not of.take(Lane.RISK, PAUSE_S)


@pytest.mark.parametrize(("retry_after_s", "until_s"), [(5.0, PAUSE_S), (90.0, 90.0)])
def test_the_longer_one_of_pause_and_retry_after_counts(
    retry_after_s: float, until_s: float
) -> None:
    of = budget()
    of.turned_away(0.0, retry_after_s)
    assert of.usage(0.0).paused_for_s == until_s


def test_each_refusal_begins_the_pause_anew() -> None:
    of = budget()
    of.turned_away(0.0)
    of.turned_away(20.0)
    assert of.no_new_risk(PAUSE_S + 19.9)
    assert not of.no_new_risk(PAUSE_S + 20.0)


def test_while_the_venue_bars_us_nothing_is_sent_at_all() -> None:
    of = budget()
    of.bar(0.0)
    assert [of.take(lane, 59.9) for lane in Lane] == [of.barred(0.0)] * 4
    assert not of.take(Lane.REDUCE, 60.0)


def test_a_bar_that_is_met_again_at_its_end_is_taken_for_twice_as_long() -> None:
    of = budget()
    of.bar(0.0)
    of.bar(30.0)
    assert of.usage(30.0).barred_for_s == 30.0
    of.bar(60.0)
    assert of.usage(60.0).barred_for_s == 120.0


@pytest.mark.parametrize(
    ("said_s", "barred_s"), [(None, 60.0), (10.0, 60.0), (120.0, 120.0), (999_999.0, 300.0)]
)
def test_how_long_a_page_that_bars_us_asks_for_counts_up_to_five_minutes(
    said_s: float | None, barred_s: float
) -> None:
    of = budget()
    of.bar(0.0, said_s)
    assert of.usage(0.0).barred_for_s == barred_s


@given(st.lists(st.tuples(st.floats(0.0, 0.5), st.sampled_from(Lane)), max_size=200))
def test_never_more_in_a_second_than_a_burst_and_a_seconds_worth(
    steps: list[tuple[float, Lane]],
) -> None:
    of, now_s, sent_s = budget(), 0.0, list[float]()
    for wait_s, lane in steps:
        now_s += wait_s
        if not of.take(lane, now_s):
            sent_s.append(now_s)
    for first in sent_s:
        assert sum(first <= at_s < first + 1 for at_s in sent_s) <= BURST + PER_S
