"""A venue in maintenance: from its own word that it takes no orders, to long after. Pure.

A venue in maintenance refuses orders and may answer everything else. It takes them again once it
has given a clean sign, and has said nothing else for CLEAN_S since: they come back in steps.
"""

from __future__ import annotations

from typing import Final

CLEAN_S: Final = 30.0


class Maintenance:
    """That of one venue. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._word = ""
        self._clean_s: float | None = None

    def shut(self, word: str) -> None:
        """The venue has said so, with this word or code."""
        self._word = word
        self._clean_s = None

    def clean(self, now_s: float) -> None:
        """It has said, or shown by what it did with an order, that it is there."""
        if self._clean_s is None:
            self._clean_s = now_s

    def reason(self, now_s: float) -> str:
        """Why nothing is to be opened there; "" when it takes orders."""
        if self._word and self._clean_s is not None and now_s - self._clean_s >= CLEAN_S:
            self._word = ""
        return f"closed by the venue: {self._word}" if self._word else ""

    @property
    def doubtful(self) -> bool:
        """True while the last word is that it is shut: nobody knows whether it still is."""
        return bool(self._word) and self._clean_s is None
