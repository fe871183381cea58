"""How far through the touch an order may go: it climbs while it is not filled. Pure."""

from __future__ import annotations

from decimal import Decimal

from trading.plan import Rung


class Climb:
    """Where the orders of one leg stand on the ladder. Never empty; the last rung is the widest."""

    def __init__(self, ladder: tuple[Rung, ...]) -> None:
        self._ladder = ladder
        self._rung = 0
        self._since_s: float | None = None  # the first order on this rung

    def cap_bps(self, now_s: float) -> Decimal:
        """How far the order that is placed now may go; its rung's time runs from the first one."""
        if self._since_s is None:
            self._since_s = now_s
        rung = self._ladder[self._rung]
        if rung.for_s and now_s - self._since_s >= rung.for_s:
            self._climb(now_s)
        return self._ladder[self._rung].cap_bps

    def missed(self, now_s: float) -> bool:
        """An order did not fill. True when the next one stands higher, and need not wait."""
        rung = self._ladder[self._rung]
        if self._since_s is not None and now_s - self._since_s < rung.for_s:
            return False
        return self._climb(now_s)

    def reset(self) -> None:
        """The next order begins at the bottom."""
        self._rung = 0
        self._since_s = None

    def _climb(self, now_s: float) -> bool:
        if self._rung == len(self._ladder) - 1:
            return False
        self._rung += 1
        self._since_s = now_s
        return True
