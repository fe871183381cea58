"""GRVT signatures: the published vectors, and grvt-pysdk's own signer on generated orders."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.grvt import ADDRESS, BTC, ETH, PRIVATE_KEY, SUB_ACCOUNT, new_order
from venues.errors import QuantizeError
from venues.grvt import codec, requests, signing
from venues.grvt.errors import SigningError
from venues.grvt.numbers import client_number
from venues.grvt.signing import OrderSigner, SignedFields, SignedLeg
from venues.model import NewOrder, Side, TimeInForce

MARKET = SignedFields(
    sub_account_id=SUB_ACCOUNT,
    is_market=True,
    time_in_force=3,
    post_only=False,
    reduce_only=False,
    legs=(SignedLeg(asset_id=0x030501, contract_size=250000000, limit_price=0, is_buying=True),),
    nonce=0,
    expiration_ns=1767225600000000000,
)


@pytest.fixture
def quiet_root() -> Iterator[None]:
    """The SDK logs whole orders through the root logger."""
    before = logging.root.level
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    logging.root.setLevel(before)


def vector_2() -> NewOrder:
    return new_order(
        symbol="ETH_USDT_Perp",
        side=Side.SELL,
        size="1.013",
        price="2500.25",
        time_in_force=TimeInForce.IOC,
        nonce=4294967295,
        expires_ns=1767225600123456789,
        reduce_only=True,
    )


def test_vector_1_a_post_only_limit_order_on_prod() -> None:
    signature = OrderSigner(PRIVATE_KEY, 325).sign(new_order(post_only=True), BTC, SUB_ACCOUNT)
    assert signature.r == "0xf82b72ce3964e8b9970d0fc9a4ce50587b24dda705915a41948d72de50597697"
    assert signature.s == "0x798da4662ccfae7f51d3334b0f467134772cf6e52e6ad5d60df850685e1ade90"
    assert (signature.v, signature.signer) == (28, ADDRESS)


def test_vector_2_a_reduce_only_ioc_on_testnet() -> None:
    signature = OrderSigner(PRIVATE_KEY, 326).sign(vector_2(), ETH, SUB_ACCOUNT)
    assert signature.r == "0xb929d569e067f90777c62aa8b56f9973f28c00b8df7eadc3a73ced3ca578032b"
    assert signature.s == "0x673be73c3c60a82add4050b1fe2363ef17383195122933bcba7c2f015283f379"
    assert signature.v == 27


def test_vector_3_a_market_order() -> None:
    signature = OrderSigner(PRIVATE_KEY, 325).sign_fields(MARKET)
    assert signature.r == "0x545f7fa8950ec60f1d6c0751d9d44dd78a012dd07a11b82eabacfbd80ac4cd81"
    assert signature.s == "0x4ef3ba49d0bdb9006954a10c7f375346a68cd9bb38cae8f8a5acd0709f6c68fe"


def test_digests_of_the_vectors() -> None:
    first = signing.signed_fields(new_order(post_only=True), BTC, SUB_ACCOUNT)
    second = signing.signed_fields(vector_2(), ETH, SUB_ACCOUNT)
    assert signing.order_digest(first, 325).hex().startswith("7daa9dd3a60b2a534f90130d51456c70")
    assert signing.order_digest(second, 326).hex().startswith("a01cbcb5b9eb985cf45573d0e0d601ec")
    assert signing.order_digest(MARKET, 325).hex().startswith("716d5e4b27cb5d32879fc18ad6307963")


@pytest.mark.parametrize(
    ("chain_id", "separator"),
    [
        (325, "72fe716bb0105cb5a449731f4eb044bed644eb0d796360108a39c47064e17247"),
        (326, "1254f97f8495f704630a238cbcd898a4b8ab20d77bb93e17049d3445f4f81f16"),
        (327, "9c0a7c5bf881e6a6b24d160ca414969805f47b4d1484e059376ae9bbb9a0d047"),
    ],
)
def test_domain_separators(chain_id: int, separator: str) -> None:
    assert signing.domain_separator(chain_id).hex() == separator


def _generated(count: int) -> list[NewOrder]:
    draw = random.Random(20260501)
    return [
        new_order(
            side=draw.choice(list(Side)),
            size=str(Decimal(draw.randrange(1, 10**7)) / 1000),
            price=str(Decimal(draw.randrange(1, 10**8)) / 10),
            time_in_force=draw.choice(list(TimeInForce)),
            nonce=draw.choice((0, 2**32 - 1, draw.randrange(2**32))),
            expires_ns=draw.randrange(1, 2**62),
            post_only=draw.random() < 0.5,
            reduce_only=draw.random() < 0.5,
        )
        for _ in range(count)
    ]


def _sdk_order(order: NewOrder) -> Any:
    from pysdk import grvt_raw_types as raw

    return raw.Order(
        sub_account_id=str(SUB_ACCOUNT),
        time_in_force=raw.TimeInForce[signing.WIRE_TIME_IN_FORCE[order.time_in_force]],
        legs=[
            raw.OrderLeg(
                instrument=order.symbol,
                size=str(order.size),
                limit_price=str(order.price),
                is_buying_asset=order.side is Side.BUY,
            )
        ],
        signature=raw.Signature(
            signer="", r="", s="", v=0, expiration=str(order.expires_ns), nonce=order.nonce
        ),
        metadata=raw.OrderMetadata(client_order_id=str(order.client_order_id)),
        is_market=False,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
    )


@pytest.mark.usefixtures("quiet_root")
def test_signatures_equal_the_sdk_s_on_thousands_of_orders() -> None:
    from eth_account import Account
    from pysdk.grvt_raw_base import GrvtApiConfig
    from pysdk.grvt_raw_env import GrvtEnv
    from pysdk.grvt_raw_signing import sign_order
    from pysdk.grvt_raw_types import Instrument as SdkInstrument

    config = GrvtApiConfig(GrvtEnv.TESTNET, str(SUB_ACCOUNT), PRIVATE_KEY, None, None)
    account = Account.from_key(PRIVATE_KEY)
    fields = dict.fromkeys(SdkInstrument.__dataclass_fields__)
    listed = SdkInstrument(**{**fields, "instrument_hash": "0x030501", "base_decimals": 9})
    signer = OrderSigner(PRIVATE_KEY, 326)
    for order in _generated(2000):
        theirs = sign_order(_sdk_order(order), config, account, {BTC.symbol: listed}).signature
        ours = signer.sign(order, BTC, SUB_ACCOUNT)
        assert (ours.r, ours.s, ours.v, ours.signer) == (
            theirs.r,
            theirs.s,
            theirs.v,
            theirs.signer,
        )


@pytest.mark.usefixtures("quiet_root")
def test_payloads_equal_the_ccxt_style_sdk_s() -> None:
    import json

    from pysdk import grvt_ccxt_utils as sdk
    from pysdk.grvt_ccxt_env import GrvtEnv

    listed = {BTC.symbol: {"instrument_hash": "0x030501", "base_decimals": 9}}
    signer = OrderSigner(PRIVATE_KEY, 325)
    for order in _generated(200):
        theirs = sdk.get_order_payload(_ccxt_order(order), PRIVATE_KEY, GrvtEnv.PROD, listed)
        signed = signer.order(order, BTC, SUB_ACCOUNT)
        assert json.loads(codec.encode(requests.create_order(signed).body)) == theirs


def _ccxt_order(order: NewOrder) -> Any:
    from pysdk import grvt_ccxt_utils as sdk

    return sdk.GrvtOrder(
        sub_account_id=str(SUB_ACCOUNT),
        time_in_force=sdk.TimeInForce[signing.WIRE_TIME_IN_FORCE[order.time_in_force]],
        legs=[
            sdk.GrvtOrderLeg(
                instrument=order.symbol,
                size=Decimal(client_number(order.size).text),
                is_buying_asset=order.side is Side.BUY,
                limit_price=Decimal(client_number(order.price).text),
            )
        ],
        signature=sdk.GrvtSignature("", "", "", 0, str(order.expires_ns), order.nonce),
        metadata=sdk.OrderMetadata(client_order_id=str(order.client_order_id)),
        is_market=False,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
    )


@given(size=st.integers(1, 10**9), price=st.integers(1, 10**9), nonce=st.integers(0, 2**32 - 1))
def test_the_signer_is_recovered_from_the_digest(size: int, price: int, nonce: int) -> None:
    order = new_order(size=str(Decimal(size) / 1000), price=str(Decimal(price) / 10), nonce=nonce)
    signature = OrderSigner(PRIVATE_KEY, 325).sign(order, BTC, SUB_ACCOUNT)
    digest = signing.order_digest(signing.signed_fields(order, BTC, SUB_ACCOUNT), 325)
    r, s = int(signature.r, 16), int(signature.s, 16)
    assert signing.recover_signer(digest, r, s, int(signature.v)) == ADDRESS
    assert len(signature.r) == len(signature.s) == 66
    assert not signing.high_s(s)


def test_the_same_order_gives_the_same_bytes_again() -> None:
    signer = OrderSigner(PRIVATE_KEY, 325)
    first, again = (
        codec.encode_call(requests.create_order(signer.order(new_order(), BTC, SUB_ACCOUNT)), 7)
        for _ in range(2)
    )
    assert first == again


@given(units=st.integers(1, 10**8), tick=st.sampled_from(["0.1", "0.0001", "1E-7", "5", "1E+2"]))
def test_what_is_written_is_the_number_that_is_signed(units: int, tick: str) -> None:
    price = units * Decimal(tick)
    text = client_number(price).text
    assert Decimal(text) == price
    assert "E" not in text
    assert signing.scaled(Decimal(text), 9, "price") == signing.scaled(price, 9, "price")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1", "1e999999", "18446744073.8"])
def test_a_number_that_the_typed_data_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(SigningError):
        signing.scaled(Decimal(text), 9, "price")


def test_digits_beyond_the_scale_are_cut_not_rounded() -> None:
    assert signing.scaled(Decimal("0.99999999999999999999999999999999999"), 9, "size") == 999999999


@pytest.mark.parametrize(
    ("size", "price"), [("0.0005", "1.0"), ("0.0015", "1.0"), ("0.001", "1.05")]
)
def test_a_price_or_size_off_its_grid_is_not_signed(size: str, price: str) -> None:
    with pytest.raises(QuantizeError):
        OrderSigner(PRIVATE_KEY, 325).order(new_order(size=size, price=price), BTC, SUB_ACCOUNT)


def test_the_private_key_is_shown_nowhere() -> None:
    signer = OrderSigner(PRIVATE_KEY, 325)
    assert "1111" not in repr(signer)
    with pytest.raises(SigningError) as caught:
        OrderSigner("0x1234567890", 325)
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize(("r", "s", "v"), [(1, 1, 29), (0, 1, 27), (1, 2**256 - 1, 27), (5, 1, 27)])
def test_a_signature_that_is_none_recovers_nobody(r: int, s: int, v: int) -> None:
    with pytest.raises(SigningError):
        signing.recover_signer(b"\0" * 32, r, s, v)
