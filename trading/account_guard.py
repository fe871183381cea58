"""The limits over all desks together: which of them hold which desk. Pure.

What is open counts as it is, and what would be opened next counts before it is: a desk's next cycle
must fit into what the others hold, and into what the desks before it, in the order of the
configuration, may open at the same moment. So no two desks can pass a limit together that each of
them alone keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from trading.limits import Figure, Latch, LimitState
from trading.plan import AccountLimits
from trading.results import Results
from venues.model import ZERO

_OPEN: Final = "open_notional"


class DeskExposure(msgspec.Struct, frozen=True, kw_only=True):
    """One desk's share, in quote currency; None is not known.

    ``open``: both legs together as they are; ``full``: when its next cycle is open. ``may_open``:
    it runs, and is neither paused nor halted nor done.
    """

    naked: Decimal | None
    open: Decimal | None
    full: Decimal | None
    may_open: bool = True


class AccountGuard:
    """The account's limits over time. ``desks`` in the order of the configuration."""

    def __init__(self, limits: AccountLimits, desks: Iterable[str]) -> None:
        self.results: Results | None = None  # not known until they are read
        self._limits = limits
        self._open = {desk: Latch(_OPEN, limits.open_notional) for desk in desks}
        self._together = {
            name: Latch(name, getattr(limits, name))
            for name in AccountLimits.__struct_fields__
            if name != _OPEN
        }

    def look(
        self, exposures: Mapping[str, DeskExposure], now_s: float, utc_ns: int
    ) -> Mapping[str, tuple[LimitState, ...]]:
        """By desk, every limit that is set, with the figure that counts for it.

        A desk that is missing in ``exposures`` is not known.
        """
        together = [
            state
            for name, figure in self._figures(exposures, utc_ns).items()
            if (state := self._together[name].look(figure, now_s)) is not None
        ]
        found: dict[str, tuple[LimitState, ...]] = {}
        for desk, latch in self._open.items():
            state = latch.look(self._open_with(desk, exposures), now_s)
            found[desk] = tuple(together if state is None else [*together, state])
        return found

    def resume(self, utc_ns: int) -> bool:
        """An operator wants to go on: only what is, or becomes, too much from now on.

        True when results were in the way: they count anew then. Else a resume acknowledges none.
        """
        in_the_way = any(self._together[name].in_force for name in ("daily_loss", "drawdown"))
        for latch in (*self._open.values(), *self._together.values()):
            latch.resume()
        if in_the_way and self.results is not None:
            self.results.resumed(utc_ns)
        return in_the_way

    def _figures(self, exposures: Mapping[str, DeskExposure], utc_ns: int) -> dict[str, Figure]:
        results = self.results
        naked = ZERO
        unknown = ""
        for desk in self._open:
            share = exposures.get(desk)
            if share is None or share.naked is None:
                unknown = unknown or f"what {desk} holds is not known"
            else:
                naked += share.naked
        return {
            "naked_notional": Figure(None, unknown) if unknown else Figure(naked),
            "daily_loss": Figure(results.daily_loss(utc_ns)) if results else _UNREAD,
            "drawdown": Figure(results.drawdown()) if results else _UNREAD,
        }

    def _open_with(self, desk: str, exposures: Mapping[str, DeskExposure]) -> Figure:
        """What would be open with this desk's next cycle."""
        total = ZERO
        before = True
        for other in self._open:
            share = exposures.get(other)
            counts_full = other == desk or (before and share is not None and share.may_open)
            value = None if share is None else share.full if counts_full else share.open
            if value is None:
                return Figure(None, f"what {other} holds is not known")
            total += value
            before = before and other != desk
        return Figure(total, f"with {desk}'s next cycle")


_UNREAD: Final = Figure(None, "the journal has not told the results yet")
