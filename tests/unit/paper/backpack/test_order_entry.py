"""Whatever an order's body holds, it becomes an order of the engine or a typed refusal."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.backpack.errors import ApiError, BodyError
from paper.backpack.order_entry import OrderEntry, client_id, parse
from paper.backpack.settings import BackpackSettings
from paper.orders import Status
from tests.support.backpack import STEADY
from tests.support.paper import SYMBOL, Venue
from venues.backpack.frames import OrderExecute
from venues.model import Side

NUMBERS = st.sampled_from(
    ["0.5", "100", "1E+2", "NaN", "-0", "1e-400", "Infinity", "100.001", "1" * 40, "", "x", 5, 1e-5]
)
BODIES = st.fixed_dictionaries(
    {"symbol": st.sampled_from([SYMBOL, "X", "", 1]), "side": st.sampled_from(["Bid", "Ask", "b"])},
    optional={
        "orderType": st.sampled_from(["Limit", "Market", "limit", None]),
        "quantity": NUMBERS,
        "price": NUMBERS,
        "quoteQuantity": NUMBERS,
        "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
        "postOnly": st.booleans(),
        "reduceOnly": st.booleans() | st.none(),
        "clientId": st.integers(-1, 2**33) | st.sampled_from(["7", None, True]),
        "selfTradePrevention": st.sampled_from(["RejectTaker", "RejectBoth", "Allow"]),
    },
)


def entry(venue: Venue) -> OrderEntry:
    return OrderEntry(venue.exchange, BackpackSettings(), lambda _: "Open")


@STEADY
@given(BODIES)
def test_every_body_is_an_order_or_a_typed_refusal(body: dict[str, object]) -> None:
    venue = Venue()
    venue.market.offer(Side.SELL, ("100.01", "5"))
    venue.exchange.tick()
    try:
        order = entry(venue).place("ann", parse(json.dumps(body).encode(), OrderExecute), "n")
    except (ApiError, BodyError):
        assert venue.exchange.order_history("ann") == []
    else:
        assert venue.exchange.order_history("ann") == [order]


def place(venue: Venue, **fields: object) -> object:
    body = {"symbol": SYMBOL, "side": "Bid", "orderType": "Limit", "quantity": "1"} | fields
    return entry(venue).place("ann", parse(json.dumps(body).encode(), OrderExecute), "n")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Limit orders need a price"),
        ({"price": "100", "quoteQuantity": "5"}, "Exactly one of quantity"),
        ({"price": "100", "quantity": None, "quoteQuantity": "5"}, "for market orders"),
        ({"price": "100", "postOnly": True, "timeInForce": "IOC"}, "Post only orders are GTC"),
        ({"price": "100", "clientId": 2**32}, "Invalid client id"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ApiError, match=text):
        place(Venue(), **fields)


@pytest.mark.parametrize("field", ["side", "timeInForce", "selfTradePrevention", "orderType"])
def test_an_unknown_word_is_a_parse_error_that_names_its_field(field: str) -> None:
    with pytest.raises(BodyError, match=f"unknown {field}"):
        place(Venue(), **({"price": "100"} | {field: "novel"}))


def test_a_reverse_market_order_spends_about_its_quote_quantity() -> None:
    venue = Venue()
    venue.market.offer(Side.SELL, ("100.01", "5"))
    venue.exchange.tick()
    entry(venue).place(
        "ann",
        OrderExecute(symbol=SYMBOL, side="Bid", order_type="Market", quote_quantity=Decimal(150)),
        "n",
    )
    order, = venue.exchange.order_history("ann")  # fmt: skip
    assert (order.status, order.size) == (Status.FILLED, Decimal("1.49"))


@pytest.mark.parametrize(
    ("value", "number"), [(None, None), (0, 0), ("77", 77), (2**32 - 1, 2**32 - 1)]
)
def test_a_client_id_is_taken_as_a_number_or_its_text(
    value: int | str | None, number: int | None
) -> None:
    assert client_id(value) == number


@pytest.mark.parametrize("value", [-1, 2**32, "", "7.0", "seven", "²"])
def test_anything_else_is_no_client_id(value: int | str) -> None:
    with pytest.raises(ApiError, match="Invalid client id"):
        client_id(value)
