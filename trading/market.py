"""What is known of one market now: prices, book, mode and funding, and of when each is. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from venues.model import Book, MarketInfo, Quote

NEVER: Final = float("-inf")
_NS_PER_S: Final = 1_000_000_000


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """One market as its venue's streams tell it; what they have not told, or take back, is None.

    ``quoted_s``, ``booked_s`` and ``informed_s`` are monotonic: the moment for which that part
    holds. It is the one at which it was read, or an earlier one where the venue dates it so.
    ``streamed`` is False while the price had to be asked for: its stream tells none.
    """

    venue: str
    symbol: str
    quote: Quote | None = None
    quoted_s: float = NEVER
    streamed: bool = True
    book: Book | None = None
    booked_s: float = NEVER
    info: MarketInfo | None = None
    informed_s: float = NEVER


class FundingTimes:
    """How far apart a venue's fundings are, where it does not say so: seen when one has passed."""

    def __init__(self) -> None:
        self._next_ns: dict[str, int] = {}
        self._interval_s: dict[str, int] = {}

    def with_interval(self, info: MarketInfo) -> MarketInfo:
        """``info`` with its interval, if that is told or known by now."""
        symbol, next_ns = info.symbol, info.next_funding_ns
        if info.funding_interval_s is not None or next_ns is None:
            return info
        before_ns = self._next_ns.get(symbol, next_ns)
        if next_ns > before_ns:
            self._interval_s[symbol] = (next_ns - before_ns) // _NS_PER_S
        self._next_ns[symbol] = next_ns
        interval_s = self._interval_s.get(symbol)
        return msgspec.structs.replace(info, funding_interval_s=interval_s)
