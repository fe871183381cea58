"""Backpack's HTTP actor: what its orders are told of every answer, and of none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from actors import gateway, orders
from actors.backpack_rest import BackpackRest
from supervision.states import ChildState
from tests.support_actors import WAIT_S, Peer, Script, ScriptedServer, answer, free_port, sends
from tests.support_actors_venue import (
    BACKPACK_ETH,
    QUICK,
    Scene,
    backpack_access,
    backpack_rest,
    new_order,
)

ORDER, POSITIONS = "POST /api/v1/order", "GET /api/v1/position"
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


def play(
    routes: dict[str, Script], act: Callable[[Scene, ScriptedServer], object], **policy: object
) -> Scene:
    """The actor against such a host, once it is ready."""
    scene = Scene("backpack", "rest")
    with (
        ScriptedServer(backpack_rest(routes)) as server,
        scene.playing(lambda c: BackpackRest(c, backpack_access(server.http)), **policy),
    ):
        scene.ready()
        act(scene, server)
    return scene


def place(scene: Scene, number: int = 1) -> int:
    new = new_order(BACKPACK_ETH, number)
    scene.actor.tell(gateway.PlaceOrder(new))
    return new.client_order_id


def outcome_of(scene: Scene) -> object:
    """What the orders actor was told of an order, after that it was sent."""
    assert isinstance(scene.letter(), orders.OrderSent)
    return scene.letter()


def lives(scene: Scene) -> bool:
    return scene.stage.stream(scene.name)[-1] == ("running", 1)


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
     (503, b'{"code":"MAINTENANCE","message":"later"}'), (500, b'{"code":"SERVER_ERROR"}')],
)  # fmt: skip
def test_an_answer_that_proves_nothing_leaves_the_order_in_doubt(status: int, body: bytes) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        order = place(scene)
        doubted = outcome_of(scene)
        assert isinstance(doubted, orders.OrderDoubted)
        assert doubted.client_order_id == order
        assert lives(scene)

    play({ORDER: sends(answer(status, body))}, act)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "INSUFFICIENT_MARGIN"), (400, "INVALID_ORDER"), (429, "TOO_MANY_REQUESTS"),
     (401, "UNAUTHORIZED")],
)  # fmt: skip
def test_an_answer_that_refuses_says_so_for_certain(status: int, code: str) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        order = place(scene)
        refused = outcome_of(scene)
        assert isinstance(refused, orders.OrderRefused)
        assert refused.client_order_id == order
        assert code in refused.reason
        assert lives(scene)

    body = b'{"code":"%s","message":"no"}' % code.encode()
    play({ORDER: sends(answer(status, body))}, act)


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

    play({ORDER: end}, act)


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

    play({ORDER: trickle}, act)


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

    play({ORDER: swallow}, act)
    assert len(arrived) == 2


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

    play({ORDER: sends(answer(400, b'{"code":"INVALID_ORDER"}')), POSITIONS: hold}, act)


def test_a_query_that_is_rate_limited_says_nothing_and_the_actor_lives() -> None:
    replies = iter([answer(429, b'{"code":"TOO_MANY_REQUESTS"}'), answer(200, b"[]")])

    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.ReadPositions())
        scene.actor.tell(gateway.ReadPositions())
        assert scene.letter() == orders.PositionsRead((), 1)
        assert lives(scene)

    play({POSITIONS: lambda peer: peer.send(next(replies))}, act)


@pytest.mark.parametrize("body", [PAGE, b"", b"{}", b"\xff", b'[{"symbol": 1}]'])
def test_a_query_whose_answer_does_not_decode_ends_the_actor_with_a_typed_error(
    body: bytes,
) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert scene.failed().detail.startswith("FrameError: ")
        assert scene.letters.empty()

    play({POSITIONS: sends(answer(200, body))}, act)


def test_a_sign_of_life_is_the_venues_time() -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.Ping("backpack/heartbeat"))
        pong = scene.pongs.get(timeout=WAIT_S)
        assert (pong.connection, pong.epoch) == ("backpack/rest", 1)

    play({}, act)


def test_a_stop_does_not_wait_for_a_peer_that_says_nothing() -> None:
    began = threading.Event()

    def swallow(peer: Peer) -> None:
        began.set()
        peer.until_gone()

    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert began.wait(WAIT_S)

    scene = play({POSITIONS: swallow}, act)
    assert scene.stage.stream(scene.name)[-1] == ("stopped", 1)
