"""What is told of requests to GRVT that never left, and of cancels that were not taken."""

from __future__ import annotations

import pytest
from msgspec import Raw

from actors import gateway, orders
from actors.grvt_placing import cancel_refusal, unsent
from tests.support.actors_venue import GRVT_ETH, new_order
from trading.request_budget import Lane
from venues.grvt import Reply, RpcError

WHY = "the connection ended before it could be sent"


def test_an_order_that_a_connection_left_behind_was_not_sent() -> None:
    new = new_order(GRVT_ETH)
    told = unsent(gateway.PlaceOrder(new, Lane.REDUCE))
    assert told == orders.OrderNotSent(new.client_order_id, WHY)


def test_a_cancel_that_a_connection_left_behind_was_not_taken() -> None:
    assert unsent(gateway.CancelOrder(GRVT_ETH, 7)) == orders.CancelAnswered(7, WHY)


def test_a_question_that_a_connection_left_behind_is_asked_again_when_it_is_due() -> None:
    assert unsent(gateway.ReadPositions()) is None


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        (Reply(request_id=1, result=Raw(b'{"result": {"ack": true}}')), ""),
        (Reply(request_id=1, result=Raw(b'{"result": {"ack": false}}')), "not acknowledged"),
        (Reply(request_id=1, error=RpcError(2010, "no such order", 400)), "2010 no such order"),
    ],
)
def test_why_a_cancel_was_not_taken(reply: Reply, refusal: str) -> None:
    assert cancel_refusal(reply) == refusal
