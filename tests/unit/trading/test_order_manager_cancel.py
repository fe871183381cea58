"""Cancels and what rests: requests whose answer is no outcome, ages, and the venue's own guard."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, fill, new_order, position, update
from tests.unit.trading.managers import (
    TIMING,
    answer_reads,
    at_ns,
    only,
    published,
    ready_manager,
    sure_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOrder,
    CancelOrder,
    Effect,
    GuardResting,
    OrderTiming,
    PublishContradiction,
    PublishPositions,
    SendOrder,
)
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from trading.venue_orders import MAX_CANCELS
from venues.model import ZERO, NewOrder, OrderStatus, TimeInForce

CANCEL = CancelOrder(GRVT_ETH.symbol, 1)
LIVE = update(OrderStatus.OPEN)


def resting(number: int = 1, lives_s: float = 600.0) -> NewOrder:
    """An order that rests."""
    order = new_order(number, lives_s=lives_s)
    return msgspec.structs.replace(order, time_in_force=TimeInForce.GTC)


def with_resting_order(lives_s: float = 600.0) -> OrderManager:
    """Order 1 was written at 10 s and rests."""
    manager = sure_manager()
    manager.submit(resting(lives_s=lives_s), adds_risk=False)
    manager.sent(1, 10.0)
    manager.updated(LIVE, 10.1)
    return manager


def cancels(effects: list[Effect]) -> int:
    return len(only(effects, CancelOrder))


def test_a_cancel_is_requested_and_the_order_is_over_when_the_venue_says_so() -> None:
    manager = with_resting_order()
    effects = manager.cancel(1, 11.0)
    assert effects[0] == CANCEL
    assert published(effects).state is OrderState.CANCEL_PENDING
    assert manager.cancel_answered(1, "", 11.1) == []
    assert manager.orders[1].state is OrderState.CANCEL_PENDING
    view = published(manager.updated(update(OrderStatus.CANCELLED, "0.2"), 11.2))
    assert view.state is OrderState.CANCELLED


def test_while_a_cancel_is_pending_the_order_is_read_as_often_as_one_in_doubt() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    asked = [at_s for at_s in (11.25, 11.3, 11.5, 11.75) if only(manager.due(at_s), AskOrder)]
    assert asked == [11.25, 11.5, 11.75]


def shown_live(manager: OrderManager, from_s: int, until_s: int) -> list[int]:
    """The venue shows the order every second; when its cancel was requested."""
    requested_s = []
    for at_s in range(from_s, until_s):
        manager.updated(LIVE, at_s + 0.1)
        requested_s += [at_s] * cancels(manager.due(at_s + 0.2))
    return requested_s


def test_a_cancel_is_repeated_for_an_order_that_the_venue_still_shows_thrice_and_then_rarely() -> (
    None
):
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    assert sum(cancels(manager.due(at_s)) for at_s in (12.0, 13.0, 14.0)) == 0
    requested_s = shown_live(manager, 15, 140)
    assert requested_s[: MAX_CANCELS - 1] == [15, 16]
    assert requested_s[MAX_CANCELS - 1 :] == [21, 31, 51, 81, 111]


def test_what_was_refused_while_the_venue_was_closed_is_requested_again_once_it_is_open() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    manager.restricted("maintenance", 11.1, closed=True)
    assert shown_live(manager, 12, 20) == [12, 13, 18]
    manager.restricted("", 20.0)
    assert shown_live(manager, 20, 23) == [20, 21]


def test_an_order_that_is_shown_after_its_life_leaves_readings_of_positions_unsettled() -> None:
    """A venue that knows no expiry ends nothing by itself."""
    manager = with_resting_order(lives_s=5.0)
    shown_live(manager, 11, 30)
    (told,) = only(manager.positions_read((position("0"),)), PublishPositions)
    assert told.unsettled == {GRVT_ETH.symbol}


def test_an_order_that_should_have_ended_by_itself_and_is_shown_for_long_is_cancelled() -> None:
    """No venue should; while one does, the leg can neither be hedged nor closed."""
    manager = with_sent_order(sure_manager(), at_s=10.0)
    requested_s = shown_live(manager, 11, 30)
    over_s = 10.0 + 5.0 + TIMING.settle_s
    assert requested_s[0] == over_s
    assert len(requested_s) >= MAX_CANCELS


# -- the desk is gone ----


def test_what_rests_for_a_desk_that_is_gone_is_cancelled() -> None:
    manager = with_resting_order()
    assert manager.desk_gone([1, 77], 11.0)[0] == CANCEL
    assert manager.orders[1].state is OrderState.CANCEL_PENDING


def test_what_waits_for_the_journal_for_a_desk_that_is_gone_is_not_sent() -> None:
    manager = sure_manager()
    manager.submit(resting(), adds_risk=True)
    assert published(manager.desk_gone([1], 11.0)).state is OrderState.NOT_SENT
    assert only(manager.intent_recorded(1), SendOrder) == []


def test_what_is_over_by_itself_is_left_to_it() -> None:
    manager = with_sent_order(sure_manager(), at_s=10.0)
    assert manager.desk_gone([1], 11.0) == []


def test_a_refused_cancel_has_the_order_read_at_once() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    assert manager.cancel_answered(1, "1004 Data Not Found", 11.1) == [AskOrder(resting())]
    assert not manager.orders[1].state.resolved


def test_a_cancel_refused_for_a_clock_put_right_is_requested_again_at_once() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    assert cancels(manager.cancel_answered(1, "expired", 11.1, again=True)) == 1
    assert cancels(manager.cancel_answered(1, "expired", 11.2, again=True)) == 1
    assert manager.cancel_answered(1, "expired", 11.3, again=True) == [AskOrder(resting())]


def test_an_intent_is_withheld_instead() -> None:
    manager = ready_manager()
    manager.submit(resting(), adds_risk=True)
    assert published(manager.cancel(1, 0.1)).state is OrderState.NOT_SENT
    assert manager.intent_recorded(1) == []


@pytest.mark.parametrize("client_order_id", [1, 2])
def test_what_is_over_or_unknown_is_not_cancelled(client_order_id: int) -> None:
    manager = with_resting_order()
    manager.filled(fill("t1", "0.5"), 10.2)
    assert cancels(manager.cancel(client_order_id, 11.0)) == 0


def test_a_cancel_wanted_while_the_venue_is_away_is_requested_when_it_is_back() -> None:
    manager = with_resting_order()
    manager.disconnected("reset by peer")
    assert manager.cancel(1, 11.0) == []
    manager.connected(12.0)
    answer_reads(manager, 12.1)
    assert cancels(manager.due(12.2)) == 1


def test_a_cancel_whose_connection_was_lost_is_requested_again_once_the_order_is_seen() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    manager.disconnected("reset by peer")
    manager.connected(12.0)
    assert cancels(manager.due(12.1)) == 0
    manager.updated(LIVE, 12.2)
    assert cancels(manager.due(12.3)) == 1


def test_a_fill_during_the_cancel_counts() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    view = published(manager.filled(fill("t1", "0.5"), 11.1))
    assert (view.state, view.signed_executed) == (OrderState.FILLED, fill("t1", "0.5").size)


def test_a_cancelled_order_has_its_fills_read_once() -> None:
    manager = with_resting_order()
    manager.cancel(1, 11.0)
    manager.updated(update(OrderStatus.CANCELLED), 11.1)
    assert len(only(manager.due(11.2), AskFills)) == 1
    manager.fills_read((), 11.3)
    assert only(manager.due(12.5), AskFills) == []


# -- age and guard --------------------------------------------------------------------------------


def test_an_order_that_rests_for_too_long_is_cancelled() -> None:
    manager = with_resting_order()
    max_age_s = OrderTiming().max_age_s
    assert cancels(manager.due(10.0 + max_age_s - 0.1)) == 0
    assert cancels(manager.due(10.0 + max_age_s)) == 1


def test_an_order_that_rests_is_cancelled_when_its_own_time_is_over() -> None:
    manager = with_resting_order(lives_s=5.0)
    assert cancels(manager.due(14.9)) == 0
    assert cancels(manager.due(15.0)) == 1


def test_an_order_that_can_not_rest_is_not_cancelled_for_its_age() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    assert cancels(manager.due(100.0)) == 0


def test_the_venue_guards_what_rests_from_before_it_is_sent_until_none_does() -> None:
    manager = ready_manager()
    kinds = [type(effect) for effect in manager.submit(resting(), adds_risk=False)]
    assert kinds[:2] == [GuardResting, SendOrder]
    assert only(manager.submit(resting(2), adds_risk=False), GuardResting) == []
    for number in (1, 2):
        manager.updated(update(OrderStatus.CANCELLED, client_order_id=number), 1.0)
    assert only(manager.due(1.1), GuardResting) == [GuardResting(False)]
    assert only(manager.due(1.2), GuardResting) == []


def test_the_guard_is_set_up_anew_with_a_new_connection() -> None:
    manager = with_resting_order()
    manager.disconnected("reset by peer")
    assert manager.connected(12.0)[0] == GuardResting(True)


def test_orders_that_can_not_rest_need_no_guard() -> None:
    manager = with_sent_order(ready_manager())
    assert only(manager.due(1.0), GuardResting) == []


# -- contradictions -------------------------------------------------------------------------------

FILLED_WITH_NOTHING = update(OrderStatus.FILLED, "0")


def test_a_contradiction_is_said_once_and_the_order_and_fills_are_asked_for() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    said = only(manager.updated(FILLED_WITH_NOTHING, 10.1), PublishContradiction)
    assert said == [PublishContradiction("grvt", 1, "filled with 0 of 0.5 executed")]
    due = manager.due(10.4)
    assert only(due, AskOrder)
    assert only(due, AskFills)
    assert only(manager.updated(FILLED_WITH_NOTHING, 10.5), PublishContradiction) == []
    assert not manager.orders[1].state.resolved


def test_a_contradiction_is_settled_by_the_next_word_that_agrees() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    manager.updated(FILLED_WITH_NOTHING, 10.1)
    assert published(manager.updated(update(OrderStatus.FILLED, "0.5"), 10.2)).state is (
        OrderState.FILLED
    )


def test_a_venue_that_keeps_contradicting_itself_is_left_with_what_all_evidence_shows() -> None:
    """All that is said is "over", the order's time is up, fills and positions agree: it is over."""
    manager = with_sent_order(ready_manager(), at_s=10)
    for at_s in (18.0, 18.3, 18.6, 18.9):
        manager.updated(FILLED_WITH_NOTHING, at_s)
        manager.fills_read((), at_s)
        manager.positions_read(())
    order = manager.orders[1]
    assert (order.state, order.executed) == (OrderState.EXPIRED, ZERO)
    assert order.reason.startswith("the venue contradicts itself")


def test_a_refusal_of_what_has_executed_is_a_contradiction() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    manager.filled(fill("t1", "0.2"), 10.1)
    effects = manager.refused(1, "2080 no margin", 10.2)
    assert only(effects, PublishContradiction)
    assert manager.orders[1].state is OrderState.IN_DOUBT


def test_a_fill_beyond_the_size_is_counted_and_said() -> None:
    manager = with_sent_order(ready_manager(), at_s=10)
    manager.filled(fill("t1", "0.5"), 10.1)
    effects = manager.filled(fill("t2", "0.1"), 10.2)
    assert published(effects).signed_executed == fill("", "0.6").size
    assert only(effects, PublishContradiction)
    assert only(manager.due(11.2), AskFills) == [AskFills(at_ns(-10.0))]
