"""An order for GRVT over REST: sent once, and what is not certain of it is in doubt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from actors import gateway, orders
from actors.grvt_queries import GrvtQueries
from actors.grvt_session import RenewSession
from actors.request_limiter import RequestLimiter
from config.schema import RateConfig
from supervision.policy import Readiness
from tests.support.actors import Peer, Script, ScriptedServer, answer, free_port, read_request
from tests.support.actors_venue import GRVT_ETH, SESSION, UNLIMITED, Scene, grvt_access, new_order
from tests.support.grvt import ORDER_JSON
from trading.request_budget import Lane
from venues.model import OrderStatus, Refusal

ORDER_ID = int(json.loads(ORDER_JSON)["metadata"]["client_order_id"])
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"
CREATED = b'{"result": %s}' % ORDER_JSON.encode()


def play(
    script: Script, act: Callable[[Scene], object], rate: RateConfig = UNLIMITED
) -> RequestLimiter:
    """The actor at such a trades host; nothing that it meets ends it."""
    limiter, scene = RequestLimiter(rate), Scene("grvt", "queries")
    with ScriptedServer(script) as server:
        access = replace(grvt_access(server.http), limiter=limiter)
        with scene.playing(lambda c: GrvtQueries(c, access), ready=Readiness.AUTO):
            scene.ready()
            act(scene)
            assert scene.stage.stream("grvt/queries")[-1] == ("running", 1)
    return limiter


def says(*answers: bytes, heads: list[str] | None = None) -> Script:
    """One answer to each request, on as many connections as there are."""
    left = list(answers)

    def script(peer: Peer) -> None:
        while left:
            line, _ = read_request(peer)
            if heads is not None:
                heads.append(line)
            peer.send(left.pop(0))
        peer.until_gone()

    return script


def error(status: int, code: int) -> bytes:
    return answer(status, b'{"code": %d, "message": "why", "status": %d}' % (code, status))


def placed(scene: Scene, number: int = ORDER_ID - 2**63) -> object:
    """What became of an order that was sent."""
    scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH, number)))
    assert isinstance(scene.letter(), orders.OrderSent)
    return scene.letter()


def test_an_order_is_sent_and_what_the_venue_made_of_it_is_told() -> None:
    heads: list[str] = []

    def act(scene: Scene) -> None:
        told = placed(scene)
        assert isinstance(told, orders.OrderReported)
        assert told.update.status is not OrderStatus.UNKNOWN

    play(says(answer(200, CREATED), heads=heads), act)
    assert [line.split()[:2] for line in heads] == [["POST", "/full/v1/create_order"]]


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (error(400, 2080), Refusal.FUNDS),
        (error(429, 1006), Refusal.RATE),
        (error(503, 1009), Refusal.MARKET),
    ],
)
def test_a_refusal_is_certain_and_says_why(said: bytes, refusal: Refusal) -> None:
    def act(scene: Scene) -> None:
        told = placed(scene)
        assert isinstance(told, orders.OrderRefused)
        assert told.refusal is refusal

    limiter = play(says(said), act)
    assert limiter.closed is (refusal is Refusal.MARKET)
    assert bool(limiter.usage(0.0).refused) is (refusal is Refusal.RATE)


@pytest.mark.parametrize(
    "said",
    [
        answer(502, PAGE),
        error(500, 1002),
        error(400, 2012),
        answer(200, b"{}"),
        answer(200, b'{"result": {}}'),
        b"",
    ],
    ids=["page", "1002", "2012", "{}", "nothing", "end"],
)
def test_what_proves_nothing_leaves_it_in_doubt_and_it_is_not_sent_again(said: bytes) -> None:
    heads: list[str] = []

    def act(scene: Scene) -> None:
        assert isinstance(placed(scene), orders.OrderDoubted)

    def script(peer: Peer) -> None:
        heads.append(read_request(peer)[0])
        peer.send(said)

    play(script, act)
    assert len(heads) == 1


def test_the_next_order_goes_out_after_one_that_was_lost() -> None:
    def act(scene: Scene) -> None:
        assert isinstance(placed(scene, 1), orders.OrderDoubted)
        assert isinstance(placed(scene), orders.OrderReported)

    play(says(answer(502, PAGE), answer(200, CREATED)), act)


def test_a_refused_session_refuses_the_order_and_has_the_login_renewed() -> None:
    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH)))
        told = [scene.letter() for _ in range(3)]
        assert RenewSession(SESSION) in told
        assert any(isinstance(one, orders.OrderRefused) for one in told)

    play(says(error(401, 1000)), act)


def test_what_can_not_be_sent_is_told_as_not_sent() -> None:
    scene = Scene("grvt", "queries")
    access = grvt_access(f"http://127.0.0.1:{free_port()}")
    with scene.playing(lambda c: GrvtQueries(c, access), ready=Readiness.AUTO):
        scene.ready()
        for number, expires_s in enumerate((60.0, -1.0)):
            scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH, number, expires_s)))
            assert isinstance(scene.letter(), orders.OrderNotSent)


def test_it_is_counted_like_every_other_request() -> None:
    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order(GRVT_ETH), Lane.RISK))
        told = scene.letter()
        assert isinstance(told, orders.OrderNotSent)
        assert told.refusal is Refusal.RATE
        question = gateway.ReadPositions(lane=Lane.ROUTINE)
        scene.actor.tell(question)
        assert scene.letter() == gateway.ReadWithheld(question)

    play(says(), act, RateConfig(per_s=0.1, burst=2, reserved=2))
