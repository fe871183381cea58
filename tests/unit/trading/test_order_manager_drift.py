"""What our own orders do not explain: strangers, positions, and what was forgotten."""

from __future__ import annotations

import pytest

from tests.support.trading import BACKPACK_ETH, D, fill, new_order, position, update
from tests.unit.trading.managers import (
    only,
    read_for_long,
    read_positions,
    ready_manager,
    sure_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskOpenOrders,
    AskPositions,
    Effect,
    PublishDrift,
    PublishPositions,
    RecordFill,
)
from trading.order_manager import OrderManager
from venues.model import Fill, OrderStatus, OrderUpdate

STRANGER = update(OrderStatus.OPEN, client_order_id=99)


def listed(manager: OrderManager, at_s: float, *orders: OrderUpdate) -> list[str]:
    """The drift that a list of open orders shows."""
    return drift(manager.open_orders_read(orders, at_s))


def drift(effects: list[Effect]) -> list[str]:
    return [effect.detail for effect in only(effects, PublishDrift)]


def settled(effects: list[Effect]) -> bool:
    (publish,) = only(effects, PublishPositions)
    return publish.settled


# -- orders that are not ours ---------------------------------------------------------------------


def test_an_execution_with_an_id_that_is_not_ours_is_another_trader_on_the_account() -> None:
    manager = sure_manager()
    effects = manager.fills_read((fill("t1", "0.5", client_order_id=99, at_s=0.1),), 6.0)
    assert drift(effects) == ["ETH_USDT_Perp: order 99 has executed and is not ours"]
    assert drift(manager.filled(fill("t1", "0.5", client_order_id=99, at_s=0.1), 6.1)) == []


@pytest.mark.parametrize(
    "foreign",
    [
        fill("t1", "0.5", client_order_id=99, at_s=-0.1),  # before we began
        fill("t1", "0.5", client_order_id=None),  # a forgotten one may come without its id
        fill("t1", "0.5", client_order_id=99, instrument=BACKPACK_ETH),
    ],
)
def test_of_other_foreign_executions_the_position_is_the_judge(foreign: Fill) -> None:
    effects = sure_manager().fills_read((foreign,), 6.0)
    assert drift(effects) == []
    assert only(effects, AskPositions)


def test_an_order_that_is_not_ours_and_stays_is_drift() -> None:
    manager = ready_manager()
    assert listed(manager, 10.0, STRANGER) == []
    assert listed(manager, 11.9, STRANGER) == []
    assert listed(manager, 12.0, STRANGER) == ["ETH_USDT_Perp: order 99 is live and not ours"]


def test_an_order_that_is_not_ours_is_told_once() -> None:
    manager = ready_manager()
    told = [listed(manager, float(at_s), STRANGER) for at_s in range(10, 60)]
    assert sum(map(len, told)) == 1


def test_an_order_that_is_not_ours_and_has_gone_is_no_drift() -> None:
    manager = ready_manager()
    listed(manager, 10.0, STRANGER)
    listed(manager, 11.0)
    assert listed(manager, 12.5, STRANGER) == []


def test_an_order_placed_by_hand_is_told_by_the_id_of_the_venue() -> None:
    manager = ready_manager()
    by_hand = update(OrderStatus.OPEN, client_order_id=None, venue_order_id="v77")
    listed(manager, 10.0, by_hand)
    assert listed(manager, 12.0, by_hand) == ["ETH_USDT_Perp: order v77 is live and not ours"]


def test_one_message_about_a_stranger_has_the_open_orders_read() -> None:
    manager = ready_manager()
    assert manager.updated(STRANGER, 10.0) == []
    assert AskOpenOrders() in manager.due(11.0)


def test_open_orders_are_not_read_for_a_stranger_that_was_told() -> None:
    manager = ready_manager()
    listed(manager, 10.0, STRANGER)
    listed(manager, 12.0, STRANGER)
    assert AskOpenOrders() not in manager.due(20.0)


def test_the_end_of_a_strange_order_is_no_drift() -> None:
    manager = ready_manager()
    over = update(OrderStatus.CANCELLED, client_order_id=99)
    assert [manager.updated(over, at_s) for at_s in (10.0, 20.0)] == [[], []]


def test_an_order_in_another_symbol_is_none_of_our_business() -> None:
    manager = ready_manager()
    elsewhere = update(OrderStatus.OPEN, client_order_id=99, instrument=BACKPACK_ETH)
    assert listed(manager, 10.0, elsewhere) + listed(manager, 20.0, elsewhere) == []


def test_our_own_order_is_no_stranger() -> None:
    manager = with_sent_order(ready_manager())
    ours = update(OrderStatus.OPEN)
    assert listed(manager, 10.0, ours) + listed(manager, 20.0, ours) == []


# -- positions ------------------------------------------------------------------------------------


def test_a_position_nobody_explains_is_drift_if_it_lasts() -> None:
    told = drift(read_for_long(sure_manager(), 10.0, "0.3"))
    assert told == ["ETH_USDT_Perp: expected a position of 0, the venue has 0.3"]


def test_a_position_nobody_explains_is_no_drift_before_it_has_lasted() -> None:
    manager = sure_manager()
    effects = [e for step in range(20) for e in read_positions(manager, 10 + step / 11, "0.3")]
    assert drift(effects) == []


def test_answers_that_lay_here_while_the_process_stood_still_are_as_old_as_their_questions() -> (
    None
):
    """An execution was heard of at 10 s; all was asked for within a second, and heard late."""
    manager = with_sent_order(sure_manager(), at_s=9)
    manager.filled(fill("t1", "0.5"), 10.0)
    manager.due(15.0)
    effects = [
        effect
        for step in range(9)
        for effect in manager.positions_read((position("0"),), 10.0 + step / 8)
    ]
    assert drift(effects) == []


def test_a_position_nobody_explains_is_not_settled() -> None:
    assert not settled(read_positions(sure_manager(), 10.0, "0.3"))


def test_a_position_that_comes_right_in_between_has_to_last_anew() -> None:
    manager = sure_manager()
    for step in range(40):
        held = "0" if step % 4 == 3 else "0.3"
        assert drift(read_positions(manager, 10 + step / 2, held)) == []


def test_a_drift_that_was_told_is_what_is_expected_from_then_on() -> None:
    manager = sure_manager()
    told = [drift(read_positions(manager, float(at_s), "0.3")) for at_s in range(10, 60)]
    assert sum(map(len, told)) == 1


def test_a_position_nobody_explains_is_read_again() -> None:
    manager = sure_manager()
    read_positions(manager, 10.0, "0.3")
    assert AskPositions() in manager.due(11.0)


def test_a_position_that_our_orders_explain_is_settled() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    manager.filled(fill("t1", "0.5"), 5.1)
    assert settled(read_positions(manager, 6.0, "0.5"))


def test_a_position_that_is_behind_our_fills_is_not_settled() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    manager.filled(fill("t1", "0.5"), 5.1)
    assert not settled(read_positions(manager, 6.0, "0"))


def test_a_position_read_while_an_order_is_unresolved_is_not_settled_and_no_drift() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    effects = read_for_long(manager, 6.0, "0.5")
    assert not any(e.settled for e in only(effects, PublishPositions))
    assert drift(effects) == []


def test_a_position_read_when_nothing_executes_any_more_is_settled_whatever_became_of_it() -> None:
    """A recovery need not wait for what histories will say of an order that has expired."""
    manager = with_sent_order(sure_manager(), at_s=5)
    effects = read_for_long(manager, 12.0, "0.5")
    assert all(e.settled for e in only(effects, PublishPositions))
    assert manager.unresolved()
    assert drift(effects) == []


def test_a_symbol_that_is_not_listed_is_flat() -> None:
    manager = sure_manager()
    (publish,) = only(manager.positions_read(()), PublishPositions)
    assert publish.sizes == {"ETH_USDT_Perp": D(0)}


def test_positions_in_other_symbols_are_left_out() -> None:
    effects = read_positions(sure_manager(), 6.0, "0", position("3", BACKPACK_ETH))
    (publish,) = only(effects, PublishPositions)
    assert set(publish.sizes) == {"ETH_USDT_Perp"}


def test_what_was_held_before_the_start_is_no_drift() -> None:
    manager = sure_manager(held="1.5")
    effects = read_for_long(manager, 10.0, "1.5")
    assert drift(effects) == []
    assert settled(effects[:1])


# -- position and fills on the feed ---------------------------------------------------------------


def test_a_position_on_the_feed_that_nobody_explains_is_read_again() -> None:
    assert sure_manager().position_seen(position("0.3")) == [AskPositions()]


def test_a_position_on_the_feed_that_is_expected_asks_nothing() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    manager.filled(fill("t1", "0.5"), 5.1)
    assert manager.position_seen(position("0.5")) == []


def test_a_position_on_the_feed_while_an_order_is_unresolved_asks_nothing() -> None:
    manager = with_sent_order(sure_manager(), at_s=5)
    assert manager.position_seen(position("0.5")) == []


def test_a_position_on_the_feed_in_another_symbol_asks_nothing() -> None:
    assert sure_manager().position_seen(position("3", BACKPACK_ETH)) == []


def test_a_fill_that_is_not_ours_has_the_positions_read_once() -> None:
    manager = ready_manager()
    liquidation = fill("t9", "0.3", client_order_id=None, venue_order_id="v77")
    assert manager.filled(liquidation, 10.0) == [AskPositions()]
    assert manager.filled(liquidation, 10.1) == []


# -- what is forgotten ----------------------------------------------------------------------------


def with_filled_order() -> OrderManager:
    """Order 1 bought 0.5 after 5 s."""
    manager = with_sent_order(sure_manager(), at_s=5)
    manager.filled(fill("t1", "0.5"), 5.1)
    return manager


def test_an_order_that_nobody_needs_is_forgotten() -> None:
    manager = with_filled_order()
    manager.forget(frozenset())
    assert manager.orders == {}


def test_an_order_that_is_still_needed_is_kept() -> None:
    manager = with_filled_order()
    manager.forget(frozenset({1}))
    assert set(manager.orders) == {1}


def test_an_order_without_an_outcome_is_never_forgotten() -> None:
    manager = with_sent_order(ready_manager())
    manager.forget(frozenset())
    assert set(manager.orders) == {1}


def test_the_position_of_a_forgotten_order_stays_explained() -> None:
    manager = with_filled_order()
    manager.forget(frozenset())
    effects = read_for_long(manager, 10.0, "0.5")
    assert drift(effects) == []
    assert all(e.settled for e in only(effects, PublishPositions))


def test_the_position_of_an_order_forgotten_before_we_were_sure_stays_explained() -> None:
    manager = with_sent_order(ready_manager(), at_s=0)
    manager.filled(fill("t1", "0.5"), 0.1)
    read_positions(manager, 0.5, "0.5")
    manager.forget(frozenset())
    effects = [e for s in range(1, 20) for e in read_positions(manager, float(s), "0.5")]
    assert drift(effects) == []


@pytest.mark.parametrize("sides", [("0.5", "0.5"), ("-0.5", "-0.5")])
def test_readings_from_before_an_execution_are_no_drift_however_often(
    sides: tuple[str, str],
) -> None:
    manager, held, told = sure_manager(), D(0), list[str]()
    for number, signed in enumerate(sides, 1):
        at_s = 5.0 + 10 * number
        manager.submit(new_order(number, signed, created_s=at_s), adds_risk=False)
        manager.sent(number, at_s)
        manager.updated(update(OrderStatus.FILLED, "0.5", client_order_id=number), at_s + 0.1)
        for late in range(3):
            told += drift(read_positions(manager, at_s + 0.2 + late / 10, str(held)))
        held += D(signed)
    assert told == []


def test_a_fill_of_a_forgotten_order_that_was_counted_asks_nothing() -> None:
    manager = with_filled_order()
    manager.forget(frozenset())
    assert manager.filled(fill("t1", "0.5"), 6.0) == []


def test_a_fill_of_a_forgotten_order_that_is_new_has_the_positions_read() -> None:
    manager = with_filled_order()
    manager.forget(frozenset())
    late = fill("t2", "0.1")
    assert manager.filled(late, 6.0) == [RecordFill(late), AskPositions()]


def test_late_news_of_a_forgotten_order_is_no_drift() -> None:
    manager = with_filled_order()
    manager.submit(new_order(2, created_s=6), adds_risk=False)
    manager.forget(frozenset())
    late = update(OrderStatus.OPEN)
    assert listed(manager, 10.0, late) + listed(manager, 20.0, late) == []
