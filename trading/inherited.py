"""What earlier lives did in the cycle that a desk finds open: its fills on record. Pure.

Without them a cycle that was interrupted would begin with what the venues hold, and what it had
paid and lost until then would be in no record, no limit and no volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from trading.desk import OrderRecord
from trading.leg import Leg
from trading.on_record import CycleRecorded, OrderOnRecord
from venues.model import ZERO, Instrument

_PLACES = Decimal("0.000001")


class InheritedLeg(NamedTuple):
    """The executed orders of earlier lives on one leg."""

    orders: tuple[OrderOnRecord, ...] = ()

    @property
    def signed(self) -> Decimal:
        """What they have made of the position."""
        return sum((one.executed * one.new.side.sign for one in self.orders), ZERO)

    @property
    def traded(self) -> Decimal:
        """All that they have executed."""
        return sum((one.executed for one in self.orders), ZERO)

    @property
    def cash(self) -> Decimal:
        """What they have brought in; what they have cost is negative."""
        return sum((-one.new.side.sign * one.quote_amount for one in self.orders), ZERO)

    @property
    def fees(self) -> Decimal:
        """What they have paid in fees."""
        return sum((one.fees for one in self.orders), ZERO)

    @property
    def fills(self) -> int:
        """How many fills of them are on record."""
        return sum(one.fills for one in self.orders)

    def parts(self, *, reduce_only: bool) -> list[tuple[Decimal, Decimal]]:
        """Amount and size of those that closed, or opened."""
        return [
            (one.quote_amount, one.executed)
            for one in self.orders
            if one.new.reduce_only is reduce_only
        ]


class Inherited:
    """By leg, and as a whole. ``exact``: every order and every fill is on record."""

    def __init__(
        self,
        recorded: CycleRecorded | None = None,
        instruments: Mapping[Leg, Instrument] | None = None,
        own: frozenset[int] = frozenset(),
    ) -> None:
        """``own`` are orders of this life: they are no inheritance."""
        past = () if recorded is None else recorded.orders
        past = tuple(one for one in past if one.new.client_order_id not in own)
        self.exact = recorded is None or not (
            recorded.trouble or any(not (one.over and one.exact) for one in past)
        )
        self._legs = {
            leg: InheritedLeg(
                tuple(
                    one
                    for one in past
                    if one.executed and (one.venue, one.new.symbol) == (its.venue, its.symbol)
                )
            )
            for leg, its in (instruments or {}).items()
        }

    def leg(self, leg: Leg) -> InheritedLeg:
        """What was done on a leg."""
        return self._legs.get(leg, InheritedLeg())

    @property
    def anything_executed(self) -> bool:
        """True when an order of an earlier life has executed."""
        return any(its.orders for its in self._legs.values())

    def order_records(self) -> tuple[OrderRecord, ...]:
        """The executed orders. What the mid was at their decision is not on record: 0."""
        return tuple(_record(leg, one) for leg, its in self._legs.items() for one in its.orders)


def _record(leg: Leg, one: OrderOnRecord) -> OrderRecord:
    new = one.new
    return OrderRecord(
        leg=leg,
        client_order_id=new.client_order_id,
        side=new.side,
        size=new.size,
        price=new.price,
        mid=ZERO,
        reduce_only=new.reduce_only,
        executed=one.executed,
        average_price=(one.quote_amount / one.executed).quantize(_PLACES),
        fills=one.fills,
        fee=one.fees,
        state="on_record",
        reason="of an earlier life",
        ack_ms=None,
    )
