"""The control port of the paper process: JSON over HTTP on loopback. docs/paper.md lists it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from aiohttp import web

from paper.engine import PaperExchange
from paper.faults import AnyFault, FaultRefused
from paper.measures import measure
from paper.orders import PaperOrder, PaperPosition, PaperSummary
from paper.records import encode_record
from paper.verdict import Scope, scope_of
from paper.world import World
from venues.model import BACKPACK, GRVT

_PRICES_LIMIT: Final = 36_000
_WAIT_LIMIT_S: Final = 300
_FAULT: Final = msgspec.json.Decoder(AnyFault)


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A resting order as the control port shows it."""

    order_id: int
    client_order_id: int | None
    symbol: str
    side: str
    size: Decimal
    executed: Decimal
    price: Decimal | None


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """An account at one venue."""

    summary: PaperSummary
    positions: list[PaperPosition]
    open_orders: list[OpenOrder]


class ControlPort:
    """What the control port answers. ``stop`` ends the process."""

    def __init__(self, world: World, stop: Callable[[], None]) -> None:
        self._world = world
        self._stop = stop

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[_explain])
        app.add_routes(
            [
                web.get("/healthz", self._health),
                web.get("/ledger", self._ledger),
                web.get("/prices", self._prices),
                web.get("/measures", self._measures),
                web.get("/faults", self._show_faults),
                web.post("/faults", self._arm),
                web.delete("/faults", self._clear),
                web.get("/connections", self._connections),
                web.get("/accounts", self._accounts),
                web.get("/traffic", self._traffic),
                web.post("/shutdown", self._shutdown),
            ]
        )
        return app

    async def _health(self, request: web.Request) -> web.Response:
        up_ns = self._world.ledger.utc_ns() - self._world.start_ns
        return _json({"ok": True, "up_s": up_ns / 1e9, "cycle": self._world.hooks.cycle})

    async def _ledger(self, request: web.Request) -> web.StreamResponse:
        """All records, or those from index ``since`` on."""
        since = _integer(request, "since", 0)
        records = self._world.ledger.records[since:]
        body = b"".join(map(encode_record, records))
        return web.Response(body=body, content_type="application/x-ndjson")

    async def _prices(self, request: web.Request) -> web.Response:
        """The price path of ``symbol``: the last ``count`` steps, or from step ``from`` on."""
        symbol = request.query.get("symbol", "")
        venue = self._world.venue_of(symbol)
        if venue is None:
            raise web.HTTPNotFound(text=f"no contract {symbol!r}")
        maker = self._world.makers[venue]
        count = min(_integer(request, "count", 600), _PRICES_LIMIT)
        first = max(0, _integer(request, "from", maker.step - count + 1))
        steps = range(first, min(maker.step + 1, first + count))
        return _json(
            {
                "symbol": symbol,
                "step_ms": self._world.settings.prices.step_ms,
                "start_utc_ns": self._world.start_ns,
                "from": first,
                "marks": [maker.mark_at(symbol, step) for step in steps],
                "indexes": [maker.index_at(symbol, step) for step in steps],
            }
        )

    async def _measures(self, request: web.Request) -> web.Response:
        """Judge the run so far; on another thread, since a long run has many records."""
        scope, records = _scope(request), tuple(self._world.ledger.records)
        end_ns = self._world.ledger.moment()["at_ns"]
        return _json(await asyncio.to_thread(measure, records, scope, end_ns))

    async def _show_faults(self, request: web.Request) -> web.Response:
        """What is armed, has fired and was met; waits for so many (``fired``, ``hits``) first."""
        faults = self._world.faults
        wanted = _integer(request, "fired", 0), _integer(request, "hits", 0)
        wait_s = min(_integer(request, "wait_s", 0), _WAIT_LIMIT_S)

        async def come() -> None:
            while len(faults.fired) < wanted[0] or len(faults.hits) < wanted[1]:
                await faults.news()

        with suppress(TimeoutError):
            await asyncio.wait_for(come(), wait_s)
        return _json({"armed": faults.armed, "fired": faults.fired, "hits": faults.hits})

    async def _arm(self, request: web.Request) -> web.Response:
        fault = _FAULT.decode(await request.read())
        self._world.faults.arm(fault)
        return _json({"armed": self._world.faults.armed})

    async def _clear(self, request: web.Request) -> web.Response:
        self._world.faults.clear()
        return _json({"armed": ()})

    async def _connections(self, request: web.Request) -> web.Response:
        live = self._world.faults.connections.items()
        return _json([{"id": number, "connection": name} for number, name in live])

    async def _accounts(self, request: web.Request) -> web.Response:
        exchanges = self._world.exchanges.items()
        return _json({venue: dict(_states(exchange)) for venue, exchange in exchanges})

    async def _traffic(self, request: web.Request) -> web.Response:
        return _json(self._world.faults.traffic.venues)

    async def _shutdown(self, request: web.Request) -> web.Response:
        self._stop()
        return _json({"ok": True})


def _states(exchange: PaperExchange) -> Iterator[tuple[str, AccountState]]:
    for name in exchange.accounts:
        yield (
            name,
            AccountState(
                summary=exchange.summary(name),
                positions=exchange.positions(name),
                open_orders=[_open_order(order) for order in exchange.open_orders(name)],
            ),
        )


def _open_order(order: PaperOrder) -> OpenOrder:
    return OpenOrder(
        order_id=order.order_id,
        client_order_id=order.request.client_order_id,
        symbol=order.request.symbol,
        side=order.request.side.value,
        size=order.size,
        executed=order.executed,
        price=order.request.price,
    )


def _scope(request: web.Request) -> Scope:
    query = request.query
    primary = query.get("primary", BACKPACK)
    if primary not in (GRVT, BACKPACK):
        raise web.HTTPBadRequest(text=f"primary is {GRVT} or {BACKPACK}, not {primary!r}")
    accounts = query.get("accounts", "")
    return scope_of(
        primary,
        q=_decimal(request, "q", "0.5"),
        lot=_decimal(request, "lot", "0.01"),
        planned=_integer(request, "planned", 0),
        max_age_s=_decimal(request, "max_age_s", "60"),
        primary_symbol=query.get("primary_symbol"),
        hedge_symbol=query.get("hedge_symbol"),
        accounts=frozenset(filter(None, accounts.split(","))),
    )


def _integer(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise web.HTTPBadRequest(text=f"{name} is a whole number, not {text!r}")
    return int(text)


def _decimal(request: web.Request, name: str, default: str) -> Decimal:
    text = request.query.get(name, default)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise web.HTTPBadRequest(text=f"{name} is a positive number, not {text!r}")
    return value


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


@web.middleware
async def _explain(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors as JSON: what was wrong, in a sentence."""
    try:
        return await handler(request)
    except msgspec.DecodeError as error:
        return _json({"error": str(error)}, 400)
    except FaultRefused as refused:
        return _json({"error": refused.reason}, 400)
    except web.HTTPException as error:
        return _json({"error": error.text}, error.status)
