"""The cycle machine of a desk: open, hedge every fill, hold, close, settle; or unwind. Pure.

Events go in with the monotonic time at which they are handled; effects come out. What to do is
level-triggered: it follows from the positions that all executed quantities add up to, never from
the event itself, so a repeated or late message can't make it act twice. Hedge, unwind and flatten
are one thing with another target:

- the primary is moved to its target (one cycle size, or nothing), only while the desk is balanced;
- the hedge is moved to minus the primary, whenever the difference can be traded there;
- when the hedge cannot be had in time, the primary is moved to minus the hedge instead.

One unresolved order a leg at most; what it leaves goes with the next.
"""

from __future__ import annotations

from decimal import Decimal

from trading.cycle_control import ControlledDesk
from trading.cycle_effects import (
    RECOVER,
    ChangePhase,
    CheckPositions,
    Effect,
    FinishCycle,
    PlaceOrder,
    ReadAnew,
    StartCycle,
)
from trading.cycle_record import CycleBook, build_record
from trading.cycle_state import READINGS
from trading.desk import LegOrder, LegState, Phase
from trading.ids import Leg
from trading.orders import OrderState, OrderView
from venues.model import ZERO, Quote, Side

__all__ = [
    "RECOVER",
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
_LONGEST_PAUSE = 4  # times the retry pause, after refusals in a row
MAX_ATTEMPTS = 128  # orders on one leg in one cycle: beyond that, nothing more is opened
_ROUNDS = 8  # of decide() in one event; a phase never needs more than a few to come to rest


class CycleMachine(ControlledDesk):
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

    def readiness(self, leg: Leg, ready: bool, new_risk: bool, now_s: float) -> list[Effect]:
        """A venue became ready for orders (``new_risk``: also for opening), or ceased to be."""
        state = self.legs[leg]
        if ready and not state.ready:
            state.next_try_s = now_s
        state.ready = ready
        state.new_risk = new_risk
        return self._decide(now_s)

    def order_progressed(
        self, leg: Leg, attempt: int, view: OrderView, now_s: float
    ) -> list[Effect]:
        """What is known of one of our orders has grown."""
        resolved_now = self.book.progress(leg, attempt, view, now_s)
        self._note_naked(now_s)
        if resolved_now:
            self._after_order(self.legs[leg], attempt, view, now_s)
        self._trigger_s = view.received_s
        try:
            return self._decide(now_s)
        finally:
            self._trigger_s = 0.0

    def positions_read(self, leg: Leg, size: Decimal, now_s: float) -> list[Effect]:
        """A position as the venue has it, read after it was asked for."""
        size -= self.legs[leg].outside
        self._readings[leg] = self._readings[leg] + 1 if self._confirmed.get(leg) == size else 1
        self._confirmed[leg] = size
        if self._irreducible(leg, size):
            ours = self.position(leg)
            if not self._contradicted(
                f"{leg.value}: ours is {ours}, the venue holds {size}", now_s
            ):
                left = size if ours * size > 0 else ZERO
                self.legs[leg].held += left - ours
                self._note_naked(now_s)
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
        ]
        if self._needed_since_s is not None:
            moments.append(self._needed_since_s + self.plan.hedge_deadline_s)
        if self.phase is Phase.SETTLING:
            moments.append(self._asked_positions_s + self.plan.retry_s)
        elif self.phase is Phase.RECOVERING:
            moments.append(self._asked_positions_s + _READ_AGAIN_S)
        later = [moment for moment in moments if moment > now_s]
        return min(later) if later else None

    # -- decisions --------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> list[Effect]:
        for _ in range(_ROUNDS):
            before = self.phase
            self._step(now_s)
            if self.phase is before:
                break
        effects, self._effects = self._effects, []
        return effects

    def _step(self, now_s: float) -> None:
        if self.phase is Phase.IDLE:
            self._idle(now_s)
        elif self.phase is Phase.SETTLING:
            self._settle(now_s)
        elif self.phase is Phase.RECOVERING:
            self._ask_positions(now_s, _READ_AGAIN_S)
        elif self.phase not in (Phase.HALTED, Phase.DONE):
            self._trade(now_s)

    def _idle(self, now_s: float) -> None:
        if self.halted:
            self._change(Phase.HALTED, self.halted)
        elif self.stopping or (self.plan.cycles is not None and self.finished >= self.plan.cycles):
            self._change(Phase.DONE, f"{self.finished} cycles")
        elif now_s >= max(self._until_s, self._unsure_until_s) and self._may_open(now_s):
            self.cycle += 1
            self._hurried = False
            self._target = self.plan.size * self.plan.direction.sign(self.finished)
            direction = Side.towards(self._target).value
            self._effects.append(StartCycle(self.cycle, direction, self.plan.size))
            self.book.begin(now_s, direction)
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
        if not self._balanced():
            return
        if self.phase is Phase.OPENING:
            self._open(now_s)
        elif self.phase is Phase.HOLDING:
            if now_s >= self._until_s or self._ending:
                self._change(Phase.CLOSING, "")
        elif self._move(Leg.PRIMARY, self._next_to_close(), now_s):
            return
        elif self._done_with(Leg.PRIMARY) and self._done_with(Leg.HEDGE):
            self._begin_settling()
        else:
            # The primary is flat and the rest of the hedge too small to offset: close it as it is.
            self._move(Leg.HEDGE, -self.position(Leg.HEDGE), now_s)

    def _open(self, now_s: float) -> None:
        leg = self.legs[Leg.PRIMARY]
        wanted = self._target - self.position(Leg.PRIMARY)
        giving_up = self._ending or leg.tries >= self.plan.entry_attempts
        if not giving_up and self._tradable(Leg.PRIMARY, wanted):
            if self._may_open(now_s):
                self._move(Leg.PRIMARY, wanted, now_s)
        elif self.position(Leg.PRIMARY):
            leg.tries = 0
            self._until_s = now_s + self.plan.hold_s
            self._change(Phase.HOLDING, "")
        else:
            self._begin_settling()

    def _unwind(self, now_s: float) -> None:
        if any(self.book.live(leg) for leg in Leg):
            return  # what is unresolved may have executed; sizing against it would be a guess
        ways = [leg for leg in Leg if self._tradable(leg, self.net)]
        if ways:
            leg = min(ways, key=self._last_resort)
            self._move(leg, self._next_to_balance(leg), now_s)
        elif self._done_with(Leg.PRIMARY) and self._done_with(Leg.HEDGE):
            self._begin_settling()
        elif all(self._closable(leg) for leg in Leg) and now_s >= self._until_s:
            self._change(Phase.CLOSING, "balanced, closing both legs")

    def _last_resort(self, leg: Leg) -> tuple[bool, bool]:
        """Rather a venue that takes our orders, and rather less of a position than more of one."""
        state = self.legs[leg]
        return not state.ready or state.shut, self.position(leg) * self.net <= 0

    def _hedge(self, now_s: float) -> None:
        self._move(Leg.HEDGE, -self.net, now_s)

    def _move(self, which: Leg, wanted: Decimal, now_s: float) -> bool:
        """Place an order that moves a leg by ``wanted``; True when there is one to wait for."""
        leg = self.legs[which]
        if self.book.live(which):
            return True
        if not self._tradable(which, wanted):
            leg.tries = 0
            return False
        if not leg.ready or leg.quote is None or now_s < leg.next_try_s:
            return True
        if leg.attempt >= MAX_ATTEMPTS:
            self.halted = self.halted or f"{leg.attempt} orders on one leg in one cycle"
        self._place(leg, leg.quote, wanted, now_s)
        return True

    def _place(self, leg: LegState, quote: Quote, wanted: Decimal, now_s: float) -> None:
        side = Side.towards(wanted)
        size = leg.instrument.floor_size(min(abs(wanted), self.plan.size))
        ours = self.position(leg.leg)
        held = ours + leg.outside  # what the venue looks at
        reducing = ours * wanted < 0 and size <= abs(ours)
        order = LegOrder(
            leg=leg.leg,
            cycle=self.cycle,
            attempt=leg.attempt,
            side=side,
            size=size,
            price=self._capped_price(leg, quote, side),
            reduce_only=reducing and held * wanted < 0 and size <= abs(held),
            adds_risk=self.phase is Phase.OPENING and leg.leg is Leg.PRIMARY and not reducing,
            mid=quote.mid,
            trigger_s=self._trigger_s,
        )
        leg.attempt += 1
        self.book.placed(order, now_s)
        self._effects.append(PlaceOrder(order))

    def _after_order(self, leg: LegState, attempt: int, view: OrderView, now_s: float) -> None:
        self._note_key(leg, view)
        if abs(view.signed_executed) >= view.size:
            leg.tries = leg.refusals = leg.unreduced = 0
            leg.next_try_s = now_s
            return
        leg.tries += 1
        refused = view.state in (OrderState.REJECTED, OrderState.NOT_SENT)
        leg.refusals = leg.refusals + 1 if refused else 0
        pauses = 1 << min(leg.refusals - 1, _LONGEST_PAUSE) if refused else 1
        pause_s = self.plan.retry_s * min(pauses, _LONGEST_PAUSE)
        leg.next_try_s = now_s + (pause_s if refused or leg.tries >= len(self.plan.ladder) else 0.0)
        vain = self.book.order(leg.leg, attempt).reduce_only and not view.signed_executed
        leg.unreduced = leg.unreduced + 1 if vain else 0
        if leg.unreduced >= READINGS:  # our idea of the position may be wrong
            if leg.unreduced == READINGS:
                self._readings[leg.leg] = 0
            self._ask_positions(now_s, self.plan.retry_s)

    # -- settling ---------------------------------------------------------------------------------

    def _begin_settling(self) -> None:
        self._asked_positions_s = float("-inf")
        self._confirmed.clear()
        self._readings = dict.fromkeys(Leg, 0)
        self._until_s = float("-inf")
        self._change(Phase.SETTLING, "")

    def _settle(self, now_s: float) -> None:
        if not self.flat and not self._is_dust():
            self._until_s = float("-inf")
            self._change(Phase.UNWINDING, "an order executed late")
            return
        if self._until_s == float("-inf"):
            self._until_s = now_s + self.plan.settle_timeout_s
        agreed = all(self._confirmed.get(leg) == self.position(leg) for leg in Leg)
        if agreed and (self.book.fills_complete or now_s >= self._until_s):
            self._finish(now_s)
        elif self._disagreed() and now_s >= self._until_s:
            found = ", ".join(f"{leg.value} {size}" for leg, size in self._confirmed.items())
            ours = ", ".join(f"{leg.value} {self.position(leg)}" for leg in Leg)
            if not self._contradicted(f"the cycle explains {ours}, the venues hold {found}", now_s):
                self._mismatch = True
                self._finish(now_s)
        elif not agreed:
            self._ask_positions(now_s, self.plan.retry_s)

    def _ask_positions(self, now_s: float, period_s: float) -> None:
        if now_s - self._asked_positions_s >= period_s:
            self._asked_positions_s = now_s
            self._effects.append(CheckPositions())

    def _finish(self, now_s: float) -> None:
        outcome = "completed"
        if self._recovering:
            outcome = "recovered"
        elif self._unwound:
            outcome = "unwound"
        elif not self.book.anything_executed:
            outcome = "abandoned"
        self._close_book(outcome, now_s)
        for leg in self.legs.values():
            leg.tries = leg.refusals = 0
            leg.next_try_s = float("-inf")
        if outcome == "completed":
            self._setbacks = 0
        elif outcome == "abandoned":
            self._setbacks += 1
        self._until_s = now_s + max(self.plan.pause_s, self._cool_down_s())
        self._change(Phase.IDLE, "")

    def _close_book(self, outcome: str, now_s: float) -> None:
        """Record the cycle; what it leaves is held from now on."""
        record = build_record(self.plan, self.cycle, outcome, self.legs, self.book, now_s)
        self._effects.append(FinishCycle(record))
        self._count(outcome)
        self._recovering = self._unwound = self._hurried = False
        for leg in self.legs.values():
            leg.held = self.position(leg.leg)
            leg.attempt = 0
            leg.unreduced = 0
        self.book = CycleBook()

    def _count(self, outcome: str) -> None:
        """Only what traded is one of the planned cycles; vain attempts in a row halt the desk."""
        self._vain = self._vain + 1 if outcome == "abandoned" else 0
        self.finished += outcome in ("completed", "unwound")
        if self._vain >= self.plan.max_vain_cycles:
            self.halted = self.halted or f"{self._vain} cycles in a row executed nothing"
