"""What a desk has open on one leg and not on the other, over time. Pure."""

from __future__ import annotations

from decimal import Decimal

from venues.model import ZERO


class Exposure:
    """∫|net| dt of each episode in which the net is not zero, in base units times seconds."""

    def __init__(self) -> None:
        self.episodes: list[float] = []
        self._net = ZERO
        self._since_s = 0.0
        self._open = 0.0

    def moved(self, net: Decimal, now_s: float) -> None:
        """The net is ``net`` from ``now_s`` (monotonic) on."""
        if self._net:
            self._open += float(abs(self._net)) * (now_s - self._since_s)
            if not net:
                self.episodes.append(self._open)
                self._open = 0.0
        self._net, self._since_s = net, now_s
