"""Faults 16 and 17: reads that are behind, and reads that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from paper.records import Accepted, AnyRecord, FaultHit
from tests.support.faults import LEADERS, LEGS, Scene, between, scene, seconds, soak
from venues.model import BACKPACK, GRVT

# -- 16: order read lags the write ----


@pytest.mark.parametrize(  # Backpack's orders have no state like GRVT's PENDING
    ("venue", "swapped", "shown"),
    [
        pytest.param(*leg.values, shown, id=f"{leg.id} {shown}")
        for leg in LEGS.args[1]
        for shown in ("missing", "pending")
        if (leg.values[0], shown) != (BACKPACK, "pending")
    ],
)
@pytest.mark.parametrize(
    "answered",
    [pytest.param(True, id="answered", marks=soak), pytest.param(False, id="not answered")],
)
def test_16_an_order_is_not_to_be_read_for_seconds_after_it_was_taken(
    tmp_path: Path, venue: str, swapped: bool, shown: str, answered: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg(venue)}_recv")
        the.arm("lag", connection=venue, what="orders", by_s=5, for_s=15, shown=shown, at=at)
        if not answered:
            gateway = {
                GRVT: {"connection": "grvt/trading", "route": "create_order"},
                BACKPACK: {"connection": "backpack/rest", "route": "/order", "method": "POST"},
            }[venue]
            the.arm("answer", reply="none", execute=True, at=at, **gateway)
        with the.service() as run:
            the.fired(1 if answered else 2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)


# -- 17: a failed read is neither flat nor empty ----

PAGE = "<html><body>Just a moment...</body></html>"
ROUTES = {
    GRVT: {"positions": "positions", "open_orders": "open_orders"},
    BACKPACK: {"positions": "/api/v1/position", "open_orders": "/api/v1/orders"},
}
READS = {GRVT: "grvt/trading", BACKPACK: "backpack/rest"}
FAILING: dict[str, dict[str, Any]] = {
    GRVT: {
        "401": {"code": 1000, "message": "You need to authenticate"},
        "429": {"code": 1006, "message": "You have surpassed the allocated rate limit"},
        "500": {"code": 1002, "message": "Internal Server Error"},
        "page": {"body": PAGE},
        "nothing": {"reply": "none"},
    },
    BACKPACK: {
        "401": {"status": 401, "body": '{"code":"UNAUTHORIZED","message":"Unauthorized"}'},
        "429": {"status": 429, "body": '{"code":"TOO_MANY_REQUESTS","message":"Rate limited"}'},
        "500": {"status": 500, "body": "{}"},
        "page": {"status": 200, "body": PAGE, "content_type": "text/html"},
        "nothing": {"reply": "none"},
    },
}
# On a websocket what is no JSON is a broken frame, and each costs a connection.
TIMES = {
    GRVT: {"401": 1, "429": 3, "500": 4, "page": 2, "nothing": 1},
    BACKPACK: {"401": 3, "429": 3, "500": 4, "page": 10, "nothing": 1},
}
SLOW = ("401", "429", "nothing")
HOW = [pytest.param(how, marks=() if how == "500" else soak) for how in FAILING[GRVT]]


def fail_reads(the: Scene, venue: str, how: str, at: dict[str, object] | None = None) -> int:
    """The next readings of positions and open orders fail; returns how many."""
    for route in ROUTES[venue].values():
        the.arm(
            "answer", connection=READS[venue], route=route, method="GET", at=at,
            times=TIMES[venue][how], **FAILING[venue][how],
        )  # fmt: skip
    return TIMES[venue][how]


def failing_s(records: list[AnyRecord], cycle: int) -> tuple[float, float]:
    """From the first to the last reading of positions that failed in that cycle."""
    hits = [(r, msgspec.json.decode(r.fault)) for r in records if isinstance(r, FaultHit)]
    moments = [
        seconds(record)
        for record, fault in hits
        if fault["at"]["cycle"] == cycle and "position" in fault["route"]
    ]
    return min(moments), max(moments)


@LEADERS
@pytest.mark.parametrize("hows", [("500", "page"), pytest.param(SLOW, marks=soak)])
def test_17_positions_and_open_orders_are_not_to_be_read_while_something_is_held(
    tmp_path: Path, venue: str, swapped: bool, hows: tuple[str, ...]
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        cycles = range(2, 2 + 2 * len(hows), 2)
        met = sum(
            fail_reads(the, venue, how, the.at("primary_fill", cycle))
            for how, cycle in zip(hows, cycles, strict=True)
        )
        # What is turned away as one request too many has the others wait for so long.
        with the.service(
            "venues.grvt.rate.pause_s=7", "venues.backpack.rate.pause_s=7",
            cycles=cycles[-1] + 1, hurried=True,
        ) as run:  # fmt: skip
            the.met(met)
            the.finish(run)
        the.judged(naked_q_s=5)
        for cycle in cycles:
            assert not between(the.openings(), *failing_s(the.records(), cycle))


@LEADERS
@pytest.mark.parametrize("how", HOW)
def test_17_a_start_does_nothing_before_it_has_read_what_is_held(
    tmp_path: Path, venue: str, swapped: bool, how: str
) -> None:
    """The service ends with a leg open, and starts anew."""
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("mark", name="held", at=the.at("primary_fill", 1))
        with the.service():
            the.met()
        assert the.judge.measures(the.primary)["incomplete"] == 1
        since = len(the.records())
        failing = fail_reads(the, venue, how)
        with the.service(hurried=True) as run:
            the.met(1 + failing)
            the.run_on(run)
            the.finish(run)
        assert orders_while_failing(the.records()[since:], failing) == []
        the.judged(naked_q_s=60)  # the time without a service is in it


def orders_while_failing(records: list[AnyRecord], failing: int) -> list[Accepted]:
    """Orders accepted between the first failure of a reading and the last."""
    hits = [number for number, record in enumerate(records) if isinstance(record, FaultHit)]
    return [r for r in records[hits[0] : hits[failing - 1]] if isinstance(r, Accepted)]
