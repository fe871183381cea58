"""The guard over all desks: which of them takes room for its next cycle, and which only for what it
holds.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from actors.account_guard import AccountsGuard, may_open
from actors.board import DeskReported, LegReport
from actors.guard import GuardedDesk
from actors.guard_messages import AccountLimitsInForce
from actors.market_board import MarketBoard
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState
from tests.support.actors import WAIT_S, mailbox
from tests.support.supervision_live import Stage
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, quote
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import AccountLimits, DeskLimits, Limit
from venues.model import Instrument

# A whole cycle of one desk is 2 x 1 x 2500: there is room for one of them, and not for two.
ROOM_FOR_ONE = AccountLimits(open_notional=Limit(at=D(8000), clear_s=0))


class TwoDesks:
    """The guard over eth and btc, in that order, among mailboxes."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.market = MarketBoard()
        self.told: queue.Queue[Any] = queue.Queue()
        self.desks = tuple(self._desk(name) for name in ("eth", "btc"))

    @contextmanager
    def running(self) -> Iterator[TwoDesks]:
        def over_all(context: Any) -> AccountsGuard:
            return AccountsGuard(context, ROOM_FOR_ONE, self.desks, self.market)

        boxes = {"eth": queue.Queue[Any](), "btc": self.told}
        desks = [
            SupervisorSpec(
                name, (mailbox("guard", box), mailbox("coordinator", queue.Queue[Any]()))
            )
            for name, box in boxes.items()
        ]
        others = [mailbox(name, queue.Queue[Any]()) for name in ("journal", "board")]
        with self.stage.tree(*others, ChildSpec("guard", over_all), *desks) as self.root:
            assert self.root.wait_ready(WAIT_S)
            yield self

    def report(self, desk: str, phase: Phase) -> None:
        self.stage.directory.address("guard").tell(reported(desk, phase))

    def btc_is_held(self, because: str) -> bool:
        """What btc's guard is told next, of a figure that is known."""
        while True:
            told = self.told.get(timeout=WAIT_S)
            if isinstance(told, AccountLimitsInForce):
                reasons = [active.reason for active in told.limits_in_force]
                if not reasons or because in reasons[0]:
                    return bool(reasons)

    def _desk(self, name: str) -> GuardedDesk:
        instruments = instruments_of(name)
        for one in instruments.values():
            self.market.put_quote(quote(one), time.monotonic())
        return GuardedDesk(
            name=name, limits=DeskLimits(), instruments=instruments, clocks={}, size=D(1)
        )


def reported(desk: str, phase: Phase, **more: Any) -> DeskReported:
    """A desk that holds nothing."""
    legs = tuple(
        LegReport(leg=leg.value, venue=its.venue, symbol=its.symbol, position=D(0), ready=True)
        for leg, its in instruments_of(desk).items()
    )
    fields: dict[str, Any] = {
        "desk": desk, "phase": phase, "cycle": 1, "finished": 1, "planned": 1, "halted": "",
        "legs": legs, "naked_since_s": None,
    }  # fmt: skip
    return DeskReported(**(fields | more))


def instruments_of(desk: str) -> dict[Leg, Instrument]:
    return {Leg.PRIMARY: named(GRVT_ETH, desk), Leg.HEDGE: named(BACKPACK_ETH, desk)}


def named(instrument: Instrument, name: str) -> Instrument:
    return msgspec.structs.replace(instrument, symbol=f"{name}-{instrument.symbol}")


@pytest.fixture
def two() -> Iterator[TwoDesks]:
    """Both idle: eth may open, so btc may not."""
    with TwoDesks().running() as it:
        it.report("eth", Phase.IDLE)
        it.report("btc", Phase.IDLE)
        assert it.btc_is_held("10000")
        yield it


def test_a_desk_whose_cycles_are_done_leaves_its_room_to_the_next(two: TwoDesks) -> None:
    two.report("eth", Phase.DONE)
    assert not two.btc_is_held("10000")


def test_a_desk_that_is_down_leaves_its_room_until_it_is_back(two: TwoDesks) -> None:
    two.root.stop_child("eth/coordinator")
    two.stage.wait("eth/coordinator", ChildState.STOPPED)
    assert not two.btc_is_held("10000")
    two.root.start("eth/coordinator")
    assert two.btc_is_held("10000")


@pytest.mark.parametrize(
    ("phase", "more", "runs", "room"),
    [
        (Phase.IDLE, {}, True, True),
        (Phase.HOLDING, {}, True, True),
        (Phase.DONE, {}, True, False),
        (Phase.IDLE, {"paused": True}, True, False),
        (Phase.HALTED, {"halted": "why"}, True, False),
        (Phase.IDLE, {}, False, False),
        (Phase.HOLDING, {}, False, False),
        (Phase.OPENING, {}, False, True),  # its orders may still fill
        (Phase.OPENING, {"paused": True}, True, True),  # a pause lets it take its course
    ],
)
def test_who_takes_room_for_more_than_it_holds(
    phase: Phase, more: dict[str, Any], runs: bool, room: bool
) -> None:
    assert may_open(reported("eth", phase, **more), runs=runs) is room


def test_a_desk_that_has_not_reported_may_hold_anything() -> None:
    assert may_open(None, runs=False)
