"""Lets private REST requests in: who is it, and not too often."""

from __future__ import annotations

from collections import deque
from typing import Final

from aiohttp import web

from paper.backpack.encode import NS_PER_MS
from paper.backpack.errors import ApiError
from paper.backpack.settings import BackpackSettings
from paper.backpack.verify import Verifier, body_parameters, claim_of
from paper.orders import Exchange

_MINUTE_MS: Final = 60_000


class Gatekeeper:
    """Verifies requests and counts them per account."""

    def __init__(self, exchange: Exchange, verifier: Verifier, settings: BackpackSettings) -> None:
        self._exchange = exchange
        self._verifier = verifier
        self._limit = settings.requests_per_minute
        self._recent_ms: dict[str, deque[int]] = {}

    async def account(self, request: web.Request, instruction: str) -> str:
        """The engine account that signed this request, query and body.

        Raises ApiError, or BodyError for a body that can't be parsed.
        """
        body = await request.read()
        groups = body_parameters(body) if body else [list(request.query.items())]
        now_ms = self._exchange.now_ns() // NS_PER_MS
        account = self._verifier.account(claim_of(request.headers), instruction, groups, now_ms)
        self._count(account, now_ms)
        return account

    def _count(self, account: str, now_ms: int) -> None:
        if not self._limit:
            return
        recent_ms = self._recent_ms.setdefault(account, deque())
        while recent_ms and recent_ms[0] <= now_ms - _MINUTE_MS:
            recent_ms.popleft()
        if len(recent_ms) >= self._limit:
            raise ApiError(429, "TOO_MANY_REQUESTS", "Too many requests")
        recent_ms.append(now_ms)
