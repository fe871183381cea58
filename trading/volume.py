"""How much a desk's primary has traded since midnight UTC, against what it is to trade a day. Pure.

The day is that of a cycle's end. What earlier runs traded on it is told at the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from trading.desk import OrderRecord
from trading.leg import Leg
from venues.model import ZERO, plain

DAY_NS: Final = 86_400 * 1_000_000_000
_CENT: Final = Decimal("0.01")


def volume_of(orders: Iterable[OrderRecord]) -> Decimal:
    """What the primary traded in one cycle, in quote currency."""
    ours = (order for order in orders if order.leg is Leg.PRIMARY)
    return sum((order.executed * order.average_price for order in ours), ZERO)


def day_began_ns(utc_ns: int) -> int:
    """The midnight (UTC) before."""
    return utc_ns // DAY_NS * DAY_NS


class DayVolume:
    """One desk's volume of the present day; ``most`` is None for any."""

    def __init__(self, most: Decimal | None, traded: Decimal, utc_ns: int) -> None:
        self._most = most
        self._traded = traded
        self._day_ns = day_began_ns(utc_ns)

    def add(self, orders: Iterable[OrderRecord], utc_ns: int) -> None:
        """A cycle has ended."""
        self._turn(utc_ns)
        self._traded += volume_of(orders)

    def closed(self, utc_ns: int) -> tuple[str, ...]:
        """Why nothing may be opened at this moment, in words; () when it may."""
        self._turn(utc_ns)
        if self._most is None or self._traded < self._most:
            return ()
        traded = plain(self._traded.quantize(_CENT))
        return (f"{traded} of {plain(self._most)} is traded today; the day ends at midnight UTC",)

    def _turn(self, utc_ns: int) -> None:
        if day_began_ns(utc_ns) > self._day_ns:
            self._day_ns = day_began_ns(utc_ns)
            self._traded = ZERO
