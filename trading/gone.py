"""What is gone from a leg without an order of ours, and what that came to. Pure.

Two kinds of news tell of it, in either order: readings by which the venue holds less, and the
venue's word of executions by force. The readings decide how much of it was ours; the executions
have its price and fee. What no execution is told of is worth the mid of the moment of the readings,
and then nobody knows its fee.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from venues.model import ZERO, Fill


class GonePart(NamedTuple):
    """A part of it, signed like what it did to the position. ``fill``: what was told of it.

    ``mid`` is the venue's of that moment.
    """

    signed: Decimal
    price: Decimal
    fee: Decimal
    mid: Decimal
    fill: Fill | None

    @property
    def exact(self) -> bool:
        """True when price and fee are the venue's word."""
        return self.fill is not None and self.fill.fee_told


class Gone:
    """What is gone from one leg in one cycle."""

    def __init__(self) -> None:
        self._read: list[tuple[Decimal, Decimal | None]] = []
        self._fills: dict[tuple[str, str, str], Fill] = {}

    def read(self, signed: Decimal, mid: Decimal | None) -> None:
        """Readings have shown that so much of our position is not there any more."""
        self._read.append((signed, mid))

    def told(self, fill: Fill) -> None:
        """The venue tells of an execution by force, perhaps once more."""
        self._fills.setdefault(fill.key, fill)

    @property
    def signed(self) -> Decimal:
        """All that is gone."""
        return sum((signed for signed, _ in self._read), ZERO)

    @property
    def exact(self) -> bool:
        """True when price and fee of all that is gone are the venue's word."""
        return all(part.exact for part in self.parts())

    def parts(self, mid: Decimal = ZERO) -> list[GonePart]:
        """All that is gone, by what is told of it; ``mid`` is for where none was known.

        The oldest execution is of what went first. One that is larger than what is gone of ours
        took somebody else's as well: the same share of its fee is ours.
        """
        fills = sorted(self._fills.values(), key=lambda fill: fill.event_ns)
        left = {fill.key: (fill.size, fill.fee) for fill in fills}
        parts: list[GonePart] = []
        for rest, then in self._read:
            for fill in fills:
                size, fee = left[fill.key]
                ours = min(size, abs(rest))
                if not ours or rest * fill.side.sign < 0:
                    continue
                share = fee if ours == size else fee * ours / size
                left[fill.key] = size - ours, fee - share
                signed = ours * fill.side.sign
                rest -= signed
                parts.append(GonePart(signed, fill.price, share, then or mid or fill.price, fill))
            if rest:
                worth = then or mid
                parts.append(GonePart(rest, worth, ZERO, worth, None))
        return parts
