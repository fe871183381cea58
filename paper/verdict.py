"""What is judged (``Scope``) and what the judgement says (``Measures``)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from paper.naked import Spread
from venues.model import BACKPACK, GRVT

MEASURES_SCHEMA: Final = "ketch.measures/1"
_DEFAULT_SYMBOLS: Final = {GRVT: "ETH_USDT_Perp", BACKPACK: "ETH_USDC_PERP"}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged. ``q`` is one cycle's size in base units, ``lot`` the hedge's size step.

    ``max_age_s`` is how long an order may be live; ``accounts`` narrows to those names, empty for
    all.
    """

    primary: str
    primary_symbol: str
    hedge: str
    hedge_symbol: str
    q: Decimal
    lot: Decimal
    planned: int
    max_age_s: Decimal = Decimal(60)
    accounts: frozenset[str] = frozenset()

    def covers(self, venue: str, symbol: str, account: str) -> bool:
        """True when a record of that place is part of what is judged."""
        if self.accounts and account not in self.accounts:
            return False
        return (venue, symbol) in (
            (self.primary, self.primary_symbol),
            (self.hedge, self.hedge_symbol),
        )


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a run must not do, and where it was done."""

    rule: str
    at_ns: int
    venue: str = ""
    order_id: int = 0
    detail: str = ""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict. ``availability`` is A, completed / planned.

    ``self_trades`` are orders that crossed an order of their own account, whether or not the venue
    prevented the trade; ``bans`` counts how often a venue banned its trader for too many requests.
    ``fees``, ``slippage`` (against the venue's mid; positive is worse) and ``funding`` are by
    venue, in quote currency, positive when paid.
    """

    schema: str
    q: Decimal
    planned: int
    completed: int
    incomplete: int
    availability: Decimal
    naked_q_s: Spread
    naked_ms: Spread
    episodes: int
    duplicates: tuple[Finding, ...]
    orphans: tuple[Finding, ...]
    position_errors: tuple[Finding, ...]
    flips: tuple[Finding, ...]
    self_trades: tuple[Finding, ...]
    bans: int
    largest_order_q: Decimal
    orders: int
    fills: int
    fees: dict[str, Decimal]
    slippage: dict[str, Decimal]
    funding: dict[str, Decimal]
    net: Decimal

    @property
    def sound(self) -> bool:
        """ "J" of docs/faults.md: D = 0, O = 0, P holds, flips = 0."""
        return not (self.duplicates or self.orphans or self.position_errors or self.flips)


def scope_of(
    primary: str, *, q: Decimal, lot: Decimal, planned: int, max_age_s: Decimal = Decimal(60),
    primary_symbol: str | None = None, hedge_symbol: str | None = None,
    accounts: frozenset[str] = frozenset(),
) -> Scope:  # fmt: skip
    """The scope of a run whose primary is ``primary``; the hedge is the other venue."""
    hedge = BACKPACK if primary == GRVT else GRVT
    return Scope(
        primary=primary,
        primary_symbol=primary_symbol or _DEFAULT_SYMBOLS[primary],
        hedge=hedge,
        hedge_symbol=hedge_symbol or _DEFAULT_SYMBOLS[hedge],
        q=q,
        lot=lot,
        planned=planned,
        max_age_s=max_age_s,
        accounts=accounts,
    )
