"""How many requests a venue may be sent now, and how it has taken those that were sent. Pure.

A token bucket of our own, below the venue's limit: too many requests first make it refuse some, and
then all of them for minutes, cancels included. So the last tokens are kept for what takes risk off.
The venue's own word counts besides: after "too many requests" nothing is opened for a while, and
while it bars us nothing is sent at all, since each request more makes that longer.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

_NEVER: Final = float("-inf")
_LAST_TOKEN: Final = 1.0
_BAR_S: Final = 60.0
_LONGEST_BAR_S: Final = 960.0
_BAR_REMEMBERED_S: Final = 600.0
_LONGEST_WORD_S: Final = 300.0
"""What a page that bars us may ask for at once. It is a gateway's, not the venue's, and what is
open is neither hedged nor closed meanwhile; one request more after so long costs little."""


class Lane(enum.Enum):
    """What a request is for, which says how far down it may take the bucket.

    ``RISK``: an order that may add to a position; ``ROUTINE``: a read that nothing depends on now:
    both leave the reserve. ``DOUBT``: a read that settles what became of an order, or what is held:
    it leaves the last token. ``REDUCE``: hedges and closes.
    """

    RISK = "risk"
    ROUTINE = "routine"
    DOUBT = "doubt"
    REDUCE = "reduce"


class RequestUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a budget stands. ``denied``: requests of ours that it did not let through;
    ``refused``: those that the venue found too many. Both since the start of the process.
    """

    tokens: float
    burst: int
    reserved: int
    denied: int
    refused: int
    paused_for_s: float
    barred_for_s: float


class RequestBudget:
    """The requests of one account at one venue. All times are monotonic seconds.

    ``per_s`` on average and ``burst`` at once, of which ``reserved`` are kept; ``pause_s``: nothing
    opens for so long after the venue has found them too many.
    """

    def __init__(self, *, per_s: float, burst: int, reserved: int, pause_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._reserved = reserved
        self._pause_s = pause_s
        self._tokens = float(burst)
        self._filled_s = _NEVER
        self._paused_until_s = _NEVER
        self._barred_until_s = _NEVER
        self._bar_s = _BAR_S
        self._denied = 0
        self._refused = 0

    def take(self, lane: Lane, now_s: float) -> str:
        """Take a token for one request: "" if there is one for it, else why there is none."""
        why = self._refusal(lane, now_s)
        if why:
            self._denied += 1
        else:
            self._tokens -= 1
        return why

    def spend(self, now_s: float) -> None:
        """A request that can't wait or belongs to one that was let through: later ones wait."""
        self._fill(now_s)
        self._tokens = max(self._tokens - 1, -float(self._burst))

    def turned_away(self, now_s: float, retry_after_s: float | None = None) -> None:
        """The venue has said that these were too many, and perhaps for how long to wait."""
        self._refused += 1
        until_s = now_s + max(self._pause_s, retry_after_s or 0.0)
        self._paused_until_s = max(self._paused_until_s, until_s)

    def bar(self, now_s: float, retry_after_s: float | None = None) -> None:
        """The venue answers nothing any more: nothing is sent, for longer each time in a row."""
        if now_s < self._barred_until_s:
            return
        again = now_s < self._barred_until_s + _BAR_REMEMBERED_S
        self._bar_s = min(2 * self._bar_s, _LONGEST_BAR_S) if again else _BAR_S
        told_s = min(retry_after_s or 0.0, _LONGEST_WORD_S)
        self._barred_until_s = now_s + max(self._bar_s, told_s)

    def barred(self, now_s: float) -> str:
        """Why nothing at all may be sent; "" when something may."""
        return "the venue has barred us for too many requests" if self._bar(now_s) else ""

    def no_new_risk(self, now_s: float) -> str:
        """Why nothing that adds risk may be sent, whatever is in the bucket; "" when it may."""
        paused = "the venue has refused a request as one too many"
        return self.barred(now_s) or (paused if now_s < self._paused_until_s else "")

    def no_way_out(self, now_s: float) -> str:
        """Why there is no whole reserve for hedging and closing; "" when there is."""
        return self._refusal(Lane.RISK, now_s)

    def usage(self, now_s: float) -> RequestUsage:
        """Where it stands, for who looks on."""
        self._fill(now_s)
        return RequestUsage(
            tokens=self._tokens,
            burst=self._burst,
            reserved=self._reserved,
            denied=self._denied,
            refused=self._refused,
            paused_for_s=max(0.0, self._paused_until_s - now_s),
            barred_for_s=max(0.0, self._barred_until_s - now_s),
        )

    def _bar(self, now_s: float) -> bool:
        return now_s < self._barred_until_s

    def _refusal(self, lane: Lane, now_s: float) -> str:
        self._fill(now_s)
        floor = {Lane.REDUCE: 0.0, Lane.DOUBT: _LAST_TOKEN}.get(lane, float(self._reserved))
        never = self.no_new_risk(now_s) if lane is Lane.RISK else self.barred(now_s)
        if never or self._tokens >= floor + 1:
            return never
        return f"own rate limit: {max(0, int(self._tokens))} left, {floor:g} kept"

    def _fill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._filled_s)
        self._tokens = min(float(self._burst), self._tokens + passed_s * self._per_s)
        self._filled_s = max(self._filled_s, now_s)
