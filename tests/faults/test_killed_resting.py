"""34 and 43 with orders that rest: killed or stopped while one does, nothing stays at the venue."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.test_killed import downtime_s, goes_on, killed
from tests.support.faults import soak
from tests.support.faults_process import service

_RESTS = (
    "desks.eth.entry=maker",
    "desks.eth.exit=maker",
    "desks.eth.maker={requotes: 20, max_age_s: 4, requote_s: 0.5, follow_bps: 2}",
)
_BOTH = pytest.mark.parametrize(
    "swapped",
    [pytest.param(False, id="backpack leads"), pytest.param(True, id="grvt leads", marks=soak)],
)


@_BOTH
def test_34_killed_while_an_order_rests_the_next_life_cancels_it_and_hedges_what_it_did(
    tmp_path: Path, swapped: bool
) -> None:
    with service(tmp_path, *_RESTS, swapped=swapped) as it:
        for hook, nth in (("primary_accept", 1), ("primary_fill", 1), ("primary_accept", 2)):
            killed(it, hook, nth)
        goes_on(it)
        it.scene.judged(naked_q_s=downtime_s(it.scene.records()) + 5)


@_BOTH
def test_43_told_to_stop_while_an_order_rests_it_is_cancelled_and_what_it_did_is_closed(
    tmp_path: Path, swapped: bool
) -> None:
    with service(tmp_path, *_RESTS, swapped=swapped) as it:
        for hook, nth in (("primary_accept", 1), ("primary_accept", 2)):
            fired = it.scene.judge.fired()
            with it.life("--resume") as life:
                life.signalled("term", hook, nth=nth)
                it.scene.fired(fired + 1)
                life.child.send_signal(signal.SIGTERM)
                assert life.end(20) == 0, it.said
        it.scene.judged(naked_q_s=5)
