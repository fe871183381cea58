"""The paper GRVT's own rules on request, on its real sockets, each as it is documented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests as http
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from paper.faults import Deny, Liquidate, Maintenance, Shatter, Throttle
from paper.hands import Hands
from paper.orders import Reason
from tests.support.grvt import CLIENT_ID, SUB_ACCOUNT
from tests.support.grvt_paper import API_KEY, WAIT_S, PaperGrvt, served, signed
from venues.grvt import codec, requests, rest
from venues.model import GRVT

Frame = dict[str, Any]


@pytest.fixture
def venue() -> Iterator[PaperGrvt]:
    with served() as running:
        yield running


def session(venue: PaperGrvt) -> dict[str, str]:
    asked = rest.login(API_KEY)
    url = venue.urls["edge"] + asked.path
    reply = http.post(url, data=asked.body, headers=asked.headers, timeout=WAIT_S)
    return rest.parse_login(reply.status_code, list(reply.headers.items()), reply.content).headers


def post(venue: PaperGrvt, call: requests.Call, headers: dict[str, str]) -> http.Response:
    asked = rest.post(call)
    url = venue.urls["trades"] + asked.path
    return http.post(url, data=asked.body, headers=asked.headers | headers, timeout=WAIT_S)


@contextmanager
def socket(venue: PaperGrvt, *streams: str) -> Iterator[Connection]:
    """A trading socket that is subscribed to these account streams."""
    with connect(
        venue.socket_url(), additional_headers=session(venue), close_timeout=0.1
    ) as connection:
        for stream in streams:
            connection.send(codec.encode_subscribe(stream, [str(SUB_ACCOUNT)], 1).decode())
            told(connection)
        yield connection


def told(connection: Connection) -> Frame:
    message: Frame = json.loads(connection.recv(timeout=WAIT_S))
    return message


def create(venue: PaperGrvt, number: int = CLIENT_ID, **order: Any) -> requests.Call:
    return requests.create_order(signed(venue.now_ns(), client_order_id=number, **order))


def answer(connection: Connection, call: requests.Call) -> Frame:
    """The answer to a request; what streams tell before it is left out."""
    connection.send(codec.encode_call(call, 7).decode())
    while "method" not in (frame := told(connection)):
        pass
    return frame


def last_state(connection: Connection) -> Frame:
    """The first state of an order on v1.state that is final."""
    while True:
        frame = told(connection)
        state: Frame = frame.get("feed", {}).get("order_state", {})
        if state.get("status") in ("FILLED", "REJECTED", "CANCELLED"):
            return state


def arm(venue: PaperGrvt, fault: Any) -> None:
    venue.call(lambda: venue.faults.arm(fault))


def deny(venue: PaperGrvt, reason: Reason, **more: Any) -> None:
    arm(venue, Deny(connection=GRVT, reason=reason, **more))


@pytest.mark.parametrize(
    ("reason", "code", "status"),
    [
        (Reason.MARGIN, 2080, 400),
        (Reason.POSITION_LIMIT, 2081, 400),
        (Reason.OPEN_ORDER_LIMIT, 2090, 429),
        (Reason.NOTIONAL_MIN, 2066, 400),
        (Reason.REDUCE_ONLY, 2400, 400),
        (Reason.REDUCE_TOO_LARGE, 2402, 400),
        (Reason.PRICE_BAND, 2082, 400),
    ],
)
def test_an_order_is_refused_at_entry(
    venue: PaperGrvt, reason: Reason, code: int, status: int
) -> None:
    deny(venue, reason, when="entry", times=2)
    reply = post(venue, create(venue), session(venue))
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    with socket(venue) as connection:
        assert answer(connection, create(venue, CLIENT_ID + 1))["error"]["code"] == code


def test_a_reduce_only_order_that_would_increase_is_refused_as_such(venue: PaperGrvt) -> None:
    deny(venue, Reason.REDUCE_ONLY, when="entry", skip=1)
    with socket(venue) as connection:
        answer(connection, create(venue))
        assert answer(connection, create(venue, CLIENT_ID + 1))["error"]["code"] == 2401


@pytest.mark.parametrize("part", ["0", "0.4", "0.8"])
@pytest.mark.parametrize(
    ("reason", "word", "unexecuted"),
    [
        (Reason.MARGIN, "BELOW_MARGIN", "REJECTED"),
        (Reason.REDUCE_ONLY, "FAIL_REDUCE_ONLY", "REJECTED"),
        (Reason.REDUCE_ONLY_LIMIT, "REDUCE_ONLY_LIMIT", "CANCELLED"),
        (Reason.SELF_TRADE, "SELF_TRADE_PROTECTION", "CANCELLED"),
        (Reason.SELF_MATCHED, "SELF_MATCHED_SUBACCOUNT", "CANCELLED"),
        (Reason.IOC, "IOC_CANCEL", "CANCELLED"),
        (Reason.MARKET, "MARKET_CANCEL", "CANCELLED"),
        (Reason.MAKER_LIMIT, "TOO_MANY_MAKER_ORDERS", "CANCELLED"),
    ],
)
def test_an_order_ends_for_a_reason_after_it_was_acknowledged_and_a_part_executed(
    venue: PaperGrvt, reason: Reason, word: str, unexecuted: str, part: str
) -> None:
    deny(venue, reason, part=float(part))
    with socket(venue, codec.STATE_STREAM) as connection:
        assert answer(connection, create(venue))["result"]["result"]["state"]["status"] == "PENDING"
        state = last_state(connection)
    assert state["status"] == ("CANCELLED" if Decimal(part) else unexecuted)
    assert state["reject_reason"] == word
    assert Decimal(state["traded_size"][0]) == Decimal("0.5") * Decimal(part)


def test_post_only_orders_are_acknowledged_and_rejected_fifteen_times(venue: PaperGrvt) -> None:
    deny(venue, Reason.POST_ONLY, of="post_only", times=15)
    rest_at = {"price": "2400", "tif": "gtc", "post_only": True}
    with socket(venue, codec.STATE_STREAM) as connection:
        for number in range(15):
            asked = create(venue, CLIENT_ID + number, **rest_at)
            assert answer(connection, asked)["result"]["result"]["state"]["status"] == "PENDING"
            state = last_state(connection)
            assert (state["status"], state["reject_reason"]) == ("REJECTED", "FAIL_POST_ONLY")
        answer(connection, create(venue, CLIENT_ID + 15, **rest_at))
        assert told(connection)["feed"]["order_state"]["status"] == "OPEN"


def test_an_order_is_executed_in_twenty_fills_at_once(venue: PaperGrvt) -> None:
    arm(venue, Shatter(connection=GRVT, pieces=20))
    with socket(venue, codec.FILL_STREAM) as connection:
        answer(connection, create(venue))
        fills = [told(connection)["feed"] for _ in range(20)]
    assert sum(Decimal(fill["size"]) for fill in fills) <= Decimal("0.5")
    assert len({fill["trade_id"] for fill in fills}) == 20


@pytest.mark.parametrize("after_s", [None, 2])
def test_requests_are_turned_away_with_429_and_nothing_is_executed(
    venue: PaperGrvt, after_s: int | None
) -> None:
    headers = session(venue)
    with socket(venue) as connection:
        arm(venue, Throttle(connection=GRVT, times=2, retry_after_s=after_s))
        reply = post(venue, create(venue), headers)
        assert (reply.status_code, reply.json()["code"], reply.json()["status"]) == (429, 1006, 429)
        assert reply.headers.get("Retry-After") == (None if after_s is None else "2")
        assert answer(connection, create(venue))["error"]["code"] == 1006
        assert answer(connection, requests.positions(SUB_ACCOUNT))["result"]["result"] == []


@pytest.mark.parametrize("status", [403, 418])
def test_too_many_requests_within_a_second_are_banned_and_so_is_what_follows(
    venue: PaperGrvt, status: Any
) -> None:
    headers = session(venue)
    with socket(venue) as connection:
        arm(venue, Throttle(connection=GRVT, times=99, skip=99, most_per_s=5, ban_status=status))
        asked = requests.positions(SUB_ACCOUNT)
        codes = [answer(connection, asked).get("error", {}).get("code") for _ in range(6)]
        assert codes == [None] * 5 + [1006]
    assert post(venue, asked, headers).status_code == status
    with pytest.raises(InvalidStatus) as refused:
        connect(venue.socket_url(), additional_headers=headers)
    assert refused.value.response.status_code == status
    assert [hit.detail for hit in venue.faults.hits] == ["banned"]


def test_in_maintenance_no_order_and_no_cancel_is_taken_and_reads_are_fine(
    venue: PaperGrvt,
) -> None:
    headers = session(venue)
    cancel = requests.cancel_order(SUB_ACCOUNT, client_order_id=CLIENT_ID)
    with socket(venue) as connection:
        answer(connection, create(venue, price="2400", tif="gtc"))
        arm(venue, Maintenance(connection=GRVT, for_s=60))
        reply = post(venue, create(venue, CLIENT_ID + 1), headers)
        assert (reply.status_code, reply.json()["code"]) == (503, 1009)
        assert answer(connection, create(venue, CLIENT_ID + 2))["error"]["code"] == 1009
        assert answer(connection, cancel)["error"]["code"] == 1009
        assert len(answer(connection, requests.open_orders(SUB_ACCOUNT))["result"]["result"]) == 1
        venue.call(venue.faults.clear)
        assert "error" not in answer(connection, cancel)


@pytest.mark.parametrize("how", ["liquidation", "adl"])
def test_a_part_of_a_position_is_closed_by_the_venue_and_orders_are_cancelled(
    venue: PaperGrvt, how: Any
) -> None:
    Hands({GRVT: venue.exchange}, venue.faults, signals=False)
    with socket(venue) as connection:
        answer(connection, create(venue))
        answer(connection, create(venue, CLIENT_ID + 1, price="2400", tif="gtc"))
    with socket(venue, codec.STATE_STREAM) as states, socket(venue, codec.FILL_STREAM) as fills:
        arm(venue, Liquidate(venue=GRVT, account="ann", part=0.3, how=how))
        state = last_state(states)
        assert (state["status"], state["reject_reason"]) == ("CANCELLED", "LIQUIDATION")
        fill = told(fills)["feed"]
    assert (fill["is_liquidation"], fill["is_buyer"]) == (True, False)
    assert Decimal(fill["size"]) == Decimal("0.15")


def test_a_liquidation_may_be_told_by_the_position_stream_alone(venue: PaperGrvt) -> None:
    Hands({GRVT: venue.exchange}, venue.faults, signals=False)
    with socket(venue) as connection:
        answer(connection, create(venue))
    with (
        socket(venue, codec.POSITION_STREAM) as positions,
        socket(venue, codec.FILL_STREAM) as fills,
    ):
        assert Decimal(told(positions)["feed"]["size"]) == Decimal("0.5")
        arm(venue, Liquidate(venue=GRVT, account="ann", told="position"))
        assert Decimal(told(positions)["feed"]["size"]) == 0
        answer(fills, create(venue, CLIENT_ID + 1))
        assert told(fills)["feed"]["is_liquidation"] is False
