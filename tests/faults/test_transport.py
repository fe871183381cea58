"""Faults 1 to 3: what networks do to connections."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from drills.impostor import HOST, Impostor
from supervision.states import ChildState
from tests.support.actors_tree import place_of
from tests.support.faults import (
    LEADERS,
    LEGS,
    PRIVATE,
    RESUME_S,
    Scene,
    between,
    scene,
    soak,
    until,
)
from venues.grvt import Endpoints

WIRE = {"grvt": "grvt/trades", "backpack": "backpack/ws"}


@LEADERS
def test_1_half_open_tcp_under_the_private_feed(tmp_path: Path, venue: str, swapped: bool) -> None:
    """The socket goes silent for good as the primary order is accepted; a new one works."""
    with scene(tmp_path, WIRE[venue], swapped=swapped) as the:
        the.arm("blackhole", connection=PRIVATE[venue], for_s=0.5, at=the.at("primary_accept"))
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=5)


@soak
@pytest.mark.parametrize("for_s", [30, 90, 300])
@LEGS
@pytest.mark.timeout(480)
def test_1_nothing_new_gets_through_either(
    tmp_path: Path, venue: str, swapped: bool, for_s: float
) -> None:
    """New sockets of that name go silent too: the venue's other connections are all there is."""
    with scene(tmp_path, WIRE[venue], swapped=swapped) as the:
        the.arm("blackhole", connection=PRIVATE[venue], for_s=for_s, at=the.at("primary_accept"))
        with the.service() as run:
            the.met()
            the.run_on(run, within_s=for_s + RESUME_S)
            the.finish(run)
        dark_s = the.hits_s()[0]
        assert between(the.openings(), dark_s + 4, dark_s + for_s) == []
        # Where GRVT hedges, the hedge goes over REST once the one that was lost is settled.
        the.judged(naked_q_s=3.5 if venue == "grvt" and not swapped else 5)


def test_1_a_hedge_whose_socket_is_gone_takes_the_other_route(tmp_path: Path) -> None:
    with scene(tmp_path, WIRE["grvt"]) as the:
        the.arm("blackhole", connection=PRIVATE["grvt"], for_s=8, at=the.at("primary_accept"))
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3.5)


@pytest.mark.parametrize("venue", ["backpack", "grvt"])
def test_1_nothing_is_opened_while_the_private_feed_is_dark(tmp_path: Path, venue: str) -> None:
    """What the primary filled is read over HTTP meanwhile, and hedged."""
    with scene(tmp_path, WIRE[venue], swapped=venue == "grvt") as the:
        the.arm("blackhole", connection=PRIVATE[venue], for_s=8, at=the.at("primary_accept"))
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        dark_s = the.hits_s()[0]
        assert between(the.openings(), dark_s + 4, dark_s + 8) == []
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("swapped", [True, pytest.param(False, marks=soak)])
def test_2_backpack_answers_an_order_byte_by_byte(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg('backpack')}_recv")
        the.arm("slow", connection="backpack/rest", route="/api/v1/order", method="POST", at=at)
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("swapped", [True, pytest.param(False, marks=soak)])
def test_2_a_frame_of_grvt_comes_byte_by_byte(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, "grvt/trades", swapped=swapped) as the:
        at = the.at(f"{the.leg('grvt')}_accept")
        the.arm("trickle", connection="grvt/trading", bytes_per_s=5, for_s=4, at=at)
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=5)


class Names:
    """A name server for ``*.test``, which are all here, until one of them ``fails``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing = ""
        self.how: OSError | None = None
        self.asked = 0
        self.answers = threading.Event()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def fail(self, host: str, how: OSError | None) -> None:
        """With that error; None: there is no answer until ``heal``."""
        self.failing, self.how = host, how

    def heal(self) -> None:
        self.failing = ""
        self.answers.set()

    def look_up(self, host: str, *rest: Any, **more: Any) -> Any:
        if host == self.failing:
            self.asked += 1
            if self.how is not None:
                raise self.how
            self.answers.wait(RESUME_S)
        return self._real("127.0.0.1" if host.endswith(".test") else host, *rest, **more)


def at_names(the: Scene) -> Endpoints:
    """GRVT's hosts by names of their own."""
    place = place_of(the.process)
    hosts = {
        field: getattr(place, field).replace("127.0.0.1", f"{field}.test".replace("_", "-"))
        for field in ("edge", "trades", "market_data")
    }
    return msgspec.structs.replace(place, **hosts)


NO_ANSWERS: dict[str, OSError | None] = {
    "EAI_AGAIN": socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    "NXDOMAIN": socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    "hangs": None,
}


@pytest.mark.parametrize(
    "how", ["hangs", *(pytest.param(h, marks=soak) for h in ("EAI_AGAIN", "NXDOMAIN"))]
)
@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_3_a_name_that_does_not_resolve_any_more_is_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, swapped: bool
) -> None:
    names = Names(monkeypatch)
    with scene(tmp_path, swapped=swapped) as the, the.service(place=at_names(the)) as run:
        run.wait_cycles(1)
        names.fail("trades.test", NO_ANSWERS[how])
        the.arm("drop", connection="grvt/trading", at=the.at("primary_fill", 1))
        run.wait_status("grvt/trading", ChildState.RUNNING, 2)
        the.run_on(run)
        the.finish(run)
        assert names.asked
        names.heal()
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("host", ["trades", pytest.param("edge", marks=soak)])
def test_3_a_host_that_was_never_found_is_not_traded_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    names = Names(monkeypatch)
    names.fail(f"{host}.test", NO_ANSWERS["NXDOMAIN"])
    with scene(tmp_path) as the, the.service(place=at_names(the)) as run:
        child = "grvt/trading" if host == "trades" else "grvt/session"
        run.wait_status(child, ChildState.BACKING_OFF, 3)
        assert the.openings() == []
        names.heal()
        the.run_on(run)
        the.finish(run)
        the.judged(naked_q_s=5)


@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_3_a_false_certificate_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: bool
) -> None:
    """GRVT's trading host is somebody else as the hedge is due: the other venue flattens."""
    with scene(tmp_path, swapped=swapped) as the:
        place = place_of(the.process)
        with Impostor(urlsplit(place.trades).port or 0, tmp_path) as host:
            monkeypatch.setenv("SSL_CERT_FILE", str(host.certificate))
            place = msgspec.structs.replace(place, trades=f"https://{HOST}:{host.port}")
            with the.service(place=place) as run:
                run.wait_cycles(1)
                the.arm("mark", name="due", at=the.at("primary_fill", 1))
                the.fired()
                host.deceive(on=True)
                until(run, lambda: host.deceived >= 3, "tried again", RESUME_S)
                run.wait_status("grvt/trading", ChildState.BACKING_OFF, 3)
                host.deceive(on=False)
                the.run_on(run)
                the.finish(run)
        assert host.stolen == 0
        the.judged(naked_q_s=15)
