"""Fault 31: a venue takes no orders for a while, and its reads are fine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.actors_tree import Run
from tests.support.faults import LEGS, Scene, scene
from tests.support.faults_rules import ROLES, hedge_of, long, nothing_opened, resumed
from venues.model import BACKPACK


@contextmanager
def maintained(the: Scene, venue: str, for_s: float, code: str = "MAINTENANCE") -> Iterator[Run]:
    """Between the primary's fill and the hedge, or between the hedge and what closes the primary.

    Nothing is opened while it lasts, and J holds.
    """
    hook = "primary_fill" if venue == hedge_of(the) else "hedge_fill"
    closed = {"code": code} if venue == BACKPACK else {}
    the.judge.fault(action="maintenance", connection=venue, for_s=for_s, at=the.at(hook), **closed)
    with the.service() as run:
        the.met()
        yield run
        the.finish(run)
    began_s = the.faults_s()[0]
    nothing_opened(the, began_s, began_s + for_s)
    the.judged(naked_q_s=15)


@LEGS
def test_31_maintenance_while_a_leg_is_open(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the, maintained(the, venue, 8) as run:
        the.run_on(run, 1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("code", "for_s"),
    [
        long("MAINTENANCE", 12.0),
        long("TRADING_PAUSED", 12.0),
        long("MAINTENANCE", 300.0),
    ],
)
@pytest.mark.parametrize("swapped", [long(True), False])
@pytest.mark.parametrize("hedges", [True, long(False)], ids=["the hedge's", "the primary's"])
def test_31_cycles_go_on_after_maintenance(
    tmp_path: Path, swapped: bool, hedges: bool, code: str, for_s: float
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        venue = hedge_of(the) if hedges else the.primary
        with maintained(the, venue, for_s, code) as run:
            the.run_on(run, 3, within_s=for_s + 60)
        resumed(the, the.faults_s()[0] + for_s)


@ROLES
def test_31_a_market_that_refuses_to_close_the_hedge_leaves_it_naked_for_its_deadline_only(
    tmp_path: Path, swapped: bool
) -> None:
    """Every order is refused, for whatever it be; the primary is closed already."""
    with scene(tmp_path, swapped=swapped) as the:
        rule = {"connection": hedge_of(the), "of": "any", "reason": "market", "when": "entry"}
        the.arm("deny", at=the.at("primary_fill", nth=2), for_s=20, **rule)
        with the.service() as run:
            the.met(2)
            the.run_on(run, 3)
            the.finish(run)
        the.judged(naked_q_s=7)
