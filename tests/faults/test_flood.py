"""Fault 42: market data by the thousand a second, and the hedges find their way through it."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from paper.records import Accepted, Filled
from tests.support.faults import Scene, scene, seconds, soak

_log = logging.getLogger("ketch.faults")
# Prices that come late close the gate, as they should. Here cycles go on, to see how hedges fare.
WHATEVER_THE_PRICES = (
    "desks.eth.max_quote_age_s=60", "desks.eth.limits.stream_age_s.at=null",
)  # fmt: skip
MARKETS = ("grvt/market", "backpack/market")
KB_A_PAGE = 4
FLOOR_S = 0.25
_BOUND_S = 120.0


def hedged_in_s(the: Scene) -> Iterator[tuple[float, float]]:
    """Of each execution that opened or closed the primary: when, and how long until the hedge."""
    filled: Filled | None = None
    for record in the.records():
        if not isinstance(record, Filled | Accepted) or record.account != "main":
            continue
        if isinstance(record, Filled) and record.venue == the.primary:
            filled = filled or record
        elif isinstance(record, Accepted) and record.venue != the.primary and filled is not None:
            yield seconds(filled), seconds(record) - seconds(filled)
            filled = None


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * KB_A_PAGE


def flooded(the: Scene, per_s: int, for_s: float, clean: int, inside: int) -> tuple[float, float]:
    """p99 from fill to hedge at the venue: of so many clean cycles, and of those in the flood."""
    with the.service(*WHATEVER_THE_PRICES) as run:
        the.run_on(run, clean, within_s=_BOUND_S)
        before_kb = resident_kb()
        for name in MARKETS:
            the.arm("flood", connection=name, per_s=per_s, for_s=for_s)
        the.met(2)
        the.run_on(run, inside, within_s=_BOUND_S)
        _log.info("flood: %s", the.met(4)[2:])
        the.run_on(run, 2)
        grown_kb = resident_kb() - before_kb
        the.finish(run)
    began_s, ended_s = the.hits_s()[1], the.hits_s()[2]
    took = list(hedged_in_s(the))
    calm = p99([s for at_s, s in took if at_s < began_s])
    stormy = p99([s for at_s, s in took if began_s < at_s < ended_s])
    _log.info("fill to hedge p99 %.1f ms, %.1f ms in the flood", calm * 1000, stormy * 1000)
    assert grown_kb < 20_000, grown_kb
    return calm, stormy


@pytest.mark.parametrize("swapped", [False, True])
def test_42_a_flood_of_market_data(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        calm_s, stormy_s = flooded(the, per_s=1_000, for_s=6, clean=20, inside=20)
        the.judged(naked_q_s=1)
    # Whatever else this machine does counts too, with so few of them: the long run is stricter.
    assert stormy_s <= max(5 * calm_s, FLOOR_S), (calm_s, stormy_s)


@soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize("swapped", [False, True])
def test_42_five_thousand_a_second_at_both_venues(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        calm_s, stormy_s = flooded(the, per_s=5_000, for_s=30, clean=100, inside=50)
        the.judged(naked_q_s=1)
    # The venues share this host's processors with the service: the floor is what that costs.
    assert stormy_s <= max(3 * calm_s, FLOOR_S), (calm_s, stormy_s)
