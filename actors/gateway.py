"""What a venue's order gateway is asked to do, whichever venue it is.

GRVT's gateway is its trading websocket, Backpack's its HTTP connections. The orders actor is the
only one that asks; answers go to it as its own messages, with the gateway's epoch in every answer
to a read, so that what an earlier connection said is not taken for the present state.
"""

from __future__ import annotations

import msgspec

from venues.model import NewOrder


class PlaceOrder(msgspec.Struct, frozen=True):
    """Sign it and send it. Answered by OrderSent or OrderNotSent, then by what became of it."""

    new: NewOrder


class ReadOrder(msgspec.Struct, frozen=True):
    """Ask what became of one order. Answered by OrderReported or OrderAbsent."""

    new: NewOrder


class ReadFills(msgspec.Struct, frozen=True):
    """Read all fills executed at or after ``since_ns`` (UTC). Answered by FillsRead."""

    since_ns: int


class ReadOpenOrders(msgspec.Struct, frozen=True):
    """Read what rests. Answered by OpenOrdersRead."""


class ReadPositions(msgspec.Struct, frozen=True):
    """Read the positions. Answered by PositionsRead."""


class Ping(msgspec.Struct, frozen=True):
    """Ask the peer for a sign of life. Answered by Ponged to ``reply_to``, or not at all."""

    reply_to: str


GatewayRequest = PlaceOrder | ReadOrder | ReadFills | ReadOpenOrders | ReadPositions
