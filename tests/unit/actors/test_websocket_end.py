"""One websocket against real peers: every way in which it ends, with nothing left behind."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import pytest

from actors.errors import ConnectionLost, ConnectRefused, WriteTimeout
from actors.websocket import WebSocket
from tests.support.actors import (
    CLOSE,
    TEXT,
    WAIT_S,
    Peer,
    ScriptedServer,
    close_frame,
    frame,
    open_descriptors,
    sends,
    steps,
)
from tests.support.websocket import MIB, Reader, dial, ended_by

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
