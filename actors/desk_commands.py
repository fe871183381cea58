"""What operators and guards tell a desk, and its last word. Its coordinator re-exports them."""

from __future__ import annotations

from typing import Literal

import msgspec

from trading.plan import ActiveLimit


class LimitDesk(msgspec.Struct, frozen=True):
    """From the desk's guard: all limits that are reached now, and no others; () when none is.

    While there are some no cycle opens. ``reduce`` closes the present one, ``halt`` halts.
    """

    limits_in_force: tuple[ActiveLimit, ...] = ()


class StopDesk(msgspec.Struct, frozen=True):
    """From the operator: finish or unwind the cycle, open no other.

    ``cancel``: cancel what rests, place nothing more, and leave the positions as they are.
    """

    how: Literal["flatten", "cancel"] = "flatten"


class PauseDesk(msgspec.Struct, frozen=True):
    """From the operator: finish the cycle as planned, open no other.

    Unless it is for the rest of this run only, it lasts until somebody resumes the desk.
    """

    this_run_only: bool = False


class ResumeDesk(msgspec.Struct, frozen=True):
    """From the operator: open cycles again, after a pause or after a halt."""


class AdoptFound(msgspec.Struct, frozen=True):
    """From the operator: what was found at the start is an interrupted cycle's. Close it, go on."""


class FlattenFound(msgspec.Struct, frozen=True):
    """From the operator: close what was found at the start, and stay halted."""


class IgnoreFound(msgspec.Struct, frozen=True):
    """From the operator: what was found at the start is somebody else's. Trade beside it."""


class FlattenDesk(msgspec.Struct, frozen=True):
    """From the operator: close what is open now, then stay paused."""


class ConfirmHandled(msgspec.Struct, frozen=True):
    """Ask: answered once everything told before it has been handled, and is on the board.

    Orders are told, not asked: an error while handling one has to end the coordinator.
    """


class DeskOutcome(msgspec.Struct, frozen=True):
    """How a desk ended. ``halted``: why, or empty. ``flat``: nothing is left at the venues.

    ``found``: it waits for an operator to say what the positions are that it has found.
    """

    desk: str
    halted: str
    flat: bool
    found: bool = False


class DeskUnsure(Exception):
    """What the desk believes it holds is not what the venues hold: it begins anew from those."""

    def __init__(self, desk: str, reason: str) -> None:
        super().__init__(desk, reason)
        self.desk = desk
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.desk}: reads the venues again: {self.reason}"
