"""The funding reader keeps to the venue's request budget, like everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from actors.funding import (
    BackpackFunding,
    FundingReader,
    FundingSource,
    GrvtFunding,
    LookDue,
)
from actors.journal import EndsOnRecord, LoadEnds
from actors.request_limiter import RequestLimiter
from supervision.actor import ActorContext
from supervision.inbox import Inbox
from supervision.policy import Readiness
from tests.support.actors import Peer, ScriptedServer, answer, read_request
from tests.support.actors_venue import Scene, backpack_access, grvt_access
from trading.funding import DeskEnds
from trading.leg import Leg
from venues.model import BACKPACK, GRVT

Legs = dict[tuple[str, str], tuple[str, Leg]]
EACH = pytest.mark.parametrize("venue", [GRVT, BACKPACK])
BARRED = (403, b"<html>go away</html>")
TOO_MANY = (429, b"{}")


class Reader:
    """The actor with one venue, against a host that counts what it is asked."""

    def __init__(self, venue: str, says: tuple[int, bytes]) -> None:
        self.venue = venue
        self.says = says
        self.scene = Scene(venue, "funding")
        self.asked = threading.Semaphore(0)
        self.limiter = RequestLimiter()

    def script(self, peer: Peer) -> None:
        while True:
            read_request(peer)
            self.asked.release()
            peer.send(answer(*self.says))

    @contextmanager
    def reading(self, *, barred: bool = False, legs: Legs | None = None) -> Iterator[None]:
        def build(context: ActorContext) -> FundingReader:
            return FundingReader(context, {self.venue: source}, legs or {}, told=())

        with ScriptedServer(self.script) as server:
            source = self._source(server.http)
            self.limiter = source.limiter
            if barred:
                self.limiter.answered(403, (), known=False, now_s=time.monotonic())
            with self.scene.playing(build, ready=Readiness.AUTO):
                self.scene.ready()
                yield

    def _source(self, url: str) -> FundingSource:
        if self.venue == BACKPACK:
            return BackpackFunding(backpack_access(url))
        session = self.scene.stage.directory.address(f"{GRVT}/session")
        return GrvtFunding(grvt_access(url), session)

    def look(self) -> None:
        """Read once more; done when this returns."""
        self.scene.actor.ask(LookDue(self.venue))


@EACH
def test_once_the_venue_bars_us_nothing_more_is_asked(venue: str) -> None:
    reader = Reader(venue, BARRED)
    with reader.reading():
        for _ in range(3):
            reader.look()
        assert reader.limiter.barred(time.monotonic())
        assert reader.asked.acquire(blocking=False)
        assert not reader.asked.acquire(blocking=False)


@EACH
def test_what_barred_another_connection_holds_for_it_too(venue: str) -> None:
    reader = Reader(venue, BARRED)
    with reader.reading(barred=True):
        reader.look()
        assert not reader.asked.acquire(blocking=False)
        assert reader.limiter.usage(time.monotonic()).denied
        assert reader.scene.lives()


@EACH
def test_too_many_requests_are_told_to_who_counts_them(venue: str) -> None:
    reader = Reader(venue, TOO_MANY)
    with reader.reading():
        reader.look()
        assert reader.limiter.usage(time.monotonic()).refused
        assert reader.limiter.no_new_risk(time.monotonic())


def test_the_journal_is_asked_again_until_it_has_told_what_ended_before() -> None:
    """An answer that comes before the reader's name is bound is lost."""
    reader, asked = Reader(BACKPACK, (200, b"[]")), Inbox()
    directory = reader.scene.stage.directory
    directory.bind("journal", directory.next_epoch("journal"), asked, half_open=False)
    with reader.reading(legs={(BACKPACK, "ETH_USDC_PERP"): ("eth", Leg.PRIMARY)}):
        reader.look()
        while not asked.empty():
            assert isinstance(asked.get().message, LoadEnds)
        reader.look()
        assert isinstance(asked.get().message, LoadEnds)
        reader.scene.actor.tell(EndsOnRecord((DeskEnds("eth", (), 0),)))
        reader.look()
        assert asked.empty()
