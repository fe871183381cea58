"""What a venue's order gateway is asked to do, whichever venue it is.

GRVT's gateway is its trading websocket, Backpack's its HTTP connections. The orders actor is the
only one that asks; answers go to it as its own messages, with the gateway's epoch in every answer
to a read, so that what an earlier connection said is not taken for the present state. Reads and
cancels may go to another actor while the gateway is away; its answers carry its name.
"""

from __future__ import annotations

import msgspec

from trading.request_budget import Lane
from venues.model import NewOrder


class PlaceOrder(msgspec.Struct, frozen=True):
    """Sign it and send it. Answered by OrderSent or OrderNotSent, then by what became of it.

    ``lane`` says what of the venue's request budget it may use.
    """

    new: NewOrder
    lane: Lane = Lane.REDUCE


class CancelOrder(msgspec.Struct, frozen=True):
    """Ask the venue to cancel it. Answered by CancelAnswered, which is no outcome, or not at all.

    Where the answer shows the order, that is told by OrderReported.
    """

    symbol: str
    client_order_id: int


class GuardResting(msgspec.Struct, frozen=True):
    """Orders rest from now on (``on``), or none does any more.

    While they do, the venue is to cancel them by itself once it hears nothing of us, if it can.
    """

    on: bool


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Every read: ``lane`` says what of the venue's request budget it may use.

    One that it does not let through is answered by ReadWithheld. ``asked_s``: when (monotonic).
    """

    lane: Lane = Lane.DOUBT
    asked_s: float = float("inf")


class ReadOrder(Question, frozen=True):
    """Ask what became of one order. Answered by OrderReported or OrderAbsent."""

    new: NewOrder


class ReadFills(Question, frozen=True):
    """Read all fills executed at or after ``since_ns`` (UTC). Answered by FillsRead."""

    since_ns: int


class ReadOpenOrders(Question, frozen=True):
    """Read what rests. Answered by OpenOrdersRead."""


class ReadPositions(Question, frozen=True):
    """Read the positions. Answered by PositionsRead."""


class ReadBalances(Question, frozen=True):
    """Read equity and free margin. Answered by BalancesRead."""


class ReadWithheld(msgspec.Struct, frozen=True):
    """Nothing was sent: the venue's request budget has nothing left for this question."""

    question: Question


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer to a read: who was asked ("": the gateway), and when (monotonic), if it says."""

    by: str = ""
    asked_s: float = float("inf")


class Ping(msgspec.Struct, frozen=True):
    """Ask the peer for a sign of life. Answered by Ponged to ``reply_to``, or not at all."""

    reply_to: str
