"""Which funding belongs to which cycle: a venue books it late, and knows no cycles. Pure.

A payment belongs to the cycle that ended first at or after the moment it was due: between cycles
nothing is held. What a cycle has been charged is a sum over all payments known, so that nothing is
counted twice however often it is read. A position of somebody else's beside ours is not told apart.

That holds as far back as every end is known: of a desk whose earlier cycles have not been told yet,
or can't be, a payment might fall on one that did not bear it, so nothing is changed there.
"""

from __future__ import annotations

from bisect import insort
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


class DeskEnds(msgspec.Struct, frozen=True):
    """Every cycle of a desk that ended after ``since_ns`` (UTC), oldest first."""

    desk: str
    ends: tuple[CycleEnd, ...]
    since_ns: int


class _DeskFunding:
    """The latest cycles of one desk, and the payments since ``since_ns``."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.told = False  # the cycles that ended before we looked
        self.ends: list[CycleEnd] = []  # in order, and none is missing since then
        self.payments: dict[str, tuple[Leg, FundingPayment]] = {}

    def ended(self, end: CycleEnd) -> None:
        if any(known.cycle == end.cycle for known in reversed(self.ends)):
            self.recorded(end.cycle, end.funding)
        elif end.ended_ns > self.since_ns:
            insort(self.ends, end, key=lambda one: one.cycle)
            if len(self.ends) > _KEPT:
                self._forget_until(self.ends[0].ended_ns)

    def earlier(self, found: DeskEnds) -> None:
        for end in found.ends:
            self.ended(end)
        if not self.told:  # from then on we hear of each
            self.told = True
            self._forget_until(found.since_ns)

    def _forget_until(self, utc_ns: int) -> None:
        self.since_ns = max(self.since_ns, utc_ns)
        self.ends = [end for end in self.ends if end.ended_ns > self.since_ns]
        kept = self.payments.items()
        self.payments = {k: paid for k, paid in kept if paid[1].event_ns > self.since_ns}

    def recorded(self, cycle: int, funding: Mapping[Leg, Decimal]) -> None:
        for place, end in enumerate(self.ends):
            if end.cycle == cycle:
                self.ends[place] = msgspec.structs.replace(end, funding=dict(funding))

    def changes(self) -> list[CycleEnd]:
        if not self.told:
            return []
        sums: dict[int, dict[Leg, Decimal]] = {}
        for leg, payment in self.payments.values():
            cycle = next((e.cycle for e in self.ends if e.ended_ns >= payment.event_ns), None)
            if cycle is not None:  # else the one that bears it is not over
                charged = sums.setdefault(cycle, {})
                charged[leg] = charged.get(leg, ZERO) + payment.amount
        return [
            # A leg without payments keeps what it has: its venue may not have been read yet.
            msgspec.structs.replace(end, funding={**end.funding, **sums[end.cycle]})
            for end in self.ends
            # Of one that began before we looked, there may be payments that we do not have.
            if end.began_ns > self.since_ns
            and any(end.funding.get(leg) != paid for leg, paid in sums.get(end.cycle, {}).items())
        ]


class FundingBook:
    """The payments of all venues since ``since_ns`` (UTC), and the cycles that bear them.

    ``legs``: which leg of which desk trades an instrument, by venue and symbol. Nothing of a desk
    is changed before ``earlier`` has been told of it.
    """

    def __init__(self, legs: Mapping[tuple[str, str], tuple[str, Leg]], since_ns: int) -> None:
        self._legs = legs
        self._desks = {desk: _DeskFunding(since_ns) for desk, _ in legs.values()}

    @property
    def told(self) -> bool:
        """True once ``earlier`` has been told of every desk."""
        return all(desk.told for desk in self._desks.values())

    def ended(self, end: CycleEnd) -> None:
        """A cycle is over; the same one again changes nothing but what its record has."""
        self._desks[end.desk].ended(end)

    def earlier(self, found: DeskEnds) -> None:
        """What is on record of a desk, which reaches as far back as its funding is looked at."""
        if found.desk in self._desks:
            self._desks[found.desk].earlier(found)

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
