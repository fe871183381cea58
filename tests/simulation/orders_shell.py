"""An order manager with what the orders actor does around it, on the virtual clock."""

from __future__ import annotations

import abc
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from tests.simulation.journal import Journal
from tests.simulation.process import Process
from tests.simulation.schedule import Schedule
from tests.simulation.venue import SimVenue
from tests.simulation.wire import Wire
from trading import order_manager as manager
from trading.order_manager import Effect, OrderManager, OrderTiming
from venues.model import Fill, NewOrder, OrderUpdate, Position, Refusal

if TYPE_CHECKING:
    from trading.orders import OrderView

TIMING: Final = OrderTiming(
    poll_s=1.0, doubt_poll_s=0.5, settle_s=2.0, live_settle_s=2.0, expiry_s=5.0
)
_HISTORY_S: Final = 0.5


class PositionRead(msgspec.Struct, frozen=True):
    """A leg's position as its venue has it: see ``actors.orders_outbox.PositionsHeld``."""

    size: Decimal
    settled: bool
    since_s: float
    asked_s: float


class Desk(Protocol):
    """Who is told what is known of orders, readiness and positions."""

    def progressed(self, venue: str, view: OrderView) -> None: ...
    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None: ...
    def positions(self, venue: str, read: PositionRead) -> None: ...
    def drift(self, venue: str, detail: str) -> None: ...
    def forced(self, venue: str, fill: Fill, detail: str) -> None: ...


class HearsOfFailures(OrderManager):
    """A manager that concludes something from a read that failed. No sane one is of this kind."""

    @abc.abstractmethod
    def read_failed(self, effect: Effect, now_s: float) -> list[Effect]:
        """What it does about it."""


class OrdersShell:
    """One incarnation. What is addressed to it after its end is heard by the next one."""

    def __init__(
        self,
        wire: Wire,
        schedule: Schedule,
        journal: Journal,
        process: Process,
        desk: Desk,
        epoch: int,
        kind: type[OrderManager],
    ) -> None:
        self.venue = wire.venue.name
        self.symbol = wire.venue.instrument.symbol
        self.epoch = epoch
        self.alive = True
        self.manager = kind(
            self.venue, frozenset({self.symbol}), TIMING, schedule.host_ns,
            started_s=schedule.host_s, awaits_history=True, is_ours=process.ids.may_be_ours,
        )  # fmt: skip
        self._wire = wire
        self._schedule = schedule
        self._journal = journal
        self._process = process
        self._desk = desk
        self._since_s = schedule.host_s
        self._history_due_s = self._since_s
        self._history_wait_s = _HISTORY_S
        self._wanted: set[int] = set()
        self._was_up = False
        self._ask_for_history()
        self._poll()

    # -- from the desk -----------------------------------------------------------------------------

    def submit(self, new: NewOrder, adds_risk: bool) -> None:
        self._wanted.add(new.client_order_id)
        self._do(self.manager.submit(new, adds_risk=adds_risk))

    def adopt(self, new: NewOrder) -> None:
        self._wanted.add(new.client_order_id)
        self._do(self.manager.adopt(new, self._schedule.host_s))

    def cancel(self, client_order_id: int) -> None:
        self._do(self.manager.cancel(client_order_id, self._schedule.host_s))

    def release(self, client_order_ids: tuple[int, ...]) -> None:
        self._wanted -= set(client_order_ids)
        self.manager.forget(frozenset(self._wanted))

    def verify_positions(self) -> None:
        self._do(self.manager.verify_positions(self._schedule.host_s))

    def introduce(self) -> None:
        """A desk (anew): tell it where things stand, and end what its last life left."""
        self._do(self.manager.desk_gone(frozenset(self._wanted), self._schedule.host_s))
        ready, new_risk = self.manager.ready, self.manager.new_risk
        self._tell(lambda: self._desk.readiness(self.venue, self.epoch, ready, new_risk))
        if ready:
            self.verify_positions()

    # -- from the journal --------------------------------------------------------------------------

    def journal_changed(self) -> None:
        """It has ended, or there is a new one."""
        self._history_due_s = self._schedule.host_s if self._journal.up else float("inf")
        self._history_wait_s = _HISTORY_S
        self._do(self.manager.journal_lost("the journal has changed"))
        self._ask_for_history()

    def _ask_for_history(self) -> None:
        if self._schedule.host_s < self._history_due_s:
            return
        self._history_due_s = self._schedule.host_s + self._history_wait_s
        self._history_wait_s *= 2
        if self._journal.up:
            self._tell(self._load_history)

    def _load_history(self) -> None:
        """In the journal; what it says is heard a moment later."""
        if not self._journal.up:
            return
        unresolved, keys, last_fill_ns = self._journal.load_venue(self.venue)

        def heard() -> None:
            if self.alive:
                self._history_due_s = float("inf")
                now_s = self._schedule.host_s
                self._do(self.manager.history_loaded(unresolved, keys, last_fill_ns, now_s))

        self._tell(heard)

    # -- from the wire -----------------------------------------------------------------------------

    def connected(self, probation: bool) -> None:
        self._was_up = True
        self._do(self.manager.connected(self._schedule.host_s, probation=probation))

    def proven(self) -> None:
        if self._was_up and self.manager.probation:
            self._do(self.manager.proven())

    def disconnected(self, *, answering: bool = False) -> None:
        """Gateway or feed is gone; ``answering``: the gateway is still there."""
        if self._was_up:
            self._was_up = False
            self._do(self.manager.disconnected("the connection was cut"))
        self.manager.answering(answering)

    def sent(self, client_order_id: int, sent_s: float) -> None:
        self._do(self.manager.sent(client_order_id, sent_s))

    def not_sent(self, client_order_id: int) -> None:
        self._do(self.manager.not_sent(client_order_id, "no connection"))

    def refused(self, client_order_id: int, kind: Refusal | None = None) -> None:
        now_s = self._schedule.host_s
        self._do(self.manager.refused(client_order_id, "no", now_s, refusal=kind))

    def doubted(self, client_order_id: int) -> None:
        self._do(self.manager.doubted(client_order_id, "no answer", self._schedule.host_s))

    def cancel_answered(self, client_order_id: int, refusal: str) -> None:
        now_s = self._schedule.host_s
        self._do(self.manager.cancel_answered(client_order_id, refusal, now_s))

    def updated(self, update: OrderUpdate) -> None:
        self._do(self.manager.updated(update, self._schedule.host_s))

    def filled(self, fill: Fill) -> None:
        self._do(self.manager.filled(fill, self._schedule.host_s))

    def position_seen(self, position: Position) -> None:
        self._do(self.manager.position_seen(position))

    # -- effects -----------------------------------------------------------------------------------

    def _poll(self) -> None:
        if self.alive:
            self._schedule.after(TIMING.doubt_poll_s, self._poll, step=False)
            self._ask_for_history()
            self._do(self.manager.due(self._schedule.host_s))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._do_one(effect)

    def _do_one(self, effect: Effect) -> None:
        if isinstance(effect, manager.PublishOrder):
            self._publish(effect.view)
        elif isinstance(effect, manager.SendOrder):
            self._wire.place(effect.new)
        elif isinstance(effect, manager.CancelOrder):
            self._wire.cancel(effect.client_order_id)
        elif isinstance(effect, manager.GuardResting):
            self._wire.guard(effect.on)
        elif isinstance(effect, manager.RecordIntent):
            self._record_intent(effect)
        elif isinstance(effect, manager.RecordFill):
            fill = effect.fill
            self._journal.write(lambda: self._journal.add_fill(fill))
        elif isinstance(effect, manager.RecordOutcome):
            number, executed = effect.view.client_order_id, abs(effect.view.signed_executed)
            self._journal.write(lambda: self._journal.resolve(self.venue, number, executed))
        elif not self._tell_desk(effect):
            self._read(effect)

    def _tell_desk(self, effect: Effect) -> bool:
        if isinstance(effect, manager.PublishReadiness):
            ready, new_risk = effect.ready, effect.new_risk
            self._tell(lambda: self._desk.readiness(self.venue, self.epoch, ready, new_risk))
        elif isinstance(effect, manager.PublishPositions):
            read = PositionRead(
                effect.sizes[self.symbol], effect.settled, self._since_s, effect.asked_s
            )
            self._tell(lambda: self._desk.positions(self.venue, read))
        elif isinstance(effect, manager.PublishDrift):
            detail = effect.detail
            self._tell(lambda: self._desk.drift(self.venue, detail))
        elif isinstance(effect, manager.PublishForced):
            what, forced = effect.detail, effect.fill
            self._tell(lambda: self._desk.forced(self.venue, forced, what))
        else:
            return isinstance(effect, manager.PublishBalances | manager.PublishContradiction)
        return True

    def _publish(self, view: OrderView) -> None:
        if view.client_order_id in self._wanted:
            self._tell(lambda: self._desk.progressed(self.venue, view))

    def _record_intent(self, effect: manager.RecordIntent) -> None:
        new = effect.new
        row = lambda: self._journal.add_intent(self.venue, new)  # noqa: E731
        if not effect.awaited:
            self._journal.write(row)
            return

        def answer(error: str) -> None:
            if not self.alive:
                return
            if error:
                self._do(self.manager.intent_refused(new.client_order_id, error))
            else:
                self._do(self.manager.intent_recorded(new.client_order_id))

        if not self._journal.write(row, lambda error: self._tell(lambda: answer(error))):
            self._do(self.manager.intent_refused(new.client_order_id, "no journal"))

    def _read(self, effect: Effect) -> None:
        """Ask the venue; its answer is for this connection's time and this incarnation only."""
        asked_s = self._schedule.host_s

        def ask(venue: SimVenue) -> Callable[[], None]:
            answer = self._answer(effect, venue, asked_s)
            return lambda: self._do(answer(self._schedule.host_s)) if self.alive else None

        if not self._wire.read(ask) and isinstance(self.manager, HearsOfFailures):
            self._tell(lambda: self._failed(effect))

    def _failed(self, effect: Effect) -> None:
        assert isinstance(self.manager, HearsOfFailures)
        if self.alive:
            self._do(self.manager.read_failed(effect, self._schedule.host_s))

    def _answer(
        self, effect: Effect, venue: SimVenue, asked_s: float
    ) -> Callable[[float], list[Effect]]:
        """What the venue says now, to be heard later."""
        mine = self.manager
        if isinstance(effect, manager.AskOrder):
            number = effect.new.client_order_id
            found = venue.find(number)
            if found is None:
                return lambda now_s: mine.absent(number, now_s)
            return lambda now_s: mine.updated(found, now_s)
        if isinstance(effect, manager.AskFills):
            since_ns = effect.since_ns
            fills = venue.fills(since_ns)
            return lambda now_s: mine.fills_read(fills, now_s, since_ns)
        if isinstance(effect, manager.AskOpenOrders):
            resting = venue.open_orders()
            return lambda now_s: mine.open_orders_read(resting, now_s)
        assert isinstance(effect, manager.AskPositions)
        held = venue.positions()
        return lambda _now_s: mine.positions_read(held, asked_s)

    def _tell(self, act: Callable[[], None]) -> None:
        self._process.tell(act)
