"""The order routes: place (one or a batch), cancel (one or all), and query what rests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from paper.backpack import encode
from paper.backpack.errors import ApiError, BodyError, invalid, json_response, not_found
from paper.backpack.gatekeeper import Gatekeeper
from paper.backpack.order_entry import OrderEntry, client_id, parse
from paper.backpack.settings import BackpackSettings
from paper.backpack.streams import StreamHub
from paper.faults import Faults, Race
from paper.lag import ReadLag
from paper.orders import Exchange, OrderNotFound, PaperOrder, Status
from venues.backpack.frames import OrderCancel, OrderCancelAll, OrderExecute, OrderResult
from venues.model import BACKPACK

RELEASE: Final = web.RequestKey("release", asyncio.Event)
"""Set once the answer has left: stream messages that wait for it come after the answer."""

_REPLY_FIRST_LIMIT_S: Final = 0.25
_Result = TypeVar("_Result")


class BatchError(msgspec.Struct, frozen=True, kw_only=True):
    """A refused item of a batch."""

    code: str
    message: str
    operation: str = "Err"


class OrderRoutes:
    """Handlers of /api/v1/order and /api/v1/orders."""

    def __init__(
        self, exchange: Exchange, settings: BackpackSettings, gatekeeper: Gatekeeper,
        entry: OrderEntry, hub: StreamHub, faults: Faults,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._faults = faults
        self._lag = ReadLag(exchange, faults)
        self._settings = settings
        self._gatekeeper = gatekeeper
        self._entry = entry
        self._hub = hub
        self._random = random.Random(settings.seed)

    def routes(self) -> list[web.RouteDef]:
        """The routes by path."""
        return [
            web.post("/api/v1/order", self._place),
            web.post("/api/v1/orders", self._place_batch),
            web.delete("/api/v1/order", self._cancel),
            web.delete("/api/v1/orders", self._cancel_all),
            web.get("/api/v1/order", self._query, allow_head=False),
            web.get("/api/v1/orders", self._open_orders, allow_head=False),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderExecute")
        order = parse(await request.read(), OrderExecute)
        nonce = request.headers["X-Signature"]
        placed = await self._ordered(request, account, lambda: self._placed(account, order, nonce))
        return self._answer(request, placed)

    async def _place_batch(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderExecute")
        orders = parse(await request.read(), list[OrderExecute])
        signature = request.headers["X-Signature"]
        placed = await self._ordered(
            request,
            account,
            lambda: [
                self._placed_item(account, order, f"{signature}/{place}")
                for place, order in enumerate(orders)
            ],
        )
        return self._answer(request, placed)

    def _placed(self, account: str, order: OrderExecute, nonce: str) -> OrderResult:
        placed = self._entry.place(account, order, nonce)
        status = None
        if placed.executed and encode.status_of(placed) == "Expired":
            status = self._settings.partial_ioc
        return encode.order_result(placed, status)

    def _placed_item(self, account: str, order: OrderExecute, nonce: str) -> object:
        try:
            placed = self._placed(account, order, nonce)
        except ApiError as error:
            return BatchError(code=error.code, message=error.text)
        except BodyError as error:
            return BatchError(code="INVALID_CLIENT_REQUEST", message=str(error))
        return {"operation": "Ok", **msgspec.to_builtins(placed)}

    async def _cancel(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderCancel")
        wanted = parse(await request.read(), OrderCancel)
        order = self._find(account, wanted.order_id, client_id(wanted.client_id))
        if order is not None and order.status.live:
            self._exchange.cancel_asked(order)
        race = self._faults.race(BACKPACK) if order is not None and order.status.live else None
        if order is not None and race is not None and race.when == "before":
            self._exchange.take_resting([order], Decimal(str(race.part)))
        if order is None or not order.status.live or order.request.symbol != wanted.symbol:
            raise not_found(400, "Order not found")
        if race is not None and race.when == "after":
            asyncio.get_running_loop().call_later(race.by_s, self._overtake, account, order, race)
            return web.Response(status=202)
        if self._settings.cancel_reply == "accepted":
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.cancel_delay_s, self._cancel_later, account, order)
            return web.Response(status=202)
        cancelled = await self._ordered(request, account, lambda: self._end(account, order))
        return self._answer(request, encode.order_result(cancelled))

    async def _cancel_all(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderCancelAll")
        wanted = parse(await request.read(), OrderCancelAll)
        if wanted.order_type == "ConditionalOrder":
            return self._answer(request, [])
        self._exchange.cancel_asked(*self._exchange.open_orders(account, wanted.symbol))
        cancelled = await self._ordered(
            request, account, lambda: self._exchange.cancel_all(account, wanted.symbol)
        )
        return self._answer(request, [encode.order_result(order) for order in cancelled])

    async def _query(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderQuery")
        query = request.query
        own_id = client_id(query.get("clientId"))
        order = self._find(account, query.get("orderId"), own_id)
        if order is None or not order.status.live or order.request.symbol != query.get("symbol"):
            raise not_found()
        if self._lag.order(order) != "shown":
            raise not_found()
        return json_response(encode.order_result(order))

    async def _open_orders(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderQueryAll")
        orders = self._exchange.open_orders(account, request.query.get("symbol"))
        orders = self._lag.orders(orders)
        return json_response([encode.order_result(order) for order in orders])

    def _find(self, account: str, order_id: str | None, own_id: int | None) -> PaperOrder | None:
        if (order_id is None) == (own_id is None):
            raise invalid("Must specify exactly one of orderId and clientId")
        if own_id is not None:
            for order in self._exchange.open_orders(account):
                if encode.client_id_of(order) == own_id:
                    return order
            return None
        text = order_id or ""
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise invalid("Invalid order id")
        return self._exchange.find_order(account, order_id=int(text))

    def _end(self, account: str, order: PaperOrder) -> PaperOrder:
        try:
            return self._exchange.cancel(account, order.request.symbol, order_id=order.order_id)
        except OrderNotFound as gone:
            raise not_found(400, "Order not found") from gone

    def _cancel_later(self, account: str, order: PaperOrder) -> None:
        # It may have filled meanwhile: then the stream has said so, and nothing is left to cancel.
        if order.status is Status.OPEN:
            self._end(account, order)

    def _overtake(self, account: str, order: PaperOrder, race: Race) -> None:
        """Somebody takes the order after its cancel was acknowledged, and before it is done."""
        self._exchange.take_resting([order], Decimal(str(race.part)))
        self._cancel_later(account, order)

    async def _ordered(
        self, request: web.Request, account: str, act: Callable[[], _Result]
    ) -> _Result:
        """Do ``act``, such that its stream events come before or after the answer, as set."""
        first = self._settings.first
        if first == "seeded":
            first = self._random.choice(("feed", "reply"))
        release = request[RELEASE]
        if first == "feed":
            release.set()
        with self._hub.held(release):
            result = act()
        if first == "feed":
            await self._hub.feeds_written(account)
        else:
            # An answer that is delayed on purpose must not stop the feed.
            asyncio.get_running_loop().call_later(_REPLY_FIRST_LIMIT_S, release.set)
        return result

    def _answer(self, request: web.Request, payload: object) -> web.Response:
        lost = self._settings.lost_replies and self._random.random() < self._settings.lost_replies
        if lost and request.transport is not None:
            request.transport.abort()
        return json_response(payload)
