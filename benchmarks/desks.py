"""What further desks cost: memory of the process, and the way of another desk's hedge.

Each count of desks is a process of its own, which prints what it was like; the desks beside the one
that trades stand in the tree with all of their actors, and have markets that are not listed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

import benchmarks
from benchmarks.harness import US, Bound, Figure, quantile, scaled
from benchmarks.hedging import hedged
from benchmarks.peer import Peer
from benchmarks.service import RunningService

_FURTHER: Final = 49
_ROUNDS: Final = 12
_CYCLES: Final = 4
_PIECES: Final = 4
_REST_S: Final = 0.01
_LIMIT_S: Final = 300.0


class Seen(msgspec.Struct, frozen=True):
    """Of one process: resident megabytes, and seconds from a fill to its hedge."""

    resident_mb: float
    hedged_s: tuple[float, ...]


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """Megabytes for each further desk, and the median of the hedges with and without them."""
    further = max(1, round(_FURTHER * min(1.0, scale)))
    # There and back, so that what else runs weighs alike on both; a run for show goes there only.
    counts = (0, further, further, 0) if scale else (0, further)
    runs = [(count, _seen(count, scale)) for count in counts]
    alone = tuple(seen for count, seen in runs if not count)
    beside = tuple(seen for count, seen in runs if count)
    more_mb = min(seen.resident_mb for seen in beside) - min(seen.resident_mb for seen in alone)
    each_mb = max(0.001, more_mb / further)
    return (
        Figure(
            name=f"each of {further} further desks: resident",
            measured=each_mb, unit="MB", limit=2, bound=Bound.VALUE,
        ),
        Figure(
            name=f"fill to hedge with {further + 1} desks / with one, p50",
            measured=_median_s(beside) * US, floor=_median_s(alone) * US, unit="µs", limit=1.25,
        ),
    )  # fmt: skip


def _median_s(runs: tuple[Seen, ...]) -> float:
    return quantile([took_s for seen in runs for took_s in seen.hedged_s], 0.5)


def _seen(further: int, scale: float) -> Seen:
    home = str(Path(benchmarks.__file__).resolve().parent.parent)
    figures = (further, scaled(_ROUNDS, scale), scaled(_CYCLES, scale))
    command = [sys.executable, "-m", "benchmarks.desks", *map(str, figures)]
    output = subprocess.run(
        command, cwd=home, env=os.environ | {"PYTHONPATH": home}, stdout=subprocess.PIPE,
        timeout=_LIMIT_S, check=True,
    ).stdout  # fmt: skip
    return msgspec.json.decode(output, type=Seen)


def _run(further: int, rounds: int, cycles: int) -> Seen:
    took_s: list[float] = []
    with Peer() as peer, RunningService(peer.ports, _PIECES, further=further) as service:
        for number in range(rounds + 1):
            _, hedges_s = hedged(peer, service, cycles, _PIECES, _REST_S)
            took_s += hedges_s if number else []
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Seen(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, tuple(took_s))


if __name__ == "__main__":
    from loguru import logger

    logger.remove()
    print(msgspec.json.encode(_run(*map(int, sys.argv[1:]))).decode())
