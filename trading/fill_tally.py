"""Which executions are new, where a venue tells one with its trade id and also without. Pure.

Backpack's fill history does not promise a trade id; its stream has one. Of one order's fills of one
price and size as many have executed as were told in the one way or in the other, whichever is more.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from venues.model import Fill

_REMEMBERED: Final = 100_000  # more than a day of a cycle every four seconds
_Alike = tuple[str, str, Decimal, Decimal]


class FillTally:
    """The fills of one order or of many. Each ``key`` is to be told once."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[_Alike, tuple[int, int]] = {}

    def is_new(self, fill: Fill) -> bool:
        """Take it in; False for one that was told before in the other way."""
        alike = (fill.symbol, fill.venue_order_id, fill.price, fill.size)
        numbered, bare = self._told.get(alike, (0, 0))
        now = (numbered + fill.numbered, bare + (not fill.numbered))
        if len(self._told) >= _REMEMBERED and alike not in self._told:
            del self._told[next(iter(self._told))]
        self._told[alike] = now
        return max(now) > max(numbered, bare)
