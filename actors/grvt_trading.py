"""GRVT's private websocket: order entry, queries, and the private feed, on one socket.

Requests go out from the actor's thread; the reader thread matches replies to requests by their id
and passes everything on to the orders actor itself, so that a fill takes no extra hop. When the
connection dies, the orders actor learns of it by this actor's status: nothing pending is answered
here, resent, or guessed at.

What fails how: a frame that does not decode may have been a fill, so it ends the connection, and
the next one reconciles. The answer to an order that says nothing leaves that order in doubt. A read
that says nothing is asked again, and only READ_FAILURES of them in a row end the connection. A
refused session has the login renewed and ends it.
"""

from __future__ import annotations

import itertools
from typing import Final, NoReturn

import msgspec

from actors import gateway, orders
from actors import grvt_placing as placing
from actors.access import GrvtAccess
from actors.connection import ConnectionActor
from actors.errors import ConnectionFailed, HandshakeRefused, ReplyTimeout
from actors.grvt_session import GetSession, MeasureClock, RenewSession
from supervision.actor import ActorContext
from supervision.directory import parent_path
from supervision.errors import Stalled
from supervision.timers import Timer
from trading.request_budget import Lane
from venues.errors import FrameError, SessionRefused, VenueRefused
from venues.grvt import (
    Outcome,
    OutcomeUnknown,
    Reply,
    RpcError,
    SequenceTracker,
    Session,
    decode_frame,
    encode_call,
    encode_subscribe,
    requests,
)
from venues.grvt.codec import FILL_STREAM, ORDER_STREAM, POSITION_STREAM, account_selector
from venues.grvt.errors import NOT_FOUND, RATE_LIMITED, SWITCHED_OFF, TTL_OFF, TTL_TOO_LONG
from venues.grvt.reading import (
    next_cursor,
    read_ack,
    read_fill_history,
    read_order,
    read_orders,
    read_positions,
    read_stream,
    read_subscription,
    read_summary,
)
from venues.grvt.requests import Call
from venues.model import GRVT, Fill, OrderUpdate, Position, Refusal

_STREAMS: Final = (ORDER_STREAM, FILL_STREAM, POSITION_STREAM)
_UNAUTHORIZED: Final = 401
READ_FAILURES: Final = 5
"""Maintenance and rate limits last for minutes, and a new connection cures neither; but the one
gateway behind this socket may be the trouble, so after a few failures in a row another is tried."""

# A venue that holds us back is there, and asking from a new connection makes it worse.
_ASK_LATER: Final = (Outcome.RATE_LIMITED, Outcome.REFUSED_NOW)

_COUNTDOWN_MS: Final = 10_000
"""Without a sign of us for so long the venue cancels what rests; refreshed three times as often."""

_LONGEST_TTL_MS: Final = 5_000
_PROBE_S: Final = 3.0


class ReplyDue(msgspec.Struct, frozen=True):
    """The reply to this request, made at ``asked_s``, should be here by now."""

    request_id: int
    asked_s: float


class ReadFillsPage(msgspec.Struct, frozen=True):
    """From the reader: the history goes on; ``so_far``, of ``pages``, is newest first."""

    since_ns: int
    cursor: str = ""
    so_far: tuple[Fill, ...] = ()
    pages: int = 0


class Subscribe(msgspec.Struct, frozen=True):
    """A pending subscription."""

    stream: str
    selector: str


class ProbeDue(msgspec.Struct, frozen=True):
    """Time to ask, if the venue was closed when last heard of, whether it takes orders again."""


class CountdownDue(msgspec.Struct, frozen=True):
    """Time to tell the venue that we are still here."""


class GrvtTrading(ConnectionActor):
    """Ready once all private streams have been accepted by the venue."""

    def __init__(self, context: ActorContext, access: GrvtAccess) -> None:
        super().__init__(context, access.connection)
        self._access = access
        prefix = parent_path(context.name)
        self._orders = self.address(f"{prefix}/orders")
        self._session = self.address(f"{prefix}/session")
        self._sequence = SequenceTracker()
        self._pending: dict[int, object] = {}
        self._request_ids = itertools.count(1)
        self._unconfirmed = set(_STREAMS)
        self._login: Session | None = None
        self._limiter = access.limiter
        self._read_failures = 0
        self._guarding = False
        self._countdown: Timer | None = None
        # It closes the race of a cancel with its order: one that comes later is dropped.
        self._cancel_ttl_ms: int | None = min(_LONGEST_TTL_MS, int(self.timing.expiry_s * 1000))

    # -- actor thread ----------------------------------------------------------------------------

    def on_start(self) -> None:
        self._limiter.enter(self.name, self.clock.now())
        session: Session = self._session.ask(
            GetSession(), timeout_s=self.timing.connect_timeout_s, half_open=True
        )
        self._login = session
        try:
            self.connect(self._access.endpoints.trades_socket, session.headers)
        except HandshakeRefused as error:
            if error.status == _UNAUTHORIZED:
                self._session.offer(RenewSession(session))
            self._limiter.answered(error.status, (), known=False, now_s=self.clock.now())
            raise
        selector = account_selector(self._access.sub_account_id)
        for stream in _STREAMS:
            request_id = self._expect(Subscribe(stream, selector))
            self.send(encode_subscribe(stream, (selector,), request_id))
        self.after(_PROBE_S, ProbeDue())

    def on_message(self, message: object) -> object:
        if isinstance(message, gateway.PlaceOrder):
            self._place(message)
        elif isinstance(message, ReplyDue):
            self._reply_due(message)
        elif isinstance(message, gateway.GuardResting):
            self._guard(on=message.on)
        elif isinstance(message, ProbeDue):
            self._probe()
        elif isinstance(message, CountdownDue):
            if self._guarding:  # it may have been under way when the last order was over
                self._count_down(_COUNTDOWN_MS)
        else:
            call = self._call_for(message)
            if call is None:
                return super().on_message(message)
            if self._may_send(message):
                self.send(encode_call(call, self._expect(message)))
        return None

    def on_unhandled(self, message: object) -> None:
        if (told := placing.unsent(message)) is not None:
            self._orders.offer(told)

    def _may_send(self, message: object) -> bool:
        now_s = self.clock.now()
        if isinstance(message, gateway.Question):
            held_back = self._limiter.take(message.lane, now_s)
            if held_back:
                self._orders.offer(gateway.ReadWithheld(message))
            return not held_back
        self._limiter.spend(now_s)  # a cancel can't wait, and a page belongs to a read under way
        return True

    def _place(self, message: gateway.PlaceOrder) -> None:
        new = message.new
        held_back = self._limiter.take(message.lane, self.clock.now())
        if held_back:
            self._orders.tell(orders.OrderNotSent(new.client_order_id, held_back, Refusal.RATE))
            return
        call = placing.made_out(self._access, new, self.clock.now())
        if isinstance(call, str):
            self._orders.tell(orders.OrderNotSent(new.client_order_id, call))
            return
        frame = encode_call(call, self._expect(message))
        try:
            sent_s = self.send(frame)
        except Stalled as error:
            self._orders.offer(orders.OrderNotSent(new.client_order_id, str(error)))
            raise
        except ConnectionFailed as error:
            # Part of the frame may be on the wire: nobody knows what the venue makes of it.
            self._orders.tell(orders.OrderDoubted(new.client_order_id, str(error)))
            raise
        self._orders.tell(orders.OrderSent(new.client_order_id, sent_s))

    def _probe(self) -> None:
        self.after(_PROBE_S, ProbeDue())
        now_s = self.clock.now()
        if self._limiter.closed and not self._limiter.take(Lane.DOUBT, now_s):
            self.send(encode_call(placing.probe(self._access, now_s), self._expect(ProbeDue())))

    def _guard(self, *, on: bool) -> None:
        """Arm the venue's countdown and keep refreshing it, or switch it off."""
        if self._countdown is not None:
            self._countdown.cancel()
        self._guarding = on
        self._count_down(_COUNTDOWN_MS if on else 0)

    def _count_down(self, countdown_ms: int) -> None:
        if self._guarding:
            self._countdown = self.after(_COUNTDOWN_MS / 3_000, CountdownDue())
        self._limiter.spend(self.clock.now())
        call = requests.cancel_on_disconnect(self._access.sub_account_id, countdown_ms)
        self.send(encode_call(call, self._expect(CountdownDue())))

    def _call_for(self, message: object) -> Call | None:
        sub_account_id = self._access.sub_account_id
        if isinstance(message, gateway.ReadOrder):
            return requests.query_order(sub_account_id, message.new.client_order_id)
        if isinstance(message, gateway.ReadFills):
            return requests.fill_history(sub_account_id, start_ns=message.since_ns)
        if isinstance(message, ReadFillsPage):
            return requests.fill_history(
                sub_account_id, start_ns=message.since_ns, cursor=message.cursor
            )
        if isinstance(message, gateway.ReadOpenOrders):
            return requests.open_orders(sub_account_id)
        if isinstance(message, gateway.ReadPositions):
            return requests.positions(sub_account_id)
        if isinstance(message, gateway.ReadBalances):
            return requests.account_summary(sub_account_id)
        if isinstance(message, gateway.CancelOrder):
            return requests.cancel_order(
                sub_account_id, message.client_order_id, time_to_live_ms=self._cancel_ttl_ms
            )
        return None

    def _expect(self, request: object) -> int:
        request_id = next(self._request_ids)
        self._pending[request_id] = request
        self.after(self._limit_s(request), ReplyDue(request_id, self.clock.now()))
        return request_id

    def _limit_s(self, request: object) -> float:
        quick = isinstance(request, gateway.PlaceOrder | gateway.CancelOrder | Subscribe)
        return self.timing.reply_timeout_s if quick else self.timing.read_timeout_s

    def _reply_due(self, message: ReplyDue) -> None:
        if (request := self._pending.pop(message.request_id, None)) is None:
            return
        timeout_s = self._limit_s(request)
        reason = f"no reply in {timeout_s:g} s"
        if isinstance(request, gateway.PlaceOrder):
            self._orders.tell(orders.OrderDoubted(request.new.client_order_id, reason))
        elif isinstance(request, gateway.CancelOrder):
            self._orders.tell(orders.CancelAnswered(request.client_order_id, reason))
        # One that is there answers pings all the while: then the reply is late, and no more.
        quick = isinstance(request, gateway.PlaceOrder | gateway.CancelOrder)
        if quick and not self.silent_since(message.asked_s):
            return
        # A venue that does not answer questions is not there, whatever its pongs say.
        raise ReplyTimeout(self.name, type(request).__name__, timeout_s)

    # -- reader thread ---------------------------------------------------------------------------

    def on_text(self, message: bytes, received_s: float) -> None:
        frame = decode_frame(message, self.name)
        if isinstance(frame, Reply):
            request = self._pending.pop(frame.request_id or 0, None)
            if request is not None:
                self._replied(request, frame, received_s)
        elif self._sequence.accept(frame):
            self._report(read_stream(frame), received_s)

    def _report(self, news: object, received_s: float) -> None:
        if isinstance(news, OrderUpdate):
            self._orders.offer(orders.OrderReported(news, received_s))
        elif isinstance(news, Fill):
            self._orders.offer(orders.FillReported(news, received_s))
        elif isinstance(news, Position):
            self._orders.offer(orders.PositionReported(news))

    def _replied(self, request: object, reply: Reply, received_s: float) -> None:
        if reply.error is not None and reply.error.outcome is Outcome.SESSION:
            self._session_refused(request, reply.error, received_s)
        self._note_door(request, reply, received_s)
        if isinstance(request, Subscribe):
            self._subscribed(request, reply)
        elif isinstance(request, gateway.PlaceOrder):
            self._orders.offer(placing.answered(request.new.client_order_id, reply, received_s))
        elif isinstance(request, gateway.CancelOrder):
            self._cancelled(request.client_order_id, reply)
        elif not isinstance(request, ProbeDue):
            self._answered(request, reply, received_s)

    def _note_door(self, request: object, reply: Reply, received_s: float) -> None:
        """What the reply says of our requests, and whether the venue takes orders."""
        error, now_s = reply.error, self.clock.now()
        code = None if error is None else error.code
        if code == RATE_LIMITED:
            self._limiter.turned_away(now_s)
        elif code == SWITCHED_OFF:
            self._limiter.shut(str(code))
        elif code in placing.REFUSED_FOR_TIME and isinstance(request, gateway.PlaceOrder):
            self._session.offer(MeasureClock(received_s))
        elif isinstance(request, gateway.PlaceOrder | ProbeDue) and (
            error is None or error.outcome.definite
        ):
            self._limiter.clean(now_s)

    def _session_refused(self, request: object, error: RpcError, received_s: float) -> NoReturn:
        """Nothing was executed; the login is to be renewed, and this connection is over."""
        if isinstance(request, gateway.PlaceOrder):
            self._orders.offer(placing.refused(request.new.client_order_id, error, received_s))
        if self._login is not None:
            self._session.offer(RenewSession(self._login))
        raise SessionRefused(GRVT, 0, str(error.code), error.message)

    def _subscribed(self, request: Subscribe, reply: Reply) -> None:
        subscription = read_subscription(reply)
        if subscription.missing((request.selector,)):
            raise FrameError(GRVT, self.name, f"not subscribed to {request.stream}")
        self._sequence.subscribed(subscription)
        self._unconfirmed.discard(request.stream)
        if not self._unconfirmed:
            self.report_ready()

    def _cancelled(self, client_order_id: int, reply: Reply) -> None:
        code = None if reply.error is None else reply.error.code
        again = code in (TTL_OFF, TTL_TOO_LONG) and self._cancel_ttl_ms is not None
        if again:
            self._cancel_ttl_ms = None
        refusal = placing.cancel_refusal(reply)
        self._orders.offer(orders.CancelAnswered(client_order_id, refusal, again))

    def _answered(self, request: object, reply: Reply, received_s: float) -> None:
        """A read; what does not say anything is no answer, and is asked again when it is due."""
        try:
            self._report_read(request, reply, received_s)
        except (FrameError, OutcomeUnknown, VenueRefused) as error:
            held_back = reply.error is not None and reply.error.outcome in _ASK_LATER
            self._read_failures += not held_back
            if self._read_failures >= READ_FAILURES:
                raise
            self.log.warning("{} not answered: {}", type(request).__name__, error)
        else:
            self._read_failures = 0

    def _report_read(self, request: object, reply: Reply, received_s: float) -> None:
        if isinstance(request, gateway.ReadOrder):
            self._order_read(request.new.client_order_id, reply, received_s)
        elif isinstance(request, gateway.ReadFills | ReadFillsPage):
            self._fills_read(request, reply, received_s)
        elif isinstance(request, gateway.ReadOpenOrders):
            updates = read_orders(reply)
            self._orders.offer(orders.OpenOrdersRead(updates, self.epoch, received_s))
        elif isinstance(request, gateway.ReadBalances):
            self._orders.offer(orders.BalancesRead(read_summary(reply), self.epoch))
        elif isinstance(request, CountdownDue):
            if not read_ack(reply):
                self.log.warning("the venue did not take the countdown for resting orders")
        elif isinstance(request, gateway.ReadPositions):
            held, asked_s = read_positions(reply), request.asked_s
            self._orders.offer(orders.PositionsRead(held, self.epoch, asked_s=asked_s))

    def _order_read(self, client_order_id: int, reply: Reply, received_s: float) -> None:
        if reply.error is not None and reply.error.code == NOT_FOUND:
            self._orders.offer(orders.OrderAbsent(client_order_id, self.epoch))
            return
        update = read_order(reply)
        if update.client_order_id != client_order_id:
            raise FrameError(GRVT, self.name, f"another order than {client_order_id}")
        self._orders.offer(orders.OrderReported(update, received_s))

    def _fills_read(
        self, request: gateway.ReadFills | ReadFillsPage, reply: Reply, received_s: float
    ) -> None:
        page, since_ns = read_fill_history(reply), request.since_ns
        before = request if isinstance(request, ReadFillsPage) else ReadFillsPage(since_ns)
        fills, pages = before.so_far + page.items, before.pages + 1
        if cursor := next_cursor(page.cursor, before.cursor, pages):
            self.tell_self(ReadFillsPage(since_ns, cursor, fills, pages))
        else:
            told = tuple(reversed(fills))  # oldest first
            self._orders.offer(orders.FillsRead(told, self.epoch, received_s, since_ns))
