"""Reads that bring nothing, and reads that are asked for often."""

from __future__ import annotations

import itertools

import msgspec

from tests.support.trading import update
from tests.unit.trading.managers import (
    TIMING,
    answer_reads,
    at_ns,
    only,
    ready_manager,
    with_sent_order,
)
from trading.order_effects import AskBalances, AskFills, AskOrder, AskPositions
from trading.order_manager import OrderManager
from trading.reads import BALANCES_APART_S, Read
from venues.model import GRVT, ZERO, AccountSummary, OrderStatus


def test_a_fill_that_a_read_does_not_bring_is_looked_for_further_back() -> None:
    """It may be older than we think, by a clock that has jumped."""
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 1.0)
    back = []
    for second in range(2, 16):
        back += [ask.since_ns for ask in only(manager.due(float(second)), AskFills)]
        manager.fills_read((), float(second))
    assert back[0] == at_ns(-10.0)
    assert back[1:3] == [at_ns(-20.0), at_ns(-40.0)]
    assert back[-1] == at_ns(-5120.0)  # and no further


def test_who_asks_twice_in_a_moment_has_not_been_left_without_an_answer() -> None:
    manager = ready_manager()
    for _ in range(10):
        manager.verify_positions(3.0)
    assert manager.new_risk


def test_a_read_that_our_own_rate_limit_withholds_is_asked_again_soon_and_is_no_silence() -> None:
    manager = ready_manager()
    manager.disconnected("gone")
    asked = manager.connected(5.0)
    for step in range(1, 20):
        assert only(asked, AskPositions), "at every look, not only when an answer is overdue"
        manager.withheld(Read.POSITIONS)
        asked = manager.due(5.0 + step / 4)
    answer_reads(manager, 10.0)
    assert manager.ready
    assert manager.new_risk, "that venue has left nothing unanswered"


def test_a_read_that_was_withheld_goes_before_the_next_question_for_an_order() -> None:
    """Else an order in doubt takes every token, and what would prove its end is never read."""
    manager = with_sent_order(ready_manager())
    manager.doubted(1, "no reply", 1.0)
    assert only(manager.due(1.3), AskOrder)
    manager.withheld(Read.POSITIONS)
    asked = manager.due(1.6)
    assert only(asked, AskPositions)
    assert not only(asked, AskOrder)
    assert only(manager.due(1.7), AskOrder)


def test_one_that_was_withheld_is_asked_though_the_question_before_it_is_answered() -> None:
    """Else nothing is asked for an order in doubt any more, and its leg stays as it is for ever."""
    manager = with_sent_order(ready_manager())
    manager.doubted(1, "no reply", 1.0)
    manager.withheld(Read.FILLS)
    manager.fills_read((), 1.2)
    assert only(manager.due(1.3), AskFills)
    assert only(manager.due(1.6), AskOrder)


def test_desks_that_want_to_know_at_the_same_time_share_a_question() -> None:
    manager = ready_manager()
    asked = [manager.verify_positions(at_s) for at_s in (3.0, 3.02, 3.04)]
    assert [len(only(effects, AskPositions)) for effects in asked] == [1, 0, 0]
    assert only(manager.due(3.25), AskPositions), "the later ones were not asked what held before"
    assert only(manager.due(3.5), AskPositions) == []


def orders_in_doubt(count: int) -> OrderManager:
    manager = ready_manager()
    for number in range(1, count + 1):
        with_sent_order(manager, number=number)
        manager.doubted(number, "no reply", 1.0)
    return manager


def test_an_order_whose_question_was_withheld_is_asked_for_first() -> None:
    manager = orders_in_doubt(3)
    assert len(only(manager.due(1.5), AskOrder)) == 3
    manager.question_withheld(3)
    assert [ask.new.client_order_id for ask in only(manager.due(1.6), AskOrder)] == [3]
    manager.question_withheld(3)
    assert [ask.new.client_order_id for ask in only(manager.due(1.8), AskOrder)] == [3, 1, 2]


# -- balances after a cycle ----

MONEY = AccountSummary(venue=GRVT, equity=ZERO, available=ZERO)


def with_money_read(at_s: float = 0.0, every_s: float = 60.0) -> OrderManager:
    """Balances are read every minute, and were read just before ``at_s``."""
    manager = ready_manager(timing=msgspec.structs.replace(TIMING, balances_every_s=every_s))
    manager.due(at_s)
    manager.balances_read(MONEY)
    answer_reads(manager, at_s)
    return manager


def asked_for_balances(manager: OrderManager, *at_s: float) -> list[float]:
    """When they were asked for, of these moments."""
    return [now_s for now_s in at_s if only(manager.due(now_s), AskBalances)]


def test_a_cycles_end_has_balances_read_at_once() -> None:
    manager = with_money_read()
    assert manager.money_moved(10.0) == [AskBalances()]
    manager.balances_read(MONEY)
    assert asked_for_balances(manager, 11.0, 20.0, 69.0, 70.5) == [70.5]


def test_cycles_that_follow_each_other_at_once_have_them_read_every_few_seconds() -> None:
    manager = with_money_read()
    asked: list[float] = []
    for quarter in range(240):
        now_s = 10.0 + quarter / 4
        effects = manager.money_moved(now_s) + manager.due(now_s)
        if only(effects, AskBalances):
            asked.append(now_s)
            manager.balances_read(MONEY)
    apart = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert set(apart) == {BALANCES_APART_S}


def test_balances_asked_for_before_the_cycles_end_are_those_of_the_middle_of_it() -> None:
    manager = with_money_read()
    assert asked_for_balances(manager, 61.0) == [61.0]
    assert manager.money_moved(61.1) == []
    manager.balances_read(MONEY)
    assert asked_for_balances(manager, 62.0, 63.0, 64.2) == [64.2]


def test_a_reading_at_a_cycles_end_that_is_not_answered_is_asked_for_again() -> None:
    manager = with_money_read()
    assert manager.money_moved(10.0) == [AskBalances()]
    assert asked_for_balances(manager, 10.5, 11.0) == [11.0]


def test_where_balances_are_not_read_at_all_a_cycles_end_reads_none() -> None:
    manager = with_money_read(every_s=0.0)
    assert manager.money_moved(10.0) == []
    assert asked_for_balances(manager, 11.0, 15.0, 100.0) == []


def test_while_nobody_is_there_to_be_asked_a_cycles_end_asks_nothing() -> None:
    manager = with_money_read()
    manager.disconnected("gone")
    assert manager.money_moved(10.0) == []


def test_balances_that_were_withheld_keep_no_order_from_being_asked_for() -> None:
    manager = with_sent_order(with_money_read())
    manager.doubted(1, "no reply", 1.0)
    manager.withheld(Read.BALANCES)
    assert only(manager.due(1.3), AskOrder)
