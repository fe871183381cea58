"""The account routes: positions, money, settings, and the histories, which lag."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from paper.backpack import encode
from paper.backpack.errors import invalid, json_response
from paper.backpack.gatekeeper import Gatekeeper
from paper.backpack.market_data import int_query
from paper.backpack.order_entry import parse
from paper.backpack.settings import BackpackSettings
from paper.lag import ReadLag
from paper.orders import Exchange
from paper.settings import Fees
from venues.backpack.frames import Account, Balance
from venues.model import BPS, ZERO

_NS_PER_S: Final = 1_000_000_000
_MAX_PAGE: Final = 1_000
_MAX_LEVERAGE: Final = 100
_Item = TypeVar("_Item")


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Body of PATCH /api/v1/account."""

    auto_borrow_settlements: bool = True
    auto_lend: bool = False
    auto_repay_borrows: bool = True
    leverage_limit: Decimal = Decimal(10)


class AccountRoutes:
    """Handlers of the account and history routes."""

    def __init__(
        self, exchange: Exchange, settings: BackpackSettings, gatekeeper: Gatekeeper,
        fees: Fees, lag: ReadLag,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._lag = lag
        self._settings = settings
        self._gatekeeper = gatekeeper
        self._fees = fees
        self._flags: dict[str, AccountUpdate] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes by path."""
        return [
            web.get("/api/v1/position", self._positions, allow_head=False),
            web.get("/api/v1/capital", self._capital, allow_head=False),
            web.get("/api/v1/capital/collateral", self._collateral, allow_head=False),
            web.get("/api/v1/account", self._account, allow_head=False),
            web.patch("/api/v1/account", self._update),
            web.get("/wapi/v1/history/orders", self._order_history, allow_head=False),
            web.get("/wapi/v1/history/fills", self._fill_history, allow_head=False),
            web.get("/wapi/v1/history/funding", self._funding_history, allow_head=False),
        ]

    async def _positions(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "positionQuery")
        symbol = request.query.get("symbol")
        positions = [
            encode.position_result(
                position,
                encode.exposure(self._exchange, account, position.symbol, position.size),
                alone=symbol is not None,
            )
            for position in self._lag.positions(account)
            if symbol in (None, position.symbol)
        ]
        return json_response(positions)

    async def _capital(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "balanceQuery")
        summary = self._exchange.summary(account)
        available = encode.wire(summary.available)
        locked = encode.wire(max(ZERO, summary.balance - summary.available))
        balance = Balance(available=available, locked=locked, staked=ZERO)
        return json_response({encode.FEE_SYMBOL: balance})

    async def _collateral(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "collateralQuery")
        return json_response(encode.collateral(self._exchange.summary(account)))

    async def _account(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "accountQuery")
        flags = self._flags.get(account, AccountUpdate())
        maker, taker = encode.wire(self._fees.maker / BPS), encode.wire(self._fees.taker / BPS)
        return json_response(
            Account(
                futures_maker_fee=maker,
                futures_taker_fee=taker,
                spot_maker_fee=maker,
                spot_taker_fee=taker,
                leverage_limit=encode.wire(flags.leverage_limit),
                borrow_limit=ZERO,
                position_limit=Decimal(1_000_000),
                limit_orders=len(self._exchange.open_orders(account)),
                trigger_orders=0,
                auto_borrow_settlements=flags.auto_borrow_settlements,
                auto_lend=flags.auto_lend,
                auto_realize_pnl=True,
                auto_repay_borrows=flags.auto_repay_borrows,
            )
        )

    async def _update(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "accountUpdate")
        body = await request.read()
        limit = parse(body, AccountUpdate).leverage_limit
        if not (limit.is_finite() and 0 < limit <= _MAX_LEVERAGE):
            raise invalid("Invalid leverage limit", "MAX_LEVERAGE_REACHED")
        before = msgspec.to_builtins(self._flags.get(account, AccountUpdate()))
        changes = {name: value for name, value in parse(body, dict[str, object]).items()
                   if value is not None}  # fmt: skip
        self._flags[account] = msgspec.convert(before | changes, AccountUpdate)
        return web.Response(status=200)

    async def _order_history(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "orderHistoryQueryAll")
        query, seen_ns = request.query, self._seen_ns()
        orders = [
            encode.history_order(order)
            for order in self._exchange.order_history(account, query.get("symbol"))
            if order.updated_ns <= seen_ns and query.get("orderId") in (None, str(order.order_id))
        ]
        return _page(request, orders)

    async def _fill_history(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "fillHistoryQueryAll")
        query, seen_ns = request.query, self._seen_ns()
        from_ns = int_query(request, "from", 0) * encode.NS_PER_MS
        to_ns = int_query(request, "to", 10**15) * encode.NS_PER_MS
        fills = [
            encode.history_fill(fill, self._settings)
            for fill in self._exchange.fill_history(account, query.get("symbol"))
            if fill.now_ns <= seen_ns
            and from_ns <= fill.now_ns <= to_ns
            and query.get("orderId") in (None, str(fill.order.order_id))
        ]
        return _page(request, fills)

    async def _funding_history(self, request: web.Request) -> web.Response:
        account = await self._gatekeeper.account(request, "fundingHistoryQueryAll")
        symbol = request.query.get("symbol")
        paid = [
            encode.funding(payment)
            for payment in self._exchange.funding_history(account)
            if symbol in (None, payment.symbol)
        ]
        return _page(request, paid)

    def _seen_ns(self) -> int:
        return self._lag.seen_ns() - int(self._settings.history_lag_s * _NS_PER_S)


def _page(request: web.Request, items: Sequence[object]) -> web.Response:
    """One page of ``items`` (newest first), with the exchange's page headers."""
    limit, offset = int_query(request, "limit", 100), int_query(request, "offset", 0)
    if not 0 < limit <= _MAX_PAGE:
        raise invalid("Invalid limit", "INVALID_RANGE")
    ordered = items[::-1] if request.query.get("sortDirection") == "Asc" else items
    response = json_response(ordered[offset : offset + limit])
    response.headers["X-PAGE-COUNT"] = str(-(-len(items) // limit))
    response.headers["X-CURRENT-PAGE"] = str(offset // limit + 1)
    response.headers["X-PAGE-SIZE"] = str(limit)
    response.headers["X-TOTAL"] = str(len(items))
    return response
