"""The proof that an order never reached its venue, or is known there no more. Pure."""

from __future__ import annotations

from typing import Final

_PROOFS: Final = 2


class Absence:
    """What speaks for it that the venue never had an order that can no longer execute.

    All three count from the first time that the venue, asked after the order's end, did not know
    it: answers "unknown", fill histories read, and positions read that it can not be a part of.
    """

    __slots__ = ("asked_s", "fills_read", "positions_read", "times")

    def __init__(self) -> None:
        self.asked_s = float("-inf")
        self.reset()

    def reset(self) -> None:
        """The venue does know it."""
        self.times = self.fills_read = self.positions_read = 0

    @property
    def proven(self) -> bool:
        """True when all evidence has agreed twice: one of each may have been under way before."""
        return min(self.times - 1, self.fills_read, self.positions_read) >= _PROOFS
