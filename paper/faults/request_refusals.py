"""Requests that a venue turns away before it looks at them: too many, banned, or closed for now.

Sources: GRVT api-spec (1006 and 1009, also as JSON-RPC errors: limits over both are taken to be
shared), docs.backpack.exchange (TOO_MANY_REQUESTS, MAINTENANCE, /api/v1/status). Nobody documents a
Retry-After header or what a ban looks like; a content network's page is taken for that.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from paper.faults.base import Hook
from paper.faults.effects import Effects
from paper.faults.rules import Maintenance, Throttle
from paper.records import BANNED
from venues.grvt import errors
from venues.grvt.errors import CODES
from venues.model import GRVT

_WRITES: Final = ("recv", "cancel_recv")
_STATUS_PATH: Final = "/api/v1/status"
_PAGE: Final = "<html><head><title>Access denied</title></head><body>Error 1015</body></html>"
_TOO_MANY: Final = "Too many requests"
_CLOSED: Final = "The exchange is under maintenance"


class TurnedAway(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in the venue's place; ``code`` is GRVT's, for a request over its websocket."""

    status: int
    body: str
    code: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def message(self) -> str:
        """GRVT's text for its code."""
        return CODES[self.code].text

    def response(self) -> web.Response:
        """The answer over REST."""
        kind = "application/json" if self.body.startswith("{") else "text/html"
        return web.Response(
            status=self.status, text=self.body, content_type=kind, headers=self.headers
        )


class RequestRefusals:
    """Counts requests by venue, and says which are turned away now. Loop thread only."""

    def __init__(self, clock: Callable[[], float], effects: Effects) -> None:
        self._clock = clock
        self._effects = effects
        self._recent_s: dict[str, deque[float]] = defaultdict(deque)
        self._bans: dict[str, tuple[float, int]] = {}

    def clear(self) -> None:
        """Nothing was counted, and nobody is banned."""
        self._recent_s.clear()
        self._bans.clear()

    def banned(self, connection: str) -> TurnedAway | None:
        """What everything at that venue is answered while it has banned its trader."""
        until_s, status = self._bans.get(connection.partition("/")[0], (0.0, 0))
        if self._clock() >= until_s:
            return None
        return TurnedAway(status=status, body=_PAGE, code=errors.RATE_LIMITED)

    def turned_away(self, connection: str, path: str, hook: Hook | None) -> TurnedAway | None:
        """Count a request; what it is answered if it goes no further."""
        for fault in self._effects.lasting(Throttle, connection):
            self._count(fault, connection.partition("/")[0])
        return (
            self.banned(connection)
            or self._closed(connection, path, hook)
            or self._throttled(connection)
        )

    def _count(self, fault: Throttle, venue: str) -> None:
        recent_s, now_s = self._recent_s[venue], self._clock()
        recent_s.append(now_s)
        while recent_s[0] <= now_s - 1:
            recent_s.popleft()
        if len(recent_s) > fault.most_per_s and self.banned(venue) is None:
            self._bans[venue] = (now_s + fault.ban_s, fault.ban_status)
            self._effects.hit(fault, BANNED)

    def _throttled(self, connection: str) -> TurnedAway | None:
        fault = self._effects.take(Throttle, connection, lambda _: True)
        if fault is None:
            return None
        self._effects.hit(fault, "not executed")
        after_s = fault.retry_after_s
        headers = {} if after_s is None else {"Retry-After": str(after_s)}
        if connection.startswith(GRVT):
            return _grvt(errors.RATE_LIMITED, headers)
        return _backpack(429, "TOO_MANY_REQUESTS", _TOO_MANY, headers)

    def _closed(self, connection: str, path: str, hook: Hook | None) -> TurnedAway | None:
        for fault in self._effects.lasting(Maintenance, connection):
            if path == _STATUS_PATH:
                body = msgspec.json.encode({"status": "Maintenance", "message": _CLOSED})
                return TurnedAway(status=200, body=body.decode())
            if hook in _WRITES:
                self._effects.hit(fault, "not executed")
                if connection.startswith(GRVT):
                    return _grvt(errors.SWITCHED_OFF)
                return _backpack(503, fault.code, _CLOSED)
        return None


def _grvt(code: int, headers: dict[str, str] | None = None) -> TurnedAway:
    row = CODES[code]
    body = msgspec.json.encode({"code": code, "message": row.text, "status": row.status})
    return TurnedAway(status=row.status, body=body.decode(), code=code, headers=headers or {})


def _backpack(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> TurnedAway:
    body = msgspec.json.encode({"code": code, "message": message})
    return TurnedAway(status=status, body=body.decode(), headers=headers or {})
