"""GRVT over REST while its socket is away: every answer in its own name, and nothing ends it."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable

import pytest

from actors import gateway, grvt_queries, orders
from actors.grvt_queries import GrvtQueries
from actors.grvt_session import RenewSession
from supervision.policy import Readiness
from tests.support import actors
from tests.support.actors import (
    WAIT_S,
    Peer,
    Script,
    ScriptedServer,
    free_port,
    read_request,
    sends,
)
from tests.support.actors_venue import GRVT_ETH, SESSION, Scene, grvt_access, new_order
from tests.support.grvt import FILL_JSON, ORDER_JSON, POSITION_JSON, SUMMARY_JSON

ORDER_ID = int(json.loads(ORDER_JSON)["metadata"]["client_order_id"])
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"
EMPTY = b'{"result": []}'
NAME = "grvt/queries"
READS = [gateway.ReadPositions(), gateway.ReadOpenOrders(), gateway.ReadFills(0),
         gateway.ReadBalances(), gateway.ReadOrder(new_order(GRVT_ETH))]  # fmt: skip
EACH = pytest.mark.parametrize("read", READS, ids=lambda read: type(read).__name__)


def play(script: Script, act: Callable[[Scene], object]) -> Scene:
    """The actor at such a trades host; it is in its first life all the while."""
    with ScriptedServer(asked(script)) as server:
        return play_at(server.http, act)


def play_at(url: str, act: Callable[[Scene], object]) -> Scene:
    scene = Scene("grvt", "queries")
    with scene.playing(lambda c: GrvtQueries(c, grvt_access(url)), ready=Readiness.AUTO):
        scene.ready()
        act(scene)
        assert scene.stage.stream(NAME)[-1] == ("running", 1)
    return scene


def asked(then: Script) -> Script:
    """Read one request, and go on like that."""

    def script(peer: Peer) -> None:
        read_request(peer)
        then(peer)

    return script


def answer(status: int, body: bytes, length: int | None = None) -> bytes:
    """An answer after which the host ends the connection, as most scripts here do, and says so."""
    return actors.answer(status, body, "Connection: close", length=length)


def error(status: int, code: int) -> bytes:
    return answer(status, b'{"code": %d, "message": "why", "status": %d}' % (code, status))


def result(*rows: str, cursor: str = "") -> bytes:
    tail = f', "next": "{cursor}"' if cursor else ""
    return answer(200, f'{{"result": [{", ".join(rows)}]{tail}}}'.encode())


# -- answers ----


def test_answers_carry_the_name_of_who_was_asked_and_when() -> None:
    pages = {
        "positions": result(POSITION_JSON),
        "open_orders": result(ORDER_JSON),
        "fill_history": result(FILL_JSON),
        "account_summary": answer(200, b'{"result": %s}' % SUMMARY_JSON.encode()),
        "order": error(404, 1004),
    }
    requests: list[str] = []

    def script(peer: Peer) -> None:
        line, _ = read_request(peer)
        requests.append(line)
        peer.send(pages[line.split()[1].rpartition("/")[2]])

    def act(scene: Scene) -> None:
        began_s = time.monotonic()
        for read in READS:
            scene.actor.tell(read)
            told = scene.letter()
            assert (told.by, told.epoch) == (NAME, 1)
            assert began_s <= told.asked_s <= time.monotonic()

    with ScriptedServer(script) as server:
        play_at(server.http, act)
    assert all(line.startswith("POST /full/v1/") for line in requests)


def test_a_request_carries_the_login() -> None:
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        heads.append(peer.read_head())
        peer.send(answer(200, EMPTY))

    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert scene.letter().positions == ()

    with ScriptedServer(script) as server:
        play_at(server.http, act)
    assert f"Cookie: gravity={SESSION.cookie}".encode() in heads[0]
    assert f"X-Grvt-Account-Id: {SESSION.account_id}".encode() in heads[0]


def test_an_order_is_reported_and_another_one_is_no_answer() -> None:
    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadOrder(new_order(GRVT_ETH, 7)))
        scene.actor.tell(gateway.ReadOrder(new_order(GRVT_ETH, ORDER_ID - 2**63)))
        told = scene.letter()
        assert isinstance(told, orders.OrderReported)
        assert told.update.client_order_id == ORDER_ID
        assert scene.letters.empty()

    play(sends(answer(200, f'{{"result": {ORDER_JSON}}}'.encode())), act)


def test_fills_are_read_page_by_page_and_told_oldest_first() -> None:
    older = FILL_JSON.replace("1767225600000000000", "1767225500000000000")
    pages = [result(FILL_JSON, cursor="more"), result(older)]
    bodies: list[dict[str, object]] = []

    def script(peer: Peer) -> None:
        bodies.append(json.loads(read_request(peer)[1]))
        peer.send(pages[len(bodies) - 1])

    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadFills(5))
        told = scene.letter()
        assert isinstance(told, orders.FillsRead)
        assert [fill.event_ns // 10**9 for fill in told.fills] == [1767225500, 1767225600]
        assert told.since_ns == 5

    with ScriptedServer(script) as server:
        play_at(server.http, act)
    assert [body.get("cursor") for body in bodies] == [None, "more"]


def test_a_history_of_fills_whose_cursor_repeats_is_no_answer_and_not_asked_for_more() -> None:
    requests = threading.Semaphore(0)

    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadFills(5))
        for _ in range(2):
            assert requests.acquire(timeout=WAIT_S)
        with pytest.raises(queue.Empty):
            scene.letters.get(timeout=0.1)

    def script(peer: Peer) -> None:
        requests.release()
        peer.send(result(cursor="same"))

    play(script, act)
    assert not requests.acquire(blocking=False)


# -- connections ----


def test_reads_one_after_the_other_share_a_connection() -> None:
    def script(peer: Peer) -> None:
        while True:
            read_request(peer)
            peer.send(actors.answer(200, EMPTY))

    def act(scene: Scene) -> None:
        for _ in range(10):
            scene.actor.tell(gateway.ReadPositions())
            assert isinstance(scene.letter(), orders.PositionsRead)

    with ScriptedServer(script) as server:
        play_at(server.http, act)
        assert server.accepted <= 2  # there are two lanes


def test_a_connection_is_not_kept_for_long_without_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grvt_queries, "_IDLE_S", 0.01)
    ended = threading.Event()

    def script(peer: Peer) -> None:
        read_request(peer)
        peer.send(actors.answer(200, EMPTY))
        peer.until_gone()
        ended.set()

    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert isinstance(scene.letter(), orders.PositionsRead)
        assert ended.wait(WAIT_S)

    with ScriptedServer(script) as server:
        play_at(server.http, act)


# -- what says nothing ----


@EACH
@pytest.mark.parametrize(
    "said",
    [answer(502, PAGE), answer(200, PAGE), answer(200, b""), answer(200, b"{}"),
     answer(200, b'{"result": null}'), answer(200, b'{"result": {}}'), error(500, 1002),
     error(429, 1006), error(503, 1009), answer(429, PAGE), answer(200, b"half", length=400),
     b"garbage\r\n\r\n"],
    ids=["502", "page", "empty", "{}", "null", "nested {}", "1002", "1006", "1009", "429", "cut",
         "no HTTP"],
)  # fmt: skip
def test_an_answer_that_says_nothing_is_none_and_the_next_one_counts(
    read: object, said: bytes
) -> None:
    def act(scene: Scene) -> None:
        scene.actor.tell(read)
        scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 9))  # behind it on another connection
        assert isinstance(scene.letter(), orders.CancelAnswered)
        scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 10))
        assert isinstance(scene.letter(), orders.CancelAnswered)
        assert scene.letters.empty()

    play(sends(said), act)


@pytest.mark.parametrize("end", [Peer.reset, lambda peer: peer.sock.close()], ids=["rst", "fin"])
def test_a_connection_that_ends_says_nothing(end: Script) -> None:
    with ScriptedServer(asked(end), asked(sends(answer(200, EMPTY)))) as server:

        def act(scene: Scene) -> None:
            told: list[object] = []
            while not told:  # what is under way is not asked for twice, so it is asked for again
                scene.actor.tell(gateway.ReadPositions())
                if not scene.letters.empty():
                    told.append(scene.letter())
            assert isinstance(told[0], orders.PositionsRead)

        play_at(server.http, act)


def test_a_host_that_is_not_there_says_nothing() -> None:
    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadPositions())
        scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 9))
        answered = scene.letter()
        assert isinstance(answered, orders.CancelAnswered)
        assert answered.refusal

    play_at(f"http://127.0.0.1:{free_port()}", act)


def trickle(peer: Peer) -> None:
    peer.send(answer(200, b"", length=100_000))
    stop = threading.Event()
    while not stop.wait(0.01):
        peer.send(b" ")


@pytest.mark.parametrize("script", [Peer.until_gone, trickle], ids=["silence", "trickle"])
def test_a_request_ends_at_its_deadline(script: Script) -> None:
    with ScriptedServer(
        asked(script), asked(sends(answer(200, b'{"result": {"ack": true}}')))
    ) as s:

        def act(scene: Scene) -> None:
            scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 9))
            assert scene.letter().refusal
            scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 9))
            assert scene.letter() == orders.CancelAnswered(9)

        play_at(s.http, act)


# -- sessions ----


@pytest.mark.parametrize("said", [answer(401, PAGE), error(401, 1000)], ids=["page", "1000"])
def test_a_refused_session_is_renewed_and_not_used_again(said: bytes) -> None:
    with ScriptedServer(asked(sends(said))) as server:

        def act(scene: Scene) -> None:
            scene.actor.tell(gateway.ReadPositions())
            assert scene.letter() == RenewSession(SESSION)
            scene.actor.tell(gateway.CancelOrder(GRVT_ETH, 9))
            assert "not logged in" in scene.letter().refusal

        play_at(server.http, act)
        assert server.accepted == 1


# -- under way ----


def test_the_same_is_not_asked_for_twice_and_other_reads_go_on() -> None:
    held = threading.Event()
    posted: list[str] = []

    def script(peer: Peer) -> None:
        line, _ = read_request(peer)
        posted.append(line)
        if "positions" in line:
            held.wait(WAIT_S)
        peer.send(answer(200, EMPTY))

    def act(scene: Scene) -> None:
        for _ in range(3):
            scene.actor.tell(gateway.ReadPositions())
        scene.actor.tell(gateway.ReadOpenOrders())
        assert isinstance(scene.letter(), orders.OpenOrdersRead)
        held.set()
        assert isinstance(scene.letter(), orders.PositionsRead)
        assert scene.letters.empty()

    with ScriptedServer(script) as server:
        play_at(server.http, act)
    assert len(posted) == 2


def test_a_stop_does_not_wait_for_a_peer_that_says_nothing() -> None:
    began = threading.Event()

    def swallow(peer: Peer) -> None:
        began.set()
        peer.until_gone()

    def act(scene: Scene) -> None:
        scene.actor.tell(gateway.ReadPositions())
        assert began.wait(WAIT_S)

    scene = play(swallow, act)
    assert scene.stage.stream(NAME)[-1] == ("stopped", 1)
