"""The websocket actors: when they are ready, how they fail, and what their orders are told."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from actors import gateway, orders
from actors.backpack_feed import BackpackFeed
from actors.backpack_market import BackpackMarket
from actors.grvt_market import GrvtMarket
from actors.grvt_session import RenewSession
from actors.grvt_trading import GrvtTrading
from actors.market_board import MarketBoard
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState
from tests.support.actors import (
    PING,
    PONG,
    UNASKED_PONG,
    Peer,
    Script,
    ScriptedServer,
    answer,
    close_frame,
    frame,
    free_port,
    sends,
    steps,
)
from tests.support.actors_venue import (
    GRVT_ETH,
    SESSION,
    Scene,
    backpack_access,
    grvt_access,
    grvt_subscribed,
    grvt_trading,
    new_order,
    read_rpc,
    reply,
)

Build = Callable[[str], Callable[[ActorContext], SupervisedActor]]
ACTORS: dict[str, Build] = {
    "grvt/trading": lambda url: lambda c: GrvtTrading(c, grvt_access(url)),
    "grvt/market": lambda url: lambda c: GrvtMarket(c, grvt_access(url), MarketBoard()),
    "backpack/feed": lambda url: lambda c: BackpackFeed(c, backpack_access(url)),
    "backpack/market": lambda url: lambda c: BackpackMarket(c, backpack_access(url), MarketBoard()),
}
EACH = pytest.mark.parametrize("name", ACTORS)


def how_it_failed(name: str, script: Script) -> str:
    """The detail of its first failure against such a peer."""
    scene = Scene(*name.split("/"))
    with ScriptedServer(script) as server, scene.playing(ACTORS[name](server.http)):
        return scene.failed().detail


@EACH
@pytest.mark.parametrize(
    "bad",
    [b"{", b"not json", b"\xff\xfe", b"[]", b"3", b'{"jsonrpc": 2}' * 2, b"[" * 100_000],
    ids=["cut", "words", "no UTF-8", "list", "number", "two", "deep"],
)
def test_a_message_that_does_not_decode_ends_the_actor_with_a_typed_error(
    name: str, bad: bytes
) -> None:
    detail = how_it_failed(name, steps(Peer.upgrade, sends(frame(1, bad)), Peer.until_gone))
    assert detail.startswith("FrameError: "), detail


@EACH
def test_a_peer_that_closes_resets_or_hangs_up_is_a_lost_connection(name: str) -> None:
    for end in (sends(close_frame(1011, "restart")), Peer.reset, lambda _: None):
        detail = how_it_failed(name, steps(Peer.upgrade, end))
        assert detail.startswith(f"ConnectionLost: {name}: "), detail


@EACH
def test_a_host_that_is_not_there_is_a_refused_connection(name: str) -> None:
    scene = Scene(*name.split("/"))
    with scene.playing(ACTORS[name](f"http://127.0.0.1:{free_port()}")):
        status = scene.failed()
    assert status.kind == "start_failed"
    assert status.detail.startswith(f"ConnectRefused: {name}: ")


@EACH
def test_an_open_socket_alone_is_not_ready(name: str) -> None:
    scene = Scene(*name.split("/"))
    with (
        ScriptedServer(steps(Peer.upgrade, Peer.until_gone)) as server,
        scene.playing(ACTORS[name](server.http), start_timeout=0.5),
    ):
        status = scene.stage.wait(scene.name, ChildState.BACKING_OFF)
    assert ("running", 1) not in scene.stage.stream(scene.name)
    assert status.kind in ("start_timeout", "error")


# -- GRVT's trading socket ----


def trading(script: Script, play: Callable[[Scene], object]) -> Scene:
    scene = Scene("grvt", "trading")
    with (
        ScriptedServer(grvt_trading(script), grvt_trading(Peer.until_gone)) as server,
        scene.playing(ACTORS["grvt/trading"](server.http)),
    ):
        scene.ready()
        play(scene)
    return scene


def place(scene: Scene) -> gateway.PlaceOrder:
    message = gateway.PlaceOrder(new_order(GRVT_ETH))
    scene.actor.tell(message)
    return message


def test_a_refused_session_has_the_login_renewed() -> None:
    scene = Scene("grvt", "trading")

    def refuse(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer(401, b'{"code":1000,"message":"authenticate","status":401}'))

    with (
        ScriptedServer(refuse, grvt_trading(Peer.until_gone)) as server,
        scene.playing(ACTORS["grvt/trading"](server.http)),
    ):
        assert scene.letter() == RenewSession(SESSION)
        assert scene.failed().detail.startswith("HandshakeRefused: ")
        scene.ready(2)


def test_a_subscription_that_is_refused_or_left_out_or_not_answered_ends_it() -> None:
    def refuse(peer: Peer) -> None:
        peer.upgrade()
        reply(peer, read_rpc(peer), {"error": {"code": 1000, "message": "no"}})
        peer.until_gone()

    def leave_out(peer: Peer) -> None:
        peer.upgrade()
        request = read_rpc(peer)
        reply(peer, request, {"result": {"stream": request["params"]["stream"], "subs": []}})
        peer.until_gone()

    def two_of_three(peer: Peer) -> None:
        peer.upgrade()
        grvt_subscribed(peer, 2)
        peer.until_gone()

    assert "1000" in how_it_failed("grvt/trading", refuse)
    assert "not subscribed to" in how_it_failed("grvt/trading", leave_out)
    assert how_it_failed("grvt/trading", two_of_three).startswith("ReplyTimeout: ")


def test_an_order_is_told_as_sent_and_then_what_the_venue_said_of_it() -> None:
    def script(peer: Peer) -> None:
        request = read_rpc(peer)
        assert request["method"] == "v1/create_order"
        reply(peer, request, {"error": {"code": 2080, "message": "margin", "status": 400}})
        peer.until_gone()

    def play(scene: Scene) -> None:
        order = place(scene).new.client_order_id
        told = [scene.letter(), scene.letter()]  # the answer may overtake
        sent = next(t for t in told if isinstance(t, orders.OrderSent))
        refused = next(t for t in told if isinstance(t, orders.OrderRefused))
        assert (sent.client_order_id, refused.client_order_id) == (order, order)
        assert max(sent.sent_s, refused.received_s) <= time.monotonic()
        assert "2080" in refused.reason

    trading(script, play)


def test_an_order_without_an_answer_is_in_doubt_and_a_connection_that_is_heard_lives() -> None:
    def script(peer: Peer) -> None:
        read_rpc(peer)
        peer.send(UNASKED_PONG)
        peer.until_gone()

    def play(scene: Scene) -> None:
        order = place(scene).new.client_order_id
        assert isinstance(scene.letter(), orders.OrderSent)
        doubted = scene.letter()
        assert isinstance(doubted, orders.OrderDoubted)
        assert doubted.client_order_id == order
        assert scene.stage.stream(scene.name)[-1] == ("running", 1)

    trading(script, play)


def test_a_connection_that_is_silent_from_an_order_to_its_deadline_ends() -> None:
    def script(peer: Peer) -> None:
        read_rpc(peer)
        peer.until_gone()

    def play(scene: Scene) -> None:
        place(scene)
        assert isinstance(scene.letter(), orders.OrderSent)
        assert isinstance(scene.letter(), orders.OrderDoubted)
        scene.stage.wait(scene.name, ChildState.BACKING_OFF)

    trading(script, play)


def test_an_order_that_can_not_be_expressed_is_not_sent() -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.PlaceOrder(new_order("DOGE_USDT_Perp")))
        assert isinstance(scene.letter(), orders.OrderNotSent)
        assert scene.stage.stream(scene.name)[-1] == ("running", 1)

    trading(Peer.until_gone, play)


@pytest.mark.parametrize(
    "request_of",
    [gateway.ReadOpenOrders(), gateway.ReadPositions(), gateway.ReadFills(0),
     gateway.ReadOrder(new_order(GRVT_ETH))],
    ids=lambda message: type(message).__name__,
)  # fmt: skip
def test_a_question_without_an_answer_ends_the_connection(request_of: object) -> None:
    def play(scene: Scene) -> None:
        scene.actor.tell(request_of)
        assert scene.failed().detail.startswith("ReplyTimeout: grvt/trading: no answer to ")

    trading(Peer.until_gone, play)


def test_a_question_that_is_rate_limited_says_nothing_and_the_connection_lives() -> None:
    def script(peer: Peer) -> None:
        reply(peer, read_rpc(peer), {"error": {"code": 1006, "message": "slow", "status": 429}})
        reply(peer, read_rpc(peer), {"result": []})
        peer.until_gone()

    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadPositions())
        scene.actor.tell(gateway.ReadPositions())
        assert scene.letter() == orders.PositionsRead((), 1)
        assert scene.stage.stream(scene.name)[-1] == ("running", 1)

    trading(script, play)


def test_a_peer_that_closes_instead_of_answering_is_not_sent_the_order_again() -> None:
    seen: list[object] = []

    def script(peer: Peer) -> None:
        seen.append(read_rpc(peer))
        peer.send(close_frame(1000))

    def play(scene: Scene) -> None:
        place(scene)
        assert isinstance(scene.letter(), orders.OrderSent)
        scene.ready(2)
        assert scene.letters.empty()

    trading(script, play)
    assert len(seen) == 1


def test_a_ping_is_passed_to_the_peer_and_its_pong_to_who_asked() -> None:
    def script(peer: Peer) -> None:
        opcode, payload = peer.read_frame()
        assert opcode == PING
        peer.send(frame(PONG, payload))
        peer.until_gone()

    def play(scene: Scene) -> None:
        scene.actor.tell(gateway.Ping("grvt/heartbeat"))
        pong = scene.pongs.get(timeout=10)
        assert (pong.connection, pong.epoch) == ("grvt/trading", 1)

    trading(script, play)


# -- Backpack's feed ----


def test_the_feed_is_ready_with_its_first_pong_and_ends_with_a_complaint() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        assert "account.orderUpdate" in str(peer.read_frame())
        opcode, payload = peer.read_frame()
        assert opcode == PING
        peer.send(frame(PONG, payload))
        peer.text(b'{"error":{"code":4006,"message":"Invalid signature"},"id":null}')
        peer.until_gone()

    scene = Scene("backpack", "feed")
    with ScriptedServer(script) as server, scene.playing(ACTORS["backpack/feed"](server.http)):
        scene.ready()
        assert "Invalid signature" in scene.failed().detail
