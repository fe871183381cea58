"""What a venue's clock says now: measured from time to time, carried on by our monotonic one. Pure.

Signatures are dated with it. The host's own UTC clock is only compared: it may be wrong, and it may
jump between two measurements, which the monotonic one does not.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from venues.model import NewOrder

_SECOND_NS: Final = 1_000_000_000
_KEPT: Final = 5
_VALID_S: Final = 300.0
_DRIFT_S: Final = 0.1  # two clocks drift apart by less in that time


class _Reading(NamedTuple):
    """The venue's time (UTC ns) at a monotonic moment, and by how much it may be off."""

    venue_ns: int
    at_s: float
    error_s: float

    def agrees_with(self, other: _Reading) -> bool:
        """True when one clock that was not touched in between can have told both."""
        passed_s = (other.venue_ns - self.venue_ns) / _SECOND_NS
        apart_s = abs(passed_s - (other.at_s - self.at_s))
        return apart_s <= self.error_s + other.error_s + _DRIFT_S


class VenueClock:
    """One venue's clock. ``measured`` from one thread at a time, the rest from any."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self._readings: deque[_Reading] = deque(maxlen=_KEPT)
        self._best: _Reading | None = None

    def measured(self, venue_ns: int, asked_s: float, answered_s: float, blur_s: float = 0) -> None:
        """The venue's time in an answer; ``blur_s``: how coarse it was told.

        Of the last few measurements that with the shortest way there and back counts; those that
        this one contradicts are void: the venue's clock has been set anew.
        """
        reading = _Reading(
            venue_ns, (asked_s + answered_s) / 2, (answered_s - asked_s) / 2 + blur_s
        )
        agreeing = [one for one in self._readings if one.agrees_with(reading)]
        self._readings = deque([*agreeing, reading], maxlen=_KEPT)
        fresh = [one for one in self._readings if answered_s - one.at_s <= _VALID_S]
        self._best = min(reversed(fresh), key=lambda one: one.error_s)

    def forget(self) -> None:
        """Our monotonic clock may have stood still, and carries no measurement on."""
        self._readings = deque(maxlen=_KEPT)
        self._best = None

    def now_ns(self, now_s: float) -> int | None:
        """UTC as the venue has it at the monotonic ``now_s``; None when it is not known."""
        best = self._best
        if best is None or now_s - best.at_s > _VALID_S:
            return None
        return best.venue_ns + int((now_s - best.at_s) * _SECOND_NS)

    def moment_s(self, event_ns: int, read_s: float) -> float:
        """The monotonic moment of what the venue dates ``event_ns`` and we have read at ``read_s``.

        It is the latest one that our measurement allows, and never after ``read_s``, which it is
        for what is not dated and while the venue's clock is not known.
        """
        best = self._best
        if not event_ns or best is None or read_s - best.at_s > _VALID_S:
            return read_s
        latest_s = best.at_s + (event_ns - best.venue_ns) / _SECOND_NS + best.error_s
        return min(read_s, latest_s)

    def trouble(self, our_ns: int, now_s: float, window_s: float) -> str:
        """Why nothing new should be signed: unknown, or half a window off; "" when all is well."""
        venue_ns = self.now_ns(now_s)
        if venue_ns is None:
            return f"the clock of {self.venue} is not known"
        behind_s = (venue_ns - our_ns) / _SECOND_NS
        if abs(behind_s) <= window_s / 2:
            return ""
        word = "behind" if behind_s > 0 else "ahead of"
        return f"our clock is {abs(behind_s):.1f} s {word} that of {self.venue}"

    def expiry_ns(self, new: NewOrder, our_ns: int, now_s: float) -> int | None:
        """When the order is to expire by the venue's clock; None when its time is over already.

        What is left of its life is told by our clock; if that has been put back, it is the whole.
        """
        left_ns = new.expires_ns - max(our_ns, new.created_ns)
        if left_ns <= 0:
            return None
        venue_ns = self.now_ns(now_s)
        return (our_ns if venue_ns is None else venue_ns) + left_ns
