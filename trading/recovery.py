"""How a desk begins: from what the venues hold, whatever it or its last life thought. Pure.

A position at the start is the rest of an interrupted cycle, or nothing explains it. The first is
closed before anything is opened. The second is not touched unless the configuration or an operator
says what it is; nor is what may be of a position that was ignored and has changed since. An order
of the last life may still execute after the venues were read, until all of them have expired: while
that can be, a contradiction is no drift but a reason to read again. So is one found while that
start is being closed: what such an order did may show only then. While one venue can't be read,
``trading.half_known`` says what is done at the other.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from decimal import Decimal

from trading.cycle_effects import RECOVER, ChangePhase, Effect, ReadAnew, StartCycle
from trading.cycle_state import CycleState
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import Unexplained
from venues.model import ZERO

IGNORE_AGAIN = "closing that would reduce nothing: ketch ignore again takes what is there now"
"""What an operator can do when a position that was ignored is not there any more."""


def reduces_nothing(ours: Decimal, outside: Decimal) -> bool:
    """True when closing what seems ours would not take the venue's own position down by as much.

    That is ours and what was ignored (``outside``) together. Perhaps its owner has closed that.
    """
    raw = ours + outside
    return bool(ours) and (raw * ours <= 0 or abs(raw) < abs(ours))


class HeldPositions:
    """What both venues hold, once it is sure.

    Two equal readings in a row of a venue while no order of it is unresolved are what it holds:
    one alone may have been on its way while an order of the last life still executed. They are
    asked for at least ``apart_s`` apart: two that were asked for at once are one.
    """

    def __init__(self, apart_s: float) -> None:
        self._apart_s = apart_s
        self._since_s = float("-inf")
        self._read: dict[Leg, tuple[Decimal, float]] = {}
        self._held: dict[Leg, Decimal] = {}

    def read(self, leg: Leg, size: Decimal, settled: bool, asked_s: float) -> bool:
        """A reading came in, asked for at ``asked_s``; False: that venue has to be read again."""
        known = self._read.get(leg)
        if not settled or asked_s <= self._since_s:
            self._read.pop(leg, None)
        elif known is None or known[0] != size:
            self._read[leg] = (size, asked_s)
        elif asked_s - known[1] >= self._apart_s:
            self._held[leg] = size
            return True
        self._held.pop(leg, None)
        return False

    def forget(self, now_s: float) -> None:
        """An order of ours may execute, or has: only what is asked for later counts."""
        self._since_s = now_s
        self._read.clear()
        self._held.clear()

    @property
    def known(self) -> Mapping[Leg, Decimal]:
        """Signed positions of the legs that are sure."""
        return dict(self._held)

    @property
    def proven(self) -> Mapping[Leg, Decimal] | None:
        """Signed positions by leg, or None while one is not sure."""
        return {leg: self._held[leg] for leg in Leg} if len(self._held) == len(Leg) else None


class RecoveringDesk(CycleState, abc.ABC):
    """A desk that begins from what the venues hold."""

    def recover(
        self,
        held: Mapping[Leg, Decimal],
        explained: bool,
        now_s: float,
        *,
        size: Decimal = ZERO,
        outside: Mapping[Leg, Decimal] | None = None,
        unsure_until_s: float = float("-inf"),
    ) -> list[Effect]:
        """Begin; before this, nothing is done.

        ``explained``: a cycle was open, of ``size`` (default: the plan's). ``outside`` is a
        position that an operator has said to be somebody else's. Positions that no open cycle
        explains, or that are larger than a cycle or of the same sign on both legs, are dealt with
        as the plan says; those that can't be reduced, now that ``outside`` is not there any more,
        halt the desk, unless the record of the open cycle says that they are ours. Until
        ``unsure_until_s`` an order of the last life may still execute. While an order of ours has
        no outcome yet, nothing is begun: tell it again.
        """
        if any(self.orders.live(leg) for leg in Leg):
            return []
        self.waiting = ()
        for leg, others in (outside or {}).items():
            self.legs[leg].outside = others
        held = {leg: size - self.legs[leg].outside for leg, size in held.items()}
        self._unsure_until_s = unsure_until_s
        self._began_unsure = now_s < unsure_until_s
        fits = self._fits_a_cycle(held, size or self.plan.size) and self._reducible(held)
        if self._recovering and not fits:
            self._effects.append(ReadAnew("the venues hold more than the cycle explains"))
        elif not (any(held.values()) or self._recovering):
            self._change(Phase.IDLE, "")
        elif explained and fits:
            self._take_over(held, now_s, "closing what an interrupted cycle left")
        else:
            self._not_explained(held, explained, now_s)
        return self._decide(now_s)

    def woke(self) -> None:
        """The process has stood still: no price, reading or readiness from before counts.

        What orders have executed does; what they did meanwhile is told when a venue is ready anew.
        """
        for leg in self.legs.values():
            leg.ready = leg.new_risk = False
            leg.quote, leg.quoted_s = None, float("-inf")
            leg.evidence.forget()
        self._half = None
        self._first_known_s.clear()

    def adopt_found(self, now_s: float) -> list[Effect]:
        """What nothing explained is the rest of an interrupted cycle: balance it, close it."""
        if self.found is not None and self._may_close(self.found):
            self.halted = ""
            self._take_over(self.found, now_s, "closing what was found, as told")
        return self._decide(now_s)

    def flatten_found(self, now_s: float) -> list[Effect]:
        """Close what nothing explained, and stay halted."""
        if self.found is not None and self._may_close(self.found):
            self.halted = "what was found has been closed, as told; resume to go on"
            self._take_over(self.found, now_s, "closing what was found, as told")
        return self._decide(now_s)

    def ignore_found(self, now_s: float) -> list[Effect]:
        """What nothing explained is somebody else's: leave it alone, and trade beside it."""
        if self.found is not None:
            self.halted = ""
            self._leave_alone(self.found)
        return self._decide(now_s)

    @property
    def outside(self) -> dict[Leg, Decimal]:
        """Positions that are somebody else's, by leg; empty when there are none."""
        return {leg: state.outside for leg, state in self.legs.items() if state.outside}

    def _reducible(self, held: Mapping[Leg, Decimal]) -> bool:
        """Closing it reduces what the venues hold, or it is what our orders on record have made."""
        return not any(
            reduces_nothing(size, self.legs[leg].outside) and not self._surely_ours(leg, size)
            for leg, size in held.items()
        )

    def _surely_ours(self, leg: Leg, size: Decimal) -> bool:
        span, before = self.on_record.legs.get(leg), size - self.orders.executed(leg)
        return not self.on_record.trouble and span == (before, before)

    def _may_close(self, found: Mapping[Leg, Decimal]) -> bool:
        if self._reducible(found):
            return True
        self._effects.append(ChangePhase(self.phase, f"not closed: {IGNORE_AGAIN}"))
        return False

    def _found(self, leg: Leg, size: Decimal) -> str:
        """What the venue itself holds, in words."""
        outside = self.legs[leg].outside
        ignored = f" ({outside} was ignored)" if outside else ""
        return f"{leg.value} {size + outside or ZERO}{ignored}"

    def _not_explained(self, held: Mapping[Leg, Decimal], explained: bool, now_s: float) -> None:
        text = ", ".join(self._found(leg, size) for leg, size in held.items())
        reducible = self._reducible(held)
        expected = "what is left of a cycle" if explained else "to start flat"
        policy = self.plan.unexplained
        if policy is Unexplained.IGNORE and not explained:
            self._leave_alone(held)
        elif policy in (Unexplained.ADOPT, Unexplained.FLATTEN) and reducible:
            if policy is Unexplained.FLATTEN:
                self.halted = self.halted or f"found and closed: {text}; resume to go on"
            self._take_over(held, now_s, f"closing what was found: {text}")
        else:
            self.found = held
            for leg, size in held.items():
                self.legs[leg].held = size
            self.halted = f"expected {expected}, the venues hold: {text}"
            self.halted += "" if reducible else f"; {IGNORE_AGAIN}"
            self._note_naked(now_s)
            self._change(Phase.HALTED, self.halted)

    def _take_over(self, held: Mapping[Leg, Decimal], now_s: float, detail: str) -> None:
        self.found = None
        self._begin_recovery(now_s)
        for leg, size in held.items():
            self._holds(leg, size)
        self._change(Phase.UNWINDING, detail)
        self._note_naked(now_s)

    def _begin_recovery(self, now_s: float) -> None:
        """What is done from now on is on record as a cycle; it may have begun already."""
        if not self._recovering:
            self._recovering = True
            self.cycle += 1
            self._effects.append(StartCycle(self.cycle, RECOVER, self.plan.size))
            self.orders.begin(now_s, RECOVER)

    def _holds(self, leg: Leg, size: Decimal) -> None:
        """The leg holds so much now, whatever its orders have executed before."""
        self.legs[leg].held = size - self.orders.executed(leg)

    def _leave_alone(self, held: Mapping[Leg, Decimal]) -> None:
        self.found = None
        for leg, size in held.items():
            self.legs[leg].outside += size
            self.legs[leg].held = ZERO
        self._naked_since_s = self._needed_since_s = None
        self._change(Phase.IDLE, "what was found is left alone")

    def _contradicted(self, reason: str, now_s: float) -> bool:
        """The venues hold something else than our orders explain: halt, or begin anew (True)."""
        if now_s < self._unsure_until_s or (self._began_unsure and self._recovering):
            self._unsure_until_s = float("-inf")  # once is enough
            self._began_unsure = False
            self._effects.append(ReadAnew(reason))
            return True
        self.halted = self.halted or reason
        return False

    @abc.abstractmethod
    def _decide(self, now_s: float) -> list[Effect]:
        """What to do now, given everything that is known."""
