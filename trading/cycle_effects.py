"""What a cycle machine wants done. Pure data."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from trading.desk import CycleRecord, LegOrder, Phase
from trading.leg import Leg


class PlaceOrder(msgspec.Struct, frozen=True):
    """Send this order."""

    order: LegOrder


class CancelOrder(msgspec.Struct, frozen=True):
    """Have this order cancelled. It is a wish: what became of it is told by its progress."""

    leg: Leg
    attempt: int
    why: str


RECOVER: Final = "recover"
"""The direction of a cycle that closes what an interrupted one has left."""


class StartCycle(msgspec.Struct, frozen=True):
    """A cycle begins: it is to be on record before its first order."""

    cycle: int
    direction: str
    size: Decimal


class FinishCycle(msgspec.Struct, frozen=True):
    """A cycle is over, flat and settled."""

    record: CycleRecord


class ChangePhase(msgspec.Struct, frozen=True):
    """The desk is in another phase now."""

    phase: Phase
    detail: str


class CheckPositions(msgspec.Struct, frozen=True):
    """Read both positions at the venues; ``positions_read`` must follow."""


class ReadAnew(msgspec.Struct, frozen=True):
    """What the desk began from was not all: begin again from what the venues hold now."""

    reason: str


Effect = (
    PlaceOrder | CancelOrder | StartCycle | FinishCycle | ChangePhase | CheckPositions | ReadAnew
)
