"""Entries and exits that rest, slices and a jittered hold, over real sockets, in both roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper.records import Accepted, Ended
from tests.support.faults import Scene, scene
from venues.model import TimeInForce

_RESTS = (
    "desks.eth.entry=maker",
    "desks.eth.exit=maker",
    "desks.eth.maker={requotes: 20, max_age_s: 3, requote_s: 0.5, follow_bps: 1}",
)
_IN_PARTS = ("desks.eth.slices=2", "desks.eth.hold_s=0.2", "desks.eth.hold_jitter=0.5")
_BOTH = pytest.mark.parametrize("swapped", [False, True], ids=["backpack leads", "grvt leads"])


def orders_of(stage: Scene, venue: str) -> list[Accepted]:
    return [r for r in stage.records() if isinstance(r, Accepted) and r.venue == venue]


@_BOTH
def test_the_primary_goes_in_and_out_by_orders_that_rest(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as stage, stage.service(*_RESTS, cycles=3) as run:
        stage.finish(run)
        verdict = stage.judged(naked_q_s=0.5)
        assert verdict["completed"] == 3
        primary = orders_of(stage, stage.primary)
        resting = [order for order in primary if order.post_only]
        assert {order.time_in_force for order in resting} == {TimeInForce.GTC}
        assert len([order for order in resting if order.reduce_only]) >= 3
        ours = [r for r in stage.records() if isinstance(r, Ended) and r.venue == stage.primary]
        assert any(end.status == "filled" for end in ours)


@_BOTH
def test_a_size_in_parts_has_each_part_hedged_before_the_next(
    tmp_path: Path, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as stage, stage.service(*_IN_PARTS, cycles=2) as run:
        stage.finish(run)
        stage.judged(naked_q_s=0.5)
        sizes = [str(order.size) for order in orders_of(stage, stage.primary)]
        assert sizes == ["0.25"] * 8
