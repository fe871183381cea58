"""An order manager with what the orders actor does around it, on the virtual clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.simulation.journal import Journal
from tests.simulation.process import Process
from tests.simulation.schedule import Schedule
from tests.simulation.venue import SimVenue
from tests.simulation.wire import Wire
from trading import order_manager as manager
from trading.order_manager import Effect, OrderManager, OrderTiming
from venues.model import Fill, NewOrder, OrderUpdate

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from trading.orders import OrderView

TIMING = OrderTiming(poll_s=1.0, doubt_poll_s=0.5, settle_s=2.0)


class Desk(Protocol):
    """Who is told what is known of orders, readiness and positions."""

    def progressed(self, venue: str, view: OrderView) -> None: ...
    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None: ...
    def positions(self, venue: str, size: Decimal, settled: bool, since_s: float) -> None: ...
    def drift(self, venue: str, detail: str) -> None: ...


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
        self.manager = kind(self.venue, frozenset({self.symbol}), TIMING, schedule.host_ns)
        self._wire = wire
        self._schedule = schedule
        self._journal = journal
        self._process = process
        self._desk = desk
        self._since_s = schedule.host_s
        self._wanted: set[int] = set()
        self._was_up = False
        self._poll()

    # -- from the desk -----------------------------------------------------------------------------

    def submit(self, new: NewOrder, adds_risk: bool) -> None:
        self._wanted.add(new.client_order_id)
        self._do(self.manager.submit(new, adds_risk=adds_risk))

    def adopt(self, new: NewOrder) -> None:
        self._wanted.add(new.client_order_id)
        self._do(self.manager.adopt(new, self._schedule.host_s))

    def release(self, client_order_ids: tuple[int, ...]) -> None:
        self._wanted -= set(client_order_ids)
        self.manager.forget(frozenset(self._wanted))

    def verify_positions(self) -> None:
        self._do([manager.AskPositions()])

    def introduce(self) -> None:
        """A desk (anew): tell it where things stand."""
        ready = self.manager.ready
        new_risk = ready and not self.manager.probation
        self._process.tell(lambda: self._desk.readiness(self.venue, self.epoch, ready, new_risk))
        if ready:
            self._do([manager.AskPositions()])

    # -- from the wire -----------------------------------------------------------------------------

    def connected(self, probation: bool) -> None:
        self._was_up = True
        self._do(self.manager.connected(self._schedule.host_s, probation=probation))

    def proven(self) -> None:
        if self._was_up and self.manager.probation:
            self._do(self.manager.proven())

    def disconnected(self) -> None:
        if self._was_up:
            self._was_up = False
            self._do(self.manager.disconnected("the connection was cut"))

    def sent(self, client_order_id: int, sent_s: float) -> None:
        self._do(self.manager.sent(client_order_id, sent_s))

    def not_sent(self, client_order_id: int) -> None:
        self._do(self.manager.not_sent(client_order_id, "no connection"))

    def refused(self, client_order_id: int) -> None:
        self._do(self.manager.refused(client_order_id, "no", self._schedule.host_s))

    def doubted(self, client_order_id: int) -> None:
        self._do(self.manager.doubted(client_order_id, "no answer", self._schedule.host_s))

    def journal_lost(self) -> None:
        self._do(self.manager.journal_lost("journal is backing_off"))

    def updated(self, update: OrderUpdate) -> None:
        self._do(self.manager.updated(update, self._schedule.host_s))

    def filled(self, fill: Fill) -> None:
        self._do(self.manager.filled(fill, self._schedule.host_s))

    # -- effects -----------------------------------------------------------------------------------

    def _poll(self) -> None:
        if self.alive:
            self._schedule.after(TIMING.doubt_poll_s, self._poll, step=False)
            self._do(self.manager.due(self._schedule.host_s))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._do_one(effect)

    def _do_one(self, effect: Effect) -> None:
        if isinstance(effect, manager.SendOrder):
            self._wire.place(effect.new)
        elif isinstance(effect, manager.RecordIntent):
            self._record(effect.new)
        elif isinstance(effect, manager.PublishOrder):
            self._publish(effect.view)
        elif isinstance(effect, manager.PublishReadiness):
            self._publish_readiness(effect)
        elif isinstance(effect, manager.PublishPositions):
            size, settled = effect.sizes[self.symbol], effect.settled
            since_s = self._since_s
            self._process.tell(lambda: self._desk.positions(self.venue, size, settled, since_s))
        elif isinstance(effect, manager.PublishDrift):
            detail = effect.detail
            self._process.tell(lambda: self._desk.drift(self.venue, detail))
        else:
            self._read(effect)

    def _publish(self, view: OrderView) -> None:
        if view.client_order_id in self._wanted:
            self._process.tell(lambda: self._desk.progressed(self.venue, view))

    def _publish_readiness(self, effect: manager.PublishReadiness) -> None:
        ready, new_risk = effect.ready, effect.new_risk
        self._process.tell(lambda: self._desk.readiness(self.venue, self.epoch, ready, new_risk))

    def _record(self, new: NewOrder) -> None:
        def answer(error: str) -> None:
            if not self.alive:
                return
            if error:
                self._do(self.manager.intent_refused(new.client_order_id, error))
            else:
                self._do(self.manager.intent_recorded(new.client_order_id))

        if not self._journal.write(lambda: None, answer):
            self._do(self.manager.intent_refused(new.client_order_id, "journal unavailable"))

    def _read(self, effect: Effect) -> None:
        now = self._schedule

        def ask(venue: SimVenue) -> Callable[[], None]:
            if isinstance(effect, manager.AskOrder):
                found = venue.find(effect.new.client_order_id)
                if found is not None:
                    return lambda: self._do(self.manager.updated(found, now.host_s))
                client_order_id = effect.new.client_order_id
                return lambda: self._do(self.manager.absent(client_order_id, now.host_s))
            if isinstance(effect, manager.AskFills):
                fills = venue.fills(effect.since_ns)
                return lambda: self._do(self.manager.fills_read(fills, now.host_s))
            if isinstance(effect, manager.AskOpenOrders):
                resting = venue.open_orders()
                return lambda: self._do(self.manager.open_orders_read(resting, now.host_s))
            held = venue.positions()
            return lambda: self._do(self.manager.positions_read(held))

        def guarded(venue: SimVenue) -> Callable[[], None]:
            answer = ask(venue)
            return lambda: answer() if self.alive else None

        self._wire.read(guarded)
