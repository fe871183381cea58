"""Faults 11 and 13: every failure looks alike, and what is not found was perhaps placed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import PRIVATE, Scene, scene, soak
from venues.model import BACKPACK, GRVT

ORDERS: dict[str, dict[str, Any]] = {
    GRVT: {"connection": "grvt/trading", "route": "create_order"},
    BACKPACK: {"connection": "backpack/rest", "route": "/api/v1/order", "method": "POST"},
}
PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"

# -- 11: the original incident ----

FAILURES: dict[str, dict[str, dict[str, Any]]] = {
    GRVT: {
        "reset": {"reply": "abort"},
        "401": {"code": 1000, "message": "You need to authenticate"},
        "429": {"code": 1006, "message": "You have surpassed the allocated rate limit"},
        "500": {"code": 1002, "message": "Internal Server Error"},
        "200 page": {"body": PAGE},
        "200 {}": {"body": "{}"},
    },
    BACKPACK: {
        "reset": {"reply": "abort"},
        "401": {"status": 401, "body": '{"code":"UNAUTHORIZED","message":"Unauthorized"}'},
        "429": {"status": 429, "body": '{"code":"TOO_MANY_REQUESTS","message":"Rate limited"}'},
        "500": {"status": 500, "body": '{"code":"INTERNAL_ERROR","message":"Internal error"}'},
        "200 page": {"status": 200, "body": PAGE, "content_type": "text/html"},
        "200 {}": {"status": 200, "body": "{}"},
    },
}
# Every second one is executed; a refusal that is none is the last thing that anybody expects.
IN_SEED_ORDER = {
    1: ("401", "reset", "429", "200 {}", "500", "200 page"),
    2: ("200 page", "500", "reset", "401", "200 {}", "429"),
    3: ("500", "200 {}", "401", "200 page", "429", "reset"),
}


AT_ONCE = ((True, 3),)


def the_incident(the: Scene, venue: str, seed: int, cycle: int) -> None:
    at = the.at(f"{the.leg(venue)}_recv", cycle)
    for number, name in enumerate(IN_SEED_ORDER[seed]):
        executed = number % 2 == 1
        the.arm("answer", execute=executed, at=at, **ORDERS[venue], **FAILURES[venue][name])


@pytest.mark.parametrize(
    ("swapped", "seed"),
    [
        pytest.param(swapped, seed, marks=() if (swapped, seed) in AT_ONCE else soak)
        for swapped in (False, True)
        for seed in IN_SEED_ORDER
    ],
)
def test_11_six_orders_in_a_row_fail_every_second_executed(
    tmp_path: Path, swapped: bool, seed: int
) -> None:
    with scene(tmp_path, swapped=swapped, seed=seed) as the:
        the_incident(the, BACKPACK if swapped else GRVT, seed, 3)
        with the.service() as run:
            the.met(6, within_s=120)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=15)


@soak
@pytest.mark.timeout(600)
def test_11_a_hundred_cycles_with_the_incident_at_the_29th(tmp_path: Path) -> None:
    with scene(tmp_path) as the:
        the_incident(the, GRVT, 1, 29)
        with the.service(cycles=100) as run:
            the.met(6, within_s=300)
            the.run_on(run, 99 - len(run.records), within_s=300)
            the.finish(run)
        assert the.judged(naked_q_s=15)["completed"] >= 95


# -- 13: not found is not "not placed" ----


@pytest.mark.parametrize(
    "swapped",
    [
        pytest.param(False, id="backpack leads", marks=soak),
        pytest.param(True, id="backpack hedges"),
    ],
)
@pytest.mark.parametrize("executed", [True, False], ids=["executed", "never received"])
@pytest.mark.parametrize("lag_s", [2, pytest.param(10, marks=soak)])
def test_13_an_order_is_not_found_and_histories_lag(
    tmp_path: Path, lag_s: float, executed: bool, swapped: bool
) -> None:
    """Neither an answer nor a frame tells of it: only what can be read does."""
    with scene(tmp_path, swapped=swapped, backpack={"front": {"history_lag_s": lag_s}}) as the:
        at = {"hook": "recv", "venue": BACKPACK, "nth": 3}
        the.arm("answer", reply="none", execute=executed, at=at, **ORDERS[BACKPACK])
        if executed:
            the.arm("frames", connection=PRIVATE[BACKPACK], do="drop", for_s=1, at=at)
        with the.service(cycles=4, hurried=True) as run:
            the.finish(run)
            the.met(3 if executed else 1)
        the.judged(naked_q_s=lag_s + 3 if executed else 5)
