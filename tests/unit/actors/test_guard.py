"""The guards: who is told what, and when, and what a guard's next life still knows."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest

from actors.account_guard import AccountsGuard
from actors.board import DeskReported, LegReport
from actors.desk_commands import LimitDesk
from actors.guard import Guard, GuardedDesk
from actors.guard_messages import ACCOUNT, AccountLimitsInForce, LimitsReported, ResumeLimits
from actors.journal import FundingOnRecord, LoadResults, RecordResume, ResultsOnRecord
from actors.market_board import MarketBoard
from actors.naked_clocks import NakedClocks
from actors.orders_outbox import VenueBalances, VenuePositions
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState
from tests.support.actors import WAIT_S, mailbox
from tests.support.actors_records import cycle_record
from tests.support.supervision_live import Stage
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, quote
from trading.desk import CycleRecord, Phase
from trading.leg import Leg
from trading.limits import LimitState
from trading.plan import AccountLimits, Action, ActiveLimit, DeskLimits, Limit
from trading.results import CycleResult
from venues.clock import VenueClock
from venues.model import AccountSummary

INSTRUMENTS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
OFF = DeskLimits(**{name: Limit() for name in DeskLimits.__struct_fields__})
T = TypeVar("T")


def limits(**at: str) -> DeskLimits:
    """These limits alone; each reduces, and is over as soon as it is clear."""
    chosen = {
        name: Limit(at=D(value), action=Action.REDUCE, clear_s=0) for name, value in at.items()
    }
    return msgspec.structs.replace(OFF, **chosen)


class Theatre:
    """A guard of the desk eth among mailboxes: journal, board, coordinator."""

    def __init__(self, desk_limits: DeskLimits) -> None:
        self.stage = Stage()
        self.market = MarketBoard()
        self.naked = NakedClocks()
        self._last: tuple[ActiveLimit, ...] | None = None
        self.letters: dict[str, queue.Queue[Any]] = {
            name: queue.Queue() for name in ("journal", "board", "coordinator")
        }
        clocks = {leg: VenueClock(one.venue) for leg, one in INSTRUMENTS.items()}
        self.desk = GuardedDesk(
            name="eth", limits=desk_limits, instruments=INSTRUMENTS, clocks=clocks, size=D("0.5")
        )

    @contextmanager
    def running(self, account_limits: AccountLimits | None = None) -> Iterator[Theatre]:
        account = AccountLimits() if account_limits is None else account_limits
        guard = ChildSpec(
            "guard",
            lambda context: Guard(
                context,
                self.desk,
                market=self.market,
                naked=self.naked,
                account_limited=account_limits is not None,
            ),
        )
        over_all = ChildSpec(
            "guard", lambda context: AccountsGuard(context, account, (self.desk,), self.market)
        )
        desk = SupervisorSpec("eth", (guard, mailbox("coordinator", self.letters["coordinator"])))
        boxes = [mailbox(name, self.letters[name]) for name in ("journal", "board")]
        with self.stage.tree(*boxes, over_all, desk) as self.root:
            assert self.root.wait_ready(WAIT_S)
            yield self

    def tell(self, message: object, name: str = "eth/guard") -> None:
        self.stage.directory.address(name).tell(message)

    def tell_when_up(self, message: object, name: str = "eth/guard") -> None:
        self.stage.wait(name, ChildState.RUNNING, 2)
        self.tell(message, name)

    def resume(self, name: str = "eth/guard") -> None:
        self.stage.directory.address(name).ask(ResumeLimits())

    def told(self, name: str, kind: type[T], fits: Callable[[T], bool] = lambda _: True) -> T:
        """The next message of that kind that fits, whatever comes before."""
        due_s = time.monotonic() + WAIT_S
        while True:
            message = self.letters[name].get(timeout=max(0.0, due_s - time.monotonic()))
            if isinstance(message, kind) and fits(message):
                return message

    def told_by_now(self) -> list[LimitDesk]:
        """What the desk has been told that was not looked at yet.

        What was told stands in the mailbox's inbox, and so before the question; but only once that
        is answered has the mailbox put it where the test looks.
        """
        self.stage.directory.address("eth/coordinator").ask("all of it")
        told = iter(self.letters["coordinator"].get_nowait, "all of it")
        return [message for message in told if isinstance(message, LimitDesk)]

    def shown(self, fits: Callable[[LimitState], bool], scope: str = "eth") -> None:
        """Until the first limit of a scope is shown like that."""
        self.told(
            "board",
            LimitsReported,
            lambda m: m.scope == scope and bool(m.limits) and fits(m.limits[0]),
        )

    def limits_in_force(self) -> tuple[ActiveLimit, ...]:
        """What the desk is told next that it has not been told already."""
        self._last = self.told(
            "coordinator", LimitDesk, lambda m: m.limits_in_force != self._last
        ).limits_in_force
        return self._last


def report(primary: str = "0", hedge: str = "0", **more: Any) -> DeskReported:
    legs = tuple(
        LegReport(leg=leg.value, venue=one.venue, symbol=one.symbol, position=D(size), ready=True)
        for (leg, one), size in zip(INSTRUMENTS.items(), (primary, hedge), strict=True)
    )
    fields: dict[str, Any] = {
        "desk": "eth", "phase": Phase.HOLDING, "cycle": 1, "finished": 0, "planned": None,
        "halted": "", "legs": legs, "naked_since_s": None,
    }  # fmt: skip
    return DeskReported(**(fields | more))


def lost(pnl: str, cycle: int = 1) -> CycleRecord:
    return msgspec.structs.replace(cycle_record(cycle), pnl=D(pnl))


def balance(venue: str, free: str) -> VenueBalances:
    return VenueBalances(venue, 1, AccountSummary(venue=venue, equity=D(1), available=D(free)))


def test_a_desk_that_nothing_holds_is_told_so() -> None:
    with Theatre(OFF).running() as it:
        assert it.limits_in_force() == ()


def test_a_new_life_of_the_desk_is_told_what_holds_it() -> None:
    with Theatre(limits(margin_ratio="0.1")).running() as it:
        assert [active.limit for active in it.limits_in_force()] == ["margin_ratio"]
        it.root.restart("eth/coordinator")
        it.stage.wait("eth/coordinator", ChildState.RUNNING, 2)
        it.told(
            "coordinator",
            LimitDesk,
            lambda m: [h.limit for h in m.limits_in_force] == ["margin_ratio"],
        )


def test_what_is_not_known_freezes_until_it_is_told() -> None:
    with Theatre(limits(margin_ratio="0.1")).running() as it:
        (active,) = it.limits_in_force()
        assert active.action is Action.FREEZE
        it.tell(balance("backpack", "0.5"))
        it.tell(balance("grvt", "0.5"))
        assert it.limits_in_force() == ()
        it.tell(balance("grvt", "0.1"))
        (active,) = it.limits_in_force()
        assert active == ActiveLimit("margin_ratio", Action.REDUCE, "0.1 of grvt, limit 0.1")


@pytest.mark.parametrize(
    ("limit", "what"), [("margin_ratio", "balance"), ("liquidation_distance", "position")]
)
def test_readings_are_as_old_as_their_reading_and_not_as_the_guard(limit: str, what: str) -> None:
    """A guard that starts anew is told the last ones."""
    with Theatre(limits(**{limit: "0.1"})).running() as it:
        old_s = time.monotonic() - 200.0
        it.tell(msgspec.structs.replace(balance("backpack", "0.5"), read_s=old_s))
        it.tell(VenuePositions("backpack", (), old_s))
        it.shown(lambda state: f"the {what} of backpack is 20" in str(state.active))


def test_a_desk_that_says_nothing_more_is_naked_by_the_guards_own_clock() -> None:
    with Theatre(limits(naked_s="2")).running() as it:
        assert [active.action for active in it.limits_in_force()] == [Action.FREEZE], (
            "nothing reported yet"
        )
        it.tell(report("0.5", naked_since_s=time.monotonic()))
        it.told("coordinator", LimitDesk, lambda m: not m.limits_in_force)
        (active,) = it.limits_in_force()
        assert active.action is Action.REDUCE


def test_the_next_life_of_a_guard_counts_on_from_where_the_desk_became_naked() -> None:
    with Theatre(limits(naked_s="100")).running() as it:
        it.tell(report("0.5", naked_since_s=time.monotonic() - 99))
        it.shown(lambda limit: bool(limit.figure))
        it.root.restart("eth/guard")
        it.tell_when_up(report(phase=Phase.RECOVERING))
        it.told(
            "coordinator",
            LimitDesk,
            lambda m: any(h.action is Action.REDUCE for h in m.limits_in_force),
        )


def test_a_price_of_a_stream_that_has_ended_is_the_last_and_grows_old() -> None:
    with Theatre(limits(stream_age_s="0.3", open_notional="1000")).running() as it:
        assert len(it.limits_in_force()) == 2
        for one in INSTRUMENTS.values():
            it.market.put_quote(quote(one), time.monotonic())
        it.tell(report())
        now = it.told(
            "coordinator", LimitDesk, lambda m: len(m.limits_in_force) == 1
        ).limits_in_force
        assert now[0].limit == "open_notional"
        it.market.clear("grvt")
        held = it.told(
            "coordinator", LimitDesk, lambda m: len(m.limits_in_force) == 2
        ).limits_in_force
        assert {active.limit for active in held} == {"open_notional", "stream_age_s"}


def test_positions_that_are_not_in_a_reading_are_flat() -> None:
    with Theatre(limits(liquidation_distance="0.05")).running() as it:
        assert len(it.limits_in_force()) == 1
        it.tell(VenuePositions("grvt", ()))
        it.tell(VenuePositions("backpack", ()))
        assert it.limits_in_force() == ()


# -- results ----


def test_losses_on_record_and_those_that_come_count_once_each() -> None:
    with Theatre(limits(daily_loss="5")).running() as it:
        assert (
            it.limits_in_force()[0].reason == "not known: the journal has not told the results yet"
        )
        asked = it.told("journal", LoadResults, lambda m: m.reply_to == "eth/guard")
        assert asked.desks == ("eth",)
        it.tell(lost("-2", cycle=1))
        first = CycleResult(
            desk="eth", cycle=1, finished_ns=time.time_ns(), pnl=D(-2), slippage_bps=D(0)
        )
        it.tell(ResultsOnRecord((first,), 0))
        assert it.limits_in_force() == ()
        it.tell(lost("-2.99", cycle=2))
        it.tell(lost("-2.99", cycle=2))
        it.shown(lambda limit: limit.figure == D("4.99"))
        it.tell(lost("-0.01", cycle=3))
        assert [active.limit for active in it.limits_in_force()] == ["daily_loss"]


@pytest.mark.parametrize("while_it_is_asked", [True, False])
def test_a_loss_that_is_put_right_does_not_count_where_it_was_not_known(
    while_it_is_asked: bool,
) -> None:
    with Theatre(limits(daily_loss="5")).running() as it:
        loss = CycleResult(
            desk="eth", cycle=8, finished_ns=time.time_ns(), pnl=D(-2), slippage_bps=D(0)
        )
        answer = ResultsOnRecord((loss,), 0)
        if not while_it_is_asked:
            it.tell(answer)
        for cycle, pnl in ((7, "-600"), (8, "-3")):  # the first is of before a resume
            it.tell(FundingOnRecord(lost(pnl, cycle)))
        if while_it_is_asked:
            it.tell(answer)
        it.shown(lambda limit: limit.figure == 3)


def test_the_accounts_guard_does_not_count_either_what_was_not_known() -> None:
    account = AccountLimits(daily_loss=Limit(at=D(5), action=Action.HALT))
    with Theatre(OFF).running(account) as it:
        it.tell(ResultsOnRecord((), 0), "guard")
        it.tell(FundingOnRecord(lost("-600", 7)), "guard")
        it.tell(lost("-1", 8), "guard")
        it.tell(FundingOnRecord(lost("-2", 8)), "guard")
        it.shown(lambda limit: limit.figure == 2, ACCOUNT)


def test_results_that_can_not_be_read_stay_unknown() -> None:
    with Theatre(limits(daily_loss="5")).running() as it:
        it.tell(ResultsOnRecord((), 0, "damaged"))
        assert it.limits_in_force()[0].action is Action.FREEZE


def test_a_journal_that_was_replaced_is_asked_again() -> None:
    with Theatre(OFF).running() as it:
        it.told("journal", LoadResults, lambda m: m.reply_to == "eth/guard")
        it.root.restart("journal")
        it.told("journal", LoadResults, lambda m: m.reply_to == "eth/guard")


def test_a_resume_is_put_on_record_and_the_desk_is_told_before_it_is_answered() -> None:
    halting = msgspec.structs.replace(OFF, daily_loss=Limit(at=D(5), action=Action.HALT))
    with Theatre(halting).running() as it:
        it.tell(ResultsOnRecord((), 0))
        it.tell(lost("-5"))
        it.told(
            "coordinator",
            LimitDesk,
            lambda m: [h.action for h in m.limits_in_force] == [Action.HALT],
        )
        it.resume()
        assert it.told_by_now() == [LimitDesk(())]
        assert it.told("journal", RecordResume).scope == "eth"


def test_a_resume_while_a_limit_is_still_reached_has_it_said_anew() -> None:
    halting = msgspec.structs.replace(OFF, order_notional=Limit(at=D(5), action=Action.HALT))
    theatre = Theatre(halting)
    for one in INSTRUMENTS.values():
        theatre.market.put_quote(quote(one), time.monotonic())
    with theatre.running() as it:
        before = it.told("coordinator", LimitDesk, lambda m: bool(m.limits_in_force))
        it.told_by_now()
        it.resume()
        assert before in it.told_by_now()


# -- the account ----


def test_what_holds_the_account_is_passed_on_beside_what_holds_the_desk() -> None:
    with Theatre(limits(margin_ratio="0.1")).running() as it:
        it.limits_in_force()
        it.tell(
            AccountLimitsInForce((ActiveLimit("account.daily_loss", Action.HALT, "6, limit 5"),))
        )
        assert [active.limit for active in it.limits_in_force()] == [
            "margin_ratio",
            "account.daily_loss",
        ]


def test_with_limits_of_the_account_nothing_opens_before_its_guard_has_spoken() -> None:
    account = AccountLimits(daily_loss=Limit(at=D(5), action=Action.HALT))
    with Theatre(OFF).running(account) as it:
        frozen = it.told(
            "coordinator", LimitDesk, lambda m: bool(m.limits_in_force)
        ).limits_in_force
        assert {active.limit for active in frozen} <= {"account", "account.daily_loss"}
        it.tell(ResultsOnRecord((), 0), "guard")
        it.told("coordinator", LimitDesk, lambda m: not m.limits_in_force)


def test_the_accounts_limits_hold_each_desk_until_one_of_them_is_resumed() -> None:
    account = AccountLimits(daily_loss=Limit(at=D(5), action=Action.HALT))
    with Theatre(OFF).running(account) as it:
        it.tell(ResultsOnRecord((), 0), "guard")
        it.tell(lost("-5"), "guard")
        halted = it.told(
            "coordinator",
            LimitDesk,
            lambda m: [h.action for h in m.limits_in_force] == [Action.HALT],
        )
        assert halted.limits_in_force[0].limit == "account.daily_loss"
        it.shown(lambda limit: limit.figure == 5 and bool(limit.reason), ACCOUNT)
        it.resume("guard")
        it.told("coordinator", LimitDesk, lambda m: not m.limits_in_force)
        assert it.told("journal", RecordResume).scope == "guard"


@pytest.mark.parametrize("size", ["0.3", "0.7"])
def test_what_a_desk_has_open_counts_at_its_prices(size: str) -> None:
    account = AccountLimits(open_notional=Limit(at=D(10**6)))
    with Theatre(OFF).running(account) as it:
        for one in INSTRUMENTS.values():
            it.market.put_quote(quote(one), time.monotonic())
        it.tell(report(size, f"-{size}"), "guard")
        larger = max(D(size), D("0.5"))
        it.shown(lambda limit: limit.figure == larger * 2 * Decimal(2500), ACCOUNT)
