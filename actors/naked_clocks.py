"""Since when each desk is naked: what no guard may forget when it is replaced."""

from __future__ import annotations


class NakedClocks:
    """By desk, the monotonic moment since which it is naked, over all lives of its guard.

    Any thread; each desk's is written by its guard alone.
    """

    def __init__(self) -> None:
        self._since_s: dict[str, float | None] = {}

    def of(self, desk: str) -> float | None:
        """Since when; None while it is level, and before anybody has looked."""
        return self._since_s.get(desk)

    def note(self, desk: str, since_s: float | None) -> None:
        """What its guard has found now."""
        self._since_s[desk] = since_s
