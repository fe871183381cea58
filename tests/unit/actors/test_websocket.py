"""One websocket against real peers: what opens, what arrives, and every way in which it ends."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import pytest

from actors.errors import ConnectionLost, ConnectRefused, HandshakeRefused, WriteTimeout
from actors.websocket import WebSocket
from tests.support_actors import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    WAIT_S,
    Peer,
    ScriptedServer,
    close_frame,
    frame,
    free_port,
    open_descriptors,
    sends,
    steps,
)

NAME = "venue/feed"
MIB = 1024 * 1024
WRONG_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: bm90IHRoZSByaWdodCBvbmU=\r\n\r\n"
)


def dial(url: str, *, connect_s: float = 5.0, write_s: float = 1.0) -> WebSocket:
    return WebSocket.open(
        NAME, url, {"X-Key": "k"}, connect_timeout_s=connect_s, write_timeout_s=write_s
    )


class Reader:
    """The reader thread of a websocket, what it read, and how it ended."""

    def __init__(self, websocket: WebSocket) -> None:
        self.texts: queue.Queue[bytes] = queue.Queue()
        self.pongs: queue.Queue[None] = queue.Queue()
        self.end: queue.Queue[BaseException] = queue.Queue()
        self._socket = websocket
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._socket.receive_into(
                lambda text, _: self.texts.put(text), lambda: self.pongs.put(None)
            )
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.end.put(error)

    def text(self) -> bytes:
        return self.texts.get(timeout=WAIT_S)

    def lost(self) -> ConnectionLost:
        error = self.end.get(timeout=WAIT_S)
        self.thread.join(WAIT_S)
        assert isinstance(error, ConnectionLost), repr(error)
        return error


def ended_by(action: Callable[[Peer], object]) -> ConnectionLost:
    """How a reader ends when the peer does this after the handshake."""

    def script(peer: Peer) -> None:
        peer.upgrade()
        action(peer)

    with ScriptedServer(script) as server:
        return Reader(dial(server.ws)).lost()


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


# -- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 4000])
def test_a_close_frame_ends_it_with_its_code_and_reason(code: int) -> None:
    def action(peer: Peer) -> None:
        peer.send(close_frame(code, "enough"))
        assert peer.read_frame() == (CLOSE, code.to_bytes(2, "big") + b"enough")
        peer.until_gone()  # the peer does not hang up first: nobody waits for that

    lost = ended_by(action)
    assert lost.code == code
    assert "enough" in str(lost)


def test_a_message_before_the_close_frame_is_not_lost() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.send(frame(TEXT, b"the fill") + close_frame(1000))

    with ScriptedServer(script) as server:
        reader = Reader(dial(server.ws))
        assert reader.lost().code == 1000
        assert reader.text() == b"the fill"


@pytest.mark.parametrize(
    "action",
    [lambda peer: None, Peer.reset, lambda peer: peer.send(frame(TEXT, b"cut short")[:5])],
    ids=["eof", "rst", "eof in a frame"],
)
def test_an_end_without_a_close_frame_has_no_code_of_the_peers(
    action: Callable[[Peer], object],
) -> None:
    assert ended_by(action).code in (None, 1006)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"x" * 5 * MIB), 1009),
        (frame(TEXT, b"x" * 3 * MIB, fin=False) + frame(0, b"x" * 3 * MIB), 1009),
        (b"\xf1\x01x", 1002),
        (frame(0, b"a continuation of nothing"), 1002),
        (frame(TEXT, b"one", fin=False) + frame(TEXT, b"another"), 1002),
        (b"\x81\x85\x00\x00\x00\x00hello", 1002),
        (b"\x83\x00", 1002),
        (frame(CLOSE, b"\x03\xe8\xff\xff"), 1007),
    ],
    ids=[
        "too large", "too large in parts", "reserved bits", "stray continuation",
        "interleaved", "masked", "reserved opcode", "bad UTF-8 in a close frame",
    ],
)  # fmt: skip
def test_a_frame_that_breaks_the_protocol_ends_it_with_the_code_for_that(
    bad: bytes, code: int
) -> None:
    def action(peer: Peer) -> None:
        peer.send(bad)
        peer.until_gone()

    assert ended_by(action).code == code


def test_bytes_that_are_no_utf8_are_left_to_the_decoder() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.text(b"\xff\xfe")
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        assert reader.text() == b"\xff\xfe"
        websocket.abort()
        reader.lost()


def test_what_the_handler_raises_ends_the_reader_and_a_close_releases_the_socket() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.text(b"boom")
        peer.until_gone()

    def handle(message: bytes, received_s: float) -> None:
        raise ValueError(message)

    before = open_descriptors()
    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        with pytest.raises(ValueError, match="boom"):
            websocket.receive_into(handle, lambda: None)
        websocket.send(b"its owner, about to end, gets no error in the place of the cause")
        websocket.close()
        with pytest.raises(ConnectionLost):
            websocket.send(b"too late")
        with pytest.raises(ConnectionLost):
            websocket.receive_into(handle, lambda: None)
    assert open_descriptors() - before == set()


def test_an_abort_from_another_thread_ends_an_idle_reader_at_once() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.until_gone()

    with ScriptedServer(script) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        websocket.abort()
        reader.lost()
        websocket.abort()  # and again, of one that is gone
        with pytest.raises(ConnectionLost):
            websocket.send(b"too late")
        with pytest.raises(ConnectionLost):
            websocket.ping()


def test_a_half_open_peer_takes_our_ping_and_the_reader_waits_until_it_is_aborted() -> None:
    with ScriptedServer(steps(Peer.upgrade, lambda peer: server.hold(peer))) as server:
        websocket = dial(server.ws)
        reader = Reader(websocket)
        websocket.ping()
        assert reader.thread.is_alive()
        websocket.abort()
        reader.lost()
        assert reader.pongs.empty()


# -- writing to a peer that does not read ----------------------------------------------------------


def test_a_peer_that_stops_reading_ends_the_write_and_the_reader_within_the_deadline() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        server.hold(peer)

    with ScriptedServer(script, receive_buffer=4096) as server:
        websocket = dial(server.ws, write_s=0.3)
        reader = Reader(websocket)
        began_s = time.monotonic()
        with pytest.raises(WriteTimeout) as timeout:
            websocket.send(b"x" * 64 * MIB)
        assert time.monotonic() - began_s < WAIT_S
        assert timeout.value.timeout_s == 0.3
        reader.lost()


def test_an_abort_ends_a_write_that_is_stuck() -> None:
    ended: queue.Queue[BaseException] = queue.Queue()

    def script(peer: Peer) -> None:
        peer.upgrade()
        server.hold(peer)

    def write() -> None:
        try:
            while True:
                websocket.send(b"x" * MIB)
                written.set()
        except ConnectionLost as error:
            ended.put(error)

    with ScriptedServer(script, receive_buffer=4096) as server:
        websocket = dial(server.ws, write_s=60.0)
        written = threading.Event()
        threading.Thread(target=write, daemon=True).start()
        written.wait(WAIT_S)
        websocket.abort()
        assert isinstance(ended.get(timeout=WAIT_S), ConnectionLost)
        websocket.close()


# -- no leaks ------------------------------------------------------------------------------------


def test_no_descriptor_is_left_after_any_way_to_end() -> None:
    def once(script: Callable[[Peer], object], act: Callable[[WebSocket], object]) -> None:
        with ScriptedServer(script) as server:
            websocket = dial(server.ws)
            reader = Reader(websocket)
            act(websocket)
            reader.lost()
            websocket.close()

    def serve(peer: Peer) -> None:
        peer.upgrade()
        peer.until_gone()

    before = open_descriptors()
    once(serve, WebSocket.close)
    once(serve, WebSocket.abort)
    once(steps(Peer.upgrade, sends(close_frame(1000))), lambda _: None)
    once(steps(Peer.upgrade, Peer.reset), lambda _: None)
    with ScriptedServer(serve) as server:  # nobody ever read
        dial(server.ws).close()
    with ScriptedServer(lambda peer: peer.read_head()) as server, pytest.raises(ConnectRefused):
        dial(server.ws)
    assert open_descriptors() - before == set()


def test_a_close_says_goodbye() -> None:
    said: queue.Queue[tuple[int, bytes]] = queue.Queue()

    def script(peer: Peer) -> None:
        peer.upgrade()
        said.put(peer.read_frame())

    with ScriptedServer(script) as server:
        dial(server.ws).close()
        assert said.get(timeout=WAIT_S) == (CLOSE, (1000).to_bytes(2, "big"))
