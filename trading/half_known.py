"""A start at which one venue can't be read: what is safe to do at the other. Pure.

The venue that can't be read may hold the leg that balances ours: to close ours could make a naked
leg where nobody can act. So nothing is guessed. When the record of the open cycle is complete
(``trading.on_record``) and agrees with the leg that was read, what of that leg is too much whatever
the other one holds is taken off, reduce-only. What is balanced, or may be, is left as it is, and so
is a leg that is too small. All of it is read anew after each order, and once both can be read.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from decimal import Decimal

from trading.cycle_effects import ChangePhase, Effect
from trading.desk import Phase
from trading.leg import Leg
from trading.on_record import Span, certain_excess
from trading.placing import PlacingDesk


class HalfKnownDesk(PlacingDesk, abc.ABC):
    """A desk that does not know yet what both venues hold."""

    def partly_read(
        self, known: Mapping[Leg, Decimal], outside: Mapping[Leg, Decimal], now_s: float
    ) -> list[Effect]:
        """What is sure of what the venues hold, while not all of it is. ``outside`` as always."""
        for leg, others in outside.items():
            self.legs[leg].outside = others
        self._half = None
        if len(known) == 1:
            ((leg, size),) = known.items()
            self._first_known_s.setdefault(leg, now_s)
            self._half = leg, size - self.legs[leg].outside
        return self._decide(now_s)

    def _half_known_due_s(self) -> list[float]:
        return [known_s + self.plan.hedge_deadline_s for known_s in self._first_known_s.values()]

    def _while_half_known(self, now_s: float) -> None:
        """The other venue could not be read for longer than a leg may be naked."""
        if self._half is None or self.phase is not Phase.RECOVERING:
            return
        leg, size = self._half
        if now_s - self._first_known_s[leg] < self.plan.hedge_deadline_s:
            return
        other = self.on_record.legs.get(leg.other)
        excess = Decimal(0)
        if self.on_record.trouble or other is None:
            what = f"left as it is: {self.on_record.trouble}"
        elif not self._on_record(leg, size):
            what = f"left as it is: on record it is {self.on_record.legs[leg]}"
        else:
            excess = certain_excess(size, other) if self._reducible({leg: size}) else Decimal(0)
            what = f"on record the other is {other}: "
            what += f"{excess} is too much and is taken off" if excess else "left as it is"
        if self.orders.executed(leg):
            what += f" ({self.orders.executed(leg):+f} done)"
        self._say(leg, size, what)
        if excess and other is not None and not self.leaving:
            self._take_off(leg, size, excess, other, now_s)

    def _on_record(self, leg: Leg, size: Decimal) -> bool:
        """Could our own orders, and nothing else, have made that?"""
        span, before = self.on_record.legs[leg], size - self.orders.executed(leg)
        return span.least <= before <= span.most

    def _take_off(
        self, leg: Leg, size: Decimal, excess: Decimal, other: Span, now_s: float
    ) -> None:
        self._begin_recovery(now_s)
        self._holds(leg, size)
        self._holds(leg.other, other.least if size > 0 else other.most)
        self._note_naked(now_s)
        self._move(leg, -excess, now_s)
        if self.orders.live(leg):
            self._half = None  # until it has been read anew

    def _say(self, leg: Leg, size: Decimal, what: str) -> None:
        here, there = (self.legs[which].instrument.venue for which in (leg, leg.other))
        words = (f"what {there} holds is not known; {here} holds {size}, {what}",)
        if words != self.waiting:
            self.waiting = words
            self._effects.append(ChangePhase(self.phase, words[0]))
