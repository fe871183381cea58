"""The order machine under every order of news, with a venue that knows what is true.

A model of the venue executes, ends and reports; reports are repeated, late, spoilt or lost.
Whatever comes, the order never forgets an execution, never ends without the venue, and never leaves
an end.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.trading import D, fill, new_order, update
from trading.orders import Order
from trading.transitions import IllegalTransition, OrderEvent, OrderState
from venues.model import Fill, OrderStatus, OrderUpdate

_SIZE = D("0.5")
_TERMINAL = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


class Machine(RuleBasedStateMachine):
    """One order of 0.5, and its truth at the venue."""

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(new_order(1, "0.5"))
        self.order.happen(OrderEvent.SEND)
        self.true_fills: list[Fill] = []
        self.true_status = OrderStatus.OPEN
        self.reports: list[OrderUpdate] = [update(OrderStatus.OPEN)]
        self.shown = D(0)  # the most that any news has shown us
        self.end: OrderState | None = None

    @property
    def executed(self) -> Decimal:
        return sum((one.size for one in self.true_fills), D(0))

    # -- the venue -------------------------------------------------------------------------------

    @precondition(lambda self: self.true_status is OrderStatus.OPEN)
    @rule(hundredths=st.integers(1, 20))
    def execute(self, hundredths: int) -> None:
        size = min(D(hundredths) / 100, _SIZE - self.executed)
        self.true_fills.append(fill(f"t{len(self.true_fills)}", str(size)))
        if self.executed == _SIZE:
            self.true_status = OrderStatus.FILLED
        self.reports.append(update(self.true_status, str(self.executed)))

    @precondition(lambda self: self.true_status is OrderStatus.OPEN)
    @rule(status=st.sampled_from(_TERMINAL))
    def finish(self, status: OrderStatus) -> None:
        self.true_status = status
        self.reports.append(update(status, str(self.executed)))

    # -- what reaches us -------------------------------------------------------------------------

    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        """One of all reports so far: late ones and repetitions among them."""
        said = data.draw(st.sampled_from(self.reports))
        self.shown = max(self.shown, said.executed)
        self.order.apply_update(said)

    @precondition(lambda self: self.true_fills)
    @rule(data=st.data())
    def report_fill(self, data: st.DataObject) -> None:
        self.order.apply_fill(data.draw(st.sampled_from(self.true_fills)))
        self.shown = max(self.shown, self.order.filled_by_fills)

    @rule(status=st.sampled_from([OrderStatus.UNKNOWN, OrderStatus.PENDING]))
    def report_a_word_that_ends_nothing(self, status: OrderStatus) -> None:
        state = self.order.state
        self.order.apply_update(update(status))
        assert self.order.state.resolved == state.resolved

    @precondition(lambda self: not self.order.state.resolved)
    @rule(spoilt=st.sampled_from([OrderStatus.FILLED, OrderStatus.REJECTED]))
    def report_what_can_not_be_true(self, spoilt: OrderStatus) -> None:
        if spoilt is OrderStatus.REJECTED and not self.order.executed:
            return
        self.order.apply_update(update(spoilt, "0"))
        assert self.order.disputed
        assert not self.order.state.resolved

    # -- what we do ------------------------------------------------------------------------------

    @precondition(lambda self: not self.order.state.resolved)
    @rule()
    def lose(self) -> None:
        self.order.happen(OrderEvent.LOSE)
        assert self.order.state is OrderState.IN_DOUBT

    @precondition(lambda self: not self.order.state.resolved)
    @rule()
    def request_cancel(self) -> None:
        self.order.happen(OrderEvent.REQUEST_CANCEL)
        assert not self.order.state.resolved

    @precondition(lambda self: self.order.state is not OrderState.SENT)
    @rule()
    def it_is_never_sent_again(self) -> None:
        state = self.order.state
        with pytest.raises(IllegalTransition):
            self.order.happen(OrderEvent.SEND)
        assert self.order.state is state

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def it_has_executed_what_was_shown_and_never_more_than_is_true(self) -> None:
        assert self.order.executed == self.shown <= self.executed

    @invariant()
    def it_is_over_only_when_the_venue_has_ended_it(self) -> None:
        if self.order.state.resolved:
            assert self.true_status.terminal

    @invariant()
    def an_end_is_for_good(self) -> None:
        if self.end is not None:
            assert self.order.state is self.end
        if self.order.state.resolved:
            self.end = self.order.state

    def teardown(self) -> None:
        """Once everything has been said, the truth is known, if it is an end."""
        for said in self.reports:
            self.order.apply_update(said)
        for one in self.true_fills:
            self.order.apply_fill(one)
        self.order.apply_update(self.reports[-1])
        assert self.order.executed == self.executed
        assert self.order.fills_complete
        assert self.order.state.resolved == self.true_status.terminal


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
