"""What a trader's process takes of its host, early in a run and late."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

EARLY: Final = 100
"""The cycle from which on a process should not grow; in a run of fewer cycles it is the fifth."""
_EARLY_IN_SHORT: Final = 5
_EVERY_S: Final = 0.5
_MIB: Final = 2**20


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a process, in that cycle and that life of it."""

    cycle: int
    life: int
    descriptors: int
    threads: int
    rss_mib: float


def look(pid: int, cycle: int, life: int) -> Footprint | None:
    """What the process takes now; None once it is gone."""
    process = Path(f"/proc/{pid}")
    try:
        pages = int((process / "statm").read_text().split()[1])
        return Footprint(
            cycle=cycle,
            life=life,
            descriptors=len(os.listdir(process / "fd")),
            threads=len(os.listdir(process / "task")),
            rss_mib=round(pages * os.sysconf("SC_PAGE_SIZE") / _MIB, 1),
        )
    except (OSError, IndexError):
        return None


class Steps:
    """Looks when a cycle has begun, since a process that starts or ends is not itself."""

    def __init__(self, planned: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._early = EARLY if planned > EARLY else _EARLY_IN_SHORT
        self._clock_s = clock_s
        self._due_s = clock_s()
        self._seen = 0
        self.early: Footprint | None = None
        self.last: Footprint | None = None

    def step(self, pid: int, cycle: Callable[[], int], life: int) -> None:
        """Look, if it is time and ``cycle`` is another one than before."""
        if self._clock_s() < self._due_s:
            return
        self._due_s = self._clock_s() + _EVERY_S
        number = cycle()
        if number <= self._seen:
            return
        self._seen = number
        found = look(pid, number, life)
        if found is None:
            return
        self.last = found
        if self.early is None and number >= self._early:
            self.early = found
