"""When a run is over, and what its exit code says: from what its desk reports.

A desk that is done, or halts over a limit, ends the run. One that waits for its operator does not,
if somebody may still come: ``ketch run`` as a service, without a number of cycles. It waits when it
has found positions that no record explains, until it has been resumed or told what they are; and
when it had halted in an earlier run already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from loguru import logger

from actors.board import BoardSnapshot
from actors.coordinator import DeskOutcome
from cli import exits
from trading.desk import Phase

_OVER = (Phase.HALTED, Phase.DONE)


class Ending:
    """``desk_is_done`` may be called from any thread, the rest belongs to the main thread.

    ``may_wait``: an operator can still resume a desk. ``halted_before``: the desks that had halted
    when the run began.
    """

    def __init__(
        self, *, may_wait: bool, halted_before: Collection[str], wake: Callable[[], None]
    ) -> None:
        self._may_wait = may_wait
        self._in_hand = set(halted_before)  # an operator's, until they go on
        self._wake = wake
        self._lock = threading.Lock()
        self._outcome: DeskOutcome | None = None
        self._told: DeskOutcome | None = None

    @property
    def outcome(self) -> DeskOutcome | None:
        """How the desk ended, or stands while it waits; None while it works."""
        return self._outcome

    @property
    def halted(self) -> str:
        """Why the desk has halted, or empty."""
        return self._outcome.halted if self._outcome else ""

    def desk_is_done(self, outcome: DeskOutcome) -> None:
        """From the coordinator: its desk is done, or has halted."""
        with self._lock:
            self._outcome = outcome
            if outcome.found:
                self._in_hand.add(outcome.desk)
        self._wake()

    def over(self, *, stopping: bool) -> bool:
        """True when there is nothing to wait for. Says once what a desk waits for."""
        outcome = self._outcome
        if outcome is None:
            return False
        if stopping or not self._waits(outcome):
            return True
        if outcome is not self._told:
            self._told = outcome
            logger.warning("{} has halted, and waits: {}", outcome.desk, advice(outcome))
        return False

    def observe(self, before: DeskOutcome | None, snapshot: BoardSnapshot | None) -> None:
        """A board read after ``before`` was the outcome: has the desk gone on since?"""
        desks = () if snapshot is None else snapshot.desks
        desk = next((desk for desk in desks if before and desk.desk == before.desk), None)
        if desk is None or desk.phase in _OVER:
            return
        with self._lock:
            if self._outcome is before:
                self._outcome = None
            if not desk.halted:
                self._in_hand.discard(desk.desk)

    def exit_code(self, root_code: int | None) -> int:
        """The operator contract: ``docs/operating.md`` lists the codes."""
        if self._outcome is None:
            return root_code or exits.EXPOSED
        if self._outcome.found or not self._outcome.flat:
            return exits.EXPOSED
        return exits.HALTED if self._outcome.halted else (root_code or exits.DONE)

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
