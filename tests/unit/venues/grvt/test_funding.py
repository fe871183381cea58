"""GRVT's funding payments, in its full names as REST and websocket have them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from venues.errors import FrameError, VenueRefused
from venues.grvt import requests, rest
from venues.grvt.funding import read_funding_history
from venues.model import FundingPayment

ROW = (
    b'{"event_time":"1697788800000000000","sub_account_id":"7",'
    b'"instrument":"BTC_USDT_Perp","currency":"USDT","amount":"-0.125","tx_id":"28363"}'
)  # fmt: skip


def read(body: bytes, status: int = 200) -> tuple[tuple[FundingPayment, ...], str]:
    page = read_funding_history(rest.parse_reply(status, body, "funding_payment_history"))
    return page.items, page.cursor


def test_a_payment_is_positive_when_paid() -> None:
    (payment,), cursor = read(b'{"result":[' + ROW + b'],"next":"abc"}')
    assert (payment.venue, payment.symbol) == ("grvt", "BTC_USDT_Perp")
    assert (payment.amount, payment.event_ns) == (Decimal("-0.125"), 1697788800000000000)
    assert cursor == "abc"


def test_two_payments_of_one_transaction_are_two() -> None:
    other = ROW.replace(b"BTC", b"ETH")
    items, cursor = read(b'{"result":[' + ROW + b"," + other + b"]}")
    assert len({payment.key for payment in items}) == 2
    assert cursor == ""


@pytest.mark.parametrize("amount", [b"NaN", b"1e999999", b"x"])
def test_an_amount_that_is_no_number_is_refused(amount: bytes) -> None:
    with pytest.raises(FrameError):
        read(b'{"result":[' + ROW.replace(b"-0.125", amount) + b"]}")


def test_an_error_is_raised_as_what_it_is() -> None:
    with pytest.raises(VenueRefused):
        read(b'{"code":1003,"message":"Request could not be processed","status":400}', 400)


def test_the_request_names_account_and_moment() -> None:
    request = rest.post(requests.funding_payment_history(7, start_ns=5))
    assert request.path == "/full/v1/funding_payment_history"
    assert b'"sub_account_id":"7"' in request.body
    assert b'"start_time":"5"' in request.body
