"""One fault of docs/faults.md against the whole service, judged by the venues' ledger.

The paper venues run in their own process, as in ``ketch run``, and the service keeps the timings
that it is shipped with: most limits are about those. What lasts for minutes has the mark ``soak``
and runs with KETCH_SOAK_FAULTS=1.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper.records import Accepted, AnyRecord, FaultFired, FaultHit, Filled, Login, decode_records
from tests.support.actors_tree import Judge, Run, running
from tests.support.paper_process import Process
from tests.support.starvation import Starvation
from venues.grvt import Endpoints
from venues.model import BACKPACK, GRVT, ZERO

soak = pytest.mark.skipif(
    os.environ.get("KETCH_SOAK_FAULTS") != "1", reason="minutes long: KETCH_SOAK_FAULTS=1"
)
SWAPPED = (
    "desks.eth.primary={venue: grvt, symbol: ETH_USDT_Perp}",
    "desks.eth.hedge={venue: backpack, symbol: ETH_USDC_PERP}",
)
PRIVATE = {GRVT: "grvt/trading", BACKPACK: "backpack/feed"}
"""The connection over which a venue tells of fills."""
LEGS = pytest.mark.parametrize(
    ("venue", "swapped"),
    [
        pytest.param(GRVT, True, id="grvt leads"),
        pytest.param(BACKPACK, False, id="backpack leads"),
        pytest.param(GRVT, False, id="grvt hedges"),
        pytest.param(BACKPACK, True, id="backpack hedges"),
    ],
)
LEADERS = pytest.mark.parametrize(
    ("venue", "swapped"),
    [
        pytest.param(GRVT, True, id="grvt leads"),
        pytest.param(BACKPACK, False, id="backpack leads"),
        pytest.param(GRVT, False, id="grvt hedges", marks=soak),
        pytest.param(BACKPACK, True, id="backpack hedges", marks=soak),
    ],
)
HEDGERS = pytest.mark.parametrize(
    ("venue", "swapped"),
    [
        pytest.param(GRVT, False, id="grvt hedges"),
        pytest.param(BACKPACK, True, id="backpack hedges"),
        pytest.param(GRVT, True, id="grvt leads", marks=soak),
        pytest.param(BACKPACK, False, id="backpack leads", marks=soak),
    ],
)
# What actors_tree hurries, as it is shipped in config/paper.yaml: deadlines ...
DEADLINES = (
    "desks.eth.hold_s=0.05", "desks.eth.pause_s=0.05", "desks.eth.retry_s=0.25",
    "venues.backpack.connection.settle_s=10", "venues.grvt.connection.settle_s=1",
    "venues.backpack.connection.expiry_s=2", "venues.grvt.connection.expiry_s=1",
)  # fmt: skip
# ... and how soon what failed is replaced.
RESTARTS = (
    "supervision.limiters.default.rate=2", "supervision.limiters.default.burst=4",
    "supervision.policies.connection.backoff.initial=0.5",
    "supervision.policies.connection.backoff.max=30",
    "supervision.policies.connection.breaker.failure_threshold=5",
    "supervision.policies.worker.backoff.initial=0.5",
    "supervision.policies.journal.backoff.initial=0.5",
)  # fmt: skip
SHIPPED = (*DEADLINES, *RESTARTS)
RESUME_S = 60.0  # the fault list's S: cycles go on by themselves within that
_NS_PER_S = 1_000_000_000
_log = logging.getLogger("ketch.faults")


class Scene:
    """Paper venues, a fault armed on them, and the service that meets it."""

    def __init__(
        self, process: Process, folder: Path, swapped: bool, starvation: Starvation
    ) -> None:
        self.process = process
        self._starvation = starvation
        self.judge = Judge(process)
        self.folder = folder
        self.swapped = swapped
        self.primary = GRVT if swapped else BACKPACK

    def leg(self, venue: str) -> str:
        """Which leg a venue trades: the first part of its hooks."""
        return "primary" if venue == self.primary else "hedge"

    # -- the fault -------------------------------------------------------------------------------

    def arm(self, action: str, *, at: dict[str, object] | None = None, **fault: object) -> None:
        """Now, or at a hook (``self.at``)."""
        self.judge.fault(action=action, **fault, **({} if at is None else {"at": at}))

    def at(self, hook: str, cycle: int = 2, **more: object) -> dict[str, object]:
        """That hook, ``cycle`` cycles from here (1: the next to start)."""
        return {**self.judge.at(hook, cycle), **more}

    def clear(self) -> None:
        """Forget all faults; what was held back goes on."""
        assert self.process.ask("DELETE", "/faults")[0] == 200

    def met(self, count: int = 1, within_s: float = RESUME_S) -> list[str]:
        """What the faults have met, once there are so many meetings: a fault not met is no test."""
        return [hit["detail"] for hit in self._wait("hits", count, within_s)]

    def fired(self, count: int = 1, within_s: float = RESUME_S) -> list[Any]:
        """The faults that have acted, once there are so many."""
        return self._wait("fired", count, within_s)

    def _wait(self, what: str, count: int, within_s: float) -> list[Any]:
        due_s = time.monotonic() + within_s
        found: list[Any] = []
        while len(found) < count and time.monotonic() < due_s:
            found = self.process.get(f"/faults?{what}={count}&wait_s=5")[what]
        assert len(found) >= count, f"{what}: {found}"
        return found

    # -- the service -----------------------------------------------------------------------------

    @contextmanager
    def service(
        self,
        *settings: str,
        cycles: int | None = None,
        hurried: bool = False,
        place: Endpoints | None = None,
    ) -> Iterator[Run]:
        """The service, with the timings that it is shipped with.

        ``hurried``: what failed is replaced without waiting, for several faults in one run that
        have nothing to do with each other. ``place``: where GRVT's hosts are.
        """
        roles = SWAPPED if self.swapped else ()
        options = (*DEADLINES, *(() if hurried else RESTARTS), *roles, *settings)
        with running(
            self.process, self.folder, cycles=cycles, settings=options, place=place
        ) as run:
            yield run

    def run_on(self, run: Run, cycles: int = 2, within_s: float = RESUME_S) -> float:
        """Let so many more cycles end; returns how long that took. They come by themselves."""
        began_s = time.monotonic()
        wanted = len(run.records) + cycles
        until(run, lambda: len(run.records) >= wanted, f"{cycles} more cycles", within_s)
        return time.monotonic() - began_s

    def finish(self, run: Run) -> None:
        """Have the desk end its cycle, or do the cycles that it was given; it is flat then."""
        if run.cycles is None:
            run.finish()
        else:
            run.wait_done()
        assert run.outcome is not None
        assert run.outcome.flat, run.describe()
        assert run.outcome.halted == "", run.describe()

    # -- the verdict -----------------------------------------------------------------------------

    def judged(self, *, naked_q_s: float) -> Any:
        """J of the fault list and its limit for the worst naked episode; returns the measures.

        What the machine kept from the service during such an episode is allowed on top.
        """
        starved_s = self._starvation.worst_s(within_s=naked_q_s)
        verdict = self.judge.check(primary=self.primary, naked_q_s=naked_q_s + starved_s)
        _log.info(
            "N %.2f of %s + %.2f q.s, %s cycles, %s orders",
            float(verdict["naked_q_s"]["max"]), naked_q_s, starved_s,
            verdict["completed"], verdict["orders"],
        )  # fmt: skip
        return verdict

    def records(self) -> list[AnyRecord]:
        """The ledger."""
        reply = self.process.http.request("GET", self.process.line["control"] + "/ledger")
        return list(decode_records(reply.data.splitlines(keepends=True)))

    def openings(self) -> list[Accepted]:
        """The orders that opened a cycle: accepted while both venues were flat."""
        return openings(self.records())

    def faults_s(self) -> list[float]:
        """When faults acted, in seconds of the ledger's clock."""
        return [seconds(r) for r in self.records() if isinstance(r, FaultFired)]

    def hits_s(self) -> list[float]:
        """When they met something."""
        return [seconds(r) for r in self.records() if isinstance(r, FaultHit)]

    def logins_s(self) -> list[float]:
        """When GRVT was asked for a login, and when one was answered by a fault."""
        return [
            seconds(record)
            for record in self.records()
            if (isinstance(record, Login) and record.venue == GRVT)
            or (isinstance(record, FaultHit) and b"/login" in bytes(record.fault))
        ]


@contextmanager
def scene(
    folder: Path, *proxied: str, swapped: bool = False, seed: int = 1, **settings: object
) -> Iterator[Scene]:
    """Paper venues with these endpoints behind the fault proxy."""
    tree = {"proxied": proxied, **settings}
    with (
        Starvation() as starvation,
        Process("--seed", str(seed), "--settings", json.dumps(tree)) as process,
    ):
        yield Scene(process, folder, swapped, starvation)


def until(run: Run, true: Callable[[], bool], what: str, within_s: float) -> None:
    """Wait for it, longer than ``Run.wait_for`` does."""
    with run._changed:
        reached = run._changed.wait_for(lambda: true() or run._over(), within_s)
    assert reached, f"not within {within_s:g} s: {what}: {run.describe()}"
    assert true(), f"ended before {what}: {run.describe()}"


def seconds(record: AnyRecord) -> float:
    """When, in seconds of the ledger's clock."""
    return record.at_ns / _NS_PER_S


def openings(records: list[AnyRecord]) -> list[Accepted]:
    """The orders among ``records`` that were accepted while nothing was held."""
    held: dict[str, Decimal] = {}
    found: list[Accepted] = []
    for record in records:
        if isinstance(record, Accepted) and record.account == "main" and not any(held.values()):
            found.append(record)
        elif isinstance(record, Filled) and record.account == "main":
            before = held.get(record.venue, ZERO)
            held[record.venue] = before + record.side.sign * record.size
    return found


def between(orders: list[Accepted], after_s: float, before_s: float) -> list[Accepted]:
    """Those that were accepted in that time of the ledger's clock."""
    return [order for order in orders if after_s < seconds(order) < before_s]
