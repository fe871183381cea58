"""What the service manager hears, over a real datagram socket."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.board import BoardSnapshot, DeskReported, LegReport
from cli.notices import Notices, status_line
from cli.notify import Notifier, one_line
from cli.progress import Progress
from supervision.states import ChildState, StatusMessage
from tests.support.supervision_live import BOUND_S, Stage, hang
from trading.desk import Phase

WATCHDOG_S = 20.0


class Manager:
    """The service manager's end: a bound datagram socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.setblocking(False)

    def heard(self) -> list[dict[str, str]]:
        """Every message so far; a datagram is there as soon as it is sent."""
        messages: list[dict[str, str]] = []
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except BlockingIOError:
                return messages
            messages.append(dict(line.split("=", 1) for line in text.split("\n")))

    def fields(self) -> list[str]:
        """The names of the fields of every message so far, in order."""
        return [name for message in self.heard() for name in message]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


class Said:
    """Notices to a manager, with a clock and a progress that the test decides about."""

    def __init__(self, manager: Manager, watchdog_s: float | None = WATCHDOG_S) -> None:
        self.now_s = 1000.0
        self.stuck: tuple[str, ...] = ()
        self.looked_since: list[float] = []
        notifier = Notifier(manager.address, watchdog_s)
        self.notices = Notices(notifier, self._stalled, lambda: self.now_s)

    def _stalled(self, since_s: float) -> tuple[str, ...]:
        self.looked_since.append(since_s)
        return self.stuck

    def after(self, seconds: float, snapshot: BoardSnapshot | None) -> None:
        self.now_s += seconds
        self.notices.observe(snapshot)


def board(
    *ready: bool, statuses: tuple[StatusMessage, ...] = (), phase: Phase = Phase.IDLE
) -> BoardSnapshot:
    legs = tuple(
        LegReport(leg=leg, venue=venue, symbol="ETH", position=Decimal(0), ready=is_ready)
        for leg, venue, is_ready in zip(
            ("primary", "hedge"), ("backpack", "grvt"), ready, strict=True
        )
    )
    desk = DeskReported(
        desk="eth", phase=phase, cycle=7, finished=6, planned=20, halted="", legs=legs,
        naked_since_s=None,
    )  # fmt: skip
    return BoardSnapshot(statuses, (desk,), (), 0, ())


READY = board(True, True)


# -- the socket ---------------------------------------------------------------------------------


def test_without_a_socket_nothing_happens() -> None:
    notifier = Notifier.from_environment({})
    assert not notifier.active
    assert notifier.send({"READY": "1"})


def test_an_abstract_socket_is_an_address_too() -> None:
    manager = Manager(f"@ketch-test-{os.getpid()}")
    assert Notifier.from_environment({"NOTIFY_SOCKET": manager.address}).send({"READY": "1"})
    assert manager.heard() == [{"READY": "1"}]
    manager.socket.close()


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path", "/", "@"])
def test_an_address_that_we_do_not_speak_counts_as_none(address: str) -> None:
    assert not Notifier.from_environment({"NOTIFY_SOCKET": address}).active


@pytest.mark.parametrize("address", ["/nowhere/notify", f"/{'x' * 300}"])
def test_a_manager_that_is_not_there_raises_nothing(address: str) -> None:
    assert not Notifier(address).send({"READY": "1"})


def test_a_full_socket_does_not_block_and_the_message_can_be_sent_later(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    assert any(not notifier.send({"STATUS": str(count)}) for count in range(100_000))
    manager.heard()
    assert notifier.send({"READY": "1"})


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "42"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(
    environ: dict[str, str], watchdog_s: float | None
) -> None:
    assert Notifier.from_environment(environ, pid=42).watchdog_s == watchdog_s


def test_a_status_is_one_printable_line_of_bounded_length() -> None:
    assert one_line("halted:\nREADY=1\x1b[0m\t  x") == "halted: READY=1 [0m x"
    assert len(one_line("x" * 9999)) == 400


# -- what is said, and when ---------------------------------------------------------------------


@pytest.mark.parametrize("ready", [(False, False), (True, False), (False, True)])
def test_it_is_not_ready_until_both_venues_are(manager: Manager, ready: tuple[bool, bool]) -> None:
    said = Said(manager)
    said.after(1, None)
    said.after(1, board(*ready))
    assert "READY" not in manager.fields()
    said.after(1, READY)
    assert manager.fields()[0] == "READY"


def test_ready_is_said_once_also_when_a_venue_is_lost_and_comes_back(manager: Manager) -> None:
    said = Said(manager)
    for snapshot in (READY, board(True, False), READY):
        said.after(1, snapshot)
    assert manager.fields().count("READY") == 1


def test_what_a_full_socket_did_not_take_is_said_at_the_next_look(manager: Manager) -> None:
    flood = Notifier(manager.address)
    while flood.send({"STATUS": "x"}):
        pass
    said = Said(manager)
    said.after(1, READY)
    manager.heard()
    said.after(0, READY)
    assert manager.heard() == [
        {"READY": "1", "STATUS": "eth idle, cycle 7, finished 6 of 20, net 0; "
         "backpack ready; grvt ready"}
    ]  # fmt: skip


def test_the_status_is_repeated_only_when_it_changes_and_at_most_once_a_second(
    manager: Manager,
) -> None:
    said = Said(manager)
    said.after(1, READY)
    said.after(2, READY)
    said.after(0, board(True, True, phase=Phase.OPENING))
    said.after(0.2, board(True, True, phase=Phase.HOLDING))
    said.after(0.9, board(True, True, phase=Phase.CLOSING))
    statuses = [m["STATUS"] for m in manager.heard() if "STATUS" in m]
    assert [text.split(",")[0] for text in statuses] == ["eth idle", "eth opening", "eth closing"]


def test_the_status_names_what_keeps_a_venue_from_working() -> None:
    down = (
        StatusMessage(name="grvt/market", epoch=1, state=ChildState.WAITING),
        StatusMessage(name="grvt/trading", epoch=4, state=ChildState.OPEN),
    )
    line = status_line(board(True, False, statuses=down), 0.0)
    assert line.endswith("backpack ready; grvt not ready: trading open")


def test_the_status_tells_a_naked_and_halted_desk() -> None:
    desk = READY.desks[0]
    legs = (msgspec.structs.replace(desk.legs[0], position=Decimal("0.5")), desk.legs[1])
    naked = msgspec.structs.replace(desk, legs=legs, naked_since_s=90.0, halted="both ways blocked")
    line = status_line(msgspec.structs.replace(READY, desks=(naked,)), 93.0)
    assert "net +0.5 naked for 3 s, halted: both ways blocked" in line


def test_the_status_tells_what_a_desk_waits_for() -> None:
    desk = READY.desks[0]
    legs = (msgspec.structs.replace(desk.legs[0], position=Decimal("0.5")), desk.legs[1])
    found = msgspec.structs.replace(desk, legs=legs, phase=Phase.HALTED, halted="expected flat")
    line = status_line(msgspec.structs.replace(READY, desks=(found,)), 93.0)
    assert "waits for ketch adopt, flatten or ignore, halted: expected flat" in line


def test_a_reload_is_announced_and_its_end_too(manager: Manager) -> None:
    said = Said(manager)
    said.after(1, READY)
    manager.heard()
    with said.notices.reloading():
        begun = manager.heard()
    assert begun[0]["RELOADING"] == "1"
    assert int(begun[0]["MONOTONIC_USEC"]) > 0
    assert manager.heard() == [{"READY": "1"}]


def test_a_reload_before_it_is_ready_does_not_claim_that_it_is(manager: Manager) -> None:
    said = Said(manager)
    with said.notices.reloading():
        pass
    assert manager.heard() == []


def test_a_reload_that_fails_ends_as_well(manager: Manager) -> None:
    said = Said(manager)
    said.after(1, READY)
    with pytest.raises(OSError, match="disk"), said.notices.reloading():
        raise OSError("disk")
    assert manager.heard()[-1] == {"READY": "1"}


def test_a_stop_is_announced_once_and_asks_for_time_while_it_progresses(manager: Manager) -> None:
    said = Said(manager, watchdog_s=None)
    said.after(1, READY)
    manager.heard()
    said.notices.stopping("unwinding")
    said.notices.stopping("the actors end")
    said.after(11, READY)
    first, second = manager.heard()
    assert first == {
        "STOPPING": "1", "STATUS": "stopping: unwinding", "EXTEND_TIMEOUT_USEC": "60000000",
    }  # fmt: skip
    assert second["EXTEND_TIMEOUT_USEC"] == "60000000"
    assert second["STATUS"].startswith("stopping: eth idle")


def test_a_stop_before_it_was_ready_never_says_ready(manager: Manager) -> None:
    said = Said(manager)
    said.notices.stopping("asked to")
    said.after(1, READY)
    assert "READY" not in manager.fields()


def test_a_start_that_progresses_gets_more_time_and_one_that_hangs_does_not(
    manager: Manager,
) -> None:
    said = Said(manager, watchdog_s=None)
    said.after(11, board(True, False))
    assert "EXTEND_TIMEOUT_USEC" in manager.fields()
    said.stuck = ("grvt/orders",)
    said.after(11, board(True, False))
    assert "EXTEND_TIMEOUT_USEC" not in manager.fields()


# -- the watchdog -------------------------------------------------------------------------------


def test_the_watchdog_is_fed_at_half_its_time(manager: Manager) -> None:
    said = Said(manager)
    for _ in range(41):
        said.after(1, READY)
    assert manager.fields().count("WATCHDOG") == 4


def test_the_watchdog_starves_while_somebody_is_stuck_and_the_status_says_who(
    manager: Manager,
) -> None:
    said = Said(manager)
    said.after(10, READY)
    manager.heard()
    said.stuck = ("eth/coordinator",)
    for _ in range(30):
        said.after(1, READY)
    messages = manager.heard()
    assert not any("WATCHDOG" in message for message in messages)
    assert messages[-1]["STATUS"].startswith("no progress in eth/coordinator; eth idle")
    assert set(said.looked_since[1:]) == {1010.0}, "progress is measured from the last feed"
    said.stuck = ()
    said.after(1, READY)
    assert "WATCHDOG" in manager.fields()


def test_a_board_that_does_not_answer_feeds_nobody(manager: Manager) -> None:
    said = Said(manager)
    said.now_s += 11
    said.notices.observe(READY, board_hangs=True)
    assert "WATCHDOG" not in manager.fields()


def test_no_timer_feeds_a_watchdog_that_nobody_set(manager: Manager) -> None:
    said = Said(manager, watchdog_s=None)
    said.after(1, READY)
    said.after(100, READY)
    assert said.looked_since == []
    assert manager.fields() == ["READY", "STATUS"]


def test_an_actor_that_hangs_starves_the_watchdog_and_feeds_it_when_it_goes_on(
    manager: Manager,
) -> None:
    stage, entered, go_on = Stage(), threading.Event(), threading.Event()
    with stage.tree(stage.spec("orders")) as root:
        stage.wait("orders", ChildState.RUNNING)
        later_s = 0.0
        notices = Notices(
            Notifier(manager.address, WATCHDOG_S),
            Progress(root, stage.directory, ("orders",)).stalled,
            lambda: time.monotonic() + later_s,
        )
        stage.tell("orders", hang(entered, go_on))
        assert entered.wait(BOUND_S)
        fed = []
        for _ in range(3):
            later_s += WATCHDOG_S
            notices.observe(READY)
            fed.append("WATCHDOG" in manager.fields())
        assert fed == [True, False, False], "its message began after the first look"
        go_on.set()
        stage.ask("orders", lambda puppet: None)
        notices.observe(READY)
        assert "WATCHDOG" in manager.fields()
