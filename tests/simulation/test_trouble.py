"""Everything at once: messages lost, late, repeated, reordered and refused; all that lives killed.

What must hold is judged by the simulated venues' own records and by what the journal kept. One
seed is one world, the same on every machine; KETCH_SIMULATION_SEEDS says how many are run, and
KETCH_SIMULATION_SEED runs that one alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.simulation.scenarios import LIMIT_S, troubled_world
from tests.simulation.trouble import Act

_SEEDS = int(os.environ.get("KETCH_SIMULATION_SEEDS", "1000"))
_ONE = os.environ.get("KETCH_SIMULATION_SEED")
_BLOCK = 50
_ENDED_BADLY = (7761, 36417, 36641, 37803, 37832, 66207, 87767, 150884, 639672)


def blocks() -> Iterator[range]:
    if _ONE is not None:
        yield range(int(_ONE), int(_ONE) + 1)
        return
    for first in range(0, _SEEDS, _BLOCK):
        yield range(first, min(first + _BLOCK, _SEEDS))


def faults_of(seed: int) -> list[str]:
    """What was wrong in the end with the world of this seed."""
    world = troubled_world(seed)
    outcome = world.run(LIMIT_S)
    wrong = outcome.faults()
    stopped = any(act is Act.STOP for _, act in world.trouble.acts)
    if not (stopped or outcome.looped or outcome.forced) and outcome.finished < (
        world.plan.cycles or 0
    ):
        wrong.append(f"only {outcome.finished} cycles were done")
    return wrong


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seeds", tuple(blocks()), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}"
)
def test_no_trouble_makes_the_desk_do_wrong_or_stay(seeds: range) -> None:
    for seed in seeds:
        wrong = faults_of(seed)
        replay = f"KETCH_SIMULATION_SEED={seed} .venv/bin/pytest tests/simulation/test_trouble.py"
        assert not wrong, f"seed {seed}: {wrong}\nreplay: {replay}"


@pytest.mark.parametrize("seed", _ENDED_BADLY)
def test_worlds_that_once_ended_badly_end_well(seed: int) -> None:
    """Each showed a mistake that few others do: about one in 30,000."""
    assert faults_of(seed) == []
