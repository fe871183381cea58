"""The guard of a desk: looks at its limits four times a second, and tells it which are in force.

``trading.guard`` decides. The guard stands before its desk's coordinator and needs nothing of it
but its reports, so it also sees a coordinator that hangs: what was naked when it spoke last goes on
being naked by the guard's own clock. It is the only one who tells the desk what holds it, the
account's limits included.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.board import DeskReported
from actors.desk_commands import LimitDesk
from actors.guard_messages import AccountLimitsInForce, LimitsReported, ResumeLimits
from actors.guard_results import GuardResults
from actors.journal import FundingOnRecord, ResultsOnRecord
from actors.market_board import MarketBoard
from actors.naked_clocks import NakedClocks
from actors.orders_outbox import VenueBalances, VenuePositions
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState, StatusMessage
from trading.desk import CycleRecord, Phase
from trading.guard import DeskFacts, DeskGuard, Held, Money
from trading.leg import Leg
from trading.limits import UNKNOWN, LimitState, gist, in_force
from trading.plan import Action, ActiveLimit, DeskLimits
from venues.clock import VenueClock
from venues.model import Instrument

__all__ = [
    "AccountLimitsInForce", "Guard", "GuardedDesk", "LimitsReported", "LookDue", "Prices",
    "ResumeLimits", "positions_of",
]  # fmt: skip

LOOK_S: Final = 0.25
REPORT_S: Final = 1.0
_NS_PER_MS: Final = 1_000_000
_ACCOUNT: Final = ActiveLimit(
    "account", Action.FREEZE, "the guard over all desks has not reported yet"
)


class LookDue(msgspec.Struct, frozen=True):
    """Time to look at everything again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuardedDesk:
    """What a guard has to know of a desk; ``clocks`` are those of its venues.

    A balance or position that is older than ``readings_s`` says nothing.
    """

    name: str
    limits: DeskLimits
    instruments: Mapping[Leg, Instrument]
    clocks: Mapping[Leg, VenueClock]
    size: Decimal
    slices: int = 1
    readings_s: float = 180.0


class Prices:
    """The last prices of a desk's markets. A stream that has ended tells none, and takes none."""

    def __init__(self, instruments: Mapping[Leg, Instrument], market: MarketBoard) -> None:
        self.last: dict[Leg, Decimal] = {}
        self.quoted_s: dict[Leg, float] = {}
        self._instruments = instruments
        self._market = market

    def look(self) -> None:
        """Take what is on the market board now."""
        for leg, instrument in self._instruments.items():
            view = self._market.view(instrument.venue, instrument.symbol)
            if view.quote is not None:
                self.last[leg] = view.quote.mid
                self.quoted_s[leg] = view.quoted_s


class Guard(SupervisedActor):
    """One per desk. ``account_limited``: it also waits for the first word on the account."""

    def __init__(
        self,
        context: ActorContext,
        desk: GuardedDesk,
        *,
        market: MarketBoard,
        naked: NakedClocks,
        account_limited: bool,
    ) -> None:
        super().__init__(context)
        self._desk = desk
        self._naked = naked
        self._coordinator = self.address(f"{desk.name}/coordinator")
        self._board = self.address("board")
        self._prices = Prices(desk.instruments, market)
        self._results = GuardResults(
            self.address("journal"),
            self.name,
            desk.name,
            (desk.name,),
            self.log,
            whole=desk.limits.drawdown.at is not None,
        )
        self._guard = DeskGuard(
            desk.limits,
            desk.instruments,
            size=desk.size,
            slices=desk.slices,
            readings_s=desk.readings_s,
            naked_since_s=naked.of(desk.name),
        )
        self._report: DeskReported | None = None
        self._money: dict[str, Money] = {}
        self._held: dict[tuple[str, str], Held] = {}
        self._account: tuple[ActiveLimit, ...] = (_ACCOUNT,) if account_limited else ()
        self._told: tuple[object, ...] | None = None
        self._logged: tuple[object, ...] = ()
        self._told_epoch = 0
        self._waits = True  # for a figure that is not known
        self._reported_s = float("-inf")

    def on_start(self) -> None:
        self.watch(self._coordinator.name)
        self.watch("journal")
        self.after(0.0, LookDue())

    def on_message(self, message: object) -> object:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return super().on_message(message)
        handler(self, message)
        # It may be what was missing; and what a cycle has lost counts before the next one opens.
        if (self._waits and type(message) is not LookDue) or type(message) in _RESULTS:
            self._look()
        return None

    # -- what it is told ---------------------------------------------------------------------------

    def _look_due(self, _: LookDue) -> None:
        self._results.ask(self.clock.now())
        self._look()
        self.after(LOOK_S, LookDue())

    def _desk_reported(self, report: DeskReported) -> None:
        self._report = report

    def _balances(self, message: VenueBalances) -> None:
        read_s = min(message.read_s, self.clock.now())
        self._money[message.venue] = Money(message.summary, read_s)

    def _positions(self, message: VenuePositions) -> None:
        """A reading has all of a venue's positions: what is not in it is not held."""
        found = {position.symbol: position for position in message.positions}
        read_s = min(message.read_s, self.clock.now())
        for instrument in self._desk.instruments.values():
            if instrument.venue == message.venue:
                held = Held(found.get(instrument.symbol), read_s)
                self._held[instrument.venue, instrument.symbol] = held

    def _account_limits_changed(self, message: AccountLimitsInForce) -> None:
        self._account = message.limits_in_force
        self._look()

    def _resume(self, _: ResumeLimits) -> None:
        now_ns = time.time_ns()
        if self._guard.resume(now_ns):
            self._results.resumed(now_ns)
        self._told = None  # what still holds the desk is said anew: it halts again over that
        self._look()

    def _status_changed(self, status: StatusMessage) -> None:
        if status.name == self._coordinator.name:
            if status.state is ChildState.RUNNING and status.epoch != self._told_epoch:
                self._told_epoch = status.epoch
                self._told = None  # a new life of the desk has heard nothing yet
                self._look()
        else:
            self._results.journal_changed(status)

    # -- what it tells -----------------------------------------------------------------------------

    def _look(self) -> None:
        self._prices.look()
        self._guard.results = self._results.known
        states = self._guard.look(self._facts())
        self._naked.note(self._desk.name, self._guard.naked_since_s)
        self._waits = any(state.figure is None for state in states)
        changed = self._speak((*in_force(states), *self._account))
        self._publish(states, at_once=changed)

    def _speak(self, limits_in_force: tuple[ActiveLimit, ...]) -> bool:
        """Tell the desk the limits in force, unless it knows; True when that has changed."""
        told = gist(limits_in_force)
        if told == self._told:
            return False
        if not self._coordinator.offer(LimitDesk(limits_in_force)):
            return False  # it is down, and told when it is back
        self._told = told
        if told != self._logged:
            self._logged = told
            level = max((_level(active) for active in limits_in_force), default=(0, "INFO"))[1]
            text = "; ".join(
                f"{active.action.value}: {active.limit}: {active.reason}"
                for active in limits_in_force
            )
            self.log.log(level, "{}", f"limits in force: {text}" if text else "limits cleared")
        return True

    def _publish(self, states: tuple[LimitState, ...], *, at_once: bool) -> None:
        now_s = self.clock.now()
        if at_once or now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            self._board.offer(LimitsReported(self._desk.name, states))

    def _facts(self) -> DeskFacts:
        now_s, utc_ns = self.clock.now(), time.time_ns()
        instruments = self._desk.instruments
        report = self._report
        return DeskFacts(
            now_s=now_s,
            utc_ns=utc_ns,
            positions=positions_of(report),
            naked_since_s=None if report is None else report.naked_since_s,
            prices=self._prices.last,
            quoted_s=self._prices.quoted_s,
            money={
                leg: self._money[one.venue]
                for leg, one in instruments.items()
                if one.venue in self._money
            },
            held={
                leg: self._held[one.venue, one.symbol]
                for leg, one in instruments.items()
                if (one.venue, one.symbol) in self._held
            },
            skew_ms={
                leg: Decimal(venue_ns - utc_ns) / _NS_PER_MS
                for leg, clock in self._desk.clocks.items()
                if (venue_ns := clock.now_ns(now_s)) is not None
            },
        )


def _level(active: ActiveLimit) -> tuple[int, str]:
    """How loudly it is logged. At every start a few figures are not known for a moment."""
    if active.action is not Action.FREEZE:
        return 3, "WARNING"
    return (1, "DEBUG") if active.reason.startswith(UNKNOWN) else (2, "INFO")


def positions_of(report: DeskReported | None) -> dict[Leg, Decimal] | None:
    """What a desk holds by its own account; None while it does not know that itself."""
    if report is None or report.phase is Phase.RECOVERING:
        return None
    return {Leg(leg.leg): leg.position for leg in report.legs}


_RESULTS: Final = (CycleRecord, FundingOnRecord)
_HANDLERS: Final[dict[type, Callable[[Guard, Any], None]]] = {
    LookDue: Guard._look_due,
    DeskReported: Guard._desk_reported,
    CycleRecord: lambda self, record: self._results.finished(record),
    FundingOnRecord: lambda self, found: self._results.put_right(found.record),
    ResultsOnRecord: lambda self, found: self._results.answered(found),
    VenueBalances: Guard._balances,
    VenuePositions: Guard._positions,
    AccountLimitsInForce: Guard._account_limits_changed,
    ResumeLimits: Guard._resume,
    StatusMessage: Guard._status_changed,
}
