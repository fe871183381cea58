"""Balancing a desk by whichever leg can be had, when the hedge could not; then it closes. Pure.

The leg that reduces is tried first. What it does not get counts against it once its venue refuses
everybody, or is read to hold what is to be reduced: then the other leg has its turn, and matches
it. The two go on in turns, a few orders each, until the desk is balanced. What a venue has closed
by force is not opened again here, nor anything while an order of the last life may still execute.
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
_LONGEST_PROBE_PAUSE_S: Final = 30.0


class UnwindingDesk(SettlingDesk, abc.ABC):
    """A desk that gets balanced, and holds or closes what it then has."""

    def _unwind(self, now_s: float) -> None:
        self._tend(now_s)
        if any(self.orders.live(leg) or self.legs[leg].doubt for leg in Leg):
            return  # what is unresolved may have executed; sizing against it would be a guess
        ways = [leg for leg in Leg if self._may_balance(leg, now_s)]
        if self._balancing and not ways:
            for state in self.legs.values():
                state.vain_reductions = state.vain_additions = 0  # the next need is another one
        self._balancing = bool(ways)
        if ways:
            self._balance(min(ways, key=lambda leg: self._preference(leg, now_s)), now_s)
            self._note_blocked(ways, now_s)
        elif self._done_with(Leg.PRIMARY) and self._done_with(Leg.HEDGE):
            self._begin_settling()
        elif self._unpriced() or self._unclosable():
            return
        elif now_s < self._until_s:
            self.waiting = ("balanced; closing goes on after a pause",)
        elif self._stuck is Leg.HEDGE and not self._reduces(Leg.HEDGE):
            self._probe(now_s)
        else:
            self._change(Phase.CLOSING, "balanced, closing both legs")

    # -- by which leg -----------------------------------------------------------------------------

    def _balance(self, leg: Leg, now_s: float) -> None:
        self.waiting = tuple(self._in_vain())
        self._probes = 0  # the last one executed, or this is another need
        placed = self.legs[leg].orders_placed
        self._move(leg, self._next_to_balance(leg), now_s)
        if self.legs[leg].orders_placed > placed and not self._reduces(leg):
            self._stuck = leg.other

    def _may_balance(self, leg: Leg, now_s: float) -> bool:
        """Could this leg be moved? More of it only to match what can be closed with it later."""
        if not self._tradable(leg, self.net):
            return False
        if self._reduces(leg):
            return True
        if now_s < self._unsure_until_s or self.orders.gone[leg].signed:
            return False
        return self._tradable(leg.other, self.position(leg.other))

    def _reduces(self, leg: Leg) -> bool:
        """It has too much, and what would be ordered does not carry it past nothing."""
        ours = self.position(leg)
        return ours * self.net > 0 and (abs(ours) >= abs(self.net) or self._tradable(leg, ours))

    def _next_to_balance(self, leg: Leg) -> Decimal:
        """What to move a leg by towards a net of zero; rather not across its own zero."""
        rest = -self.position(leg)
        across = rest * self.net < 0 and abs(rest) < abs(self.net)
        return rest if across and self._tradable(leg, rest) else -self.net

    def _preference(self, which: Leg, now_s: float) -> tuple[bool, bool, int, bool]:
        """The smallest is tried: rather a venue that takes orders, and rather less than more."""
        leg = self.legs[which]
        more = not self._reduces(which)
        blocked = not self._takes(which, -self.net)
        away = not leg.ready or leg.quote is None
        if not more:  # it may be back in a moment
            away = away and self._is_late(now_s)
        return blocked, away, self._turns_of_more(leg) if more else self._turns_of_less(leg), more

    def _turns_of_more(self, leg: LegState) -> int:
        """How many turns it has had in vain."""
        return leg.shut + leg.vain_additions // _TRIES

    def _turns_of_less(self, leg: LegState) -> int:
        """The same; none as long as there may be nothing to reduce."""
        seen, ours = leg.evidence.size, self.position(leg.leg)
        if seen is not None and taken_off(ours, seen):
            return 0
        refuses_all = leg.turned_away >= _TRIES or leg.key_refusals > 0
        read_since = leg.vain_reductions >= READINGS and leg.evidence.sure(FORCED_S)
        if not (refuses_all or read_since):
            return 0
        return (leg.key_refusals > 0) + leg.vain_reductions // _TRIES

    def _in_vain(self) -> Iterator[str]:
        """Which venue executes nothing, for the operator."""
        for leg in self.legs.values():
            vain = max(leg.vain_additions, leg.vain_reductions)
            if vain >= _TRIES:
                yield f"{leg.instrument.venue} executed none of the last {vain} orders"

    def _note_blocked(self, ways: list[Leg], now_s: float) -> None:
        """No market takes what would balance the desk: it halts, and goes on trying."""
        blocked = [leg for leg in ways if not self._takes(leg, -self.net)]
        if len(blocked) == len(ways) and self._is_late(now_s, otherwise=False):
            modes = (self.legs[leg] for leg in ways)
            words = ", ".join(f"{s.instrument.venue} is {s.mode and s.mode.value}" for s in modes)
            self._halt(f"{self.net} is naked and no market takes it: {words}")

    def _is_late(self, now_s: float, *, otherwise: bool = True) -> bool:
        """A hedge has been needed for longer than it may take; ``otherwise``: none is needed."""
        if self._needed_since_s is None:
            return otherwise
        return now_s >= self._needed_since_s + self.plan.hedge_deadline_s

    # -- balanced, with a leg that one venue may not let go ---------------------------------------

    def _probe(self, now_s: float) -> None:
        """Close the hedge first, which its venue would not: the primary follows what executes.

        The primary first, as usual, would leave the hedge naked once more. There is no hurry: while
        nothing executes the pauses double.
        """
        leg = self.legs[Leg.HEDGE]
        placed = leg.orders_placed
        if not self._move(Leg.HEDGE, -self.position(Leg.HEDGE), now_s):
            self._stuck = None  # what is left is too little for an order
        elif leg.orders_placed > placed:
            pause_s = self.plan.retry_s * 2.0 ** min(self._probes, 16)
            self._until_s = now_s + min(pause_s, _LONGEST_PROBE_PAUSE_S)
            self._probes += 1

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
