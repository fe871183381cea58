"""What a gateway does not send: over our own limit, after too many requests, and while barred."""

from __future__ import annotations

import dataclasses
import queue
import time
from typing import Any

import pytest

from actors import gateway, orders
from actors.backpack_rest import BackpackRest
from actors.errors import ConnectRefused
from actors.grvt_trading import GrvtTrading, ProbeDue
from actors.request_limiter import RequestLimiter, retry_after_s
from config.schema import RateConfig
from tests.support.actors import WAIT_S, Peer, Script, ScriptedServer, answer, sends
from tests.support.actors_venue import (
    BACKPACK_ETH,
    GRVT_ETH,
    Scene,
    backpack_access,
    backpack_rest,
    grvt_access,
    grvt_trading,
    new_order,
    read_rpc,
    reply,
)
from trading.request_budget import Lane
from venues.model import Refusal

PAGE = b"<html>Access denied</html>"
TOO_MANY = b'{"code":"TOO_MANY_REQUESTS","message":"no"}'
CLOSED = b'{"code":"MAINTENANCE","message":"later"}'
RATE = RateConfig(per_s=0.1, burst=100, reserved=50, pause_s=30)


def backpack(said: bytes, limiter: RequestLimiter) -> list[Any]:
    """What is told of an order that is answered like this, and of one after it that adds risk."""
    scene = Scene("backpack", "rest")
    with ScriptedServer(backpack_rest({"POST /api/v1/order": sends(said)})) as server:
        access = dataclasses.replace(backpack_access(server.http), limiter=limiter)
        with scene.playing(lambda c: BackpackRest(c, access)):
            scene.ready()
            scene.actor.tell(gateway.PlaceOrder(new_order(BACKPACK_ETH)))
            told = [scene.letter(), scene.letter()]
            scene.actor.tell(gateway.PlaceOrder(new_order(BACKPACK_ETH, 2), Lane.RISK))
            return [*told, scene.letter()]


def grvt(code: int, limiter: RequestLimiter) -> list[Any]:
    """The same at GRVT, where the answer is an error with this code."""

    def script() -> Script:
        def answers(peer: Any) -> None:
            reply(peer, read_rpc(peer), {"error": {"code": code, "message": "why"}})
            peer.until_gone()

        return grvt_trading(answers)

    scene = Scene("grvt", "trading")
    with ScriptedServer(script()) as server:
        access = dataclasses.replace(grvt_access(server.http), limiter=limiter)
        with scene.playing(lambda c: GrvtTrading(c, access)):
            scene.ready()
            scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
            told = [scene.letter(), scene.letter()]
            scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH, 2), Lane.RISK))
            return [*told, scene.letter()]


def the_refusal(told: list[Any]) -> orders.OrderRefused:
    (refused,) = [one for one in told if isinstance(one, orders.OrderRefused)]
    return refused


def test_too_many_requests_refuse_the_order_for_certain_and_hold_back_what_adds_risk() -> None:
    for told in (
        backpack(answer(429, TOO_MANY), RequestLimiter(RATE)),
        backpack(answer(429, PAGE), RequestLimiter(RATE)),
        grvt(1006, RequestLimiter(RATE)),
    ):
        assert the_refusal(told).refusal is Refusal.RATE
        held_back = told[-1]
        assert isinstance(held_back, orders.OrderNotSent)
        assert held_back.refusal is Refusal.RATE


@pytest.mark.parametrize("venue", ["backpack", "grvt"])
def test_a_venue_that_says_it_is_closed_is_known_to_be(venue: str) -> None:
    limiter = RequestLimiter(RATE)
    said = backpack(answer(503, CLOSED), limiter) if venue == "backpack" else grvt(1009, limiter)
    assert the_refusal(said).refusal is Refusal.MARKET
    assert limiter.closed
    assert limiter.no_new_risk(0.0)


def test_a_question_that_the_budget_withholds_is_given_back_unasked() -> None:
    spent, question = RequestLimiter(RATE), gateway.ReadPositions(lane=Lane.ROUTINE)
    while not spent.take(Lane.ROUTINE, time.monotonic()):
        pass
    scenes = (
        (Scene("grvt", "trading"), grvt_trading(Peer.until_gone)),
        (Scene("backpack", "rest"), backpack_rest({})),
    )
    for scene, script in scenes:
        with ScriptedServer(script) as server:
            for_grvt = dataclasses.replace(grvt_access(server.http), limiter=spent)
            for_backpack = dataclasses.replace(backpack_access(server.http), limiter=spent)
            builds = {
                "grvt": lambda c, access=for_grvt: GrvtTrading(c, access),
                "backpack": lambda c, access=for_backpack: BackpackRest(c, access),
            }
            with scene.playing(builds[scene.venue]):
                scene.ready()
                scene.actor.tell(question)
                assert scene.letter() == gateway.ReadWithheld(question)


def test_behind_a_page_of_who_guards_the_venue_nothing_more_is_sent() -> None:
    told = backpack(answer(403, PAGE), RequestLimiter(RATE))
    assert isinstance(told[1], orders.OrderDoubted)
    assert isinstance(told[2], orders.OrderNotSent)
    assert "barred" in told[2].reason


def test_no_new_connection_is_made_either() -> None:
    limiter = RequestLimiter(RATE)
    limiter.enter("grvt/market", 0.0)
    limiter.answered(418, (), known=False, now_s=1.0)
    with pytest.raises(ConnectRefused):
        limiter.enter("grvt/market", 2.0)
    limiter.enter("grvt/market", 62.0)


def test_a_refusal_in_the_venues_own_words_bars_nobody() -> None:
    limiter = RequestLimiter(RATE)
    limiter.answered(403, (), known=True, now_s=0.0)
    assert limiter.barred(0.0) == ""
    limiter.answered(418, (("Retry-After", "120"),), known=False, now_s=0.0)
    assert limiter.usage(0.0).barred_for_s == 120


@pytest.mark.parametrize(
    ("status", "known", "paused_s"),
    [(429, True, 30), (429, False, 30), (403, False, 30), (418, False, 30), (403, True, 0)],
)
def test_what_anybody_may_ask_can_stop_openings_and_never_a_hedge(
    status: int, known: bool, paused_s: float
) -> None:
    limiter = RequestLimiter(RATE)
    limiter.answered_anyone(status, (), known=known, now_s=0.0)
    assert limiter.usage(0.0).paused_for_s == paused_s
    assert bool(limiter.take(Lane.RISK, 0.0)) is bool(paused_s)
    assert limiter.take(Lane.REDUCE, 0.0) == ""


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), (" 7 ", 7.0), ("Wed, 21 Oct", None), ("-1", None), ("", None)]
)
def test_a_retry_after_counts_where_it_says_seconds(text: str, seconds: float | None) -> None:
    assert retry_after_s([("X", "1"), ("retry-after", text)]) == seconds


# -- a venue that takes no orders ----


@pytest.mark.parametrize(("code", "closed"), [(2001, False), (2000, False), (1009, True)])
def test_a_closed_venue_is_asked_with_an_order_that_expired_long_ago(
    code: int, closed: bool
) -> None:
    asked = queue.SimpleQueue[Any]()

    def script(peer: Peer) -> None:
        request = read_rpc(peer)
        asked.put(request["params"]["order"])
        reply(peer, request, {"error": {"code": code, "message": "why"}})
        reply(peer, read_rpc(peer), {"error": {"code": 1002, "message": "why"}})
        peer.until_gone()

    limiter = RequestLimiter(RATE)
    limiter.shut("1009")
    scene = Scene("grvt", "trading")
    with ScriptedServer(grvt_trading(script)) as server:
        access = dataclasses.replace(grvt_access(server.http), limiter=limiter)
        with scene.playing(lambda c: GrvtTrading(c, access)):
            scene.ready()
            scene.actor.tell(ProbeDue())
            order = asked.get(timeout=WAIT_S)
            assert (order["reduce_only"], order["time_in_force"]) == (True, "IMMEDIATE_OR_CANCEL")
            assert int(order["signature"]["expiration"]) < time.time_ns() - 3_000 * 10**9
            scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
            assert {type(scene.letter()), type(scene.letter())} == {
                orders.OrderSent, orders.OrderDoubted,
            }  # fmt: skip
            assert limiter.closed is closed
