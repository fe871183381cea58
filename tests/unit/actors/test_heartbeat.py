"""The heartbeat on a small tree: the silent connection is failed, and only that one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from actors.gateway import Ping
from actors.heartbeat import Heartbeat, Ponged
from supervision.policy import Boot, Breaker, Policy, Readiness, Strategy
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState
from tests.support.actors import WAIT_S
from tests.support.supervision_live import RETRY, Puppet, Stage

INTERVAL_S, STALE_S = 0.02, 0.2
LONG = 3 * int(STALE_S / INTERVAL_S)  # pings in a time in which silence would have been noticed


class Connection(Puppet):
    """Answers the n-th ping as its test says; None is silence."""

    reply: Callable[[Connection, int], Ponged | None]

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.pings = 0
        self.pinged = threading.Condition()

    def on_message(self, message: object) -> object:
        if not isinstance(message, Ping):
            return super().on_message(message)
        with self.pinged:
            self.pings += 1
            self.pinged.notify_all()
        pong = self.reply(self, self.pings)
        if pong is not None:
            self.address(message.reply_to).offer(pong)
        return None

    def wait_pings(self, count: int) -> None:
        with self.pinged:
            assert self.pinged.wait_for(lambda: self.pings >= count, WAIT_S)


Reply = Callable[[Connection, int], Ponged | None]


def alive(connection: Connection, _: int) -> Ponged:
    return Ponged(connection.name, connection.epoch, None)


def silent(_: Connection, __: int) -> None:
    return None


def of_age(data_age_s: float) -> Reply:
    return lambda connection, _: Ponged(connection.name, connection.epoch, data_age_s)


def venue(stage: Stage, **replies: Reply) -> SupervisorSpec:
    """A venue of such connections and their heartbeat."""

    def build(child_id: str, reply: Reply) -> ChildSpec:
        def factory(context: object) -> Connection:
            connection = Connection(context)
            connection.births, connection.exits, connection.reply = [], stage.exits, reply
            stage.actors[connection.name, connection.epoch] = connection
            return connection

        return ChildSpec(child_id, factory, Policy(backoff=RETRY))

    watched = tuple(replies)
    heartbeat = ChildSpec(
        "heartbeat", lambda context: Heartbeat(context, watched, INTERVAL_S, STALE_S), Policy()
    )
    children = [build(child_id, reply) for child_id, reply in replies.items()]
    return SupervisorSpec("venue", (*children, heartbeat), strategy=Strategy.ONE_FOR_ONE)


def connection(stage: Stage, name: str, epoch: int = 1) -> Connection:
    stage.wait(name, ChildState.RUNNING, epoch)
    found = stage.actors[name, epoch]
    assert isinstance(found, Connection)
    return found


def test_a_silent_connection_is_failed_and_its_sibling_is_not() -> None:
    stage = Stage()
    with stage.tree(venue(stage, feed=silent, market=alive)):
        status = stage.wait("venue/feed", ChildState.BACKING_OFF)
        assert status.kind == "error"
        assert "HeartbeatMissed: venue/feed: no pong" in status.detail
        connection(stage, "venue/market").wait_pings(LONG)
    assert {s.epoch for s in stage.statuses if s.name == "venue/market"} == {1}


def test_a_connection_that_answers_is_left_alone() -> None:
    stage = Stage()
    with stage.tree(venue(stage, feed=alive)):
        connection(stage, "venue/feed").wait_pings(LONG)
        assert stage.stream("venue/feed")[-1] == ("running", 1)


def test_a_pong_that_gets_lost_now_and_then_is_no_silence() -> None:
    def every_third(connection: Connection, number: int) -> Ponged | None:
        return alive(connection, number) if number % 3 == 0 else None

    stage = Stage()
    with stage.tree(venue(stage, feed=every_third)):
        connection(stage, "venue/feed").wait_pings(LONG)
        assert stage.stream("venue/feed")[-1] == ("running", 1)


def test_a_stream_without_data_is_failed_though_it_answers_pings() -> None:
    def stale_at_first(connection: Connection, number: int) -> Ponged | None:
        age_s = STALE_S * 2 if connection.epoch == 1 else 0.0
        return of_age(age_s)(connection, number)

    stage = Stage()
    with stage.tree(venue(stage, market=stale_at_first, other=of_age(STALE_S / 2))):
        assert "no data" in stage.wait("venue/market", ChildState.BACKING_OFF).detail
        connection(stage, "venue/other").wait_pings(LONG)
        assert stage.stream("venue/other")[-1] == ("running", 1)


def test_a_new_life_starts_anew_and_is_judged_by_its_own_pongs() -> None:
    def first_life_silent(connection: Connection, number: int) -> Ponged | None:
        return alive(connection, number) if connection.epoch == 2 else None

    stage = Stage()
    with stage.tree(venue(stage, feed=first_life_silent)):
        stage.wait("venue/feed", ChildState.RUNNING, 2)
        connection(stage, "venue/feed", 2).wait_pings(LONG)
        assert stage.stream("venue/feed")[-1] == ("running", 2)


def test_the_pongs_of_an_earlier_life_prove_nothing() -> None:
    def as_the_first(connection: Connection, _: int) -> Ponged | None:
        return Ponged(connection.name, 1, None)

    stage = Stage()
    with stage.tree(venue(stage, feed=as_the_first)):
        stage.wait("venue/feed", ChildState.RUNNING)
        connection(stage, "venue/feed").wait_pings(LONG)
        stage.tell("venue/feed", _raise)
        stage.wait("venue/feed", ChildState.BACKING_OFF, 2)
        assert "no pong" in stage.wait("venue/feed", ChildState.BACKING_OFF, 2).detail


def _raise(_: object) -> None:
    raise ConnectionError("gone")


def test_a_connection_whose_thread_hangs_is_failed_too() -> None:
    stage = Stage()
    with stage.tree(venue(stage, feed=alive)):
        stage.wait("venue/feed", ChildState.RUNNING)
        stage.tell("venue/feed", lambda actor: actor.released.wait(WAIT_S))
        assert "no pong" in stage.wait("venue/feed", ChildState.BACKING_OFF).detail


def test_a_connection_that_is_not_ready_is_not_asked() -> None:
    stage = Stage()
    late = stage.spec("late", ready=Readiness.EXPLICIT)
    heartbeat = ChildSpec(
        "heartbeat", lambda c: Heartbeat(c, ("late", "feed"), INTERVAL_S, STALE_S), Policy()
    )
    feed = venue(stage, feed=alive).children[0]
    with stage.tree(SupervisorSpec("venue", (feed, heartbeat, late))):
        connection(stage, "venue/feed").wait_pings(LONG)
        assert stage.stream("venue/late") == [("starting", 1)]


def test_a_breakers_probe_that_is_not_ready_is_not_asked_either() -> None:
    """A login, a handshake and a first snapshot may take longer than silence may last."""
    stage = Stage()

    class Probed(Connection):
        reply = staticmethod(alive)

        def on_start(self) -> None:
            if self.epoch == 1:
                raise ConnectionError("away")

    def factory(context: object) -> Connection:
        probed = Probed(context)
        probed.births, probed.exits = [], stage.exits
        stage.actors[probed.name, probed.epoch] = probed
        return probed

    breaker = Breaker(failure_threshold=1, reset_timeout=0.1, jitter=0, probe_stable_for=0)
    policy = Policy(boot=Boot.OPTIONAL, ready=Readiness.EXPLICIT, breaker=breaker)
    heartbeat = ChildSpec(
        "heartbeat", lambda c: Heartbeat(c, ("late", "feed"), INTERVAL_S, STALE_S), Policy()
    )
    feed = venue(stage, feed=alive).children[0]
    late = ChildSpec("late", factory, policy)
    with stage.tree(
        SupervisorSpec("venue", (late, feed, heartbeat), strategy=Strategy.ONE_FOR_ONE)
    ):
        stage.wait("venue/late", ChildState.HALF_OPEN, 2)
        other = connection(stage, "venue/feed")
        other.wait_pings(other.pings + LONG)
        assert stage.stream("venue/late")[-1] == ("half_open", 2)
        stage.actors["venue/late", 2].report_ready()
        connection(stage, "venue/late", 2).wait_pings(1)
