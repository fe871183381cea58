"""Token buckets shared by name across the tree, so that a storm of restarts is spread out."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Mapping

from supervision.policy import Limiter


class Limiters:
    """The process's buckets. A reservation is FIFO: whoever is due first asks first.

    Arithmetic only, under a lock, so any supervisor thread may call it.
    """

    def __init__(self, limiters: Mapping[str, Limiter] | None = None) -> None:
        self._limiters = dict(limiters or {})
        self._next_full: dict[str, float] = {}
        self._returned: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> frozenset[str]:
        """The names that a policy may refer to."""
        return frozenset(self._limiters)

    def reserve(self, name: str, now: float) -> float:
        """Take one token; returns when it is there, which is ``now`` if the bucket holds one.

        ``_next_full`` is the moment at which the bucket would be full again, from which both the
        tokens left and the next free moment follow without rounding errors piling up.
        """
        with self._lock:
            returned = self._returned.get(name, [])
            while returned:
                moment = heapq.heappop(returned)
                if moment >= now:
                    return moment
            limiter = self._limiters[name]
            interval = 1 / limiter.rate
            next_full = self._next_full.get(name, now)
            granted = max(now, next_full - (limiter.burst - 1) * interval)
            self._next_full[name] = max(now, next_full) + interval
        return granted

    def release(self, name: str, granted: float) -> None:
        """Give back a token that was reserved for ``granted``: the next to ask gets that moment.

        Once the moment is over it is lost, so that a bucket never gives more than its rate.
        """
        with self._lock:
            heapq.heappush(self._returned.setdefault(name, []), granted)

    def retune(self, limiters: Mapping[str, Limiter]) -> None:
        """New rates, from the next reservation on; what was reserved stays reserved.

        A bucket that is not among them stays too, for a child that still refers to it.
        """
        with self._lock:
            self._limiters = {**self._limiters, **limiters}
