"""The console as an operator's program meets it: a real unix socket, a real supervised tree."""

from __future__ import annotations

import os
import socket
import threading
from http import HTTPStatus
from pathlib import Path

import pytest

from actors.control_http import Answer, ControlServer, Request, refusal
from actors.control_socket import connect, listen
from supervision.policy import Breaker, Strategy
from supervision.spec import SupervisorSpec
from supervision.states import ChildState
from tests.support.console import BOUND_S, REPORT, Desk, console, console_threads, read_all

MALFORMED = [
    b"\r\n\r\n",
    b"hello\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /v1/status\r\n\r\n",
    b"GET /v1/status HTTP/x.y\r\n\r\n",
    b"GET /v1/status HTTP/2.0\r\n\r\n",
    b"PUT /v1/status HTTP/1.1\r\n\r\n",
    b"POST /v1/stop-service HTTP/1.1\r\n\r\n",
    b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
    b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
    b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: 50\r\n\r\n{",
    b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: 1\r\n\r\n{",
    b'POST /v1/stop-service HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"how": "hard"}',
    b'POST /v1/stop-service HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"a": 1} ',
    b"POST /v1/restart HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    b"\x00\xff\xfe binary \r\n\r\n",
    b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET /v1/status HTTP/1.1\r\n" + b"X: " + b"y" * 80_000 + b"\r\n\r\n",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


# -- who may ask, and how much ---------------------------------------------------------------------


def test_other_users_are_refused_by_what_the_kernel_says_of_them(path: Path) -> None:
    served: list[Request] = []
    listener = listen(path)

    def respond(request: Request) -> Answer:
        served.append(request)
        return refusal(HTTPStatus.NOT_FOUND, "")

    server = ControlServer(listener, respond, frozenset({os.geteuid() + 1}))
    thread = threading.Thread(target=server.serve)
    thread.start()
    with connect(path, BOUND_S) as client:
        answer = read_all(client)
    server.close()
    thread.join(BOUND_S)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert served == []


@pytest.mark.parametrize("request_bytes", MALFORMED)
def test_a_malformed_request_is_refused_and_costs_nothing(path: Path, request_bytes: bytes) -> None:
    with console(path) as desk:
        answer = desk.raw(request_bytes)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer[:100]
        assert b"HTTP/1.1 200" not in answer
        assert b"Traceback" not in answer
        assert desk.control.stopped == []
        assert desk.status().actors[-1].epoch == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/status HTTP/x.y\r\n\r\n", 400),
        (b"POST /v1/stop-service HTTP/1.1\r\n\r\n", 411),
        (b"POST /v1/stop-service HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"GET /v1/status HTTP/1.1\r\nX: " + b"y" * 80_000 + b"\r\n\r\n", 431),
        (b"PUT /v1/status HTTP/1.1\r\n\r\n", 501),
        (b"GET /v1/status HTTP/2.0\r\n\r\n", 505),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_its_status(
    path: Path, request_bytes: bytes, status: int
) -> None:
    with console(path) as desk:
        assert desk.raw(request_bytes).startswith(b"HTTP/1.1 %d " % status)


def test_a_request_that_trickles_is_cut_off_at_its_deadline(path: Path) -> None:
    listener = listen(path)
    server = ControlServer(
        listener,
        lambda _: refusal(HTTPStatus.NOT_FOUND, ""),
        frozenset({os.geteuid()}),
        request_s=0.05,
    )
    thread = threading.Thread(target=server.serve)
    thread.start()
    with connect(path, BOUND_S) as client:
        client.sendall(b"GET /v1/status HTT")
        answer = read_all(client)
    server.close()
    thread.join(BOUND_S)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_idle_connections_neither_block_others_nor_grow_without_bound(path: Path) -> None:
    with console(path) as desk:
        idle = [connect(path, BOUND_S) for _ in range(8)]
        try:
            refused = desk.raw(b"")
        finally:
            for connection in idle:
                connection.close()
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert console_threads() == []


def test_two_clients_are_served_at_once(path: Path) -> None:
    waiting, go_on = threading.Event(), threading.Event()
    with console(path) as desk:

        def slow() -> None:
            waiting.set()
            assert go_on.wait(BOUND_S)

        desk.control.on_reload = slow
        answers: list[object] = []
        first = threading.Thread(target=lambda: answers.append(desk.ask("POST", "/v1/reload", {})))
        first.start()
        assert waiting.wait(BOUND_S)
        assert desk.ask("GET", "/v1/status")[0] == 200
        assert answers == []
        go_on.set()
        first.join(BOUND_S)
        assert answers
        assert answers[0][0] == 200  # type: ignore[index]


def test_unknown_addresses_and_wrong_methods_are_said_to_be(path: Path) -> None:
    with console(path) as desk:
        assert desk.ask("GET", "/v2/status")[0] == 404
        code, answer = desk.ask("GET", "/v1/restart")
    assert (code, answer["schema"]) == (405, "ketch.error/1")
    assert answer["detail"] == "/v1/restart takes POST"


def test_a_fault_while_answering_costs_that_answer_alone(path: Path) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret")

    with console(path) as desk:
        desk.control.on_reload = broken
        code, answer = desk.ask("POST", "/v1/reload", {})
        assert desk.status().actors[-1].epoch == 1
    assert (code, answer["detail"]) == (500, "ZeroDivisionError; the log says more")


def test_a_console_that_stops_leaves_no_file_and_no_thread(path: Path) -> None:
    with console(path):
        assert path.exists()
    assert not path.exists()
    assert console_threads() == []


def test_a_console_can_be_restarted_through_itself(path: Path) -> None:
    with console(path) as desk:
        code, answer = desk.ask("POST", "/v1/restart", {"path": "console"})
        assert (code, answer["outcome"]) == (200, "ok")
        desk.stage.wait("console", ChildState.RUNNING, 2)
        assert desk.tree()["console"].epoch == 2


def test_a_console_that_can_not_have_its_socket_takes_nothing_else_down(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with console(blocked / "control.sock") as desk:
        assert desk.stage.wait("console", ChildState.BACKING_OFF).kind == "start_failed"
        status = desk.stage.directory.status("board")
        assert status is not None
        assert status.state is ChildState.RUNNING


# -- what it tells ---------------------------------------------------------------------------------


def test_status_tells_phase_legs_exposure_and_since_when(path: Path) -> None:
    with console(path) as desk:
        desk.tell_board(REPORT)
        _, answer = desk.ask("GET", "/v1/status")
    shown = answer["desks"][0]
    assert answer["schema"] == "ketch.status/1"
    assert (shown["phase"], shown["cycle"], shown["paused"], shown["settled"]) == (
        "holding", 7, True, False,
    )  # fmt: skip
    assert shown["legs"][1] == {
        "leg": "hedge", "venue": "grvt", "symbol": "H", "position": "-0.3", "ready": False,
        "outside": "0",
    }  # fmt: skip
    assert shown["net"] == "0.2"
    assert shown["naked_s"] > 0
    assert answer["at"].endswith("Z")
    assert shown["since"].endswith("Z")


def test_a_venue_is_ready_when_every_leg_there_says_so(path: Path) -> None:
    def venue(desk: Desk, name: str) -> SupervisorSpec:
        return SupervisorSpec(name, (desk.stage.spec("orders"),))

    stage = Desk(path)
    with console(path, venue(stage, "grvt"), venue(stage, "backpack")) as desk:
        assert [v.ready for v in desk.status().venues] == [None, None]
        desk.tell_board(REPORT)
        assert {v.venue: v.ready for v in desk.status().venues} == {"grvt": False, "backpack": True}


def test_status_is_served_while_the_board_is_down(path: Path) -> None:
    with console(path) as desk:
        desk.ask("POST", "/v1/stop", {"path": "board"})
        desk.stage.wait("board", ChildState.STOPPED)
        status = desk.status()
    assert (status.board, status.desks) == (False, ())
    assert "board" in {node.name for node in status.actors}


def test_the_tree_holds_supervisors_too_in_start_order_with_depths(path: Path) -> None:
    stage = Desk(path).stage
    venue = SupervisorSpec(
        "grvt", (stage.spec("orders"), stage.spec("trading")), strategy=Strategy.REST_FOR_ONE
    )
    with console(path, venue) as desk:
        nodes = desk.tree()
    assert list(nodes) == [
        "root", "board", "grvt", "grvt/orders", "grvt/trading", "eth", "eth/coordinator", "console",
    ]  # fmt: skip
    assert (nodes["grvt"].type, nodes["grvt"].strategy) == ("supervisor", "rest_for_one")
    assert [nodes[name].depth for name in ("root", "grvt", "grvt/trading")] == [0, 1, 2]


def test_the_tree_tells_counts_retry_and_the_last_failure_even_after_recovery(path: Path) -> None:
    stage = Desk(path).stage
    broken = stage.spec("feed", breaker=Breaker(failure_threshold=1, reset_timeout=600))
    flaky = stage.spec("rest")
    with console(path, broken, flaky) as desk:
        assert desk.control.root is not None
        desk.control.root.kill("feed")
        desk.stage.wait("feed", ChildState.OPEN)
        desk.control.root.kill("rest")
        desk.stage.wait("rest", ChildState.RUNNING, 2)
        nodes = desk.tree()
    feed, rest = nodes["feed"], nodes["rest"]
    assert (feed.state, feed.failures_in_a_row, feed.breaker_openings) == ("open", 1, 1)
    assert feed.retry_in_s is not None
    assert 590 < feed.retry_in_s <= 660
    assert feed.last_failure is not None
    assert "killed on request" in feed.last_failure.detail
    assert (rest.state, rest.epoch, rest.failures_in_a_row) == ("running", 2, 1)
    assert rest.last_failure is not None
    assert rest.last_failure.kind == "error"


def test_a_connection_that_says_nothing_is_let_go_when_the_console_stops(path: Path) -> None:
    with console(path), socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(path))
    assert console_threads() == []
