"""Requests to Backpack: signed as the documented vectors, and exactly what is then sent."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from tests.support.backpack import PUBLIC_KEY, SECRET_KEY, STEADY, TIMESTAMP_MS, builder_at, header
from venues.backpack import requests
from venues.backpack.requests import HttpRequest, RequestBuilder
from venues.errors import QuantizeError
from venues.model import NewOrder, Side, TimeInForce

SYMBOL = "SOL_USDC_PERP"


def an_order(**changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "symbol": SYMBOL, "side": Side.BUY, "size": Decimal("12.5"), "price": Decimal("141.25"),
        "time_in_force": TimeInForce.IOC, "client_order_id": 7, "expires_ns": 0,
    }  # fmt: skip
    return NewOrder(**(fields | changes))


def signed_text(instruction: str, request: HttpRequest) -> str:
    """The text that the venue rebuilds from what it received."""
    fields = json.loads(request.body) if request.body else dict(request.query)
    words = {True: "true", False: "false"}
    parts = [f"{name}={words[value] if isinstance(value, bool) else value}"
             for name, value in sorted(fields.items())]  # fmt: skip
    moment = f"timestamp={header(request, 'X-Timestamp')}&window={header(request, 'X-Window')}"
    return "&".join([f"instruction={instruction}", *parts, moment])


def assert_signed(instruction: str, request: HttpRequest) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC_KEY))
    signature = base64.b64decode(header(request, "X-Signature"))
    key.verify(signature, signed_text(instruction, request).encode())


def test_a_cancel_by_order_id_is_signed_as_vector_2() -> None:
    request = builder_at().cancel_order(
        SYMBOL, venue_order_id="114575842681290753", window_ms=60_000
    )
    assert header(request, "X-Signature") == (
        "txBuJWLSSQgE7rIx0bVy6/2Vp9OXgXWm/kk9r3vztc0bfM/UytwQlVz4z6TkFded7aaV82EnbX6f1GJI5rlqAg=="
    )
    assert json.loads(request.body) == {"symbol": SYMBOL, "orderId": "114575842681290753"}


def test_a_subscription_is_signed_as_vector_3() -> None:
    frame = json.loads(builder_at().subscribe_frame(["account.orderUpdate"], TIMESTAMP_MS))
    assert frame == {
        "method": "SUBSCRIBE",
        "params": ["account.orderUpdate"],
        "signature": [
            PUBLIC_KEY,
            "525ms9h+eI9E4uip/AKHBweLnWwyhYx+/rTnrYaNhe0CjbzR/VYPl/adZwqCQGc5kKgmYi8dkQZgbRg5W6P4Cg==",
            "1750793021519",
            "5000",
        ],
    }


def test_positions_are_asked_for_as_vector_5() -> None:
    assert header(builder_at().positions(), "X-Signature") == (
        "EuP7VkFQkzn68NdiVCOYImR+ffoy/DnosLmOWWggWkTUsgozFKdPrwOL7+r8IN4HVCoOxhSbENlmVZOWVz/mBw=="
    )


def test_fills_are_asked_for_as_vector_6() -> None:
    request = builder_at().fill_history(SYMBOL, from_ms=1750790000000)
    assert header(request, "X-Signature") == (
        "ZjTZYlt400wdHgjecYbaPJ0ch18Poosnpq7y/7f/GJ35tVD3VEJ/M22rRh1vlCUQ2y9r6Od4k0MG9P94MiQZDA=="
    )
    assert dict(request.query)["from"] == "1750790000000"


def test_an_order_carries_plain_text_numbers_and_an_integer_client_id() -> None:
    order = an_order(size=Decimal("1.20E+1"), price=Decimal("141.250"), post_only=True)
    request = builder_at().execute_order(order)
    assert (request.method, request.path) == ("POST", "/api/v1/order")
    assert json.loads(request.body) == {
        "symbol": SYMBOL, "side": "Bid", "orderType": "Limit", "quantity": "12",
        "price": "141.25", "postOnly": True, "timeInForce": "IOC", "clientId": 7,
    }  # fmt: skip
    assert_signed("orderExecute", request)


def test_an_order_that_sells_and_only_reduces_says_so() -> None:
    request = builder_at().execute_order(an_order(side=Side.SELL, reduce_only=True))
    body = json.loads(request.body)
    assert (body["side"], body["reduceOnly"]) == ("Ask", True)
    assert_signed("orderExecute", request)


def test_a_cancel_by_client_id_sends_an_integer_where_the_sdk_sends_text() -> None:
    request = builder_at().cancel_order(SYMBOL, client_order_id=77)
    assert json.loads(request.body) == {"symbol": SYMBOL, "clientId": 77}
    assert_signed("orderCancel", request)


@STEADY
@given(client_order_id=st.integers(0, requests.MAX_CLIENT_ID))
def test_every_client_id_is_sent_and_signed_zero_included(client_order_id: int) -> None:
    builder = builder_at()
    placed = builder.execute_order(an_order(client_order_id=client_order_id))
    assert json.loads(placed.body)["clientId"] == client_order_id
    assert_signed("orderExecute", placed)
    cancelled = builder.cancel_order(SYMBOL, client_order_id=client_order_id)
    assert json.loads(cancelled.body)["clientId"] == client_order_id
    assert_signed("orderCancel", cancelled)
    queried = builder.query_order(SYMBOL, client_order_id=client_order_id)
    assert dict(queried.query)["clientId"] == str(client_order_id)
    assert_signed("orderQuery", queried)


@pytest.mark.parametrize("client_order_id", [-1, 2**32])
def test_a_client_id_outside_uint32_is_not_sent(client_order_id: int) -> None:
    with pytest.raises(QuantizeError, match="client order id"):
        builder_at().execute_order(an_order(client_order_id=client_order_id))


def test_an_order_without_an_id_is_neither_cancelled_nor_queried() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        builder_at().cancel_order(SYMBOL)
    with pytest.raises(ValueError, match="exactly one"):
        builder_at().query_order(SYMBOL, client_order_id=1, venue_order_id="2")


@pytest.mark.parametrize(
    ("instruction", "request_"),
    [
        ("orderCancelAll", builder_at().cancel_all(SYMBOL)),
        ("orderQueryAll", builder_at().open_orders(SYMBOL)),
        ("orderQueryAll", builder_at().open_orders()),
        ("positionQuery", builder_at().positions(SYMBOL)),
        ("orderHistoryQueryAll", builder_at().order_history(SYMBOL, venue_order_id="1")),
        ("fillHistoryQueryAll", builder_at().fill_history(SYMBOL, from_ms=0, venue_order_id="1")),
        ("fillHistoryQueryAll", builder_at().fill_history(to_ms=5, limit=1000, offset=100)),
        ("accountQuery", builder_at().account()),
        ("collateralQuery", builder_at().collateral()),
    ],
)
def test_every_route_signs_what_it_sends(instruction: str, request_: HttpRequest) -> None:
    assert_signed(instruction, request_)


def test_history_from_the_epoch_says_so_where_the_sdk_forgets_it() -> None:
    assert dict(builder_at().fill_history(from_ms=0).query)["from"] == "0"


def test_an_order_may_not_reach_the_venue_after_it_expired() -> None:
    order = an_order(expires_ns=(TIMESTAMP_MS + 800) * 1_000_000)
    builder = builder_at(order_window_ms=2_000)
    assert header(builder.execute_order(order), "X-Window") == "800"
    assert header(builder.execute_order(an_order()), "X-Window") == "2000"
    assert header(builder.execute_order(an_order(), window_ms=1_000), "X-Window") == "1000"


def test_an_order_that_has_expired_already_gets_the_shortest_window() -> None:
    request = builder_at().execute_order(an_order(expires_ns=1))
    assert header(request, "X-Window") == "1"


@pytest.mark.parametrize("offset_ms", [-6_000, -500, 0, 1_900, 60_000])
def test_a_clock_that_differs_from_the_venues_does_not_change_the_window(offset_ms: int) -> None:
    builder = builder_at()
    builder.clock_offset_ms = offset_ms
    request = builder.execute_order(an_order(expires_ns=(TIMESTAMP_MS + 1_500) * 1_000_000))
    assert header(request, "X-Window") == "1500"
    assert header(request, "X-Timestamp") == str(TIMESTAMP_MS + offset_ms)


def test_a_window_is_never_longer_than_the_venue_takes() -> None:
    request = builder_at().execute_order(an_order(), window_ms=99_000)
    assert header(request, "X-Window") == "60000"


def test_the_clock_offset_moves_every_timestamp() -> None:
    builder = builder_at()
    builder.clock_offset_ms = -250
    request = builder.execute_order(an_order())
    assert header(request, "X-Timestamp") == str(TIMESTAMP_MS - 250)
    assert_signed("orderExecute", request)


def test_public_streams_are_subscribed_without_a_signature() -> None:
    expected = '{"method":"SUBSCRIBE","params":["bookTicker.SOL_USDC_PERP"]}'
    assert builder_at().subscribe_frame(["bookTicker.SOL_USDC_PERP"]) == expected
    assert requests.subscribe_public_frame(["bookTicker.SOL_USDC_PERP"]) == expected


def test_public_routes_carry_no_key() -> None:
    for request in (
        requests.markets(), requests.depth(SYMBOL), requests.status(), requests.server_time(),
        requests.ticker(SYMBOL), requests.mark_prices(SYMBOL),
    ):  # fmt: skip
        assert request.method == "GET"
        assert not request.headers
    assert requests.depth(SYMBOL, 5).target == "/api/v1/depth?symbol=SOL_USDC_PERP&limit=5"


def test_no_repr_shows_the_secret_or_a_signature() -> None:
    builder = RequestBuilder(PUBLIC_KEY, SECRET_KEY)
    request = builder.cancel_order(SYMBOL, client_order_id=1)
    shown = repr(builder) + str(builder) + repr(request) + str(request)
    assert SECRET_KEY not in shown
    assert header(request, "X-Signature") not in shown
    assert repr(request) == "HttpRequest(DELETE /api/v1/order)"
