"""Backpack's private websocket: what happens to our orders and positions.

The venue acknowledges no subscription, it only complains. Ready means: subscribed, a pong has come
back since, and no complaint. The proof comes later: an execution that the gateway was answered must
be told of here as well, else nobody has subscribed us and the connection is replaced. It repeats
nothing after a gap either, so the orders actor reads orders, fills and positions over HTTP whenever
this actor is a new one.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from actors import orders
from actors.access import BackpackAccess
from actors.connection import ConnectionActor
from actors.errors import ReplyTimeout
from supervision.actor import ActorContext
from supervision.directory import parent_path
from venues.backpack.frames import ORDER_STREAM, POSITION_STREAM
from venues.backpack.streams import OrderEvent, PositionEvent, StreamRefused, decode_stream

_STREAMS: Final = (ORDER_STREAM, POSITION_STREAM)
_REMEMBERED: Final = 256  # orders told of: far more than are answered within a reply's time


class OrderAnswered(msgspec.Struct, frozen=True):
    """From the gateway: this order, written after ``sent_s`` (monotonic), has executed."""

    client_order_id: int
    sent_s: float


class NewsDue(msgspec.Struct, frozen=True):
    """That order should have been told of by now."""

    client_order_id: int


class BackpackFeed(ConnectionActor):
    """Passes order and position events on to the orders actor, from the reader thread."""

    def __init__(self, context: ActorContext, access: BackpackAccess) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._orders = self.address(f"{parent_path(context.name)}/orders")
        self._ready_s = float("inf")
        self._told_of: deque[int | None] = deque(maxlen=_REMEMBERED)

    def on_start(self) -> None:
        self._access.limiter.enter(self.name, self.clock.now())
        self.connect(self._access.ws_url, {})
        self.send(self._access.requests.subscribe_frame(_STREAMS).encode())
        self.ping()
        self.expect_ready(self.timing.reply_timeout_s)

    def on_message(self, message: object) -> object:
        if isinstance(message, OrderAnswered):
            if message.sent_s > self._ready_s:
                limit_s = self.timing.reply_timeout_s
                self.after(limit_s, NewsDue(message.client_order_id))
            return None
        if isinstance(message, NewsDue):
            if message.client_order_id not in tuple(self._told_of):
                what = f"news of order {message.client_order_id}: not subscribed?"
                raise ReplyTimeout(self.name, what, self.timing.reply_timeout_s)
            return None
        return super().on_message(message)

    def on_pong(self) -> None:
        self._ready_s = min(self._ready_s, self.clock.now())
        self.report_ready()

    def on_text(self, message: bytes, received_s: float) -> None:
        event = decode_stream(message)
        if isinstance(event, OrderEvent):
            self._told_of.append(event.update.client_order_id)
            if event.fill is not None:
                self._orders.offer(orders.FillReported(event.fill, received_s))
            self._orders.offer(orders.OrderReported(event.update, received_s))
        elif isinstance(event, PositionEvent):
            if not event.snapshot:
                self._orders.offer(orders.PositionReported(event.position))
        elif isinstance(event, StreamRefused):
            raise event.error()
