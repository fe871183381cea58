"""GRVT's trading socket as a gateway: cancels, reads that say nothing, the countdown, money."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors import gateway, orders
from actors.grvt_session import RenewSession
from actors.grvt_trading import READ_FAILURES, GrvtTrading
from supervision.stalls import StallWatch
from tests.support.actors import UNASKED_PONG, WAIT_S, Peer, Script, ScriptedServer
from tests.support.actors_venue import (
    GRVT_ETH,
    QUICK,
    SESSION,
    Scene,
    grvt_access,
    grvt_trading,
    new_order,
    read_rpc,
    reply,
)
from tests.support.grvt import ORDER_JSON, SUMMARY_JSON

ORDER_ID = 2**63 + 1
HOUR_NS = 3_600 * 10**9


def trading(script: Script, play: Callable[[Scene], object], clock_off_ns: int = 0) -> None:
    """The actor at such a venue, once it is ready; a second life finds one that says nothing."""
    scene = Scene("grvt", "trading")
    with ScriptedServer(grvt_trading(script), grvt_trading(Peer.until_gone)) as server:
        access = grvt_access(server.http)
        now_s = time.monotonic()
        access.clock.measured(time.time_ns() + clock_off_ns, now_s, now_s)
        with scene.playing(lambda c: GrvtTrading(c, access)):
            scene.ready()
            play(scene)


def answers(*said: dict[str, Any]) -> Script:
    """Answer one request after the other like this."""

    def script(peer: Peer) -> None:
        for fields in said:
            reply(peer, read_rpc(peer), fields)
        peer.until_gone()

    return script


def error(code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": "why", "status": 400}}


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [{"result": {}}, {"result": None}, {"result": {"result": {}}}, {"result": "<html>"},
     {"result": {"result": json.loads(ORDER_JSON)}}, error(1002), error(99), error(2012)],
    ids=["{}", "null", "nested {}", "page", "another order", "1002", "new code", "2012"],
)  # fmt: skip
def test_an_answer_that_proves_nothing_leaves_the_order_in_doubt(said: dict[str, Any]) -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH, 7)))
        told = [scene.letter(), scene.letter()]
        (doubted,) = [one for one in told if not isinstance(one, orders.OrderSent)]
        assert isinstance(doubted, orders.OrderDoubted)
        assert doubted.client_order_id == 2**63 + 7
        assert scene.lives()

    trading(answers(said), play)


def test_a_refused_session_refuses_the_order_renews_the_login_and_ends_the_connection() -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
        told = [scene.letter() for _ in range(3)]
        assert {type(one) for one in told} == {orders.OrderSent, orders.OrderRefused, RenewSession}
        assert RenewSession(SESSION) in told
        assert scene.failed().detail.startswith("SessionRefused: ")

    trading(answers(error(1000)), play)


def test_a_session_refused_to_a_subscription_has_the_login_renewed() -> None:
    def refuse(peer: Peer) -> None:
        peer.upgrade()
        reply(peer, read_rpc(peer), error(1000))
        peer.until_gone()

    scene = Scene("grvt", "trading")
    with (
        ScriptedServer(refuse) as server,
        scene.playing(lambda c: GrvtTrading(c, grvt_access(server.http))),
    ):
        assert scene.letter() == RenewSession(SESSION)
        scene.failed()


@pytest.mark.parametrize("off_ns", [HOUR_NS, -HOUR_NS, 0])
def test_an_order_expires_by_the_venues_clock(off_ns: int) -> None:
    expirations: list[int] = []

    def script(peer: Peer) -> None:
        order = read_rpc(peer)["params"]["order"]
        expirations.append(int(order["signature"]["expiration"]))
        peer.until_gone()

    def play(scene: Scene) -> None:
        new = new_order(GRVT_ETH)
        scene.actor.tell(gateway.PlaceOrder(new))
        assert isinstance(scene.letter(), orders.OrderSent)
        assert isinstance(scene.letter(), orders.OrderDoubted)
        assert abs(expirations[0] - (new.expires_ns + off_ns)) < 10**9

    trading(script, play, off_ns)


def test_an_order_whose_time_is_over_is_not_sent() -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH, expires_s=-0.001)))
        assert isinstance(scene.letter(), orders.OrderNotSent)

    trading(Peer.until_gone, play)


@pytest.mark.parametrize(("code", "our_key"), [(2000, True), (2080, False)])
def test_a_refusal_says_for_certain_that_nothing_was_executed_and_if_our_key_is_why(
    code: int, our_key: bool
) -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
        told = [scene.letter(), scene.letter()]
        (refused,) = [one for one in told if isinstance(one, orders.OrderRefused)]
        assert (refused.key_refusal is not None) is our_key
        assert scene.lives()

    trading(answers(error(code)), play)


def test_an_order_is_not_sent_once_the_process_has_stood_still() -> None:
    now_s = [0.0]
    watch = StallWatch(lambda: now_s[0])
    scene = Scene("grvt", "trading")
    with (
        ScriptedServer(grvt_trading(Peer.until_gone), grvt_trading(Peer.until_gone)) as server,
        scene.playing(
            lambda c: GrvtTrading(
                dataclasses.replace(c, stalls=watch, outlives_stalls=False),
                grvt_access(server.http),
            )
        ),
    ):
        scene.ready()
        now_s[0] = 30.0
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
        assert isinstance(scene.letter(), orders.OrderNotSent)
        assert scene.failed().detail.startswith("Stalled: ")


# -- cancels --------------------------------------------------------------------------------------

CANCEL = gateway.CancelOrder(GRVT_ETH, ORDER_ID)


@pytest.mark.parametrize(
    ("said", "refused", "again"),
    [
        ({"result": {"result": {"ack": True}}}, False, False),
        ({"result": {"ack": "true"}}, False, False),
        ({"result": {"result": {"ack": False}}}, True, False),
        ({"result": {}}, True, False),
        (error(1004), True, False),
        (error(1006), True, False),
        (error(2300), True, True),
    ],
)
def test_a_cancel_is_answered_and_what_is_answered_is_no_outcome(
    said: dict[str, Any], refused: bool, again: bool
) -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(CANCEL)
        answered = scene.letter()
        assert isinstance(answered, orders.CancelAnswered)
        assert (bool(answered.refusal), answered.again) == (refused, again)
        assert scene.lives()

    trading(answers(said), play)


def test_a_cancel_without_an_answer_says_so_and_a_connection_that_is_heard_lives() -> None:
    def script(peer: Peer) -> None:
        read_rpc(peer)
        peer.send(UNASKED_PONG)
        peer.until_gone()

    def play(scene: Scene) -> None:
        scene.actor.tell(CANCEL)
        assert "no reply" in scene.letter().refusal
        assert scene.lives()

    trading(script, play)


def test_a_cancel_also_stops_an_order_that_comes_later_unless_the_venue_has_that_off() -> None:
    windows: list[object] = []

    def script(peer: Peer) -> None:
        for said in (error(2300), {"result": {"ack": True}}):
            request = read_rpc(peer)
            windows.append(request["params"].get("time_to_live_ms"))
            reply(peer, request, said)
        peer.until_gone()

    def play(scene: Scene) -> None:
        for _ in range(2):
            scene.actor.tell(CANCEL)
            scene.letter()

    trading(script, play)
    assert windows == [str(int(QUICK.expiry_s * 1000)), None]


# -- reads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_of",
    [gateway.ReadOpenOrders(), gateway.ReadPositions(), gateway.ReadFills(0),
     gateway.ReadOrder(new_order(GRVT_ETH)), gateway.ReadBalances()],
    ids=lambda message: type(message).__name__,
)  # fmt: skip
@pytest.mark.parametrize(
    "said",
    [{"result": {}}, {"result": None}, {"result": {"result": None}}, {"result": {"result": {}}},
     {"result": "<html>"}, error(1002), error(99)],
    ids=["{}", "null", "nested null", "nested {}", "page", "1002", "new code"],
)  # fmt: skip
def test_a_read_that_says_nothing_is_no_answer_and_never_an_empty_one(
    request_of: object, said: dict[str, Any]
) -> None:
    def play(scene: Scene) -> None:
        for _ in range(READ_FAILURES):
            scene.actor.tell(request_of)
        assert scene.failed().detail.split(":")[0] in ("FrameError", "OutcomeUnknown")
        assert scene.letters.empty()

    trading(answers(*[said] * READ_FAILURES), play)


def test_reads_that_fail_now_and_then_do_not_end_the_connection() -> None:
    said = [error(1002), {"result": {}}, {"result": []}] * 3

    def play(scene: Scene) -> None:
        for _ in said:
            scene.actor.tell(gateway.ReadPositions())
        assert [scene.letter() for _ in range(3)] == [orders.PositionsRead((), 1)] * 3
        assert scene.lives()

    trading(answers(*said), play)


def test_reads_that_are_held_back_never_end_the_connection() -> None:
    said = [error(1006)] * 2 * READ_FAILURES

    def play(scene: Scene) -> None:
        for _ in range(len(said) + 1):
            scene.actor.tell(gateway.ReadPositions())
        assert scene.letter() == orders.PositionsRead((), 1)
        assert scene.lives()

    trading(answers(*said, {"result": []}), play)


def test_the_accounts_money_is_read() -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadBalances())
        told = scene.letter()
        assert isinstance(told, orders.BalancesRead)
        assert (told.summary.equity, told.summary.available) == (Decimal("10001.5"), Decimal(9900))

    trading(answers({"result": {"result": json.loads(SUMMARY_JSON)}}), play)


def test_fills_are_told_with_the_moment_from_which_they_are_complete() -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadFills(42))
        read = scene.letter()
        assert msgspec.structs.replace(read, received_s=0.0) == orders.FillsRead((), 1, 0.0, 42)

    trading(answers({"result": {"result": [], "next": ""}}), play)


def test_a_history_of_fills_whose_cursor_repeats_is_no_answer_and_not_asked_for_more() -> None:
    pages = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        while "positions" not in (request := read_rpc(peer))["method"]:
            reply(peer, request, {"result": {"result": [], "next": "same"}})
            pages.release()
        reply(peer, request, {"result": []})
        peer.until_gone()

    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadFills(42))
        for _ in range(2):
            assert pages.acquire(timeout=WAIT_S)
        scene.actor.tell(gateway.ReadPositions())
        assert scene.letter() == orders.PositionsRead((), 1)
        assert not pages.acquire(blocking=False)
        assert scene.lives()

    trading(script, play)


# -- the countdown --------------------------------------------------------------------------------


def test_the_countdown_is_armed_while_orders_rest_and_switched_off_after() -> None:
    armed: list[str] = []

    def script(peer: Peer) -> None:
        for _ in range(2):
            request = read_rpc(peer)
            assert request["method"] == "v1/cancel_on_disconnect"
            armed.append(request["params"]["countdown_time"])
            reply(peer, request, {"result": {"ack": True}})
        reply(peer, read_rpc(peer), {"result": []})
        peer.until_gone()

    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.GuardResting(True))
        scene.actor.tell(gateway.GuardResting(False))
        scene.actor.tell(gateway.ReadPositions())
        scene.letter()

    trading(script, play)
    assert sorted(armed) == ["0", "10000"]
