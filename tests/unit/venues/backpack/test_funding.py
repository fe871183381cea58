"""Backpack's funding payments: positive when received, in naive UTC."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.backpack import builder_at
from venues.backpack.funding import decode_funding
from venues.errors import FrameError, VenueRefused

BODY = (
    b'[{"userId":1,"subaccountId":null,"symbol":"SOL_USDC_PERP","quantity":"-0.0125",'
    b'"intervalEndTimestamp":"2025-06-24T16:00:00","fundingRate":"0.0000125"}]'
)


def test_what_was_paid_is_positive_with_us() -> None:
    (payment,) = decode_funding(200, BODY)
    assert (payment.venue, payment.symbol) == ("backpack", "SOL_USDC_PERP")
    assert payment.amount == Decimal("0.0125")
    assert payment.event_ns == 1_750_780_800 * 10**9


@pytest.mark.parametrize("quantity", [b"NaN", b"Infinity", b""])
def test_a_quantity_that_is_no_number_is_refused(quantity: bytes) -> None:
    with pytest.raises(FrameError):
        decode_funding(200, BODY.replace(b"-0.0125", quantity))


def test_a_refusal_is_raised_as_what_it_is() -> None:
    with pytest.raises(VenueRefused):
        decode_funding(400, b'{"code":"INVALID_RANGE","message":"Invalid limit"}')


def test_the_request_is_signed_for_the_newest_first() -> None:
    request = builder_at().funding_history(limit=100, offset=200)
    assert (request.method, request.path) == ("GET", "/wapi/v1/history/funding")
    assert dict(request.query) == {"limit": "100", "offset": "200", "sortDirection": "Desc"}
