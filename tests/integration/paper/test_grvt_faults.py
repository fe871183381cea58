"""What the paper GRVT does wrong on request, on its real sockets and to its own orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests as http
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from paper.faults import (
    Answer,
    Clock,
    EditReply,
    Expire,
    Frames,
    Lag,
    Lose,
    Race,
    Restart,
    Subscribe,
)
from tests.support.grvt import CLIENT_ID, SUB_ACCOUNT
from tests.support.grvt_paper import API_KEY, WAIT_S, PaperGrvt, served, signed
from venues.grvt import codec, requests, rest

TRADING = "grvt/trading"


@pytest.fixture
def venue() -> Iterator[PaperGrvt]:
    with served() as running:
        yield running


def log_in(venue: PaperGrvt) -> http.Response:
    asked = rest.login(API_KEY)
    url = venue.urls["edge"] + asked.path
    return http.post(url, data=asked.body, headers=asked.headers, timeout=WAIT_S)


def headers(venue: PaperGrvt) -> dict[str, str]:
    reply = log_in(venue)
    items = list(reply.headers.items())
    return rest.parse_login(reply.status_code, items, reply.content).headers


def post(venue: PaperGrvt, call: requests.Call, session: dict[str, str]) -> http.Response:
    asked = rest.post(call)
    url = venue.urls["trades"] + asked.path
    return http.post(url, data=asked.body, headers=asked.headers | session, timeout=WAIT_S)


@contextmanager
def socket(venue: PaperGrvt) -> Iterator[Connection]:
    url = venue.socket_url()
    with connect(url, additional_headers=headers(venue), close_timeout=0.1) as connection:
        yield connection


def ask(connection: Connection, call: requests.Call) -> None:
    connection.send(codec.encode_call(call, 7).decode())


def told(connection: Connection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(timeout=WAIT_S))
    return message


def create(venue: PaperGrvt, number: int = CLIENT_ID, **order: Any) -> requests.Call:
    return requests.create_order(signed(venue.now_ns(), client_order_id=number, **order))


def positions(venue: PaperGrvt) -> list[str]:
    return venue.call(lambda: [str(row.size) for row in venue.exchange.positions("ann")])


def arm(venue: PaperGrvt, fault: Any) -> None:
    venue.call(lambda: venue.faults.arm(fault))


def hits(venue: PaperGrvt) -> list[str]:
    return [hit.detail for hit in venue.faults.hits]


@pytest.mark.parametrize("execute", [True, False])
def test_an_rpc_is_answered_with_an_error_whether_executed_or_not(
    venue: PaperGrvt, execute: bool
) -> None:
    arm(venue, Answer(connection=TRADING, route="create_order", code=1006, execute=execute))
    with socket(venue) as connection:
        ask(connection, create(venue))
        reply = told(connection)
    assert (reply["id"], reply["error"]["code"]) == (7, 1006)
    assert positions(venue) == (["0.5"] if execute else [])
    assert hits(venue) == ["executed" if execute else "not executed"]


def test_an_rpc_is_answered_with_any_text(venue: PaperGrvt) -> None:
    arm(venue, Answer(connection=TRADING, route="create_order", body="{}"))
    with socket(venue) as connection:
        ask(connection, create(venue))
        assert told(connection) == {}


@pytest.mark.parametrize("fault", ["lose", "silence"])
def test_an_rpc_vanishes_or_is_executed_in_silence(venue: PaperGrvt, fault: str) -> None:
    silent = Answer(connection=TRADING, route="create_order", reply="none", execute=True)
    lost = Lose(connection=TRADING, route="create_order")
    arm(venue, lost if fault == "lose" else silent)
    with socket(venue) as connection:
        ask(connection, create(venue))
        ask(connection, requests.positions(SUB_ACCOUNT))
        reply = told(connection)
    assert reply["method"] == "v1/positions"
    assert len(reply["result"]["result"]) == (0 if fault == "lose" else 1)


@pytest.mark.parametrize(("how", "code"), [("close", 1000), ("close", 1011), ("abort", 1006)])
def test_the_socket_ends_as_the_order_is_read(venue: PaperGrvt, how: Any, code: int) -> None:
    close_code = code if how == "close" else 1011
    fault = Answer(
        connection=TRADING, route="create_order", reply=how, close_code=close_code, execute=True
    )
    arm(venue, fault)
    with socket(venue) as connection:
        ask(connection, create(venue))
        with pytest.raises(ConnectionClosed) as caught:
            told(connection)
    received = caught.value.rcvd
    assert (1006 if received is None else received.code) == code
    assert positions(venue) == ["0.5"]


def test_replies_get_unknown_values_and_lose_fields(venue: PaperGrvt) -> None:
    fault = EditReply(
        connection="grvt", route="/order", set={"status": "AMENDED"}, remove=("reject_reason",),
        times=2,
    )  # fmt: skip
    arm(venue, fault)
    session = headers(venue)
    post(venue, create(venue), session)
    query = requests.query_order(SUB_ACCOUNT, CLIENT_ID)
    over_rest = post(venue, query, session).json()["result"]["state"]
    with socket(venue) as connection:
        ask(connection, query)
        over_socket = told(connection)["result"]["result"]["state"]
    assert over_rest["status"] == over_socket["status"] == "AMENDED"
    assert "reject_reason" not in over_rest


def test_a_rest_request_may_hang_for_good(venue: PaperGrvt) -> None:
    session = headers(venue)
    arm(venue, Lose(connection="grvt/rest", route="/create_order"))
    asked = rest.post(create(venue))
    with pytest.raises(http.ReadTimeout):
        http.post(
            venue.urls["trades"] + asked.path, data=asked.body, headers=asked.headers | session,
            timeout=0.1,
        )  # fmt: skip
    assert positions(venue) == []
    venue.call(venue.faults.clear)


@pytest.mark.parametrize(
    ("how", "answer"), [("silence", None), ("empty", "result"), ("error", "error")]
)
def test_a_subscription_is_not_made_and_the_next_one_is(
    venue: PaperGrvt, how: Any, answer: str | None
) -> None:
    arm(venue, Subscribe(connection=TRADING, how=how))
    with socket(venue) as connection:
        for _ in range(2):
            connection.send(codec.encode_subscribe("v1.fill", [str(SUB_ACCOUNT)], 1).decode())
        replies = [told(connection) for _ in range(1 if answer is None else 2)]
    if answer == "result":
        assert replies[0]["result"].get("subs", []) == []
    elif answer == "error":
        assert replies[0]["error"]["code"] == 1000
    assert replies[-1]["result"]["subs"] == [str(SUB_ACCOUNT)]


def test_every_cookie_expires_and_a_new_login_helps(venue: PaperGrvt) -> None:
    session = headers(venue)
    arm(venue, Expire(connection="grvt"))
    reply = post(venue, requests.positions(SUB_ACCOUNT), session)
    assert (reply.status_code, reply.json()["code"]) == (401, 1000)
    assert post(venue, requests.positions(SUB_ACCOUNT), headers(venue)).status_code == 200


def test_a_gateway_restarts_and_its_numbers_begin_anew(venue: PaperGrvt) -> None:
    session = headers(venue)
    for restarted in (False, True):
        with socket(venue) as connection:
            connection.send(codec.encode_subscribe("v1.fill", [str(SUB_ACCOUNT)], 1).decode())
            told(connection)
            post(venue, create(venue, CLIENT_ID + restarted), session)
            assert told(connection)["sequence_number"] == "1"
            arm(venue, Restart(connection="grvt"))
            with pytest.raises(ConnectionClosed):
                told(connection)


def test_logins_fail_for_a_time_with_an_error_or_without_a_cookie(venue: PaperGrvt) -> None:
    arm(venue, Answer(connection="grvt/session", route="/login", status=500, for_s=60))
    assert [log_in(venue).status_code for _ in range(2)] == [500, 500]
    venue.call(venue.faults.clear)
    arm(venue, Answer(connection="grvt/session", route="/login", body='{"status":"success"}'))
    reply = log_in(venue)
    assert (reply.status_code, "Set-Cookie" in reply.headers) == (200, False)
    assert "Set-Cookie" in log_in(venue).headers


def test_spoilt_frames_arrive_as_such(venue: PaperGrvt) -> None:
    for do in ("binary", "utf8"):
        arm(venue, Frames(connection=TRADING, do=do, kind="fill"))
    with socket(venue) as connection:
        connection.send(codec.encode_subscribe("v1.fill", [str(SUB_ACCOUNT)], 1).decode())
        told(connection)
        session = headers(venue)
        for number in range(2):
            post(venue, create(venue, CLIENT_ID + number), session)
        binary = connection.recv(timeout=WAIT_S)
        assert isinstance(binary, bytes)
        assert json.loads(binary)["stream"] == "v1.fill"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=WAIT_S)


def test_the_venue_s_clock_is_wrong_in_its_time_its_dates_and_its_windows() -> None:
    with served() as venue:
        true = http.get(venue.urls["market_data"] + "/time", timeout=WAIT_S).json()["server_time"]
        venue.call(
            lambda: venue.exchange.set_clock_offset(
                lambda: int(venue.faults.clock_offset_s("grvt") * 1e9)
            )
        )
        arm(venue, Clock(connection="grvt", by_s=60, for_s=600))
        reply = http.get(venue.urls["market_data"] + "/time", timeout=WAIT_S)
        ahead_ms = reply.json()["server_time"] - true
        assert 59_000 < ahead_ms < 60_000 + WAIT_S * 1000
        late = create(venue, lifetime_s=30.0)
        assert post(venue, late, headers(venue)).json()["code"] == 2001


def state(venue: PaperGrvt, session: dict[str, str]) -> dict[str, Any]:
    reply = post(venue, requests.query_order(SUB_ACCOUNT, CLIENT_ID), session)
    found: dict[str, Any] = reply.json()["result"]["state"]
    return found


def until_ended(venue: PaperGrvt, session: dict[str, str]) -> dict[str, Any]:
    """The order's last state; the stream says when."""
    with socket(venue) as connection:
        connection.send(codec.encode_subscribe("v1.state", [str(SUB_ACCOUNT)], 1).decode())
        told(connection)
        call = requests.cancel_order(SUB_ACCOUNT, client_order_id=CLIENT_ID)
        assert post(venue, call, session).json() == {"result": {"ack": True}}
        while told(connection)["feed"]["order_state"]["status"] == "OPEN":
            continue
    return state(venue, session)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("part", "status", "traded"), [(0.3, "CANCELLED", "0.15"), (1.0, "FILLED", "0.5")]
)
def test_a_fill_meets_the_cancel_that_is_acknowledged_all_the_same(
    venue: PaperGrvt, when: Any, part: float, status: str, traded: str
) -> None:
    session = headers(venue)
    post(venue, create(venue, tif="gtc", price="2400"), session)
    arm(venue, Race(connection="grvt", part=part, when=when))
    ended = until_ended(venue, session)
    assert (ended["status"], ended["traded_size"]) == (status, [traded])
    assert hits(venue) == [when]


def test_an_order_is_not_found_while_reads_lag_and_is_there_afterwards(venue: PaperGrvt) -> None:
    session = headers(venue)
    arm(venue, Lag(connection="grvt", what="orders", by_s=60, for_s=600))
    post(venue, create(venue, tif="gtc", price="2400"), session)
    query = requests.query_order(SUB_ACCOUNT, CLIENT_ID)
    reply = post(venue, query, session)
    assert (reply.status_code, reply.json()["code"]) == (404, 1004)
    assert post(venue, requests.open_orders(SUB_ACCOUNT), session).json()["result"] == []
    venue.call(venue.faults.clear)
    assert state(venue, session)["status"] == "OPEN"


def test_an_order_may_be_pending_instead(venue: PaperGrvt) -> None:
    session = headers(venue)
    fault = Lag(connection="grvt", what="orders", by_s=60, for_s=600, shown="pending")
    arm(venue, fault)
    post(venue, create(venue), session)
    seen = state(venue, session)
    assert (seen["status"], seen["traded_size"]) == ("PENDING", ["0.0"])
    venue.call(venue.faults.clear)
    assert state(venue, session)["status"] == "FILLED"


def test_histories_and_positions_lag_too(venue: PaperGrvt) -> None:
    session = headers(venue)
    for what in ("histories", "positions"):
        arm(venue, Lag(connection="grvt", what=what, by_s=60, for_s=600))
    post(venue, create(venue), session)
    calls = (requests.fill_history(SUB_ACCOUNT), requests.positions(SUB_ACCOUNT))
    assert [post(venue, call, session).json()["result"] for call in calls] == [[], []]
    venue.call(venue.faults.clear)
    assert [len(post(venue, call, session).json()["result"]) for call in calls] == [1, 1]


def test_a_dropped_frame_leaves_a_hole_in_the_numbers_or_none() -> None:
    for numbered, numbers in ((True, ["1", "3"]), (False, ["1", "2"])):
        with served(taker_open=False) as venue, socket(venue) as connection:
            session = headers(venue)
            connection.send(codec.encode_subscribe("v1.fill", [str(SUB_ACCOUNT)], 1).decode())
            told(connection)
            arm(
                venue, Frames(connection=TRADING, do="drop", kind="fill", skip=1, numbered=numbered)
            )
            for number in range(3):
                post(venue, create(venue, CLIENT_ID + number), session)
            assert [told(connection)["sequence_number"] for _ in range(2)] == numbers
