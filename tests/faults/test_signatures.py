"""Faults 7 and 10: what is signed, and when by whose clock."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from paper.grvt import verify
from paper.grvt.settings import GrvtAccount
from paper.settings import GRVT_INSTRUMENTS
from tests.support.faults import LEADERS, scene, soak
from tests.support.grvt import ADDRESS, PRIVATE_KEY, SUB_ACCOUNT
from venues.grvt import OrderSigner, encode_call, requests
from venues.grvt.requests import CreateOrder
from venues.model import NewOrder, Side, TimeInForce

NOW_NS = 1_767_225_600 * 10**9


class Told(msgspec.Struct):
    """A request as the venue reads it."""

    params: CreateOrder


@LEADERS
@pytest.mark.parametrize("by_s", [6, *(pytest.param(s, marks=soak) for s in (-60, -6, -3, 3, 60))])
def test_7_clock_skew_against_the_signing_window(
    tmp_path: Path, venue: str, swapped: bool, by_s: float
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("clock", connection=venue, by_s=by_s, for_s=5, at=the.at(f"{the.leg(venue)}_recv"))
        with the.service() as run:
            the.fired()
            the.run_on(run, 3)
            the.finish(run)
        the.judged(naked_q_s=3)


def test_10_what_is_signed_is_what_the_text_says_for_any_price_and_size() -> None:
    """10,000 orders as our gateway writes them, read and checked as the paper venue does."""
    chance = random.Random(10)
    [eth] = [one for one in GRVT_INSTRUMENTS if one.symbol == "ETH_USDT_Perp"]
    signer = OrderSigner(PRIVATE_KEY, 325)
    account = GrvtAccount(
        name="ann", api_key="key", sub_account_id=SUB_ACCOUNT, signer=ADDRESS, account_id="ACC:ann"
    )
    awkward = ("55.1", "0.1", "0.2", "1E-8", "2500.000000000000000000000000001", "1e3", "0.3")
    for number in range(1, 10_001):
        raw = Decimal(chance.choice(awkward)) + Decimal(chance.uniform(0.01, 100_000))
        side = chance.choice(list(Side))
        order = NewOrder(
            symbol=eth.symbol,
            side=side,
            size=eth.floor_size(Decimal(chance.uniform(0.01, 500)) + eth.min_size),
            price=eth.cap_price(raw, side),
            time_in_force=TimeInForce.IOC,
            client_order_id=2**63 + number,
            expires_ns=NOW_NS + 2 * 10**9,
            nonce=number,
        )
        frame = encode_call(requests.create_order(signer.order(order, eth, SUB_ACCOUNT)), number)
        told = msgspec.json.decode(frame, type=Told).params.order
        verify.check_form(told, account)
        verify.check_signature(told, account, eth, 325, now_ns=NOW_NS)
        leg = told.legs[0]
        assert leg.limit_price is not None
        assert not leg.size % eth.step
        assert not leg.limit_price % eth.tick
        assert (leg.size, leg.limit_price) == (order.size, order.price)
