"""The short way out of doubt, by feed and position, where histories lag; and reads in general."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import fill, new_order, update
from tests.unit.trading.managers import (
    TIMING,
    only,
    read_for_long,
    read_positions,
    ready_manager,
    sure_manager,
    with_sent_order,
)
from trading.order_effects import AskFills, AskOrder, PublishContradiction, PublishReadiness
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import OrderStatus

SLOW = msgspec.structs.replace(TIMING, settle_s=10.0, live_settle_s=1.0)
LIVE_S = 11.0  # order 1 was written at 5 s and lives for 5 s; positions are right after 1 s
SETTLED_S = 20.0


def in_doubt() -> OrderManager:
    """Order 1 had no answer; feed and gateway are up all the time."""
    manager = with_sent_order(sure_manager(timing=SLOW), at_s=5)
    manager.doubted(1, "timeout", 7.0)
    return manager


def look(manager: OrderManager, from_s: float, held: str = "0") -> OrderState:
    """Four rounds of all evidence within a second; returns what it led to."""
    for step in range(4):
        at_s = from_s + step / 4
        manager.absent(1, at_s)
        manager.fills_read((), at_s)
        read_positions(manager, at_s, held)
    return manager.orders[1].state


def test_live_evidence_settles_it_a_short_time_after_it_can_execute_no_more() -> None:
    assert look(in_doubt(), LIVE_S) is OrderState.EXPIRED


def test_live_evidence_counts_for_nothing_while_it_may_still_execute() -> None:
    assert look(in_doubt(), LIVE_S - 1.1) is OrderState.IN_DOUBT


@pytest.mark.parametrize("held", ["0.5", "-0.5", "0.1"])
def test_any_other_position_than_the_one_without_it_is_no_live_evidence(held: str) -> None:
    assert look(in_doubt(), LIVE_S, held) is OrderState.IN_DOUBT


def test_a_new_gateway_reads_the_same_position_and_the_feed_has_not_been_away() -> None:
    manager = in_doubt()
    manager.disconnected("reset by peer", feed=False)
    manager.connected(7.5)
    assert look(manager, LIVE_S) is OrderState.EXPIRED


def test_an_order_that_its_gateway_took_along_unsent_is_settled_as_soon() -> None:
    manager = sure_manager(timing=SLOW)
    manager.submit(new_order(1, created_s=5), adds_risk=False)
    manager.disconnected("reset by peer", feed=False)
    manager.connected(5.5)
    look(manager, LIVE_S - 5)
    assert look(manager, LIVE_S + 2) is OrderState.EXPIRED


def test_an_order_of_an_earlier_life_is_not_settled_by_live_evidence() -> None:
    manager = sure_manager(timing=SLOW)
    manager.adopt(new_order(1, created_s=5), 6.0)
    read_for_long(manager, 6.0, "0")
    assert look(manager, LIVE_S + 2) is OrderState.IN_DOUBT


def test_a_feed_that_went_while_its_gateway_was_away_has_not_told_everything() -> None:
    manager = in_doubt()
    manager.disconnected("reset by peer", feed=False)
    manager.disconnected("the feed is down")
    manager.connected(7.5)
    assert look(manager, LIVE_S) is OrderState.IN_DOUBT


def test_two_equal_readings_before_the_order_are_enough_beside_a_silent_feed() -> None:
    manager = ready_manager(timing=SLOW)
    read_positions(manager, 0.5)
    with_sent_order(manager, at_s=5).doubted(1, "timeout", 7.0)
    assert look(manager, LIVE_S, "0.5") is OrderState.IN_DOUBT
    assert look(manager, LIVE_S + 1) is OrderState.EXPIRED


@pytest.mark.parametrize("readings", [(), ("0.5",), ("0.5", "0", "0")])
def test_one_reading_or_readings_that_disagree_are_not(readings: tuple[str, ...]) -> None:
    manager = ready_manager(timing=SLOW)
    for number, held in enumerate(readings, 1):
        read_positions(manager, number / 2, held)
    with_sent_order(manager, at_s=5).doubted(1, "timeout", 7.0)
    assert look(manager, LIVE_S) is OrderState.IN_DOUBT


def test_after_a_gap_of_the_feed_there_is_no_live_evidence() -> None:
    manager = in_doubt()
    manager.disconnected("reset by peer")
    manager.connected(7.5)
    assert look(manager, LIVE_S) is OrderState.IN_DOUBT
    assert look(manager, SETTLED_S) is OrderState.EXPIRED


def test_live_evidence_from_before_a_gap_is_worth_nothing_after_it() -> None:
    manager = in_doubt()
    look(manager, LIVE_S - 0.5)
    manager.disconnected("reset by peer")
    manager.connected(LIVE_S + 0.6)
    assert look(manager, LIVE_S + 0.7) is OrderState.IN_DOUBT


def test_with_another_order_open_the_position_tells_nothing_live() -> None:
    manager = in_doubt()
    manager.submit(new_order(2, created_s=8), adds_risk=False)
    manager.sent(2, 8.0)
    assert look(manager, LIVE_S) is OrderState.IN_DOUBT


def test_while_the_baseline_is_not_sure_the_position_tells_nothing_live() -> None:
    manager = in_doubt()
    manager.adopt(new_order(2), 8.0)
    manager.updated(update(OrderStatus.CANCELLED, client_order_id=2), 8.1)
    assert look(manager, LIVE_S) is OrderState.IN_DOUBT


def test_what_has_fills_is_not_settled_by_live_evidence() -> None:
    manager = in_doubt()
    manager.filled(fill("t1", "0.1"), 8.0)
    assert look(manager, LIVE_S, "0.1") is not OrderState.EXPIRED


# -- reads ----------------------------------------------------------------------------------------


def test_while_only_the_feed_is_away_orders_and_fills_are_asked_for() -> None:
    manager = in_doubt()
    manager.disconnected("the feed is down")
    assert manager.due(8.0) == []
    manager.answering(True)
    due = manager.due(8.5)
    assert only(due, AskOrder)
    assert only(due, AskFills)
    manager.fills_read((), 8.6)
    assert only(manager.due(9.5), AskFills)


def test_reads_that_stay_unanswered_stop_new_risk_until_there_is_an_answer() -> None:
    manager = sure_manager()
    manager.verify_positions(10.0)
    told = [only(manager.due(at_s), PublishReadiness) for at_s in (11.0, 12.0, 13.0)]
    assert told == [
        [], [], [PublishReadiness(True, False, "no answer to 3 reads in a row: positions")],
    ]  # fmt: skip
    assert only(read_positions(manager, 13.5), PublishReadiness) == [
        PublishReadiness(True, True, "")
    ]


def test_a_clock_that_can_not_be_trusted_stops_new_risk() -> None:
    manager = sure_manager()
    trouble = "our clock is 1.5 s behind that of grvt"
    assert manager.clock_checked(trouble) == [PublishReadiness(True, False, trouble)]
    assert manager.clock_checked(trouble) == []
    manager.submit(new_order(1), adds_risk=True)
    assert manager.orders[1].state is OrderState.NOT_SENT
    assert manager.clock_checked("") == [PublishReadiness(True, True, "")]


def test_an_order_never_sent_that_the_venue_knows_is_said_and_counted() -> None:
    manager = with_sent_order(sure_manager(timing=SLOW), at_s=5)
    manager.not_sent(1, "no gateway")
    effects = manager.updated(update(OrderStatus.OPEN, "0.2"), 5.1)
    assert only(effects, PublishContradiction)
    assert manager.orders[1].executed == fill("", "0.2").size
