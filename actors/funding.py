"""Reads the funding that both venues book, and has it put into the records of the cycles it is of.

A venue books funding late and knows no cycles: a record is made without it, and put right here, by
way of the journal; board and guards are then told the record again. It stands beside the venues in
the tree and nobody depends on it: a reading that fails is done again when it is due.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import msgspec

from actors.access import BackpackAccess, GrvtAccess
from actors.errors import ConnectionFailed, ConnectRefused
from actors.grvt_session import GetSession
from actors.http import HttpAnswer, HttpClient
from actors.journal import EndsOnRecord, FundingOnRecord, LoadEnds, RecordFunding
from actors.request_limiter import BARRED, RequestLimiter
from config.schema import ConnectionConfig
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import Address
from supervision.errors import ActorCrashed, AskTimeout, Unavailable
from supervision.states import ChildState, ExitKind, StatusMessage
from trading.cycle_record import funding_of
from trading.desk import CycleRecord
from trading.funding import CycleEnd, FundingBook
from trading.leg import Leg
from trading.request_budget import Lane
from venues.backpack.funding import decode_funding
from venues.backpack.outcome import is_error_object
from venues.errors import VenueError
from venues.grvt import requests, rest
from venues.grvt.funding import read_funding_history
from venues.grvt.reading import next_cursor
from venues.model import FundingPayment

_DAY_NS: Final = 86_400 * 1_000_000_000
_OVERLAP_NS: Final = 3_600 * 1_000_000_000  # booked that late, a payment is still found
_PAGE: Final = 100
_MOST_S: Final = 3.0  # a reading waits for no answer for longer: its watchdog has 10 s
_SESSION_S: Final = 1.0
_SAYS_NOTHING: Final = (ConnectionFailed, VenueError, Unavailable, AskTimeout, ActorCrashed)


class LookDue(msgspec.Struct, frozen=True):
    """Time to read what that venue has booked."""

    venue: str


Send = Callable[[str, str, Mapping[str, str], bytes], HttpAnswer]
"""One request (method, target, headers, body) and its answer."""


class FundingSource(Protocol):
    """How one venue is asked."""

    def read(self, send: Send, since_ns: int) -> Iterator[FundingPayment]:
        """What it has booked since then (UTC), and perhaps more."""

    def is_its_own(self, body: bytes) -> bool:
        """True for an error in the venue's own words, and not a gateway's."""

    @property
    def limiter(self) -> RequestLimiter:
        """Where requests to the venue are counted."""

    @property
    def url(self) -> str:
        """Where."""

    @property
    def timing(self) -> ConnectionConfig:
        """Its deadlines; ``balances_every_s`` says how often."""


class GrvtFunding:
    """GRVT, with the login that its session actor keeps."""

    def __init__(self, access: GrvtAccess, session: Address) -> None:
        self._access = access
        self._session = session
        self.url = access.endpoints.trades
        self.timing = access.connection
        self.limiter = access.limiter
        self.is_its_own = rest.is_error_object

    def read(self, send: Send, since_ns: int) -> Iterator[FundingPayment]:
        session = self._session.ask(GetSession(), timeout_s=_SESSION_S, half_open=True)
        cursor = ""
        if session is None:
            return
        for pages in itertools.count(1):
            call = requests.funding_payment_history(
                self._access.sub_account_id, start_ns=since_ns, cursor=cursor
            )
            asked = rest.post(call)
            headers = {**asked.headers, **session.headers}
            answer = send("POST", asked.path, headers, asked.body)
            reply = rest.parse_reply(answer.status, answer.body, call.route)
            page = read_funding_history(reply)
            yield from page.items
            cursor = next_cursor(page.cursor, cursor, pages)
            if not cursor:
                return


class BackpackFunding:
    """Backpack, whose history has no beginning to ask for: newest first, as far as needed."""

    def __init__(self, access: BackpackAccess) -> None:
        self._build = access.requests
        self.url = access.api_url
        self.timing = access.connection
        self.limiter = access.limiter
        self.is_its_own = is_error_object

    def read(self, send: Send, since_ns: int) -> Iterator[FundingPayment]:
        offset = 0
        while True:
            asked = self._build.funding_history(limit=_PAGE, offset=offset)
            answer = send(asked.method, asked.target, dict(asked.headers), b"")
            page = decode_funding(answer.status, answer.body)
            yield from page
            offset += len(page)
            if len(page) < _PAGE or page[-1].event_ns < since_ns:
                return


class FundingReader(SupervisedActor):
    """One for all venues and desks. ``legs``: which leg of which desk trades an instrument.

    ``told`` are those who hear of a record that was put right. It hears of each cycle from the
    board, and waits for answers of venues in its own thread: nobody waits for it.
    """

    def __init__(
        self,
        context: ActorContext,
        sources: Mapping[str, FundingSource],
        legs: Mapping[tuple[str, str], tuple[str, Leg]],
        told: tuple[str, ...],
    ) -> None:
        super().__init__(context)
        self._sources = sources
        self._desks = tuple(dict.fromkeys(desk for desk, _ in legs.values()))
        self._since_ns = time.time_ns() - _DAY_NS
        self._latest_ns = dict.fromkeys(sources, self._since_ns)
        self._book = FundingBook(legs, self._since_ns)
        self._journal = self.address("journal")
        self._told = tuple(self.address(name) for name in told)
        self._client: HttpClient | None = None
        self._silent: set[str] = set()

    def on_start(self) -> None:
        self.watch(self._journal.name)
        for venue in self._sources:
            self.after(0.0, LookDue(venue))

    def on_message(self, message: object) -> object:
        if isinstance(message, LookDue):
            self._look(message.venue)
        elif isinstance(message, CycleRecord):
            self._book.ended(_end(message))
        elif isinstance(message, EndsOnRecord):
            for found in message.desks:
                self._book.earlier(found)
        elif isinstance(message, FundingOnRecord):
            self._put_right(message)
        elif isinstance(message, StatusMessage):
            self._journal_changed(message)
        else:
            return super().on_message(message)
        return None

    def on_interrupt(self) -> None:
        if self._client is not None:
            self._client.abort()

    def on_exit(self, kind: ExitKind) -> None:
        if self._client is not None:
            self._client.close()

    def _journal_changed(self, status: StatusMessage) -> None:
        """Each life of it says what it has: what the last had not written has to be told again."""
        if status.state is ChildState.RUNNING:
            self._ask_ends()

    def _ask_ends(self) -> None:
        self._journal.offer(LoadEnds(self._desks, self._since_ns, self.name))

    def _look(self, venue: str) -> None:
        source = self._sources[venue]
        if not self._book.told:  # an answer that comes before our name is bound is lost
            self._ask_ends()
        try:
            payments = tuple(self._read(source, self._latest_ns[venue] - _OVERLAP_NS))
        except _SAYS_NOTHING as error:
            level = "DEBUG" if venue in self._silent else "WARNING"
            self._silent.add(venue)
            self.log.log(level, "funding of {} not read: {}", venue, error)
        else:
            self._silent.discard(venue)
            self._book.booked(payments)
            latest_ns = max((payment.event_ns for payment in payments), default=0)
            # What claims to be of the future must not hide what is booked until then.
            self._latest_ns[venue] = max(self._latest_ns[venue], min(latest_ns, time.time_ns()))
        for end in self._book.changes():
            change = RecordFunding(end.desk, end.cycle, end.funding, self.name)
            self._journal.offer(change)
        self.after(source.timing.balances_every_s, LookDue(venue))

    def _read(self, source: FundingSource, since_ns: int) -> Iterator[FundingPayment]:
        client = self._client = HttpClient(
            self.name,
            source.url,
            connect_timeout_s=min(_MOST_S, source.timing.connect_timeout_s),
            read_timeout_s=min(_MOST_S, source.timing.read_timeout_s),
        )
        try:
            yield from source.read(self._sender(source, client), since_ns)
        finally:
            client.close()

    def _sender(self, source: FundingSource, client: HttpClient) -> Send:
        limiter = source.limiter

        def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
            """Nothing waits for it: it leaves the reserve to what does."""
            self.check_fence()
            held_back = limiter.take(Lane.ROUTINE, self.clock.now())
            if held_back:
                raise ConnectRefused(self.name, held_back)
            answer = client.request(method, target, headers, body)
            known = answer.status not in BARRED or source.is_its_own(answer.body)
            limiter.answered(answer.status, answer.headers, known=known, now_s=self.clock.now())
            return answer

        return send

    def _put_right(self, found: FundingOnRecord) -> None:
        record = found.record
        self._book.recorded(record.desk, record.cycle, funding_of(record))
        for address in self._told:
            address.offer(found)


def _end(record: CycleRecord) -> CycleEnd:
    ended_ns = time.time_ns()
    began_ns = ended_ns - int(record.duration_s * 1_000_000_000)
    return CycleEnd(record.desk, record.cycle, began_ns, ended_ns, funding_of(record))
