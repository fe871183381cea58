"""Backpack's HTTP actor: what is read and what says nothing, the venue's clock, signs of life."""

from __future__ import annotations

import threading
import time

import pytest

from actors import gateway, orders
from actors.backpack_rest import READ_FAILURES
from tests.support.actors import WAIT_S, Peer, ScriptedServer, answer
from tests.support.actors_venue import Scene, play_backpack

POSITIONS = "GET /api/v1/position"
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


def test_a_query_that_is_rate_limited_says_nothing_and_the_actor_lives() -> None:
    replies = iter([answer(429, b'{"code":"TOO_MANY_REQUESTS"}'), answer(200, b"[]")])

    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.ReadPositions())
        scene.actor.tell(gateway.ReadPositions())
        assert scene.letter() == orders.PositionsRead((), 1)
        assert scene.lives()

    play_backpack({POSITIONS: lambda peer: peer.send(next(replies))}, act)


@pytest.mark.parametrize(
    ("question", "route"),
    [
        (gateway.ReadPositions(asked_s=3.5), POSITIONS),
        (gateway.ReadOpenOrders(asked_s=3.5), "GET /api/v1/orders"),
        (gateway.ReadFills(0, asked_s=3.5), "GET /wapi/v1/history/fills"),
    ],
    ids=lambda given: type(given).__name__ if not isinstance(given, str) else "",
)
def test_an_answer_says_when_its_question_was_asked(question: object, route: str) -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(question)
        assert scene.letter().asked_s == 3.5

    play_backpack({route: lambda peer: peer.send(answer(200, b"[]"))}, act)


NONSENSE = pytest.mark.parametrize(
    ("status", "body"),
    [(200, PAGE), (200, b""), (200, b"{}"), (200, b"null"), (200, b"\xff"),
     (200, b'[{"symbol": 1}]'), (404, b'{"code":"RESOURCE_NOT_FOUND"}'), (404, PAGE),
     (500, b""), (503, PAGE), (400, b"{}")],
)  # fmt: skip


@NONSENSE
@pytest.mark.parametrize(
    ("request_of", "route"),
    [
        (gateway.ReadPositions(), POSITIONS),
        (gateway.ReadOpenOrders(), "GET /api/v1/orders"),
        (gateway.ReadFills(0), "GET /wapi/v1/history/fills"),
        (gateway.ReadBalances(), "GET /api/v1/capital/collateral"),
    ],
    ids=lambda given: type(given).__name__ if not isinstance(given, str) else "",
)
def test_a_query_whose_answer_says_nothing_is_no_answer_and_never_an_empty_one(
    request_of: object, route: str, status: int, body: bytes
) -> None:
    replies = iter([answer(status, body)] * READ_FAILURES)

    def act(scene: Scene, _: ScriptedServer) -> None:
        for _number in range(READ_FAILURES):
            scene.actor.tell(request_of)
        assert scene.failed().detail.split(":")[0] in ("FrameError", "VenueRefused")
        assert scene.letters.empty()

    play_backpack({route: lambda peer: peer.send(next(replies))}, act)


def test_a_query_that_failed_is_answered_when_it_is_asked_again() -> None:
    replies = iter([answer(502, PAGE), answer(200, b"{}"), answer(200, b"[]")] * 3)

    def act(scene: Scene, _: ScriptedServer) -> None:
        for _number in range(9):  # every third answer is one: never several failures in a row
            scene.actor.tell(gateway.ReadPositions())
        for _number in range(3):
            assert scene.letter() == orders.PositionsRead((), 1)
        assert scene.lives()

    play_backpack({POSITIONS: lambda peer: peer.send(next(replies))}, act)


# -- clocks ----


@pytest.mark.parametrize(("off_s", "word"), [(1.5, "behind"), (-1.5, "ahead of")])
def test_clocks_that_differ_by_half_a_window_are_said(off_s: float, word: str) -> None:
    def tell_time(peer: Peer) -> None:
        peer.send(answer(200, b"%d" % (time.time_ns() // 10**6 + int(off_s * 1000))))

    def act(scene: Scene, _: ScriptedServer) -> None:
        trouble = scene.letters.clocks.get(timeout=WAIT_S).trouble
        assert trouble == f"our clock is 1.5 s {word} that of backpack"

    play_backpack({"GET /api/v1/time": tell_time}, act)


def test_clocks_that_agree_are_said_once() -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        for _number in range(3):
            scene.actor.tell(gateway.Ping("backpack/heartbeat"))
            scene.pongs.get(timeout=WAIT_S)
        assert scene.letters.clocks.get(timeout=WAIT_S) == orders.ClockChecked("")
        assert scene.letters.clocks.empty()

    play_backpack({}, act)


def test_a_sign_of_life_is_the_venues_time() -> None:
    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.Ping("backpack/heartbeat"))
        pong = scene.pongs.get(timeout=WAIT_S)
        assert (pong.connection, pong.epoch) == ("backpack/rest", 1)

    play_backpack({}, act)


def test_a_stop_does_not_wait_for_a_peer_that_says_nothing() -> None:
    began = threading.Event()

    def swallow(peer: Peer) -> None:
        began.set()
        peer.until_gone()

    def act(scene: Scene, _: ScriptedServer) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert began.wait(WAIT_S)

    scene = play_backpack({POSITIONS: swallow}, act)
    assert scene.stage.stream(scene.name)[-1] == ("stopped", 1)
