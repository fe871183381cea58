"""GRVT's login: who gets which session, when it is renewed, and what a failed login means."""

from __future__ import annotations

import dataclasses
import datetime as dt
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime

import pytest
from loguru import logger

from actors.grvt_session import GetSession, GrvtSession, MeasureClock, RenewSession
from actors.login_budget import LOGINS_A_MINUTE
from supervision.clock import MonotonicClock
from supervision.policy import Boot, Policy, Readiness
from supervision.root import start_root
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.stalls import StallWatch
from supervision.states import ChildState, Health
from supervision.timers import Timer, Timers
from supervision.tree import ERROR_KEYS
from tests.support.actors import WAIT_S, Peer, Script, ScriptedServer, answer, read_request
from tests.support.actors_venue import API_KEY, Scene, grvt_access
from tests.support.supervision_live import RETRY, Stage
from venues.grvt import Session

DAY_S = 86_400
NAME = "session"


class RecordedTimers(Timers):
    """Real timers that can be looked at."""

    def __init__(self) -> None:
        super().__init__(MonotonicClock())
        self.made: list[tuple[float, Timer]] = []

    def after(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        timer = super().after(delay_s, callback)
        self.made.append((delay_s, timer))
        return timer

    def renewals(self) -> list[float]:
        """Delays of the renewals to come; nothing else here waits for hours."""
        return [delay_s for delay_s, timer in self.made if timer.pending and delay_s > 1_000]


def login(cookie: str, lives_s: float = DAY_S) -> bytes:
    """A login that succeeded."""
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=lives_s)
    expires = format_datetime(ends, usegmt=True)
    return answer(
        200, b'{"status":"success"}', "X-Grvt-Account-Id: ACC:1",
        f"Set-Cookie: gravity={cookie}; Path=/; Expires={expires}; HttpOnly",
    )  # fmt: skip


def edge(*replies: bytes) -> tuple[Script, queue.Queue[bytes]]:
    """A login host that answers like this, one after the other; the last again and again.

    It also tells the time, which is not counted among what it was asked.
    """
    asked: queue.Queue[bytes] = queue.Queue()
    left = list(replies)

    def script(peer: Peer) -> None:
        while True:
            line, body = read_request(peer)
            if line.startswith("GET /time "):
                peer.send(answer(200, b'{"server_time": %d}' % (time.time_ns() // 10**6)))
                continue
            asked.put(body)
            peer.send(left.pop(0) if len(left) > 1 else left[0])

    return script, asked


class Login:
    """The session actor at such a host."""

    def __init__(self, *replies: bytes) -> None:
        self.stage = Stage()
        self.timers = RecordedTimers()
        self.script, self.asked = edge(*replies)
        self.address = self.stage.directory.address(NAME)

    @contextmanager
    def running(self) -> Iterator[Login]:
        with ScriptedServer(self.script) as server:
            policy = Policy(
                ready=Readiness.EXPLICIT, boot=Boot.OPTIONAL, backoff=RETRY, fatal=("auth",)
            )
            access = grvt_access(server.http)
            child = ChildSpec(NAME, lambda context: GrvtSession(context, access), policy)
            root = start_root(
                SupervisorSpec("root", (child,)),
                directory=self.stage.directory,
                clock=MonotonicClock(),
                error_keys=ERROR_KEYS,
                timers=self.timers,
            )
            try:
                yield self
            finally:
                root.stop()
                assert root.wait(WAIT_S) == 0

    def health_becomes(self, health: Health) -> None:
        """Wait until the last that was said of its health is this."""

        def so() -> bool:
            said = [s.health for s in self.stage.statuses if s.name == NAME]
            return bool(said) and said[-1] is health

        with self.stage._changed:
            assert self.stage._changed.wait_for(so, WAIT_S), health

    def session(self) -> Session:
        session: Session = self.address.ask(GetSession())
        return session


def test_it_logs_in_with_the_key_and_hands_out_the_session() -> None:
    with Login(login("first")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        assert API_KEY.encode() in there.asked.get(timeout=WAIT_S)
        assert (there.session().cookie, there.session().account_id) == ("first", "ACC:1")
        assert there.asked.empty()


def test_a_new_life_goes_on_with_the_login_of_the_last_one() -> None:
    """The venue counts logins, whoever of us asks for them."""
    with Login(login("first"), login("second")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        there.asked.get(timeout=WAIT_S)
        there.stage.directory.fail(NAME, 1, RuntimeError("killed"))
        there.stage.wait(NAME, ChildState.RUNNING, 2)
        assert there.session().cookie == "first"
        assert there.asked.empty()
        there.address.tell(RenewSession(there.session()))
        there.asked.get(timeout=WAIT_S)
        assert there.session().cookie == "second"


def test_it_renews_at_half_of_the_sessions_life() -> None:
    with Login(login("first")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        [delay_s] = there.timers.renewals()
        assert DAY_S / 2 - 10 < delay_s <= DAY_S / 2


def test_a_session_that_was_refused_is_renewed_once_however_many_say_so() -> None:
    with Login(login("first"), login("second")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        refused = there.session()
        for _ in range(5):
            there.address.tell(RenewSession(refused))
        assert there.session().cookie == "second"
        assert there.asked.qsize() == 2
        assert len(there.timers.renewals()) == 1


PASSING = pytest.mark.parametrize(
    "reply",
    [
        answer(500, b""),
        answer(502, b"<html>"),
        answer(503, b'{"code":1009,"message":"maintenance"}'),
        answer(200, b'{"code":1006,"message":"limit","status":429}'),
        answer(429, b"<html>"),
        answer(403, b"<html>Just a moment...</html>"),
        answer(200, b'{"status":"success"}'),
        answer(200, b""),
    ],
    ids=["500", "502", "maintenance", "limit", "429 page", "403 page", "no cookie", "empty"],
)


@PASSING
def test_a_renewal_that_can_not_be_had_keeps_the_old_session_and_tries_again(reply: bytes) -> None:
    with Login(login("first"), reply, login("third")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        there.address.tell(RenewSession())
        assert there.session().cookie == "first"
        status = there.stage.directory.status(NAME)
        assert status is not None
        assert (status.state, status.epoch) == (ChildState.RUNNING, 1)
        assert len(there.timers.renewals()) == 1
        there.address.tell(RenewSession())
        assert there.session().cookie == "third"


REFUSED = answer(403, b'{"code":1008,"message":"ip not whitelisted","status":403}')


def test_a_renewal_that_is_refused_keeps_the_old_session_and_says_so() -> None:
    """It is good for hours: time for whoever has to put the key right."""
    with Login(login("first"), REFUSED, login("third")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        there.address.tell(RenewSession())
        there.health_becomes(Health.BAD)
        status = there.stage.directory.status(NAME)
        assert status is not None
        assert (status.state, status.epoch) == (ChildState.RUNNING, 1)
        assert "ip not whitelisted" in status.detail
        assert there.session().cookie == "first"
        assert len(there.timers.renewals()) == 1
        there.address.tell(RenewSession())
        there.health_becomes(Health.OK)
        assert there.session().cookie == "third"


def test_a_renewal_that_is_refused_as_the_session_ends_is_the_end() -> None:
    with Login(login("first", lives_s=4.0), REFUSED).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        there.address.tell(RenewSession())
        assert "ip not whitelisted" in there.stage.wait(NAME, ChildState.FAILED).detail


def test_while_a_renewal_can_not_be_had_its_health_is_bad() -> None:
    with Login(login("first"), answer(500, b""), login("third")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        there.address.tell(RenewSession())
        there.health_becomes(Health.BAD)
        there.address.tell(RenewSession())
        there.health_becomes(Health.OK)


@pytest.mark.parametrize(
    "reply",
    [
        answer(401, b'{"code":1000,"message":"who","status":401}'),
        answer(403, b'{"code":1001,"message":"not you","status":403}'),
    ],
    ids=["401", "403"],
)
def test_credentials_that_the_venue_does_not_know_end_it_for_good(reply: bytes) -> None:
    with Login(reply).running() as there:
        status = there.stage.wait(NAME, ChildState.FAILED)
        assert status.detail.startswith("SessionRefused: ")
        assert there.asked.qsize() == 1


@PASSING
def test_a_first_login_that_is_not_had_is_tried_again(reply: bytes) -> None:
    with Login(reply, login("second")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING, 2)
        assert there.session().cookie == "second"


def test_while_the_host_can_not_be_reached_no_login_is_used_up() -> None:
    stage, access = Stage(), grvt_access("http://127.0.0.1:1")
    policy = Policy(ready=Readiness.EXPLICIT, boot=Boot.OPTIONAL, backoff=RETRY)
    with stage.tree(ChildSpec(NAME, lambda context: GrvtSession(context, access), policy)):
        stage.wait(NAME, ChildState.STARTING, LOGINS_A_MINUTE + 2)
    assert access.logins.wait_s(time.monotonic()) == 0.0


def test_neither_key_nor_cookie_is_ever_logged() -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, diagnose=False, format="{message} {extra} {exception}")
    try:
        with Login(login("the-cookie"), answer(500, b"")).running() as there:
            there.stage.wait(NAME, ChildState.RUNNING)
            there.address.tell(RenewSession())
            there.session()
    finally:
        logger.remove(sink)
    session = Session(cookie="the-cookie", account_id="ACC:1", expires_ns=1)
    shown = "".join(lines) + repr(there.stage.statuses) + repr(RenewSession(session))
    assert lines
    assert API_KEY not in shown
    assert "the-cookie" not in shown


def test_logins_that_are_refused_again_and_again_are_made_four_times_a_minute() -> None:
    with Login(*(login(f"cookie-{n}") for n in range(9))).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        for _ in range(8):
            there.address.tell(RenewSession(there.session()))
        there.session()
        assert there.asked.qsize() == LOGINS_A_MINUTE


@pytest.mark.parametrize(
    ("time_of", "trouble"),
    [
        (lambda: answer(200, b'{"server_time": %d}' % (time.time_ns() // 10**6)), ""),
        (
            lambda: answer(200, b'{"server_time": %d}' % (time.time_ns() // 10**6 + 60_000)),
            "our clock is 60.0 s behind that of grvt",
        ),
        (lambda: answer(500, b"<html>"), "the clock of grvt is not known"),
    ],
    ids=["right", "a minute behind", "not told"],
)
def test_clocks_are_compared_with_the_login(time_of: Callable[[], bytes], trouble: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            line, _ = read_request(peer)
            peer.send(time_of() if line.startswith("GET /time ") else login("first"))

    scene = Scene("grvt", "market")  # nobody's part here: the session is told of as its login
    with ScriptedServer(script) as server:
        access = grvt_access(server.http)
        with scene.playing(lambda c: GrvtSession(c, access)):
            scene.ready()
            assert scene.letters.clocks.get(timeout=WAIT_S).trouble == trouble


def test_a_clock_that_stays_unknown_is_logged_once() -> None:
    def script(peer: Peer) -> None:
        while True:
            line, _ = read_request(peer)
            peer.send(answer(503, b"") if line.startswith("GET /time ") else login("first"))

    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    scene = Scene("grvt", "market")
    try:
        with ScriptedServer(script) as server:
            access = grvt_access(server.http)
            with scene.playing(lambda c: GrvtSession(c, access)):
                scene.ready()
                for _ in range(3):
                    assert scene.letters.clocks.get(timeout=WAIT_S).trouble
                    scene.actor.tell(MeasureClock())
    finally:
        logger.remove(sink)
    assert [line.partition(":")[0] for line in lines] == [
        "could not read the venue's time", "nothing new is opened",
    ]  # fmt: skip


def test_after_a_stall_the_clock_is_read_anew_before_anything_is_sent() -> None:
    """In a suspend the monotonic clock stood still, and with it what it carried on."""
    now_s = [0.0]
    watch = StallWatch(lambda: now_s[0])
    scene = Scene("grvt", "market")

    def script(peer: Peer) -> None:
        while True:
            line, _ = read_request(peer)
            told = b'{"server_time": %d}' % (time.time_ns() // 10**6)
            peer.send(answer(200, told) if line.startswith("GET /time ") else login("first"))

    with ScriptedServer(script) as server:
        access = grvt_access(server.http)
        with scene.playing(lambda c: GrvtSession(dataclasses.replace(c, stalls=watch), access)):
            scene.ready()
            clocks = scene.letters.clocks
            clocks.get(timeout=WAIT_S)
            access.clock.forget()
            scene.actor.ask(GetSession())
            assert access.clock.now_ns(time.monotonic()) is None, "no stall: nothing to be read"
            now_s[0] = 3600.0
            assert scene.actor.ask(GetSession()).cookie == "first"
            clocks.get(timeout=WAIT_S)
            assert access.clock.now_ns(time.monotonic()) is not None


def test_an_order_refused_for_its_time_has_the_clock_measured_once() -> None:
    with Login(login("first")).running() as there:
        there.stage.wait(NAME, ChildState.RUNNING)
        refused_s = time.monotonic()
        for _ in range(5):
            there.address.tell(MeasureClock(refused_s))
        there.session()
        there.address.tell(MeasureClock(refused_s - 60.0))
        there.session()
        pending = [d for d, timer in there.timers.made if timer.pending and 1 < d < 1_000]
        measured = [d for d, _ in there.timers.made if 1 < d < 1_000]
        assert (len(pending), len(measured)) == (1, 2)
