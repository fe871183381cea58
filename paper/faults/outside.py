"""What others do: the owner of an account by hand, the venue by force, the host to a process."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from paper.faults.base import Count, Fault, Seconds, Share, Venue
from venues.model import Side


class Trade(Fault, frozen=True, kw_only=True, tag="trade"):
    """Somebody else orders by hand on an account; without ``price`` at market, else it rests."""

    venue: Venue
    symbol: str
    side: Side
    size: Decimal
    account: str = "main"
    price: Decimal | None = None
    client_order_id: int | None = None


class CancelOrders(Fault, frozen=True, kw_only=True, tag="cancel"):
    """Somebody else cancels all live orders of an account (of one contract)."""

    venue: Venue
    account: str = "main"
    symbol: str | None = None


class Take(Fault, frozen=True, kw_only=True, tag="take"):
    """Somebody takes ``part`` of each resting order of an account, in so many ``pieces``."""

    venue: Venue
    account: str = "main"
    part: Share = 1.0
    pieces: Count = 1


class Leverage(Fault, frozen=True, kw_only=True, tag="leverage"):
    """The venue allows another leverage from now on: margins grow or shrink."""

    venue: Venue
    leverage: Annotated[int, msgspec.Meta(ge=1, le=100)]


class Liquidate(Fault, frozen=True, kw_only=True, tag="liquidate"):
    """The venue cancels an account's orders and closes ``part`` of its positions by force.

    ``how`` says in which way. With ``told`` position only the position streams and what can be
    read show it: no order and no fill is told of.
    """

    venue: Venue
    account: str = "main"
    part: Share = 1.0
    how: Literal["liquidation", "adl"] = "liquidation"
    told: Literal["all", "position"] = "all"


class Withdraw(Fault, frozen=True, kw_only=True, tag="withdraw"):
    """Money leaves an account by hand."""

    venue: Venue
    amount: Decimal
    account: str = "main"


class Mark(Fault, frozen=True, kw_only=True, tag="mark"):
    """Nothing happens; that the hook was reached is on record, and whoever waits for it knows."""

    name: str = ""


class Signal(Fault, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to a process at that very moment; ``stop`` is followed by CONT after ``for_s``.

    Only with the setting ``signals``.
    """

    pid: Annotated[int, msgspec.Meta(ge=2)]
    signal: Literal["kill", "stop", "term", "int"] = "kill"
    for_s: Seconds = 0.0


AnyHand = Trade | CancelOrders | Take | Liquidate | Withdraw | Leverage
AnyOutside = AnyHand | Mark | Signal
