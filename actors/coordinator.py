"""The coordinator of a desk: feeds the cycle machine and carries its decisions out.

``trading.cycle`` decides. Here its orders get their ids and expiries, go to the venues' orders
actors, and what those report comes back. A new incarnation knows nothing of the cycle it was in:
it reads both venues' positions and takes them back to flat before the next cycle. That an operator
has paused the desk it does know: ``PausedDesks`` outlives it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors import orders
from actors.board import DeskReported, LegReport
from actors.journal import (
    DeskHistory,
    JournalUnusable,
    LoadDesk,
    RecordCycle,
    RecordCycleStart,
)
from actors.paused_desks import PausedDesks
from supervision.actor import ActorContext, SupervisedActor
from supervision.errors import AskTimeout, Unavailable
from supervision.states import ChildState, StatusMessage
from trading import cycle as machine
from trading.cycle import CycleMachine, Effect
from trading.desk import DeskPlan, LegOrder, Phase
from trading.ids import Leg, OrderKey, client_order_id, compact_id, key_of
from trading.orders import OrderState, OrderView
from venues.model import GRVT, ZERO, Instrument, NewOrder, Quote, TimeInForce

_SECOND_NS: Final = 1_000_000_000
_RECORD_S: Final = 2.0


class QuoteReported(msgspec.Struct, frozen=True):
    """From a market actor: a new best bid and ask, and the monotonic moment it was read."""

    quote: Quote
    received_s: float


class StopDesk(msgspec.Struct, frozen=True):
    """From the operator: finish or unwind the cycle, open no other."""


class PauseDesk(msgspec.Struct, frozen=True):
    """From the operator: finish the cycle as planned, open no other."""


class ResumeDesk(msgspec.Struct, frozen=True):
    """From the operator: open cycles again."""


class FlattenDesk(msgspec.Struct, frozen=True):
    """From the operator: close what is open now, then stay paused."""


class ConfirmHandled(msgspec.Struct, frozen=True):
    """Ask: answered once everything told before it has been handled, and is on the board.

    Orders are told, not asked: an error while handling one has to end the coordinator.
    """


class VerifyDue(msgspec.Struct, frozen=True):
    """Read this leg's position again, before the first cycle."""

    leg: Leg


class TickDue(msgspec.Struct, frozen=True):
    """A moment that the machine waits for has come."""


class DeskOutcome(msgspec.Struct, frozen=True):
    """How a desk ended. ``halted``: why, or empty. ``flat``: nothing is left at the venues."""

    desk: str
    halted: str
    flat: bool


class Coordinator(SupervisedActor):
    """One per desk. ``on_done`` is called once, in this actor's thread, when the desk is over."""

    def __init__(
        self,
        context: ActorContext,
        *,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        expiry_s: Mapping[Leg, float],
        run_began_ns: int,
        on_done: Callable[[DeskOutcome], None],
        paused: PausedDesks,
    ) -> None:
        super().__init__(context)
        self._plan = plan
        self._instruments = instruments
        self._expiry_s = expiry_s
        self._run_began_ns = run_began_ns
        self._on_done = on_done
        self._paused = paused
        self._leg_of = {instrument.venue: leg for leg, instrument in instruments.items()}
        self._orders = {
            leg: self.address(f"{instrument.venue}/orders")
            for leg, instrument in instruments.items()
        }
        self._journal = self.address("journal")
        self._board = self.address("board")
        self._machine: CycleMachine | None = None
        self._open_cycle = 0
        self._read: dict[Leg, Decimal | None] = {}
        self._held: dict[Leg, Decimal] = {}
        self._epochs: dict[Leg, int] = {}
        self._sent: dict[tuple[Leg, int], NewOrder] = {}
        self._wake_s = float("inf")
        self._done = False
        self._phase_since_s = 0.0
        self._reported: DeskReported | None = None

    # -- messages --------------------------------------------------------------------------------

    def on_start(self) -> None:
        history: DeskHistory = self._journal.ask(
            LoadDesk(self._plan.desk, self._run_began_ns), half_open=True
        )
        self._open_cycle = history.open_cycle
        self._machine = CycleMachine(
            self._plan, self._instruments, history.next_cycle, history.finished
        )
        self._phase_since_s = self.clock.now()
        if self._plan.desk in self._paused:
            self._carry_out_all(self._desk.pause(self.clock.now()))
        self._report()
        self.watch(self._board.name)

    def on_message(self, message: object) -> object:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return super().on_message(message)
        self._carry_out_all(handler(self, message))
        if type(message) is not QuoteReported:
            self._report()
        return None

    @property
    def _desk(self) -> CycleMachine:
        assert self._machine is not None
        return self._machine

    def _quoted(self, message: QuoteReported) -> list[Effect]:
        leg = self._leg_of.get(message.quote.venue)
        if leg is None or message.quote.symbol != self._instruments[leg].symbol:
            return []
        return self._desk.quoted(leg, message.quote, self.clock.now(), message.received_s)

    def _readiness(self, message: orders.VenueReadiness) -> list[Effect]:
        leg = self._leg_of[message.venue]
        # A new orders actor speaks before its name is bound; it speaks again when it is ready.
        known = self._epochs.setdefault(leg, message.epoch) == message.epoch
        if known or self._hand_over(leg):
            self._epochs[leg] = message.epoch
        return self._desk.readiness(leg, message.ready, message.new_risk, self.clock.now())

    def _hand_over(self, leg: Leg) -> bool:
        """The venue's orders actor is a new one: have it find out about what is unresolved.

        False when it could not be told of everything; it does no harm to tell it twice.
        """
        orphans = [
            new
            for order in self._desk.book.unresolved()
            if order.leg is leg and (new := self._sent.get((order.leg, order.attempt))) is not None
        ]
        return all(self._orders[leg].offer(orders.AdoptOrder(new, self.name)) for new in orphans)

    def _progressed(self, message: orders.OrderProgressed) -> list[Effect]:
        leg = self._leg_of[message.venue]
        key = key_of(message.view.client_order_id)
        known = (leg, key.attempt) in self._sent and (
            self._sent[leg, key.attempt].client_order_id == message.view.client_order_id
        )
        if not known:
            return []  # of a cycle that is over; the venue's position check judges it
        return self._desk.order_progressed(leg, key.attempt, message.view, self.clock.now())

    def _positions(self, message: orders.PositionsHeld) -> list[Effect]:
        leg = self._leg_of[message.venue]
        size = message.sizes.get(self._instruments[leg].symbol, ZERO)
        if self._desk.phase is Phase.RECOVERING:
            return self._recover(leg, size, message.settled and self._knows_all(leg, message))
        return self._desk.positions_read(leg, size, self.clock.now())

    def _knows_all(self, leg: Leg, message: orders.PositionsHeld) -> bool:
        """False while an order of the interrupted cycle may execute that nobody knows of.

        When this actor and the venue's orders actor were replaced together, neither has it; it is
        over once it has expired at the venue.
        """
        if not self._open_cycle:
            return True
        return self.clock.now() - message.since_s >= self._expiry_s[leg] + _RECORD_S

    def _recover(self, leg: Leg, size: Decimal, settled: bool) -> list[Effect]:
        """Two equal readings in a row while nothing is unresolved are what the venue holds.

        One alone may have been on its way while an order of our last life still executed.
        """
        proven = settled and self._read.get(leg) == size
        self._read[leg] = size if settled else None
        if not proven:
            self._held.pop(leg, None)
            self.after(self._plan.retry_s, VerifyDue(leg))
            return []
        self._held[leg] = size
        if len(self._held) < len(Leg):
            return []
        if any(self._held.values()):
            found = {leg.value: str(size) for leg, size in self._held.items()}
            self.log.warning("found at start: {}, open cycle: {}", found, self._open_cycle)
        return self._desk.recover(self._held, bool(self._open_cycle), self.clock.now())

    def _verify(self, message: VerifyDue) -> list[Effect]:
        if self._desk.phase is Phase.RECOVERING:
            self._orders[message.leg].offer(orders.VerifyPositions())
        return []

    def _drift(self, message: orders.DriftFound) -> list[Effect]:
        return self._desk.halt(f"{message.venue}: {message.detail}", self.clock.now())

    def _stop_desk(self, _: StopDesk) -> list[Effect]:
        # While recovering too: what the venues hold is read, and closed, before this is over.
        return self._desk.stop(self.clock.now())

    def _pause(self, _: PauseDesk) -> list[Effect]:
        self._paused.add(self._plan.desk)
        return self._desk.pause(self.clock.now())

    def _resume(self, _: ResumeDesk) -> list[Effect]:
        self._paused.discard(self._plan.desk)
        return self._desk.resume(self.clock.now())

    def _flatten(self, _: FlattenDesk) -> list[Effect]:
        self._paused.add(self._plan.desk)
        return self._desk.flatten(self.clock.now())

    def _confirm(self, _: ConfirmHandled) -> list[Effect]:
        return []

    def _board_changed(self, status: StatusMessage) -> list[Effect]:
        """A new board has forgotten us."""
        if status.state is ChildState.RUNNING:
            self._reported = None
        return []

    def _tick(self, _: TickDue) -> list[Effect]:
        self._wake_s = float("inf")
        return self._desk.tick(self.clock.now())

    # -- effects ---------------------------------------------------------------------------------

    def _carry_out_all(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out(effect)
        self._arm_timer()

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, machine.PlaceOrder):
            self._place(effect.order)
        elif isinstance(effect, machine.StartCycle):
            self._sent.clear()
            start = RecordCycleStart(
                self._plan.desk, effect.cycle, effect.direction, str(effect.size)
            )
            self._record_start(start)
        elif isinstance(effect, machine.FinishCycle):
            self._finish_cycle(effect)
        elif isinstance(effect, machine.CheckPositions):
            for address in self._orders.values():
                address.offer(orders.VerifyPositions())
        else:
            self._phase_changed(effect)

    def _record_start(self, start: RecordCycleStart) -> None:
        """Put the cycle's number on record, from which its order ids are derived.

        A cycle that opens does not need the answer: its first intent stands behind it in the same
        inbox. A recovery sends orders that wait for no intent, so it waits here, if it can.
        """
        if start.direction != machine.RECOVER:
            self._journal.offer(start)
            return
        try:
            self._journal.ask(start, timeout_s=_RECORD_S)
        except (Unavailable, AskTimeout, JournalUnusable) as error:
            self.log.warning("recovering without the journal: {}", error)

    def _place(self, order: LegOrder) -> None:
        key = OrderKey(self._plan.desk_number, order.cycle, order.leg, order.attempt)
        now_ns = time.time_ns()
        new = NewOrder(
            symbol=self._instruments[order.leg].symbol,
            side=order.side,
            size=order.size,
            price=order.price,
            time_in_force=TimeInForce.IOC,
            client_order_id=client_order_id(key, wide=self._instruments[order.leg].venue == GRVT),
            expires_ns=now_ns + int(self._expiry_s[order.leg] * _SECOND_NS),
            created_ns=now_ns,
            nonce=compact_id(key),
            reduce_only=order.reduce_only,
        )
        self._sent[order.leg, order.attempt] = new
        try:
            self._orders[order.leg].tell(orders.SubmitOrder(new, order.adds_risk, self.name))
        except Unavailable as error:
            self._not_sent(order, new, str(error))

    def _not_sent(self, order: LegOrder, new: NewOrder, reason: str) -> None:
        """Nobody took the order: as the venue's orders actor would have said it."""
        view = OrderView(
            client_order_id=new.client_order_id,
            symbol=new.symbol,
            size=new.size,
            signed_executed=ZERO,
            quote_amount=ZERO,
            fees=ZERO,
            state=OrderState.NOT_SENT,
            reason=reason,
            fills_complete=True,
        )
        venue = self._instruments[order.leg].venue
        self.tell_self(orders.OrderProgressed(venue, self._epochs.get(order.leg, 0), view))

    def _finish_cycle(self, effect: machine.FinishCycle) -> None:
        self._journal.offer(RecordCycle(effect.record))
        self._board.offer(effect.record)
        for leg in Leg:
            ids = tuple(new.client_order_id for (of, _), new in self._sent.items() if of is leg)
            self._orders[leg].offer(orders.ReleaseOrders(ids))
        self._sent.clear()

    def _phase_changed(self, effect: machine.ChangePhase) -> None:
        level = "WARNING" if effect.phase in (Phase.UNWINDING, Phase.HALTED) else "DEBUG"
        log = self.log.bind(desk=self._plan.desk, cycle=self._desk.cycle)
        log.log(level, "{} {}", effect.phase.value, effect.detail)
        self._phase_since_s = self.clock.now()
        self._report()
        if effect.phase in (Phase.DONE, Phase.HALTED):
            self._finish(flat=self._desk.flat)

    def _finish(self, *, flat: bool) -> None:
        if not self._done:
            self._done = True
            self._on_done(DeskOutcome(self._plan.desk, self._desk.halted, flat))

    def _report(self) -> None:
        """Tell the board where the desk stands, if that has changed."""
        report = self._present()
        if report != self._reported and self._board.offer(report):
            self._reported = report

    def _present(self) -> DeskReported:
        desk = self._desk
        legs = tuple(
            LegReport(
                leg=leg.value,
                venue=self._instruments[leg].venue,
                symbol=self._instruments[leg].symbol,
                position=desk.position(leg),
                ready=desk.legs[leg].ready,
            )
            for leg in Leg
        )
        return DeskReported(
            desk=self._plan.desk,
            phase=desk.phase,
            cycle=desk.cycle,
            finished=desk.finished,
            planned=self._plan.cycles,
            halted=desk.halted,
            legs=legs,
            naked_since_s=desk.naked_since_s,
            paused=self._plan.desk in self._paused,
            since_s=self._phase_since_s,
        )

    def _arm_timer(self) -> None:
        due_s = self._desk.next_due_s(self.clock.now())
        if due_s is not None and due_s < self._wake_s:
            self._wake_s = due_s
            self.after(max(0.0, due_s - self.clock.now()), TickDue())


_HANDLERS: Final[dict[type, Callable[[Coordinator, Any], list[Effect]]]] = {
    QuoteReported: Coordinator._quoted,
    orders.OrderProgressed: Coordinator._progressed,
    orders.VenueReadiness: Coordinator._readiness,
    orders.PositionsHeld: Coordinator._positions,
    orders.DriftFound: Coordinator._drift,
    StopDesk: Coordinator._stop_desk,
    PauseDesk: Coordinator._pause,
    ResumeDesk: Coordinator._resume,
    FlattenDesk: Coordinator._flatten,
    ConfirmHandled: Coordinator._confirm,
    StatusMessage: Coordinator._board_changed,
    VerifyDue: Coordinator._verify,
    TickDue: Coordinator._tick,
}
