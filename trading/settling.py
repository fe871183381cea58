"""The end of a cycle: both venues confirm what its orders say, and its record is made. Pure."""

from __future__ import annotations

import abc
from typing import Final

from trading.cycle_effects import FinishCycle
from trading.cycle_record import CycleOrders, build_record, interrupted_record
from trading.desk import CycleRecord, Phase
from trading.position_doubt import DoubtingDesk
from venues.model import Refusal

# What lasts is not tried again after half a second, a market that is shut not for half a minute.
_REFUSED_SETBACKS: Final = {Refusal.FUNDS: 4, Refusal.MARKET: 16}


class SettlingDesk(DoubtingDesk, abc.ABC):
    """A desk that ends its cycles by what the venues say."""

    def _begin_settling(self) -> None:
        self._asked_positions_s = float("-inf")
        for leg in self.legs.values():
            leg.evidence.forget()
        self._until_s = float("-inf")
        self._change(Phase.SETTLING, "")

    def _settle(self, now_s: float) -> None:
        if not self.flat and not self._is_dust():
            self._until_s = float("-inf")
            self._change(Phase.UNWINDING, "an order executed late")
            return
        if self._until_s == float("-inf"):
            self._until_s = now_s + self.plan.settle_timeout_s
        read = {leg: state.evidence.size for leg, state in self.legs.items()}
        agreed = all(size == self.position(leg) for leg, size in read.items())
        if agreed and (self.orders.fills_complete or now_s >= self._until_s):
            self._finish(now_s)
        elif self._disagreed() and now_s >= self._until_s:
            found = ", ".join(f"{leg.value} {size}" for leg, size in read.items())
            ours = ", ".join(f"{leg.value} {self.position(leg)}" for leg in read)
            if not self._contradicted(f"the cycle explains {ours}, the venues hold {found}", now_s):
                self._mismatch = True
                self._finish(now_s)
        elif not agreed:
            self._ask_positions(now_s, self.plan.retry_s)

    def _may_record(self) -> bool:
        """A flat cycle that has traded, and no reading of a venue says that it is not flat."""
        agreed = all(
            state.evidence.size in (None, self.position(leg)) for leg, state in self.legs.items()
        )
        return agreed and self.flat and self.orders.anything_executed

    def interrupted_record(self, cycle: int) -> CycleRecord:
        """What an earlier life closed, and did not live to record: by its fills on record."""
        return interrupted_record(self.plan, cycle, self.legs, self.orders.inherited)

    def _finish(self, now_s: float) -> None:
        outcome = "completed"
        if self._recovering:
            outcome = "recovered"
        elif self._unwound:
            outcome = "unwound"
        elif not self.orders.anything_executed:
            outcome = "abandoned"
        if self._refused is not None:
            self._setbacks += _REFUSED_SETBACKS[self._refused]
        elif outcome == "completed":
            self._setbacks = 0
        elif outcome == "abandoned":
            self._setbacks += 1
        self._record_cycle(outcome, now_s)
        self._until_s = now_s + max(self.plan.pause_s, self._cool_down_s())
        self._change(Phase.IDLE, "")

    def _record_cycle(self, outcome: str, now_s: float) -> None:
        """Record the cycle; what it leaves is held from now on."""
        record = build_record(self.plan, self.cycle, outcome, self.legs, self.orders, now_s)
        self._effects.append(FinishCycle(record))
        self._count(outcome)
        self._recovering = self._unwound = self._hurried = False
        self._stuck = None
        self._refused = None
        for leg in self.legs.values():
            leg.held = self.position(leg.leg)
            leg.begin_cycle()
        self.orders = CycleOrders()

    def _count(self, outcome: str) -> None:
        """Only what traded is one of the planned cycles; vain attempts in a row halt the desk."""
        self._vain = self._vain + 1 if outcome == "abandoned" else 0
        self.finished += outcome in ("completed", "unwound")
        if self._vain >= self.plan.max_vain_cycles:
            self._halt(f"{self._vain} cycles in a row executed nothing")
