"""Counts cycles as they happen at the venues, so that a fault can be armed on a moment of one.

A cycle starts with the first order that is accepted while both venues are flat (again); the venue
of that order is the primary. Nothing of the trader's own idea of a cycle is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from paper.faults import Faults, Hook
from paper.orders import BookDelta, PaperFill, PaperOrder, PaperPosition
from venues.model import ZERO


class CycleHooks:
    """The cycle under way over both venues, and the hooks that it has reached."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._positions: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
        self._primary = ""
        self._left = True
        self._seen: Counter[Hook] = Counter()
        self.cycle = 0

    def listener(self, venue: str) -> VenueHooks:
        """What hears one venue's engine."""
        return VenueHooks(self, venue)

    def accepted(self, venue: str) -> None:
        """An order was accepted there."""
        if self._left and not any(self._positions.values()):
            self._left = False
            self.cycle += 1
            self._primary = venue
            self._seen.clear()
        self._reach("accept")
        self._reach("primary_accept" if venue == self._primary else "hedge_accept")

    def filled(self, venue: str, fill: PaperFill) -> None:
        """An account's order was executed there, in part or whole."""
        self._left = True
        key = (venue, fill.account, fill.symbol)
        self._positions[key] += fill.size * fill.side.sign
        self._reach("fill")
        self._reach("primary_fill" if venue == self._primary else "hedge_fill")

    def _reach(self, hook: Hook) -> None:
        self._seen[hook] += 1
        self._faults.reached(self.cycle, hook, self._seen[hook])


class VenueHooks:
    """Hears one venue's engine for the hooks."""

    def __init__(self, hooks: CycleHooks, venue: str) -> None:
        self._hooks = hooks
        self._venue = venue

    def order_accepted(self, order: PaperOrder) -> None:
        """An accept hook."""
        self._hooks.accepted(self._venue)

    def filled(self, fill: PaperFill) -> None:
        """A fill hook."""
        self._hooks.filled(self._venue, fill)

    def order_changed(self, order: PaperOrder) -> None:
        """No hook."""

    def position_changed(self, position: PaperPosition) -> None:
        """No hook."""

    def book_changed(self, delta: BookDelta) -> None:
        """No hook."""

    def traded(self, fill: PaperFill) -> None:
        """No hook."""
