"""Which funding belongs to which cycle: a venue books it late, and knows no cycles. Pure.

A payment belongs to the cycle that ended first at or after the moment it was due: between cycles
nothing is held. What a cycle has been charged is a sum over all payments known, so that nothing is
counted twice however often it is read. A position of somebody else's beside ours is not told apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from trading.leg import Leg
from venues.model import ZERO, FundingPayment

_KEPT: Final = 1_000  # cycles of a desk whose funding may still be booked


class CycleEnd(msgspec.Struct, frozen=True):
    """A cycle that is over (moments in UTC), and the funding that its record has by now."""

    desk: str
    cycle: int
    began_ns: int
    ended_ns: int
    funding: dict[Leg, Decimal]


class _DeskFunding:
    """The latest cycles of one desk, and the payments since ``since_ns``."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.ends: deque[CycleEnd] = deque()
        self.payments: dict[str, tuple[Leg, FundingPayment]] = {}

    def ended(self, end: CycleEnd) -> None:
        if self.ends and end.cycle <= self.ends[-1].cycle:
            self.recorded(end.cycle, end.funding)
            return
        self.ends.append(end)
        if len(self.ends) > _KEPT:
            self.since_ns = max(self.since_ns, self.ends.popleft().ended_ns)
            kept = self.payments.items()
            self.payments = {k: paid for k, paid in kept if paid[1].event_ns > self.since_ns}

    def recorded(self, cycle: int, funding: Mapping[Leg, Decimal]) -> None:
        for place, end in enumerate(self.ends):
            if end.cycle == cycle:
                self.ends[place] = msgspec.structs.replace(end, funding=dict(funding))

    def changes(self) -> list[CycleEnd]:
        sums: dict[int, dict[Leg, Decimal]] = {}
        for leg, payment in self.payments.values():
            cycle = next((e.cycle for e in self.ends if e.ended_ns >= payment.event_ns), None)
            if cycle is not None:  # else the one that bears it is not over
                sums.setdefault(cycle, dict.fromkeys(Leg, ZERO))[leg] += payment.amount
        return [
            msgspec.structs.replace(end, funding=sums[end.cycle])
            for end in self.ends
            # Of one that began before we looked, there may be payments that we do not have.
            if end.began_ns > self.since_ns and sums.get(end.cycle, end.funding) != end.funding
        ]


class FundingBook:
    """The payments of all venues since ``since_ns`` (UTC), and the cycles that bear them.

    ``legs``: which leg of which desk trades an instrument, by venue and symbol.
    """

    def __init__(self, legs: Mapping[tuple[str, str], tuple[str, Leg]], since_ns: int) -> None:
        self._legs = legs
        self._desks = {desk: _DeskFunding(since_ns) for desk, _ in legs.values()}

    def ended(self, end: CycleEnd) -> None:
        """A cycle is over; the same one again changes nothing but what its record has."""
        self._desks[end.desk].ended(end)

    def recorded(self, desk: str, cycle: int, funding: Mapping[Leg, Decimal]) -> None:
        """The cycle's record says this now."""
        self._desks[desk].recorded(cycle, funding)

    def booked(self, payments: Iterable[FundingPayment]) -> None:
        """What a venue has booked; each payment counts once."""
        for payment in payments:
            desk, leg = self._legs.get((payment.venue, payment.symbol), ("", Leg.PRIMARY))
            if desk and payment.event_ns > self._desks[desk].since_ns:
                self._desks[desk].payments[f"{payment.venue}|{payment.key}"] = (leg, payment)

    def changes(self) -> list[CycleEnd]:
        """The cycles whose records say something else than was booked, with what they should."""
        return [end for desk in self._desks.values() for end in desk.changes()]
