"""Orders in doubt: only the venue settles them, and its silence only under the absence rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import fill, new_order, update
from tests.unit.trading.managers import (
    answer_reads,
    at_ns,
    only,
    published,
    read_for_long,
    read_positions,
    ready_manager,
    sure_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOrder,
    AskPositions,
    Effect,
    PublishDrift,
    PublishOrder,
)
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import OrderStatus

OVER_S = 12.0  # the order was written at 5 s and lives for 5 s; histories are complete after 2 s


def in_doubt() -> OrderManager:
    """Order 1, a buy of 0.5 written at 5 s, had no answer; the venue was flat before."""
    manager = with_sent_order(sure_manager(), at_s=5)
    manager.doubted(1, "timeout", 6.0)
    return manager


def unknown(manager: OrderManager, at_s: float) -> list[Effect]:
    """The venue, asked for order 1, says that it does not know it."""
    return manager.absent(1, at_s)


def look(manager: OrderManager, at_s: float, evidence: str, held: str = "0") -> None:
    """One answer of each kind that ``evidence`` names: Fills, Positions, Order query."""
    if "F" in evidence:
        manager.fills_read((), at_s)
    if "P" in evidence:
        read_positions(manager, at_s, held)
    if "O" in evidence:
        unknown(manager, at_s)


def state_of(manager: OrderManager) -> OrderState:
    return manager.orders[1].state


# -- what settles it, and what does not -----------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_time_settles_nothing(waits_s: list[float]) -> None:
    manager = in_doubt()
    now_s = 6.0
    for wait_s in waits_s:
        now_s += wait_s
        assert only(manager.due(now_s), PublishOrder) == []
    assert state_of(manager) is OrderState.IN_DOUBT


def test_it_is_asked_for_as_long_as_there_is_no_answer() -> None:
    manager = in_doubt()
    for at_s in range(10, 1000, 10):
        assert AskOrder(manager.orders[1].new) in manager.due(float(at_s))


@pytest.mark.parametrize(
    ("status", "executed", "state"),
    [
        (OrderStatus.OPEN, "0", OrderState.OPEN),
        (OrderStatus.OPEN, "0.1", OrderState.PARTIALLY_FILLED),
        (OrderStatus.FILLED, "0.5", OrderState.FILLED),
        (OrderStatus.CANCELLED, "0.1", OrderState.CANCELLED),
        (OrderStatus.REJECTED, "0", OrderState.REJECTED),
        (OrderStatus.EXPIRED, "0", OrderState.EXPIRED),
    ],
)
def test_the_word_of_the_venue_settles_it(
    status: OrderStatus, executed: str, state: OrderState
) -> None:
    assert published(in_doubt().updated(update(status, executed), 7.0)).state is state


def test_fills_of_its_whole_size_settle_it() -> None:
    assert published(in_doubt().filled(fill("t1", "0.5"), 7.0)).state is OrderState.FILLED


def test_a_list_of_open_orders_without_it_does_not_settle_it() -> None:
    manager = in_doubt()
    manager.open_orders_read((), 60.0)
    assert state_of(manager) is OrderState.IN_DOUBT


def test_a_status_we_do_not_know_does_not_settle_it() -> None:
    manager = in_doubt()
    assert manager.updated(update(OrderStatus.UNKNOWN), 7.0) == []
    assert state_of(manager) is OrderState.IN_DOUBT


def test_doubt_after_the_outcome_is_known_is_none() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2)
    assert manager.doubted(1, "reply lost", 0.3) == []


def test_an_intent_may_come_in_doubt_when_its_writer_died() -> None:
    manager = ready_manager()
    manager.submit(new_order(1), adds_risk=True)
    (publish,) = only(manager.doubted(1, "gateway died", 0.1), PublishOrder)
    assert (publish.view.state, publish.view.reason) == (OrderState.IN_DOUBT, "gateway died")


def test_doubt_without_a_connection_is_asked_about_when_there_is_one() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("reset by peer")
    assert only(manager.doubted(1, "reply lost", 5.0), AskOrder) == []
    assert len(only(manager.connected(6.0), AskOrder)) == 1


# -- the absence rule -----------------------------------------------------------------------------


def test_an_order_the_venue_never_had_is_proven_absent_by_all_evidence_twice() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO")
    look(manager, OVER_S + 2, "FP")
    view = published(unknown(manager, OVER_S + 3))
    assert (view.state, view.reason) == (OrderState.EXPIRED, "never reached the venue")


@pytest.mark.parametrize("missing", ["F", "P", "O"])
def test_no_two_kinds_of_evidence_make_up_for_the_third(missing: str) -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    for late_s in range(1, 10):
        look(manager, OVER_S + late_s, "FPO".replace(missing, ""))
    assert state_of(manager) is OrderState.IN_DOUBT


def test_one_of_each_evidence_is_not_enough() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO")
    look(manager, OVER_S + 2, "O")
    assert state_of(manager) is OrderState.IN_DOUBT


def test_evidence_from_before_the_first_unknown_may_have_been_under_way() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "FP")
    look(manager, OVER_S + 1, "FP")
    for late_s in range(2, 6):
        look(manager, OVER_S + late_s, "O")
    assert state_of(manager) is OrderState.IN_DOUBT


def test_unknown_is_no_evidence_while_the_order_could_still_arrive() -> None:
    manager = in_doubt()
    for _ in range(10):
        assert unknown(manager, OVER_S - 0.01) == []
        look(manager, OVER_S - 0.01, "FP")
    assert state_of(manager) is OrderState.IN_DOUBT


def test_each_unknown_asks_for_the_other_evidence() -> None:
    assert unknown(in_doubt(), OVER_S) == [AskFills(at_ns(-10.0)), AskPositions()]


def test_a_position_that_it_could_be_a_part_of_speaks_against_absence() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    for late_s in range(1, 10):
        look(manager, OVER_S + late_s, "FPO", held="0.5")
    assert state_of(manager) is OrderState.IN_DOUBT


@pytest.mark.parametrize("held", ["-0.5", "0.6", "2"])
def test_a_position_that_it_cannot_be_a_part_of_does_not(held: str) -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO", held)
    look(manager, OVER_S + 2, "FPO", held)
    assert state_of(manager) is OrderState.EXPIRED


def test_a_venue_that_knows_it_after_all_starts_the_count_anew() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO")
    look(manager, OVER_S + 2, "FP")
    manager.updated(update(OrderStatus.UNKNOWN), OVER_S + 2.5)
    unknown(manager, OVER_S + 3)
    assert state_of(manager) is OrderState.IN_DOUBT


def test_a_fill_of_it_starts_the_count_anew() -> None:
    manager = in_doubt()
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO")
    look(manager, OVER_S + 2, "FP")
    manager.filled(fill("t1", "0.1"), OVER_S + 2.5)
    unknown(manager, OVER_S + 3)
    assert not state_of(manager).resolved


def test_absence_of_what_has_fills_is_an_end_with_what_executed() -> None:
    manager = in_doubt()
    manager.filled(fill("t1", "0.1"), 7.0)
    look(manager, OVER_S, "O")
    look(manager, OVER_S + 1, "FPO", held="0.1")
    look(manager, OVER_S + 2, "FP", held="0.1")
    view = published(unknown(manager, OVER_S + 3))
    assert view.state is OrderState.EXPIRED
    assert view.reason == "unknown to the venue"
    assert view.signed_executed == fill("t1", "0.1").size


def test_a_fill_after_proven_absence_still_counts() -> None:
    manager = in_doubt()
    for late_s in range(4):
        look(manager, OVER_S + late_s, "OFP")
    view = published(manager.filled(fill("t1", "0.5"), OVER_S + 9))
    assert (view.state, view.signed_executed) == (OrderState.EXPIRED, fill("t1", "0.5").size)


def test_an_order_whose_connection_still_stands_comes_in_doubt_when_the_venue_disowns_it() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    unknown(manager, OVER_S)
    assert state_of(manager) is OrderState.IN_DOUBT


def test_absence_of_what_is_over_is_no_news() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2)
    assert unknown(manager, OVER_S) == []


# -- what an earlier life may have sent -----------------------------------------------------------


def test_an_adopted_order_is_in_doubt_and_asked_for() -> None:
    manager = ready_manager()
    order = new_order(1)
    assert manager.adopt(order, 1.0)[0] == AskOrder(order)
    assert state_of(manager) is OrderState.IN_DOUBT


def test_an_order_adopted_before_the_connection_is_asked_for_with_it() -> None:
    manager = with_sent_order(ready_manager())
    manager.disconnected("gone")
    manager.adopt(new_order(2), 1.0)
    asked = only(manager.connected(2.0), AskOrder)
    assert {ask.new.client_order_id for ask in asked} == {1, 2}


@pytest.mark.parametrize("adopted", [True, False])
def test_an_order_of_which_no_write_is_known_is_over_its_life_after_its_decision(
    adopted: bool,
) -> None:
    """Who had it in hand may have hung, and been replaced, before it was written."""
    manager = ready_manager()
    if adopted:
        manager.adopt(new_order(1), 4.0, decided_s=0.5)
    else:
        manager.submit(new_order(1), adds_risk=False, decided_s=0.5)
        manager.disconnected("grvt/trading hangs")
    assert manager.orders[1].over_s(4.0) == 5.5


def test_an_adopted_order_that_is_known_keeps_its_state() -> None:
    manager = with_sent_order(ready_manager())
    assert published(manager.adopt(new_order(1), 1.0)).state is OrderState.SENT


def test_an_adopted_order_is_never_sent() -> None:
    manager = ready_manager()
    manager.adopt(new_order(1), 1.0)
    assert published(manager.submit(new_order(1), adds_risk=False)).state is OrderState.IN_DOUBT


def test_an_adopted_order_that_executed_in_its_earlier_life_is_no_drift() -> None:
    manager = sure_manager(held="0.5")
    manager.adopt(new_order(1), 3.0)
    manager.updated(update(OrderStatus.FILLED, "0.5"), 3.5)
    effects = read_for_long(manager, 4.0, "0.5") + read_for_long(manager, 9.0, "0.5")
    assert only(effects, PublishDrift) == []


def test_a_reconnect_does_not_settle_an_order_in_doubt() -> None:
    manager = in_doubt()
    manager.disconnected("gone")
    manager.connected(20.0)
    answer_reads(manager, 20.1)
    assert manager.ready
    assert state_of(manager) is OrderState.IN_DOUBT
