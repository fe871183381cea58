"""Reads that lag writes: what a venue does not show yet, though it has happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from paper.faults import Faults
from paper.orders import Exchange, PaperFill, PaperOrder, PaperPosition
from venues.model import ZERO

_NS_PER_S = 1_000_000_000


class ReadLag:
    """What one venue's reads may show now. Without ``faults`` all of it. Loop thread only."""

    def __init__(self, exchange: Exchange, faults: Faults | None = None) -> None:
        self._exchange = exchange
        self._faults = faults

    def order(self, order: PaperOrder) -> Literal["shown", "missing", "pending"]:
        """How a single read shows this order."""
        if self._faults is None:
            return "shown"
        fault = self._faults.lag(self._exchange.venue, "orders")
        if fault is None or order.created_ns <= self._exchange.now_ns() - _ns(fault.by_s):
            return "shown"
        self._faults.effects.met(fault, fault.shown)
        return fault.shown

    def orders(self, orders: Sequence[PaperOrder]) -> list[PaperOrder]:
        """Those that a list of open orders shows."""
        return [order for order in orders if self.order(order) == "shown"]

    def seen_ns(self) -> int:
        """The venue's time up to which histories are complete."""
        return self._exchange.now_ns() - self._lag_ns("histories")

    def positions(self, account: str) -> list[PaperPosition]:
        """Positions without the fills that are not counted yet."""
        rows = self._exchange.positions(account)
        lag_ns = self._lag_ns("positions")
        if not lag_ns:
            return rows
        since_ns = self._exchange.now_ns() - lag_ns
        recent: dict[str, list[PaperFill]] = defaultdict(list)
        for fill in self._exchange.fill_history(account):
            if fill.now_ns <= since_ns:
                break
            recent[fill.symbol].append(fill)
        held = {row.symbol: row for row in rows}
        for symbol, fills in recent.items():
            held.setdefault(symbol, _flat(fills[0]))
        before = [_without(row, recent[symbol]) for symbol, row in held.items()]
        return [row for row in before if row.size]

    def _lag_ns(self, what: str) -> int:
        fault = None if self._faults is None else self._faults.lag(self._exchange.venue, what)
        if self._faults is None or fault is None:
            return 0
        self._faults.effects.met(fault, what)
        return _ns(fault.by_s)


def _ns(seconds: float) -> int:
    return int(seconds * _NS_PER_S)


def _without(row: PaperPosition, fills: list[PaperFill]) -> PaperPosition:
    signed: Decimal = sum((fill.size * fill.side.sign for fill in fills), ZERO)
    return msgspec.structs.replace(row, size=row.size - signed)


def _flat(fill: PaperFill) -> PaperPosition:
    """The flat position that a fill has left behind."""
    return PaperPosition(
        account=fill.account,
        symbol=fill.symbol,
        size=ZERO,
        entry_price=fill.price,
        exit_price=ZERO,
        mark_price=fill.mark_price,
        unrealized_pnl=ZERO,
        realized_pnl=ZERO,
        cumulative_fee=ZERO,
        cumulative_funding=ZERO,
        now_ns=fill.now_ns,
    )
