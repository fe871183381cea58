"""The paper Backpack's order routes over real sockets, asked with our own requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests as http

from paper.faults import Answer, State
from tests.support.backpack_server import (
    SYMBOL,
    WAIT_S,
    PaperBackpack,
    ann,
    error_of,
    order,
    place,
    placed,
    resting,
    served,
)
from venues.backpack import codec, requests
from venues.backpack.codec import Verdict
from venues.backpack.requests import HttpRequest
from venues.model import NewOrder, OrderStatus, Side


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def test_a_taker_order_is_answered_after_it_matched(venue: PaperBackpack) -> None:
    update = placed(venue, order())
    assert update.status is OrderStatus.FILLED
    assert update.executed == Decimal("0.5")
    assert update.average_price == Decimal("2500.10")


def test_an_ioc_rest_expires_with_what_it_executed(venue: PaperBackpack) -> None:
    update = placed(venue, order(size=Decimal(8)))
    assert update.status is OrderStatus.EXPIRED
    assert update.executed == 5


def test_a_partly_filled_ioc_may_be_called_partially_filled() -> None:
    with served(partial_ioc="PartiallyFilled") as venue:
        response = venue.send(ann().execute_order(order(size=Decimal(8))))
    assert response.json()["status"] == "PartiallyFilled"


def test_a_resting_order_is_found_by_both_ids_and_by_none_once_cancelled(
    venue: PaperBackpack,
) -> None:
    update = placed(venue, resting())
    queries = [
        ann().query_order(SYMBOL, client_order_id=7),
        ann().query_order(SYMBOL, venue_order_id=update.venue_order_id),
    ]
    for query in queries:
        response = venue.send(query)
        assert codec.decode_order(response.status_code, response.content).update is not None
    response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    cancelled = codec.decode_cancel(response.status_code, response.content).update
    assert cancelled is not None
    assert cancelled.status is OrderStatus.CANCELLED
    assert [asked.order_id for asked in venue.to_cancel] == [int(update.venue_order_id)]
    for query in queries:
        assert error_of(venue, query)[:2] == (404, "RESOURCE_NOT_FOUND")


def test_an_order_is_named_by_exactly_one_id(venue: PaperBackpack) -> None:
    account = ann()._account
    for ids in ({}, {"order_id": "1", "client_id": 7}):
        config = account.get_open_order(SYMBOL, **ids)
        request = HttpRequest(
            method="GET",
            path=config.url,
            query=tuple(config.params.items()),
            headers=tuple(config.headers.items()),
        )
        assert error_of(venue, request)[:2] == (400, "INVALID_CLIENT_REQUEST")


def test_cancelling_what_is_gone_is_a_400_that_means_ask_the_history(venue: PaperBackpack) -> None:
    placed(venue, order())
    response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    assert response.status_code == 400
    answer = codec.decode_cancel(response.status_code, response.content)
    assert answer.outcome.verdict is Verdict.NOT_FOUND
    assert venue.to_cancel == []


def test_a_cancel_may_be_accepted_before_it_is_done() -> None:
    with served(cancel_reply="accepted", cancel_delay_s=0.0) as venue:
        stream = venue.stream("account.orderUpdate").settled()
        placed(venue, resting())
        response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
        assert (response.status_code, response.content) == (202, b"")
        assert stream.until("orderCancelled")[-1]["X"] == "Cancelled"


def test_cancel_all_ends_every_resting_order(venue: PaperBackpack) -> None:
    for client_order_id in (1, 2, 3):
        placed(venue, resting(client_order_id))
    response = venue.send(ann().open_orders(SYMBOL))
    assert len(codec.decode_open_orders(response.status_code, response.content)) == 3
    response = venue.send(ann().cancel_all(SYMBOL))
    ended = codec.decode_cancel_all(response.status_code, response.content)
    assert {update.client_order_id for update in ended} == {1, 2, 3}
    assert len(venue.to_cancel) == 3
    response = venue.send(ann().open_orders())
    assert codec.decode_open_orders(response.status_code, response.content) == ()


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (resting(post_only=True, side=Side.SELL), "INVALID_ORDER"),
        (order(reduce_only=True), "INVALID_ORDER"),
        (order(size=Decimal("0.005")), "INVALID_QUANTITY"),
        (order(size=Decimal("0.505")), "INVALID_QUANTITY"),
        (order(price="2500.105"), "INVALID_PRICE"),
        (order(price="9000"), "INVALID_PRICE"),
        (order(size=Decimal(900)), "INSUFFICIENT_MARGIN"),
        (order(symbol="DOGE_USDC_PERP"), "INVALID_SYMBOL"),
    ],
)
def test_each_refusal_at_entry_has_the_venues_code(
    venue: PaperBackpack, new: NewOrder, code: str
) -> None:
    answer = place(venue, new)
    assert answer.outcome.verdict is Verdict.REFUSED
    assert answer.outcome.code == code
    assert venue.exchange.order_history("ann") == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+999", "-1", "0", "1E-40"])
def test_a_number_that_is_no_size_is_refused_like_any_other(
    venue: PaperBackpack, number: str
) -> None:
    config = ann()._account.execute_order(
        symbol=SYMBOL, side="Bid", order_type="Limit", quantity=number, price="2400"
    )
    request = HttpRequest(
        method="POST",
        path=config.url,
        headers=tuple(config.headers.items()),
        body=json.dumps(config.data).encode(),
    )
    assert error_of(venue, request)[:2] == (400, "INVALID_QUANTITY")


def test_a_client_id_that_is_live_is_refused_and_free_again_afterwards(
    venue: PaperBackpack,
) -> None:
    placed(venue, resting())
    answer = place(venue, resting())
    assert (answer.outcome.code, answer.outcome.text) == (
        "INVALID_CLIENT_REQUEST",
        "Duplicate client id",
    )
    venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    assert placed(venue, resting()).status is OrderStatus.OPEN


def test_duplicate_client_ids_are_accepted_when_set_so() -> None:
    with served(duplicates="accept") as venue:
        assert placed(venue, resting()).client_order_id == 7
        assert placed(venue, resting()).client_order_id == 7
        assert len(venue.exchange.open_orders("ann")) == 2


def test_a_market_that_takes_no_orders_says_so(venue: PaperBackpack) -> None:
    post_only = State(connection="backpack", state="PostOnly", for_s=WAIT_S, symbol=SYMBOL)
    venue.call(lambda: venue.faults.arm(post_only))
    assert place(venue, order()).outcome.code == "TRADING_PAUSED"
    assert placed(venue, resting(post_only=True)).status is OrderStatus.OPEN
    response = venue.send(requests.markets())
    listings = codec.decode_markets(response.status_code, response.content)
    assert {listing.state for listing in listings if listing.instrument.symbol == SYMBOL} == {
        "PostOnly"
    }


def test_a_batch_answers_each_order_for_itself(venue: PaperBackpack) -> None:
    bodies = [
        json.loads(ann().execute_order(new).body) for new in (resting(1), order(price="9000"))
    ]
    response = venue.send(signed_batch(bodies))
    first, second = response.json()
    assert (first["operation"], first["clientId"], first["status"]) == ("Ok", 1, "New")
    assert (second["operation"], second["code"]) == ("Err", "INVALID_PRICE")


def signed_batch(bodies: list[dict[str, Any]]) -> HttpRequest:
    """A batch, which bpx-py cannot build, signed after vector V4."""
    account = ann()._account
    timestamp_ms = ann().timestamp_ms()
    words = {True: "true", False: "false"}
    parts = [
        "&".join(
            ["instruction=orderExecute"]
            + [
                f"{name}={words[value] if isinstance(value, bool) else value}"
                for name, value in sorted(body.items())
            ]
        )
        for body in bodies
    ]
    # The signer puts "instruction=" in front of what it is given.
    text = "&".join(parts).removeprefix("instruction=")
    headers = {
        "X-API-Key": account.public_key,
        "X-Signature": account._sign({}, text, timestamp_ms, 5000),
        "X-Timestamp": str(timestamp_ms),
        "X-Window": "5000",
    }
    return HttpRequest(
        method="POST",
        path="/api/v1/orders",
        headers=tuple(headers.items()),
        body=json.dumps(bodies).encode(),
    )


def test_an_order_that_was_accepted_may_be_answered_with_503(venue: PaperBackpack) -> None:
    venue.call(lambda: venue.faults.arm(answer_503()))
    answer = place(venue, resting())
    assert answer.outcome.verdict is Verdict.UNKNOWN
    response = venue.send(ann().query_order(SYMBOL, client_order_id=7))
    found = codec.decode_order(response.status_code, response.content).update
    assert found is not None
    assert found.status is OrderStatus.OPEN


def answer_503() -> Any:
    return Answer(
        connection="backpack/rest", route="/api/v1/order", status=503,
        body='{"code":"TIMEOUT","message":""}', execute=True,
    )  # fmt: skip


def test_an_answer_may_be_lost_with_the_order_in_the_book() -> None:
    with served(lost_replies=1.0) as venue:
        with pytest.raises(http.ConnectionError):
            venue.send(ann().execute_order(resting()))
        assert venue.call(lambda: len(venue.exchange.open_orders("ann"))) == 1
