"""Where hosts are, while name servers answer, fail, or say nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from actors.resolve import Resolver, dial
from tests.support.actors import WAIT_S, ScriptedServer

HOST, PORT = "venue.test", 443
AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
Answer = Callable[[], str]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """What the name server says, one after the other; the last again and again."""
    left: list[Answer] = []

    def look_up(_host: str, port: int, **_: Any) -> Any:
        address = (left.pop(0) if len(left) > 1 else left[0])()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return left


def away() -> str:
    raise AWAY


def found(resolver: Resolver, timeout_s: float = WAIT_S) -> list[str]:
    return [place.address[0] for place in resolver.places(HOST, PORT, timeout_s)]


def test_a_fresh_answer_replaces_the_one_before(answers: list[Answer]) -> None:
    resolver = Resolver()
    answers += [lambda: "192.0.2.1", lambda: "192.0.2.2"]
    assert found(resolver) == ["192.0.2.1"]
    assert found(resolver) == ["192.0.2.2"]


def test_an_answer_that_fails_leaves_the_one_before(answers: list[Answer]) -> None:
    resolver = Resolver()
    answers += [lambda: "192.0.2.1", away]
    assert found(resolver) == ["192.0.2.1"]
    assert found(resolver) == ["192.0.2.1"]


def test_a_host_that_was_never_found_has_no_address(answers: list[Answer]) -> None:
    answers += [away]
    with pytest.raises(OSError, match="Temporary failure"):
        found(Resolver())


def test_an_answer_that_does_not_come_is_not_waited_for_and_counts_later(
    answers: list[Answer],
) -> None:
    resolver, late = Resolver(), threading.Event()

    def slow() -> str:
        late.wait(WAIT_S)
        return "192.0.2.2"

    answers += [lambda: "192.0.2.1", slow, away]
    assert found(resolver) == ["192.0.2.1"]
    assert found(resolver, 0.01) == ["192.0.2.1"]
    late.set()
    assert found(resolver) == ["192.0.2.2"]


def test_without_any_answer_the_deadline_ends_the_waiting(answers: list[Answer]) -> None:
    late = threading.Event()
    answers += [lambda: str(late.wait(WAIT_S))]
    with pytest.raises(TimeoutError, match=r"no address of venue\.test in 0\.01 s"):
        found(Resolver(), 0.01)
    late.set()


def test_it_connects_to_the_first_address_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int, **_: Any) -> Any:
        row = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*row, ("127.0.0.1", 1)), (*row, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with (
        ScriptedServer(lambda peer: peer.until_gone()) as server,
        dial(HOST, server.port, WAIT_S, Resolver()) as sock,
    ):
        assert sock.getpeername()[1] == server.port


@contextmanager
def silent_port() -> Iterator[int]:
    """Somebody whose queue is full: who connects there hears nothing."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        yield deaf.getsockname()[1]


def places_at(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)


def test_an_address_that_is_silent_leaves_time_for_the_others_and_comes_last_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []
    resolver = Resolver()

    def connect() -> None:
        def connecting(sock: socket.socket) -> None:
            tried.append(sock.fileno())

        with dial(HOST, PORT, 0.5, resolver, connecting=connecting) as sock:
            assert sock.getpeername()[1] == server.port
            timeout_s = sock.gettimeout()
            assert timeout_s is not None
            assert 0 < timeout_s <= 0.5

    with silent_port() as silent, ScriptedServer(lambda peer: peer.until_gone()) as server:
        places_at(monkeypatch, silent, server.port)
        connect()
        connect()
        assert len(tried) == 3


def test_without_an_address_that_answers_the_deadline_ends_the_trying(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with silent_port() as silent:
        places_at(monkeypatch, silent, silent)
        with pytest.raises(TimeoutError, match="no connection to"):
            dial(HOST, PORT, 0.05, Resolver())


def test_a_shutdown_ends_what_is_being_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(sock: socket.socket) -> None:
        threading.Thread(target=sock.shutdown, args=(socket.SHUT_RDWR,)).start()

    with silent_port() as silent:
        places_at(monkeypatch, silent)
        with pytest.raises(ConnectionError):
            dial(HOST, PORT, WAIT_S, Resolver(), connecting=shut)
