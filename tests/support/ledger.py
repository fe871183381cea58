"""What the paper venues' ledger says that a run has come to, to the last digit."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from pathlib import Path

from paper.records import Filled, Funded, Manual, decode_records
from venues.model import BACKPACK, GRVT, ZERO

ACCOUNT = "main"


class Books:
    """Fees and funding by venue, positive when paid, and what is left after both."""

    def __init__(self, ledger: Path, symbols: Collection[str] = ()) -> None:
        self.fees = {GRVT: ZERO, BACKPACK: ZERO}
        self.funding = {GRVT: ZERO, BACKPACK: ZERO}
        self._cash = ZERO
        by_hand: set[tuple[str, int]] = set()
        for record in decode_records(ledger.read_bytes().splitlines(keepends=True)):
            if isinstance(record, Manual):
                by_hand.add((record.venue, record.order_id))
            if not isinstance(record, Filled | Funded) or record.account != ACCOUNT:
                continue
            if symbols and record.symbol not in symbols:
                continue
            if isinstance(record, Funded):
                self.funding[record.venue] += record.amount
            elif (record.venue, record.order_id) not in by_hand:
                self.fees[record.venue] += record.fee
                self._cash -= record.size * record.price * record.side.sign

    @property
    def pnl(self) -> Decimal:
        """Of positions that are flat again."""
        return self._cash - sum(self.fees.values()) - sum(self.funding.values())


def money(by_venue: dict[str, str]) -> dict[str, Decimal]:
    """Amounts of a summary."""
    return {venue: Decimal(text) for venue, text in sorted(by_venue.items())}
