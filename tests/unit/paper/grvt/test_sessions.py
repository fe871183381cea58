"""Cookies of the paper GRVT: handed out, recognised, over."""

from __future__ import annotations

import pytest

from paper.grvt.refusals import GrvtRefusal
from paper.grvt.sessions import PaperSession, Sessions
from tests.support.grvt_paper import ANN, API_KEY
from tests.support.paper import ManualClock
from venues.grvt.rest import parse_login


def sessions(clock: ManualClock, **options: bool) -> Sessions:
    return Sessions(
        [ANN],
        session_s=60.0,
        login_ends_older=options.get("login_ends_older", False),
        seed=1,
        now_ns=clock,
    )


def headers(session: PaperSession) -> dict[str, str]:
    return {"Cookie": f"gravity={session.cookie}", "X-Grvt-Account-Id": "ACC:ann"}


def test_our_own_client_reads_the_cookie_and_its_expiry() -> None:
    clock = ManualClock()
    session = sessions(clock).login(API_KEY)
    answered = [("Set-Cookie", session.set_cookie), ("X-Grvt-Account-Id", "ACC:ann")]
    parsed = parse_login(200, answered, b'{"status":"success"}')
    assert (parsed.cookie, parsed.expires_ns) == (session.cookie, clock.now_ns + 60 * 10**9)


def test_cookie_and_account_id_together_authenticate() -> None:
    known = sessions(ManualClock())
    session = known.login(API_KEY)
    assert known.authenticate(headers(session), {}).account is ANN
    cookie_only = {"Cookie": headers(session)["Cookie"]}
    assert known.authenticate(cookie_only, {"x_grvt_account_id": "ACC:ann"}).account is ANN


@pytest.mark.parametrize(
    "changes", [{"Cookie": ""}, {"Cookie": "gravity=zz"}, {"X-Grvt-Account-Id": "ACC:bob"}]
)
def test_one_without_the_other_is_not_authenticated(changes: dict[str, str]) -> None:
    known = sessions(ManualClock())
    session = known.login(API_KEY)
    with pytest.raises(GrvtRefusal) as caught:
        known.authenticate(headers(session) | changes, {})
    assert (caught.value.code, caught.value.status) == (1000, 401)


def test_a_cookie_ends_with_its_time() -> None:
    clock = ManualClock()
    known = sessions(clock)
    session = known.login(API_KEY)
    clock.forward(60)
    with pytest.raises(GrvtRefusal):
        known.authenticate(headers(session), {})


@pytest.mark.parametrize("ends_older", [True, False])
def test_a_new_login_may_end_the_older_one(ends_older: bool) -> None:
    known = sessions(ManualClock(), login_ends_older=ends_older)
    old, new = known.login(API_KEY), known.login(API_KEY)
    assert known.authenticate(headers(new), {})
    if ends_older:
        with pytest.raises(GrvtRefusal):
            known.authenticate(headers(old), {})
    else:
        assert known.authenticate(headers(old), {})


def test_an_unknown_key_gets_no_cookie_and_no_key_is_shown() -> None:
    known = sessions(ManualClock())
    with pytest.raises(GrvtRefusal) as caught:
        known.login("secret-guess")
    assert "secret-guess" not in str(caught.value.body)
    assert API_KEY not in repr(ANN)
