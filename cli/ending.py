"""When a run is over, and what its exit code says: from what its desks report.

It is over when every desk is: done, or halted over a limit. One that waits for its operator is not,
if somebody may still come: ``ketch run`` as a service, without a number of cycles. It waits when it
has found positions that no record explains, until it has been resumed or told what they are; and
when it had halted in an earlier run already. A desk that is halted may be resumed for as long as
another one trades.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from loguru import logger

from actors.board import BoardSnapshot
from actors.coordinator import DeskOutcome
from cli import exits
from supervision.states import ChildState
from trading.desk import Phase

_OVER = (Phase.HALTED, Phase.DONE)


class Ending:
    """``desk_is_done`` may be called from any thread, the rest belongs to the main thread.

    ``may_wait``: an operator can still resume a desk. ``halted_before``: the desks that had halted
    when the run began.
    """

    def __init__(
        self,
        desks: Collection[str],
        *,
        may_wait: bool,
        halted_before: Collection[str],
        wake: Callable[[], None],
    ) -> None:
        self._desks = tuple(desks)
        self._may_wait = may_wait
        self._in_hand = set(halted_before)  # an operator's, until they go on
        self._wake = wake
        self._lock = threading.Lock()
        self._outcomes: dict[str, DeskOutcome] = {}
        self._told: dict[str, DeskOutcome] = {}
        self._down: frozenset[str] = frozenset()

    @property
    def outcomes(self) -> dict[str, DeskOutcome]:
        """How desks ended, or stand while they wait; without those that work."""
        with self._lock:
            return dict(self._outcomes)

    @property
    def halted(self) -> str:
        """Why desks have halted, or empty."""
        halted = {desk: o.halted for desk, o in self.outcomes.items() if o.halted}
        if len(self._desks) == 1:
            return next(iter(halted.values()), "")
        return "; ".join(f"{desk}: {why}" for desk, why in halted.items())

    def halted_of(self, desk: str) -> str:
        """Why that desk has halted, or empty."""
        outcome = self.outcomes.get(desk)
        return outcome.halted if outcome else ""

    def desk_is_done(self, outcome: DeskOutcome) -> None:
        """From a coordinator: its desk is done, or has halted."""
        with self._lock:
            self._outcomes[outcome.desk] = outcome
            if outcome.found:
                self._in_hand.add(outcome.desk)
        self._wake()

    def over(self, *, stopping: bool) -> bool:
        """True when there is nothing to wait for. Says once what a desk waits for."""
        outcomes = self.outcomes
        over = [self._is_over(desk, outcomes.get(desk), stopping) for desk in self._desks]
        if all(over):
            return True
        for desk, outcome in outcomes.items():
            if outcome.halted and outcome is not self._told.get(desk):
                self._told[desk] = outcome
                waits = ", and waits" if self._waits(outcome) else "; the others go on"
                logger.warning("{} has halted{}: {}", desk, waits, advice(outcome))
        return False

    def observe(self, before: Mapping[str, DeskOutcome], snapshot: BoardSnapshot | None) -> None:
        """A board read after ``before`` were the outcomes: has a desk gone on since?"""
        if snapshot is None:
            return
        gone = (ChildState.FAILED, ChildState.STOPPED)
        self._down = frozenset(s.name for s in snapshot.statuses if s.state in gone)
        for desk in snapshot.desks:
            if desk.desk not in before or desk.phase in _OVER:
                continue
            with self._lock:
                if self._outcomes.get(desk.desk) is before[desk.desk]:
                    del self._outcomes[desk.desk]
                if not desk.halted:
                    self._in_hand.discard(desk.desk)

    def exit_code(self, root_code: int | None) -> int:
        """The operator contract: ``docs/operating.md`` lists the codes. The worst desk's counts."""
        outcomes = self.outcomes
        if any(desk not in outcomes for desk in self._desks):
            return root_code or exits.EXPOSED
        if any(outcome.found or not outcome.flat for outcome in outcomes.values()):
            return exits.EXPOSED
        if any(outcome.halted for outcome in outcomes.values()):
            return exits.HALTED
        return root_code or exits.DONE

    def _is_over(self, desk: str, outcome: DeskOutcome | None, stopping: bool) -> bool:
        if outcome is not None:
            return stopping or not self._waits(outcome)
        # Its supervisor is down for good: nobody will report. An operator may start it again.
        return desk in self._down and (stopping or not self._may_wait)

    def _waits(self, outcome: DeskOutcome) -> bool:
        return self._may_wait and bool(outcome.halted) and outcome.desk in self._in_hand


def advice(outcome: DeskOutcome) -> str:
    """The commands that a halted desk waits for."""
    desk = outcome.desk
    if not outcome.found:
        return f"ketch resume {desk} has it go on, once the cause is mended"
    return (
        f"ketch adopt {desk} takes it for the rest of a cycle, closes it and goes on; "
        f"ketch flatten {desk} closes it and stays halted; "
        f"ketch ignore {desk} leaves it alone and trades beside it"
    )


def left(snapshot: BoardSnapshot | None) -> tuple[str, ...]:
    """What desks hold by their own account, a line a leg."""
    desks = () if snapshot is None else snapshot.desks
    return tuple(
        f"{desk.desk} {leg.leg} {leg.venue} {leg.symbol} {leg.position:+f}"
        for desk in desks
        for leg in desk.legs
        if leg.position
    )
