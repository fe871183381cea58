"""Counts what a trader asks of each venue: requests, how many in a second, and what is refused."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

import msgspec

_REFUSED: Final = 400


class VenueTraffic(msgspec.Struct, kw_only=True):
    """One venue's, over REST and websockets. ``refused`` counts answers by their HTTP status.

    ``most_per_s`` is the largest number of requests within any second; ``upgrades`` are websockets
    that were asked for, which are no requests here.
    """

    requests: int = 0
    most_per_s: int = 0
    upgrades: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)


class Traffic:
    """Of all venues. Loop thread only; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent_s: dict[str, deque[float]] = defaultdict(deque)
        self.venues: dict[str, VenueTraffic] = defaultdict(VenueTraffic)

    def asked(self, connection: str) -> None:
        """A request has arrived, and nothing was looked at."""
        venue = connection.partition("/")[0]
        recent_s, now_s = self._recent_s[venue], self._clock()
        recent_s.append(now_s)
        while recent_s[0] <= now_s - 1:
            recent_s.popleft()
        counted = self.venues[venue]
        counted.requests += 1
        counted.most_per_s = max(counted.most_per_s, len(recent_s))

    def upgraded(self, connection: str) -> None:
        """Somebody asks for a websocket."""
        self.venues[connection.partition("/")[0]].upgrades += 1

    def answered(self, connection: str, status: int) -> None:
        """What a request was answered."""
        if status >= _REFUSED:
            refused = self.venues[connection.partition("/")[0]].refused
            refused[str(status)] = refused.get(str(status), 0) + 1
