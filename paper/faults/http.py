"""Faults of HTTP requests: refused, lost, answered by something else, late, slow, changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from paper.faults.base import Hook
from paper.faults.edit import edited
from paper.faults.venue import Answer, EditReply, Lose, RouteFault, Slow

if TYPE_CHECKING:
    from paper.faults.core import Faults

# A websocket is asked for on the same port as REST, under a connection name of its own.
_WEBSOCKET_OF: Final = {
    "grvt/rest": "grvt/trading",
    "grvt/market-rest": "grvt/market",
    "backpack/rest": "backpack/market",
}

_NS_PER_S: Final = 1_000_000_000

# GRVT's routes, by the last part of path or RPC method; then Backpack's, by method and path.
_GRVT_HOOKS: Final[dict[str, Hook]] = {
    "create_order": "recv",
    "cancel_order": "cancel_recv",
    "cancel_all_orders": "cancel_recv",
    "order": "read_order",
    "open_orders": "read_orders",
    "fill_history": "read_fills",
    "order_history": "read_history",
    "positions": "read_positions",
    "account_summary": "read_balances",
}
_BACKPACK_HOOKS: Final[dict[str, Hook]] = {
    "POST /api/v1/order": "recv",
    "POST /api/v1/orders": "recv",
    "DELETE /api/v1/order": "cancel_recv",
    "DELETE /api/v1/orders": "cancel_recv",
    "GET /api/v1/order": "read_order",
    "GET /api/v1/orders": "read_orders",
    "GET /wapi/v1/history/fills": "read_fills",
    "GET /wapi/v1/history/orders": "read_history",
    "GET /api/v1/position": "read_positions",
    "GET /api/v1/capital": "read_balances",
    "GET /api/v1/capital/collateral": "read_balances",
}


Stamp = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def hook_of(connection: str, method: str, path: str) -> Hook | None:
    """The hook of a request that has arrived, if it has one."""
    if connection.startswith("grvt/"):
        return _GRVT_HOOKS.get(path.rpartition("/")[2])
    return _BACKPACK_HOOKS.get(f"{method} {path}")


class HttpFaults:
    """The middleware of every HTTP application."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._released = asyncio.Event()

    def release(self) -> None:
        """End what was left without an answer."""
        self._released.set()
        self._released = asyncio.Event()

    def middleware(self, connection: str, websocket: str | None) -> Middleware:
        """For requests of ``connection``, and upgrades of ``websocket``."""
        upgrade_name = websocket or _WEBSOCKET_OF.get(connection, connection)

        @web.middleware
        async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                self._faults.traffic.upgraded(upgrade_name)
                self._faults.at_hook(upgrade_name.partition("/")[0], "ws_upgrade")
                if self._faults.refusing(upgrade_name):
                    return abort(request)
                banned = self._faults.request_refusals.banned(upgrade_name)
                if banned is not None:
                    return banned.response()
                await self._faults.before_reply(upgrade_name)
                return await handler(request)
            self._faults.traffic.asked(connection)
            try:
                response = await self._serve(connection, request, handler)
            except ConnectionError:  # who asked has gone before its body had come: no fault of ours
                return abort(request)
            self._faults.traffic.answered(connection, response.status)
            return response

        return inject

    async def _serve(
        self, connection: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        venue = connection.partition("/")[0]
        hook = hook_of(connection, request.method, request.path)
        if hook is not None:
            self._faults.at_hook(venue, hook)
        if self._faults.refusing(connection):
            return abort(request)
        turned_away = self._faults.request_refusals.turned_away(connection, request.path, hook)
        if turned_away is not None:
            return turned_away.response()
        fault = self._take(connection, request)
        executed = not isinstance(fault, Lose | Answer)
        if isinstance(fault, Answer):
            executed = self._faults.effects.truth() if fault.execute == "seeded" else fault.execute
        response: web.StreamResponse = web.Response(status=503)
        if executed:
            response = await handler(request)
            if hook == "recv":
                self._faults.at_hook(venue, "before_reply")
        if fault is not None:
            self._faults.effects.hit(fault, "executed" if executed else "not executed")
            response = await self._spoilt(fault, request, response)
        await self._faults.before_reply(connection)
        return response

    def _take(self, connection: str, request: web.Request) -> RouteFault | None:
        def matches(fault: RouteFault) -> bool:
            return request.path.endswith(fault.route) and fault.method in ("", request.method)

        return self._faults.effects.take(RouteFault, connection, matches)

    async def _spoilt(
        self, fault: RouteFault, request: web.Request, response: web.StreamResponse
    ) -> web.StreamResponse:
        if isinstance(fault, EditReply):
            return _changed(response, fault)
        if isinstance(fault, Slow):
            return await _slowly(request, response, fault.bytes_per_s)
        if not isinstance(fault, Answer) or fault.reply == "none":
            await self._released.wait()
            return abort(request)
        if fault.reply != "answer":
            return abort(request)
        return web.Response(status=fault.status, text=fault.body, content_type=fault.content_type)


def dated(now_ns: Callable[[], int]) -> Stamp:
    """Every answer carries the venue's own time, right or wrong, in its Date header."""

    async def stamp(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(now_ns() / _NS_PER_S, usegmt=True)

    return stamp


def abort(request: web.Request) -> web.Response:
    """Break the connection off without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _changed(response: web.StreamResponse, fault: EditReply) -> web.StreamResponse:
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    response.body = edited(response.body, fault.set, fault.remove)
    return response


async def _slowly(
    request: web.Request, response: web.StreamResponse, bytes_per_s: float
) -> web.StreamResponse:
    """Headers at once, then the body byte by byte."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(response.body)
    await slow.prepare(request)
    for place in range(len(response.body)):
        try:
            await slow.write(response.body[place : place + 1])
        except ConnectionError:
            # The client had enough: what it was sent is what it got.
            return abort(request)
        await asyncio.sleep(1 / bytes_per_s)
    return slow
