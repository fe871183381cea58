"""GRVT over REST, for as long as its private websocket is away: reads, cancels, risk taken off.

GRVT's one private socket is gateway and feed. While it is gone, what it filled would not be known;
but the same host also answers over HTTP, and then ``actors.orders`` asks this actor instead. Each
request has a total deadline, held from outside by this actor's timer. A connection is kept for the
next request only after an answer that said something, and not for long without one: so nothing here
becomes stale, and whatever a request meets (nobody there, a gateway's page, a rate limit) is a read
that says nothing, asked again when it is due. That must not end this actor: the trading connection
comes after it in the tree, and would end with it. An order is sent once, on a lane of its own, and
what is not certain of it is in doubt.
"""

from __future__ import annotations

import functools
import itertools
import queue
from collections.abc import Callable
from typing import Any, Final, TypedDict

import msgspec

from actors import gateway, orders
from actors.access import GrvtAccess
from actors.errors import ConnectionFailed, ConnectRefused
from actors.grvt_placing import answered, cancel_refusal, made_out
from actors.grvt_session import GetSession, RenewSession
from actors.http import HttpClient
from actors.request_limiter import BARRED
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import parent_path
from supervision.errors import ActorCrashed, AskTimeout, Unavailable
from supervision.states import ExitKind
from venues.errors import FrameError, SessionRefused, VenueError
from venues.grvt import Outcome, Reply, Session, requests, rest
from venues.grvt.errors import NOT_FOUND, SWITCHED_OFF
from venues.grvt.reading import (
    next_cursor,
    read_fill_history,
    read_order,
    read_orders,
    read_positions,
    read_summary,
)
from venues.grvt.requests import Call
from venues.model import GRVT, Fill, Refusal

_LANES: Final = 2
_UNAUTHORIZED: Final = 401
_IDLE_S: Final = 5.0  # they are asked several times a second while it is their turn
_SESSION_S: Final = 1.0  # the session actor is in this process, but may be logging in
_SAYS_NOTHING: Final = (ConnectionFailed, VenueError, Unavailable, AskTimeout, ActorCrashed)

_Key = tuple[type, int]


class _Asked(TypedDict):
    by: str
    asked_s: float


class RequestDue(msgspec.Struct, frozen=True):
    """The request that was taken at ``asked_s`` should be over by now."""

    key: _Key
    asked_s: float


class _Job:
    """One request, from when it was asked for until it is over."""

    def __init__(self, key: _Key, message: object, asked_s: float, due_s: float) -> None:
        self.key = key
        self.message = message
        self.asked_s = asked_s
        self.due_s = due_s
        self.client: HttpClient | None = None

    def abort(self) -> None:
        """Break it off. One that has no connection yet finds out by the time."""
        client = self.client
        if client is not None:
            client.abort()


class GrvtQueries(SupervisedActor):
    """Answers ``gateway``'s reads and cancels as ``grvt/trading`` does, in its own name."""

    def __init__(self, context: ActorContext, access: GrvtAccess) -> None:
        super().__init__(context)
        self._access = access
        prefix = parent_path(context.name)
        self._orders = self.address(f"{prefix}/orders")
        self._session = self.address(f"{prefix}/session")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._order_jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._under_way: dict[_Key, _Job] = {}
        self._refused: Session | None = None
        self._silent = False

    # -- actor thread ----------------------------------------------------------------------------

    def on_start(self) -> None:
        for number in range(_LANES):
            self.spawn_helper(f"lane-{number}", functools.partial(self._serve, self._jobs))
        self.spawn_helper("lane-orders", functools.partial(self._serve, self._order_jobs))

    def on_message(self, message: object) -> object:
        if isinstance(message, RequestDue):
            self._request_due(message)
        elif type(message) in _CARRIERS:
            self._take(message)
        else:
            return super().on_message(message)
        return None

    def on_interrupt(self) -> None:
        self._abort_all()

    def on_exit(self, kind: ExitKind) -> None:
        for _ in range(_LANES):
            self._jobs.put(None)
        self._order_jobs.put(None)
        self._abort_all()

    def _take(self, message: object) -> None:
        """Have it carried out, unless the same is under way: that one's answer will do."""
        key = _key_of(message)
        if key in self._under_way:
            return
        held_back = self._held_back(message)
        if held_back:
            if isinstance(message, gateway.PlaceOrder):
                self._orders.offer(_not_sent(message, held_back, Refusal.RATE))
            elif isinstance(message, gateway.Question):
                self._orders.offer(gateway.ReadWithheld(message))
            return
        timing = self._access.connection
        order = isinstance(message, gateway.PlaceOrder)
        quick = order or isinstance(message, gateway.CancelOrder)
        limit_s = timing.reply_timeout_s if quick else timing.read_timeout_s
        now_s = self.clock.now()
        job = self._under_way[key] = _Job(key, message, now_s, now_s + limit_s)
        (self._order_jobs if order else self._jobs).put(job)
        self.after(limit_s, RequestDue(key, now_s))

    def _held_back(self, message: object) -> str:
        now_s = self.clock.now()
        if isinstance(message, gateway.Question | gateway.PlaceOrder):
            return self._access.limiter.take(message.lane, now_s)
        self._access.limiter.spend(now_s)  # a cancel can't wait
        return self._access.limiter.barred(now_s)

    def _request_due(self, message: RequestDue) -> None:
        job = self._under_way.get(message.key)
        if job is not None and job.asked_s == message.asked_s:
            job.abort()

    def _abort_all(self) -> None:
        for job in tuple(self._under_way.values()):
            job.abort()

    # -- lane threads ----------------------------------------------------------------------------

    def _serve(self, jobs: queue.SimpleQueue[_Job | None]) -> None:
        kept: HttpClient | None = None
        try:
            while True:
                try:
                    job = jobs.get(timeout=None if kept is None else _IDLE_S)
                except queue.Empty:
                    if kept is not None:
                        kept.close()
                    kept = None
                    continue
                if job is None or self.stopping:
                    return
                client, kept = kept or self._new_client(), None
                kept = self._carry_out(job, client)
        finally:
            if kept is not None:
                kept.close()

    def _carry_out(self, job: _Job, client: HttpClient) -> HttpClient | None:
        """Ask, and tell what there is to tell of it; returns the connection if it may be kept."""
        job.client = client
        kept = None
        try:
            answer = _CARRIERS[type(job.message)](self, job, job.message)
            self._silent = False
            lost = isinstance(answer, orders.OrderDoubted | orders.OrderNotSent)
            kept = None if lost else client
        except _SAYS_NOTHING as error:
            answer = self._unanswered(job.message, error)
        finally:
            job.client = None
            if kept is None:
                client.close()
            del self._under_way[job.key]
        # Only now: who hears of it may ask for the same again.
        if answer is not None:
            self._orders.offer(answer)
        return kept

    def _new_client(self) -> HttpClient:
        timing = self._access.connection
        return HttpClient(
            self.name,
            self._access.endpoints.trades,
            connect_timeout_s=timing.connect_timeout_s,
            read_timeout_s=timing.read_timeout_s,
        )

    def _unanswered(self, message: object, error: Exception) -> object:
        # It is asked several times a second, for as long as the venue is away.
        level = "DEBUG" if self._silent else "WARNING"
        self._silent = True
        self.log.log(level, "{} not answered: {}", type(message).__name__, error)
        if isinstance(message, gateway.CancelOrder):
            return orders.CancelAnswered(message.client_order_id, str(error))
        return None

    def _post(self, job: _Job, call: Call, on_sent: Callable[[], None] | None = None) -> Reply:
        """One request and what was replied to it. A refused session is told to who keeps it."""
        session: Session | None = self._session.ask(
            GetSession(), timeout_s=_SESSION_S, half_open=True
        )
        if session is None or session == self._refused:
            raise ConnectRefused(self.name, "not logged in")
        request = rest.post(call)
        self.check_fence()
        if job.client is None or self.stopping or self.clock.now() >= job.due_s:
            raise ConnectRefused(self.name, "expired before it could be sent")
        headers = {**request.headers, **session.headers}
        answer = job.client.request("POST", request.path, headers, request.body, on_sent)
        known = answer.status not in BARRED or rest.is_error_object(answer.body)
        limiter, now_s = self._access.limiter, self.clock.now()
        limiter.answered(answer.status, answer.headers, known=known, now_s=now_s)
        code = ""
        if answer.status != _UNAUTHORIZED or rest.is_error_object(answer.body):
            reply = rest.parse_reply(answer.status, answer.body, call.route)
            if reply.error is None or reply.error.outcome is not Outcome.SESSION:
                return reply
            code = str(reply.error.code)
        if self._session.offer(RenewSession(session)):
            self._refused = session
        raise SessionRefused(GRVT, answer.status, code, call.route)

    def _place(self, job: _Job, message: gateway.PlaceOrder) -> object:
        """Send one order, once, and tell what became of it."""
        client_order_id = message.new.client_order_id
        call = made_out(self._access, message.new, self.clock.now())
        if isinstance(call, str):
            return _not_sent(message, call)
        try:
            reply = self._post(job, call, functools.partial(self._sent, client_order_id))
        except (ConnectRefused, Unavailable, AskTimeout, ActorCrashed) as error:
            return _not_sent(message, str(error))
        except SessionRefused as error:
            if not error.code:  # not in the venue's words: nobody knows who has refused what
                return orders.OrderDoubted(client_order_id, str(error))
            kind = Refusal.OTHER
            received_s = self.clock.now()
            return orders.OrderRefused(client_order_id, str(error), received_s, None, kind)
        except (ConnectionFailed, VenueError) as error:
            return orders.OrderDoubted(client_order_id, str(error))
        code = None if reply.error is None else reply.error.code
        if code == SWITCHED_OFF:
            self._access.limiter.shut(str(code))
        return answered(client_order_id, reply, self.clock.now())

    def _sent(self, client_order_id: int) -> None:
        self._orders.offer(orders.OrderSent(client_order_id, self.clock.now()))

    def _read_order(self, job: _Job, message: gateway.ReadOrder) -> object:
        client_order_id = message.new.client_order_id
        reply = self._post(job, requests.query_order(self._access.sub_account_id, client_order_id))
        if reply.error is not None and reply.error.code == NOT_FOUND:
            return orders.OrderAbsent(client_order_id, self.epoch, **self._asked(job))
        update = read_order(reply)
        if update.client_order_id != client_order_id:
            raise FrameError(GRVT, self.name, f"another order than {client_order_id}")
        return orders.OrderReported(update, self.clock.now())

    def _read_fills(self, job: _Job, message: gateway.ReadFills) -> object:
        """The fill history page by page, all of it within the one deadline."""
        newest_first: list[Fill] = []
        cursor = ""
        for pages in itertools.count(1):
            call = requests.fill_history(
                self._access.sub_account_id, start_ns=message.since_ns, cursor=cursor
            )
            page = read_fill_history(self._post(job, call))
            newest_first.extend(page.items)
            cursor = next_cursor(page.cursor, cursor, pages)
            if not cursor:
                break
            self._access.limiter.spend(self.clock.now())
        fills, now_s = tuple(reversed(newest_first)), self.clock.now()
        return orders.FillsRead(fills, self.epoch, now_s, message.since_ns, **self._asked(job))

    def _read_open_orders(self, job: _Job, _: gateway.ReadOpenOrders) -> object:
        updates = read_orders(self._post(job, requests.open_orders(self._access.sub_account_id)))
        return orders.OpenOrdersRead(updates, self.epoch, self.clock.now(), **self._asked(job))

    def _read_positions(self, job: _Job, _: gateway.ReadPositions) -> object:
        held = read_positions(self._post(job, requests.positions(self._access.sub_account_id)))
        return orders.PositionsRead(held, self.epoch, **self._asked(job))

    def _read_balances(self, job: _Job, _: gateway.ReadBalances) -> object:
        call = requests.account_summary(self._access.sub_account_id)
        return orders.BalancesRead(
            read_summary(self._post(job, call)), self.epoch, **self._asked(job)
        )

    def _cancel(self, job: _Job, message: gateway.CancelOrder) -> object:
        call = requests.cancel_order(self._access.sub_account_id, message.client_order_id)
        refusal = cancel_refusal(self._post(job, call))
        return orders.CancelAnswered(message.client_order_id, refusal)

    def _asked(self, job: _Job) -> _Asked:
        return {"by": self.name, "asked_s": job.asked_s}


def _not_sent(
    message: gateway.PlaceOrder, reason: str, refusal: Refusal | None = None
) -> orders.OrderNotSent:
    return orders.OrderNotSent(message.new.client_order_id, reason, refusal)


def _key_of(message: object) -> _Key:
    """What may be under way once: a kind of read, or one about a certain order."""
    if isinstance(message, gateway.ReadOrder | gateway.PlaceOrder):
        return type(message), message.new.client_order_id
    if isinstance(message, gateway.CancelOrder):
        return type(message), message.client_order_id
    return type(message), 0


_CARRIERS: Final[dict[type, Callable[[GrvtQueries, _Job, Any], object]]] = {
    gateway.ReadOrder: GrvtQueries._read_order,
    gateway.ReadFills: GrvtQueries._read_fills,
    gateway.ReadOpenOrders: GrvtQueries._read_open_orders,
    gateway.ReadPositions: GrvtQueries._read_positions,
    gateway.ReadBalances: GrvtQueries._read_balances,
    gateway.CancelOrder: GrvtQueries._cancel,
    gateway.PlaceOrder: GrvtQueries._place,
}
