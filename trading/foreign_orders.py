"""Orders, fills and positions that no order of ours explains: not ours, or late news. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from trading.fill_tally import FillTally
from trading.journal_mirror import keep
from venues.model import Fill, OrderUpdate

_REMEMBERED: Final = 100_000  # more than a day of a cycle every four seconds
_TOLD: Final = float("inf")


class ForeignOrders:
    """What is over and may be heard of again, and the orders and positions that are not ours."""

    def __init__(self, drift_s: float) -> None:
        self._drift_s = drift_s
        self._fills: dict[tuple[str, str, str], None] = {}
        self._tally = FillTally()
        self._ours: dict[int, None] = {}
        self._since_s: dict[str, float] = {}  # by order not ours
        self._cancels: dict[str, int] = {}
        self._held: set[str] | None = None  # symbols that nobody here trades; None: not read yet
        self._appeared: set[str] = set()

    def remember_order(self, client_order_id: int) -> None:
        """An order of ours is over and kept no longer."""
        keep(self._ours, client_order_id, None, _REMEMBERED)

    def was_ours(self, client_order_id: int | None) -> bool:
        """True for an order of ours that is over."""
        return client_order_id in self._ours

    def remember_fill(self, fill: Fill) -> bool:
        """Note a fill that no order in memory counts; False when it was known."""
        known = fill.key in self._fills
        keep(self._fills, fill.key, None, _REMEMBERED)
        return not known and self._tally.is_new(fill)

    def stays(self, name: str, now_s: float) -> bool:
        """An order that is not ours is said to be live; True, once, when it has been for long.

        One message alone may be old: the list of open orders has to show it all the time.
        """
        since_s = self._since_s.setdefault(name, now_s)
        if now_s - since_s < self._drift_s:
            return False
        self._since_s[name] = _TOLD
        return True

    def may_cancel(self, name: str, most: int) -> bool:
        """True, ``most`` times, for a live order of ours that nobody wants any more."""
        self._cancels[name] = self._cancels.get(name, 0) + 1
        return self._cancels[name] <= most

    def listed(self, names: Collection[str]) -> None:
        """The venue's list of open orders: who is not in it has gone."""
        for memory in (self._since_s, self._cancels):
            for name in [name for name in memory if name not in names]:
                del memory[name]

    def positions_read(self, sizes: Mapping[str, Decimal]) -> tuple[list[str], list[str]]:
        """All positions in symbols that nobody here trades.

        Returns those that were there from the beginning, once, and those that have appeared since,
        once each: two readings in a row have shown them.
        """
        held = [symbol for symbol, size in sizes.items() if size]
        if self._held is None:
            self._held = set(held)
            return held, []
        new = {symbol for symbol in held if symbol not in self._held}
        sure, self._appeared = new & self._appeared, new
        self._held |= sure
        self._appeared -= sure
        return [], sorted(sure)

    @property
    def doubtful(self) -> bool:
        """True while positions have to be read again: one may have appeared."""
        return bool(self._appeared)

    @property
    def suspected(self) -> bool:
        """True while the list of open orders has to be read again."""
        return bool(self._cancels) or any(since_s < _TOLD for since_s in self._since_s.values())


def name_of(update: OrderUpdate) -> str:
    """What an order is called that is not ours."""
    return str(update.client_order_id or update.venue_order_id)
