"""GRVT over REST: the login's answers, the errors, and the hosts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.grvt import ORDER_JSON
from venues.errors import FrameError, SessionRefused, VenueError
from venues.grvt import endpoints, reading, requests, rest
from venues.grvt.endpoints import Endpoints, UnknownEnvironment
from venues.grvt.errors import CODES, Outcome, OutcomeUnknown, outcome_of

COOKIE = ("Set-Cookie", "gravity=s3cret; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly")
ACCOUNT = ("x-grvt-account-id", "2147000000001")
NEW_YEAR_NS = 1767225600 * 10**9


def test_a_login_gives_cookie_account_and_expiry_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    session = rest.parse_login(200, [COOKIE, ACCOUNT], b'{"status":"success"}')
    assert session.expires_ns == NEW_YEAR_NS
    assert session.headers == {
        "Cookie": "gravity=s3cret",
        "X-Grvt-Account-Id": "2147000000001",
    }


def test_a_session_hides_its_cookie_and_a_login_its_key() -> None:
    session = rest.parse_login(200, [COOKIE, ACCOUNT], b"{}")
    assert "s3cret" not in repr(session)
    assert "key-1" not in repr(rest.login("key-1"))
    assert "key-1" not in repr(requests.Login(api_key="key-1"))


def test_the_login_request() -> None:
    request = rest.login("key-1")
    assert (request.path, json.loads(request.body)) == ("/auth/api_key/login", {"api_key": "key-1"})
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (401, [], b'{"code":1000,"message":"no","status":401}', SessionRefused),
        (403, [], b"<html>denied</html>", SessionRefused),
        (200, [], b'{"code":1008,"message":"ip","status":401}', SessionRefused),
        (200, [("Set-Cookie", "other=1"), ACCOUNT], b"{}", SessionRefused),
        (200, [COOKIE], b"{}", FrameError),
        (200, [("Set-Cookie", "gravity=x; Expires=soon"), ACCOUNT], b"{}", FrameError),
        (502, [], b"<html>bad gateway</html>", FrameError),
        (500, [], b'{"code":1002,"message":"oops","status":500}', OutcomeUnknown),
        (429, [], b'{"code":1006,"message":"slow","status":429}', OutcomeUnknown),
    ],
)
def test_a_login_that_fails_says_whose_fault_it_is(
    status: int, headers: list[tuple[str, str]], body: bytes, error: type[VenueError]
) -> None:
    with pytest.raises(error) as caught:
        rest.parse_login(status, headers, body)
    assert "s3cret" not in str(caught.value)


def test_a_call_goes_over_rest_with_the_same_body() -> None:
    request = rest.post(requests.query_order(5, 9))
    assert request.path == "/full/v1/order"
    assert json.loads(request.body) == {"sub_account_id": "5", "client_order_id": "9"}


def test_a_rest_answer_reads_like_a_websocket_reply() -> None:
    reply = rest.parse_reply(200, f'{{"result":{ORDER_JSON}}}'.encode(), "order")
    assert reading.read_order(reply).client_order_id == 9223372036854775809


def test_a_code_without_a_result_is_an_error_whatever_the_status() -> None:
    reply = rest.parse_reply(200, b'{"code":2012,"message":"dup","status":400}', "create_order")
    assert reply.error is not None
    assert reply.error.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>"),
        (200, b""),
        (200, b"{}"),
        (200, b"[]"),
        (500, b'{"result":{}}'),
        (200, b"\xff"),
    ],
)
def test_an_answer_that_is_not_grvt_s_is_a_frame_error(status: int, body: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        rest.parse_reply(status, body, "create_order")
    assert f"HTTP {status}" in str(caught.value)


@given(st.integers(100, 599), st.binary(max_size=50))
def test_no_answer_raises_anything_but_a_frame_error(status: int, body: bytes) -> None:
    try:
        rest.parse_reply(status, body, "order")
    except FrameError:
        return


def test_the_venue_s_clock() -> None:
    assert rest.parse_time(200, b'{"server_time": 1767225600123}') == 1767225600123
    with pytest.raises(FrameError):
        rest.parse_time(200, b"now")


def test_only_the_listed_codes_are_refusals() -> None:
    assert outcome_of(2002) is Outcome.REFUSED
    assert outcome_of(2080) is Outcome.REFUSED_NOW
    assert {outcome_of(code) for code in (1000, 1008)} == {Outcome.SESSION}
    assert outcome_of(1006) is Outcome.RATE_LIMITED
    assert {outcome_of(code) for code in (1002, 1005, 3004, 4711)} == {Outcome.UNKNOWN}
    assert not any(row.outcome.definite for row in CODES.values() if row.status == 500)


def test_environments_come_from_the_sdk() -> None:
    prod = endpoints.endpoints_of("prod")
    assert prod.trades_socket == "wss://trades.grvt.io/ws/full"
    assert prod.market_socket == "wss://market-data.grvt.io/ws/full"
    assert prod.edge == "https://edge.grvt.io"
    assert [endpoints.endpoints_of(name).chain_id for name in endpoints.environments()] == [
        327, 325, 327, 326,
    ]  # fmt: skip


def test_an_unknown_environment_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownEnvironment, match=r"'mars'.*dev, prod, staging, testnet"):
        endpoints.endpoints_of("mars")


def test_loopback_hosts_get_a_plain_socket() -> None:
    hosts = Endpoints(
        edge="http://127.0.0.1:1",
        trades="http://127.0.0.1:2",
        market_data="http://127.0.0.1:3",
        chain_id=325,
    )
    assert hosts.trades_socket == "ws://127.0.0.1:2/ws/full"
