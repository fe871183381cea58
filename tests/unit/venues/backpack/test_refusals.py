"""Why Backpack did not execute an order, as far as code, text or expiry reason tell."""

from __future__ import annotations

import json

import pytest

from venues.backpack.outcome import classify
from venues.backpack.refusals import refusal_in, refusal_of
from venues.model import OrderStatus, Refusal


@pytest.mark.parametrize(
    ("code", "text", "refusal"),
    [
        ("INSUFFICIENT_MARGIN", "", Refusal.FUNDS),
        ("POSITION_LIMIT", "", Refusal.FUNDS),
        ("INVALID_ORDER", "Order would immediately match and take.", Refusal.POST_ONLY),
        ("INVALID_ORDER", "Reduce only order not reduced", Refusal.REDUCE_ONLY),
        ("INVALID_PRICE", "Price is out of bounds", Refusal.PRICE),
        ("TRADING_PAUSED", "", Refusal.MARKET),
        ("TOO_MANY_REQUESTS", "", Refusal.RATE),
        ("INVALID_ORDER", "Self trade prevention", Refusal.SELF_TRADE),
        ("SOMETHING_NEW", "no", Refusal.OTHER),
    ],
)
def test_a_refusal_is_sorted_by_its_code_and_else_by_its_words(
    code: str, text: str, refusal: Refusal
) -> None:
    assert refusal_of(code, text) is refusal


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("InsufficientMargin", Refusal.FUNDS),
        ("PostOnlyTaker", Refusal.POST_ONLY),
        ("PostOnlyMode", Refusal.MARKET),
        ("ReduceOnlyNotReduced", Refusal.REDUCE_ONLY),
        ("PRICE_BAND", Refusal.PRICE),
        ("SelfTradePrevention", Refusal.SELF_TRADE),
        ("Unknown", Refusal.OTHER),
        ("ImmediateOrCancel", None),
        ("FillOrKill", None),
        ("", None),
    ],
)
def test_an_order_that_was_taken_and_expired_says_why(reason: str, refusal: Refusal | None) -> None:
    assert refusal_in(OrderStatus.EXPIRED, reason) is refusal


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_what_goes_on_is_filled_or_was_cancelled_by_us_was_not_refused(
    status: OrderStatus,
) -> None:
    assert refusal_in(status, "InsufficientMargin") is None


@pytest.mark.parametrize("code", ["MAINTENANCE", "TRADING_PAUSED"])
def test_maintenance_is_certainly_not_executed_though_it_is_a_503(code: str) -> None:
    outcome = classify(503, json.dumps({"code": code, "message": "later"}).encode())
    assert outcome.nothing_executed
    assert outcome.refusal is Refusal.MARKET


def test_a_gateways_503_is_no_maintenance_of_the_venues() -> None:
    outcome = classify(503, b"<html>MAINTENANCE</html>")
    assert (outcome.nothing_executed, outcome.refusal) == (False, None)
