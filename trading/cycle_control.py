"""What an operator, a guard or the venues' books tell a desk from outside its cycle. Pure."""

from __future__ import annotations

import abc

from trading.cycle_effects import ChangePhase, Effect, ReadAnew
from trading.desk import Phase
from trading.plan import Action, ActiveLimit
from trading.recovery import RecoveringDesk


class ControlledDesk(RecoveringDesk, abc.ABC):
    """A desk that can be stopped, paused, held and halted. Each takes effect at once."""

    def stop(self, now_s: float) -> list[Effect]:
        """Finish the cycle at once: open nothing more, close what is open, settle."""
        self.stopping = True
        self._trust_keys()
        return self._decide(now_s)

    def leave(self, now_s: float) -> list[Effect]:
        """Cancel what rests, place nothing more, and be done with positions as they are."""
        self.stopping = self.leaving = True
        return self._decide(now_s)

    def pause(self, now_s: float) -> list[Effect]:
        """Open no further cycle; the present one takes its course."""
        self.paused = True
        return self._decide(now_s)

    def resume(self, now_s: float) -> list[Effect]:
        """Undo a pause, or a halt, but not one over a position that nobody has explained.

        A limit that halts and is still in force halts it again, with its own reason.
        """
        self.paused = False
        self._trust_keys()
        if self.halted and not self.found:
            self.halted = ""
            if self.phase is Phase.HALTED and self.flat:
                self._vain = 0
                self._change(Phase.IDLE, "resumed")
            elif self.phase is Phase.HALTED:
                self._effects.append(ReadAnew("resumed while not flat"))
        self._halt_by_limits()
        return self._decide(now_s)

    def flatten(self, now_s: float) -> list[Effect]:
        """Close what is open now, as at its end a cycle would, and pause."""
        self.paused = True
        self._hurried = self.phase not in (Phase.IDLE, Phase.HALTED, Phase.DONE)
        return self._decide(now_s)

    def limits_changed(
        self, limits_in_force: tuple[ActiveLimit, ...], now_s: float
    ) -> list[Effect]:
        """The limits that are reached now. Cycles go on by themselves when none is any more."""
        self.limits_in_force = limits_in_force
        self._awaits_guard = False
        self._halt_by_limits()
        return self._decide(now_s)

    def drift(self, reason: str, now_s: float) -> list[Effect]:
        """A venue holds something that no order of ours explains."""
        if now_s < self._unsure_until_s:
            self._contradicted(reason, now_s)
            return self._decide(now_s)
        return self.halt(reason, now_s)

    def halt(self, reason: str, now_s: float) -> list[Effect]:
        """Open nothing more; what is open is still balanced and closed. The first reason stays."""
        self._halt(reason)
        return self._decide(now_s)

    def _halt_by_limits(self) -> None:
        for active in self.limits_in_force:
            if active.action is Action.HALT:
                self._halt(f"{active.limit}: {active.reason}")

    def _halt(self, reason: str) -> None:
        if not self.halted:
            self.halted = reason
            self._effects.append(ChangePhase(self.phase, f"halted: {reason}"))
