"""A desk that enters with an order that rests and cancels it: what cancels meet is tested with it.

It takes the coordinator's place in the tree. Everything else is the service: its orders actors, its
gateways, its journal, real sockets.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import msgspec
import pytest

from actors import orders
from actors.market_board import MarketBoard, MarketChanged
from supervision.actor import ActorContext, SupervisedActor
from supervision.spec import ChildSpec, Factory, SupervisorSpec
from supervision.states import ChildState
from supervision.tree import Service, service_tree
from tests.support import actors_tree
from tests.support.actors_tree import Run, running
from tests.support.faults import DEADLINES, RESTARTS, SWAPPED, Scene
from trading.ids import IdAllocator, wide_id
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import BACKPACK, BPS, GRVT, ZERO, Instrument, NewOrder, Quote, Side, TimeInForce

_SIZE = Decimal("0.5")
_AWAY_BPS = Decimal(10)
_CAP_BPS = Decimal(30)
_RESTS_S = 8.0
_NS_PER_S = 1_000_000_000
_BOUND_S = 60.0


class Begin(msgspec.Struct, frozen=True):
    """From the test: let one order rest, cancel it, and close whatever it has executed."""


class RestingDesk(SupervisedActor):
    """One round at a time: rest, cancel once it is open, hedge every fill, close both legs."""

    def __init__(
        self,
        context: ActorContext,
        legs: dict[str, Instrument],
        primary: str,
        ids: IdAllocator,
        market: MarketBoard,
    ) -> None:
        super().__init__(context)
        self._market = market
        self._legs = legs
        self._primary = primary
        (self._hedge,) = set(legs) - {primary}
        self._ids = ids
        self._venues = {venue: self.address(f"{venue}/orders") for venue in legs}
        self._quotes: dict[str, Quote] = {}
        self._ready: dict[str, bool] = dict.fromkeys(legs, False)
        self._views: dict[str, dict[int, OrderView]] = {venue: {} for venue in legs}
        self._answering: set[str] = set()
        self._resting = 0
        self._cancelled = False
        self.idle = threading.Event()
        self.states: list[OrderState] = []

    def on_start(self) -> None:
        self._market.listen(self.directory.address(self.name), self._legs.values())
        for leg in self._legs.values():
            self.tell_self(MarketChanged(leg.venue, leg.symbol))

    def on_message(self, message: object) -> None:
        if isinstance(message, MarketChanged):
            quote = self._market.take(self.name, message.venue, message.symbol).quote
            self._quotes.update({} if quote is None else {message.venue: quote})
        elif isinstance(message, orders.VenueReadiness):
            self._ready[message.venue] = message.ready and message.new_risk
        elif isinstance(message, orders.OrderProgressed):
            self._views[message.venue][message.view.client_order_id] = message.view
        elif isinstance(message, orders.PositionsHeld):
            self._answering.add(message.venue)
        elif isinstance(message, Begin):
            self._begin()
        if all(self._ready.values()) and len(self._quotes) == len(self._legs):
            self._act()

    def _begin(self) -> None:
        """A gateway that the last round cost is found out by asking it, or has come back first."""
        self._resting = -1
        self._cancelled = False
        self.idle.clear()
        self._answering.clear()
        for address in self._venues.values():
            address.offer(orders.VerifyPositions())

    def position(self, venue: str) -> Decimal:
        """What its orders have executed."""
        return sum((view.signed_executed for view in self._views[venue].values()), ZERO)

    def _live(self, venue: str) -> bool:
        views = self._views[venue]
        return any(not v.state.resolved for i, v in views.items() if i != self._resting)

    def _act(self) -> None:
        if self._resting == -1 and len(self._answering) == len(self._legs):
            self._resting = self._place(self._primary, _SIZE, rests=True)
        rest = self._views[self._primary].get(self._resting)
        if rest is not None and rest.state is OrderState.OPEN and not self._cancelled:
            self._cancelled = True
            self._venues[self._primary].offer(orders.CancelOrder(self._resting))
        net = self.position(self._primary) + self.position(self._hedge)
        if net and not self._live(self._hedge):
            self._place(self._hedge, -net)
        elif rest is not None and rest.state.resolved and rest.fills_complete and not net:
            self._close(rest)

    def _close(self, rest: OrderView) -> None:
        held = self.position(self._primary)
        if self._live(self._primary) or self._live(self._hedge):
            return
        if held:
            self._place(self._primary, -held)
        elif not self.idle.is_set():
            self.states.append(rest.state)
            self.idle.set()

    def _place(self, venue: str, signed: Decimal, *, rests: bool = False) -> int:
        side, quote = Side.towards(signed), self._quotes[venue]
        away = -_AWAY_BPS if rests else _CAP_BPS
        price = quote.touch(side) * (1 + side.sign * away * BPS)
        compact, now_ns = self._ids.next(), time.time_ns()
        new = NewOrder(
            symbol=self._legs[venue].symbol,
            side=side,
            size=abs(signed),
            price=self._legs[venue].cap_price(price, side),
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
            post_only=rests,
            client_order_id=wide_id(compact) if venue == GRVT else compact,
            nonce=compact,
            created_ns=now_ns,
            expires_ns=now_ns + int((_RESTS_S if rests else 2) * _NS_PER_S),
        )
        self._views[venue][new.client_order_id] = _intended(new)
        self._venues[venue].offer(orders.SubmitOrder(new, rests, self.name))
        return new.client_order_id


def _intended(new: NewOrder) -> OrderView:
    return OrderView(
        client_order_id=new.client_order_id, symbol=new.symbol, size=new.size,
        signed_executed=ZERO, quote_amount=ZERO, fees=ZERO, state=OrderState.INTENDED, reason="",
        fills_complete=True,
    )  # fmt: skip


class Resting:
    """A service with such a desk, and its rounds."""

    def __init__(self, the: Scene) -> None:
        self.the = the
        self.desk: RestingDesk | None = None
        self.run: Run | None = None

    def tree(self, service: Service) -> SupervisorSpec:
        """The service's own tree with another desk."""

        def build(context: ActorContext) -> SupervisedActor:
            legs = {
                GRVT: next(iter(service.grvt.instruments.values())),
                BACKPACK: next(iter(service.backpack.instruments.values())),
            }
            self.desk = RestingDesk(context, legs, self.the.primary, service.ids, service.market)
            return self.desk

        return _with_desk(service_tree(service), build)

    def round(self) -> OrderState:
        """One round; returns how the resting order ended."""
        assert self.run is not None
        self.run.wait_status("eth/coordinator", ChildState.RUNNING)
        assert self.desk is not None
        begun = len(self.desk.states)
        self.run.directory.address("eth/coordinator").tell(Begin())
        due_s = time.monotonic() + _BOUND_S
        while len(self.desk.states) == begun and time.monotonic() < due_s:
            self.desk.idle.wait(0.1)
        assert len(self.desk.states) == begun + 1, self.desk._views
        return self.desk.states[-1]


def _with_desk(tree: SupervisorSpec, build: Factory) -> SupervisorSpec:
    children = [
        dataclasses.replace(child, factory=build)
        if isinstance(child, ChildSpec) and child.id == "coordinator"
        else _with_desk(child, build)
        if isinstance(child, SupervisorSpec)
        else child
        for child in tree.children
    ]
    return dataclasses.replace(tree, children=tuple(children))


@contextmanager
def resting(the: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resting]:
    """The service with that desk, at the timings that are shipped."""
    it = Resting(the)
    monkeypatch.setattr(actors_tree, "service_tree", it.tree)
    settings = (*DEADLINES, *RESTARTS, *(SWAPPED if the.swapped else ()))
    with running(the.process, the.folder, cycles=None, settings=settings) as run:
        it.run = run
        yield it
