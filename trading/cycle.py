"""The cycle machine of a desk: open, hedge every fill, hold, close, settle; or unwind. Pure.

Events go in with the monotonic time at which they are handled; effects come out. What to do is
level-triggered: it follows from the positions that all executed quantities add up to, never from
the event itself, so a repeated or late message can't make it act twice. Hedge, unwind and flatten
are one thing with another target:

- the primary is moved to its target (one cycle size, or nothing), slice by slice, and each only
  while the desk is balanced; it takes what is there, or rests and is hedged as it executes;
- the hedge is moved to minus the primary, whenever the difference can be traded there;
- when the hedge cannot be had in time, the primary is moved to minus the hedge instead.

One unresolved order a leg at most; what it leaves goes with the next.
"""

from __future__ import annotations

from trading.cycle_effects import (
    RECOVER,
    CancelOrder,
    ChangePhase,
    CheckPositions,
    Effect,
    FinishCycle,
    PlaceOrder,
    ReadAnew,
    StartCycle,
)
from trading.desk import Phase
from trading.leg import Leg
from trading.orders import OrderView
from trading.plan import Style
from trading.slices import jittered_s
from trading.unwinding import UnwindingDesk
from venues.model import ZERO, MarketMode, Quote, Side

__all__ = [
    "RECOVER",
    "CancelOrder",
    "ChangePhase",
    "CheckPositions",
    "CycleMachine",
    "Effect",
    "FinishCycle",
    "PlaceOrder",
    "ReadAnew",
    "StartCycle",
]

_READ_AGAIN_S = 1.0  # while nothing is known at the start: a read that failed says nothing
_ENTRY_BLOCKED_S = 5.0  # an entry that may not go on for so long is left at what it has
_HALT_UNREAD_S = 5.0  # a halted desk with nothing of its own open waits so long for its positions
_GATHER_S = 0.02  # of a burst of fills: its last may be too little for a hedge of its own
_ROUNDS = 8  # of decide() in one event; a phase never needs more than a few to come to rest


class CycleMachine(UnwindingDesk):
    """One desk. Not thread-safe: its coordinator calls it in its own thread."""

    # -- events -----------------------------------------------------------------------------------

    def quoted(
        self, leg: Leg, quote: Quote, now_s: float, read_s: float | None = None
    ) -> list[Effect]:
        """A new best bid and ask, read from its socket at ``read_s`` (default: now).

        One with an empty side, or crossed, tells no price: it does not replace the last that did.
        """
        state = self.legs[leg]
        if ZERO < quote.bid < quote.ask:
            state.quote = quote
            state.quoted_s = now_s if read_s is None else read_s
        return self._decide(now_s)

    def unquoted(self, leg: Leg, now_s: float) -> list[Effect]:
        """There is no price now: nothing is opened; what takes risk off goes by the last one."""
        self.legs[leg].quoted_s = float("-inf")
        return self._decide(now_s)

    def readiness(
        self, leg: Leg, ready: bool, new_risk: bool, now_s: float, why: str = ""
    ) -> list[Effect]:
        """A venue became ready for orders (``new_risk``: also for opening), or ceased to be.

        ``why`` it is not, for the operator.
        """
        state = self.legs[leg]
        if ready and not state.ready:
            state.next_try_s = now_s
        state.ready = ready
        state.new_risk = new_risk
        state.why_not = why
        return self._decide(now_s)

    def order_progressed(
        self, leg: Leg, attempt: int, view: OrderView, now_s: float
    ) -> list[Effect]:
        """What is known of one of our orders has grown."""
        before = self.orders.executed(leg)
        reason_followed = self.orders.reason_follows(leg, attempt)
        resolved_now = self.orders.progress(leg, attempt, view, now_s)
        if self.orders.executed(leg) != before:
            self.legs[leg].evidence.executed(now_s)
        self._note_naked(now_s)
        if resolved_now:
            self._order_over(self.legs[leg], attempt, view, now_s)
        elif reason_followed and not view.reason_follows:
            self._explained(self.legs[leg], attempt, view, now_s)
        self._trigger_s = view.received_s
        try:
            return self._decide(now_s)
        finally:
            self._trigger_s = 0.0

    def market_mode(self, leg: Leg, mode: MarketMode | None, now_s: float) -> list[Effect]:
        """What the leg's market takes has changed; None when it is not known any more."""
        self.legs[leg].mode = mode
        return self._decide(now_s)

    def tick(self, now_s: float) -> list[Effect]:
        """Time has passed."""
        return self._decide(now_s)

    def next_due_s(self, now_s: float) -> float | None:
        """When ``tick`` could change something, if nothing else happens before."""
        moments = [
            self._until_s,
            self._unsure_until_s,
            *(state.next_try_s for state in self.legs.values()),
            *self._unexplained_due_s(),
            *self._resting_due_s(),
            *self._evidence_due_s(),
        ]
        if self._needed_since_s is not None:
            moments.append(self._needed_since_s + self.plan.hedge_deadline_s)
            if self.orders.live(Leg.PRIMARY):
                moments.append(self._needed_since_s + _GATHER_S)
        if self._closed_since_s is not None:
            moments.append(self._closed_since_s + _ENTRY_BLOCKED_S)
        if self.phase is Phase.SETTLING:
            moments.append(self._asked_positions_s + self.plan.retry_s)
        elif self.phase is Phase.RECOVERING:
            moments.append(self._asked_positions_s + _READ_AGAIN_S)
            moments += self._half_known_due_s()
        later = [moment for moment in moments if moment > now_s]
        return min(later) if later else None

    # -- decisions --------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> list[Effect]:
        self._judge_unexplained(now_s)
        for _ in range(_ROUNDS):
            before = self.phase
            self._step(now_s)
            if self.phase is before:
                break
        effects, self._effects = self._effects, []
        return effects

    def _step(self, now_s: float) -> None:
        if self.leaving and self.phase not in (Phase.RECOVERING, Phase.HALTED, Phase.DONE):
            self._leave(now_s)
        elif self.phase is Phase.IDLE:
            self._idle(now_s)
        elif self.phase is Phase.SETTLING:
            self._settle(now_s)
        elif self.phase is Phase.RECOVERING:
            self._ask_positions(now_s, _READ_AGAIN_S)
            self._while_half_known(now_s)
            self._halt_unread(now_s)
        elif self.phase not in (Phase.HALTED, Phase.DONE):
            self._weigh_all(now_s)
            self._trade(now_s)

    def _halt_unread(self, now_s: float) -> None:
        """Halted, with nothing open of its own: it need not know what somebody else trades."""
        if not self.halted or self.interrupted:
            self._halted_since_s = None
        elif self._halted_since_s is None:
            self._halted_since_s = now_s
        elif now_s - self._halted_since_s >= _HALT_UNREAD_S:
            self._mismatch = True
            self._change(Phase.HALTED, self.halted)

    def _leave(self, now_s: float) -> None:
        self._tend(now_s)
        if any(self.orders.live(leg) for leg in Leg):
            return
        if self.phase is Phase.SETTLING and self._may_record():
            self._finish(now_s)
        self._change(Phase.DONE, "told to leave everything as it is")

    def _idle(self, now_s: float) -> None:
        if self.halted:
            self._change(Phase.HALTED, self.halted)
        elif self.stopping or (self.plan.cycles is not None and self.finished >= self.plan.cycles):
            self._change(Phase.DONE, f"{self.finished} cycles")
        elif now_s < max(self._until_s, self._unsure_until_s):
            self.waiting = self._pausing(now_s)
        elif self._may_begin(now_s):
            self.cycle += 1
            self._hurried = False
            self._target = self.plan.size * self.plan.direction.sign(self.finished)
            direction = Side.towards(self._target).value
            self._effects.append(StartCycle(self.cycle, direction, self.plan.size))
            self.orders.begin(now_s, direction)
            self._change(Phase.OPENING, f"cycle {self.cycle}")

    def _trade(self, now_s: float) -> None:
        if self.phase is Phase.UNWINDING:
            self._unwind(now_s)
            return
        # Before the next try of the hedge: one more in doubt would outlast the deadline by far.
        if self._naked_too_long(now_s):
            self._unwound = True
            # A venue that refuses is ready all the same: each vain close waits longer for the next.
            self._setbacks += 1
            self._until_s = now_s + self._cool_down_s()
            self._change(Phase.UNWINDING, self._why_unwound())
            return
        self._hedge(now_s)
        self._tend(now_s)
        if not self._balanced() or any(leg.doubt for leg in self.legs.values()):
            return
        if self.phase is Phase.OPENING:
            self._open(now_s)
        elif self.phase is Phase.HOLDING:
            if now_s >= self._until_s or self._ending:
                self._change(Phase.CLOSING, "")
        else:
            self._close(now_s)

    def _open(self, now_s: float) -> None:
        wanted = self._next_to_open()
        if not self._entry_over(now_s) and self._tradable(Leg.PRIMARY, wanted):
            if not self._may_add(now_s):
                self._closed_since_s = self._closed_since_s or now_s
                return
            self._closed_since_s = None
            if self.plan.entry is Style.MAKER:
                self._rest(wanted, now_s)
            else:
                self._move(Leg.PRIMARY, wanted, now_s)
        elif self.position(Leg.PRIMARY):
            self.legs[Leg.PRIMARY].calm()
            hold_s = jittered_s(self.plan.hold_s, self.plan.hold_jitter, self.plan.desk, self.cycle)
            self._until_s = now_s + hold_s
            self._change(Phase.HOLDING, "")
        else:
            self._begin_settling()

    def _entry_over(self, now_s: float) -> bool:
        """True when the entry is left at what it has."""
        leg = self.legs[Leg.PRIMARY]
        if self._ending or self._refused is not None or leg.doubt:
            return True
        if self._closed_since_s is not None and now_s - self._closed_since_s >= _ENTRY_BLOCKED_S:
            return True
        if self.plan.entry is Style.MAKER:
            return leg.requotes_used >= self.plan.maker.requotes
        return leg.misses_in_a_row >= self.plan.entry_attempts

    def _close(self, now_s: float) -> None:
        if self._unpriced() or self._unclosable():
            return
        wanted = self._next_to_close()
        if self._exit_rests(now_s):
            waits = self._rest(wanted, now_s)
        else:
            waits = self._move(Leg.PRIMARY, wanted, now_s)
        if waits:
            return
        if self._done_with(Leg.PRIMARY) and self._done_with(Leg.HEDGE):
            self._begin_settling()
        else:
            # The primary is flat and the rest of the hedge too small to offset: close it as it is.
            self._move(Leg.HEDGE, -self.position(Leg.HEDGE), now_s)

    def _exit_rests(self, now_s: float) -> bool:
        """True while the exit is quoted; what is not had so in its budget crosses."""
        if self.plan.exit is not Style.MAKER or self._ending or self._recovering or self._unwound:
            return False
        within = self.legs[Leg.PRIMARY].requotes_used < self.plan.maker.requotes
        return within and not self.net and self._may_rest(now_s)

    def _hedge(self, now_s: float) -> None:
        if self._more_to_come(now_s):
            self._gathered_s = self._gathered_s or self._trigger_s
            return
        trigger_s = self._trigger_s
        self._trigger_s, self._gathered_s = self._gathered_s or trigger_s, 0.0
        self._move(Leg.HEDGE, -self.net, now_s)
        self._trigger_s = trigger_s

    def _more_to_come(self, now_s: float) -> bool:
        """True while what the primary's order may still execute would be too little by itself.

        Hedged without it, the position would go on with a difference that no hedge can take off.
        """
        since_s = self._needed_since_s
        if since_s is None or now_s >= since_s + _GATHER_S or self.orders.live(Leg.HEDGE):
            return False
        coming = self.orders.coming(Leg.PRIMARY)
        hedged = self.legs[Leg.HEDGE].instrument.floor_size(abs(self.net))
        left = abs(self.net + coming) - hedged
        return coming * self.net > 0 and not self._tradable(Leg.HEDGE, left)
