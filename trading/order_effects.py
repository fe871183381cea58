"""What an order manager wants done, and the timing it goes by. Pure data."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trading.orders import OrderView
from venues.model import NewOrder


class OrderTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take at a venue, in seconds.

    ``poll_s``: an unresolved order without news is asked for this often; ``doubt_poll_s``: the same
    for one in doubt; ``settle_s``: how far the venue's histories may lag behind its engine;
    ``overlap_s``: how much of the fill history is read again after a gap; ``drift_s``: what our
    orders do not explain has to be there this long, longer than any reply is under way.
    """

    poll_s: float = 1.0
    doubt_poll_s: float = 0.25
    settle_s: float = 2.0
    overlap_s: float = 10.0
    drift_s: float = 2.0


class RecordIntent(msgspec.Struct, frozen=True):
    """Make the order durable; ``intent_recorded`` must follow before it is sent."""

    new: NewOrder


class SendOrder(msgspec.Struct, frozen=True):
    """Hand the order to the gateway."""

    new: NewOrder


class AskOrder(msgspec.Struct, frozen=True):
    """Ask the venue what became of one order."""

    new: NewOrder


class AskFills(msgspec.Struct, frozen=True):
    """Read fills executed at or after ``since_ns`` (UTC)."""

    since_ns: int


class AskOpenOrders(msgspec.Struct, frozen=True):
    """Read what rests at the venue."""


class AskPositions(msgspec.Struct, frozen=True):
    """Read the positions."""


class PublishOrder(msgspec.Struct, frozen=True):
    """Tell whoever trades with it what is known of the order now."""

    view: OrderView


class PublishReadiness(msgspec.Struct, frozen=True):
    """Whether the venue takes orders, and whether it may be given new risk; why, if not.

    A connection that is still on probation carries only orders that take risk off.
    """

    ready: bool
    new_risk: bool
    detail: str


class PublishDrift(msgspec.Struct, frozen=True):
    """Something at the venue that our own orders do not explain."""

    detail: str


class PublishPositions(msgspec.Struct, frozen=True):
    """A well-formed reading of our symbols' positions, flat ones included.

    Unless ``settled``, orders without a known outcome may or may not be in it.
    """

    sizes: dict[str, Decimal]
    settled: bool


Effect = (
    RecordIntent | SendOrder | AskOrder | AskFills | AskOpenOrders | AskPositions
    | PublishOrder | PublishReadiness | PublishPositions | PublishDrift
)  # fmt: skip
