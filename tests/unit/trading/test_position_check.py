"""The position check: a baseline or a difference counts once it has lasted in every reading."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.trading import D
from trading.position_check import PositionCheck

ETH, BTC = "ETH_USDT_Perp", "BTC_USDT_Perp"


def check_of(held: str = "0") -> PositionCheck:
    """A check that at 2 s is sure of what was held at the start."""
    check = PositionCheck(drift_s=2.0)
    for_long(check, held, from_s=0.0)
    return check


def compare(
    check: PositionCheck, held: str, executed: str = "0", *, at_s: float
) -> tuple[list[str], list[str]]:
    return check.compare({ETH: D(held)}, {ETH: D(executed)}, at_s)


def for_long(
    check: PositionCheck, held: str, executed: str = "0", *, from_s: float
) -> tuple[list[str], list[str]]:
    """Five equal readings within two seconds; what the last one says."""
    for step in range(4):
        compare(check, held, executed, at_s=from_s + step / 2)
    return compare(check, held, executed, at_s=from_s + 2.0)


def for_shorter(check: PositionCheck, held: str, *, from_s: float) -> tuple[list[str], list[str]]:
    """Many equal readings, just not for long enough; what the last one says."""
    for step in range(19):
        compare(check, held, at_s=from_s + step / 10)
    return compare(check, held, at_s=from_s + 1.99)


def test_nothing_is_expected_before_the_baseline_is_sure() -> None:
    check = PositionCheck(drift_s=2.0)
    for_shorter(check, "0.5", from_s=0.0)
    assert check.expected(ETH, D(0)) is None
    assert check.suspicious


def test_a_baseline_is_sure_once_it_has_lasted() -> None:
    check = check_of("0.5")
    assert check.expected(ETH, D(0)) == D("0.5")
    assert not check.suspicious


def test_a_reading_that_changes_the_baseline_starts_the_wait_anew() -> None:
    check = PositionCheck(drift_s=2.0)
    for_shorter(check, "0", from_s=0.0)
    for_shorter(check, "0.5", from_s=2.0)
    assert check.expected(ETH, D(0)) is None
    compare(check, "0.5", at_s=4.0)
    assert check.expected(ETH, D(0)) == D("0.5")


def test_a_symbol_is_suspect_while_readings_disagree_about_its_baseline() -> None:
    check = PositionCheck(drift_s=2.0)
    assert compare(check, "0", at_s=0.0) == ([], [])
    assert for_shorter(check, "0.5", from_s=1.0) == ([ETH], [])
    assert compare(check, "0.5", at_s=3.0) == ([], [])


def test_the_baseline_is_what_our_orders_did_not_execute() -> None:
    check = PositionCheck(drift_s=2.0)
    for_long(check, "0.7", "0.5", from_s=0.0)
    assert check.expected(ETH, D(0)) == D("0.2")


def test_what_our_orders_execute_is_expected_on_top() -> None:
    assert check_of("0.5").expected(ETH, D("-0.2")) == D("0.3")


def test_an_explained_position_is_neither_suspect_nor_drift() -> None:
    assert compare(check_of("0.5"), "0.3", "-0.2", at_s=3.0) == ([], [])


def test_an_unexplained_position_is_suspect_first() -> None:
    check = check_of()
    assert compare(check, "0.5", at_s=3.0) == ([ETH], [])
    assert check.suspicious


def test_a_difference_that_lasts_is_drift_and_told_once() -> None:
    check = check_of()
    told = [f"{ETH}: expected a position of 0, the venue has 0.5"]
    assert for_long(check, "0.5", from_s=3.0) == ([], told)
    assert for_long(check, "0.5", from_s=8.0) == ([], [])
    assert not check.suspicious


def test_a_difference_that_has_not_lasted_is_no_drift() -> None:
    assert for_shorter(check_of(), "0.5", from_s=3.0) == ([ETH], [])


def test_two_readings_that_agree_are_no_drift_however_far_apart() -> None:
    check = check_of()
    compare(check, "0.5", at_s=3.0)
    assert compare(check, "0.5", at_s=600.0) == ([ETH], [])


def test_a_difference_that_changes_has_to_last_anew() -> None:
    check = check_of()
    for_shorter(check, "0.5", from_s=3.0)
    assert for_shorter(check, "0.4", from_s=5.0) == ([ETH], [])
    assert compare(check, "0.4", at_s=7.0)[1]


def test_a_difference_is_the_same_while_our_orders_trade_on() -> None:
    check = check_of()
    for_shorter(check, "0.5", from_s=3.0)
    assert compare(check, "1.0", "0.5", at_s=5.0)[1]


def test_late_readings_after_several_executions_of_one_size_are_no_drift() -> None:
    check = check_of()
    for nth in range(4):
        at_s = 3.0 + nth * 2.5
        check.moved(ETH, D("0.1"), at_s)
        for late_s in (0.1, 0.5, 1.9):
            before, ours = D(nth) / 10, D(nth + 1) / 10
            assert check.compare({ETH: before}, {ETH: ours}, at_s + late_s) == ([ETH], [])
            assert check.suspicious


def test_a_late_reading_neither_clears_a_suspicion_nor_adds_to_it() -> None:
    check = check_of()
    for_shorter(check, "0.5", from_s=3.0)
    check.moved(ETH, D("0.2"), 5.0)
    assert compare(check, "0.1", "0.2", at_s=5.1) == ([ETH], [])
    assert compare(check, "0.7", "0.2", at_s=5.2)[1]


def test_what_looks_like_a_late_reading_for_long_is_drift() -> None:
    check = check_of()
    check.moved(ETH, D("0.1"), 3.0)
    assert for_long(check, "0", "0.1", from_s=3.1) == ([ETH], [])
    assert for_long(check, "0", "0.1", from_s=5.1)[1]


@pytest.mark.parametrize("drift", ["0.5", "-0.5", "0.2", "-0.2"])
def test_drift_is_found_while_our_orders_trade_to_and_fro(drift: str) -> None:
    check, told = check_of(), list[str]()
    ours = D(0)
    for tenth in range(80):
        at_s = 3.0 + tenth / 10
        if tenth % 5 == 0:
            ours, before = (D(0) if ours else D("0.5")), ours
            check.moved(ETH, ours - before, at_s)
        told += check.compare({ETH: D(drift) + ours}, {ETH: ours}, at_s)[1]
    assert len(told) == 1


def test_a_reading_that_comes_right_clears_the_suspicion() -> None:
    check = check_of()
    for_shorter(check, "0.5", from_s=3.0)
    compare(check, "0", at_s=5.0)
    assert not check.suspicious
    assert compare(check, "0.5", at_s=5.1) == ([ETH], [])


def test_a_symbol_started_anew_has_no_baseline() -> None:
    check = check_of("0.5")
    compare(check, "0.7", at_s=3.0)
    check.start_anew(ETH)
    assert check.expected(ETH, D(0)) is None
    assert not check.suspicious


def test_each_symbol_is_judged_alone() -> None:
    check = PositionCheck(drift_s=2.0)
    for step in range(5):
        check.compare({ETH: D(0), BTC: D(1)}, {}, step / 2)
    suspects, _ = check.compare({ETH: D("0.1"), BTC: D(1)}, {}, 3.0)
    assert suspects == [ETH]


@pytest.mark.parametrize("sure", [True, False])
def test_folding_a_forgotten_order_keeps_it_explained(sure: bool) -> None:
    check = check_of() if sure else PositionCheck(drift_s=2.0)
    compare(check, "0.5", "0.5", at_s=3.0)
    check.fold(ETH, D("0.5"))
    assert for_long(check, "0.5", "0", from_s=3.5) == ([], [])
    assert check.expected(ETH, D(0)) == D("0.5")


def test_folding_what_was_never_read_needs_no_baseline() -> None:
    check = PositionCheck(drift_s=2.0)
    check.fold(ETH, D("0.5"))
    assert check.expected(ETH, D(0)) is None


trades = st.lists(st.integers(-5, 5).map(lambda tenths: D(tenths) / 10), max_size=20)


@given(start=st.integers(-9, 9), trades=trades, folds=st.lists(st.booleans(), max_size=20))
def test_a_venue_that_does_what_our_orders_say_never_drifts(
    start: int, trades: list[Decimal], folds: list[bool]
) -> None:
    check = check_of(str(start))
    held, ours = D(start), D(0)
    for i, trade in enumerate(trades):
        held, ours = held + trade, ours + trade
        if i < len(folds) and folds[i]:
            check.fold(ETH, ours)
            ours = D(0)
        assert check.compare({ETH: held}, {ETH: ours}, 3.0 + 5 * i) == ([], [])


@given(
    moves=st.lists(st.tuples(st.integers(1, 30), st.integers(-5, 5)), min_size=1, max_size=20),
    lags=st.lists(st.integers(0, 19), min_size=1, max_size=20),
)
def test_readings_that_are_late_never_drift(moves: list[tuple[int, int]], lags: list[int]) -> None:
    """Times in tenths of a second: an execution after each pause, a reading every tenth."""
    check, course = check_of(), [D(0)] * 30
    for pause, tenths in moves:
        course += [course[-1]] * pause + [course[-1] + D(tenths) / 10]
        check_from = len(course) - 1 - pause
        for tenth in range(check_from, len(course)):
            if tenth == len(course) - 1:
                check.moved(ETH, D(tenths) / 10, tenth / 10)
            shown = course[tenth - lags[tenth % len(lags)]]
            assert check.compare({ETH: shown}, {ETH: course[tenth]}, tenth / 10)[1] == []


@given(
    sizes=st.lists(st.sampled_from(["0.5", "0.2", "0.1"]), min_size=1, max_size=3),
    pauses=st.lists(st.integers(1, 12), min_size=1, max_size=20),
    lags=st.lists(st.integers(0, 19), min_size=1, max_size=20),
)
@example(sizes=["0.1"] * 3, pauses=[10], lags=[10])  # always one slice behind
def test_readings_that_are_late_never_make_a_wrong_baseline(
    sizes: list[str], pauses: list[int], lags: list[int]
) -> None:
    """In and out by slices of the same sizes, from the first reading on; tenths of a second."""
    check, course, ours = PositionCheck(drift_s=2.0), [D(0)] * 20, D(0)
    slices = [D(size) for size in sizes] + [-D(size) for size in sizes]
    for number, pause in enumerate(pauses * 3):
        for still in range(pause):
            if not still:
                ours += slices[number % len(slices)]
                check.moved(ETH, slices[number % len(slices)], len(course) / 10)
            course.append(ours)
            shown = course[-1 - lags[len(course) % len(lags)]]
            at_s = (len(course) - 1) / 10
            check.compare({ETH: shown}, {ETH: ours}, at_s)
            assert check.expected(ETH, ours) in (None, ours)


def test_readings_of_which_each_may_be_late_leave_the_baseline_that_fits_them_all() -> None:
    check = PositionCheck(drift_s=2.0)
    check.moved(ETH, D("0.5"), 0.5)
    for tenth in range(6, 27):
        assert check.suspicious == (tenth > 6), "it is read again until it is sure"
        compare(check, "0.5", "0.5", at_s=tenth / 10)
    assert check.expected(ETH, D("0.5")) == D("0.5")


def test_readings_that_may_all_be_of_before_an_execution_settle_nothing() -> None:
    """Two that agree, and still nobody knows whether the position is 0 or 1.7 now."""
    check = PositionCheck(drift_s=2.0)
    check.moved(ETH, D("1.7"), 4.6)
    assert compare(check, "0", "1.7", at_s=3.6) == ([ETH], [])
    assert compare(check, "0", "1.7", at_s=4.5) == ([ETH], [])
    assert check.likely(ETH, D("1.7")) is None


def test_a_reading_that_leaves_one_baseline_settles_what_late_ones_leave_open() -> None:
    check = PositionCheck(drift_s=2.0)
    assert compare(check, "0", at_s=1.0) == ([], [])
    check.moved(ETH, D("1.7"), 4.6)
    assert compare(check, "1.7", "1.7", at_s=4.7) == ([], [])
    assert check.likely(ETH, D("1.7")) == D("1.7")


def test_what_the_venue_closed_since_the_latest_reading_moves_what_is_expected() -> None:
    check = check_of("0.5")
    check.forced(ETH, D("-0.5"), at_s=2.1, now_s=2.2)
    assert check.expected(ETH, D(0)) == D(0)


@pytest.mark.parametrize("at_s", [-1.0, 0.5, 2.0])
def test_a_forced_close_that_every_reading_has_already_is_not_counted_again(at_s: float) -> None:
    """It is heard of late: before the first reading was asked for, or as it was answered."""
    check = check_of("0")
    check.forced(ETH, D("-0.5"), at_s=at_s, now_s=3.0)
    assert check.expected(ETH, D(0)) == D(0)
    assert compare(check, "0", at_s=3.1) == ([], [])


def test_readings_that_fit_the_baseline_vouch_for_it_as_long_as_they_are_made() -> None:
    check = check_of("0")
    compare(check, "0", at_s=9.0)
    check.forced(ETH, D("-0.5"), at_s=8.0, now_s=9.5)
    assert check.expected(ETH, D(0)) == D(0)


def test_a_reading_that_comes_late_does_not_take_back_what_a_later_one_vouched_for() -> None:
    check = check_of("0")
    compare(check, "0", at_s=9.0)
    compare(check, "0", at_s=4.0)
    check.forced(ETH, D("-0.5"), at_s=8.0, now_s=9.5)
    assert check.expected(ETH, D(0)) == D(0)


def test_a_forced_close_before_the_baseline_is_sure_moves_the_one_that_is_proposed() -> None:
    check = PositionCheck(drift_s=2.0)
    for_shorter(check, "0.5", from_s=0.0)
    check.forced(ETH, D("-0.5"), at_s=2.0, now_s=2.05)
    for_long(check, "0", from_s=2.1)
    assert check.expected(ETH, D(0)) == D(0)


def test_a_forced_close_that_became_drift_before_it_was_heard_of_is_not_counted_again() -> None:
    check = check_of("0.5")
    assert for_long(check, "0", from_s=5.0)[1] != []
    check.forced(ETH, D("-0.5"), at_s=4.5, now_s=7.5)
    assert check.expected(ETH, D(0)) == D(0)


def test_before_any_reading_a_forced_close_moves_nothing() -> None:
    check = PositionCheck(drift_s=2.0)
    check.forced(ETH, D("-0.5"), at_s=-1.0, now_s=0.0)
    for_long(check, "0", from_s=0.1)
    assert check.expected(ETH, D(0)) == D(0)
