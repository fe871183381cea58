"""Who is let in at the paper Backpack's REST host: keys, signatures, windows, limits."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.backpack import SECRET_KEY
from tests.support.backpack_server import (
    OTHER_PUBLIC_KEY,
    OTHER_SECRET_KEY,
    PaperBackpack,
    ann,
    error_of,
    order,
    place,
    served,
)
from venues.backpack import codec, requests
from venues.backpack.codec import Verdict
from venues.backpack.requests import HttpRequest, RequestBuilder


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def test_a_wrong_signature_is_refused(venue: PaperBackpack) -> None:
    stolen = dict(ann().open_orders().headers)["X-Signature"]
    request = ann().execute_order(order())
    assert error_of(venue, request, **{"X-Signature": stolen}) == (
        400,
        "INVALID_CLIENT_REQUEST",
        "Invalid signature",
    )


def test_a_changed_body_is_refused(venue: PaperBackpack) -> None:
    request = ann().execute_order(order())
    body = json.loads(request.body) | {"quantity": "5"}
    changed = HttpRequest(
        method="POST", path=request.path, headers=request.headers, body=json.dumps(body).encode()
    )
    assert error_of(venue, changed)[2] == "Invalid signature"


def test_an_elapsed_window_is_refused_and_nothing_is_placed(venue: PaperBackpack) -> None:
    venue.skew_ns = 3_000_000_000
    answer = place(venue, order())
    assert answer.outcome.verdict is Verdict.REFUSED
    assert answer.outcome.expired
    assert venue.exchange.order_history("ann") == []


def test_a_clock_that_is_corrected_is_accepted_again(venue: PaperBackpack) -> None:
    venue.skew_ns = 60_000_000_000
    response = venue.send(requests.server_time())
    builder = ann()
    ours_ms = time.time_ns() // 1_000_000
    builder.clock_offset_ms = codec.decode_time(response.status_code, response.content) - ours_ms
    assert venue.send(builder.open_orders()).status_code == 200
    assert venue.send(ann().open_orders()).status_code == 400


def test_an_unknown_key_and_a_missing_one_are_401(venue: PaperBackpack) -> None:
    stranger = RequestBuilder("AAAA", OTHER_SECRET_KEY)
    assert error_of(venue, stranger.open_orders())[:2] == (401, "UNAUTHORIZED")
    unsigned = HttpRequest(method="GET", path="/api/v1/orders")
    assert error_of(venue, unsigned) == (401, "UNAUTHORIZED", "Missing header X-API-Key")


def test_the_key_of_one_account_does_not_open_another(venue: PaperBackpack) -> None:
    forged = RequestBuilder(OTHER_PUBLIC_KEY, SECRET_KEY)
    assert error_of(venue, forged.open_orders())[2] == "Invalid signature"


def test_a_body_that_cannot_be_parsed_is_answered_in_plain_text(venue: PaperBackpack) -> None:
    broken = HttpRequest(method="POST", path="/api/v1/order", body=b'{"symbol":')
    response = venue.send(broken)
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert codec.classify(response.status_code, response.content).verdict is Verdict.UNKNOWN


def test_too_many_requests_are_429() -> None:
    with served(requests_per_minute=2) as venue:
        verdicts = []
        for _ in range(3):
            response = venue.send(ann().open_orders())
            verdicts.append(codec.classify(response.status_code, response.content).verdict)
    assert verdicts == [Verdict.OK, Verdict.OK, Verdict.RATE_LIMITED]


def test_who_leaves_before_the_answer_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    with served(latency_s=0.05) as venue:
        asked = ann().open_orders()
        headers = "".join(f"{name}: {value}\r\n" for name, value in asked.headers)
        api = urlsplit(venue.urls["api"])
        caller = socket.create_connection((api.hostname, api.port))
        caller.sendall(f"GET {asked.target} HTTP/1.1\r\nHost: venue\r\n{headers}\r\n".encode())
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        assert venue.send(asked).status_code == 200, "asked later, answered later"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
