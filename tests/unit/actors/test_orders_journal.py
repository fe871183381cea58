"""The journal as a venue's orders actor hears of it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import pytest

from actors import gateway, orders
from actors.journal import LoadVenue, VenueHistory
from actors.orders_journal import JournalLink
from actors.orders_links import LinkNames
from supervision.actor import ActorContext, SupervisedActor
from supervision.policy import Backoff, Boot, Policy
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState, Health, StatusMessage
from tests.support.actors import WAIT_S, mailbox
from tests.support.supervision_live import Stage
from trading.order_manager import OrderTiming
from venues.model import GRVT

RUNNING = ChildState.RUNNING


def status(epoch: int, state: ChildState) -> StatusMessage:
    return StatusMessage(name="journal", epoch=epoch, state=state, health=Health.UNKNOWN)


def heard(*lives: tuple[int, ChildState]) -> JournalLink:
    """A link that was told these states."""
    link = JournalLink()
    for epoch, state in lives:
        link.changed(status(epoch, state), 1.0)
    return link


def test_a_journal_that_runs_takes_intents() -> None:
    assert heard((1, ChildState.STARTING), (1, RUNNING)).trouble == ""


@pytest.mark.parametrize("state", [state for state in ChildState if state is not RUNNING])
def test_one_that_does_not_run_takes_none_nor_does_a_probe(state: ChildState) -> None:
    assert heard((1, RUNNING), (2, state)).trouble == f"journal is {state.value}"


def test_one_that_nobody_has_heard_of_takes_none() -> None:
    assert JournalLink().trouble


def test_each_life_is_asked_once_for_its_history_and_again_until_it_has_answered() -> None:
    link = heard((1, RUNNING))
    asked = [now_s for now_s in (1.0, 1.4, 1.5, 2.4, 2.5) if link.ask_now(now_s)]
    assert asked == [1.0, 1.5, 2.5]
    link.answered()
    assert not link.ask_now(100.0)
    link.changed(status(2, RUNNING), 200.0)
    assert link.ask_now(200.0)


# -- the actor ----


class EmptyJournal(SupervisedActor):
    """Has nothing on record."""

    def on_message(self, message: object) -> object:
        if isinstance(message, LoadVenue):
            self.address(message.reply_to).offer(VenueHistory(message.venue, (), (), 0))
        return None


class EmptyVenue(SupervisedActor):
    """Holds nothing, and answers all reads."""

    def on_message(self, message: object) -> object:
        answer: object = None
        if isinstance(message, gateway.ReadOpenOrders):
            answer = orders.OpenOrdersRead((), self.epoch, 0.0)
        elif isinstance(message, gateway.ReadFills):
            answer = orders.FillsRead((), self.epoch, 0.0, message.since_ns)
        elif isinstance(message, gateway.ReadPositions):
            answer = orders.PositionsRead((), self.epoch)
        if answer is not None:
            self.address("grvt/orders").offer(answer)
        return None


def build(context: ActorContext) -> orders.Orders:
    return orders.Orders(
        context, symbols=frozenset({"ETH_USDT_Perp"}),
        timing=OrderTiming(poll_s=0.02, doubt_poll_s=0.01, expiry_s=0.0, settle_s=0.0),
        links=LinkNames("grvt/trading", "grvt/trading"), desks=("desk",),
    )  # fmt: skip


def test_a_venue_takes_no_new_risk_while_the_journal_is_away_and_does_again_when_it_is_back() -> (
    None
):
    desk: queue.Queue[Any] = queue.Queue()

    def told(kind: type, fits: Callable[[Any], bool]) -> None:
        while not (isinstance(found := desk.get(timeout=WAIT_S), kind) and fits(found)):
            pass

    stage = Stage()
    away = Policy(boot=Boot.OPTIONAL, backoff=Backoff(immediate=0, initial=0.2, factor=1, max=0.2))
    journal = ChildSpec("journal", EmptyJournal, away)
    venue = SupervisorSpec(GRVT, (ChildSpec("orders", build), ChildSpec("trading", EmptyVenue)))
    with stage.tree(journal, mailbox("desk", desk), venue) as root:
        told(orders.VenueReadiness, lambda said: said.new_risk)
        root.kill("journal")
        told(
            orders.VenueReadiness,
            lambda said: said.ready and not said.new_risk and said.detail.startswith("journal is"),
        )
        told(orders.VenueReadiness, lambda said: said.new_risk)
