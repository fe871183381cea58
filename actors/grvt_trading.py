"""GRVT's private websocket: order entry, queries, and the private feed, on one socket.

Requests go out from the actor's thread; the reader thread matches replies to requests by their id
and passes everything on to the orders actor itself, so that a fill takes no extra hop. When the
connection dies, the orders actor learns of it by this actor's status: nothing pending is answered
here, resent, or guessed at.
"""

from __future__ import annotations

import itertools
from typing import Final

import msgspec

from actors import gateway, orders
from actors.access import GrvtAccess
from actors.connection import ConnectionActor
from actors.errors import ConnectionFailed, HandshakeRefused, ReplyTimeout
from actors.grvt_session import GetSession, RenewSession
from supervision.actor import ActorContext
from supervision.directory import parent_path
from venues.errors import FrameError, SessionRefused, VenueError
from venues.grvt import (
    Outcome,
    Reply,
    SequenceTracker,
    Session,
    decode_frame,
    encode_call,
    encode_subscribe,
    requests,
)
from venues.grvt.codec import FILL_STREAM, ORDER_STREAM, POSITION_STREAM, account_selector
from venues.grvt.errors import NOT_FOUND
from venues.grvt.reading import (
    read_fill_history,
    read_order,
    read_orders,
    read_positions,
    read_stream,
    read_subscription,
)
from venues.grvt.requests import Call
from venues.model import GRVT, Fill, OrderUpdate, Position

_STREAMS: Final = (ORDER_STREAM, FILL_STREAM, POSITION_STREAM)
_UNAUTHORIZED: Final = 401
# A read refused like this says nothing, and is asked again when it is due.
_ASK_LATER: Final = (Outcome.RATE_LIMITED, Outcome.REFUSED_NOW)


class ReplyDue(msgspec.Struct, frozen=True):
    """The reply to this request should be here by now."""

    request_id: int


class ReadFillsPage(msgspec.Struct, frozen=True):
    """From the reader: the history goes on; ``so_far`` is newest first."""

    since_ns: int
    cursor: str
    so_far: tuple[Fill, ...]


class Subscribe(msgspec.Struct, frozen=True):
    """A pending subscription."""

    stream: str
    selector: str


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

    # -- actor thread ----------------------------------------------------------------------------

    def on_start(self) -> None:
        session: Session = self._session.ask(GetSession(), timeout_s=self.timing.connect_timeout_s)
        try:
            self.connect(self._access.endpoints.trades_socket, session.headers)
        except HandshakeRefused as error:
            if error.status == _UNAUTHORIZED:
                self._session.offer(RenewSession(session))
            raise
        selector = account_selector(self._access.sub_account_id)
        for stream in _STREAMS:
            request_id = self._expect(Subscribe(stream, selector))
            self.send(encode_subscribe(stream, (selector,), request_id))

    def on_message(self, message: object) -> object:
        if isinstance(message, gateway.PlaceOrder):
            self._place(message)
        elif isinstance(message, ReplyDue):
            self._reply_due(message)
        else:
            call = self._call_for(message)
            if call is None:
                return super().on_message(message)
            self.send(encode_call(call, self._expect(message)))
        return None

    def _place(self, message: gateway.PlaceOrder) -> None:
        new = message.new
        try:
            instrument = self._access.instruments[new.symbol]
            signed = self._access.signer.order(new, instrument, self._access.sub_account_id)
        except (VenueError, KeyError) as error:
            self._orders.tell(orders.OrderNotSent(new.client_order_id, str(error)))
            return
        frame = encode_call(requests.create_order(signed), self._expect(message))
        try:
            sent_s = self.send(frame)
        except ConnectionFailed as error:
            # Part of the frame may be on the wire: nobody knows what the venue makes of it.
            self._orders.tell(orders.OrderDoubted(new.client_order_id, str(error)))
            raise
        self._orders.tell(orders.OrderSent(new.client_order_id, sent_s))

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
        return None

    def _expect(self, request: object) -> int:
        request_id = next(self._request_ids)
        self._pending[request_id] = request
        self.after(self._limit_s(request), ReplyDue(request_id))
        return request_id

    def _limit_s(self, request: object) -> float:
        quick = isinstance(request, gateway.PlaceOrder)
        return self.timing.reply_timeout_s if quick else self.timing.read_timeout_s

    def _reply_due(self, message: ReplyDue) -> None:
        request = self._pending.pop(message.request_id, None)
        if request is None:
            return
        timeout_s = self._limit_s(request)
        if isinstance(request, gateway.PlaceOrder):
            client_order_id = request.new.client_order_id
            reason = f"no reply in {timeout_s:g} s"
            self._orders.tell(orders.OrderDoubted(client_order_id, reason))
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
        if isinstance(request, Subscribe):
            self._subscribed(request, reply)
        elif isinstance(request, gateway.PlaceOrder):
            self._placed(request.new.client_order_id, reply, received_s)
        elif reply.error is not None and reply.error.outcome in _ASK_LATER:
            self.log.warning("{} refused: {}", type(request).__name__, reply.error)
        elif isinstance(request, gateway.ReadOrder):
            self._order_read(request.new.client_order_id, reply, received_s)
        elif isinstance(request, gateway.ReadFills | ReadFillsPage):
            self._fills_read(request, reply, received_s)
        elif isinstance(request, gateway.ReadOpenOrders):
            updates = read_orders(reply)
            self._orders.offer(orders.OpenOrdersRead(updates, self.epoch, received_s))
        else:
            self._orders.offer(orders.PositionsRead(read_positions(reply), self.epoch))

    def _subscribed(self, request: Subscribe, reply: Reply) -> None:
        subscription = read_subscription(reply)
        if subscription.missing((request.selector,)):
            raise FrameError(GRVT, self.name, f"not subscribed to {request.stream}")
        self._sequence.subscribed(subscription)
        self._unconfirmed.discard(request.stream)
        if not self._unconfirmed:
            self.report_ready()

    def _placed(self, client_order_id: int, reply: Reply, received_s: float) -> None:
        if reply.error is None:
            self._orders.offer(orders.OrderReported(read_order(reply), received_s))
            return
        reason = f"{reply.error.code} {reply.error.message}"
        if reply.error.outcome is Outcome.UNKNOWN:
            self._orders.offer(orders.OrderDoubted(client_order_id, reason))
            return
        self._orders.offer(orders.OrderRefused(client_order_id, reason, received_s))
        if reply.error.outcome is Outcome.SESSION:
            raise SessionRefused(GRVT, 0, str(reply.error.code), reply.error.message)

    def _order_read(self, client_order_id: int, reply: Reply, received_s: float) -> None:
        if reply.error is not None and reply.error.code == NOT_FOUND:
            self._orders.offer(orders.OrderAbsent(client_order_id, self.epoch))
        else:
            self._orders.offer(orders.OrderReported(read_order(reply), received_s))

    def _fills_read(
        self, request: gateway.ReadFills | ReadFillsPage, reply: Reply, received_s: float
    ) -> None:
        page = read_fill_history(reply)
        so_far = request.so_far if isinstance(request, ReadFillsPage) else ()
        fills = so_far + page.items
        if page.cursor:
            self.tell_self(ReadFillsPage(request.since_ns, page.cursor, fills))
        else:
            oldest_first = tuple(reversed(fills))
            self._orders.offer(orders.FillsRead(oldest_first, self.epoch, received_s))
