"""How often GRVT is asked for a login, whatever comes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.login_budget import LOGINS_A_MINUTE, LoginBudget
from venues.grvt import Session

SESSION = Session(cookie="c", account_id="a", expires_ns=1)


def failing(count: int) -> list[float]:
    """When logins are asked for that fail as soon as they may be."""
    budget, now_s, asked_s = LoginBudget(), 0.0, list[float]()
    for _ in range(count):
        now_s += budget.wait_s(now_s)
        budget.asked(now_s)
        asked_s.append(now_s)
    return asked_s


def test_the_first_login_and_the_first_renewal_wait_for_nothing() -> None:
    budget = LoginBudget()
    assert budget.wait_s(0.0) == 0.0
    budget.asked(0.0)
    budget.granted(SESSION)
    assert budget.wait_s(0.1) == 0.0


def test_the_last_session_is_kept_until_the_venue_refuses_it() -> None:
    budget = LoginBudget()
    known = [budget.session]
    budget.granted(SESSION)
    known.append(budget.session)
    budget.refused()
    known.append(budget.session)
    assert known == [None, SESSION, None]


def test_a_login_that_fails_is_tried_again_soon_and_then_less_often() -> None:
    assert failing(6) == [0, 4, 24, 44, 64, 84]


def test_a_login_that_never_left_the_process_does_not_count() -> None:
    """The venue can't be reached: as soon as it can be, it is asked."""
    budget = LoginBudget()
    for _ in range(10):
        budget.not_sent(budget.asked(1.0))
    assert budget.wait_s(1.0) == 0.0
    budget.asked(1.0)
    assert budget.wait_s(1.0) == 4.0


def test_one_that_never_left_the_process_does_not_make_room_for_a_fifth() -> None:
    budget = LoginBudget()
    for asked_s in (0.0, 10.0, 20.0, 30.0):
        budget.asked(asked_s)
    budget.granted(SESSION)
    budget.not_sent(budget.asked(50.0))
    assert budget.wait_s(51.0) == 9.0


def test_what_a_life_that_was_given_up_says_later_is_about_its_own_login() -> None:
    """It was still connecting when the next life logged in."""
    budget = LoginBudget()
    given_up = budget.asked(0.0)
    budget.asked(16.0)
    budget.granted(SESSION)
    budget.not_sent(given_up)
    for _ in range(3):
        assert budget.wait_s(17.0) == 0.0
        budget.asked(17.0)
        budget.granted(SESSION)
    assert budget.wait_s(17.0) == 59.0
    budget = LoginBudget()
    given_up = budget.asked(0.0)
    budget.granted(SESSION)
    budget.asked(1.0)
    budget.not_sent(given_up)
    assert budget.wait_s(1.0) == 4.0


SENT, NOT_SENT, GRANTED = range(3)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 2), st.booleans()), max_size=60))
def test_no_minute_has_more_logins_than_allowed(life: list[tuple[float, int, bool]]) -> None:
    """Whatever becomes of each, and however late it is told that one was not sent."""
    budget, now_s, sent_s, untold = LoginBudget(), 0.0, list[float](), list[int]()
    for passed_s, what, tell in life:
        now_s += passed_s
        while tell and untold:
            budget.not_sent(untold.pop(0))
        if budget.wait_s(now_s):
            continue
        number = budget.asked(now_s)
        if what == NOT_SENT:
            untold.append(number)
            continue
        sent_s.append(now_s)
        if what == GRANTED:
            budget.granted(SESSION)
    for first, fifth in zip(sent_s, sent_s[LOGINS_A_MINUTE:], strict=False):
        assert fifth - first >= 59.999
