"""Does the venue hold what our own orders explain? Pure.

The first read fixes the baseline of each symbol. From then on a position must equal the baseline
plus what our orders executed. One reading can be behind a fill that is on its way, so only the
same difference twice in a row is drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from venues.model import ZERO


class PositionCheck:
    """Expected positions of one venue, by symbol, and the differences seen."""

    def __init__(self) -> None:
        self._baseline: dict[str, Decimal] = {}
        self._suspected: dict[str, Decimal] = {}

    def fold(self, symbol: str, signed_executed: Decimal) -> None:
        """Keep the effect of an order that is being forgotten."""
        if symbol in self._baseline:
            self._baseline[symbol] += signed_executed

    def expected(self, symbol: str, executed: Decimal) -> Decimal | None:
        """What the position should be; None before the first reading."""
        baseline = self._baseline.get(symbol)
        return None if baseline is None else baseline + executed

    def compare(
        self, held: Mapping[str, Decimal], executed: Mapping[str, Decimal]
    ) -> tuple[list[str], list[str]]:
        """Compare a reading with what the orders in memory ``executed``.

        Returns (symbols that differ for the first time: read again, sentences on proven drift).
        A proven drift becomes part of the baseline: it is reported once.
        """
        suspects: list[str] = []
        drifts: list[str] = []
        for symbol, size in held.items():
            ours = executed.get(symbol, ZERO)
            expected = self._baseline.setdefault(symbol, size - ours) + ours
            difference = size - expected
            if not difference:
                self._suspected.pop(symbol, None)
            elif self._suspected.get(symbol) == difference:
                drifts.append(f"{symbol}: expected a position of {expected}, the venue has {size}")
                self._baseline[symbol] += difference
                del self._suspected[symbol]
            else:
                self._suspected[symbol] = difference
                suspects.append(symbol)
        return suspects, drifts
