"""Random actors are killed at random moments of a run on paper; the venues' ledger is the judge.

KETCH_SOAK_KILLS and KETCH_SOAK_CYCLES say how many (40 and 8), KETCH_SOAK_SEED which; ``make
soak-kills`` asks for 1,000 kills over at least 200 cycles. What a kill costs is counted as for any
failure, so at this rate restart intensity and breakers are set to never be reached: whether and
when they give up is policy, and has tests of its own.
"""

from __future__ import annotations

import collections
import os
import random
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from supervision.states import ChildState
from tests.support.actors_tree import ACTORS, BOUND_S, FRONT, Judge, Run, running
from tests.support.paper_process import Process

KILLS = int(os.environ.get("KETCH_SOAK_KILLS", "40"))
CYCLES = int(os.environ.get("KETCH_SOAK_CYCLES", "8"))
SEED = int(os.environ.get("KETCH_SOAK_SEED", "1"))
PACE_S = 0.1  # on average, from one kill to the next
LIMIT_S = 30 + KILLS * 2

SUPERVISORS = ("grvt", "backpack", "eth")
TARGETS = (*ACTORS, *SUPERVISORS)
LIVES_OF_A_SUPERVISOR = 3  # each waits longer for the next, up to 30 s, and nobody trades meanwhile
UNLIMITED = (
    "supervision.root.intensity.max_restarts=1000",
    "supervision.root.intensity.within=1",
    "supervision.policies.connection.breaker.failure_threshold=1000",
    "supervision.policies.worker.backoff.max=0.2",
    "supervision.policies.journal.backoff.max=0.2",
    "supervision.policies.journal.breaker.failure_threshold=1000",
)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Everything that is logged as an error, which a kill is not."""
    lines: list[str] = []
    logger.remove()
    sink = logger.add(lines.append, level="ERROR", format="{extra} {message}")
    yield lines
    logger.remove(sink)
    logger.add(sys.__stderr__ or sys.stderr)  # not the one pytest captures and closes


@pytest.mark.timeout(LIMIT_S + 60)
def test_a_run_survives_the_death_of_any_actor_at_any_moment(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], complaints: list[str]
) -> None:
    with Process("--settings", FRONT) as process:
        before = set(threading.enumerate())
        with running(process, tmp_path, cycles=None, settings=UNLIMITED) as run:
            run.wait_cycles(2)
            settled(run)
            working = names(threading.enumerate())
            killed = kill_at_random(run)
            settled(run)
            assert names(threading.enumerate()) - working == {}, "threads leaked"
            # A desk that is told to stop while it recovers ends as it is: let it work again first.
            run.wait_cycles(len(run.records) + 2)
            run.finish()
        assert run.outcome is not None
        Judge(process).check()
        last = run.records[-1] if run.records else None
        assert (run.outcome.halted, run.outcome.flat) == ("", True), f"the last cycle: {last}"
        assert run.root.instances.abandoned() == ()
        assert left_of(set(threading.enumerate()) - before) == [], "threads left behind"
        assert len(run.records) >= CYCLES
        assert sum(killed.values()) == KILLS
    assert complaints == []
    assert capfd.readouterr().err == ""


def kill_at_random(run: Run) -> collections.Counter[str]:
    """Kill, wait a random time, kill; until enough were killed and enough cycles are over.

    The kills are spread over the cycles: once a cycle has had its share, it may end.
    """
    dice, killed = random.Random(SEED), collections.Counter[str]()
    deadline_s = time.monotonic() + LIMIT_S
    never = threading.Event()
    while sum(killed.values()) < KILLS or len(run.records) < CYCLES:
        assert time.monotonic() < deadline_s, f"{killed}\n{run.describe()}"
        assert run.root.exit_code is None, run.describe()
        assert run.outcome is None, run.describe()
        never.wait(dice.expovariate(1 / PACE_S))
        name = dice.choice(TARGETS)
        if name in SUPERVISORS and killed[name] >= LIVES_OF_A_SUPERVISOR:
            continue
        share = (len(run.records) + 1) * -(-KILLS // CYCLES)
        if sum(killed.values()) < min(KILLS, share) and run.root.kill(name):
            killed[name] += 1
    return killed


def settled(run: Run) -> None:
    """Until every actor runs."""

    def all_running() -> bool:
        present = [run.directory.status(name) for name in TARGETS]
        return all(s is not None and s.state is ChildState.RUNNING for s in present)

    run.wait_for(all_running, "settled")


def names(threads: Iterable[threading.Thread]) -> collections.Counter[str]:
    """How many threads there are of each name, whichever life of their actor they belong to."""
    lasting = [thread.name for thread in threads if not thread.name.endswith(":interrupt")]
    return collections.Counter(re.sub(r"#\d+", "", name) for name in lasting)


def left_of(threads: set[threading.Thread]) -> list[str]:
    """Those that do not end."""
    for thread in threads:
        thread.join(BOUND_S)
    return [thread.name for thread in threads if thread.is_alive()]
