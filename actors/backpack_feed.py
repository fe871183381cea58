"""Backpack's private websocket: what happens to our orders and positions.

The venue acknowledges no subscription, it only complains. Ready means: subscribed, a pong has come
back since, and no complaint. It repeats nothing after a gap either, so the orders actor reads
orders, fills and positions over HTTP whenever this actor is a new one.
"""

from __future__ import annotations

from typing import Final

from actors import orders
from actors.access import BackpackAccess
from actors.connection import ConnectionActor
from supervision.actor import ActorContext
from supervision.directory import parent_path
from venues.backpack.frames import ORDER_STREAM, POSITION_STREAM
from venues.backpack.streams import OrderEvent, PositionEvent, StreamRefused, decode_stream

_STREAMS: Final = (ORDER_STREAM, POSITION_STREAM)


class BackpackFeed(ConnectionActor):
    """Passes order and position events on to the orders actor, from the reader thread."""

    def __init__(self, context: ActorContext, access: BackpackAccess) -> None:
        super().__init__(context, access.connection)
        self._access = access
        self._orders = self.address(f"{parent_path(context.name)}/orders")

    def on_start(self) -> None:
        self.connect(self._access.ws_url, {})
        self.send(self._access.requests.subscribe_frame(_STREAMS).encode())
        self.ping()

    def on_pong(self) -> None:
        self.report_ready()

    def on_text(self, message: bytes, received_s: float) -> None:
        event = decode_stream(message)
        if isinstance(event, OrderEvent):
            if event.fill is not None:
                self._orders.offer(orders.FillReported(event.fill, received_s))
            self._orders.offer(orders.OrderReported(event.update, received_s))
        elif isinstance(event, PositionEvent):
            if not event.snapshot:
                self._orders.offer(orders.PositionReported(event.position))
        elif isinstance(event, StreamRefused):
            raise event.error()
