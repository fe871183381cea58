"""Where everybody who sends requests to a venue's account asks first, and says how it went.

One per venue, made with its access, older and younger than any actor: what the venue counts does
not end with a connection either. Any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from actors.errors import ConnectRefused
from config.schema import RateConfig
from trading.maintenance import Maintenance
from trading.request_budget import Lane, RequestBudget, RequestUsage

TOO_MANY: Final = 429
BARRED: Final = frozenset({403, 418})
"""An answer like this that is not in the venue's own words comes from who guards its door."""


class RequestLimiter:
    """The budget and the maintenance of one venue, behind a lock. Times are monotonic seconds."""

    def __init__(self, rate: RateConfig | None = None) -> None:
        rate = rate or RateConfig()
        self._lock = threading.Lock()
        self._budget = RequestBudget(
            per_s=rate.per_s, burst=rate.burst, reserved=rate.reserved, pause_s=rate.pause_s
        )
        self._maintenance = Maintenance()

    def take(self, lane: Lane, now_s: float) -> str:
        """Take a token for one request: "" if it may be sent, else why not."""
        with self._lock:
            return self._budget.take(lane, now_s)

    def spend(self, now_s: float) -> None:
        """A request is sent whatever is left: it can't wait, or another one began it."""
        with self._lock:
            self._budget.spend(now_s)

    def enter(self, connection: str, now_s: float) -> None:
        """The same for one that can't be sent while the venue bars us: raises ConnectRefused."""
        with self._lock:
            barred = self._budget.barred(now_s)
            if barred:
                raise ConnectRefused(connection, barred)
            self._budget.spend(now_s)

    def turned_away(self, now_s: float, retry_after_s: float | None = None) -> None:
        """The venue has found our requests too many."""
        with self._lock:
            self._budget.turned_away(now_s, retry_after_s)

    def answered(
        self, status: int, headers: Iterable[tuple[str, str]], *, known: bool, now_s: float
    ) -> None:
        """An HTTP answer; ``known``: its body is in the venue's own words."""
        if status == TOO_MANY:
            self.turned_away(now_s, retry_after_s(headers))
        elif status in BARRED and not known:
            with self._lock:
                self._budget.bar(now_s, retry_after_s(headers))

    def answered_anyone(
        self, status: int, headers: Iterable[tuple[str, str]], *, known: bool, now_s: float
    ) -> None:
        """An answer to what anybody may ask. Venues count that by address, so nothing is opened for
        a while. It bars nobody: hedges and closes may take another way in, and see for themselves.
        """
        if status == TOO_MANY or (status in BARRED and not known):
            self.turned_away(now_s, retry_after_s(headers))

    def barred(self, now_s: float) -> str:
        """Why nothing at all may be sent; "" when something may."""
        with self._lock:
            return self._budget.barred(now_s)

    def shut(self, word: str) -> None:
        """The venue has said that it takes no orders."""
        with self._lock:
            self._maintenance.shut(word)

    def clean(self, now_s: float) -> None:
        """The venue has said, or shown, that it takes orders."""
        with self._lock:
            self._maintenance.clean(now_s)

    @property
    def closed(self) -> bool:
        """True while the venue's last word is that it takes no orders."""
        with self._lock:
            return self._maintenance.doubtful

    def no_new_risk(self, now_s: float) -> str:
        """Why nothing that adds risk may be sent; "" when it may, tokens allowing."""
        with self._lock:
            return self._maintenance.reason(now_s) or self._budget.no_new_risk(now_s)

    def no_way_out(self, now_s: float) -> str:
        """Why what is opened now could not be hedged and closed at once; "" when it could."""
        with self._lock:
            return self._budget.no_way_out(now_s)

    def usage(self, now_s: float) -> RequestUsage:
        """Where the budget stands."""
        with self._lock:
            return self._budget.usage(now_s)


def retry_after_s(headers: Iterable[tuple[str, str]]) -> float | None:
    """The seconds of a Retry-After header; None without one that says seconds."""
    text = next((value for name, value in headers if name.lower() == "retry-after"), "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


_MOST_DIGITS: Final = 6
