"""What an orders actor says reaches who it is meant for, also who is not there yet."""

from __future__ import annotations

import pytest
from loguru import logger

from actors.orders_outbox import DriftFound, Outbox
from supervision.directory import Directory
from supervision.inbox import Inbox
from supervision.states import ChildState, StatusMessage
from tests.support.trading import fill, update
from tests.unit.trading.managers import ready_manager, with_sent_order
from trading.order_effects import PublishDrift
from trading.request_budget import RequestBudget
from venues.model import GRVT, OrderStatus


class Hall:
    """An outbox, and desks that come and go."""

    def __init__(self, *desks: str) -> None:
        self.directory = directory = Directory()
        self._inboxes: dict[str, Inbox] = {}
        budget = RequestBudget(per_s=9, burst=10, reserved=4, pause_s=30)
        own = directory.address("grvt/orders")
        self.desks = {name: directory.address(name) for name in desks}
        self.manager = ready_manager()
        self.outbox = Outbox(
            GRVT, 1, self.manager, logger,
            own=own, gateway_address=own, journal_address=own, desks=self.desks, money=(),
            board=own, now=lambda: 0.0, usage=lambda: budget.usage(0.0), unreached=lambda _: None,
        )  # fmt: skip

    def enter(self, desk: str) -> None:
        """The desk is there, and the orders actor has heard of it."""
        inbox = self._inboxes[desk] = Inbox()
        self.directory.bind(desk, self.directory.next_epoch(desk), inbox, half_open=False)
        self.outbox.introduce(desk)

    def drifts(self, desk: str) -> list[str]:
        """What the desk has heard of drift since it entered."""
        heard = []
        inbox = self._inboxes[desk]
        while not inbox.empty():
            message = inbox.get().message
            heard += [message.detail] if isinstance(message, DriftFound) else []
        return heard


def test_drift_that_a_desk_was_not_there_to_hear_is_told_when_it_comes_and_once() -> None:
    hall = Hall("eth/coordinator", "btc/coordinator")
    hall.enter("btc/coordinator")
    hall.outbox.carry_out([PublishDrift("order 99 has executed", "ETH_USDT_Perp")])
    hall.enter("eth/coordinator")
    assert hall.drifts("eth/coordinator") == ["order 99 has executed"]
    assert hall.drifts("btc/coordinator") == ["order 99 has executed"]
    hall.enter("eth/coordinator")
    assert hall.drifts("eth/coordinator") == []


def test_of_many_drifts_a_desk_that_comes_late_hears_the_first_of_each_symbol() -> None:
    hall = Hall("eth/coordinator")
    hall.outbox.carry_out([PublishDrift(f"drift {n}", "ETH_USDT_Perp") for n in range(1000)])
    hall.outbox.carry_out([PublishDrift("of all")])
    hall.enter("eth/coordinator")
    assert hall.drifts("eth/coordinator") == ["drift 0", "of all"]


DESK, OTHER = "eth/coordinator", "btc/coordinator"


def with_orders_of_two() -> Outbox:
    """The desk has orders 1 and 2, the other 3; the orders actor has heard of both desks."""
    outbox = Hall(DESK, OTHER).outbox
    assert outbox.left_by(told(ChildState.STARTING)) == outbox.left_by(told()) == []
    outbox.desk_of.update({1: DESK, 2: DESK, 3: OTHER})
    return outbox


def told(state: ChildState = ChildState.RUNNING, epoch: int = 1) -> StatusMessage:
    return StatusMessage(name=DESK, epoch=epoch, state=state)


@pytest.mark.parametrize("state", [ChildState.BACKING_OFF, ChildState.STOPPED, ChildState.OPEN])
def test_a_desk_that_is_not_there_any_more_leaves_its_orders(state: ChildState) -> None:
    assert with_orders_of_two().left_by(told(state)) == [1, 2]


def test_one_that_begins_anew_has_left_what_its_last_life_sent() -> None:
    outbox = with_orders_of_two()
    assert outbox.left_by(told(ChildState.STARTING, 2)) == [1, 2]
    outbox.release((1, 2))
    outbox.desk_of[4] = DESK
    assert outbox.left_by(told(epoch=2)) == []


def test_one_that_goes_on_has_left_nothing() -> None:
    outbox = with_orders_of_two()
    assert outbox.left_by(told(ChildState.HALF_OPEN)) == outbox.left_by(told()) == []


# -- what nobody releases --------------------------------------------------------------------------


def sent(hall: Hall, number: int) -> None:
    """The desk's order of that number is on its way."""
    hall.outbox.desk_of[number] = DESK
    with_sent_order(hall.manager, number=number)


def test_the_orders_of_desks_that_have_ended_are_released_once_the_journal_has_all_of_them() -> (
    None
):
    """A coordinator that dies again and again: its orders are as many as are not over."""
    hall = Hall(DESK, OTHER)
    for life in range(1, 200):
        hall.outbox.left_by(told(epoch=life))
        sent(hall, life)
        hall.outbox.left_by(told(ChildState.BACKING_OFF, life))
        hall.outbox.polled()
        assert hall.outbox.desk_of == {life: DESK}  # it may execute: the journal is to know whose
        hall.manager.refused(life, "no", 0.0)
        hall.outbox.polled()
        assert (hall.outbox.desk_of, hall.manager.orders) == ({}, {})


def test_one_that_is_over_and_lacks_a_fill_is_kept_until_it_is_told() -> None:
    hall = Hall(DESK)
    sent(hall, 1)
    hall.manager.updated(update(OrderStatus.FILLED, "0.5"), 0.1)
    hall.outbox.left_by(told(ChildState.STOPPED))
    hall.outbox.polled()
    assert hall.outbox.desk_of == {1: DESK}
    hall.manager.filled(fill("a", "0.5"), 0.2)
    hall.outbox.polled()
    assert (hall.outbox.desk_of, hall.manager.orders) == ({}, {})


def test_those_of_a_desk_that_goes_on_are_kept() -> None:
    hall = Hall(DESK)
    sent(hall, 1)
    hall.manager.refused(1, "no", 0.0)
    hall.outbox.left_by(told())
    hall.outbox.polled()
    assert list(hall.manager.orders) == [1]
