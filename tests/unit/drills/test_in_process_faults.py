"""Faults within the service's process, and a host that becomes somebody else's."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from drills.impostor import HOST, Impostor
from drills.in_process_faults import NAMED, Clock, Names, Parts, Trouble

BOUND_S = 10.0


class Part:
    """An actor, as far as its name goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.beaten = threading.Event()

    def beat(self) -> None:
        self.beaten.set()


class Submit:
    """A message."""


def handled(_part: object, message: object) -> object:
    return message


@pytest.fixture
def parts() -> Parts:
    return Parts(handled)


def test_a_clock_that_jumped_is_wrong_until_it_is_set_again() -> None:
    clock = Clock(lambda: 10**9)
    clock.jump(3600)
    assert (clock.time_ns(), clock.time()) == (3601 * 10**9, 3601.0)
    clock.jump(0)
    assert clock.time_ns() == 10**9


@pytest.mark.parametrize("how", ["fails", "unknown"])
def test_only_the_name_is_lost(how: str) -> None:
    names = Names(lambda host, *_: host)
    names.fail(how)
    with pytest.raises(socket.gaierror):
        names.look_up(NAMED, 80)
    assert names.look_up(HOST, 80) == HOST
    names.heal()
    assert names.look_up(NAMED, 80) == HOST


def test_a_name_server_that_hangs_answers_once_it_is_there_again() -> None:
    names = Names(lambda host, *_: host)
    names.fail("hangs")
    asking = threading.Thread(target=names.look_up, args=(NAMED, 80), daemon=True)
    asking.start()
    names.heal()
    asking.join(BOUND_S)
    assert not asking.is_alive()


def test_a_part_dies_of_its_next_message_of_that_kind_and_of_no_other(parts: Parts) -> None:
    parts.want("dies", "grvt/orders", "Submit")
    for part, message in (("grvt/orders", 1), ("backpack/orders", Submit())):
        parts.receive(Part(part), message)  # type: ignore[arg-type]
    with pytest.raises(Trouble):
        parts.receive(Part("grvt/orders"), Submit())  # type: ignore[arg-type]
    parts.receive(Part("grvt/orders"), Submit())  # type: ignore[arg-type]


def test_a_part_that_hangs_is_seen_to_be_busy_and_goes_on_when_it_is_let_go(parts: Parts) -> None:
    part = Part("grvt")
    parts.want("hangs", "grvt", "Submit")
    hanging = threading.Thread(
        target=parts.receive, args=(part, Submit()), daemon=True
    )  # fmt: skip
    hanging.start()
    assert part.beaten.wait(BOUND_S)  # so that whoever looks after it sees that it is busy
    parts.let_go()
    hanging.join(BOUND_S)
    assert not hanging.is_alive()


def test_a_host_that_is_somebody_else_is_told_nothing_by_who_looks(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as behind:
        with Impostor(behind.getsockname()[1], tmp_path) as impostor:
            context = ssl.create_default_context(cafile=str(impostor.certificate))
            with (
                socket.create_connection((HOST, impostor.port), BOUND_S) as true,
                context.wrap_socket(true, server_hostname=HOST) as told,
            ):
                told.sendall(b"hello")
                with behind.accept()[0] as heard:
                    assert heard.recv(16) == b"hello"
            impostor.deceive(on=True)
            false = socket.create_connection((HOST, impostor.port), BOUND_S)
            with false, pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(false, server_hostname=HOST)
        assert (impostor.deceived, impostor.stolen) == (1, 0)
