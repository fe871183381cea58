"""Backpack's HTTP actor: what its orders are told of every answer, and of none."""

from __future__ import annotations

import dataclasses
import threading
import time
from decimal import Decimal

import pytest

from actors import gateway, orders
from actors.backpack_rest import BackpackRest
from supervision.stalls import StallWatch
from supervision.states import ChildState
from tests.support.actors import WAIT_S, Peer, Script, ScriptedServer, answer, free_port, sends
from tests.support.actors_venue import (
    BACKPACK_ETH,
    QUICK,
    Scene,
    backpack_access,
    backpack_rest,
    new_order,
    play_backpack,
)

ORDER, POSITIONS = "POST /api/v1/order", "GET /api/v1/position"
CANCEL = "DELETE /api/v1/order"
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


def place(scene: Scene, number: int = 1) -> int:
    new = new_order(BACKPACK_ETH, number)
    scene.actor.tell(gateway.PlaceOrder(new))
    return new.client_order_id


def outcome_of(scene: Scene) -> object:
    """What the orders actor was told of an order, after that it was sent."""
    assert isinstance(scene.letter(), orders.OrderSent)
    return scene.letter()


def test_it_is_ready_once_the_venue_has_told_its_time_and_taken_our_key() -> None:
    unready = Scene("backpack", "rest")
    refusal = answer(401, b'{"code":"UNAUTHORIZED","message":"no such key"}')
    with (
        ScriptedServer(backpack_rest({"GET /api/v1/account": sends(refusal)})) as server,
        unready.playing(lambda c: BackpackRest(c, backpack_access(server.http)), fatal=("auth",)),
    ):
        status = unready.stage.wait("backpack/rest", ChildState.FAILED)
    assert status.detail.startswith("SessionRefused: ")


def test_a_host_that_is_not_there_is_a_refused_connection() -> None:
    scene = Scene("backpack", "rest")
    access = backpack_access(f"http://127.0.0.1:{free_port()}")
    with scene.playing(lambda c: BackpackRest(c, access)):
        assert scene.failed().detail.startswith("ConnectRefused: backpack/rest: ")


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, PAGE), (503, b""), (504, b"upstream"), (200, PAGE), (200, b""), (200, b"{}"),
     (500, b'{"code":"SERVER_ERROR"}')],
)  # fmt: skip
def test_an_answer_that_proves_nothing_leaves_the_order_in_doubt(status: int, body: bytes) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        order = place(scene)
        doubted = outcome_of(scene)
        assert isinstance(doubted, orders.OrderDoubted)
        assert doubted.client_order_id == order
        assert scene.lives()

    play_backpack({ORDER: sends(answer(status, body))}, act)


@pytest.mark.parametrize(
    ("status", "code", "our_key"),
    [(400, "INSUFFICIENT_MARGIN", False), (400, "INVALID_ORDER", False),
     (503, "MAINTENANCE", False), (503, "TRADING_PAUSED", False),
     (429, "TOO_MANY_REQUESTS", False), (401, "UNAUTHORIZED", True)],
)  # fmt: skip
def test_an_answer_that_refuses_says_so_for_certain(status: int, code: str, our_key: bool) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        order = place(scene)
        refused = outcome_of(scene)
        assert isinstance(refused, orders.OrderRefused)
        assert refused.client_order_id == order
        assert code in refused.reason
        assert (refused.key_refusal is not None) is our_key
        assert scene.lives()

    body = b'{"code":"%s","message":"no"}' % code.encode()
    play_backpack({ORDER: sends(answer(status, body))}, act)


@pytest.mark.parametrize(
    "end",
    [Peer.reset, lambda peer: peer.sock.close(), Peer.until_gone,
     sends(answer(200, b"half", length=400)), sends(b"garbage\r\n\r\n")],
    ids=["rst", "fin", "silence", "trickle", "no HTTP"],
)  # fmt: skip
def test_an_order_whose_connection_ends_is_in_doubt_and_so_does_the_actor(end: Script) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        order = place(scene)
        doubted = outcome_of(scene)
        assert isinstance(doubted, orders.OrderDoubted)
        assert doubted.client_order_id == order
        assert scene.failed().detail.startswith("ConnectionLost: backpack/rest: POST /api/v1/order")

    play_backpack({ORDER: end}, act)


def test_a_trickling_answer_ends_at_the_requests_deadline() -> None:
    def act(scene: Scene, server: ScriptedServer) -> None:
        began_s = time.monotonic()
        place(scene)
        assert isinstance(outcome_of(scene), orders.OrderDoubted)
        assert time.monotonic() - began_s >= QUICK.reply_timeout_s
        scene.failed()

    def trickle(peer: Peer) -> None:
        peer.send(answer(200, b"", length=100_000))
        stop = threading.Event()
        while not stop.wait(0.01):
            peer.send(b" ")

    play_backpack({ORDER: trickle}, act)


def test_an_order_that_found_no_free_connection_in_time_is_not_sent() -> None:
    """Two are under way and end with their deadline; the third must not be sent after it."""
    arrived: list[int] = []

    def swallow(peer: Peer) -> None:
        arrived.append(1)
        peer.until_gone()

    def act(scene: Scene, _: ScriptedServer) -> None:
        for number in (1, 2, 3):
            place(scene, number)
        scene.failed()

    play_backpack({ORDER: swallow}, act)
    assert len(arrived) == 2


def test_orders_that_no_connection_has_taken_when_one_is_lost_are_not_sent() -> None:
    queued = threading.Barrier(3)  # both lanes' orders have arrived, and the rest is waiting

    def lose(peer: Peer) -> None:
        queued.wait(WAIT_S)
        peer.reset()

    def act(scene: Scene, _: ScriptedServer) -> None:
        for number in (1, 2, 3, 4):
            place(scene, number)
        scene.actor.tell(gateway.CancelOrder(BACKPACK_ETH, 9))
        scene.actor.tell(gateway.Ping("backpack/heartbeat"))
        scene.pongs.get(timeout=WAIT_S)  # so all that came before has been queued
        queued.wait(WAIT_S)
        told: list[object] = []
        while not (told and isinstance(told[-1], orders.CancelAnswered)):
            told.append(scene.letter())
        unsent = [one.client_order_id for one in told if isinstance(one, orders.OrderNotSent)]
        assert sorted(unsent) == [3, 4]
        scene.failed()

    play_backpack({ORDER: lose}, act)


def test_an_order_is_not_sent_once_the_process_has_stood_still() -> None:
    now_s = [0.0]
    watch = StallWatch(lambda: now_s[0])
    scene = Scene("backpack", "rest")
    with (
        ScriptedServer(backpack_rest({ORDER: Peer.until_gone})) as server,
        scene.playing(
            lambda c: BackpackRest(
                dataclasses.replace(c, stalls=watch, outlives_stalls=False),
                backpack_access(server.http),
            )
        ),
    ):
        scene.ready()
        now_s[0] = 30.0
        order = place(scene)
        told = scene.letter()
        assert isinstance(told, orders.OrderNotSent)
        assert told.client_order_id == order
        assert scene.failed().detail.startswith("Stalled: ")


def test_an_order_whose_time_is_over_is_not_sent() -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(BACKPACK_ETH, expires_s=-0.001)))
        assert isinstance(scene.letter(), orders.OrderNotSent)

    play_backpack({}, act)


def test_queries_do_not_hold_up_orders() -> None:
    held = threading.Event()

    def hold(peer: Peer) -> None:
        held.wait(WAIT_S)
        peer.send(answer(200, b"[]"))

    def act(scene: Scene, _: ScriptedServer) -> None:
        for _number in range(6):
            scene.actor.tell(gateway.ReadPositions())
        place(scene)
        assert isinstance(outcome_of(scene), orders.OrderRefused)
        held.set()
        assert isinstance(scene.letter(), orders.PositionsRead)

    play_backpack({ORDER: sends(answer(400, b'{"code":"INVALID_ORDER"}')), POSITIONS: hold}, act)


# -- cancels ----


def cancel(scene: Scene) -> object:
    scene.actor.tell(gateway.CancelOrder(BACKPACK_ETH, 7))
    return scene.letter()


def test_a_cancel_that_is_taken_for_processing_is_acknowledged_and_no_outcome() -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        assert cancel(scene) == orders.CancelAnswered(7)
        assert scene.letters.empty()

    play_backpack({CANCEL: sends(answer(202, b""))}, act)


def test_a_cancel_that_shows_the_order_reports_it() -> None:
    shown = (
        b'{"id":"11","clientId":7,"symbol":"ETH_USDC_PERP","side":"Bid","status":"Cancelled",'
        b'"quantity":"0.5","executedQuantity":"0.2","executedQuoteQuantity":"500",'
        b'"orderType":"Limit","timeInForce":"GTC","createdAt":1750793021519}'
    )

    def act(scene: Scene, _: ScriptedServer) -> None:
        reported = cancel(scene)
        assert isinstance(reported, orders.OrderReported)
        assert (reported.update.client_order_id, reported.update.executed) == (7, Decimal("0.2"))
        assert scene.letter() == orders.CancelAnswered(7)

    play_backpack({CANCEL: sends(answer(200, shown))}, act)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, PAGE), (500, b""), (404, b'{"code":"RESOURCE_NOT_FOUND"}'),
     (400, b'{"code":"INVALID_CLIENT_REQUEST","message":"Order not found"}')],
)  # fmt: skip
def test_a_cancel_that_is_not_taken_says_why_and_nothing_of_the_order(
    status: int, body: bytes
) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        answered = cancel(scene)
        assert isinstance(answered, orders.CancelAnswered)
        assert (bool(answered.refusal), answered.again) == (True, False)
        assert scene.lives()

    play_backpack({CANCEL: sends(answer(status, body))}, act)


def test_a_cancel_refused_for_its_time_is_to_be_signed_again_by_a_clock_compared_anew() -> None:
    told: list[int] = []

    def tell_time(peer: Peer) -> None:
        told.append(1)
        peer.send(answer(200, b"%d" % (time.time_ns() // 10**6)))

    def act(scene: Scene, _: ScriptedServer) -> None:
        answered = cancel(scene)
        assert isinstance(answered, orders.CancelAnswered)
        assert answered.again
        assert len(told) == 2

    expired = b'{"code":"INVALID_CLIENT_REQUEST","message":"Request has expired"}'
    play_backpack({CANCEL: sends(answer(400, expired)), "GET /api/v1/time": tell_time}, act)
