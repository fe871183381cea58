"""The order lifecycle of one venue: every order, through every loss of its connections.

It stands before the connections in the venue's tree and survives them. What to do is decided by
``trading.order_manager``; this actor carries it out: to the journal, to the gateway, to the desks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors import gateway
from actors.journal import IntentRecorded, RecordIntent, RecordOrder
from supervision.actor import ActorContext, SupervisedActor
from supervision.errors import Unavailable
from supervision.states import ChildState, StatusMessage
from trading import order_manager as manager
from trading.order_manager import Effect, OrderManager, OrderTiming
from trading.orders import OrderView
from venues.model import Fill, NewOrder, OrderUpdate, Position


class SubmitOrder(msgspec.Struct, frozen=True):
    """From a desk: send this. One that adds risk waits for the journal."""

    new: NewOrder
    adds_risk: bool
    desk: str


class AdoptOrder(msgspec.Struct, frozen=True):
    """From a desk: an earlier incarnation of this actor may have sent this. Find out."""

    new: NewOrder
    desk: str


class ReleaseOrders(msgspec.Struct, frozen=True):
    """From a desk: nothing of these is needed any more."""

    client_order_ids: tuple[int, ...]


class VerifyPositions(msgspec.Struct, frozen=True):
    """From a desk: read the positions at the venue anew and publish them."""


class OrderSent(msgspec.Struct, frozen=True):
    """From the gateway: written to the socket at ``sent_s`` (monotonic)."""

    client_order_id: int
    sent_s: float


class OrderNotSent(msgspec.Struct, frozen=True):
    """From the gateway: nothing of it has left the process."""

    client_order_id: int
    reason: str


class OrderReported(msgspec.Struct, frozen=True):
    """From gateway or feed: what the venue says of an order."""

    update: OrderUpdate
    received_s: float


class OrderRefused(msgspec.Struct, frozen=True):
    """From the gateway: the venue refused it, for certain."""

    client_order_id: int
    reason: str
    received_s: float


class OrderDoubted(msgspec.Struct, frozen=True):
    """From the gateway: sent or perhaps sent, and no answer to go by."""

    client_order_id: int
    reason: str


class OrderAbsent(msgspec.Struct, frozen=True):
    """From the gateway: the venue, asked, does not know the order."""

    client_order_id: int
    epoch: int


class FillReported(msgspec.Struct, frozen=True):
    """From the feed: one execution."""

    fill: Fill
    received_s: float


class PositionReported(msgspec.Struct, frozen=True):
    """From the feed: a position changed."""

    position: Position


class FillsRead(msgspec.Struct, frozen=True):
    """From the gateway: everything executed since the moment asked for."""

    fills: tuple[Fill, ...]
    epoch: int
    received_s: float


class OpenOrdersRead(msgspec.Struct, frozen=True):
    """From the gateway: everything that rests."""

    updates: tuple[OrderUpdate, ...]
    epoch: int
    received_s: float


class PositionsRead(msgspec.Struct, frozen=True):
    """From the gateway: all positions."""

    positions: tuple[Position, ...]
    epoch: int


class ConnectionChanged(msgspec.Struct, frozen=True):
    """Status of the gateway or the feed."""

    status: StatusMessage


class JournalChanged(msgspec.Struct, frozen=True):
    """Status of the journal."""

    status: StatusMessage


class PollDue(msgspec.Struct, frozen=True):
    """Time to ask for what is unresolved."""


# What a desk hears from here.


class OrderProgressed(msgspec.Struct, frozen=True):
    """What is known of one of the desk's orders."""

    venue: str
    epoch: int
    view: OrderView


class VenueReadiness(msgspec.Struct, frozen=True):
    """Whether the venue takes orders, and new risk. A new ``epoch`` has forgotten all orders."""

    venue: str
    epoch: int
    ready: bool
    new_risk: bool
    detail: str


class PositionsHeld(msgspec.Struct, frozen=True):
    """The venue's positions in our symbols, read after a reconciliation or on request.

    Unless ``settled``, orders without a known outcome may or may not be in it. From ``since_s``
    (monotonic) on, every order of the venue has been known to the actor that says this.
    """

    venue: str
    sizes: dict[str, Decimal]
    settled: bool
    since_s: float = 0.0


class DriftFound(msgspec.Struct, frozen=True):
    """The venue holds something that our orders do not explain."""

    venue: str
    detail: str


_UP: Final = (ChildState.RUNNING, ChildState.HALF_OPEN)


class Orders(SupervisedActor):
    """One per venue. ``gateway_id`` and ``feed_id`` are siblings, and may be the same one."""

    def __init__(
        self,
        context: ActorContext,
        *,
        symbols: frozenset[str],
        timing: OrderTiming,
        gateway_name: str,
        feed_name: str,
        desks: tuple[str, ...],
    ) -> None:
        super().__init__(context)
        self.venue = context.name.partition("/")[0]
        self._manager = OrderManager(self.venue, symbols, timing, time.time_ns())
        self._timing = timing
        self._gateway = self.address(gateway_name)
        self._connections: dict[str, StatusMessage | None] = {gateway_name: None, feed_name: None}
        self._desks = {name: self.address(name) for name in desks}
        self._desk_of: dict[int, str] = {}
        self._journal = self.address("journal")
        self._journal_epoch = 0
        self._since_s = 0.0
        self._was_up = False

    def on_start(self) -> None:
        self._since_s = self.clock.now()
        for name in self._connections:
            self.watch(name, ConnectionChanged)
        for desk in self._desks:
            self.watch(desk, ConnectionChanged)
        self.watch(self._journal.name, JournalChanged)
        self.after(self._timing.doubt_poll_s, PollDue())

    def on_message(self, message: object) -> None:
        effects = self._handle(message)
        if effects is None:
            super().on_message(message)
        else:
            self._carry_out(effects)

    # -- events in -------------------------------------------------------------------------------

    def _handle(self, message: object) -> list[Effect] | None:
        handler = _HANDLERS.get(type(message))
        return None if handler is None else handler(self, message)

    def _submit(self, message: SubmitOrder) -> list[Effect]:
        self._desk_of[message.new.client_order_id] = message.desk
        return self._manager.submit(message.new, adds_risk=message.adds_risk)

    def _adopt(self, message: AdoptOrder) -> list[Effect]:
        self._desk_of[message.new.client_order_id] = message.desk
        return self._manager.adopt(message.new, self.clock.now())

    def _release(self, message: ReleaseOrders) -> list[Effect]:
        for client_order_id in message.client_order_ids:
            self._desk_of.pop(client_order_id, None)
        self._manager.forget(frozenset(self._desk_of))
        return []

    def _intent_recorded(self, message: IntentRecorded) -> list[Effect]:
        if message.error:
            return self._manager.intent_refused(message.client_order_id, message.error)
        return self._manager.intent_recorded(message.client_order_id)

    def _absent(self, message: OrderAbsent) -> list[Effect]:
        if message.epoch != self._gateway_epoch():
            return []
        return self._manager.absent(message.client_order_id, self.clock.now())

    def _fills_read(self, message: FillsRead) -> list[Effect]:
        if message.epoch != self._gateway_epoch():
            return []
        return self._manager.fills_read(message.fills, message.received_s)

    def _open_orders_read(self, message: OpenOrdersRead) -> list[Effect]:
        if message.epoch != self._gateway_epoch():
            return []
        return self._manager.open_orders_read(message.updates, message.received_s)

    def _positions_read(self, message: PositionsRead) -> list[Effect]:
        if message.epoch != self._gateway_epoch():
            return []
        return self._manager.positions_read(message.positions)

    def _poll(self, _: PollDue) -> list[Effect]:
        self.after(self._timing.doubt_poll_s, PollDue())
        return self._manager.due(self.clock.now())

    def _connection_changed(self, message: ConnectionChanged) -> list[Effect]:
        status = message.status
        if status.name in self._desks:
            if status.state in _UP:
                self._introduce(status.name)
            return []
        before = self._connections[status.name]
        self._connections[status.name] = status
        up = all(known is not None and known.up for known in self._connections.values())
        replaced = before is not None and before.epoch != status.epoch
        effects: list[Effect] = []
        if self._was_up and (not up or replaced):
            effects += self._manager.disconnected(f"{status.name} is {status.state.value}")
            self._was_up = False
        probation = any(
            known is not None and known.state is ChildState.HALF_OPEN
            for known in self._connections.values()
        )
        if up and not self._was_up:
            effects += self._manager.connected(self.clock.now(), probation=probation)
        elif up and self._manager.probation and not probation:
            effects += self._manager.proven()
        self._was_up = up
        return effects

    def _journal_changed(self, message: JournalChanged) -> list[Effect]:
        status = message.status
        if status.state is ChildState.RUNNING and status.epoch == self._journal_epoch:
            return []
        self._journal_epoch = status.epoch
        # What the last incarnation was asked and has not answered died with its inbox.
        return self._manager.journal_lost(f"journal is {status.state.value}")

    def _introduce(self, desk: str) -> None:
        """A desk (anew): tell it where things stand."""
        ready = self._manager.ready
        new_risk = ready and not self._manager.probation
        self._desks[desk].offer(
            VenueReadiness(self.venue, self.epoch, ready, new_risk, "" if ready else "connecting")
        )
        if ready:
            self._gateway.offer(gateway.ReadPositions())

    def _gateway_epoch(self) -> int:
        status = self._connections[self._gateway.name]
        return 0 if status is None else status.epoch

    # -- effects out -----------------------------------------------------------------------------

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out_one(effect)

    def _carry_out_one(self, effect: Effect) -> None:
        if isinstance(effect, manager.SendOrder):
            self._send(effect.new)
        elif isinstance(effect, manager.RecordIntent):
            self._make_durable(effect.new)
        elif isinstance(effect, manager.PublishOrder):
            self._publish(effect.view)
        elif isinstance(effect, manager.PublishReadiness):
            self._publish_readiness(effect)
        elif isinstance(effect, manager.PublishPositions):
            self._tell_desks(
                PositionsHeld(self.venue, dict(effect.sizes), effect.settled, self._since_s)
            )
        elif isinstance(effect, manager.PublishDrift):
            self.log.error("drift: {}", effect.detail)
            self._tell_desks(DriftFound(self.venue, effect.detail))
        elif isinstance(effect, manager.AskOrder):
            self._read(gateway.ReadOrder(effect.new))
        elif isinstance(effect, manager.AskFills):
            self._read(gateway.ReadFills(effect.since_ns))
        elif isinstance(effect, manager.AskOpenOrders):
            self._read(gateway.ReadOpenOrders())
        else:
            self._read(gateway.ReadPositions())

    def _send(self, new: NewOrder) -> None:
        try:
            self._gateway.tell(gateway.PlaceOrder(new), half_open=True)
        except Unavailable as error:
            self._carry_out(self._manager.not_sent(new.client_order_id, str(error)))

    def _make_durable(self, new: NewOrder) -> None:
        desk = self._desk_of.get(new.client_order_id, "")
        try:
            self._journal.tell(RecordIntent(new, self.venue, desk, self.name))
        except Unavailable as error:
            self._carry_out(self._manager.intent_refused(new.client_order_id, str(error)))

    def _read(self, request: gateway.GatewayRequest) -> None:
        # An unanswered question is asked again when it is due; nothing is concluded meanwhile.
        self._gateway.offer(request)

    def _publish(self, view: OrderView) -> None:
        desk = self._desk_of.get(view.client_order_id)
        if desk is not None:
            self._desks[desk].offer(OrderProgressed(self.venue, self.epoch, view))
        if view.state.resolved:
            self._journal.offer(RecordOrder(self.venue, view))

    def _publish_readiness(self, effect: manager.PublishReadiness) -> None:
        word = "ready" if effect.ready else "not ready"
        self.log.info("{} is {}{}", self.venue, word, f": {effect.detail}" if effect.detail else "")
        self._tell_desks(
            VenueReadiness(self.venue, self.epoch, effect.ready, effect.new_risk, effect.detail)
        )

    def _tell_desks(self, message: object) -> None:
        for desk in self._desks.values():
            desk.offer(message)


_HANDLERS: Final[dict[type, Callable[[Orders, Any], list[Effect]]]] = {
    SubmitOrder: Orders._submit,
    AdoptOrder: Orders._adopt,
    ReleaseOrders: Orders._release,
    VerifyPositions: lambda _self, _message: [manager.AskPositions()],
    IntentRecorded: Orders._intent_recorded,
    OrderSent: lambda self, m: self._manager.sent(m.client_order_id, m.sent_s),
    OrderNotSent: lambda self, m: self._manager.not_sent(m.client_order_id, m.reason),
    OrderReported: lambda self, m: self._manager.updated(m.update, m.received_s),
    OrderRefused: lambda self, m: self._manager.refused(m.client_order_id, m.reason, m.received_s),
    OrderDoubted: lambda self, m: self._manager.doubted(
        m.client_order_id, m.reason, self.clock.now()
    ),
    OrderAbsent: Orders._absent,
    FillReported: lambda self, m: self._manager.filled(m.fill, m.received_s),
    PositionReported: lambda self, m: self._manager.position_seen(m.position),
    FillsRead: Orders._fills_read,
    OpenOrdersRead: Orders._open_orders_read,
    PositionsRead: Orders._positions_read,
    ConnectionChanged: Orders._connection_changed,
    JournalChanged: Orders._journal_changed,
    PollDue: Orders._poll,
}
