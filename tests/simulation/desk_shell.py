"""A cycle machine with what the coordinator does around it, on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from tests.simulation.journal import Journal
from tests.simulation.orders_shell import OrdersShell
from tests.simulation.process import Process
from tests.simulation.schedule import Schedule
from tests.support_trading import SECOND_NS
from trading import cycle as machine
from trading.cycle import CycleMachine, Effect
from trading.desk import CycleRecord, DeskPlan, LegOrder, Phase
from trading.ids import Leg, wide_id
from trading.orders import OrderView
from venues.model import GRVT, Instrument, NewOrder, Quote, TimeInForce

_EXPIRY_S = {Leg.PRIMARY: 2.0, Leg.HEDGE: 5.0}
_RECORD_S = 2.0


class DeskShell:
    """One incarnation of the desk. ``orders`` gives whoever runs a leg's orders now."""

    def __init__(
        self,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        schedule: Schedule,
        journal: Journal,
        process: Process,
        orders: Callable[[Leg], OrdersShell],
    ) -> None:
        self.alive = True
        self.opened_after_stop = 0
        self.machine = CycleMachine(plan, instruments, journal.next_cycle, journal.finished)
        self._plan = plan
        self._instruments = instruments
        self._schedule = schedule
        self._journal = journal
        self._process = process
        self._open_cycle = journal.open_cycle
        self._orders = orders
        self._leg_of = {instrument.venue: leg for leg, instrument in instruments.items()}
        self._read: dict[Leg, Decimal | None] = {}
        self._held: dict[Leg, Decimal] = {}
        self._epochs: dict[Leg, int] = {}
        self._sent: dict[tuple[Leg, int], NewOrder] = {}
        self._attempts: dict[int, int] = {}
        self._wake_s = float("inf")

    @property
    def over(self) -> bool:
        """True when it has nothing more to do."""
        return self.machine.phase in (Phase.DONE, Phase.HALTED)

    # -- from outside ------------------------------------------------------------------------------

    def quoted(self, leg: Leg, quote: Quote) -> None:
        self._do(self.machine.quoted(leg, quote, self._schedule.host_s))

    def stop(self) -> None:
        self._do(self.machine.stop(self._schedule.host_s))

    def flatten(self) -> None:
        self._do(self.machine.flatten(self._schedule.host_s))

    def resume(self) -> None:
        self._do(self.machine.resume(self._schedule.host_s))

    def progressed(self, venue: str, view: OrderView) -> None:
        attempt = self._attempts.get(view.client_order_id)
        if attempt is not None:  # else of a cycle that is over
            leg, now_s = self._leg_of[venue], self._schedule.host_s
            self._do(self.machine.order_progressed(leg, attempt, view, now_s))

    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None:
        leg = self._leg_of[venue]
        if self._epochs.get(leg, epoch) != epoch:
            self._hand_over(leg)
        self._epochs[leg] = epoch
        self._do(self.machine.readiness(leg, ready, new_risk, self._schedule.host_s))

    def positions(self, venue: str, size: Decimal, settled: bool, since_s: float) -> None:
        leg = self._leg_of[venue]
        if self.machine.phase is Phase.RECOVERING:
            self._recover(leg, size, settled and self._knows_all(leg, since_s))
        else:
            self._do(self.machine.positions_read(leg, size, self._schedule.host_s))

    def drift(self, venue: str, detail: str) -> None:
        self._do(self.machine.halt(f"{venue}: {detail}", self._schedule.host_s))

    # -- as the coordinator does -------------------------------------------------------------------

    def _hand_over(self, leg: Leg) -> None:
        for order in self.machine.book.unresolved():
            new = self._sent.get((order.leg, order.attempt))
            if order.leg is leg and new is not None:
                self._tell(leg, lambda shell, new=new: shell.adopt(new))  # type: ignore[misc]

    def _knows_all(self, leg: Leg, since_s: float) -> bool:
        """False while an order of the interrupted cycle may execute that nobody knows of."""
        over_s = _EXPIRY_S[leg] + _RECORD_S
        return not self._open_cycle or self._schedule.host_s - since_s >= over_s

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
            self._do(self.machine.recover(self._held, explained, self._schedule.host_s))

    def _verify(self, leg: Leg) -> None:
        if self.alive and self.machine.phase is Phase.RECOVERING:
            self._tell(leg, OrdersShell.verify_positions)

    def _tell(self, leg: Leg, act: Callable[[OrdersShell], None]) -> None:
        self._process.tell(lambda: act(self._orders(leg)))

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
            self._forget_sent()
            self._start(effect)
        elif isinstance(effect, machine.FinishCycle):
            self._finish(effect.record)
        elif isinstance(effect, machine.CheckPositions):
            for leg in Leg:
                self._tell(leg, OrdersShell.verify_positions)

    def _start(self, effect: machine.StartCycle) -> None:
        cycle = effect.cycle
        self._journal.write(lambda: self._journal.start_cycle(cycle))
        if effect.direction == machine.RECOVER:
            self._journal.commit()  # it is waited for

    def _place(self, order: LegOrder) -> None:
        self.opened_after_stop += order.adds_risk and self.machine.stopping
        compact = self._process.ids.next()
        instrument = self._instruments[order.leg]
        now_ns = self._schedule.host_ns
        new = NewOrder(
            symbol=instrument.symbol, side=order.side, size=order.size, price=order.price,
            time_in_force=TimeInForce.IOC, nonce=compact,
            client_order_id=wide_id(compact) if instrument.venue == GRVT else compact,
            expires_ns=now_ns + int(_EXPIRY_S[order.leg] * SECOND_NS), created_ns=now_ns,
            reduce_only=order.reduce_only,
        )  # fmt: skip
        instrument.check_order(new.size, new.price)
        self._sent[order.leg, order.attempt] = new
        self._attempts[new.client_order_id] = order.attempt
        self._tell(order.leg, lambda shell: shell.submit(new, order.adds_risk))

    def _finish(self, record: CycleRecord) -> None:
        self._journal.write(lambda: self._journal.end_cycle(record))
        for leg in Leg:
            ids = tuple(new.client_order_id for (of, _), new in self._sent.items() if of is leg)
            self._tell(leg, lambda shell, ids=ids: shell.release(ids))  # type: ignore[misc]
        self._forget_sent()

    def _forget_sent(self) -> None:
        self._sent.clear()
        self._attempts.clear()

    def _arm_timer(self) -> None:
        due_s = self.machine.next_due_s(self._schedule.host_s)
        if due_s is not None and due_s < self._wake_s:
            self._wake_s = due_s
            delay_s = max(1e-6, due_s - self._schedule.host_s)  # rounding must not stop the time
            self._schedule.after(delay_s, self._tick, step=False)

    def _tick(self) -> None:
        self._wake_s = float("inf")
        if self.alive:
            self._do(self.machine.tick(self._schedule.host_s))
