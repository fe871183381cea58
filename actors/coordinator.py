"""The coordinator of a desk: feeds the cycle machine and carries its decisions out.

``trading.cycle`` decides. Here its orders get their ids and expiries, go to the venues' orders
actors, and what those report comes back. A new incarnation knows nothing of the cycle it was in:
it reads both venues' positions and takes them back to flat before the next cycle. What has to
outlive it is elsewhere: that an operator has paused the desk in ``PausedDesks`` and the journal,
why it halted in the journal, and which order ids are used in the process-wide ``IdAllocator``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors import orders
from actors.desk_commands import (
    AdoptFound,
    ConfirmHandled,
    DeskOutcome,
    DeskUnsure,
    FlattenDesk,
    FlattenFound,
    IgnoreFound,
    LimitDesk,
    PauseDesk,
    ResumeDesk,
    StopDesk,
)
from actors.desk_market import DeskMarket
from actors.desk_orders import DeskOrders
from actors.desk_records import DeskBoards, DeskRecords, report_of
from actors.desk_start import DeskStart, VerifyDue
from actors.journal import CycleOnRecord, DeskHistory, LoadDesk
from actors.market_board import MarketChanged
from actors.orders_outbox import ForcedClose, VenueBalances
from actors.paused_desks import PausedDesks
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState, StatusMessage
from trading import cycle as machine
from trading.cycle import CycleMachine, Effect
from trading.desk import CycleRecord, LegOrder, Phase
from trading.ids import IdAllocator
from trading.leg import Leg
from trading.plan import DeskPlan
from trading.volume import day_began_ns
from venues.model import ZERO, Instrument

__all__ = [
    "AdoptFound", "ConfirmHandled", "Coordinator", "DeskOutcome", "DeskUnsure", "FlattenDesk",
    "FlattenFound", "IgnoreFound", "LimitDesk", "PauseDesk", "ResumeDesk", "StopDesk",
    "TickDue", "VerifyDue",
]  # fmt: skip


class TickDue(msgspec.Struct, frozen=True):
    """A moment that the machine waits for has come."""


class Coordinator(SupervisedActor):
    """One per desk. ``on_done`` is called in this actor's thread, each time the desk is over.

    It is over for good once its cycles are done; a halted one can be resumed. ``halted`` is a
    reason not to open anything from the start. Each of ``guards`` is told where the desk stands and
    of each cycle; with one, the desk opens nothing before the first LimitDesk.
    """

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
        ids: IdAllocator,
        market: DeskMarket,
        halted: str = "",
        guards: tuple[str, ...] = (),
    ) -> None:
        super().__init__(context)
        self._plan = plan
        self._instruments = instruments
        self._run_began_ns = run_began_ns
        self._on_done = on_done
        self._paused = paused
        self._ids = ids
        self._market = market
        self._halted = halted
        self._leg_of = {instrument.venue: leg for leg, instrument in instruments.items()}
        addresses = {leg: self.address(f"{of.venue}/orders") for leg, of in instruments.items()}
        self._orders = DeskOrders(self.name, instruments, expiry_s, ids, addresses)
        self._journal = self.address("journal")
        self._records = DeskRecords(plan.desk, self._journal, self.name)
        self._boards = DeskBoards(self.address(name) for name in ("board", *guards))
        self._machine: CycleMachine | None = None
        self._history = DeskHistory(1, 0, 0)
        self._start = DeskStart(plan, instruments, expiry_s)
        self._epochs: dict[Leg, int] = {}
        self._wake_s = float("inf")
        self._slept = self.stalls()
        self._done = False
        self._phase_since_s = 0.0
        self._known_halt = ""

    # -- messages --------------------------------------------------------------------------------

    def on_start(self) -> None:
        load = LoadDesk(self._plan.desk, self._run_began_ns, day_began_ns(time.time_ns()))
        self._history = history = self._journal.ask(load, half_open=True)
        self._market.traded_today(history.traded)
        self._machine = CycleMachine(
            self._plan,
            self._instruments,
            history.next_cycle,
            history.finished,
            history.halted or self._halted,
            awaits_guard=len(self._boards.names) > 1,
            gate=self._market.closed_by,
        )
        self._machine.interrupted = bool(history.open_cycle)
        if history.open_cycle:
            self._machine.on_record = self._start.recorded(self._journal, self._ids)
        self._known_halt = self._machine.halted
        self._phase_since_s = self.clock.now()
        if history.paused:
            self._paused.add(self._plan.desk)
        if self._plan.desk in self._paused:
            self._carry_out_all(self._desk.pause(self.clock.now()))
        self._report()
        for changed in self._market.listen(self.directory.address(self.name)):
            self.tell_self(changed)
        for name in (self._journal.name, *self._boards.names):
            self.watch(name)

    def on_message(self, message: object) -> object:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return super().on_message(message)
        self._notice_stall()
        self._carry_out_all(handler(self, message))
        self._note_halt()
        if type(message) is not MarketChanged or self._boards.due(self.clock.now()):
            self._report()
        return None

    def _note_halt(self) -> None:
        """A halt is on record at once, not only when everything is closed: it outlives a kill."""
        if self._desk.halted != self._known_halt and self._desk.found is None:
            self._known_halt = self._desk.halted
            self._records.remember(halted=self._known_halt)

    def _notice_stall(self) -> None:
        """After it has stood still, nothing known counts: each venue says when it is ready anew."""
        stalls = self.stalls()
        if stalls != self._slept:
            self._slept = stalls
            self._start.forget(self.clock.now())
            self._desk.woke()

    @property
    def _desk(self) -> CycleMachine:
        assert self._machine is not None
        return self._machine

    def _market_changed(self, message: MarketChanged) -> list[Effect]:
        leg, now_s = self._leg_of[message.venue], self.clock.now()
        view = self._market.take(self.name, message)
        mode = None if view.info is None else view.info.mode
        effects: list[Effect] = []
        if mode is not self._desk.legs[leg].mode:
            effects = self._desk.market_mode(leg, mode, now_s)
        if view.quote is None:
            return effects + self._desk.unquoted(leg, now_s)
        return effects + self._desk.quoted(leg, view.quote, now_s, view.quoted_s)

    def _balances(self, message: VenueBalances) -> list[Effect]:
        self._market.balances(message)
        return []

    def _readiness(self, message: orders.VenueReadiness) -> list[Effect]:
        leg = self._leg_of[message.venue]
        # A new orders actor speaks before its name is bound; it speaks again when it is ready.
        known = self._epochs.setdefault(leg, message.epoch) == message.epoch
        if known or self._orders.hand_over(leg, self._desk.orders.unresolved()):
            self._epochs[leg] = message.epoch
        ready, why = message.ready, message.detail or message.can.submit
        return self._desk.readiness(leg, ready, message.new_risk, self.clock.now(), why)

    def _progressed(self, message: orders.OrderProgressed) -> list[Effect]:
        leg = self._leg_of[message.venue]
        attempt = self._orders.attempt(leg, message.view.client_order_id)
        if attempt is None:
            return []  # of a cycle that is over; the venue's position check judges it
        self._forget_readings()
        return self._desk.order_progressed(leg, attempt, message.view, self.clock.now())

    def _positions(self, message: orders.PositionsHeld) -> list[Effect]:
        leg, now_s = self._leg_of[message.venue], self.clock.now()
        if self._desk.phase is not Phase.RECOVERING:
            size = self._start.size(leg, message)
            return self._desk.positions_read(leg, size, now_s, message.asked_s)
        if not self._start.read(leg, message, now_s):
            self.after(self._plan.retry_s, VerifyDue(leg))
        if self._start.proven is not None:
            return self._recover(self._start.proven)
        return self._desk.partly_read(self._start.known, self._history.outside, now_s)

    def _recover(self, held: Mapping[Leg, Decimal]) -> list[Effect]:
        history, cycle = self._history, self._desk.orders
        if history.open_cycle:
            cycle.inherited = self._start.inherited(self._journal, self._ids, self._orders.ids)
        if any(size != history.outside.get(leg, ZERO) for leg, size in held.items()):
            found = {leg.value: str(size) for leg, size in held.items()}
            self.log.warning("found at start: {}, open cycle: {}", found, history.open_cycle)
        elif history.open_cycle and (cycle.direction or not cycle.inherited.anything_executed):
            self._records.interrupted(history.open_cycle)
        elif history.open_cycle:  # it was closed, and only not recorded
            self._put_on_record(self._desk.interrupted_record(history.open_cycle))
        effects = self._desk.recover(
            held,
            bool(history.open_cycle),
            self.clock.now(),
            size=Decimal(history.open_size or 0),
            outside=history.outside,
            unsure_until_s=self._start.unsure_until_s if history.open_cycle else float("-inf"),
        )
        if self._desk.outside != history.outside:  # durable before a cycle is opened beside it
            self._records.remember(ignored=self._desk.outside)
        return effects

    def _forget_readings(self) -> None:
        """At the start, an order of ours changes what both venues are read for."""
        if self._desk.phase is Phase.RECOVERING:
            self._start.forget(self.clock.now())

    def _verify(self, message: VerifyDue) -> list[Effect]:
        self._start.asks_again(message.leg)
        if self._desk.phase is Phase.RECOVERING:
            self._orders.verify_positions(message.leg)
        return []

    def _drift(self, message: orders.DriftFound) -> list[Effect]:
        if message.symbol not in ("", self._instruments[self._leg_of[message.venue]].symbol):
            return []  # another desk's
        return self._desk.drift(f"{message.venue}: {message.detail}", self.clock.now())

    def _forced(self, message: ForcedClose) -> list[Effect]:
        leg, now_s = self._leg_of[message.venue], self.clock.now()
        if message.symbol != self._instruments[leg].symbol:
            return []  # another desk's
        earlier = message.fill.event_ns < self._records.began_ns
        return self._desk.forced(leg, message.fill, message.why, now_s, earlier=earlier)

    def _stop_desk(self, message: StopDesk) -> list[Effect]:
        end = self._desk.leave if message.how == "cancel" else self._desk.stop
        return end(self.clock.now())

    def _pause(self, message: PauseDesk) -> list[Effect]:
        if not message.this_run_only:
            self._records.remember(paused=True)
        self._paused.add(self._plan.desk)
        return self._desk.pause(self.clock.now())

    def _resume(self, _: ResumeDesk) -> list[Effect]:
        self._paused.discard(self._plan.desk)
        effects = self._desk.resume(self.clock.now())
        # A limit that is still reached has halted it again: that stays on record.
        self._known_halt = "" if self._desk.found else self._desk.halted
        self._records.remember(paused=False, halted=self._known_halt)
        return effects

    def _flatten(self, _: FlattenDesk) -> list[Effect]:
        self._records.remember(paused=True)
        self._paused.add(self._plan.desk)
        return self._desk.flatten(self.clock.now())

    def _ignore_found(self, _: IgnoreFound) -> list[Effect]:
        effects = self._desk.ignore_found(self.clock.now())
        self._records.remember(ignored=self._desk.outside)
        return effects

    def _status_changed(self, status: StatusMessage) -> list[Effect]:
        """A new board has forgotten us, and a new journal what its last life had not written."""
        if status.name == self._journal.name:
            self._records.journal_changed(status)
        elif status.state is ChildState.RUNNING:
            self._boards.forget()
        return []

    def _on_record(self, message: CycleOnRecord) -> list[Effect]:
        self._records.confirmed(message.cycle)
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
        elif isinstance(effect, machine.CancelOrder):
            self.log.debug("cancel {} {}: {}", effect.leg.value, effect.attempt, effect.why)
            self._orders.cancel(effect.leg, effect.attempt)
        elif isinstance(effect, machine.StartCycle):
            self._start_cycle(effect)
        elif isinstance(effect, machine.FinishCycle):
            self._put_on_record(effect.record)
        elif isinstance(effect, machine.CheckPositions):
            self._orders.verify_positions(*Leg)
        elif isinstance(effect, machine.ReadAnew):
            raise DeskUnsure(self._plan.desk, effect.reason)
        else:
            self._phase_changed(effect)

    def _start_cycle(self, effect: machine.StartCycle) -> None:
        """Put the cycle on record; its first intent stands behind that in the same inbox."""
        self._records.started(effect.cycle, effect.direction, effect.size)
        if trouble := self._orders.renew_ids(self._journal):
            self.log.warning("no new run epoch: {}", trouble)

    def _place(self, order: LegOrder) -> None:
        self._forget_readings()
        if view := self._orders.place(order, self.clock.now()):  # as its orders actor would say
            venue = self._instruments[order.leg].venue
            self.tell_self(orders.OrderProgressed(venue, self._epochs.get(order.leg, 0), view))

    def _put_on_record(self, record: CycleRecord) -> None:
        self._records.finished(record)
        self._boards.finished(record)
        self._market.finished(record)
        self._orders.release()

    def _phase_changed(self, effect: machine.ChangePhase) -> None:
        level = "WARNING" if effect.phase in _TROUBLE else "DEBUG"
        log = self.log.bind(desk=self._plan.desk, cycle=self._desk.cycle)
        log.log(level, "{}", ": ".join(filter(None, (effect.phase.value, effect.detail))))
        self._phase_since_s = self.clock.now()
        self._report()
        over = effect.phase in (Phase.DONE, Phase.HALTED)
        if over and not self._done:
            self._finish()
        self._done = over

    def _finish(self) -> None:
        desk = self._desk
        if desk.halted and desk.found is None:
            self._records.remember(halted=desk.halted)
        self._on_done(
            DeskOutcome(self._plan.desk, desk.halted, desk.flat, found=desk.found is not None)
        )

    def _report(self) -> None:
        """Tell board and guards where the desk stands, if that has changed."""
        paused = self._plan.desk in self._paused
        report = report_of(self._desk, paused=paused, since_s=self._phase_since_s)
        self._boards.report(report, self.clock.now())

    def _arm_timer(self) -> None:
        due_s = self._desk.next_due_s(self.clock.now())
        if due_s is not None and due_s < self._wake_s:
            self._wake_s = due_s
            self.after(max(0.0, due_s - self.clock.now()), TickDue())


_TROUBLE: Final = (Phase.RECOVERING, Phase.UNWINDING, Phase.HALTED)
_HANDLERS: Final[dict[type, Callable[[Coordinator, Any], list[Effect]]]] = {
    MarketChanged: Coordinator._market_changed,
    orders.OrderProgressed: Coordinator._progressed,
    orders.VenueReadiness: Coordinator._readiness,
    orders.PositionsHeld: Coordinator._positions,
    orders.DriftFound: Coordinator._drift,
    ForcedClose: Coordinator._forced,
    VenueBalances: Coordinator._balances,
    LimitDesk: lambda self, m: self._desk.limits_changed(m.limits_in_force, self.clock.now()),
    StopDesk: Coordinator._stop_desk,
    PauseDesk: Coordinator._pause,
    ResumeDesk: Coordinator._resume,
    FlattenDesk: Coordinator._flatten,
    AdoptFound: lambda self, _: self._desk.adopt_found(self.clock.now()),
    FlattenFound: lambda self, _: self._desk.flatten_found(self.clock.now()),
    IgnoreFound: Coordinator._ignore_found,
    CycleOnRecord: Coordinator._on_record,
    ConfirmHandled: lambda _self, _message: [],
    StatusMessage: Coordinator._status_changed,
    VerifyDue: Coordinator._verify,
    TickDue: Coordinator._tick,
}
