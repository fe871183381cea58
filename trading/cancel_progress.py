"""How far the wish to cancel an order has come. Pure."""

from __future__ import annotations


class CancelProgress:
    """How far the wish to cancel an order has come. Times are monotonic.

    ``seen_live_s``: when the venue last said that the order rests.
    """

    __slots__ = ("requested_s", "requests", "seen_live_s", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        self.requests = 0
        self.requested_s = float("-inf")
        self.seen_live_s = float("-inf")
