"""Backpack's HTTP connections: order entry (the venue has no other) and queries.

Requests are built and signed by bpx-py and travel over a few kept-alive connections, each with a
helper thread of its own: orders have lanes that no query can occupy. Each request has a total
deadline, held from outside by this actor's timer, since a peer that trickles never meets a
per-read one. A transport failure makes its order doubtful and ends the actor; whatever else was
under way ends with it, and the orders actor learns of that by this actor's status. What no lane had
taken by then was certainly not sent, and is reported so. A read whose
answer says nothing is asked again; only READ_FAILURES of them in a row end the actor.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from actors import gateway, orders
from actors.access import BackpackAccess
from actors.backpack_feed import OrderAnswered
from actors.backpack_reads import READS, Reads
from actors.errors import ConnectionLost, ConnectRefused
from actors.heartbeat import Ponged
from actors.http import HttpAnswer, HttpClient
from actors.request_limiter import BARRED
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import parent_path
from supervision.errors import Fenced, Stalled
from supervision.states import ExitKind
from venues.backpack import codec
from venues.backpack import requests as build
from venues.backpack.outcome import CLOSED_CODES, Outcome, is_error_object, speaks_of_time
from venues.backpack.requests import HttpRequest
from venues.errors import FrameError, VenueError, VenueRefused
from venues.model import NewOrder, Refusal

_ORDER_LANES: Final = 2
_QUERY_LANES: Final = 2
_NS_PER_MS: Final = 1_000_000
_HELD_BACK: Final = "TOO_MANY_REQUESTS"
_LIQUIDATION_READINGS: Final = 3  # so many routine readings may fail, as with all a guard goes by
READ_FAILURES: Final = 5
"""Maintenance and rate limits last for minutes, and new connections cure neither; but the proxy
that these lead to may be the trouble, so after a few failures in a row they are made anew."""


class RequestDue(msgspec.Struct, frozen=True):
    """The request with this number should be over by now."""

    number: int


class _Job(NamedTuple):
    """A request for a lane; its number is what its deadline, at ``due_s``, is known by."""

    number: int
    due_s: float
    message: object


class _Lane:
    """One connection with its thread's inbox, and the job it is at."""

    def __init__(self, client: HttpClient, jobs: queue.SimpleQueue[_Job | None]) -> None:
        self.client = client
        self.jobs = jobs
        self._lock = threading.Lock()
        self._number = 0

    def at(self, number: int) -> None:
        """The lane's thread is at this job now; 0: at none."""
        with self._lock:
            self._number = number

    def abort_job(self, number: int) -> None:
        """End this client if it is still at that job."""
        with self._lock:
            if self._number == number:
                self.client.abort()


class BackpackRest(SupervisedActor):
    """Ready once the venue has told its time and accepted our key."""

    def __init__(self, context: ActorContext, access: BackpackAccess) -> None:
        super().__init__(context)
        self._access = access
        self._build = access.requests
        self._timing = access.connection
        prefix = parent_path(context.name)
        self._orders = self.address(f"{prefix}/orders")
        self._feed = self.address(f"{prefix}/feed")
        self._numbers = itertools.count(1)
        self._order_jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._query_jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lanes: list[_Lane] = []
        self._read_failures = 0
        self._clock = access.clock
        self._clock_trouble: str | None = None
        self._build.clock = lambda: self._clock.now_ns(self.clock.now())
        self._limiter = access.limiter
        self._reads = Reads(
            self._build,
            self._call,
            self._more,
            epoch=self.epoch,
            clock=self.clock,
            log=self.log,
            keep_s=_LIQUIDATION_READINGS * self._timing.positions_every_s,
        )

    # -- actor thread ----------------------------------------------------------------------------

    def on_start(self) -> None:
        for jobs, count in ((self._order_jobs, _ORDER_LANES), (self._query_jobs, _QUERY_LANES)):
            for _ in range(count):
                self._lanes.append(_Lane(self._new_client(), jobs))
        barred = self._limiter.barred(self.clock.now())
        if barred:
            raise ConnectRefused(self.name, barred)
        first = self._lanes[0].client
        self._measure_clock(first)
        account = self._more(first, self._build.account())
        codec.decode_account(account.status, account.body)
        for number, lane in enumerate(self._lanes):
            self.spawn_helper(f"lane-{number}", functools.partial(self._serve, lane))
        self.report_ready()

    def on_message(self, message: object) -> object:
        if isinstance(message, RequestDue):
            self._request_due(message)
        elif isinstance(message, gateway.PlaceOrder | gateway.CancelOrder):
            self._queue(self._order_jobs, message, self._timing.reply_timeout_s)
        elif isinstance(message, gateway.GuardResting):
            pass  # the venue has nothing of the kind: orders that rest here have a maximum age
        elif type(message) in READS or isinstance(message, gateway.Ping):
            self._queue(self._query_jobs, message, self._timing.read_timeout_s)
        else:
            return super().on_message(message)
        return None

    def on_unhandled(self, message: object) -> None:
        self._turn_back(message, "the connection ended before it could be sent")

    def on_interrupt(self) -> None:
        for lane in self._lanes:
            lane.client.abort()

    def on_exit(self, kind: ExitKind) -> None:
        waiting = [job for jobs in (self._order_jobs, self._query_jobs) for job in _drained(jobs)]
        for lane in self._lanes:
            lane.jobs.put(None)
            lane.client.abort()
        with contextlib.suppress(Fenced):  # nobody listens to one that was given up
            for job in waiting:
                self._turn_back(job.message, "the connection ended before it could be sent")

    def _new_client(self) -> HttpClient:
        return HttpClient(
            self.name,
            self._access.api_url,
            connect_timeout_s=self._timing.connect_timeout_s,
            read_timeout_s=self._timing.read_timeout_s,
        )

    def _queue(self, jobs: queue.SimpleQueue[_Job | None], message: object, limit_s: float) -> None:
        number = next(self._numbers)
        jobs.put(_Job(number, self.clock.now() + limit_s, message))
        self.after(limit_s, RequestDue(number))

    def _request_due(self, message: RequestDue) -> None:
        for lane in self._lanes:
            lane.abort_job(message.number)

    # -- lane threads ----------------------------------------------------------------------------

    def _serve(self, lane: _Lane) -> None:
        try:
            while (job := lane.jobs.get()) is not None:
                if self.stopping:
                    self._turn_back(job.message, "the connection ended before it could be sent")
                    return
                lane.at(job.number)
                try:
                    if self.clock.now() < job.due_s:
                        self._carry_out(lane.client, job.message)
                    else:
                        self._turn_back(job.message, "no connection was free in time")
                finally:
                    lane.at(0)
        finally:
            lane.client.close()

    def _turn_back(self, message: object, reason: str, refusal: Refusal | None = None) -> None:
        """Nothing of it was sent."""
        if isinstance(message, gateway.PlaceOrder):
            self._orders.offer(orders.OrderNotSent(message.new.client_order_id, reason, refusal))
        elif isinstance(message, gateway.CancelOrder):
            self._orders.offer(orders.CancelAnswered(message.client_order_id, reason))
        elif isinstance(message, gateway.Question) and refusal is Refusal.RATE:
            self._orders.offer(gateway.ReadWithheld(message))

    def _carry_out(self, client: HttpClient, message: object) -> None:
        now_s = self.clock.now()
        if isinstance(message, gateway.PlaceOrder | gateway.Question):
            held_back = self._limiter.take(message.lane, now_s)
        else:  # a cancel can't wait, and a ping tells whether anybody is there
            held_back = self._limiter.barred(now_s)
        if held_back:
            self._turn_back(message, held_back, Refusal.RATE)
        elif isinstance(message, gateway.PlaceOrder):
            self._place(client, message.new)
        elif isinstance(message, gateway.CancelOrder):
            self._cancel(client, message)
        else:
            self._query(client, message)

    def _query(self, client: HttpClient, message: object) -> None:
        """A read; what does not say anything is no answer, and is asked again when it is due."""
        try:
            if isinstance(message, gateway.Ping):
                self._pong(client, message)
            else:
                self._orders.offer(self._reads.read(client, message))
        except (FrameError, VenueRefused) as error:
            if isinstance(error, VenueRefused) and speaks_of_time(error.text):
                self._measure_clock(client)
            held_back = isinstance(error, VenueRefused) and error.code == _HELD_BACK
            self._read_failures += not held_back
            if self._read_failures >= READ_FAILURES:
                raise
            self.log.warning("{} not answered: {}", type(message).__name__, error)
        else:
            self._read_failures = 0

    def _call(
        self,
        client: HttpClient,
        request: HttpRequest,
        on_sent: Callable[[], None] | None = None,
    ) -> HttpAnswer:
        self.check_fence()
        answer = client.request(
            request.method, request.target, dict(request.headers), request.body, on_sent
        )
        known = answer.status not in BARRED or is_error_object(answer.body)
        self._limiter.answered(answer.status, answer.headers, known=known, now_s=self.clock.now())
        return answer

    def _more(self, client: HttpClient, request: HttpRequest) -> HttpAnswer:
        """The same for a request that the budget was not asked for."""
        self._limiter.spend(self.clock.now())
        return self._call(client, request)

    def _sent(self, new: NewOrder) -> None:
        self._orders.offer(orders.OrderSent(new.client_order_id, self.clock.now()))

    def _measure_clock(self, client: HttpClient) -> None:
        """Ask for the time that signatures are dated with, and say what is wrong with ours."""
        asked_s = self.clock.now()
        answer = self._more(client, build.server_time())
        venue_ms = codec.decode_time(answer.status, answer.body)
        self._clock.measured(venue_ms * _NS_PER_MS, asked_s, self.clock.now())
        window_s = self._build.order_window_ms / 1000
        trouble = self._clock.trouble(time.time_ns(), self.clock.now(), window_s)
        if trouble != self._clock_trouble:
            self._clock_trouble = trouble
            if trouble:
                self.log.warning("nothing new is opened: {}", trouble)
            self._orders.offer(orders.ClockChecked(trouble))

    def _place(self, client: HttpClient, new: NewOrder) -> None:
        """Send one order and report what became of it."""
        if new.expires_ns <= time.time_ns():
            reason = "expired before it could be sent"
            self._orders.offer(orders.OrderNotSent(new.client_order_id, reason))
            return
        began_s = self.clock.now()
        try:
            request = self._build.execute_order(new)
            answer = self._call(client, request, functools.partial(self._sent, new))
        except VenueError as error:
            self._orders.offer(orders.OrderNotSent(new.client_order_id, str(error)))
            return
        except (ConnectRefused, Stalled) as error:
            self._orders.offer(orders.OrderNotSent(new.client_order_id, str(error)))
            raise
        except ConnectionLost as error:
            self._orders.offer(orders.OrderDoubted(new.client_order_id, str(error)))
            raise
        received_s = self.clock.now()
        placed = codec.decode_placed(answer.status, answer.body, new.client_order_id)
        self._note_maintenance(placed.outcome)
        if placed.update is not None:
            self._orders.offer(orders.OrderReported(placed.update, received_s))
            if placed.update.executed:
                self._feed.offer(OrderAnswered(new.client_order_id, began_s))
            return
        reason, outcome = str(placed.error), placed.outcome
        client_order_id, barred = new.client_order_id, outcome.key_refusal
        if outcome.nothing_executed:
            why = (barred, outcome.refusal)
            self._orders.offer(orders.OrderRefused(client_order_id, reason, received_s, *why))
        else:
            self._orders.offer(orders.OrderDoubted(client_order_id, reason))
        if outcome.expired or barred is not None:  # it does not always say that it is time
            self._measure_clock(client)

    def _note_maintenance(self, outcome: Outcome) -> None:
        if outcome.code in CLOSED_CODES:
            self._limiter.shut(outcome.code)
        elif outcome.ok:
            self._limiter.clean(self.clock.now())

    def _cancel(self, client: HttpClient, message: gateway.CancelOrder) -> None:
        """Ask for a cancel; the order itself, where the answer has it, is what counts."""
        client_order_id = message.client_order_id
        request = self._build.cancel_order(
            message.symbol,
            client_order_id=client_order_id,
            window_ms=self._build.order_window_ms,
        )
        try:
            answer = self._more(client, request)
        except (ConnectRefused, ConnectionLost) as error:
            self._orders.offer(orders.CancelAnswered(client_order_id, str(error)))
            raise
        done = codec.decode_cancel(answer.status, answer.body, client_order_id)
        self._note_maintenance(done.outcome)
        if done.update is not None:
            self._orders.offer(orders.OrderReported(done.update, self.clock.now()))
        again = done.outcome.expired
        if again:
            self._measure_clock(client)
        refusal = "" if done.error is None else str(done.error)
        self._orders.offer(orders.CancelAnswered(client_order_id, refusal, again))

    def _pong(self, client: HttpClient, message: gateway.Ping) -> None:
        """Ask the venue's time: proof of life, and the clock offset."""
        self._measure_clock(client)
        self.address(message.reply_to).offer(Ponged(self.name, self.epoch, None))


def _drained(jobs: queue.SimpleQueue[_Job | None]) -> Iterator[_Job]:
    """What no lane has taken. The lanes go on taking theirs meanwhile."""
    with contextlib.suppress(queue.Empty):
        while True:
            job = jobs.get_nowait()
            if job is not None:
                yield job
