"""When a venue holds less of a leg than our orders made: forced closes, and trades by hand. Pure.

What the venue holds is the truth of that leg then; nothing is bought back. The other leg is matched
to it, reduce-only, and the desk halts. A position larger than ours is somebody else's beside it,
and is left alone: the orders actor calls that drift.
"""

from __future__ import annotations

import abc
from decimal import Decimal
from typing import Final

from trading.cycle_effects import Effect
from trading.desk import Phase
from trading.evidence import FORCED_S, READINGS, SURE_S, left_of, taken_off
from trading.half_known import HalfKnownDesk
from trading.leg import Leg
from trading.leg_state import LegState
from venues.model import Fill

_OPEN: Final = (Phase.OPENING, Phase.HOLDING, Phase.CLOSING, Phase.UNWINDING)


class DoubtingDesk(HalfKnownDesk, abc.ABC):
    """A desk that compares what its venues hold with what its orders explain."""

    def positions_read(
        self, leg: Leg, size: Decimal, now_s: float, asked_s: float = float("inf")
    ) -> list[Effect]:
        """A position as the venue has it, asked for at ``asked_s``, or now."""
        state = self.legs[leg]
        state.evidence.read(size - state.outside, min(asked_s, now_s))
        if state.evidence.times == 1:
            state.read_mid = None if state.quote is None else state.quote.mid
        self._weigh(state, now_s)
        return self._decide(now_s)

    def forced(
        self, leg: Leg, fill: Fill, reason: str, now_s: float, *, earlier: bool = False
    ) -> list[Effect]:
        """The venue says that it has closed something of this leg by itself.

        What is gone of ours is told by readings, before this or after it; this is its money. One
        from before the present cycle began (``earlier``) is no reason to halt that, nor its money:
        readings told an earlier one. The position is read all the same, for clocks may differ.
        """
        if earlier and not self._recovering:
            if self.phase in _OPEN:
                self._ask_positions(now_s, self.plan.retry_s)
            return self._decide(now_s)
        if self.phase in (*_OPEN, Phase.SETTLING):
            self.orders.gone[leg].told(fill)
        if self.phase in _OPEN and self.position(leg):
            self._halt(reason)
            self._doubt(self.legs[leg], reason, now_s)
        return self._decide(now_s)

    def _weigh(self, leg: LegState, now_s: float) -> None:
        """Believe the readings of a leg once they suffice; ask for more while they do not."""
        seen, ours = leg.evidence.size, self.position(leg.leg)
        if self.phase not in _OPEN or self.orders.live(leg.leg) or (seen is None and not leg.doubt):
            return
        if seen is None or not leg.evidence.sure(self._span_s(leg)):
            if leg.doubt or seen != ours:
                self._ask_positions(now_s, self.plan.retry_s)
        elif taken_off(ours, seen):
            self._take_for_gone(leg, ours, seen, now_s)
        elif leg.doubt and leg.evidence.sure(SURE_S):
            leg.doubt = ""
        elif leg.doubt:
            self._ask_positions(now_s, self.plan.retry_s)

    def _span_s(self, leg: LegState) -> float:
        if leg.vain_reductions >= READINGS:
            return 0.0  # the venue's refusals say it too
        return FORCED_S if leg.doubt else SURE_S

    def _take_for_gone(self, leg: LegState, ours: Decimal, seen: Decimal, now_s: float) -> None:
        """The rest of the position is ours; the cycle goes on from there, to its end."""
        why = f"{leg.leg.value}: ours is {ours}, the venue holds {seen}"
        leg.evidence.forget()
        if self._contradicted(f"{why}: {leg.doubt}" if leg.doubt else why, now_s):
            return
        gone = left_of(ours, seen) - ours
        leg.held += gone
        self.orders.gone[leg.leg].read(gone, leg.read_mid)
        leg.doubt = ""
        leg.vain_reductions = 0
        self._unwound = True
        self.orders.reason = self.orders.reason or why
        self._note_naked(now_s)
        self._until_s = now_s
        # Not by the hedge as usual: what was closed is not to be opened again.
        self._change(Phase.UNWINDING, why)

    def _weigh_all(self, now_s: float) -> None:
        for leg in self.legs.values():
            self._weigh(leg, now_s)

    def _evidence_due_s(self) -> list[float]:
        """When positions are to be read again, while one is in question."""
        if self.phase in _OPEN and any(self._questioned(leg) for leg in self.legs.values()):
            return [self._asked_positions_s + self.plan.retry_s]
        return []

    def _questioned(self, leg: LegState) -> bool:
        seen = leg.evidence.size
        return bool(leg.doubt) or (seen is not None and seen != self.position(leg.leg))
