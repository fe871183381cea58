"""What GRVT refuses before it acknowledges an order, code by code."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from paper.grvt.verify import signed_fields
from tests.support.grvt import SUB_ACCOUNT
from tests.support.grvt_paper import CHAIN, SIGNER, SYMBOL, Desk, Line, changed, signed
from venues.grvt import requests
from venues.grvt.frames import Order
from venues.grvt.signing import OrderSigner

DAY_S = 86_400.0
HALF_ORDER = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0


def refused(desk: Desk, body: dict[str, Any]) -> int:
    (reply,) = desk.send("v1/create_order", body)
    code: int = reply["error"]["code"]
    assert not desk.exchange.order_history("ann")
    return code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sub_account_id": "7"}, 2003),
        ({"sub_account_id": "x"}, 3020),
        ({"order_id": "0x01"}, 2010),
        ({"state": {"status": "OPEN"}}, 2050),
        ({"legs": []}, 2040),
        ({"time_in_force": "ALL_OR_NONE"}, 2030),
        ({"time_in_force": "TOMORROW"}, 2030),
        ({"post_only": True}, 2032),
        ({"metadata": {}}, 2011),
        ({"metadata__client_order_id": "-1"}, 1003),
        ({"is_market": True}, 2020),
        ({"legs__limit_price": "0"}, 2021),
        ({"legs__limit_price": UNSET}, 2021),
        ({"legs__instrument": "XYZ_USDT_Perp"}, 2061),
        ({"signature": UNSET}, 2002),
        ({"signature__expiration": "0"}, 2001),
        ({"signature__chain_id": "326"}, 1012),
        ({"signature__v": 29}, 2005),
        ({"signature__r": "0x12"}, 2006),
        ({"signature__s": "0x" + "zz" * 32}, 2006),
        ({"signature__s": f"0x{HALF_ORDER + 1:064x}"}, 2007),
        ({"signature__nonce": 99}, 2002),
        ({"legs__size": "0.6"}, 2002),
        ({"legs__limit_price": "2500.2"}, 2002),
        ({"legs__is_buying_asset": False}, 2002),
        ({"reduce_only": True}, 2002),
        ({"signature__signer": "0x" + "00" * 20}, 2002),
        ({"legs__size": "NaN"}, 2002),
        ({"legs__size": "1e999999"}, 2002),
        ({"legs__size": "much"}, 1003),
        ({"legs": 7}, 1003),
    ],
)
def test_a_wrong_field_gets_its_own_code(fields: dict[str, Any], code: int) -> None:
    desk = Desk()
    assert refused(desk, changed(signed(desk.clock.now_ns), **fields)) == code


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"lifetime_s": -1.0}, 2001),
        ({"lifetime_s": 31 * DAY_S}, 2008),
        ({"price": "3500"}, 2082),
        ({"size": "450", "price": "2500"}, 2080),
        ({"reduce_only": True}, 2400),
        ({"size": "0.004", "price": "2500"}, 2066),
    ],
)
def test_what_is_signed_correctly_may_still_be_refused(order: dict[str, Any], code: int) -> None:
    desk = Desk()
    body = changed(signed(desk.clock.now_ns, **order))
    assert refused(desk, body) == code


def test_a_reduce_only_order_that_would_increase_has_a_code_of_its_own() -> None:
    desk = Desk()
    desk.place()
    (reply,) = desk.place(client_order_id=2**63 + 5, reduce_only=True)
    assert reply["error"]["code"] == 2401


def test_somebody_else_s_valid_signature_is_an_unauthorised_signer() -> None:
    desk = Desk()
    other = OrderSigner("0x" + "22" * 32, CHAIN)
    order = signed(desk.clock.now_ns)
    instrument = desk.exchange.instrument(SYMBOL)
    theirs = other.sign_fields(signed_fields(order, instrument))
    body = changed(order, signature__signer=theirs.signer, signature__r=theirs.r)
    body["order"]["signature"] |= {"s": theirs.s, "v": theirs.v}
    assert refused(desk, body) == 2000


@pytest.mark.parametrize("size", ["0.5", "0.500000000", "5E-1", 0.5])
def test_a_signature_covers_the_number_not_its_text(size: object) -> None:
    desk = Desk()
    (reply, *_) = desk.send("v1/create_order", changed(signed(desk.clock.now_ns), legs__size=size))
    assert reply["result"]["result"]["legs"][0]["size"] == "0.5"


def test_quoted_integers_in_a_signature_are_accepted() -> None:
    desk = Desk()
    order = signed(desk.clock.now_ns)
    assert not isinstance(order.signature, type(UNSET))
    fields = {"signature__nonce": str(order.signature.nonce), "signature__chain_id": "325"}
    (reply, *_) = desk.send("v1/create_order", changed(order, **fields))
    assert "result" in reply


def test_a_market_order_of_the_sdk_s_default_kind_takes_what_there_is() -> None:
    desk = Desk().listen("v1.order")
    order = signed(desk.clock.now_ns)
    market = changed(order, is_market=True, time_in_force="GOOD_TILL_TIME")
    market["order"]["legs"][0] |= {"limit_price": "0E-9", "size": "6"}
    unsigned = msgspec.convert(market["order"], Order, strict=False)
    signature = SIGNER.sign_fields(signed_fields(unsigned, desk.exchange.instrument(SYMBOL)))
    market["order"]["signature"] |= {"r": signature.r, "s": signature.s, "v": signature.v}
    sent = desk.send("v1/create_order", market)
    assert sent[-1]["feed"]["state"]["traded_size"] == ["5.0"]
    assert sent[-1]["feed"]["state"]["reject_reason"] == "MARKET_CANCEL"


def test_without_a_session_nothing_private_is_answered() -> None:
    desk = Desk()
    desk.line = Line(account=None)
    for call in (requests.open_orders(SUB_ACCOUNT), requests.cancel_order(SUB_ACCOUNT, 1)):
        (reply,) = desk.call(call)
        assert reply["error"]["code"] == 1000


def test_another_sub_account_is_not_authorised() -> None:
    (reply,) = Desk().call(requests.open_orders(SUB_ACCOUNT + 1))
    assert reply["error"]["code"] == 1001
