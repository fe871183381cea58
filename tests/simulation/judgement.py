"""The judgement of a simulated world, from what its venues executed and what its journal kept."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from paper.verdict import Measures
from trading.desk import CycleRecord, Phase


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a world ended. ``measures`` come from what the venues executed and nothing else."""

    phase: Phase
    halted: str
    finished: int
    opened_after_stop: int
    took_s: float
    steps: int
    positions: tuple[Decimal, ...]  # what our own orders made
    looped: bool  # it was killed so often that it must end halted
    forced: bool  # a venue has closed something by itself: it may end halted
    unrecorded: tuple[str, ...]  # fills that journal and venue disagree about
    reused: tuple[int, ...]  # ids that were sent a second time
    records: tuple[CycleRecord, ...]
    measures: Measures

    def faults(self) -> list[str]:
        """Everything that must never be, whatever happens to messages and connections."""
        found = self.measures
        # An order that was under way when a venue closed the leg may have turned out too large.
        wrong = [] if self.forced else [
            f"{letter}: {finding.rule} at {finding.at_ns} {finding.venue} {finding.detail}"
            for letter, findings in (
                ("D", found.duplicates), ("O", found.orphans),
                ("P", found.position_errors), ("flip", found.flips),
            )
            for finding in findings
        ]  # fmt: skip
        ended = Phase.HALTED if self.looped else Phase.DONE
        either = self.looped or self.forced
        if self.phase is not ended and not (either and self.phase in (Phase.DONE, Phase.HALTED)):
            wrong.append(f"ended {self.phase.value}: {self.halted or 'not done in time'}")
        if self.unrecorded:
            wrong.append(f"journal and venue disagree about fills: {self.unrecorded}")
        if any(self.positions):
            wrong.append(f"not flat: {self.positions}")
        if found.largest_order_q > 1:
            wrong.append(f"an order of {found.largest_order_q} q")
        if self.reused:
            wrong.append(f"ids used again: {self.reused}")
        if self.opened_after_stop:
            wrong.append("opened after it was told to stop")
        return wrong
