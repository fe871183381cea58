"""What a venue does wrong with its market data, and what becomes of its markets.

Sources: docs.backpack.exchange (``orderBookState``; ``U`` of each depth message follows on the last
``u``), GRVT's sequence numbers; faults 23, 24, 33, 42 of docs/faults.md.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from paper.faults.base import ConnectionFault, Counted, Fault, Rate, Seconds, Venue

MarketName = Literal["grvt/market", "backpack/market"]


class Stream(Counted, frozen=True, kw_only=True, tag="stream"):
    """Mistreat the public prices and books of a venue. ``do`` says how:

    - ``gap``: the next message of a book is lost, while its number is used up.
    - ``cross``: the bid is above the ask, in prices and books. What is read over REST is right.
    - ``stuck``: messages come, with the prices and the time of when it began (Backpack's depth: the
      time).
    - ``silent``: no message at all; pings are answered.
    """

    connection: MarketName
    do: Literal["gap", "cross", "stuck", "silent"]


class Flood(ConnectionFault, frozen=True, kw_only=True, tag="flood"):
    """So many messages a second of each book that is subscribed to, for ``for_s``."""

    connection: MarketName
    per_s: Rate
    for_s: Seconds


class Move(Fault, frozen=True, kw_only=True, tag="move"):
    """All prices move by so many basis points at once, and stay there; of one venue or of both."""

    by_bps: Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(-5_000), "le": Decimal(5_000)})]
    venue: Venue | None = None


class Fund(Fault, frozen=True, kw_only=True, tag="fund"):
    """The venue's fundings move: the next is booked ``in_s`` from now, then at its interval."""

    venue: Venue
    in_s: Seconds


class State(ConnectionFault, frozen=True, kw_only=True, tag="state"):
    """Backpack's markets (or one ``symbol``) are in another state: listed so, and enforced."""

    connection: Literal["backpack"]
    state: Literal["Open", "Closed", "CancelOnly", "LimitOnly", "PostOnly"]
    for_s: Seconds
    symbol: str | None = None


AnyMarket = Stream | Flood | Fund | Move | State
