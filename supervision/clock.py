"""The one clock of supervision: monotonic seconds, injected so that tests own time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where seconds come from. Safe to call from any thread."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...


class MonotonicClock:
    """The clock of the operating system."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()
