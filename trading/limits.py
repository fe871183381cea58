"""One limit over time: reached, in force, clear again. Pure.

A limit is reached *at* its figure, not only beyond it. It is in force from then on until the figure
has been clear for ``clear_s`` without a break; one that halts is until an operator resumes the
desk. A figure that is not known is never taken for a good one: the limit then freezes, until the
figure is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from trading.plan import Action, ActiveLimit, Limit
from venues.model import plain

UNKNOWN: Final = "not known"
"""How a reason begins that only says that a figure is missing."""


class Figure(msgspec.Struct, frozen=True):
    """What a limit is compared with. ``value`` is None while it is not known.

    ``about`` is where the value is from ("of grvt"), or why there is none.
    """

    value: Decimal | None
    about: str = ""


class LimitState(msgspec.Struct, frozen=True, kw_only=True):
    """How a limit stands. ``reason`` is why it is in force, or empty.

    ``action`` is what it does, or would do. ``clears_s`` is the monotonic moment at which it is
    over if nothing new happens; None while that is not known, and for one that halts.
    """

    limit: str
    figure: Decimal | None
    about: str
    at: Decimal
    action: Action
    reason: str = ""
    clears_s: float | None = None

    @property
    def active(self) -> ActiveLimit | None:
        """What it asks of the desk now."""
        return ActiveLimit(self.limit, self.action, self.reason) if self.reason else None


class Latch:
    """One limit on a figure that is looked at again and again.

    ``from_above``: the figure is good while it is larger.
    """

    def __init__(self, name: str, limit: Limit, *, from_above: bool = False) -> None:
        self.name = name
        self.limit = limit
        self._from_above = from_above
        self._reason = ""
        self._clear_since_s: float | None = None

    def look(self, figure: Figure, now_s: float) -> LimitState | None:
        """How the limit stands with that figure; None when it is switched off."""
        at = self.limit.at
        if at is None:
            return None
        if figure.value is None:
            self._clear_since_s = None
            if not self._reason:
                reason = f"{UNKNOWN}: {figure.about}"
                return stated(self.name, self.limit, figure, reason, action=Action.FREEZE)
        elif self._is_reached(figure.value, at):
            self._clear_since_s = None
            self._reason = self._reason or reached(figure, at)
        else:
            self._grow_clear(now_s)
        return stated(self.name, self.limit, figure, self._reason, clears_s=self._clears_s())

    @property
    def in_force(self) -> bool:
        """True while it was reached and is not over yet."""
        return bool(self._reason)

    def resume(self) -> None:
        """The operator wants to go on: in force again only if it is reached again."""
        self._reason = ""
        self._clear_since_s = None

    def _is_reached(self, value: Decimal, at: Decimal) -> bool:
        return value <= at if self._from_above else value >= at

    def _grow_clear(self, now_s: float) -> None:
        if not self._reason or self.limit.action is Action.HALT:
            return
        if self._clear_since_s is None:
            self._clear_since_s = now_s
        if now_s - self._clear_since_s >= self.limit.clear_s:
            self.resume()

    def _clears_s(self) -> float | None:
        return None if self._clear_since_s is None else self._clear_since_s + self.limit.clear_s


def reached(figure: Figure, at: Decimal) -> str:
    """In words: by what the limit was reached."""
    assert figure.value is not None
    about = f" {figure.about}" if figure.about else ""
    return f"{short(figure.value)}{about}, limit {short(at)}"


def stated(
    name: str,
    limit: Limit,
    figure: Figure,
    reason: str,
    *,
    clears_s: float | None = None,
    action: Action | None = None,
) -> LimitState:
    """The state of a limit that is not switched off."""
    assert limit.at is not None
    return LimitState(
        limit=name,
        figure=figure.value,
        about=figure.about,
        at=limit.at,
        action=action or limit.action,
        reason=reason,
        clears_s=clears_s,
    )


def in_force(states: Iterable[LimitState]) -> tuple[ActiveLimit, ...]:
    """The limits that are in force."""
    return tuple(active for state in states if (active := state.active) is not None)


def gist(limits_in_force: Iterable[ActiveLimit]) -> tuple[tuple[str, Action, bool], ...]:
    """What makes one set of limits another: not the figures in their reasons, which ever change."""
    return tuple((one.limit, one.action, one.reason.startswith(UNKNOWN)) for one in limits_in_force)


def short(value: Decimal) -> str:
    """A figure as people read it: six digits that count."""
    return plain(Decimal(f"{value:.6g}"))
