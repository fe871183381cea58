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
        budget.asked(1.0)
        budget.not_sent()
    assert budget.wait_s(1.0) == 0.0
    budget.asked(1.0)
    assert budget.wait_s(1.0) == 4.0


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60))
def test_no_minute_has_more_logins_than_allowed(life: list[tuple[float, bool]]) -> None:
    budget, now_s, asked_s = LoginBudget(), 0.0, list[float]()
    for passed_s, success in life:
        now_s += passed_s
        if budget.wait_s(now_s):
            continue
        budget.asked(now_s)
        asked_s.append(now_s)
        if success:
            budget.granted(SESSION)
    for first, fifth in zip(asked_s, asked_s[LOGINS_A_MINUTE:], strict=False):
        assert fifth - first >= 59.999
