"""What holds whatever happens to whichever tree: random trees, lives, faults, orders and reloads.

The rules themselves are in ``tests/support/supervision_rules.py`` and are checked at every event.
KETCH_INVARIANT_RUNS says how many runs (3,000); ``make soak-supervision`` sets it to 200,000.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from supervision import events
from supervision.states import ChildState, ExitKind
from tests.support.supervision import World, child, supervisor
from tests.support.supervision_rules import RuledWorld
from tests.support.supervision_tape import TAPE_LENGTH, run

RUNS = int(os.environ.get("KETCH_INVARIANT_RUNS", "3000"))
SHARDS = 20

tapes = st.binary(min_size=TAPE_LENGTH, max_size=TAPE_LENGTH)


def over_tapes(shard: int, runs: int, check: Callable[[bytes], None]) -> None:
    """Check so many tapes; on CI each shard has examples of its own that never change."""
    drawn = given(tapes)(check)
    phases = (Phase.reuse, Phase.generate, Phase.shrink)
    drawn = settings(max_examples=runs, deadline=None, phases=phases, report_multiple_bugs=False)(
        drawn
    )
    if settings.default is not None and settings.default.derandomize:
        drawn = seed(shard)(drawn)
    drawn()


@pytest.mark.timeout(3600 if RUNS > 10_000 else 120)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_happens_the_rules_hold(shard: int) -> None:
    def check(tape: bytes) -> None:
        _check_the_end(run(tape))

    over_tapes(shard, -(-RUNS // SHARDS), check)


def _check_the_end(world: RuledWorld) -> None:
    """A stop ends in bounded time, nothing is created after that, and nothing is left behind."""
    assert world.left is not None
    assert all(moment <= world.left[2] for _, moment in world.created)
    assert world.names == {}
    assert world.living == ()
    assert world.paths == ("",)
    assert world.machine.next_due() is None
    assert all(c.state in (ChildState.STOPPED, ChildState.FAILED) for c in world.machine.children)
    counts = collections.Counter(name for name, _ in world.created)
    assert all(world.epoch(name) == count for name, count in counts.items())


@pytest.mark.parametrize("shard", range(2))
def test_the_same_events_at_the_same_moments_have_the_same_effects(shard: int) -> None:
    def check(tape: bytes) -> None:
        assert run(tape).log == run(tape).log

    over_tapes(100 + shard, max(1, RUNS // 40), check)


@pytest.mark.parametrize("kind", ExitKind)
@pytest.mark.parametrize("epoch", [-1, 0, 2, 3])
def test_what_a_stale_instance_says_changes_nothing(epoch: int, kind: ExitKind) -> None:
    world = World(supervisor(child("a", shutdown=5), child("b")))
    seen = (list(world.created), list(world.orders), list(world.statuses), dict(world.names))
    for event in (
        events.Ready("a", epoch),
        events.HealthReported("a", epoch, False),
        events.Faulted("a", epoch, kind),
        events.Exited("a", epoch, kind),
        events.Inspected("a", epoch, -1000.0),
    ):
        world.feed(event)
    assert seen == (world.created, world.orders, world.statuses, world.names)
    assert world.machine.stale == 5
