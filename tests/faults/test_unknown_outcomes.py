"""Fault 9: nobody knows what became of an order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import HEDGERS, Scene, scene, soak
from venues.model import BACKPACK, GRVT

ORDERS: dict[str, dict[str, Any]] = {
    GRVT: {"connection": "grvt/trading", "route": "create_order"},
    BACKPACK: {"connection": "backpack/rest", "route": "/api/v1/order", "method": "POST"},
}
PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
BAD_GATEWAY = {"status": 502, "body": PAGE, "content_type": "text/html"}
GATEWAY_TIMEOUT = {"status": 504, "body": PAGE, "content_type": "text/html"}


def goes_through(the: Scene, *, cycles: int, met: int) -> None:
    with the.service(cycles=cycles, hurried=True) as run:
        the.finish(run)
        the.met(met)


def nth_order(venue: str, nth: int) -> dict[str, object]:
    """The nth order from now on at that venue: odd ones open, even ones close."""
    return {"hook": "recv", "venue": venue, "nth": nth}


# -- 9: unknown outcome, both truths ----

EXECUTED: tuple[dict[str, Any], ...] = (
    {"reply": "none"},
    {"reply": "abort"},
    BAD_GATEWAY,
    GATEWAY_TIMEOUT,
)
NOT_EXECUTED: tuple[dict[str, Any], ...] = (
    {"action": "lose"},
    {"action": "answer", "reply": "abort"},
    {"action": "answer", **BAD_GATEWAY},
)


@HEDGERS
def test_9_an_executed_order_is_not_answered(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        for number, how in enumerate(EXECUTED, 1):
            at = nth_order(venue, 3 * number)
            the.arm("answer", execute=True, at=at, **ORDERS[venue], **how)
        goes_through(the, cycles=2 * len(EXECUTED), met=len(EXECUTED))
        the.judged(naked_q_s=5)


@HEDGERS
def test_9_an_order_that_never_arrived_is_not_answered(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        for number, how in enumerate(NOT_EXECUTED, 1):
            the.arm(at=nth_order(venue, 4 * number - 1), **ORDERS[venue], **how)
        goes_through(the, cycles=7, met=len(NOT_EXECUTED))
        the.judged(naked_q_s=5)


@HEDGERS
def test_9_the_connection_is_reset_while_an_executed_order_is_answered(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    """Before the first byte, then in the middle of the answer."""
    wire = {GRVT: "grvt/trades", BACKPACK: "backpack/api"}[venue]
    name = ORDERS[venue]["connection"]
    with scene(tmp_path, wire, swapped=swapped) as the:
        answered = {"hook": "before_reply", "venue": venue}
        the.arm("rst", connection=name, at={**answered, "nth": 3})
        the.arm("cut", connection=name, after_bytes=40, at={**answered, "nth": 6})
        goes_through(the, cycles=5, met=2)
        the.judged(naked_q_s=5)


@pytest.mark.parametrize(
    "swapped",
    [
        pytest.param(False, id="backpack leads", marks=soak),
        pytest.param(True, id="backpack hedges"),
    ],
)
def test_9_an_idle_connection_is_closed_as_the_next_order_is_written(
    tmp_path: Path, swapped: bool
) -> None:
    with scene(tmp_path, "backpack/api", swapped=swapped) as the:
        hooks = ("primary_fill", "hedge_fill") if swapped else ("hedge_fill", "read_positions")
        for number, hook in enumerate(hooks):
            the.arm("fin", connection="backpack/rest", at=the.at(hook, 2 + number))
        goes_through(the, cycles=4, met=2)
        the.judged(naked_q_s=5)
