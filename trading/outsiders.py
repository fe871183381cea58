"""Orders and fills that no order in memory explains: not ours, or late news of ours. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Final, TypeVar

from venues.model import OrderUpdate

_REMEMBERED: Final = 100_000  # more than a day of a cycle every four seconds
_TOLD: Final = float("inf")
_Key = TypeVar("_Key", bound=Hashable)


class Outsiders:
    """What is over and may be heard of again, and the orders that are not ours."""

    def __init__(self, drift_s: float) -> None:
        self._drift_s = drift_s
        self._fills: dict[tuple[str, str, str], None] = {}
        self._ours: dict[int, None] = {}
        self._since_s: dict[str, float] = {}  # by order not ours

    def remember_order(self, client_order_id: int) -> None:
        """An order of ours is over and kept no longer."""
        _keep(self._ours, client_order_id)

    def was_ours(self, client_order_id: int | None) -> bool:
        """True for an order of ours that is over."""
        return client_order_id in self._ours

    def remember_fill(self, key: tuple[str, str, str]) -> bool:
        """Note a fill that no order in memory counts; False when it was known."""
        known = key in self._fills
        _keep(self._fills, key)
        return not known

    def stays(self, name: str, now_s: float) -> bool:
        """An order that is not ours is said to be live; True, once, when it has been for long.

        One message alone may be old: the list of open orders has to show it all the time.
        """
        since_s = self._since_s.setdefault(name, now_s)
        if now_s - since_s < self._drift_s:
            return False
        self._since_s[name] = _TOLD
        return True

    def listed(self, names: Collection[str]) -> None:
        """The venue's list of open orders: who is not in it has gone."""
        for name in [name for name in self._since_s if name not in names]:
            del self._since_s[name]

    @property
    def suspected(self) -> bool:
        """True while the list of open orders has to be read again."""
        return any(since_s < _TOLD for since_s in self._since_s.values())


def name_of(update: OrderUpdate) -> str:
    """What an order is called that is not ours."""
    return str(update.client_order_id or update.venue_order_id)


def _keep(memory: dict[_Key, None], key: _Key) -> None:
    """Remember ``key``, at the expense of the oldest one."""
    if len(memory) >= _REMEMBERED and key not in memory:
        del memory[next(iter(memory))]
    memory[key] = None
