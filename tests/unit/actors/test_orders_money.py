"""When a venue's orders actor reads the account's money, and who hears of it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actors import gateway, orders
from actors.orders_links import LinkNames
from actors.orders_outbox import VenueBalances, VenuePositions
from supervision.root import RootHandle
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState
from tests.support.actors import WAIT_S, mailbox
from tests.support.supervision_live import Stage
from tests.support.trading import D, position
from trading.order_manager import OrderTiming
from trading.request_budget import Lane
from venues.model import GRVT, AccountSummary, Position

SYMBOL, TRADING = "ETH_USDT_Perp", "grvt/trading"
SUMMARY = AccountSummary(venue=GRVT, equity=D(1000), available=D(900))
HELD = position("0.5")


class Told(queue.Queue[Any]):
    """What one actor was told."""

    def until(self, kind: type) -> Any:
        while not isinstance(found := self.get(timeout=WAIT_S), kind):
            pass
        return found


class Venue:
    """The orders actor of a venue that is connected, between its gateway, a desk and its guard."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.asked, self.desk, self.guard = Told(), Told(), Told()
        self.root: RootHandle

    @contextmanager
    def running(self, *, balances_every_s: float = 1000.0) -> Iterator[Venue]:
        timing = OrderTiming(
            poll_s=0.02, doubt_poll_s=0.01, positions_every_s=1000.0,
            balances_every_s=balances_every_s,
        )  # fmt: skip
        venue = SupervisorSpec(
            GRVT,
            (
                ChildSpec(
                    "orders",
                    lambda context: orders.Orders(
                        context, symbols=frozenset({SYMBOL}), timing=timing,
                        links=LinkNames(TRADING, TRADING), desks=("eth/coordinator",),
                        money=("eth/coordinator", "eth/guard"),
                    ),
                ),
                mailbox("trading", self.asked),
            ),
        )  # fmt: skip
        desk = SupervisorSpec(
            "eth", (mailbox("guard", self.guard), mailbox("coordinator", self.desk))
        )
        with self.stage.tree(venue, desk) as self.root:
            yield self

    def tell(self, message: object) -> None:
        self.stage.directory.address("grvt/orders").tell(message)

    def connect(self) -> None:
        """All that is asked for at a connection is read."""
        self.asked.until(gateway.ReadPositions)  # the last of them
        self.tell(orders.OpenOrdersRead((), 1, 0.0))
        self.tell(orders.FillsRead((), 1, 0.0))
        self.tell(orders.BalancesRead(SUMMARY, 1))
        held: tuple[Position, ...] = (HELD,)
        self.tell(orders.PositionsRead(held, 1))


def test_a_guard_that_starts_anew_is_told_the_last_readings_and_of_when_they_are() -> None:
    with Venue().running() as it:
        it.connect()
        balances = it.guard.until(VenueBalances)
        positions = it.guard.until(VenuePositions)
        assert (balances.summary, positions.positions) == (SUMMARY, (HELD,))
        it.root.restart("eth/guard")
        it.stage.wait("eth/guard", ChildState.RUNNING, 2)
        again = {type(m): m for m in (it.guard.get(timeout=WAIT_S), it.guard.get(timeout=WAIT_S))}
        assert again == {VenueBalances: balances, VenuePositions: positions}


def test_a_desk_that_starts_anew_is_told_the_last_balances() -> None:
    with Venue().running() as it:
        it.connect()
        balances = it.desk.until(VenueBalances)
        it.root.restart("eth/coordinator")
        assert it.desk.until(VenueBalances) == balances


def test_at_a_cycles_end_balances_are_read_in_the_routine_lane() -> None:
    with Venue().running(balances_every_s=0.001) as it:
        it.connect()
        it.desk.until(VenueBalances)
        it.tell(orders.ReleaseOrders((1, 2)))
        assert it.asked.until(gateway.ReadBalances).lane is Lane.ROUTINE
