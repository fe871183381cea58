"""What an order manager wants done, and the timing it goes by. Pure data."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trading.orders import OrderView
from venues.model import AccountSummary, Fill, NewOrder, Position


class OrderTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take at a venue, in seconds.

    ``poll_s``: an unresolved order without news is asked for this often; ``doubt_poll_s``: the same
    for one in doubt; ``settle_s``: how far the venue's histories may lag behind its engine;
    ``live_settle_s``: how far its positions and its private feed may; ``expiry_s``: the longest
    that an order of ours may still execute after it was sent, unless it rests; ``max_age_s``: one
    that rests for longer is cancelled; ``overlap_s``: how much of the fill history is read again
    after a gap; ``drift_s``: what our orders do not explain has to be there this long, longer than
    any reply is under way; ``positions_every_s``, ``balances_every_s``: how often these are read
    when nothing else asks for them, 0 for never.
    """

    poll_s: float = 1.0
    doubt_poll_s: float = 0.25
    settle_s: float = 2.0
    live_settle_s: float = 1.0
    expiry_s: float = 5.0
    max_age_s: float = 30.0
    overlap_s: float = 10.0
    drift_s: float = 2.0
    positions_every_s: float = 15.0
    balances_every_s: float = 0.0


class RecordIntent(msgspec.Struct, frozen=True):
    """Make the order durable. ``awaited``: ``intent_recorded`` must follow before it is sent."""

    new: NewOrder
    awaited: bool = True


class RecordFill(msgspec.Struct, frozen=True):
    """Make an execution durable: of an order of ours, or one by force."""

    fill: Fill


class RecordOutcome(msgspec.Struct, frozen=True):
    """An order is over, and its fills, which were recorded before, are all that executed."""

    view: OrderView


class SendOrder(msgspec.Struct, frozen=True):
    """Hand the order to the gateway."""

    new: NewOrder
    adds_risk: bool = False


class CancelOrder(msgspec.Struct, frozen=True):
    """Ask the venue to cancel an order; what it answers is no outcome."""

    symbol: str
    client_order_id: int


class GuardResting(msgspec.Struct, frozen=True):
    """Orders begin to rest (``on``), or none does any more.

    While they do, the venue is to cancel them by itself if it does not hear from us.
    """

    on: bool


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


class AskBalances(msgspec.Struct, frozen=True):
    """Read equity and free margin."""


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
    """Something at the venue that our own orders do not explain; ``symbol`` "": of all of it."""

    detail: str
    symbol: str = ""


class PublishOutside(msgspec.Struct, frozen=True):
    """The account holds something that nobody here trades, and held it before: a notice."""

    detail: str


class PublishContradiction(msgspec.Struct, frozen=True):
    """The venue has said something of an order that can not be true. It is said once."""

    venue: str
    client_order_id: int
    what: str


class PublishForced(msgspec.Struct, frozen=True):
    """The venue has closed something in ``symbol`` by itself: a liquidation, or a deleveraging."""

    symbol: str
    detail: str
    fill: Fill


class PublishBalances(msgspec.Struct, frozen=True):
    """A well-formed reading of the account's money."""

    summary: AccountSummary


class PublishPositions(msgspec.Struct, frozen=True):
    """A well-formed reading of our symbols' positions, flat ones included.

    In ``unsettled`` symbols, orders without a known outcome may or may not be in it. ``whole`` is
    the reading as it came, also of markets that nobody here trades. It was asked for at ``asked_s``
    (monotonic), and shows nothing later.
    """

    sizes: dict[str, Decimal]
    unsettled: frozenset[str] = frozenset()
    whole: tuple[Position, ...] = ()
    asked_s: float = float("inf")

    @property
    def settled(self) -> bool:
        """True when nothing of it is in question."""
        return not self.unsettled


Effect = (
    RecordIntent | RecordFill | RecordOutcome | SendOrder | CancelOrder | GuardResting
    | AskOrder | AskFills | AskOpenOrders | AskPositions | AskBalances | PublishOrder
    | PublishReadiness | PublishPositions | PublishBalances | PublishDrift | PublishOutside
    | PublishForced | PublishContradiction
)  # fmt: skip
