"""The guard over all desks: adds up what they hold and have lost, and tells their guards.

``trading.account_guard`` decides. Each desk's own guard passes on what concerns it, so a desk hears
of its limits from one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.board import DeskReported
from actors.guard import LOOK_S, REPORT_S, GuardedDesk, LookDue, Prices, positions_of
from actors.guard_messages import (
    ACCOUNT,
    ACCOUNT_GUARD,
    AccountLimitsInForce,
    LimitsReported,
    ResumeLimits,
    guard_of,
)
from actors.guard_results import GuardResults
from actors.journal import FundingOnRecord, ResultsOnRecord
from actors.market_board import MarketBoard
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState, StatusMessage
from trading.account_guard import AccountGuard, DeskExposure
from trading.desk import CycleRecord, Phase
from trading.guard import naked_notional, open_notional
from trading.limits import LimitState, gist, in_force
from trading.plan import AccountLimits, ActiveLimit
from venues.model import ZERO


class _Desk:
    """One desk as its reports tell."""

    def __init__(self, desk: GuardedDesk, market: MarketBoard) -> None:
        self.desk = desk
        self.prices = Prices(desk.instruments, market)
        self.report: DeskReported | None = None
        self.runs = True  # its coordinator, as far as is known
        self.told: tuple[object, ...] | None = None
        self.told_epoch = 0

    def exposure(self) -> DeskExposure:
        """Its share of what is open, in quote currency."""
        self.prices.look()
        positions, prices = positions_of(self.report), self.prices.last
        return DeskExposure(
            naked=naked_notional(positions, prices, self.desk.instruments).value,
            open=open_notional(positions, prices, ZERO, self.desk.instruments).value,
            full=open_notional(positions, prices, self.desk.size, self.desk.instruments).value,
            may_open=may_open(self.report, runs=self.runs),
        )


class AccountsGuard(SupervisedActor):
    """One in the service. ``desks`` in the order of the configuration."""

    def __init__(
        self,
        context: ActorContext,
        limits: AccountLimits,
        desks: tuple[GuardedDesk, ...],
        market: MarketBoard,
    ) -> None:
        super().__init__(context)
        self._desks = {desk.name: _Desk(desk, market) for desk in desks}
        self._by_guard = {guard_of(name): desk for name, desk in self._desks.items()}
        self._by_coordinator = {f"{name}/coordinator": d for name, d in self._desks.items()}
        self._addresses = {name: self.address(name) for name in self._by_guard}
        self._board = self.address("board")
        self._guard = AccountGuard(limits, self._desks)
        self._results = GuardResults(
            self.address("journal"),
            self.name,
            ACCOUNT_GUARD,
            tuple(self._desks),
            self.log,
            whole=limits.drawdown.at is not None,
        )
        self._reported_s = float("-inf")

    def on_start(self) -> None:
        for name in (*self._by_guard, *self._by_coordinator):
            self.watch(name)
        self.watch("journal")
        self.after(0.0, LookDue())

    def on_message(self, message: object) -> object:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return super().on_message(message)
        return handler(self, message)

    # -- what it is told ---------------------------------------------------------------------------

    def _look_due(self, _: LookDue) -> None:
        self._results.ask(self.clock.now())
        self._look()
        self.after(LOOK_S, LookDue())

    def _desk_reported(self, report: DeskReported) -> None:
        if report.desk in self._desks:
            self._desks[report.desk].report = report

    def _finished(self, record: CycleRecord) -> None:
        """What a cycle has lost counts before the next one opens."""
        self._results.finished(record)
        self._look()

    def _put_right(self, found: FundingOnRecord) -> None:
        self._results.put_right(found.record)
        self._look()

    def _resume(self, _: ResumeLimits) -> None:
        now_ns = time.time_ns()
        if self._guard.resume(now_ns):
            self._results.resumed(now_ns)
        self._look()

    def _status_changed(self, status: StatusMessage) -> None:
        if status.name in self._by_coordinator:
            self._by_coordinator[status.name].runs = status.state is ChildState.RUNNING
            return
        desk = self._by_guard.get(status.name)
        if desk is None:
            self._results.journal_changed(status)
        elif status.state is ChildState.RUNNING and status.epoch != desk.told_epoch:
            desk.told_epoch = status.epoch
            desk.told = None  # a new life of it has heard nothing yet
            self._look()

    # -- what it tells -----------------------------------------------------------------------------

    def _look(self) -> None:
        now_s = self.clock.now()
        self._guard.results = self._results.known
        exposures = {name: desk.exposure() for name, desk in self._desks.items()}
        states = self._guard.look(exposures, now_s, time.time_ns())
        changed = False
        for name in self._by_guard:
            desk = self._by_guard[name]
            changed |= self._speak(name, desk, states[desk.desk.name])
        if changed or now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            self._board.offer(LimitsReported(ACCOUNT, _shown(states)))

    def _speak(self, name: str, desk: _Desk, states: tuple[LimitState, ...]) -> bool:
        limits_in_force = tuple(
            ActiveLimit(f"{ACCOUNT}.{active.limit}", active.action, active.reason)
            for active in in_force(states)
        )
        told = gist(limits_in_force)
        if told == desk.told or not self._addresses[name].offer(
            AccountLimitsInForce(limits_in_force)
        ):
            return False
        desk.told = told
        return True


def may_open(report: DeskReported | None, *, runs: bool) -> bool:
    """False once a desk can't open anything: then it takes no room but for what it holds.

    ``runs``: its coordinator does. One that is opening is going to hold more, whatever has come in
    between.
    """
    if report is None or report.phase is Phase.OPENING:
        return True
    return runs and not (report.paused or report.halted or report.phase is Phase.DONE)


def _shown(states: Mapping[str, tuple[LimitState, ...]]) -> tuple[LimitState, ...]:
    """Of each limit the worst that any desk has: one that is in force, and the largest figure."""
    worst: dict[str, LimitState] = {}
    for state in (state for of_desk in states.values() for state in of_desk):
        known = worst.get(state.limit)
        if known is None or _weight(state) > _weight(known):
            worst[state.limit] = state
    return tuple(worst.values())


def _weight(state: LimitState) -> tuple[bool, Any]:
    return bool(state.reason), ZERO if state.figure is None else state.figure


_HANDLERS: Final[dict[type, Callable[[AccountsGuard, Any], None]]] = {
    LookDue: AccountsGuard._look_due,
    DeskReported: AccountsGuard._desk_reported,
    CycleRecord: AccountsGuard._finished,
    FundingOnRecord: AccountsGuard._put_right,
    ResultsOnRecord: lambda self, found: self._results.answered(found),
    ResumeLimits: AccountsGuard._resume,
    StatusMessage: AccountsGuard._status_changed,
}
