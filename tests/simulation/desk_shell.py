"""A cycle machine with what the coordinator does around it, on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from tests.simulation.orders_shell import OrdersShell
from tests.simulation.schedule import Schedule
from tests.support_trading import SECOND_NS
from trading import cycle as machine
from trading.cycle import CycleMachine, Effect
from trading.desk import CycleRecord, DeskPlan, LegOrder, Phase
from trading.ids import Leg, OrderKey, client_order_id, compact_id, key_of
from trading.orders import OrderView
from venues.model import GRVT, Instrument, NewOrder, Quote, TimeInForce

_EXPIRY_S = {Leg.PRIMARY: 2.0, Leg.HEDGE: 5.0}


class Journal(msgspec.Struct):
    """What survives the desk."""

    next_cycle: int = 1
    open_cycle: int = 0
    finished: int = 0
    records: list[CycleRecord] = []


class DeskShell:
    """One incarnation of the desk. ``orders`` gives whoever runs a leg's orders now."""

    def __init__(
        self,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        schedule: Schedule,
        journal: Journal,
        orders: Callable[[Leg], OrdersShell],
    ) -> None:
        self.alive = True
        self.opened_after_stop = 0
        self.machine = CycleMachine(plan, instruments, journal.next_cycle, journal.finished)
        self._plan = plan
        self._instruments = instruments
        self._schedule = schedule
        self._journal = journal
        self._open_cycle = journal.open_cycle
        self._orders = orders
        self._leg_of = {instrument.venue: leg for leg, instrument in instruments.items()}
        self._read: dict[Leg, Decimal | None] = {}
        self._held: dict[Leg, Decimal] = {}
        self._epochs: dict[Leg, int] = {}
        self._sent: dict[tuple[Leg, int], NewOrder] = {}
        self._wake_s = float("inf")

    @property
    def over(self) -> bool:
        """True when it has nothing more to do."""
        return self.machine.phase in (Phase.DONE, Phase.HALTED)

    # -- from outside ------------------------------------------------------------------------------

    def quoted(self, leg: Leg, quote: Quote) -> None:
        self._do(self.machine.quoted(leg, quote, self._schedule.now_s))

    def stop(self) -> None:
        self._do(self.machine.stop(self._schedule.now_s))

    def flatten(self) -> None:
        self._do(self.machine.flatten(self._schedule.now_s))

    def resume(self) -> None:
        self._do(self.machine.resume(self._schedule.now_s))

    def progressed(self, venue: str, view: OrderView) -> None:
        leg = self._leg_of[venue]
        attempt = key_of(view.client_order_id).attempt
        new = self._sent.get((leg, attempt))
        if new is not None and new.client_order_id == view.client_order_id:
            now_s = self._schedule.now_s
            self._do(self.machine.order_progressed(leg, attempt, view, now_s))

    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None:
        leg = self._leg_of[venue]
        if self._epochs.get(leg, epoch) != epoch:
            self._hand_over(leg)
        self._epochs[leg] = epoch
        self._do(self.machine.readiness(leg, ready, new_risk, self._schedule.now_s))

    def positions(self, venue: str, size: Decimal, settled: bool) -> None:
        leg = self._leg_of[venue]
        if self.machine.phase is Phase.RECOVERING:
            self._recover(leg, size, settled)
        else:
            self._do(self.machine.positions_read(leg, size, self._schedule.now_s))

    def drift(self, venue: str, detail: str) -> None:
        self._do(self.machine.halt(f"{venue}: {detail}", self._schedule.now_s))

    # -- as the coordinator does -------------------------------------------------------------------

    def _hand_over(self, leg: Leg) -> None:
        for order in self.machine.book.unresolved():
            new = self._sent.get((order.leg, order.attempt))
            if order.leg is leg and new is not None:
                self._tell(leg, lambda shell, new=new: shell.adopt(new))  # type: ignore[misc]

    def _recover(self, leg: Leg, size: Decimal, settled: bool) -> None:
        proven = settled and self._read.get(leg) == size
        self._read[leg] = size if settled else None
        if not proven:
            self._held.pop(leg, None)
            self._schedule.after(self._plan.retry_s, lambda: self._verify(leg), step=False)
            return
        self._held[leg] = size
        if len(self._held) == len(Leg):
            explained = bool(self._open_cycle)
            self._do(self.machine.recover(self._held, explained, self._schedule.now_s))

    def _verify(self, leg: Leg) -> None:
        if self.alive and self.machine.phase is Phase.RECOVERING:
            self._tell(leg, OrdersShell.verify_positions)

    def _tell(self, leg: Leg, act: Callable[[OrdersShell], None]) -> None:
        self._schedule.after(0.0001, lambda: act(self._orders(leg)))

    # -- effects -----------------------------------------------------------------------------------

    def _do(self, effects: list[Effect]) -> None:
        if not self.alive:
            return
        for effect in effects:
            self._do_one(effect)
        self._arm_timer()

    def _do_one(self, effect: Effect) -> None:
        if isinstance(effect, machine.PlaceOrder):
            self._place(effect.order)
        elif isinstance(effect, machine.StartCycle):
            self._sent.clear()
            self._journal.next_cycle = effect.cycle + 1
            self._journal.open_cycle = effect.cycle
        elif isinstance(effect, machine.FinishCycle):
            self._finish(effect.record)
        elif isinstance(effect, machine.CheckPositions):
            for leg in Leg:
                self._tell(leg, OrdersShell.verify_positions)

    def _place(self, order: LegOrder) -> None:
        self.opened_after_stop += order.adds_risk and self.machine.stopping
        key = OrderKey(self._plan.desk_number, order.cycle, order.leg, order.attempt)
        instrument = self._instruments[order.leg]
        now_ns = self._schedule.now_ns
        new = NewOrder(
            symbol=instrument.symbol, side=order.side, size=order.size, price=order.price,
            time_in_force=TimeInForce.IOC, nonce=compact_id(key),
            client_order_id=client_order_id(key, wide=instrument.venue == GRVT),
            expires_ns=now_ns + int(_EXPIRY_S[order.leg] * SECOND_NS), created_ns=now_ns,
            reduce_only=order.reduce_only,
        )  # fmt: skip
        instrument.check_order(new.size, new.price)
        self._sent[order.leg, order.attempt] = new
        self._tell(order.leg, lambda shell: shell.submit(new, order.adds_risk))

    def _finish(self, record: CycleRecord) -> None:
        self._journal.records.append(record)
        self._journal.open_cycle = 0
        self._journal.finished += record.outcome in ("completed", "unwound")
        for leg in Leg:
            ids = tuple(new.client_order_id for (of, _), new in self._sent.items() if of is leg)
            self._tell(leg, lambda shell, ids=ids: shell.release(ids))  # type: ignore[misc]
        self._sent.clear()

    def _arm_timer(self) -> None:
        due_s = self.machine.next_due_s(self._schedule.now_s)
        if due_s is not None and due_s < self._wake_s:
            self._wake_s = due_s
            delay_s = max(0.0, due_s - self._schedule.now_s)
            self._schedule.after(delay_s, self._tick, step=False)

    def _tick(self) -> None:
        self._wake_s = float("inf")
        if self.alive:
            self._do(self.machine.tick(self._schedule.now_s))
