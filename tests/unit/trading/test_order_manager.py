"""The order manager: what is sent and when, what is published, when a venue is ready."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from tests.support.trading import fill, new_order, position, update
from tests.unit.trading.managers import (
    answer_reads,
    new_manager,
    only,
    published,
    ready_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    Effect,
    PublishOrder,
    PublishReadiness,
    RecordIntent,
    SendOrder,
)
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import OrderStatus

ORDER = new_order(1)

# -- orders out -----------------------------------------------------------------------------------


def test_an_order_that_adds_risk_is_recorded_and_then_sent() -> None:
    manager = ready_manager()
    assert manager.submit(ORDER, adds_risk=True) == [RecordIntent(ORDER)]
    assert manager.intent_recorded(1) == [SendOrder(ORDER, adds_risk=True)]


def test_an_order_that_takes_risk_off_never_waits() -> None:
    assert ready_manager().submit(ORDER, adds_risk=False) == [
        SendOrder(ORDER),
        RecordIntent(ORDER, awaited=False),
    ]


def test_an_intent_recorded_twice_is_sent_once() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    manager.intent_recorded(1)
    assert manager.intent_recorded(1) == []


@pytest.mark.parametrize("adds_risk", [True, False])
def test_a_known_id_is_not_sent_again(adds_risk: bool) -> None:
    manager = with_sent_order(ready_manager())
    assert published(manager.submit(ORDER, adds_risk=adds_risk)).state is OrderState.SENT


def test_a_known_id_is_not_sent_again_after_it_was_withheld() -> None:
    manager = new_manager()
    manager.submit(ORDER, adds_risk=False)
    manager.connected(0.0)
    answer_reads(manager)
    assert published(manager.submit(ORDER, adds_risk=False)).state is OrderState.NOT_SENT


@pytest.mark.parametrize("adds_risk", [True, False])
def test_a_venue_that_is_not_ready_gets_no_order(adds_risk: bool) -> None:
    view = published(new_manager().submit(ORDER, adds_risk=adds_risk))
    assert (view.state, view.reason) == (OrderState.NOT_SENT, "grvt is not ready for it")


def test_a_connection_on_probation_takes_only_what_takes_risk_off() -> None:
    manager = ready_manager(probation=True)
    assert published(manager.submit(ORDER, adds_risk=True)).state is OrderState.NOT_SENT
    other = new_order(2)
    assert SendOrder(other) in manager.submit(other, adds_risk=False)


def test_an_intent_is_not_sent_when_the_venue_was_lost_meanwhile() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    lost = manager.disconnected("reset by peer")
    assert published(lost).state is OrderState.NOT_SENT
    assert manager.intent_recorded(1) == []


def test_an_intent_is_not_sent_when_the_venue_was_lost_and_is_back() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    manager.disconnected("reset by peer")
    manager.connected(1.0)
    answer_reads(manager, 1.0)
    assert manager.intent_recorded(1) == []


def test_an_intent_that_the_journal_refuses_is_not_sent() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    view = published(manager.intent_refused(1, "disk full"))
    assert (view.state, view.reason) == (OrderState.NOT_SENT, "disk full")
    assert manager.intent_recorded(1) == []


def test_a_refusal_that_comes_after_the_order_was_withheld_is_no_news() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=True)
    manager.journal_lost("journal died")
    assert manager.intent_refused(1, "disk full") == []


def test_a_lost_journal_withholds_what_it_has_not_recorded_and_nothing_else() -> None:
    manager = with_sent_order(ready_manager())
    manager.submit(new_order(2), adds_risk=True)
    view = published(manager.journal_lost("journal died"))
    assert (view.client_order_id, view.state) == (2, OrderState.NOT_SENT)
    assert manager.orders[1].state is OrderState.SENT


def test_an_order_that_the_gateway_could_not_write_was_not_sent() -> None:
    manager = with_sent_order(ready_manager())
    view = published(manager.not_sent(1, "no gateway"))
    assert (view.state, view.reason) == (OrderState.NOT_SENT, "no gateway")


def test_an_order_in_doubt_that_the_gateway_never_wrote_is_settled() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("reset by peer")
    assert published(manager.not_sent(1, "no gateway")).state is OrderState.NOT_SENT


@pytest.mark.parametrize(
    "told",
    [
        lambda manager: manager.updated(update(OrderStatus.OPEN), 0.2),
        lambda manager: manager.filled(fill("t1", "0.2"), 0.2),
    ],
)
def test_of_an_order_that_the_venue_has_told_of_it_is_not_true_that_it_was_not_sent(
    told: Callable[[OrderManager], list[Effect]],
) -> None:
    manager = with_sent_order(ready_manager())
    told(manager)
    state = manager.orders[1].state
    assert manager.not_sent(1, "no gateway") == []
    assert manager.orders[1].state is state
    manager.disconnected("reset by peer")
    assert manager.not_sent(1, "no gateway") == []
    assert manager.orders[1].state is OrderState.IN_DOUBT


def test_the_moment_of_writing_is_told_if_the_answer_was_faster() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=False)
    manager.updated(update(OrderStatus.OPEN), 0.2)
    assert published(manager.sent(1, 0.1)).sent_s == 0.1


def test_the_moment_of_writing_alone_is_no_news() -> None:
    manager = ready_manager()
    manager.submit(ORDER, adds_risk=False)
    assert manager.sent(1, 0.1) == []
    assert published(manager.updated(update(OrderStatus.OPEN), 0.2)).sent_s == 0.1


@pytest.mark.parametrize(
    "news",
    [
        lambda manager: manager.intent_recorded(9),
        lambda manager: manager.intent_refused(9, "why"),
        lambda manager: manager.not_sent(9, "why"),
        lambda manager: manager.sent(9, 0.0),
        lambda manager: manager.refused(9, "why", 0.0),
        lambda manager: manager.doubted(9, "why", 0.0),
        lambda manager: manager.absent(9, 0.0),
    ],
)
def test_news_of_an_order_nobody_knows_does_nothing(
    news: Callable[[OrderManager], list[Effect]],
) -> None:
    assert news(ready_manager()) == []


# -- what the venue says --------------------------------------------------------------------------


def test_what_the_venue_says_is_published_with_the_moment_it_was_read() -> None:
    manager = with_sent_order(ready_manager())
    view = published(manager.updated(update(OrderStatus.OPEN, "0.2"), 1.5))
    assert (view.state, view.received_s) == (OrderState.PARTIALLY_FILLED, 1.5)


def test_what_is_known_already_is_not_published_again() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.OPEN, "0.2"), 1.5)
    assert manager.updated(update(OrderStatus.OPEN, "0.2"), 1.6) == []


def test_a_fill_from_feed_and_history_is_published_once() -> None:
    manager = with_sent_order(ready_manager())
    assert (
        published(manager.filled(fill("t1", "0.2"), 1.5)).signed_executed == fill("t1", "0.2").size
    )
    assert only(manager.fills_read((fill("t1", "0.2"),), 1.6), PublishOrder) == []


def test_news_without_our_id_is_found_by_the_id_of_the_venue() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.OPEN, venue_order_id="v9"), 1.0)
    stop = update(OrderStatus.CANCELLED, client_order_id=None, venue_order_id="v9")
    assert published(manager.updated(stop, 1.1)).state is OrderState.CANCELLED


def test_a_refusal_of_the_venue_ends_the_order() -> None:
    manager = with_sent_order(ready_manager())
    view = published(manager.refused(1, "2080 no margin", 0.3))
    assert (view.state, view.reason) == (OrderState.REJECTED, "2080 no margin")


def test_a_refusal_of_what_is_over_is_no_news() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2)
    assert manager.refused(1, "duplicate", 0.3) == []


def test_a_fill_after_the_end_is_still_published() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.CANCELLED), 0.2)
    view = published(manager.filled(fill("late", "0.2"), 0.3))
    assert (view.state, view.signed_executed) == (OrderState.CANCELLED, fill("late", "0.2").size)


# -- ready or not ---------------------------------------------------------------------------------


def test_a_connection_is_reconciled_with_positions_asked_for_last() -> None:
    kinds = [type(effect) for effect in new_manager().connected(0.0)]
    assert kinds == [AskOpenOrders, AskFills, AskPositions]


@pytest.mark.parametrize("order", list(permutations(("open_orders", "fills", "positions"))))
def test_a_venue_is_ready_when_the_last_of_the_three_reads_is_in(order: tuple[str, ...]) -> None:
    manager = new_manager()
    manager.connected(0.0)
    reads: dict[str, Callable[[], list[Effect]]] = {
        "open_orders": lambda: manager.open_orders_read((), 0.1),
        "fills": lambda: manager.fills_read((), 0.1),
        "positions": lambda: manager.positions_read(()),
    }
    told = [only(reads[read](), PublishReadiness) for read in order]
    assert told == [[], [], [PublishReadiness(True, True, "")]]


def test_a_read_repeated_does_not_stand_for_the_one_that_is_missing() -> None:
    manager = new_manager()
    manager.connected(0.0)
    manager.fills_read((), 0.1)
    manager.positions_read((position("0"),))
    manager.fills_read((), 0.2)
    assert not manager.ready


def test_a_read_that_got_no_answer_is_asked_for_again() -> None:
    manager = new_manager()
    manager.connected(0.0)
    manager.fills_read((), 0.1)
    manager.positions_read((position("0"),))
    assert only(manager.due(0.9), AskOpenOrders) == []
    assert only(manager.due(1.0), AskOpenOrders) == [AskOpenOrders()]
    assert only(manager.due(1.9), AskOpenOrders) == []
    assert only(manager.due(2.0), AskOpenOrders) == [AskOpenOrders()]


def test_reads_without_a_connection_make_nothing_ready() -> None:
    manager = new_manager()
    assert only(answer_reads(manager), PublishReadiness) == []
    assert not manager.ready


def test_a_lost_connection_is_told_with_its_reason() -> None:
    told = only(ready_manager().disconnected("sequence gap"), PublishReadiness)
    assert told == [PublishReadiness(False, False, "sequence gap")]


def test_a_connection_lost_before_it_was_ready_is_not_told() -> None:
    manager = new_manager()
    manager.connected(0.0)
    assert manager.disconnected("refused") == []


def test_a_lost_connection_starts_the_reconciliation_anew() -> None:
    manager = new_manager()
    manager.connected(0.0)
    manager.fills_read((), 0.1)
    manager.disconnected("reset by peer")
    manager.connected(1.0)
    manager.open_orders_read((), 1.1)
    manager.positions_read(())
    assert not manager.ready


def test_a_lost_connection_puts_in_doubt_whatever_has_no_outcome() -> None:
    manager = with_sent_order(ready_manager())
    assert published(manager.disconnected("reset by peer")).state is OrderState.IN_DOUBT


def test_a_lost_connection_leaves_what_is_over_as_it_is() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2)
    assert only(manager.disconnected("reset by peer"), PublishOrder) == []


def test_a_new_connection_asks_for_orders_in_doubt() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("reset by peer")
    assert only(manager.connected(1.0), AskOrder) == [AskOrder(ORDER)]


def test_a_connection_on_probation_is_ready_but_not_for_new_risk() -> None:
    manager = new_manager()
    manager.connected(0.0, probation=True)
    assert only(answer_reads(manager), PublishReadiness) == [PublishReadiness(True, False, "")]


def test_a_connection_that_has_proven_itself_takes_new_risk() -> None:
    manager = ready_manager(probation=True)
    assert manager.proven() == [PublishReadiness(True, True, "")]
    assert manager.submit(ORDER, adds_risk=True) == [RecordIntent(ORDER)]


def test_a_connection_proven_before_it_is_ready_is_told_once_it_is() -> None:
    manager = new_manager()
    manager.connected(0.0, probation=True)
    assert manager.proven() == []
    assert only(answer_reads(manager), PublishReadiness) == [PublishReadiness(True, True, "")]
