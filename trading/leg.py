"""The two legs of a desk. Pure."""

from __future__ import annotations

import enum


class Leg(enum.Enum):
    """The two legs of a desk: the one that fills first, and the one that offsets it."""

    PRIMARY = "primary"
    HEDGE = "hedge"

    __hash__ = object.__hash__  # Enum's own is Python code, and legs are keys everywhere

    @property
    def other(self) -> Leg:
        """The leg on the other venue."""
        return Leg.HEDGE if self is Leg.PRIMARY else Leg.PRIMARY
