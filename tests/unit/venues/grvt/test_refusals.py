"""Why GRVT did not execute an order, as far as error code or reject reason tell."""

from __future__ import annotations

import pytest

from venues.grvt.refusals import refusal_in, refusal_of
from venues.model import OrderStatus, Refusal


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (1006, Refusal.RATE),
        (1009, Refusal.MARKET),
        (2060, Refusal.MARKET),
        (2064, Refusal.PRICE),
        (2080, Refusal.FUNDS),
        (2081, Refusal.FUNDS),
        (2090, Refusal.FUNDS),
        (2400, Refusal.REDUCE_ONLY),
        (7304, Refusal.MARKET),
        (2066, Refusal.OTHER),
    ],
)
def test_a_refusal_is_sorted_by_its_code(code: int, refusal: Refusal) -> None:
    assert refusal_of(code) is refusal


@pytest.mark.parametrize(
    ("status", "reason", "refusal"),
    [
        (OrderStatus.REJECTED, "FAIL_POST_ONLY", Refusal.POST_ONLY),
        (OrderStatus.REJECTED, "FAIL_REDUCE_ONLY", Refusal.REDUCE_ONLY),
        (OrderStatus.CANCELLED, "REDUCE_ONLY_LIMIT", Refusal.REDUCE_ONLY),
        (OrderStatus.CANCELLED, "SELF_TRADE_PROTECTION", Refusal.SELF_TRADE),
        (OrderStatus.REJECTED, "OVERLAPPING_CLIENT_ORDER_ID", Refusal.ID_TAKEN),
        (OrderStatus.REJECTED, "BELOW_MARGIN", Refusal.FUNDS),
        (OrderStatus.CANCELLED, "LIQUIDATION", Refusal.FUNDS),
        (OrderStatus.REJECTED, "INSTRUMENT_DEACTIVATED", Refusal.MARKET),
        (OrderStatus.CANCELLED, "A_NEW_WORD", Refusal.OTHER),
        (OrderStatus.REJECTED, "UNSPECIFIED", Refusal.OTHER),
        (OrderStatus.CANCELLED, "UNSPECIFIED", None),
        (OrderStatus.CANCELLED, "IOC_CANCEL", None),
        (OrderStatus.CANCELLED, "CLIENT_CANCEL", None),
        (OrderStatus.CANCELLED, "EXPIRED", None),
        (OrderStatus.OPEN, "FAIL_POST_ONLY", None),
        (OrderStatus.FILLED, "", None),
    ],
)
def test_an_order_that_was_taken_says_why_it_ended(
    status: OrderStatus, reason: str, refusal: Refusal | None
) -> None:
    assert refusal_in(status, reason) is refusal
