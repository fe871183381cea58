"""The order lifecycle of one venue: every order, through every loss of its connections.

It stands before the connections in the venue's tree and survives them. ``trading.order_manager``
decides, ``actors.orders_outbox`` carries out. Each life of the journal is asked for its history.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from actors.gateway import Answered, ReadWithheld
from actors.journal import IntentRecorded, LoadVenue, VenueHistory
from actors.orders_journal import JournalLink
from actors.orders_links import LinkNames, Links
from actors.orders_outbox import (
    DriftFound,
    OrderProgressed,
    Outbox,
    PositionsHeld,
    VenueBalances,
    VenueReadiness,
)
from actors.request_limiter import RequestLimiter
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState, StatusMessage
from trading.order_manager import Effect, OrderManager, OrderTiming
from venues.errors import KeyRefusal
from venues.model import AccountSummary, Fill, NewOrder, OrderUpdate, Position, Refusal

__all__ = [
    "AdoptOrder", "BalancesRead", "CancelAnswered", "CancelOrder", "ClockChecked",
    "ConnectionChanged", "DriftFound", "FillReported", "FillsRead", "JournalChanged",
    "OpenOrdersRead", "OrderAbsent", "OrderDoubted", "OrderNotSent", "OrderProgressed",
    "OrderRefused", "OrderReported", "OrderSent", "Orders", "PollDue", "PositionReported",
    "PositionsHeld", "PositionsRead", "ReleaseOrders", "SubmitOrder", "VenueBalances",
    "VenueReadiness", "VerifyPositions",
]  # fmt: skip


class SubmitOrder(msgspec.Struct, frozen=True):
    """From a desk: send this, of ``decided_s`` (monotonic). New risk is journalled first."""

    new: NewOrder
    adds_risk: bool
    desk: str
    decided_s: float | None = None


class AdoptOrder(msgspec.Struct, frozen=True):
    """From a desk: an earlier incarnation of this actor may have sent this. Find out."""

    new: NewOrder
    desk: str
    decided_s: float | None = None


class CancelOrder(msgspec.Struct, frozen=True):
    """From a desk: have it cancelled. What became of it is told by OrderProgressed."""

    client_order_id: int


class ReleaseOrders(msgspec.Struct, frozen=True):
    """From a desk whose cycle is over: nothing of these is needed any more."""

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
    refusal: Refusal | None = None


class OrderReported(msgspec.Struct, frozen=True):
    """From gateway or feed: what the venue says of an order."""

    update: OrderUpdate
    received_s: float


class OrderRefused(msgspec.Struct, frozen=True):
    """From the gateway: the venue refused it, for certain, for what, and perhaps over our key."""

    client_order_id: int
    reason: str
    received_s: float
    key_refusal: KeyRefusal | None = None
    refusal: Refusal | None = None


class OrderDoubted(msgspec.Struct, frozen=True):
    """From the gateway: sent or perhaps sent, and no answer to go by."""

    client_order_id: int
    reason: str


class OrderAbsent(Answered, frozen=True):
    """From the gateway: the venue, asked, does not know the order."""

    client_order_id: int
    epoch: int


class CancelAnswered(msgspec.Struct, frozen=True):
    """From the gateway: a cancel was taken for processing, or refused (``refusal``).

    ``again``: refused for something that has been put right, such as our clock.
    """

    client_order_id: int
    refusal: str = ""
    again: bool = False


class FillReported(msgspec.Struct, frozen=True):
    """From the feed: one execution."""

    fill: Fill
    received_s: float


class PositionReported(msgspec.Struct, frozen=True):
    """From the feed: a position changed."""

    position: Position


class FillsRead(Answered, frozen=True):
    """From the gateway: everything executed since ``since_ns`` (UTC), the moment asked for."""

    fills: tuple[Fill, ...]
    epoch: int
    received_s: float
    since_ns: int = 0


class OpenOrdersRead(Answered, frozen=True):
    """From the gateway: everything that rests."""

    updates: tuple[OrderUpdate, ...]
    epoch: int
    received_s: float


class PositionsRead(Answered, frozen=True):
    """From the gateway: all positions."""

    positions: tuple[Position, ...]
    epoch: int


class BalancesRead(Answered, frozen=True):
    """From the gateway: the account's money."""

    summary: AccountSummary
    epoch: int


class ClockChecked(msgspec.Struct, frozen=True):
    """From who measures the venue's clock: "", or why no new risk should be signed by ours."""

    trouble: str = ""


class ConnectionChanged(msgspec.Struct, frozen=True):
    """Status of the gateway or the feed."""

    status: StatusMessage


class JournalChanged(msgspec.Struct, frozen=True):
    """Status of the journal."""

    status: StatusMessage


class PollDue(msgspec.Struct, frozen=True):
    """Time to ask for what is unresolved."""


class Orders(SupervisedActor):
    """One per venue. ``links``: its siblings that are connected to the venue.

    ``is_ours`` knows order ids of earlier lives of the service; ``money`` are told of balances,
    ``limiter`` of requests.
    """

    def __init__(
        self,
        context: ActorContext,
        *,
        symbols: frozenset[str],
        timing: OrderTiming,
        links: LinkNames,
        desks: tuple[str, ...],
        is_ours: Callable[[int], bool] = lambda _: False,
        money: tuple[str, ...] = (),
        limiter: RequestLimiter | None = None,
    ) -> None:
        super().__init__(context)
        self.venue = context.name.partition("/")[0]
        self._manager = OrderManager(
            self.venue, symbols, timing, time.time_ns(), started_s=self.clock.now(),
            awaits_history=True, is_ours=is_ours,
        )  # fmt: skip
        self._timing = timing
        self._now = self.clock.now
        self._limiter = limiter or RequestLimiter()
        self._links = Links(links)
        self._desks = {name: self.address(name) for name in desks}
        self._journal = self.address("journal")
        self._journal_link = JournalLink()
        self._was_up = False
        self._outbox = Outbox(
            self.venue,
            self.epoch,
            self._manager,
            self.log,
            own=self.address(self.name),
            gateway_address=self.address(links.gateway),
            journal_address=self._journal,
            desks=self._desks,
            money=tuple(self.address(name) for name in money),
            board=self.address("board"),
            now=self._now,
            usage=lambda: self._limiter.usage(self._now()),
            unreached=self._unreached,
        )

    def on_start(self) -> None:
        self._outbox.since_s = self.clock.now()
        for name in dict.fromkeys((*self._links.names, *self._outbox.listeners)):
            self.watch(name, ConnectionChanged)
        self.watch(self._journal.name, JournalChanged)
        self.after(self._timing.doubt_poll_s, PollDue())

    def on_message(self, message: object) -> None:
        if (handler := _HANDLERS.get(type(message))) is None:
            super().on_message(message)
        else:
            self._outbox.carry_out(handler(self, message))

    # -- desks and journal -----------------------------------------------------------------------

    def _submit(self, message: SubmitOrder) -> list[Effect]:
        new = message.new
        self._outbox.desk_of[new.client_order_id] = message.desk
        return self._manager.submit(new, adds_risk=message.adds_risk, decided_s=message.decided_s)

    def _adopt(self, message: AdoptOrder) -> list[Effect]:
        self._outbox.desk_of[message.new.client_order_id] = message.desk
        return self._manager.adopt(message.new, self.clock.now(), message.decided_s)

    def _release(self, message: ReleaseOrders) -> list[Effect]:
        self._outbox.release(message.client_order_ids)
        self._manager.forget(frozenset(self._outbox.desk_of))
        return self._manager.money_moved(self._now())

    def _intent_recorded(self, message: IntentRecorded) -> list[Effect]:
        if message.error:
            return self._manager.intent_refused(message.client_order_id, message.error)
        return self._manager.intent_recorded(message.client_order_id)

    def _journal_changed(self, message: JournalChanged) -> list[Effect]:
        lost = self._journal_link.changed(message.status, self._now())
        self._ask_for_history()
        effects = self._manager.journal_checked(self._journal_link.trouble)
        # What the last incarnation was asked and has not answered died with its inbox.
        return effects + (self._manager.journal_lost(self._journal_link.word) if lost else [])

    def _ask_for_history(self) -> None:
        if self._journal_link.ask_now(self.clock.now()):
            self._journal.offer(LoadVenue(self.venue, self.name))

    def _history_loaded(self, message: VenueHistory) -> list[Effect]:
        self._journal_link.answered()
        if message.unresolved:
            self.log.warning("{} orders of earlier runs are in doubt", len(message.unresolved))
        new = tuple(intent.new for intent in message.unresolved)
        keys, last_fill_ns = message.fill_keys, message.last_fill_ns
        return self._manager.history_loaded(new, keys, last_fill_ns, self._now())

    # -- connections -----------------------------------------------------------------------------

    def _poll(self, due: PollDue) -> list[Effect]:
        self.after(self._timing.doubt_poll_s, due)
        self._ask_for_history()
        self._outbox.polled()
        return self._look_around() + self._manager.due(self._now())

    def _refused(self, message: OrderRefused) -> list[Effect]:
        return self._manager.refused(*msgspec.structs.astuple(message)) + self._look_around()

    def _look_around(self) -> list[Effect]:
        """What the venue says of our requests and of itself, and which way is open to it."""
        now_s, limiter = self._now(), self._limiter
        effects = self._manager.restricted(limiter.no_new_risk(now_s), now_s, closed=limiter.closed)
        return effects + (self._manager.take_detour(now_s) if self._links.detour(now_s) else [])

    def _connection_changed(self, message: ConnectionChanged) -> list[Effect]:
        status = message.status
        if status.name in self._outbox.listeners:
            return self._listener_changed(status)
        links, now_s, detour = self._links, self._now(), self._manager.detour
        gone = links.changed(status, now_s, detour=detour)
        feed = detour or links.is_feed(status.name)
        effects: list[Effect] = []
        if gone and (self._was_up or feed):
            detail = f"{status.name} is {status.state.value}"
            effects += self._manager.disconnected(detail, feed=feed)
            self._was_up = False
        if links.up and not self._was_up:
            effects += self._manager.connected(now_s, probation=links.probation)
        elif links.up and self._manager.probation and not links.probation:
            effects += self._manager.proven()
        self._was_up = links.up
        self._manager.answering(links.answering)
        self._outbox.asked = self.address(links.asked)
        return effects + self._look_around()

    def _unreached(self, name: str) -> None:
        """It is gone, whether or not its supervisor has noticed: the next message says so."""
        if (status := self._links.unreached(name)) is not None:
            self.tell_self(ConnectionChanged(status))

    def _listener_changed(self, status: StatusMessage) -> list[Effect]:
        """Who is told of the venue (anew): tell it where things stand, and a desk what is held."""
        effects = self._manager.desk_gone(self._outbox.left_by(status), self._now())
        if status.state not in (ChildState.RUNNING, ChildState.HALF_OPEN):
            return effects
        self._outbox.introduce(status.name)
        verify = status.name in self._desks and self._manager.ready
        return effects + (self._manager.verify_positions(self._now()) if verify else [])

    # -- answers to reads ------------------------------------------------------------------------

    def _read_answered(
        self, message: OrderAbsent | FillsRead | OpenOrdersRead | PositionsRead | BalancesRead
    ) -> list[Effect]:
        if not self._links.accepts(message, message.epoch):
            return []
        if isinstance(message, OrderAbsent):
            return self._manager.absent(message.client_order_id, self.clock.now())
        if isinstance(message, FillsRead):
            return self._manager.fills_read(message.fills, message.received_s, message.since_ns)
        if isinstance(message, OpenOrdersRead):
            return self._manager.open_orders_read(message.updates, message.received_s)
        if isinstance(message, PositionsRead):
            return self._manager.positions_read(message.positions, message.asked_s)
        return self._manager.balances_read(message.summary)


_HANDLERS: Final[dict[type, Callable[[Orders, Any], list[Effect]]]] = {
    SubmitOrder: Orders._submit,
    AdoptOrder: Orders._adopt,
    CancelOrder: lambda self, m: self._manager.cancel(m.client_order_id, self.clock.now()),
    ReleaseOrders: Orders._release,
    VerifyPositions: lambda self, _: self._manager.verify_positions(self.clock.now()),
    IntentRecorded: Orders._intent_recorded,
    VenueHistory: Orders._history_loaded,
    JournalChanged: Orders._journal_changed,
    OrderSent: lambda self, m: self._manager.sent(m.client_order_id, m.sent_s),
    OrderNotSent: lambda self, m: self._manager.not_sent(*msgspec.structs.astuple(m)),
    OrderReported: lambda self, m: self._manager.updated(m.update, m.received_s),
    OrderRefused: Orders._refused,
    OrderDoubted: lambda self, m: self._manager.doubted(m.client_order_id, m.reason, self._now()),
    CancelAnswered: lambda self, m: self._manager.cancel_answered(
        m.client_order_id, m.refusal, self.clock.now(), again=m.again
    ),
    FillReported: lambda self, m: self._manager.filled(m.fill, m.received_s),
    PositionReported: lambda self, m: self._manager.position_seen(m.position),
    OrderAbsent: Orders._read_answered,
    FillsRead: Orders._read_answered,
    OpenOrdersRead: Orders._read_answered,
    PositionsRead: Orders._read_answered,
    BalancesRead: Orders._read_answered,
    ReadWithheld: lambda self, m: self._outbox.withheld(m),
    ClockChecked: lambda self, m: self._manager.clock_checked(m.trouble),
    ConnectionChanged: Orders._connection_changed,
    PollDue: Orders._poll,
}
