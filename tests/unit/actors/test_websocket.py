"""One websocket against real peers: what opens, and what arrives."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from actors.errors import ConnectionLost, ConnectRefused, HandshakeRefused
from tests.support.actors import (
    BINARY,
    PING,
    PONG,
    TEXT,
    WAIT_S,
    Peer,
    ScriptedServer,
    frame,
    free_port,
)
from tests.support.websocket import MIB, NAME, WRONG_ACCEPT, Reader, dial

# -- opening -------------------------------------------------------------------------------------


def test_the_handshake_carries_our_headers_and_the_first_message_may_come_with_it() -> None:
    seen: queue.Queue[dict[str, str]] = queue.Queue()

    def script(peer: Peer) -> None:
        seen.put(peer.upgrade())
        peer.text(b"hello")
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        assert reader.text() == b"hello"
        assert seen.get(timeout=WAIT_S)["x-key"] == "k"
        websocket.abort()
        reader.lost()


def test_nobody_listening_is_a_refused_connection() -> None:
    with pytest.raises(ConnectRefused) as refused:
        dial(f"ws://127.0.0.1:{free_port()}/")
    assert refused.value.connection == NAME


@pytest.mark.parametrize("status", [401, 429, 502])
def test_a_refused_handshake_tells_its_status_and_the_beginning_of_its_body(status: int) -> None:
    body = b"not you"

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        peer.until_gone()

    with ScriptedServer(script) as server, pytest.raises(HandshakeRefused) as refused:
        dial(server.ws)
    assert refused.value.status == status
    assert "not you" in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x00\xff\xfe garbage \r\n\r\n",
        WRONG_ACCEPT,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Swit",
        b"X-" + b"a" * 20_000 + b": 1\r\n\r\n",
        b"",
    ],
    ids=["ssh", "binary", "wrong accept", "plain page", "cut short", "endless header", "nothing"],
)
def test_whatever_is_no_handshake_is_a_refused_connection(answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer)

    with ScriptedServer(script) as server, pytest.raises(ConnectRefused):
        dial(server.ws)


def test_a_peer_that_resets_during_the_handshake_refuses() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.reset()

    with ScriptedServer(script) as server, pytest.raises(ConnectRefused):
        dial(server.ws)


def test_a_stalled_handshake_ends_at_the_connect_deadline() -> None:
    with ScriptedServer(lambda peer: peer.until_gone()) as server:
        began_s = time.monotonic()
        with pytest.raises(ConnectRefused):
            dial(server.ws, connect_s=0.2)
        assert 0.2 <= time.monotonic() - began_s < WAIT_S


def test_a_trickled_handshake_ends_at_the_connect_deadline_too() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        while not server.released.wait(0.01):
            peer.send(b"X-Filler: aaaa\r\n")

    with ScriptedServer(script) as server, pytest.raises(ConnectRefused):
        dial(server.ws, connect_s=0.2)


# -- messages ------------------------------------------------------------------------------------


def test_messages_arrive_whole_and_in_order_however_they_were_framed() -> None:
    long = b"x" * (2 * MIB)

    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.text(b"one")
        peer.send(frame(TEXT, b"tw", fin=False) + frame(PING, b"p") + frame(0, b"o"))
        for byte in frame(TEXT, b"three"):
            peer.send(bytes([byte]))
        peer.send(frame(BINARY, b"\x00four"))
        peer.text(b"")
        peer.text(long)
        assert peer.read_frame() == (PONG, b"p")
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        assert [reader.text() for _ in range(6)] == [
            b"one", b"two", b"three", b"\x00four", b"", long,
        ]  # fmt: skip
        websocket.abort()
        reader.lost()


def test_what_is_sent_arrives_also_from_several_threads_at_once() -> None:
    count, received = 50, queue.Queue[bytes]()

    def script(peer: Peer) -> None:
        peer.upgrade()
        while True:
            opcode, payload = peer.read_frame()
            if opcode == TEXT:
                received.put(payload)

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        threads = [
            threading.Thread(
                target=lambda name=name: [
                    websocket.send(b"%s%d" % (name, i) + b"." * 5_000) for i in range(count)
                ]
            )
            for name in (b"a", b"b")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        got = [received.get(timeout=WAIT_S).rstrip(b".") for _ in range(2 * count)]
        for name in (b"a", b"b"):
            assert [m for m in got if m.startswith(name)] == [
                b"%s%d" % (name, i) for i in range(count)
            ]
        websocket.close()


def test_a_ping_is_answered_and_told_of() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        assert peer.read_frame() == (PING, b"")
        peer.send(frame(PONG, b""))
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        websocket.ping()
        reader.pongs.get(timeout=WAIT_S)
        websocket.abort()
        reader.lost()


def test_the_moment_of_a_message_is_when_its_bytes_were_read() -> None:
    moments: queue.Queue[float] = queue.Queue()

    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.read_frame()
        peer.text(b"answer")
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)

        def read() -> None:
            with pytest.raises(ConnectionLost):
                websocket.receive_into(lambda _, at_s: moments.put(at_s), lambda: None)

        thread = threading.Thread(target=read)
        thread.start()
        began_s = time.monotonic()
        websocket.send(b"question")
        assert began_s <= moments.get(timeout=WAIT_S) <= time.monotonic()
        websocket.abort()
        thread.join(WAIT_S)
