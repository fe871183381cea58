"""What the record of an open cycle says that its legs hold, when a venue can't be asked. Pure.

It is no position: it is what our own orders can have made, at least and at most. An order without
an outcome has executed anything from what is known of it to its whole size. One that takes risk off
waits for no disk, so the last of a life may not be on record at all. That shows by its id: ids are
handed out in a row, and the last one is noted before its order can be sent. The record is complete
when every id since the cycle's first is on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.ids import IDS_OF_EPOCH, compact_id, epoch_of
from trading.leg import Leg
from venues.model import ZERO, Instrument, NewOrder

NOT_OPEN = "no cycle was open"


class Span(NamedTuple):
    """A signed position, as far as it is known."""

    least: Decimal
    most: Decimal

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


class OrderOnRecord(msgspec.Struct, frozen=True):
    """An order of the open cycle: what of it is known to have executed, and whether it is over.

    ``exact``: amount and fees are those of all its fills.
    """

    venue: str
    new: NewOrder
    executed: Decimal
    over: bool
    quote_amount: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0
    exact: bool = False


class CycleRecorded(msgspec.Struct, frozen=True):
    """Where the open cycle stands by the record alone.

    ``trouble`` is why that can't be relied on, or empty; then ``legs`` has a span for each leg.
    ``orders`` are all that are on record, either way.
    """

    legs: dict[Leg, Span] = {}
    trouble: str = NOT_OPEN
    orders: tuple[OrderOnRecord, ...] = ()


def recorded(
    orders: Collection[OrderOnRecord],
    known: Collection[int],
    *,
    instruments: Mapping[Leg, Instrument],
    previous: int | None,
    last: int | None,
) -> CycleRecorded:
    """``known``: ids of 32 bits of every order on record, of whoever, since the cycle's first.

    ``previous`` is the last id that the process before this one has handed out, ``last`` that of
    this one; None when there is none, or it is not known.
    """
    trouble = _missing([compact_id(o.new.client_order_id) for o in orders], known, previous, last)
    if trouble:
        return CycleRecorded({}, trouble, tuple(orders))
    spans = {leg: _span(orders, its) for leg, its in instruments.items()}
    return CycleRecorded(spans, "", tuple(orders))


def certain_excess(size: Decimal, other: Span) -> Decimal:
    """What of a position is too much whatever the other leg holds within its span; signed."""
    if size > 0:
        return max(ZERO, min(size, size + other.least))
    return min(ZERO, max(size, size + other.most))


def _span(orders: Collection[OrderOnRecord], instrument: Instrument) -> Span:
    least = most = ZERO
    for order in orders:
        new = order.new
        if (order.venue, new.symbol) != (instrument.venue, instrument.symbol):
            continue
        whole = order.executed if order.over else max(order.executed, new.size)
        parts = (order.executed * new.side.sign, whole * new.side.sign)
        least, most = least + min(parts), most + max(parts)
    return Span(least, most)


def _missing(
    ours: Collection[int], known: Collection[int], previous: int | None, last: int | None
) -> str:
    """Why there may be an order of this cycle that is not on record, or ""."""
    if not ours:
        return "no order of it is on record"
    ends = {epoch_of(end): end for end in (previous, last) if end is not None}
    epoch = epoch_of(min(ours))
    if epoch_of(max(ours)) != epoch:
        return "its orders are of several lives"
    if epoch not in ends or ends[epoch] < max(ours):
        return "which order was the last is not known"
    tails = [range(min(ours), ends[epoch] + 1)]
    if last is not None and epoch_of(last) != epoch:  # of this life, and not on record
        tails.append(range(epoch_of(last) * IDS_OF_EPOCH, last + 1))
    lost = next((number for tail in tails for number in tail if number not in known), None)
    return "" if lost is None else f"order {lost} may have been sent, and is not on record"
