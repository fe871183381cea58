"""Balancing a desk by whichever leg can be had, when the hedge could not; then it closes. Pure.

The leg that reduces is tried first. What it is refused, or does not get, counts against it only
while the venue is known to hold what it is to reduce: then the other leg has its turn, and matches
it. The two go on in turns, a few orders each, until the desk is balanced. Never is more opened of
what a venue has closed by force, nor while an order of the last life may still execute.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trading.desk import Phase
from trading.evidence import FORCED_S, READINGS, taken_off
from trading.leg import Leg
from trading.leg_state import LegState
from trading.settling import SettlingDesk

_TRIES: Final = 2  # in a row of which nothing executed: then it is the other leg's turn


class UnwindingDesk(SettlingDesk, abc.ABC):
    """A desk that gets balanced, and holds or closes what it then has."""

    def _unwind(self, now_s: float) -> None:
        self._tend(now_s)
        if any(self.orders.live(leg) or self.legs[leg].doubt for leg in Leg):
            return  # what is unresolved may have executed; sizing against it would be a guess
        ways = self._ways()
        if ways:
            self.waiting = tuple(self._in_vain())
            leg = min(ways, key=lambda way: self._last_resort(way, now_s))
            self._move(leg, self._next_to_balance(leg), now_s)
            self._note_blocked(ways, now_s)
        elif self._done_with(Leg.PRIMARY) and self._done_with(Leg.HEDGE):
            self._begin_settling()
        elif self._unpriced() or self._unclosable() or now_s < self._until_s:
            return
        elif not self._hedge_goes_first(now_s):
            self._change(Phase.CLOSING, "balanced, closing both legs")

    def _ways(self) -> list[Leg]:
        """The legs that could balance it: more of one only in the place of less of the other."""
        ways = [leg for leg in Leg if self._tradable(leg, self.net)]
        return ways if any(self._reduces(leg) for leg in ways) else []

    def _reduces(self, leg: Leg) -> bool:
        return self.position(leg) * self.net > 0

    def _last_resort(self, which: Leg, now_s: float) -> tuple[bool, bool, bool, int, bool]:
        """The smallest is tried: rather a venue that takes orders, and rather less than more."""
        leg = self.legs[which]
        more = not self._reduces(which)
        unsure = now_s < self._unsure_until_s or bool(self.orders.gone[which].signed)
        blocked = not self._takes(which, -self.net)
        away = not leg.ready or leg.quote is None
        turns = self._vain_additions(leg) if more else self._vain_reductions(leg)
        return more and unsure, blocked, away, turns, more

    def _vain_additions(self, leg: LegState) -> int:
        """How many turns it has had: none is lost by another try."""
        return leg.shut + leg.vain_additions // _TRIES

    def _vain_reductions(self, leg: LegState) -> int:
        """The same. They count once it is not for want of a position that nothing executes."""
        if not self._surely_held(leg):
            return 0
        return (leg.key_refusals > 0) + leg.vain_reductions // _TRIES

    def _surely_held(self, leg: LegState) -> bool:
        """What it is to reduce is there, as far as can be known of a venue that refuses."""
        seen, ours = leg.evidence.size, self.position(leg.leg)
        if seen is not None and taken_off(ours, seen):
            return False
        if leg.refused_all or leg.key_refusals:
            return True
        return leg.vain_reductions >= READINGS and leg.evidence.sure(FORCED_S)

    def _in_vain(self) -> Iterator[str]:
        """Which venue executes nothing, for the operator."""
        for leg in self.legs.values():
            vain = max(leg.vain_additions, leg.vain_reductions)
            if vain >= _TRIES:
                yield f"{leg.instrument.venue} executed none of the last {vain} orders"

    def _hedge_goes_first(self, now_s: float) -> bool:
        """Balanced, for the hedge's venue would not close its leg: that leg asks whether it does.

        The primary, closed first as usual, would leave it naked once more. There is no hurry:
        while nothing of it goes, it is asked ever more rarely.
        """
        leg = self.legs[Leg.HEDGE]
        leg.stuck = leg.stuck or leg.vain_reductions >= _TRIES
        if not leg.stuck:
            return False
        asked = leg.orders_placed
        waits = self._move(Leg.HEDGE, -self.position(Leg.HEDGE), now_s)
        if leg.orders_placed > asked and leg.vain_reductions:
            self._setbacks += 1
            self._until_s = now_s + self._cool_down_s()
        return waits

    def _note_blocked(self, ways: list[Leg], now_s: float) -> None:
        """No market takes what would balance the desk: it halts, and goes on trying."""
        since_s = self._needed_since_s
        blocked = [leg for leg in ways if not self._takes(leg, -self.net)]
        late = since_s is not None and now_s - since_s >= self.plan.hedge_deadline_s
        if len(blocked) == len(ways) and late:
            modes = (self.legs[leg] for leg in ways)
            words = ", ".join(f"{s.instrument.venue} is {s.mode and s.mode.value}" for s in modes)
            self._halt(f"{self.net} is naked and no market takes it: {words}")

    def _next_to_balance(self, leg: Leg) -> Decimal:
        """What to move a leg by towards a net of zero; rather not across its own zero."""
        rest = -self.position(leg)
        across = rest * self.net < 0 and abs(rest) < abs(self.net)
        return rest if across and self._tradable(leg, rest) else -self.net

    # -- what is balanced stays so while one leg could not be closed ------------------------------

    def _unpriced(self) -> bool:
        """True while a leg has no price: both stay open, or the first to go leaves one naked."""
        lacking = [leg for leg in Leg if self.legs[leg].quote is None and not self._done_with(leg)]
        venues = (self.legs[leg].instrument.venue for leg in lacking)
        self.waiting = tuple(f"closing waits for a price of {venue}" for venue in venues)
        return bool(lacking)

    def _unclosable(self) -> bool:
        """True while a leg's venue would take no order, for the same reason."""
        stuck = [leg for leg in Leg if not self._closable(leg) and not self._done_with(leg)]
        venues = (self.legs[leg].instrument.venue for leg in stuck)
        self.waiting = tuple(f"closing waits for {venue}" for venue in venues)
        return bool(stuck)
