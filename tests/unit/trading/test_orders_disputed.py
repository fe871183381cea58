"""Orders that are being cancelled, and what a venue says that can not be true."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import SECOND_NS, START_NS, D, fill, new_order, update
from trading.orders import Order
from trading.transitions import NEXT, OrderEvent, OrderState
from venues.model import OrderStatus, OrderUpdate, Refusal

S, E = OrderState, OrderEvent
KNOWN_TO_THE_VENUE = (S.SENT, S.OPEN, S.PARTIALLY_FILLED, S.CANCEL_PENDING)


def order_in(state: OrderState) -> Order:
    order = Order(new_order(7, "0.5"))
    order.state = state
    return order


def sent_order() -> Order:
    return order_in(S.SENT)


# -- cancelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", KNOWN_TO_THE_VENUE)
def test_a_request_to_cancel_is_pending_until_the_venue_says_how_it_ended(
    state: OrderState,
) -> None:
    order = order_in(state)
    order.happen(E.REQUEST_CANCEL)
    order.apply_update(update(OrderStatus.OPEN))
    order.apply_fill(fill("t1", "0.2"))
    pending = order.view()
    assert (pending.state, pending.signed_executed) == (S.CANCEL_PENDING, D("0.2"))
    order.apply_update(update(OrderStatus.CANCELLED, "0.2"))
    assert order.view().state is S.CANCELLED


def test_a_cancel_that_comes_too_late_ends_in_a_filled_order() -> None:
    order = order_in(S.CANCEL_PENDING)
    order.apply_fill(fill("t1", "0.5"))
    assert order.state is S.FILLED


def test_a_request_to_cancel_does_not_take_an_order_out_of_doubt() -> None:
    order = order_in(S.IN_DOUBT)
    order.happen(E.REQUEST_CANCEL)
    assert order.state is S.IN_DOUBT


def test_an_intent_is_not_cancelled_it_is_withheld() -> None:
    assert (S.INTENDED, E.REQUEST_CANCEL) not in NEXT


# -- what can not be true -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "disputed"),
    [
        (update(OrderStatus.FILLED, "0"), "filled with 0 of 0.5 executed"),
        (update(OrderStatus.FILLED, "0.2"), "filled with 0.2 of 0.5 executed"),
        (update(OrderStatus.REJECTED, "0.2"), "rejected with 0.2 executed"),
    ],
)
def test_what_can_not_be_true_ends_nothing_and_its_quantity_counts(
    said: OrderUpdate, disputed: str
) -> None:
    order = sent_order()
    assert order.apply_update(said)
    assert (order.state, order.disputed) == (S.SENT, disputed)
    assert order.executed == said.executed


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.FILLED])
def test_more_than_there_is_to_execute_counts_only_when_fills_show_it(status: OrderStatus) -> None:
    """Else the other leg would be hedged against what never was."""
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, "0.2"))
    assert order.apply_update(update(status, "0.7"))
    assert (order.executed, order.disputed) == (D("0.2"), "executed 0.7 of 0.5")
    order.apply_fill(fill("t1", "0.5"))
    assert order.executed == D("0.5")


@pytest.mark.parametrize(
    "status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FILLED, OrderStatus.REJECTED]
)
def test_an_end_with_less_than_what_has_executed_ends_nothing(status: OrderStatus) -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.3"))
    assert order.apply_update(update(status, "0.1"))
    assert (order.state, order.executed) == (S.PARTIALLY_FILLED, D("0.3"))
    assert order.disputed


def test_less_than_known_in_a_message_that_may_be_late_is_no_contradiction() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.3"))
    assert not order.apply_update(update(OrderStatus.OPEN, "0.1"))
    assert not order.disputed


def test_a_quantity_that_goes_down_as_the_venues_time_goes_on_is_a_contradiction() -> None:
    order = sent_order()
    for executed, at_s in (("0.3", 1), ("0.1", 3)):
        said = update(OrderStatus.OPEN, executed)
        order.apply_update(msgspec.structs.replace(said, event_ns=START_NS + at_s * SECOND_NS))
    assert order.disputed == "open with 0.1 executed, after 0.3"


def test_fills_of_more_than_the_size_do_not_end_it() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.4"))
    order.apply_fill(fill("t2", "0.4"))
    assert (order.state, order.executed) == (S.PARTIALLY_FILLED, D("0.8"))
    assert order.disputed == "executed 0.8 of 0.5"
    order.apply_update(update(OrderStatus.FILLED, "0.5"))
    assert not order.state.resolved


@pytest.mark.parametrize("state", [*KNOWN_TO_THE_VENUE, S.IN_DOUBT])
def test_that_an_id_is_taken_ends_nothing_and_is_no_reason_why_it_ends_later(
    state: OrderState,
) -> None:
    order = order_in(state)
    word = update(OrderStatus.REJECTED, reason="OVERLAPPING_CLIENT_ORDER_ID")
    order.apply_update(msgspec.structs.replace(word, refusal=Refusal.ID_TAKEN))
    assert order.state is state
    assert order.disputed
    order.apply_update(update(OrderStatus.CANCELLED))
    assert (order.state, order.refusal, order.disputed) == (S.CANCELLED, None, "")


def test_a_word_that_agrees_ends_the_dispute() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.FILLED, "0"))
    assert order.apply_update(update(OrderStatus.FILLED, "0.5"))
    assert (order.state, order.disputed) == (S.FILLED, "")


def said_to_be(size: str, status: OrderStatus, executed: str) -> OrderUpdate:
    return msgspec.structs.replace(update(status, executed), size=D(size))


def closing_order() -> Order:
    order = Order(msgspec.structs.replace(new_order(), reduce_only=True))
    order.happen(E.SEND)
    return order


def test_an_order_that_the_venue_has_shrunk_is_filled_with_what_was_left_of_it() -> None:
    order = closing_order()
    order.apply_update(said_to_be("0.3", OrderStatus.FILLED, "0.3"))
    assert (order.state, order.disputed) == (S.FILLED, "")


def test_what_reduces_a_position_may_be_filled_with_less_than_was_ordered() -> None:
    """Somebody else has taken part of the position off meanwhile; not all venues say the size."""
    order = closing_order()
    order.apply_update(update(OrderStatus.FILLED, "0.2"))
    assert (order.state, order.disputed) == (S.FILLED, "")
    nothing = closing_order()
    nothing.apply_update(update(OrderStatus.FILLED, "0"))
    assert nothing.disputed == "filled with 0 of 0.5 executed"


def test_one_wrong_size_is_put_right_by_the_next_word() -> None:
    order = closing_order()
    order.apply_update(said_to_be("0.1", OrderStatus.OPEN, "0"))
    order.apply_update(said_to_be("0.5", OrderStatus.OPEN, "0"))
    order.apply_update(said_to_be("0.5", OrderStatus.FILLED, "0.5"))
    assert (order.state, order.disputed) == (S.FILLED, "")


def test_only_what_reduces_a_position_is_shrunk_by_a_venue() -> None:
    order = sent_order()
    order.apply_update(said_to_be("0.3", OrderStatus.FILLED, "0.3"))
    assert (order.state, order.disputed) == (S.SENT, "filled with 0.3 of 0.5 executed")
