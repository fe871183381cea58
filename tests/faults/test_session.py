"""Faults 6, 7, 8, 10 and 12: who we are to the venues, and that they understand us."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from paper.grvt import verify
from paper.grvt.settings import GrvtAccount
from paper.settings import GRVT_INSTRUMENTS
from supervision.states import ChildState
from tests.support_faults import LEADERS, LEGS, PRIVATE, RESUME_S, scene, soak
from tests.support_grvt import ADDRESS, PRIVATE_KEY, SUB_ACCOUNT
from venues.grvt import OrderSigner, encode_call, requests
from venues.grvt.requests import CreateOrder
from venues.model import GRVT, NewOrder, Side, TimeInForce

NOW_NS = 1_767_225_600 * 10**9


class Told(msgspec.Struct):
    """A request as the venue reads it."""

    params: CreateOrder


LOGIN: dict[str, object] = {"connection": "grvt/session", "route": "/login"}
FAILING_LOGINS: dict[str, dict[str, object]] = {
    "500": {"status": 500, "body": '{"code":1001,"message":"Internal Server Error","status":500}'},
    "hangs": {"reply": "none"},
    "no cookie": {"status": 200, "body": '{"status":"success"}'},
}


@pytest.mark.parametrize("swapped", [False, True], ids=["grvt hedges", "grvt leads"])
def test_6_the_session_cookie_expires_and_is_renewed(tmp_path: Path, swapped: bool) -> None:
    """As an order arrives all cookies become void and the socket ends: 401 to the next one."""
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("expire", connection="grvt", at=the.at("hedge_recv"))
        the.arm("drop", connection="grvt/trading", at=the.at("hedge_recv"))
        with the.service() as run:
            the.fired(2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)
        assert len(the.logins_s()) == 2


@pytest.mark.parametrize(
    "how", ["500", *(pytest.param(h, marks=soak) for h in ("hangs", "no cookie"))]
)
@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_6_the_cookie_expires_and_its_renewal_fails_for_a_time(
    tmp_path: Path, how: str, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at("hedge_recv" if swapped else "primary_fill")
        the.arm("answer", **LOGIN, for_s=20 if swapped else 5, **FAILING_LOGINS[how], at=at)
        the.arm("expire", connection="grvt", at=at)
        the.arm("drop", connection="grvt/trading", at=at)
        with the.service() as run:
            the.met()
            the.run_on(run, within_s=20 + RESUME_S)
            the.finish(run)
        the.judged(naked_q_s=15)
        asked = the.logins_s()
        assert all(later - earlier > 59 for earlier, later in zip(asked, asked[4:], strict=False))


@LEADERS
@pytest.mark.parametrize("by_s", [-6, 6, *(pytest.param(s, marks=soak) for s in (-60, -3, 3, 60))])
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


@LEGS
@pytest.mark.parametrize("how", ["silence", "error"])
def test_8_private_subscription_absent_after_reconnect(
    tmp_path: Path, venue: str, swapped: bool, how: str
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg(venue)}_fill")
        the.arm("subscribe", connection=PRIVATE[venue], how=how, at=at)
        the.arm("drop", connection=PRIVATE[venue], at=at)
        with the.service() as run:
            the.met()
            run.wait_status(PRIVATE[venue], ChildState.RUNNING, 3)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)


@pytest.mark.parametrize("swapped", [True, False], ids=["grvt leads", "grvt hedges"])
@pytest.mark.parametrize("code", [1000, pytest.param(1011, marks=soak)])
@pytest.mark.parametrize("execute", [True, False], ids=["executed", "not executed"])
def test_12_the_socket_is_closed_as_an_order_is_written(
    tmp_path: Path, swapped: bool, code: int, execute: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm(
            "answer", connection="grvt/trading", route="create_order", reply="close",
            close_code=code, execute=execute, at=the.at(f"{the.leg(GRVT)}_recv"),
        )  # fmt: skip
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        # A hedge that is lost on the way has to expire, and GRVT's word on it to settle.
        the.judged(naked_q_s=3 if swapped or execute else 5)
