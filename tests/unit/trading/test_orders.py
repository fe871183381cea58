"""The life of one order: the table of its states, and what counts as executed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import D, fill, new_order, update
from trading.orders import Order
from trading.transitions import NEXT, IllegalTransition, OrderEvent, OrderState
from venues.model import Fill, OrderStatus, OrderUpdate

S, E = OrderState, OrderEvent
ON_THE_WAY = (S.SENT, S.OPEN, S.PARTIALLY_FILLED, S.CANCEL_PENDING, S.IN_DOUBT)
RESOLVED = tuple(state for state in S if state.resolved)
ALL_PAIRS = [(state, event) for state in S for event in E]
FORBIDDEN = [p for p in ALL_PAIRS if not p[0].resolved and p not in NEXT]


def order_in(state: OrderState, size: str = "0.5") -> Order:
    order = Order(new_order(7, size))
    order.state = state
    return order


def sent_order(size: str = "0.5") -> Order:
    return order_in(S.SENT, size)


# -- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "event"), list(NEXT))
def test_a_listed_event_moves_the_order_as_the_table_says(
    state: OrderState, event: OrderEvent
) -> None:
    order = order_in(state)
    changed = order.happen(event)
    assert order.state is NEXT[state, event]
    assert changed == (order.state is not state)


@pytest.mark.parametrize(("state", "event"), FORBIDDEN)
def test_an_unlisted_event_is_an_error_and_moves_nothing(
    state: OrderState, event: OrderEvent
) -> None:
    order = order_in(state)
    with pytest.raises(IllegalTransition):
        order.happen(event)
    assert order.state is state


def test_the_error_names_order_state_and_event() -> None:
    with pytest.raises(IllegalTransition) as caught:
        order_in(S.INTENDED).happen(E.FILL)
    error = caught.value
    assert (error.client_order_id, error.state, error.event) == (7, S.INTENDED, E.FILL)
    assert str(error) == "order 7: no fill in state intended"


@pytest.mark.parametrize("state", ON_THE_WAY)
@pytest.mark.parametrize(
    ("event", "outcome"),
    [(E.FILL, S.FILLED), (E.CANCEL, S.CANCELLED), (E.REJECT, S.REJECTED), (E.EXPIRE, S.EXPIRED)],
)
def test_whatever_was_sent_can_end_in_any_way_the_venue_says(
    state: OrderState, event: OrderEvent, outcome: OrderState
) -> None:
    order = order_in(state)
    order.happen(event)
    assert order.state is outcome


@pytest.mark.parametrize("state", ON_THE_WAY)
def test_whatever_was_sent_can_come_in_doubt(state: OrderState) -> None:
    assert NEXT[state, E.LOSE] is S.IN_DOUBT


def test_only_an_order_in_doubt_can_be_proven_absent() -> None:
    assert [state for state, event in NEXT if event is E.PROVE_ABSENT] == [S.IN_DOUBT]


def test_only_an_intent_is_sent() -> None:
    assert [state for state, event in NEXT if event is E.SEND] == [S.INTENDED]


def test_the_table_has_no_row_that_leaves_a_resolved_state() -> None:
    assert not [state for state, _ in NEXT if state.resolved]


@pytest.mark.parametrize("state", RESOLVED)
@pytest.mark.parametrize("event", [E.LOSE, E.PROVE_ABSENT])
def test_a_resolved_order_does_not_come_in_doubt_again(
    state: OrderState, event: OrderEvent
) -> None:
    order = order_in(state)
    assert not order.happen(event)
    assert order.state is state


@pytest.mark.parametrize("state", [s for s in RESOLVED if s is not S.NOT_SENT])
@pytest.mark.parametrize("event", [E.ACCEPT, E.PART_FILL, E.FILL, E.CANCEL, E.REJECT, E.EXPIRE])
def test_late_news_changes_no_resolved_state(state: OrderState, event: OrderEvent) -> None:
    order = order_in(state)
    assert not order.happen(event)
    assert order.state is state


@pytest.mark.parametrize("state", RESOLVED)
@pytest.mark.parametrize("event", [E.SEND, E.WITHHOLD, E.REQUEST_CANCEL])
def test_a_resolved_order_is_never_sent_withheld_or_cancelled(
    state: OrderState, event: OrderEvent
) -> None:
    with pytest.raises(IllegalTransition):
        order_in(state).happen(event)


def test_a_venue_that_knows_an_order_we_never_sent_contradicts_us_and_its_quantity_counts() -> None:
    order = order_in(S.NOT_SENT)
    assert order.apply_update(update(OrderStatus.OPEN, "0.1"))
    assert (order.state, order.executed) == (S.NOT_SENT, D("0.1"))
    assert order.disputed == "known to the venue, and never sent by us"


# -- what executed --------------------------------------------------------------------------------


def test_the_largest_cumulative_figure_counts() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, "0.3"))
    order.apply_update(update(OrderStatus.OPEN, "0.2"))
    assert order.executed == D("0.3")


def test_a_fill_is_counted_once_however_often_it_is_reported() -> None:
    order = sent_order()
    assert order.apply_fill(fill("t1", "0.2"))
    assert not order.apply_fill(fill("t1", "0.2"))
    assert order.executed == D("0.2")


def test_a_fill_and_the_figure_that_contains_it_are_not_added_up() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, "0.2"))
    order.apply_fill(fill("t1", "0.2"))
    assert order.executed == D("0.2")


def test_fills_count_when_they_add_up_to_more_than_was_reported() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, "0.1"))
    order.apply_fill(fill("t1", "0.1"))
    order.apply_fill(fill("t2", "0.2"))
    assert order.executed == D("0.3")


@given(st.data())
def test_order_and_repetition_of_the_news_do_not_change_what_executed(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 10), min_size=1, max_size=6), label="hundredths")
    fills = [fill(f"t{i}", str(D(size) / 100)) for i, size in enumerate(sizes)]
    whole = sum((f.size for f in fills), Decimal(0))
    upto = data.draw(st.lists(st.integers(0, len(fills)), max_size=4))
    reports = [
        update(OrderStatus.OPEN, str(sum((f.size for f in fills[:n]), Decimal(0)))) for n in upto
    ]
    repeated = data.draw(st.lists(st.sampled_from(fills), max_size=4))
    said: list[Fill | OrderUpdate] = [*fills, *reports, *repeated]
    news = data.draw(st.permutations(said))
    order = sent_order("1.0")
    for one in news:
        if isinstance(one, Fill):
            order.apply_fill(one)
        else:
            order.apply_update(one)
    assert order.executed == whole
    assert order.fills_complete


def test_fills_that_add_up_to_the_size_fill_the_order() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.2"))
    before = order.state
    order.apply_fill(fill("t2", "0.3"))
    assert (before, order.state) == (S.PARTIALLY_FILLED, S.FILLED)


def test_a_fill_after_the_end_counts_and_leaves_the_state() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.CANCELLED))
    assert order.apply_fill(fill("late", "0.2"))
    assert order.state is S.CANCELLED
    assert order.executed == D("0.2")


def test_a_larger_figure_after_the_end_counts_and_leaves_the_state() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.CANCELLED, "0.1"))
    assert order.apply_update(update(OrderStatus.CANCELLED, "0.4"))
    assert order.state is S.CANCELLED
    assert order.executed == D("0.4")


def test_an_unknown_status_ends_nothing() -> None:
    order = sent_order()
    assert not order.apply_update(update(OrderStatus.UNKNOWN))
    assert order.state is S.SENT


def test_the_quantity_that_comes_with_an_unknown_status_counts() -> None:
    order = sent_order()
    assert order.apply_update(update(OrderStatus.UNKNOWN, "0.2"))
    assert order.executed == D("0.2")
    assert order.state is S.PARTIALLY_FILLED


def test_filled_with_less_than_its_size_proves_nothing() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.FILLED, "0.2"))
    assert order.state is S.SENT
    assert order.executed == D("0.2")


def test_filled_by_the_fills_that_came_before_is_filled() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.3"))
    order.apply_update(update(OrderStatus.FILLED, "0.5"))
    assert order.state is S.FILLED


def test_open_after_a_partial_fill_takes_nothing_back() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, "0.2"))
    assert not order.apply_update(update(OrderStatus.OPEN))
    assert order.state is S.PARTIALLY_FILLED


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.PENDING])
def test_a_resting_order_without_an_execution_is_open(status: OrderStatus) -> None:
    order = sent_order()
    assert order.apply_update(update(status))
    assert order.state is S.OPEN


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (OrderStatus.CANCELLED, S.CANCELLED),
        (OrderStatus.EXPIRED, S.EXPIRED),
    ],
)
def test_an_end_may_come_with_an_execution(status: OrderStatus, state: OrderState) -> None:
    order = sent_order()
    order.apply_update(update(status, "0.2"))
    assert (order.state, order.executed) == (state, D("0.2"))


def test_a_repeated_update_changes_nothing() -> None:
    order = sent_order()
    assert order.apply_update(update(OrderStatus.OPEN, "0.2"))
    assert not order.apply_update(update(OrderStatus.OPEN, "0.2"))


def test_the_reason_of_the_venue_is_kept() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.CANCELLED, reason="IOC_EXPIRED"))
    order.apply_update(update(OrderStatus.CANCELLED))
    assert order.view().reason == "IOC_EXPIRED"


def test_a_reply_without_room_for_the_reason_leaves_it_to_follow() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.EXPIRED, reason_follows=True))
    assert order.view().reason_follows
    assert order.apply_update(update(OrderStatus.EXPIRED, reason="INSUFFICIENT_MARGIN"))
    assert not order.view().reason_follows


@pytest.mark.parametrize("reason", ["", "INSUFFICIENT_MARGIN"])
def test_a_reason_that_came_before_the_reply_is_not_waited_for(reason: str) -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.EXPIRED, reason=reason))
    assert not order.apply_update(update(OrderStatus.EXPIRED, reason_follows=True))
    assert not order.view().reason_follows


def test_what_executed_whole_needs_no_reason() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.EXPIRED, "0.5", reason_follows=True))
    assert not order.view().reason_follows


def test_the_id_the_venue_gave_is_kept() -> None:
    order = sent_order()
    order.apply_update(update(OrderStatus.OPEN, venue_order_id="v9"))
    order.apply_update(update(OrderStatus.OPEN, venue_order_id=""))
    assert order.venue_order_id == "v9"


def test_a_fill_also_tells_the_id_the_venue_gave() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.1", venue_order_id="v9"))
    assert order.venue_order_id == "v9"


# -- money ----------------------------------------------------------------------------------------


def test_money_is_exact_once_the_fills_add_up() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.2", price="2500", fee="0.25"))
    order.apply_fill(fill("t2", "0.3", price="2510", fee="-0.05"))
    view = order.view()
    assert view.quote_amount == D("0.2") * 2500 + D("0.3") * 2510
    assert view.fees == D("0.20")
    assert view.fills_complete


def test_the_average_the_venue_reports_stands_in_for_missing_fills() -> None:
    order = sent_order()
    order.apply_fill(fill("t1", "0.2", price="2500"))
    order.apply_update(update(OrderStatus.FILLED, "0.5", average_price="2506"))
    view = order.view()
    assert view.quote_amount == D("0.5") * 2506
    assert not view.fills_complete


def test_the_limit_stands_in_when_nothing_is_known_of_the_price() -> None:
    order = Order(new_order(7, "0.5", price="2499"))
    order.state = S.SENT
    order.apply_fill(fill("t1", "0.2", price="2490"))
    order.apply_update(update(OrderStatus.FILLED, "0.5"))
    assert order.view().quote_amount == D("0.2") * 2490 + D("0.3") * 2499


def test_an_average_of_less_than_what_executed_is_not_used() -> None:
    order = Order(new_order(7, "0.5", price="2499"))
    order.state = S.SENT
    order.apply_update(update(OrderStatus.OPEN, "0.1", average_price="2000"))
    order.apply_fill(fill("t1", "0.2", price="2490"))
    assert order.view().quote_amount == D("0.2") * 2490


def test_an_order_without_an_execution_has_complete_fills() -> None:
    assert sent_order().fills_complete


# -- what others may know -------------------------------------------------------------------------


@pytest.mark.parametrize(("signed", "executed"), [("0.5", "0.2"), ("-0.5", "-0.2")])
def test_a_view_has_what_executed_with_the_sign_of_the_order(signed: str, executed: str) -> None:
    order = sent_order(signed)
    order.apply_update(update(OrderStatus.OPEN, "0.2"))
    assert order.view().signed_executed == D(executed)


def test_a_view_tells_whose_it_is_and_when_it_was_read_and_written() -> None:
    order = sent_order()
    order.sent_s = 3.0
    view = order.view(received_s=3.5)
    assert (view.client_order_id, view.symbol, view.size) == (7, "ETH_USDT_Perp", D("0.5"))
    assert (view.sent_s, view.received_s) == (3.0, 3.5)


def test_a_view_does_not_change_with_the_order() -> None:
    order = sent_order()
    before = order.view()
    order.apply_fill(fill("t1", "0.5"))
    assert before.state is S.SENT
    assert before.signed_executed == 0
