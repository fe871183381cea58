"""The whole pure core between two simulated venues, and the judgement of what it did there."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from paper.measures import measure
from paper.records import AnyRecord
from paper.verdict import Measures, Scope
from tests.simulation.desk_shell import DeskShell, Journal
from tests.simulation.orders_shell import OrdersShell
from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Act, Trouble
from tests.simulation.venue import SimVenue
from tests.simulation.wire import Wire
from tests.support_trading import BACKPACK_ETH, GRVT_ETH
from trading.desk import CycleRecord, DeskPlan, Phase
from trading.ids import Leg
from trading.order_manager import OrderManager
from trading.orders import OrderView
from venues.model import GRVT, Instrument

_QUOTE_PERIOD_S = 0.1
_BY_HAND = Decimal("0.2")
_AFTERMATH_S = 12.0  # what is still on its way when the desk is done has time to do harm


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a world ended. ``measures`` come from what the venues executed and nothing else."""

    phase: Phase
    halted: str
    finished: int
    opened_after_stop: int
    took_s: float
    steps: int
    positions: tuple[Decimal, ...]  # what our own orders made
    records: tuple[CycleRecord, ...]
    measures: Measures

    def faults(self) -> list[str]:
        """Everything that must never be, whatever happens to messages and connections."""
        found = self.measures
        wrong = [
            f"{letter}: {finding.rule} at {finding.at_ns} {finding.venue} {finding.detail}"
            for letter, findings in (
                ("D", found.duplicates), ("O", found.orphans),
                ("P", found.position_errors), ("flip", found.flips),
            )
            for finding in findings
        ]  # fmt: skip
        if self.halted or self.phase is not Phase.DONE:
            wrong.append(f"ended {self.phase.value}: {self.halted or 'not done in time'}")
        if any(self.positions):
            wrong.append(f"not flat: {self.positions}")
        if found.largest_order_q > 1:
            wrong.append(f"an order of {found.largest_order_q} q")
        if self.opened_after_stop:
            wrong.append("opened after it was told to stop")
        return wrong


class World:
    """One run. The desk's address stays the same whichever incarnation is behind it.

    ``manager`` can be a broken one, to see that the judgement finds it out.
    """

    def __init__(
        self,
        seed: int,
        trouble: Trouble,
        plan: DeskPlan,
        legs: Mapping[Leg, Instrument] | None = None,
        manager: type[OrderManager] = OrderManager,
    ) -> None:
        self.schedule = Schedule(seed)
        self.trouble = trouble
        self.plan = plan
        self.instruments = legs or {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
        self.manager = manager
        self.records: list[AnyRecord] = []
        self.journal = Journal()
        self._prices = Random(f"prices {seed}")
        self._mids = [Decimal(2500)]
        self._acts = dict(trouble.acts)
        self._stopped = False
        self.venues = {
            leg: SimVenue(instrument, self.schedule, trouble, self.records, self._mid)
            for leg, instrument in self.instruments.items()
        }
        self.wires = {
            leg: Wire(
                venue, self.schedule, trouble, self.records,
                replies_at_once=venue.name == GRVT,
            )
            for leg, venue in self.venues.items()
        }  # fmt: skip
        self.orders: dict[Leg, OrdersShell] = {}
        self.schedule.on_step = self._step
        self.desk = self._new_desk()
        for leg in Leg:
            self._new_orders(leg, 1)
            self._quote(leg)

    def run(self, limit_s: float) -> Outcome:
        """Run until the desk is over, then a while longer, and judge."""
        began_s = self.schedule.now_s
        self.schedule.run_until(lambda: self.desk.over, limit_s)
        took_s = self.schedule.now_s - began_s
        self.schedule.run_until(lambda: False, _AFTERMATH_S)
        desk = self.desk.machine
        return Outcome(
            phase=desk.phase, halted=desk.halted, finished=self.journal.finished,
            opened_after_stop=self.desk.opened_after_stop, took_s=took_s,
            steps=self.schedule.steps,
            positions=tuple(venue.position - venue.by_hand for venue in self.venues.values()),
            records=tuple(self.journal.records),
            measures=measure(self.records, self._scope(), self.schedule.now_ns),
        )  # fmt: skip

    # -- the desk's address ------------------------------------------------------------------------

    def progressed(self, venue: str, view: OrderView) -> None:
        self.desk.progressed(venue, view)

    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None:
        self.desk.readiness(venue, epoch, ready, new_risk)

    def positions(self, venue: str, size: Any, settled: bool) -> None:
        self.desk.positions(venue, size, settled)

    def drift(self, venue: str, detail: str) -> None:
        self.desk.drift(venue, detail)

    # -- what is done to it ------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Do this to the world now."""
        if act is Act.CUT_PRIMARY:
            self.wires[Leg.PRIMARY].cut()
        elif act is Act.CUT_HEDGE:
            self.wires[Leg.HEDGE].cut()
        elif act is Act.RESTART_DESK:
            self._restart_desk()
        elif act is Act.STOP:
            self._stopped = True
            self.desk.stop()
        elif act is Act.FLATTEN:
            self.desk.flatten()
            self.schedule.after(1.0, lambda: self.desk.resume())
        elif act is Act.TRADE_PRIMARY:
            self.venues[Leg.PRIMARY].trade_by_hand(_BY_HAND)
        elif act is Act.TRADE_HEDGE:
            self.venues[Leg.HEDGE].trade_by_hand(_BY_HAND)
        else:
            self._restart_orders(Leg.PRIMARY if act is Act.RESTART_PRIMARY_ORDERS else Leg.HEDGE)

    def _step(self, number: int) -> None:
        act = self._acts.get(number)
        if act is not None and not self.desk.over:
            self.act(act)

    def _restart_desk(self) -> None:
        self.desk.alive = False
        self.desk = self._new_desk()
        if self._stopped:
            self.desk.machine.stopping = True
        for shell in self.orders.values():
            self.schedule.after(0.0001, shell.introduce)

    def _restart_orders(self, leg: Leg) -> None:
        """The connections stand behind the orders actor, and start anew with it."""
        shell = self.orders[leg]
        shell.alive = False
        self._new_orders(leg, shell.epoch + 1)

    def _new_desk(self) -> DeskShell:
        return DeskShell(
            self.plan, self.instruments, self.schedule, self.journal, lambda leg: self.orders[leg]
        )

    def _new_orders(self, leg: Leg, epoch: int) -> None:
        wire = self.wires[leg]
        shell = OrdersShell(wire, self.schedule, self.trouble, self, epoch, self.manager)
        self.orders[leg] = wire.shell = shell
        self.schedule.after(0.0001, shell.introduce)
        wire.cut()
        self.schedule.after(0.01, wire.connect)

    # -- the market --------------------------------------------------------------------------------

    def _mid(self) -> Decimal:
        """The same walk for both venues, whatever is done there: a step every 100 ms."""
        step = int((self.schedule.now_s - 1000.0) / _QUOTE_PERIOD_S)
        while len(self._mids) <= step:
            move = Decimal(self._prices.randint(-20, 20)) / 100
            self._mids.append(self._mids[-1] + move)
        return self._mids[step]

    def _quote(self, leg: Leg) -> None:
        self.schedule.after(_QUOTE_PERIOD_S, lambda: self._quote(leg), step=False)
        self.desk.quoted(leg, self.venues[leg].quote())

    def _scope(self) -> Scope:
        primary, hedge = self.instruments[Leg.PRIMARY], self.instruments[Leg.HEDGE]
        return Scope(
            primary=primary.venue, primary_symbol=primary.symbol, hedge=hedge.venue,
            hedge_symbol=hedge.symbol, q=self.plan.size, lot=hedge.step,
            planned=self.plan.cycles or 0,
        )  # fmt: skip
