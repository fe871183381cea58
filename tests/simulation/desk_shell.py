"""A cycle machine with what the coordinator does around it, on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from tests.simulation.desk_records import DeskRecords
from tests.simulation.journal import Journal
from tests.simulation.orders_shell import OrdersShell, PositionRead
from tests.simulation.process import Process
from tests.simulation.schedule import Schedule
from tests.support.trading import SECOND_NS
from trading import cycle as machine
from trading.cycle import CycleMachine, Effect
from trading.desk import LegOrder, Phase
from trading.ids import wide_id
from trading.leg import Leg
from trading.orders import OrderView
from trading.plan import DeskPlan
from trading.recovery import HeldPositions
from venues.model import GRVT, Fill, Instrument, MarketMode, NewOrder, Quote, TimeInForce

EXPIRY_S: Final = {Leg.PRIMARY: 2.0, Leg.HEDGE: 5.0}
_NOT_SENT_AFTER_S: Final = 2.0
_RESTING_EXPIRY_S: Final = 4.0


class Setting(msgspec.Struct, frozen=True):
    """What every incarnation of the desk has."""

    plan: DeskPlan
    instruments: Mapping[Leg, Instrument]
    schedule: Schedule
    journal: Journal
    orders: Callable[[Leg], OrdersShell]
    failed: Callable[[], None]


class DeskShell:
    """One incarnation of the desk. ``orders`` gives whoever runs a leg's orders now."""

    def __init__(self, setting: Setting, process: Process, halted: str = "") -> None:
        self.alive = True
        self.opened_after_stop = 0
        history = setting.journal.load_desk()
        self.machine = CycleMachine(
            setting.plan, setting.instruments, history.next_cycle, history.finished,
            history.halted or halted,
        )  # fmt: skip
        self.machine.paused = history.paused
        if history.open_cycle:
            self.machine.on_record = setting.journal.load_open_cycle(
                setting.instruments, process.ids.previous, process.ids.last
            )
        self._setting = setting
        self._process = process
        self._schedule = setting.schedule
        self._history = history
        self._records = DeskRecords(setting.journal, process)
        self._leg_of = {instrument.venue: leg for leg, instrument in setting.instruments.items()}
        self._positions = HeldPositions(setting.plan.retry_s / 2)
        self._known_since_s: dict[Leg, float] = {}
        self._epochs: dict[Leg, int] = {}
        self._sent: dict[tuple[Leg, int], NewOrder] = {}
        self._attempts: dict[int, int] = {}
        self._wake_s = float("inf")
        self._began_ns = 0  # when this life's latest cycle began, by our clock

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
        self._records.remember(paused=True)
        self._do(self.machine.flatten(self._schedule.host_s))

    def resume(self) -> None:
        self._records.remember(paused=False, halted="")
        self._do(self.machine.resume(self._schedule.host_s))

    def progressed(self, venue: str, view: OrderView) -> None:
        attempt = self._attempts.get(view.client_order_id)
        if attempt is not None:  # else of a cycle that is over
            leg, now_s = self._leg_of[venue], self._schedule.host_s
            self._forget_readings()
            self._do(self.machine.order_progressed(leg, attempt, view, now_s))

    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None:
        leg = self._leg_of[venue]
        if self._epochs.get(leg, epoch) != epoch:
            self._hand_over(leg)
        self._epochs[leg] = epoch
        self._do(self.machine.readiness(leg, ready, new_risk, self._schedule.host_s))

    def positions(self, venue: str, read: PositionRead) -> None:
        leg, now_s = self._leg_of[venue], self._schedule.host_s
        if self.machine.phase is not Phase.RECOVERING:
            self._do(self.machine.positions_read(leg, read.size, now_s, read.asked_s))
            return
        self._known_since_s[leg] = read.since_s
        if not self._positions.read(leg, read.size, read.settled, min(read.asked_s, now_s)):
            self._schedule.after(self._setting.plan.retry_s, lambda: self._verify(leg), step=False)
        if self._positions.proven is not None:
            self._recover(self._positions.proven)
        else:
            self._do(self.machine.partly_read(self._positions.known, {}, now_s))

    def drift(self, venue: str, detail: str) -> None:
        self._do(self.machine.drift(f"{venue}: {detail}", self._schedule.host_s))

    def forced(self, venue: str, fill: Fill, detail: str) -> None:
        leg, now_s = self._leg_of[venue], self._schedule.host_s
        earlier = fill.event_ns < self._began_ns
        self._do(self.machine.forced(leg, fill, detail, now_s, earlier=earlier))

    def moded(self, leg: Leg, mode: MarketMode) -> None:
        """The market's word on what it takes: as often as its prices."""
        if mode is not self.machine.legs[leg].mode:
            self._do(self.machine.market_mode(leg, mode, self._schedule.host_s))

    def journal_changed(self) -> None:
        self._records.journal_changed()

    # -- as the coordinator does -------------------------------------------------------------------

    def _hand_over(self, leg: Leg) -> None:
        for order in self.machine.orders.unresolved():
            new = self._sent.get((order.leg, order.attempt))
            if order.leg is leg and new is not None:
                self._tell(leg, lambda shell, new=new: shell.adopt(new))  # type: ignore[misc]

    def _recover(self, held: Mapping[Leg, Decimal]) -> None:
        history = self._history
        if history.open_cycle and not any(held.values()):
            self._records.interrupted(history.open_cycle, history.open_size)
        unsure_until_s = max(
            since_s + EXPIRY_S[leg] + _NOT_SENT_AFTER_S
            for leg, since_s in self._known_since_s.items()
        )
        effects = self.machine.recover(
            held, bool(history.open_cycle), self._schedule.host_s, size=history.open_size,
            unsure_until_s=unsure_until_s if history.open_cycle else float("-inf"),
        )  # fmt: skip
        self._do(effects)

    def _forget_readings(self) -> None:
        if self.machine.phase is Phase.RECOVERING:
            self._positions.forget(self._schedule.host_s)

    def _verify(self, leg: Leg) -> None:
        if self.alive and self.machine.phase is Phase.RECOVERING:
            self._tell(leg, OrdersShell.verify_positions)

    def _tell(self, leg: Leg, act: Callable[[OrdersShell], None]) -> None:
        self._process.tell(lambda: act(self._setting.orders(leg)))

    # -- effects -----------------------------------------------------------------------------------

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if self.alive:
                self._do_one(effect)
        if self.alive:
            self._arm_timer()

    def _do_one(self, effect: Effect) -> None:
        if isinstance(effect, machine.PlaceOrder):
            self._place(effect.order)
        elif isinstance(effect, machine.CancelOrder):
            self._cancel(effect.leg, effect.attempt)
        elif isinstance(effect, machine.StartCycle):
            self._began_ns = self._schedule.host_ns
            self._records.started(effect.cycle, effect.size)
        elif isinstance(effect, machine.FinishCycle):
            self._records.finished(effect.record)
            self._release()
        elif isinstance(effect, machine.CheckPositions):
            for leg in Leg:
                self._tell(leg, OrdersShell.verify_positions)
        elif isinstance(effect, machine.ReadAnew):
            self.alive = False  # it fails, and its supervisor makes a new one
            self._setting.failed()
        elif effect.phase is Phase.HALTED and self.machine.found is None:
            self._records.remember(halted=self.machine.halted)

    def _place(self, order: LegOrder) -> None:
        self._forget_readings()
        self.opened_after_stop += order.adds_risk and self.machine.stopping
        compact = self._process.ids.next()
        instrument = self._setting.instruments[order.leg]
        now_ns = self._schedule.host_ns
        rests = bool(order.rests_s)
        expiry_s = order.rests_s + _RESTING_EXPIRY_S if rests else EXPIRY_S[order.leg]
        new = NewOrder(
            symbol=instrument.symbol, side=order.side, size=order.size, price=order.price,
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC, nonce=compact,
            client_order_id=wide_id(compact) if instrument.venue == GRVT else compact,
            expires_ns=now_ns + int(expiry_s * SECOND_NS), created_ns=now_ns,
            post_only=rests, reduce_only=order.reduce_only,
        )  # fmt: skip
        instrument.check_order(new.size, new.price)
        self._sent[order.leg, order.attempt] = new
        self._attempts[new.client_order_id] = order.attempt
        self._tell(order.leg, lambda shell: shell.submit(new, order.adds_risk))

    def _cancel(self, leg: Leg, attempt: int) -> None:
        new = self._sent.get((leg, attempt))
        if new is not None:
            number = new.client_order_id
            self._tell(leg, lambda shell: shell.cancel(number))

    def _release(self) -> None:
        for leg in Leg:
            ids = tuple(new.client_order_id for (of, _), new in self._sent.items() if of is leg)
            self._tell(leg, lambda shell, ids=ids: shell.release(ids))  # type: ignore[misc]
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
