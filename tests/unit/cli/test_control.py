"""The operator's side of the control socket: finding the service, what commands say, exit codes."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from actors import control_schema as schema
from actors.board import DeskReported, LegReport
from actors.control_socket import listen
from actors.coordinator import FlattenDesk, FlattenFound
from actors.orders_outbox import VenuePositions
from cli import control
from cli.exits import CommandFailed
from main import ketch
from supervision.spec import SupervisorSpec
from supervision.states import ChildState
from tests.support.console import BOUND_S, Desk, console
from tests.support.supervision_live import Stage
from trading.desk import Phase
from venues.model import Position


def run(desk: Desk | Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command that is pointed at a socket."""
    path = desk.path if isinstance(desk, Desk) else desk
    outcome = CliRunner().invoke(ketch, [*arguments, "--socket", str(path)])
    if isinstance(outcome.exception, CommandFailed):
        return outcome.exception.code, str(outcome.exception)
    return outcome.exit_code, outcome.output


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    orders = SupervisorSpec("grvt", (Stage().spec("orders"),))
    with console(tmp_path / "control.sock", orders) as running:
        yield running


def grvt_holds(size: str) -> VenuePositions:
    held = Position(venue="grvt", symbol="X", size=Decimal(size))
    return VenuePositions("grvt", (held,))


def when_told(desk: Desk, order: type, *news: object) -> None:
    """At that order the board hears this."""

    def hear(message: object) -> None:
        for one in news if isinstance(message, order) else ():
            desk.tell_board(one)

    desk.on_told = hear


@contextmanager
def answering(path: Path, script: Callable[[socket.socket], object]) -> Iterator[None]:
    """Something that listens at ``path`` and does ``script`` with its first connection."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            script(connection)

    with listen(path) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(BOUND_S)


def reported(size: str, phase: Phase, *, paused: bool) -> DeskReported:
    leg = LegReport(leg="primary", venue="grvt", symbol="X", position=Decimal(size), ready=True)
    return DeskReported(
        desk="eth", phase=phase, cycle=1, finished=0, planned=None, halted="",
        legs=(leg,), naked_since_s=None, paused=paused,
    )  # fmt: skip


# -- finding the service ---------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No service of this machine is in sight."""
    monkeypatch.setattr(control, "_SERVICES", tmp_path / "run")
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "STATE_DIRECTORY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_without_a_service_the_code_is_3(bare: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        control.find(None)
    assert caught.value.code == 3
    assert "no ketch is running" in str(caught.value)


@pytest.mark.parametrize(
    "place",
    ["run/ketch/control.sock", "run/ketch/btc/control.sock", "run/ketch-btc/control.sock",
     "state/ketch/paper/control.sock", "state/ketch/live/control.sock"],
)  # fmt: skip
def test_the_one_service_that_runs_is_found_wherever_it_is(bare: Path, place: str) -> None:
    listen(bare / "state" / "ketch" / "paper" / "control.sock").close()  # of a dead one
    with listen(bare / place):
        assert control.find(None).path == bare / place


def test_a_users_service_is_found(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(bare / "user"))
    with listen(bare / "user" / "ketch" / "paper.sock"):
        assert control.find(None).path == bare / "user" / "ketch" / "paper.sock"


def test_of_several_services_one_has_to_be_chosen(bare: Path) -> None:
    first, second = (bare / "state" / "ketch" / mode / "control.sock" for mode in ("paper", "live"))
    with listen(first), listen(second):
        with pytest.raises(CommandFailed) as caught:
            control.find(None)
        assert control.find(second).path == second
    assert caught.value.code == 2
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


# -- exit codes ------------------------------------------------------------------------------------

EVERY = [
    ("status",), ("tree",), ("start", "x"), ("stop", "x"), ("restart", "x"), ("reset", "x"),
    ("pause",), ("resume",), ("flatten",), ("adopt",), ("ignore",), ("stop",), ("reload",),
]  # fmt: skip


@pytest.mark.parametrize("command", EVERY)
def test_every_command_ends_with_3_when_the_service_does_not_run(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    code, said = run(tmp_path / "control.sock", *command)
    assert (code, said) == (3, f"no ketch is running at {tmp_path / 'control.sock'}")


@pytest.mark.parametrize("command", [("status",), ("restart", "x"), ("pause",), ("reload",)])
def test_a_service_that_ends_while_it_is_asked_is_not_running(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "control.sock"
    with answering(path, lambda connection: connection.recv(1)):
        code, said = run(path, *command)
    assert code == 3
    assert "ended while it was asked" in said


def test_what_is_no_ketch_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    def greet(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with answering(path, greet):
        code, said = run(path, "status")
    assert code == 1
    assert "another version" in said


@pytest.mark.parametrize(("status", "code"), [(503, 1), (504, 5)])
def test_a_request_that_was_not_served_says_why_and_whether_it_may_still_happen(
    tmp_path: Path, status: int, code: int
) -> None:
    path = tmp_path / "control.sock"
    body = msgspec.json.encode(schema.Error(error="x", detail="the service is starting"))

    def refuse(connection: socket.socket) -> None:
        connection.recv(65_536)
        head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        connection.sendall(head + body)

    with answering(path, refuse):
        assert run(path, "status") == (code, "refused: the service is starting")


@pytest.mark.parametrize(
    "command", [("restart",), ("stop", "--drain", "--flatten"), ("stop", "x", "--drain"),
                ("stop", "--force"), ("nope",)],
)  # fmt: skip
def test_wrong_usage_ends_with_2(desk: Desk, command: tuple[str, ...]) -> None:
    assert run(desk, *command)[0] == 2
    assert desk.control.stopped == []


# -- the commands ----------------------------------------------------------------------------------


def test_status_is_for_people_or_one_document(desk: Desk) -> None:
    desk.tell_board(reported("0.5", Phase.HOLDING, paused=False))
    code, page = run(desk, "status")
    assert code == 0
    assert "eth: holding" in page
    code, document = run(desk, "status", "--json")
    assert (code, msgspec.json.decode(document)["schema"]) == (0, "ketch.status/1")


def test_tree_is_for_people_or_one_document(desk: Desk) -> None:
    code, page = run(desk, "tree")
    assert code == 0
    assert "└── console" in page
    _, document = run(desk, "tree", "--json")
    assert msgspec.json.decode(document)["schema"] == "ketch.tree/1"


def test_a_verb_that_is_carried_out_ends_with_0(desk: Desk) -> None:
    assert run(desk, "restart", "board") == (0, "restart board: done\n")
    desk.stage.wait("board", ChildState.RUNNING, 2)


def test_a_verb_that_is_refused_ends_with_1_and_says_why(desk: Desk) -> None:
    code, said = run(desk, "start", "board")
    assert (code, said) == (1, "start board: refused: it is started already\n")
    code, said = run(desk, "restart", "grvt/nope", "--json")
    assert (code, msgspec.json.decode(said)["outcome"]) == (1, "not_found")


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_a_desk_with_a_leg_open_is_not_taken_down_without_force(desk: Desk, verb: str) -> None:
    desk.tell_board(reported("0.5", Phase.HOLDING, paused=False))
    text = (
        f"{verb} eth: refused: eth is holding in cycle 1 and holds primary grvt X +0.5: "
        "ketch pause eth lets the cycle end as planned, ketch flatten eth closes it now; "
        "--force does it all the same\n"
    )
    assert run(desk, verb, "eth") == (1, text)
    code, document = run(desk, verb, "eth/coordinator", "--json")
    assert (code, msgspec.json.decode(document)["outcome"]) == (1, "not_at_rest")
    assert run(desk, verb, "eth", "--force") == (0, f"{verb} eth: done\n")


def test_the_help_of_stop_says_what_a_path_is_and_what_is_for_desks(desk: Desk) -> None:
    said = " ".join(run(desk, "stop", "--help")[1].split())
    assert "PATH is a name of ketch tree" in said
    assert "use ketch pause DESK or ketch flatten DESK" in said


def test_a_desk_is_paused_and_resumed(desk: Desk) -> None:
    assert run(desk, "pause", "eth") == (0, "pause eth: done\n")
    assert run(desk, "resume") == (0, "resume eth: done\n")
    code, said = run(desk, "pause", "sol")
    assert (code, said) == (1, "pause sol: no such desk (desks: eth)\n")


def test_flatten_ends_when_the_venues_have_been_read_to_hold_nothing(desk: Desk) -> None:
    desk.tell_board(grvt_holds("0"))  # of before the order: proves nothing
    when_told(desk, FlattenDesk, reported("0", Phase.IDLE, paused=True), grvt_holds("0"))
    assert run(desk, "flatten") == (0, "flatten eth: flat, and paused\n")


def test_flatten_says_what_is_left_at_the_venues(desk: Desk) -> None:
    when_told(desk, FlattenDesk, reported("0", Phase.IDLE, paused=True), grvt_holds("0.3"))
    code, said = run(desk, "flatten")
    assert code == 7
    assert said == "flatten eth: NOT flat: this is left at the venues (grvt X +0.3)\n"


def test_flatten_that_nobody_confirms_claims_nothing(desk: Desk) -> None:
    desk.tell_board(reported("0", Phase.IDLE, paused=True))
    code, said = run(desk, "flatten", "--timeout", "0.2")
    assert code == 5
    assert "the positions of grvt have not been read since" in said


def test_flatten_of_what_a_desk_has_found_ends_when_that_is_closed(desk: Desk) -> None:
    found = reported("0.5", Phase.HALTED, paused=False)
    closed = reported("0", Phase.HALTED, paused=True)
    desk.tell_board(msgspec.structs.replace(found, halted="the venues hold 0.5"))
    known = msgspec.structs.replace(closed, halted="closed, as told")
    when_told(desk, FlattenFound, known, grvt_holds("0"))
    assert run(desk, "flatten") == (0, "flatten eth: flat, and paused\n")


def test_what_was_found_is_explained_once_and_a_desk_without_says_so(desk: Desk) -> None:
    found = reported("0.5", Phase.HALTED, paused=False)
    desk.tell_board(msgspec.structs.replace(found, halted="the venues hold 0.5"))
    code, said = run(desk, "resume")
    assert code == 1
    assert "ketch adopt, flatten or ignore" in said
    assert run(desk, "adopt", "eth") == (0, "adopt eth: done\n")
    desk.tell_board(reported("0.5", Phase.UNWINDING, paused=False))
    code, said = run(desk, "ignore", "eth")
    assert code == 1
    assert "nothing that it can't explain" in said


@pytest.mark.parametrize(
    "report",
    [
        reported("0.5", Phase.CLOSING, paused=True),
        reported("0", Phase.SETTLING, paused=True),
        reported("0", Phase.IDLE, paused=False),
    ],
)
def test_flatten_that_takes_too_long_ends_with_5(desk: Desk, report: DeskReported) -> None:
    desk.tell_board(report)
    code, said = run(desk, "flatten", "--timeout", "0.1")
    assert code == 5
    assert "it goes on trying" in said


def test_stop_that_takes_too_long_ends_with_5(desk: Desk) -> None:
    code, said = run(desk, "stop", "--drain", "--timeout", "0.1")
    assert (code, desk.control.stopped) == (5, ["drain"])
    assert "still stopping (drain)" in said


@pytest.mark.parametrize(
    ("end", "code", "text"),
    [
        (schema.StopDone(how="flatten"), 0, "stopped (flatten)\n"),
        (
            schema.StopDone(how="cancel", outcome="left", left=("eth primary grvt X +0.5",)),
            7,
            "stopped (cancel); this is left, or may be:\n  eth primary grvt X +0.5\n",
        ),
    ],
)
def test_stop_waits_for_the_end_of_the_process_and_says_what_is_left(
    tmp_path: Path, end: schema.StopDone, code: int, text: str
) -> None:
    assert stopped(tmp_path / "control.sock", f"--{end.how}", (end,)) == (code, text)


def test_a_stop_that_takes_its_time_is_asked_for_again(tmp_path: Path) -> None:
    slow = schema.StopDone(how="drain", outcome="timeout")
    answers = (slow, slow, schema.StopDone(how="drain"))
    told = stopped(tmp_path / "control.sock", "--drain", answers)
    assert told == (0, "stopped (drain)\n")


def test_of_a_service_that_goes_without_a_word_nothing_is_claimed(tmp_path: Path) -> None:
    slow = schema.StopDone(how="flatten", outcome="timeout")
    code, said = stopped(tmp_path / "control.sock", "--flatten", (slow,))
    assert code == 7
    assert "look at both venues" in said


def stopped(path: Path, how: str, answers: tuple[schema.StopDone, ...]) -> tuple[int, str]:
    """What ``ketch stop`` says of a process that gives these answers and ends."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with listen(path) as listener:
            os.write(writing, b"!")
            listener.accept()  # who asks which process this is
            for answer in map(msgspec.json.encode, answers):
                connection, _ = listener.accept()
                connection.recv(65_536)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
                connection.sendall(head + answer)
                connection.close()
            os._exit(0)
    os.read(reading, 1)
    told = run(path, "stop", how)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    return told


def test_reload_says_what_applied_and_what_needs_a_restart(desk: Desk) -> None:
    desk.control.reload_answer = schema.ReloadDone(
        outcome="applied",
        applied=(schema.Change(path="supervision.a", running="1", configured="2"),),
        needs_restart=(schema.Change(path="desks.eth.size", running="0.5", configured="1"),),
    )
    code, said = run(desk, "reload")
    assert code == 0
    assert said.splitlines() == [
        "applied", "  supervision.a: 1 → 2", "needs a restart", "  desks.eth.size: 0.5 → 1",
    ]  # fmt: skip


def test_a_reload_of_a_wrong_configuration_ends_with_78(desk: Desk) -> None:
    errors = ("my.yaml:3: unknown key",)
    desk.control.reload_answer = schema.ReloadDone(outcome="invalid", errors=errors)
    code, said = run(desk, "reload")
    assert code == 78
    assert "nothing was applied" in said
    assert "my.yaml:3: unknown key" in said
