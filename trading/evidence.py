"""What a venue is read to hold, against what our own orders explain. Pure.

A reading may be older than an execution that we know of, or have been asked for before it. So one
alone proves nothing, and after an execution of ours the count begins anew.
"""

from __future__ import annotations

from decimal import Decimal

READINGS = 3
"""Equal ones in a row before the venue is believed against our own orders."""

SURE_S = 2.0
"""They have to agree for so long, which is longer than a reading is under way."""

FORCED_S = 0.25
"""The same where the venue has told by itself that it closed something."""


class Evidence:
    """The readings of one leg's position that agree with one another."""

    def __init__(self) -> None:
        self.size: Decimal | None = None
        self.times = 0
        self._since_s = self._latest_s = 0.0
        self._executed_s = float("-inf")

    def read(self, size: Decimal, asked_s: float) -> None:
        """A reading came in that was asked for at ``asked_s``.

        When it was heard says little: it may have lain there while the process stood still.
        """
        if asked_s < self._executed_s:
            return
        if size != self.size:
            self.size, self.times = size, 0
            self._since_s = self._latest_s = asked_s
        self.times += 1
        self._since_s = min(self._since_s, asked_s)
        self._latest_s = max(self._latest_s, asked_s)

    def executed(self, now_s: float) -> None:
        """Something of ours has, as is heard now: what was asked for before does not count."""
        self._executed_s = now_s
        self.forget()

    def forget(self) -> None:
        """What has been read no longer counts."""
        self.size, self.times = None, 0

    def sure(self, for_s: float) -> bool:
        """True when enough of them have agreed, over at least ``for_s``."""
        return self.times >= READINGS and self._latest_s - self._since_s >= for_s


def taken_off(ours: Decimal, seen: Decimal) -> bool:
    """True when the venue holds less of our position than our orders made, or the opposite."""
    return ours * seen < ours * ours


def left_of(ours: Decimal, seen: Decimal) -> Decimal:
    """What is still ours of a position that was taken off: what is past zero is somebody else's."""
    return seen if ours * seen > 0 else Decimal(0)
