"""Whether the process has stood still: stopped by a signal, suspended with its host, or starved.

Nobody inside notices that directly: threads go on where they were, and in a suspend the monotonic
clock has stood still as well, so that every deadline looks met and every price fresh. The clock
that counts suspended time tells: somebody looks at it several times a second, so a longer gap
between two looks is a stall. Whoever looks finds it, so nothing has to wait for a particular thread
to wake up first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

LIMIT_S: Final = 1.0
LOOK_EVERY_S: Final = 0.2


def boot_s() -> float:
    """Seconds since boot, those of a suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class StallWatch:
    """Counts the stalls of the process. Every method may be called from any thread."""

    def __init__(self, now_s: Callable[[], float] = boot_s, limit_s: float = LIMIT_S) -> None:
        self._now_s = now_s
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._last_s = now_s()
        self._count = 0
        self._gap_s = 0.0

    @property
    def gap_s(self) -> float:
        """How long the last stall took."""
        return self._gap_s

    def look(self) -> int:
        """How many stalls there have been, one that ends just now included."""
        with self._lock:
            now_s = self._now_s()
            gap_s, self._last_s = now_s - self._last_s, now_s
            if gap_s > self._limit_s:
                self._gap_s = gap_s
                self._count += 1
            return self._count
