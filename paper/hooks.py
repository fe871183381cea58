"""Counts cycles as they happen at the venues, so that a fault can be armed on a moment of one.

A cycle starts with the first order that is accepted while both venues are flat (again) in its base
(ETH, BTC, SOL): several desks have one each at a time, numbered in the order in which they start.
The venue of that order is the primary. Nothing of the trader's own idea of a cycle is used, and
what others trade by hand on its accounts does not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Final

from paper.faults import Faults, Hook
from paper.orders import BookDelta, PaperFill, PaperOrder, PaperPosition
from venues.model import ZERO

# The hooks that also have one for the primary and one for the hedge venue.
_BY_ROLE: Final[dict[Hook, tuple[Hook, Hook]]] = {
    "accept": ("primary_accept", "hedge_accept"),
    "fill": ("primary_fill", "hedge_fill"),
    "recv": ("primary_recv", "hedge_recv"),
    "before_reply": ("primary_before_reply", "hedge_before_reply"),
}


class _Pair:
    """What both venues know of one base (ETH, BTC, SOL): its cycle under way, counted over all."""

    def __init__(self) -> None:
        self.cycle = 0
        self.primary = ""
        self.left = True
        self.positions: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
        self.seen: Counter[tuple[Hook, str]] = Counter()
        self.opening: Counter[tuple[Hook, str]] = Counter()

    @property
    def between(self) -> bool:
        """Both venues are flat, and the next order that is accepted starts a cycle."""
        return self.left and not any(self.positions.values())


class CycleHooks:
    """The cycles under way over both venues, one of each base, and the hooks they have reached."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._pairs: dict[str, _Pair] = defaultdict(_Pair)
        self._latest = ""  # the base that was traded last
        self.cycle = 0
        faults.watched_by(self.noted)

    def listener(self, venue: str) -> VenueHooks:
        """What hears one venue's engine."""
        return VenueHooks(self, venue)

    def noted(self, venue: str, hook: Hook) -> None:
        """A front-end is at this point of a request, for the base that was traded last.

        An order that arrives while both venues are flat belongs to the cycle that it may start.
        """
        pair = self._pairs[self._latest]
        if hook == "recv" and pair.between:
            self._count(pair.opening, self.cycle + 1, "recv", venue)
            self._count(pair.opening, self.cycle + 1, "primary_recv", venue)
        else:
            self._reach(pair, venue, hook)

    def accepted(self, venue: str, symbol: str) -> None:
        """An order was accepted there."""
        pair = self._pair(symbol)
        if pair.between:
            pair.left = False
            self.cycle += 1
            pair.cycle = self.cycle
            pair.primary = venue
            pair.seen, pair.opening = pair.opening, Counter()
        self._reach(pair, venue, "accept")

    def filled(self, venue: str, fill: PaperFill) -> None:
        """An account's order was executed there, in part or whole."""
        pair = self._pair(fill.symbol)
        pair.left = True
        key = (venue, fill.account, fill.symbol)
        pair.positions[key] += fill.size * fill.side.sign
        self._reach(pair, venue, "fill")

    def _pair(self, symbol: str) -> _Pair:
        base = symbol.partition("_")[0]
        if not self._latest and base not in self._pairs:
            self._pairs[base] = self._pairs.pop("", _Pair())  # what has arrived was for this one
        self._latest = base
        return self._pairs[base]

    def _reach(self, pair: _Pair, venue: str, hook: Hook) -> None:
        self._count(pair.seen, pair.cycle, hook, venue)
        if hook in _BY_ROLE:
            primary, hedge = _BY_ROLE[hook]
            role = primary if venue == pair.primary else hedge
            self._count(pair.seen, pair.cycle, role, venue)

    def _count(self, seen: Counter[tuple[Hook, str]], cycle: int, hook: Hook, venue: str) -> None:
        seen[hook, ""] += 1
        seen[hook, venue] += 1
        self._faults.reached(cycle, hook, seen[hook, ""], venue, seen[hook, venue])


class VenueHooks:
    """Hears one venue's engine for the hooks."""

    def __init__(self, hooks: CycleHooks, venue: str) -> None:
        self._hooks = hooks
        self._venue = venue

    def order_accepted(self, order: PaperOrder) -> None:
        """An accept hook."""
        if not order.request.manual:
            self._hooks.accepted(self._venue, order.request.symbol)

    def filled(self, fill: PaperFill) -> None:
        """A fill hook."""
        if not fill.order.request.manual:
            self._hooks.filled(self._venue, fill)

    def order_changed(self, order: PaperOrder) -> None:
        """No hook."""

    def position_changed(self, position: PaperPosition) -> None:
        """No hook."""

    def book_changed(self, delta: BookDelta) -> None:
        """No hook."""

    def traded(self, fill: PaperFill) -> None:
        """No hook."""
