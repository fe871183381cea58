"""The Backpack front-end: both hosts as aiohttp applications around one paper exchange."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from paper.backpack.errors import ApiError, BodyError, error_response, not_found
from paper.backpack.gatekeeper import Gatekeeper
from paper.backpack.market_data import MarketData
from paper.backpack.order_entry import OrderEntry
from paper.backpack.rest_account import AccountRoutes
from paper.backpack.rest_orders import RELEASE, OrderRoutes
from paper.backpack.settings import BackpackAccount, BackpackSettings
from paper.backpack.streams import StreamHub
from paper.backpack.verify import Verifier
from paper.faults import Faults
from paper.faults.http import dated
from paper.lag import ReadLag
from paper.order_rules import OrderRules
from paper.orders import Exchange, SessionLedger
from paper.settings import BACKPACK_VENUE, Fees


class BackpackFrontEnd:
    """Speaks Backpack's protocol for ``exchange``. Everything on one asyncio loop.

    ``fees`` is only what GET /api/v1/account tells; the engine charges its own.
    """

    def __init__(
        self, exchange: Exchange, ledger: SessionLedger, faults: Faults,
        accounts: Sequence[BackpackAccount], settings: BackpackSettings,
        fees: Fees = BACKPACK_VENUE.fees,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._settings = settings
        self._faults = faults
        verifier = Verifier(accounts, settings)
        gatekeeper = Gatekeeper(exchange, verifier, settings)
        self.market_data = MarketData(exchange, settings, faults)
        self._hub = StreamHub(exchange, ledger, faults, verifier, settings)
        order_rules = OrderRules(exchange, faults)
        entry = OrderEntry(exchange, settings, self.market_data.state, order_rules)
        self._orders = OrderRoutes(exchange, settings, gatekeeper, entry, self._hub, faults)
        self._account = AccountRoutes(
            exchange, settings, gatekeeper, fees, ReadLag(exchange, faults)
        )

    def apps(self) -> dict[str, web.Application]:
        """``api``: the REST host; ``ws``: the websocket host (path ``/``)."""
        faults = self._faults.middleware("backpack/rest")
        middlewares = [self._release_after_answer, faults, self._late, _refusals]
        api = web.Application(middlewares=middlewares)
        api.on_response_prepare.append(dated(self._exchange.now_ns))
        api.add_routes(self.market_data.routes())
        api.add_routes(self._orders.routes())
        api.add_routes(self._account.routes())
        ws_faults = self._faults.middleware("backpack/market")
        ws = web.Application(middlewares=[ws_faults])
        ws.router.add_get("/", self._hub.handle)
        ws.cleanup_ctx.append(self._marks)
        ws.on_shutdown.append(self._close)
        return {"api": api, "ws": ws}

    @web.middleware
    async def _release_after_answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Write the answer here, so that what has to come after it knows when it has left."""
        release = request[RELEASE] = asyncio.Event()
        try:
            response = await handler(request)
            with contextlib.suppress(ConnectionError):  # who asked has gone: no fault of ours
                await response.prepare(request)
                await response.write_eof()
        finally:
            release.set()
        return response

    @web.middleware
    async def _late(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self._settings.latency_s)
        response = await handler(request)
        await asyncio.sleep(self._settings.latency_s)
        return response

    async def _marks(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._hub.publish_marks())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _close(self, app: web.Application) -> None:
        await self._hub.close()


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handlers' typed refusals, and unknown routes, in the exchange's words."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except BodyError as error:
        return web.Response(status=400, text=str(error))
    except web.HTTPNotFound:
        return error_response(not_found())
