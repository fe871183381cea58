"""What the journal has been told of one venue's orders, so that it has everything once. Pure.

The journal answers nothing for a fill or an outcome. If it dies, what was told and not committed
dies with its inbox; its next life says what it has on record, and the rest is told again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeVar

from trading.order_effects import Effect, RecordFill, RecordOutcome
from trading.orders import OrderView
from venues.model import Fill, is_numbered

FillKey = tuple[str, str, str]

_RECORDED: Final = 100_000  # keys: more than a day of a cycle every four seconds
_TOLD: Final = 5_000  # what a journal that hangs may still have in its inbox
_K = TypeVar("_K")
_V = TypeVar("_V")


class JournalMirror:
    """Fills and outcomes: on record for sure, or told to the present journal."""

    def __init__(self) -> None:
        self._recorded: dict[FillKey, None] = {}
        self._fills: dict[FillKey, Fill] = {}
        self._outcomes: dict[int, OrderView] = {}

    def has(self, key: FillKey) -> bool:
        """True for a fill that the journal has, or was told of."""
        return key in self._recorded or key in self._fills

    def fill(self, fill: Fill) -> list[Effect]:
        """An execution of an order of ours: tell the journal, once."""
        if self.has(fill.key) or (not fill.numbered and self._has_numbered(fill)):
            return []
        keep(self._fills, fill.key, fill, _TOLD)
        return [RecordFill(fill)]

    def _has_numbered(self, fill: Fill) -> bool:
        """True where the feed has told of its order: this may be on record with its trade id."""
        order = (fill.symbol, fill.venue_order_id)
        return any(
            (symbol, order_id) == order and is_numbered(trade_id)
            for symbol, trade_id, order_id in (*self._recorded, *self._fills)
        )

    def outcome(self, view: OrderView) -> list[Effect]:
        """An order is over and its fills are complete: tell the journal, once unless it grows."""
        told = self._outcomes.get(view.client_order_id)
        if told is not None and told.signed_executed == view.signed_executed:
            return []
        keep(self._outcomes, view.client_order_id, view, _TOLD)
        return [RecordOutcome(view)]

    def loaded(self, fill_keys: Collection[FillKey], unresolved: Collection[int]) -> list[Effect]:
        """What a journal has on record; returns what it should have and has not."""
        for key in fill_keys:
            keep(self._recorded, key, None, _RECORDED)
        self._fills = {key: fill for key, fill in self._fills.items() if key not in self._recorded}
        again: list[Effect] = [RecordFill(fill) for fill in self._fills.values()]
        again += [RecordOutcome(self._outcomes[i]) for i in unresolved if i in self._outcomes]
        return again

    def is_over(self, client_order_id: int) -> bool:
        """True for an order whose outcome has been told."""
        return client_order_id in self._outcomes


def keep(memory: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    """Remember ``value``, at the expense of the oldest one."""
    if len(memory) >= most and key not in memory:
        del memory[next(iter(memory))]
    memory[key] = value
