"""What the paper Backpack does wrong on request, on its real sockets and to its own orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests as http
from websockets.exceptions import ConnectionClosed

from paper.faults import (
    Answer,
    Clock,
    EditReply,
    Fault,
    Frames,
    Lag,
    Lose,
    Race,
    Slow,
    Subscribe,
)
from tests.support.backpack_server import (
    SYMBOL,
    WAIT_S,
    PaperBackpack,
    Stream,
    ann,
    order,
    placed,
    resting,
    served,
)
from venues.backpack.requests import HttpRequest

REST = "backpack/rest"
FEED = "backpack/feed"
ORDERS = "account.orderUpdate"


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served(first="reply") as running:
        yield running


def arm(venue: PaperBackpack, fault: Fault) -> None:
    venue.call(lambda: venue.faults.arm(fault))


def hits(venue: PaperBackpack) -> list[str]:
    return [hit.detail for hit in venue.faults.hits]


def positions(venue: PaperBackpack) -> list[str]:
    return venue.call(lambda: [str(row.size) for row in venue.exchange.positions("ann")])


def cancel(venue: PaperBackpack) -> http.Response:
    return venue.send(ann().cancel_order(SYMBOL, client_order_id=7))


def query() -> HttpRequest:
    return ann().query_order(SYMBOL, client_order_id=7)


def feed(venue: PaperBackpack) -> Stream:
    return venue.stream(ORDERS).settled()


@pytest.mark.parametrize("execute", [True, False])
def test_the_connection_breaks_off_whether_the_order_was_executed_or_not(
    venue: PaperBackpack, execute: bool
) -> None:
    fault = Answer(connection=REST, route="/order", method="POST", reply="abort", execute=execute)
    arm(venue, fault)
    with pytest.raises(http.ConnectionError):
        venue.send(ann().execute_order(order()))
    assert positions(venue) == (["0.5"] if execute else [])
    assert hits(venue) == ["executed" if execute else "not executed"]


def test_a_fault_may_be_of_one_http_method_only(venue: PaperBackpack) -> None:
    arm(venue, Answer(connection=REST, route="/order", method="DELETE", status=500))
    placed(venue, resting())
    assert venue.send(query()).status_code == 200
    assert cancel(venue).status_code == 500
    assert cancel(venue).status_code == 200


def test_a_lost_request_is_never_answered(venue: PaperBackpack) -> None:
    arm(venue, Lose(connection=REST, route="/order"))
    asked = ann().execute_order(order())
    url = venue.urls["api"].rstrip("/") + asked.target
    with pytest.raises(http.ReadTimeout):
        http.post(url, headers=dict(asked.headers), data=asked.body, timeout=0.1)
    assert positions(venue) == []
    venue.call(venue.faults.clear)


def test_a_slow_answer_has_its_headers_at_once_and_its_body_byte_by_byte(
    venue: PaperBackpack,
) -> None:
    arm(venue, Slow(connection=REST, route="/order", bytes_per_s=1))
    asked = ann().execute_order(order())
    url = venue.urls["api"].rstrip("/") + asked.target
    headers = dict(asked.headers)
    with http.post(url, headers=headers, data=asked.body, timeout=WAIT_S, stream=True) as reply:
        assert (reply.status_code, int(reply.headers["Content-Length"]) > 100) == (200, True)
        assert next(reply.iter_content(1)) == b"{"
    assert positions(venue) == ["0.5"]


def test_replies_get_unknown_values_and_lose_fields(venue: PaperBackpack) -> None:
    fault = EditReply(
        connection=REST, route="/order", set={"status": "Suspended"}, remove=("clientId",)
    )
    arm(venue, fault)
    reply = venue.send(ann().execute_order(order())).json()
    assert (reply["status"], "clientId" in reply) == ("Suspended", False)


def test_a_fill_is_told_late_or_twice_or_not_at_all(venue: PaperBackpack) -> None:
    stream = feed(venue)
    arm(venue, Frames(connection=FEED, do="drop", kind="fill"))
    arm(venue, Frames(connection=FEED, do="repeat", kind="fill"))
    for number in range(2):
        placed(venue, order(client_order_id=number))
    seen = [stream.data()["e"] for _ in range(4)]
    assert seen == ["orderAccepted", "orderAccepted", "orderFill", "orderFill"]
    assert hits(venue) == ["fill", "fill"]


def test_a_repetition_reaches_the_connection_that_listens_by_then(venue: PaperBackpack) -> None:
    stream = feed(venue)
    arm(venue, Frames(connection=FEED, do="repeat", kind="fill", after_s=0.3))
    placed(venue, order())
    first = stream.until("orderFill")[-1]
    stream.close()
    assert feed(venue).data() == first


@pytest.mark.parametrize(
    ("do", "seen"),
    [("binary", bytes), ("huge", ConnectionClosed), ("cut", str), ("utf8", ConnectionClosed)],
)
def test_a_spoilt_fill_arrives_as_such(
    venue: PaperBackpack, do: Any, seen: type[Exception] | type[str] | type[bytes]
) -> None:
    stream = feed(venue)
    arm(venue, Frames(connection=FEED, do=do, kind="fill"))
    placed(venue, order())
    assert stream.data()["e"] == "orderAccepted"
    try:
        message: object = stream.connection.recv(timeout=WAIT_S)
    except ConnectionClosed as closed:
        message = closed
    assert isinstance(message, seen)
    if do == "cut":
        with pytest.raises(json.JSONDecodeError):
            json.loads(str(message))


@pytest.mark.parametrize("how", ["silence", "error"])
def test_an_account_stream_is_not_subscribed_to(venue: PaperBackpack, how: Any) -> None:
    arm(venue, Subscribe(connection=FEED, how=how))
    stream = venue.stream(ORDERS)
    if how == "error":
        assert "error" in stream.next()
    stream.settled()
    assert set(venue.call(lambda: venue.faults.connections).values()) == {"backpack/market"}
    assert not [event for event in venue.sessions.events if event[0] == "logged in"]


@pytest.mark.parametrize(("part", "executed"), [(0.3, "0.15"), (1.0, "0.50")])
def test_a_fill_comes_after_the_cancel_was_accepted(
    venue: PaperBackpack, part: float, executed: str
) -> None:
    stream = feed(venue)
    placed(venue, resting())
    arm(venue, Race(connection="backpack", part=part, when="after"))
    assert cancel(venue).status_code == 202
    fill = stream.until("orderFill")[-1]
    assert float(fill["z"]) == float(executed)
    if part < 1:
        ended = stream.until("orderCancelled")[-1]
        assert (ended["X"], float(ended["z"])) == ("Cancelled", float(executed))


@pytest.mark.parametrize(("part", "status"), [(0.3, 200), (1.0, 400)])
def test_a_fill_comes_before_the_cancel_is_looked_at(
    venue: PaperBackpack, part: float, status: int
) -> None:
    placed(venue, resting())
    arm(venue, Race(connection="backpack", part=part))
    reply = cancel(venue)
    assert reply.status_code == status
    if part < 1:
        assert float(reply.json()["executedQuantity"]) == 0.15


def test_reads_lag_and_catch_up(venue: PaperBackpack) -> None:
    for what in ("orders", "histories", "positions"):
        arm(venue, Lag(connection="backpack", what=what, by_s=60, for_s=600))
    placed(venue, resting())
    placed(venue, order(client_order_id=8))
    asked = (ann().open_orders(SYMBOL), ann().fill_history(SYMBOL), ann().positions())
    assert venue.send(query()).status_code == 404
    assert [venue.send(one).json() for one in asked] == [[], [], []]
    venue.call(venue.faults.clear)
    assert venue.send(query()).status_code == 200
    assert [len(venue.send(one).json()) for one in asked] == [1, 1, 1]


@pytest.mark.parametrize("by_s", [6, -6])
def test_a_wrong_clock_refuses_what_is_signed_for_the_true_time(
    venue: PaperBackpack, by_s: int
) -> None:
    venue.call(
        lambda: venue.exchange.set_clock_offset(
            lambda: int(venue.faults.clock_offset_s("backpack") * 1e9)
        )
    )
    arm(venue, Clock(connection="backpack", by_s=by_s, for_s=600))
    reply = venue.send(ann().positions())
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_CLIENT_REQUEST")
    venue.call(venue.faults.clear)
    assert venue.send(ann().positions()).status_code == 200
