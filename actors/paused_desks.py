"""Which desks an operator has paused: what no coordinator may forget when it is replaced."""

from __future__ import annotations


class PausedDesks:
    """The desks that an operator has paused, over all lives of their coordinators. Any thread."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()

    def __contains__(self, desk: str) -> bool:
        return desk in self._names

    def add(self, desk: str) -> None:
        """It opens no further cycle."""
        self._names |= {desk}

    def discard(self, desk: str) -> None:
        """It opens cycles again."""
        self._names -= {desk}
