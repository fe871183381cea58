"""What is known of one market now: prices, book, mode and funding, and of when each is."""

from __future__ import annotations

from typing import Final

import msgspec

from venues.model import Book, MarketInfo, Quote

NEVER: Final = float("-inf")


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """One market as its venue's streams tell it; what they have not told, or take back, is None.

    ``quoted_s``, ``booked_s`` and ``informed_s`` are monotonic: the moment for which that part
    holds. It is the one at which it was read, or an earlier one where the venue dates it so.
    """

    venue: str
    symbol: str
    quote: Quote | None = None
    quoted_s: float = NEVER
    book: Book | None = None
    booked_s: float = NEVER
    info: MarketInfo | None = None
    informed_s: float = NEVER
