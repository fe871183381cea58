"""Whom a venue's orders actor asks, and whose answers count."""

from __future__ import annotations

import queue
import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors import gateway, orders
from actors.orders_links import LinkNames, Links
from supervision.policy import Backoff, Boot, Policy
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState, Health, StatusMessage
from tests.support.actors import WAIT_S, Mailbox, mailbox
from tests.support.supervision_live import Stage
from trading.order_manager import OrderTiming
from trading.request_budget import Lane
from venues.model import GRVT, Position

SYMBOL = "ETH_USDT_Perp"
TRADING, QUERIES, FEED = "grvt/trading", "grvt/queries", "grvt/feed"


def links(*statuses: StatusMessage, feed: str = TRADING, backup: str = QUERIES) -> Links:
    """They were told these, one a second from 1.0 on."""
    found = Links(LinkNames(TRADING, feed, backup))
    for second, status in enumerate(statuses, 1):
        found.changed(status, float(second))
    return found


def status(name: str, state: ChildState = ChildState.RUNNING, epoch: int = 1) -> StatusMessage:
    return StatusMessage(name=name, epoch=epoch, state=state, health=Health.UNKNOWN)


def down(name: str, epoch: int = 1) -> StatusMessage:
    return status(name, ChildState.BACKING_OFF, epoch)


def said(by: str = "", asked_s: float = float("inf")) -> gateway.Answered:
    return gateway.Answered(by=by, asked_s=asked_s)


def test_the_gateway_is_asked_while_it_is_up() -> None:
    known = links(status(QUERIES), status(TRADING))
    assert (known.asked, known.answering, known.up) == (TRADING, True, True)


@pytest.mark.parametrize(
    "state",
    [ChildState.STARTING, ChildState.STOPPING, ChildState.BACKING_OFF, ChildState.OPEN,
     ChildState.HALF_OPEN, ChildState.STOPPED],
)  # fmt: skip
def test_the_backup_is_asked_while_the_gateway_is_not_up(state: ChildState) -> None:
    known = links(status(QUERIES), status(TRADING), status(TRADING, state))
    assert (known.asked, known.answering, known.up) == (QUERIES, True, False)


@pytest.mark.parametrize("backup", [QUERIES, ""])
def test_nobody_answers_where_neither_is_up(backup: str) -> None:
    known = links(down(TRADING), backup=backup)
    assert (known.asked, known.answering, known.up) == (TRADING, False, False)


def test_a_backup_that_comes_and_goes_is_no_gap() -> None:
    known = links(status(TRADING))
    assert not known.changed(status(QUERIES), 2.0)
    assert not known.changed(down(QUERIES), 3.0)
    assert not known.changed(status(QUERIES, epoch=2), 4.0)
    assert known.up
    assert not known.is_feed(QUERIES)


def test_a_connection_that_is_another_one_now_was_gone_for_a_while() -> None:
    assert links(status(TRADING)).changed(status(TRADING, epoch=2), 2.0)


def test_the_gateway_is_the_feed_only_where_they_are_one() -> None:
    assert links().is_feed(TRADING)
    apart = links(feed=FEED)
    assert (apart.is_feed(TRADING), apart.is_feed(FEED)) == (False, True)


def test_an_answer_of_an_earlier_connection_does_not_count() -> None:
    known = links(status(TRADING), status(TRADING, epoch=2))
    assert known.accepts(said(), 2)
    assert not known.accepts(said(), 1)


def test_only_who_is_asked_now_is_believed() -> None:
    known = links(status(QUERIES), status(TRADING))
    assert known.accepts(said(), 1)
    assert not known.accepts(said(QUERIES, 1.5), 1)
    known.changed(down(TRADING), 3.0)
    assert not known.accepts(said(), 1)
    assert known.accepts(said(QUERIES, 3.0), 1)
    assert not known.accepts(said(QUERIES, 3.0), 2)


def test_what_was_asked_before_the_gateway_was_there_in_between_does_not_count() -> None:
    known = links(status(QUERIES), down(TRADING), status(TRADING, epoch=2), down(TRADING, 2))
    assert not known.accepts(said(QUERIES, 2.5), 1)
    assert known.accepts(said(QUERIES, 4.0), 1)


@pytest.mark.parametrize("between", [[down(FEED, 1)], []], ids=["seen to go", "replaced at once"])
def test_what_was_asked_before_a_feed_began_does_not_tell_what_it_missed(
    between: list[StatusMessage],
) -> None:
    """The gateway was there all the time; what executed since its answer nobody would tell."""
    known = links(status(TRADING), status(FEED), feed=FEED)
    assert known.accepts(said(asked_s=2.5), 1)
    for told in (*between, status(FEED, epoch=2)):
        known.changed(told, 3.0)
    assert not known.accepts(said(asked_s=2.5), 1)
    assert known.accepts(said(asked_s=3.0), 1)


def test_while_the_login_is_on_probation_so_is_what_was_connected_with_it() -> None:
    known = Links(LinkNames(TRADING, TRADING, QUERIES, "grvt/session"))
    assert "grvt/session" in known.names
    known.changed(status("grvt/session", ChildState.HALF_OPEN), 1.0)
    known.changed(status(TRADING), 2.0)
    assert (known.up, known.probation) == (True, True)
    known.changed(status("grvt/session"), 3.0)
    assert (known.up, known.probation) == (True, False)


def test_orders_take_the_backup_once_a_gateway_that_was_up_is_gone() -> None:
    assert not links(status(QUERIES), status(TRADING)).detour(2.0)
    assert links(status(QUERIES), status(TRADING), down(TRADING)).detour(3.0)


def test_a_gateway_that_was_never_up_is_waited_for() -> None:
    known = links(status(QUERIES))
    assert not known.detour(1.0)
    assert not known.detour(2.9)
    assert known.detour(3.0)


@pytest.mark.parametrize("backup", [QUERIES, ""])
def test_without_a_backup_that_is_up_there_is_no_detour(backup: str) -> None:
    assert not links(status(TRADING), down(TRADING), backup=backup).detour(100.0)


def test_on_a_detour_the_loss_of_the_backup_counts_and_the_gateways_attempts_do_not() -> None:
    known = links(status(QUERIES), status(TRADING), down(TRADING))
    assert not known.changed(status(TRADING, ChildState.STARTING, 2), 4.0, detour=True)
    assert not known.changed(down(TRADING, 2), 5.0, detour=True)
    assert known.changed(down(QUERIES), 6.0, detour=True)


def test_one_that_took_no_message_is_gone_before_its_supervisor_says_so() -> None:
    known = links(status(QUERIES), status(TRADING))
    gone = known.unreached(TRADING)
    assert gone is not None
    assert known.changed(gone, 3.0)
    assert (known.asked, known.answering, known.up) == (QUERIES, True, False)
    assert known.detour(3.0)
    assert known.unreached(TRADING) is None, "that is known"


def test_it_is_there_again_with_its_next_life() -> None:
    known = links(status(QUERIES), status(TRADING))
    gone = known.unreached(TRADING)
    assert gone is not None
    known.changed(gone, 3.0)
    known.changed(msgspec.structs.replace(status(TRADING, epoch=2), seq=1), 4.0)
    assert known.up
    assert not known.changed(gone, 5.0), "which is no news any more"
    assert (known.asked, known.up) == (TRADING, True)


@pytest.mark.parametrize("known", [links(), links(down(TRADING))], ids=["never heard of", "gone"])
def test_nothing_is_concluded_of_one_that_was_not_up(known: Links) -> None:
    assert known.unreached(TRADING) is None


# -- the actor ----


class Told(queue.Queue[Any]):
    """What one sibling was told."""

    def until(self, kind: type) -> Any:
        while not isinstance(found := self.get(timeout=WAIT_S), kind):
            pass
        return found


def test_reads_go_to_the_backup_once_the_gateway_is_gone_and_its_answers_count() -> None:
    stage, asked, backup, desk = Stage(), Told(), Told(), Told()
    long = Policy(boot=Boot.OPTIONAL, backoff=Backoff(immediate=0, initial=60, factor=1, max=60))
    timing = OrderTiming(poll_s=0.02, doubt_poll_s=0.01)

    def build(context: Any) -> orders.Orders:
        return orders.Orders(
            context, symbols=frozenset({SYMBOL}), timing=timing,
            links=LinkNames(TRADING, TRADING, QUERIES), desks=("desk",),
        )  # fmt: skip

    venue = SupervisorSpec(
        GRVT,
        (
            ChildSpec("orders", build),
            mailbox("queries", backup),
            ChildSpec("trading", lambda context: Mailbox(context, asked), long),
        ),
    )
    with stage.tree(mailbox("desk", desk), venue):
        asked.until(gateway.ReadPositions)
        to_orders = stage.directory.address("grvt/orders")
        stage.directory.fail(TRADING, 1, ValueError("gone"))
        stage.wait(TRADING, ChildState.BACKING_OFF)
        while not backup.empty():  # from before the gateway was up
            backup.get()
        backup.until(gateway.ReadFills)
        to_orders.tell(orders.VerifyPositions())
        backup.until(gateway.ReadPositions)
        old = (Position(venue=GRVT, symbol=SYMBOL, size=Decimal(1)),)
        to_orders.tell(orders.PositionsRead(old, 1, by=QUERIES, asked_s=0.0))
        to_orders.tell(orders.PositionsRead(old, 1))  # nobody's: the gateway's is gone
        to_orders.tell(orders.PositionsRead((), 1, by=QUERIES, asked_s=time.monotonic()))
        assert desk.until(orders.PositionsHeld).sizes == {SYMBOL: Decimal(0)}


def test_the_backup_is_asked_though_nobody_has_noticed_that_the_gateway_is_dead() -> None:
    """Its supervisor hangs, say: no status tells of its end, but its inbox is closed."""
    stage, asked, backup = Stage(), Told(), Told()
    timing = OrderTiming(poll_s=0.02, doubt_poll_s=0.01)

    def build(context: Any) -> orders.Orders:
        return orders.Orders(
            context, symbols=frozenset({SYMBOL}), timing=timing,
            links=LinkNames(TRADING, TRADING, QUERIES), desks=(),
        )  # fmt: skip

    venue = SupervisorSpec(
        GRVT,
        (
            ChildSpec("orders", build),
            mailbox("queries", backup),
            ChildSpec("trading", lambda context: Mailbox(context, asked)),
        ),
    )
    with stage.tree(venue):
        asked.until(gateway.ReadPositions)
        stage.wait(TRADING, ChildState.RUNNING)
        while not backup.empty():  # from before the gateway was up
            backup.get()
        stage.directory.unbind(TRADING, 1)
        status_then = stage.directory.status(TRADING)
        backup.until(gateway.ReadFills)
        assert stage.directory.status(TRADING) == status_then


def test_a_question_that_was_withheld_is_put_again_long_before_its_answer_is_overdue() -> None:
    stage, asked = Stage(), Told()
    timing = OrderTiming(poll_s=10 * WAIT_S, doubt_poll_s=0.01)

    def build(context: Any) -> orders.Orders:
        return orders.Orders(
            context, symbols=frozenset({SYMBOL}), timing=timing,
            links=LinkNames(TRADING, TRADING), desks=(),
        )  # fmt: skip

    trading = ChildSpec("trading", lambda context: Mailbox(context, asked))
    with stage.tree(SupervisorSpec(GRVT, (ChildSpec("orders", build), trading))):
        to_orders = stage.directory.address("grvt/orders")
        first = [asked.until(gateway.Question) for _ in range(3)]
        for question in first:
            to_orders.tell(gateway.ReadWithheld(question))
        again = [asked.until(gateway.Question) for _ in range(3)]
        assert {type(question) for question in again} == {type(question) for question in first}
        assert {question.lane for question in again} == {Lane.DOUBT}, "the venue is not ready"
