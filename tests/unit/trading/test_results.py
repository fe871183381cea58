"""What cycles have come to: daily loss, drawdown, streaks; put right, rolled over, resumed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import SECOND_NS, D
from trading.plan import Action, Limit
from trading.results import DAY_NS, CycleResult, Results, gathered
from venues.model import ZERO

MIDNIGHT_NS = 20_000 * DAY_NS
NOON_NS = MIDNIGHT_NS + DAY_NS // 2


def result(
    cycle: int, pnl: str, at_ns: int = NOON_NS, *, slip: str = "0", desk: str = "eth"
) -> CycleResult:
    return CycleResult(desk=desk, cycle=cycle, finished_ns=at_ns, pnl=D(pnl), slippage_bps=D(slip))


def after(*pnls: str) -> Results:
    return gathered([result(number, pnl, NOON_NS + number) for number, pnl in enumerate(pnls, 1)])


# -- the day --------------------------------------------------------------------------------------


def test_the_daily_loss_is_what_the_day_has_lost_on_the_whole() -> None:
    assert after("-3", "1", "-0.5").daily_loss(NOON_NS) == D("2.5")
    assert after("-3", "4").daily_loss(NOON_NS) == 0


def test_a_cycle_belongs_to_the_day_in_which_it_ended() -> None:
    book = gathered([result(1, "-3", MIDNIGHT_NS - 1), result(2, "-2", MIDNIGHT_NS)])
    assert book.daily_loss(MIDNIGHT_NS - 1) == 5, "what is dated later counts as today's"
    assert book.daily_loss(MIDNIGHT_NS) == 2
    assert book.daily_loss(MIDNIGHT_NS + DAY_NS) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3 * 86_400), st.decimals(-9, 9, places=2)), max_size=60).map(
        sorted
    )
)
def test_each_day_has_its_own_loss_and_none_of_another(
    ended: list[tuple[int, Decimal]],
) -> None:
    book = Results()
    pnls: dict[int, Decimal] = {}
    for number, (at_s, pnl) in enumerate(ended, 1):
        now_ns = MIDNIGHT_NS + at_s * SECOND_NS
        book.add(result(number, str(pnl), now_ns))
        pnls[at_s // 86_400] = pnls.get(at_s // 86_400, ZERO) + pnl
        assert book.daily_loss(now_ns) == max(ZERO, -pnls[at_s // 86_400])


# -- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pnls", "drawdown"),
    [
        ([], "0"), (["5"], "0"), (["-5"], "5"), (["5", "-2"], "2"), (["5", "-2", "1"], "1"),
        (["5", "-2", "3"], "0"), (["5", "-7", "1", "-1"], "7"),
    ],
)  # fmt: skip
def test_the_drawdown_is_from_the_highest_sum_so_far(pnls: list[str], drawdown: str) -> None:
    assert after(*pnls).drawdown() == D(drawdown)


@given(st.lists(st.integers(-5, 5), max_size=700))
def test_the_drawdown_forgets_nothing_however_many_cycles(pnls: list[int]) -> None:
    total = peak = 0
    for pnl in pnls:
        total += pnl
        peak = max(peak, total)
    assert after(*map(str, pnls)).drawdown() == peak - total


def test_midnight_does_not_end_a_drawdown() -> None:
    book = gathered([result(1, "5", MIDNIGHT_NS - 2), result(2, "-2", MIDNIGHT_NS - 1)])
    book.add(result(3, "-1", MIDNIGHT_NS))
    assert book.drawdown() == 3


# -- the same again -------------------------------------------------------------------------------


def test_a_cycle_that_is_told_twice_counts_once() -> None:
    book = after("-3")
    book.add(result(1, "-3"))
    assert book.daily_loss(NOON_NS) == book.drawdown() == 3


def test_a_cycle_that_is_put_right_takes_the_place_of_the_first_in_its_own_day() -> None:
    book = gathered([result(1, "-3", MIDNIGHT_NS - 1)])
    book.add(result(1, "-4", MIDNIGHT_NS + 1))
    assert book.daily_loss(MIDNIGHT_NS - 1) == 4
    assert book.daily_loss(MIDNIGHT_NS) == 0
    assert book.drawdown() == 4


def test_a_cycle_of_long_ago_is_not_taken_for_a_new_one() -> None:
    book = after(*["0"] * 400)
    book.add(result(2, "-3"))
    assert book.daily_loss(NOON_NS) == 0


def test_desks_have_cycles_of_the_same_number() -> None:
    book = gathered([result(1, "-3"), result(1, "-2", desk="btc")])
    assert book.daily_loss(NOON_NS) == 5


# -- streaks and slippage -------------------------------------------------------------------------

STREAK = Limit(at=D(3), clear_s=600)
SLIP = Limit(at=D(20), clear_s=60)


def at_s(seconds: float) -> int:
    return NOON_NS + int(seconds * SECOND_NS)


def losing(*moments_s: float) -> Results:
    return gathered([result(n, "-1", at_s(moment)) for n, moment in enumerate(moments_s, 1)])


def test_a_streak_is_of_losing_cycles_in_a_row() -> None:
    book = losing(0, 1)
    assert book.streak(STREAK, at_s(2)).value == 2
    assert book.streak(STREAK, at_s(2)).until_ns is None
    book.add(result(3, "0", at_s(2)))
    book.add(result(4, "-1", at_s(3)))
    assert book.streak(STREAK, at_s(3)).value == 1, "nothing lost is no loss"


def test_the_last_of_a_streak_holds_for_its_time_and_then_counting_begins_anew() -> None:
    book = losing(0, 1, 2)
    assert book.streak(STREAK, at_s(601.9)).until_ns == at_s(602)
    assert book.streak(STREAK, at_s(602)).until_ns is None
    book.add(result(4, "-1", at_s(700)))
    assert book.streak(STREAK, at_s(700)).value == 1


def test_a_cycle_that_loses_while_the_streak_holds_makes_it_hold_longer() -> None:
    book = losing(0, 1, 2, 10)
    assert book.streak(STREAK, at_s(11)).until_ns == at_s(610)


@pytest.mark.parametrize(("slip", "holds"), [("19.999", False), ("20", True), ("20.001", True)])
def test_one_cycle_that_slips_too_far_holds_for_its_time(slip: str, holds: bool) -> None:
    book = gathered([result(1, "1", at_s(0), slip=slip), result(2, "1", at_s(1), slip="3")])
    event = book.slippage(SLIP, at_s(59.9))
    assert event.value == 3
    assert (event.until_ns == at_s(60)) is holds
    assert book.slippage(SLIP, at_s(60)).until_ns is None


def test_one_that_halts_has_no_end_of_its_own() -> None:
    limit = Limit(at=D(3), action=Action.HALT, clear_s=1)
    assert losing(0, 1, 2).streak(limit, at_s(10**6)).until_ns is not None


# -- resumed --------------------------------------------------------------------------------------


def test_after_a_resume_everything_counts_anew() -> None:
    book = losing(0, 1, 2)
    book.resumed(at_s(3))
    assert book.daily_loss(at_s(3)) == book.drawdown() == 0
    assert book.streak(STREAK, at_s(3)).until_ns is None
    book.add(result(4, "-2", at_s(4)))
    assert book.daily_loss(at_s(4)) == book.drawdown() == 2


def test_what_was_before_a_resume_does_not_count_when_it_is_told_again() -> None:
    book = losing(0, 1, 2)
    book.resumed(at_s(3))
    book.add(result(3, "-9", at_s(4)))
    assert book.daily_loss(at_s(4)) == 0


def test_what_was_before_a_resume_does_not_count_when_it_is_put_right() -> None:
    book = gathered([result(1, "-3", at_s(0))], resumed_ns=at_s(1))
    book.put_right(result(1, "-3.5", at_s(2)))
    assert book.daily_loss(at_s(3)) == book.drawdown() == 0


def test_what_is_put_right_takes_the_place_of_what_counts() -> None:
    book = gathered([result(1, "-3", at_s(2))], resumed_ns=at_s(1))
    book.put_right(result(1, "-3.5", at_s(4)))
    assert book.daily_loss(at_s(4)) == book.drawdown() == D("3.5")


def test_a_resume_on_record_leaves_out_what_was_before_it() -> None:
    book = gathered([result(1, "-3", at_s(0)), result(2, "-1", at_s(2))], resumed_ns=at_s(1))
    assert book.daily_loss(at_s(3)) == 1
