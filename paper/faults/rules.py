"""What a venue's own rules do to orders: refused, cut short, in many pieces, too many, closed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paper.faults.base import ConnectionFault, Count, Counted, Name, Rate, Seconds, Venue
from paper.orders import Reason

OrderKind = Literal["any", "increasing", "reducing", "reduce_only", "post_only", "ioc"]
Part = Annotated[float, msgspec.Meta(ge=0, le=1)]


class OrderRule(Counted, frozen=True, kw_only=True):
    """A fault of matching orders; ``of`` says which: by their flags, or by what the account holds.

    ``increasing`` would make a position larger, ``reducing`` takes off one. With a ``symbol`` only
    orders of that contract are meant.
    """

    connection: Venue
    of: OrderKind = "any"
    symbol: str | None = None


class Deny(OrderRule, frozen=True, kw_only=True, tag="deny"):
    """The venue says no to matching orders for ``reason`` (a name of paper.orders.Reason).

    ``when`` entry: refused before it becomes an order. After: it is accepted, ``part`` of it is
    executed, and the rest ends for that reason. With ``shrink`` it is cut to that part instead, as
    a reduce-only order is: it ends filled, and smaller.
    """

    reason: Reason
    when: Literal["entry", "after"] = "after"
    part: Part = 0.0
    shrink: bool = False


class Shatter(OrderRule, frozen=True, kw_only=True, tag="shatter"):
    """Matching orders that take are executed in about so many ``pieces`` at once."""

    pieces: Count = 20


class Throttle(Counted, frozen=True, kw_only=True, tag="throttle"):
    """Matching requests are turned away: 429, not executed; Retry-After with ``retry_after_s``.

    More than ``most_per_s`` requests within a second, those that were turned away included, and all
    of them are answered with ``ban_status`` for ``ban_s``.
    """

    connection: Name
    retry_after_s: Annotated[int, msgspec.Meta(ge=0)] | None = None
    most_per_s: Rate = 20
    ban_s: Seconds = 60
    ban_status: Literal[403, 418] = 403


class Maintenance(ConnectionFault, frozen=True, kw_only=True, tag="maintenance"):
    """The venue takes no orders and no cancels for ``for_s``; what rests goes on, reads are fine.

    Backpack answers 503 with ``code`` and its status is Maintenance, GRVT 503 with 1009.
    """

    connection: Venue
    for_s: Seconds
    code: Literal["MAINTENANCE", "TRADING_PAUSED"] = "MAINTENANCE"


AnyRule = Deny | Shatter | Throttle | Maintenance
