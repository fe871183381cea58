"""What a venue's own rules do to a desk: how its orders meet them, and what the ledger says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from paper.records import Accepted, Filled
from tests.support.faults import Scene, between, openings, seconds, soak
from venues.model import BACKPACK, GRVT, ZERO

ROLES = pytest.mark.parametrize(
    "swapped", [pytest.param(True, id="grvt leads"), pytest.param(False, id="backpack leads")]
)
AS_SHIPPED = pytest.mark.parametrize(  # the other way round it takes long, and is in the long set
    "swapped",
    [pytest.param(True, id="grvt leads", marks=soak), pytest.param(False, id="backpack leads")],
)
HALF_A_SECOND = 0.5  # what is on the wire when a fault begins may still arrive


def long(*values: Any, id: str = "") -> Any:
    """Parameters of a variant for the long set."""
    return pytest.param(*values, marks=soak, id=id or None)


def hedge_of(the: Scene) -> str:
    """The venue that hedges."""
    return GRVT if the.primary == BACKPACK else BACKPACK


def executed(the: Scene, venue: str) -> list[Decimal]:
    """What each order of the service executed at a venue, signed, in the order of their fills."""
    sums: dict[int, Decimal] = {}
    for record in the.records():
        if isinstance(record, Filled) and record.venue == venue and record.client_order_id:
            signed = record.side.sign * record.size
            sums[record.order_id] = sums.get(record.order_id, ZERO) + signed
    return list(sums.values())


def orders(the: Scene, venue: str) -> list[Accepted]:
    """The service's orders that a venue accepted."""
    return [
        record
        for record in the.records()
        if isinstance(record, Accepted) and record.venue == venue and record.client_order_id
    ]


def closing(the: Scene, venue: str) -> list[Accepted]:
    """Those of them that took off what was held there when they were accepted."""
    held, found = ZERO, list[Accepted]()
    for record in the.records():
        if isinstance(record, Filled) and record.venue == venue:
            held += record.side.sign * record.size
        elif isinstance(record, Accepted) and record.venue == venue and record.client_order_id:
            found += [record] if held * record.side.sign < 0 else []
    return found


def nothing_opened(the: Scene, after_s: float, before_s: float) -> None:
    """S, while a fault is on: no cycle was opened in that time."""
    opened = between(openings(the.records()), after_s + HALF_A_SECOND, before_s)
    assert opened == [], [seconds(order) - after_s for order in opened]


def resumed(the: Scene, after_s: float, within_s: float = 60) -> float:
    """S, once it is over: how long until the next cycle was opened."""
    later = [seconds(order) - after_s for order in openings(the.records())]
    waited_s = min((wait for wait in later if wait > 0), default=float("inf"))
    assert waited_s <= within_s
    return waited_s


def most_in_a_cycle(the: Scene, moments_s: Sequence[float]) -> int:
    """The most of those moments that fell into one cycle."""
    opened_s = [*(seconds(order) for order in openings(the.records())), float("inf")]
    counts = [
        sum(began <= moment < ended for moment in moments_s) for began, ended in pairwise(opened_s)
    ]
    return max(counts, default=0)


def most_within(moments_s: Sequence[float], length_s: float = 1.0) -> int:
    """The most of those moments that fell into so many seconds."""
    return max(
        (sum(0 <= later - first < length_s for later in moments_s) for first in moments_s),
        default=0,
    )
