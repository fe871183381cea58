"""One keep-alive HTTP connection against real peers: what is reused, what is known, what is not."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from actors.errors import ConnectionLost, ConnectRefused
from actors.http import HttpClient
from tests.support.actors import (
    WAIT_S,
    Peer,
    ScriptedServer,
    answer,
    free_port,
    open_descriptors,
    read_request,
    sends,
    steps,
)

NAME = "venue/rest"


def client_of(url: str, *, connect_s: float = 5.0, read_s: float = 5.0) -> HttpClient:
    return HttpClient(NAME, url, connect_timeout_s=connect_s, read_timeout_s=read_s)


def get(client: HttpClient, target: str = "/time?a=1") -> tuple[int, bytes]:
    reply = client.request("GET", target, {})
    return reply.status, reply.body


def always(reply: bytes) -> Callable[[Peer], None]:
    """Answer every request of a connection like this."""

    def script(peer: Peer) -> None:
        while True:
            read_request(peer)
            peer.send(reply)

    return script


def lost_by(script: Callable[[Peer], object], *, read_s: float = 5.0) -> ConnectionLost:
    """How a request to such a peer is lost; checks that the next one connects anew."""
    with ScriptedServer(script, always(answer(200, b"ok"))) as server:
        client = client_of(server.http, read_s=read_s)
        with pytest.raises(ConnectionLost) as lost:
            client.request("POST", "/order?secret=x", {}, b"{}")
        assert get(client) == (200, b"ok")
        client.close()
    return lost.value


def test_all_requests_share_one_connection_and_a_prefix() -> None:
    seen: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def script(peer: Peer) -> None:
        while True:
            seen.put(read_request(peer))
            peer.send(answer(200, b"ok", "X-A: 1"))

    with ScriptedServer(script) as server:
        client = client_of(server.http + "/base/")
        for number in range(20):
            reply = client.request("POST", f"/order/{number}", {"X-Sign": "s"}, b"body%d" % number)
            assert (reply.status, reply.body) == (200, b"ok")
            assert ("X-A", "1") in reply.headers
            expected = (f"POST /base/order/{number} HTTP/1.1", b"body%d" % number)
            assert seen.get(timeout=WAIT_S) == expected
        client.close()
    assert server.accepted == 1


@pytest.mark.parametrize("status", [200, 202, 400, 401, 404, 429, 500, 502, 503])
@pytest.mark.parametrize("body", [b"", b"{}", b"<html>502 Bad Gateway</html>", b"\xff\x00"])
def test_an_answer_is_passed_through_as_it_is(status: int, body: bytes) -> None:
    with ScriptedServer(always(answer(status, body))) as server:
        client = client_of(server.http)
        assert get(client) == (status, body)
        assert get(client) == (status, body)
        client.close()
    assert server.accepted == 1


def test_an_answer_without_a_body_and_one_that_asks_for_another_place_are_answers_too() -> None:
    replies = iter(
        [b"HTTP/1.1 204 No\r\n\r\n", answer(302, b"", "Location: http://127.0.0.1:1/elsewhere")]
    )

    def script(peer: Peer) -> None:
        for reply in replies:
            read_request(peer)
            peer.send(reply)
        peer.until_gone()

    with ScriptedServer(script) as server:
        client = client_of(server.http)
        assert [get(client)[0] for _ in range(2)] == [204, 302]
        client.close()
    assert server.accepted == 1


def test_a_chunked_answer_and_one_that_ends_with_the_connection_are_read_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"

    def script(peer: Peer) -> None:
        read_request(peer)
        peer.send(chunked)
        read_request(peer)
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")

    with ScriptedServer(script) as server:
        client = client_of(server.http)
        assert get(client) == (200, b"abc")
        assert get(client) == (200, b"until the end")
        client.close()


def test_a_head_that_is_cut_short_looks_like_an_answer_without_a_body() -> None:
    """HTTP can't tell; no decoder takes an empty body for a venue's answer."""
    reply = b"HTTP/1.1 200 OK\r\nContent-"
    with ScriptedServer(steps(read_request, sends(reply))) as server:
        client = client_of(server.http)
        assert get(client) == (200, b"")
        client.close()


@pytest.mark.parametrize("how", [lambda peer: None, Peer.reset], ids=["fin", "rst"])
def test_an_idle_connection_that_the_peer_ended_is_replaced_before_anything_is_written(
    how: Callable[[Peer], object],
) -> None:
    gone = threading.Event()
    kept: queue.Queue[bytes] = queue.Queue()

    def script(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer(200, b"first"))
        server.let_go.wait(WAIT_S)
        how(peer)
        peer.sock.close()
        gone.set()

    def second(peer: Peer) -> None:
        while True:
            kept.put(read_request(peer)[1])
            peer.send(answer(200, b"second"))

    with _Gated(script, second) as server:
        client = client_of(server.http)
        assert get(client) == (200, b"first")
        server.let_go.set()
        gone.wait(WAIT_S)
        reply = client.request("POST", "/order", {}, b"the order")
        assert reply.body == b"second"
        assert kept.get(timeout=WAIT_S) == b"the order"
        client.close()
    assert server.accepted == 2
    assert kept.empty()


class _Gated(ScriptedServer):
    """A server whose scripts wait until the test says so."""

    def __init__(self, *scripts: Callable[[Peer], object]) -> None:
        super().__init__(*scripts)
        self.let_go = threading.Event()


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    sent: list[bool] = []
    client = client_of(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ConnectRefused) as refused:
        client.request("POST", "/order", {}, b"{}", lambda: sent.append(True))
    assert (refused.value.connection, sent) == (NAME, [])


def test_a_name_that_does_not_resolve_means_that_nothing_was_sent() -> None:
    with pytest.raises(ConnectRefused):
        get(client_of("http://no-such-host.invalid"))


def test_an_answer_that_is_not_there_in_time_is_an_unknown_outcome() -> None:
    began_s = time.monotonic()
    lost_by(steps(read_request, Peer.until_gone), read_s=0.1)
    assert time.monotonic() - began_s < 4  # and not the connect timeout


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 20", b"not http at all\r\n\r\n",
     answer(200, b"cut", length=400),
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
    ids=["nothing", "in the status", "no HTTP", "in the body", "in a chunk"],
)  # fmt: skip
def test_a_connection_that_ends_in_the_answer_is_an_unknown_outcome(reply: bytes) -> None:
    lost_by(steps(read_request, sends(reply)))


def test_a_reset_instead_of_an_answer_and_one_in_its_middle_are_unknown_outcomes() -> None:
    lost_by(steps(read_request, Peer.reset))
    part = answer(200, b"half", length=400)
    lost_by(steps(read_request, sends(part), Peer.reset))


def test_a_lost_request_names_its_route_and_not_its_query() -> None:
    text = str(lost_by(read_request))
    assert "POST /order" in text
    assert "secret" not in text


@pytest.mark.parametrize("headers", [(), ("Connection: close",)], ids=["kept", "ended after it"])
def test_a_trickling_body_that_no_read_timeout_meets_ends_by_an_abort(
    headers: tuple[str, ...],
) -> None:
    trickling = threading.Event()

    def script(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer(200, b"", *headers, length=4_000))
        while not server.released.wait(0.01):
            peer.send(b"x")
            trickling.set()

    with ScriptedServer(script) as server:
        client = client_of(server.http, read_s=WAIT_S)

        def abort() -> None:
            trickling.wait(WAIT_S)
            client.abort()

        aborter = threading.Thread(target=abort)
        aborter.start()
        with pytest.raises(ConnectionLost):
            client.request("POST", "/order", {}, b"{}")
        aborter.join(WAIT_S)
        client.close()


def test_on_sent_is_called_when_the_request_is_written_and_before_its_answer() -> None:
    written = threading.Event()

    def script(peer: Peer) -> None:
        read_request(peer)
        assert written.wait(WAIT_S)
        peer.send(answer(200, b"ok"))

    with ScriptedServer(script) as server:
        client = client_of(server.http)
        assert client.request("GET", "/", {}, b"", written.set).body == b"ok"
        client.close()


def test_after_an_abort_nothing_is_sent_any_more() -> None:
    """The deadline of a request may pass while its connection is still being made."""
    with ScriptedServer(always(answer(200, b"ok"))) as server:
        client = client_of(server.http)
        assert get(client) == (200, b"ok")
        client.abort()
        sent: list[bool] = []
        with pytest.raises(ConnectRefused):
            client.request("POST", "/order", {}, b"{}", lambda: sent.append(True))
        assert not sent
        client.close()
        client.abort()  # of one that is gone


def test_an_abort_ends_the_connecting_and_a_tls_handshake_too() -> None:
    """A connection that hangs may not outlive the deadline of the request that it is for."""
    for scheme in ("http", "https"):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            with ExitStack() as stack:
                for _ in range(4 if scheme == "http" else 0):  # no room left, or never accepted
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(deaf.getsockname())
                client = client_of(f"{scheme}://127.0.0.1:{deaf.getsockname()[1]}", connect_s=60.0)
                stop = threading.Timer(0.1, client.abort)
                stop.start()
                began_s = time.monotonic()
                with pytest.raises(ConnectRefused):
                    client.request("POST", "/order", {}, b"{}")
                stop.join(WAIT_S)
                client.close()
                assert time.monotonic() - began_s < 30


def test_no_descriptor_is_left() -> None:
    before = open_descriptors()
    lost_by(read_request)
    lost_by(steps(read_request, sends(b"garbage\r\n\r\n")))
    with ScriptedServer(always(answer(200, b"ok"))) as server:
        client = client_of(server.http)
        get(client)
        client.abort()
        client.close()
    with pytest.raises(ConnectRefused):
        get(client_of(f"http://127.0.0.1:{free_port()}"))
    assert open_descriptors() - before == set()
