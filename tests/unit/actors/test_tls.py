"""TLS under both kinds of connection: who is trusted, and that all of it is in TLS."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from actors.errors import ConnectionLost, ConnectRefused
from actors.http import HttpClient
from actors.websocket import WebSocket
from tests.support.actors import (
    TEXT,
    WAIT_S,
    Certificate,
    Peer,
    ScriptedServer,
    answer,
    frame,
    read_request,
)  # fmt: skip

MIB = 1024 * 1024


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    return certificate


def dial(port: int, connect_s: float = 5.0) -> WebSocket:
    url = f"wss://localhost:{port}/"
    return WebSocket.open("venue/feed", url, {}, connect_timeout_s=connect_s, write_timeout_s=1.0)


def fetch(port: int) -> bytes:
    client = HttpClient(
        "venue/rest", f"https://localhost:{port}", connect_timeout_s=5.0, read_timeout_s=5.0
    )
    try:
        return client.request("GET", "/", {"X-Key": "secret"}).body
    finally:
        client.close()


def test_large_messages_go_both_ways_while_pings_are_answered(trusted: Certificate) -> None:
    large = bytes(range(256)) * 8 * 1024

    def script(peer: Peer) -> None:
        trusted.wrap(peer)
        peer.upgrade()
        opcode, payload = peer.read_frame()
        assert opcode == TEXT
        peer.send(frame(TEXT, payload) + frame(TEXT, b"last"))
        peer.until_gone()

    texts: queue.Queue[bytes] = queue.Queue()
    with ScriptedServer(script) as server:
        websocket = dial(server.port)

        def read() -> None:
            with pytest.raises(ConnectionLost):
                websocket.receive_into(lambda text, _: texts.put(text), lambda: None)

        reader = threading.Thread(target=read)
        reader.start()
        websocket.send(large)
        assert texts.get(timeout=WAIT_S) == large
        assert texts.get(timeout=WAIT_S) == b"last"
        websocket.abort()
        reader.join(WAIT_S)
        assert not reader.is_alive()


def test_http_keeps_a_tls_connection_alive(trusted: Certificate) -> None:
    def script(peer: Peer) -> None:
        trusted.wrap(peer)
        while True:
            read_request(peer)
            peer.send(answer(200, b"ok"))

    with ScriptedServer(script) as server:
        client = HttpClient(
            "v/rest", f"https://localhost:{server.port}", connect_timeout_s=5.0, read_timeout_s=5.0
        )
        assert [client.request("GET", "/", {}).body for _ in range(3)] == [b"ok"] * 3
        client.close()
    assert server.accepted == 1


@pytest.mark.parametrize("host", ["localhost", "elsewhere"], ids=["unknown", "another host's"])
def test_a_certificate_that_is_not_trusted_gets_no_byte_of_ours(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Certificate(tmp_path, host)
    known = shown if host != "localhost" else Certificate(tmp_path, "other")
    monkeypatch.setenv("SSL_CERT_FILE", str(known.path))
    decrypted: queue.Queue[bytes] = queue.Queue()

    def script(peer: Peer) -> None:
        shown.wrap(peer)
        decrypted.put(peer.sock.recv(1))

    with ScriptedServer(script) as server:
        with pytest.raises(ConnectRefused, match="certificate"):
            dial(server.port)
        with pytest.raises(ConnectRefused, match="certificate"):
            fetch(server.port)
    assert b"" in (decrypted.queue or [b""])
    assert not any(decrypted.queue)


def test_a_peer_that_never_answers_the_tls_hello_ends_at_the_connect_deadline() -> None:
    with ScriptedServer(lambda peer: peer.until_gone()) as server, pytest.raises(ConnectRefused):
        dial(server.port, connect_s=0.2)


def test_a_peer_that_speaks_no_tls_refuses() -> None:
    with ScriptedServer(lambda peer: peer.send(b"HTTP/1.1 400 No\r\n\r\n")) as server:
        with pytest.raises(ConnectRefused):
            dial(server.port)
        with pytest.raises(ConnectRefused):
            fetch(server.port)
