"""The GRVT front-end: three HTTP applications around one engine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from paper.faults import Expire, Faults, Restart
from paper.faults.http import dated
from paper.faults.streams import StreamFaults
from paper.grvt.framing import Dialect, JsonRpc, Legacy
from paper.grvt.hub import Hub
from paper.grvt.order_entry import OrderEntry
from paper.grvt.private_streams import PrivateFeed, PrivateSource
from paper.grvt.public_streams import PublicSource
from paper.grvt.refusals import GrvtRefusal
from paper.grvt.rest import (
    API_PREFIX,
    ApiHandler,
    Authenticate,
    Handler,
    LoginHandler,
    answer,
    refused,
)
from paper.grvt.routes import Routes, market_routes, trades_routes
from paper.grvt.sessions import PaperSession, Sessions
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.grvt.sockets import GrvtSocket
from paper.lag import ReadLag
from paper.order_rules import OrderRules
from paper.orders import Exchange, SessionLedger
from venues.grvt.rest import LOGIN_PATH, TIME_PATH
from venues.model import GRVT

EDGE: Final = "edge"
TRADES: Final = "trades"
MARKET_DATA: Final = "market_data"
_MS_NS: Final = 1_000_000


class _Time(msgspec.Struct, frozen=True):
    server_time: int


class GrvtFrontEnd:
    """Speaks GRVT's protocol for an engine. Loop thread only.

    Give it an engine with ``late_rejects``: GRVT acknowledges a post-only order that would cross,
    and rejects it afterwards.
    """

    def __init__(
        self,
        exchange: Exchange,
        ledger: SessionLedger,
        faults: Faults,
        accounts: Sequence[GrvtAccount],
        settings: GrvtSettings,
    ) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._faults = faults
        self._settings = settings
        self._accounts = tuple(accounts)
        self._open: set[GrvtSocket] = set()
        self.sessions = Sessions(
            accounts,
            session_s=settings.session_s,
            login_ends_older=settings.login_ends_older,
            seed=settings.seed,
            now_ns=exchange.now_ns,
        )
        source = PrivateSource(exchange, accounts, settings)
        self._private = Hub(source, settings, faults.frames)
        self._public_source = PublicSource(exchange, StreamFaults(faults, "grvt/market"))
        self._public = Hub(self._public_source, settings)
        feed = PrivateFeed(
            self._private.publish, {account.name: account for account in accounts}, settings
        )
        exchange.add_listener(feed)
        exchange.add_listener(self._public_source)
        self._order_entry = OrderEntry(
            exchange, feed, settings, races=partial(faults.race, GRVT),
            order_rules=OrderRules(exchange, faults),
        )  # fmt: skip
        faults.on(Expire, self._expire)
        faults.on(Restart, lambda _: self.restart_gateway())
        self._trades = trades_routes(exchange, self._order_entry, ReadLag(exchange, faults))
        self._market = market_routes(exchange)

    def apps(self) -> dict[str, web.Application]:
        """The applications to serve, by host: ``edge``, ``trades``, ``market_data``."""
        return {EDGE: self._edge(), TRADES: self._trades_app(), MARKET_DATA: self._market_app()}

    def _expire(self, _: Expire) -> None:
        for account in self._accounts:
            self.sessions.end(account.name)

    def restart_gateway(self) -> None:
        """Cut every websocket and start all sequence numbers anew."""
        for socket in tuple(self._open):
            socket.end()
        self._private.restart()
        self._public.restart()

    def _application(self, connection: str) -> web.Application:
        app = web.Application(middlewares=[self._faults.middleware(connection)])
        app.on_response_prepare.append(dated(self._exchange.now_ns))
        return app

    def _edge(self) -> web.Application:
        app = self._application("grvt/session")
        login = LoginHandler(self.sessions, self._ledger, self._settings)
        app.router.add_post(LOGIN_PATH, login.serve)
        return app

    def _trades_app(self) -> web.Application:
        app = self._application("grvt/rest")
        self._add_api(app, self._trades, self._account)
        for path, dialect in _dialects(self._trades, self._private):
            app.router.add_get(path, self._handshake("grvt/trading", dialect, self._private))
        app.on_shutdown.append(self._stop)
        return app

    def _market_app(self) -> web.Application:
        app = self._application("grvt/market-rest")
        self._add_api(app, self._market, lambda _request: None)
        app.router.add_get(TIME_PATH, self._time)
        for path, dialect in _dialects(self._market, self._public):
            app.router.add_get(path, self._handshake("grvt/market", dialect, self._public))
        app.on_shutdown.append(self._stop)
        return app

    def _add_api(self, app: web.Application, routes: Routes, authenticate: Authenticate) -> None:
        handler = ApiHandler(routes, authenticate, self._settings)
        app.router.add_post(API_PREFIX + "{route}", handler.serve)

    def _account(self, request: web.Request) -> GrvtAccount | None:
        return self.sessions.authenticate(request.headers, request.query).account

    def _handshake(self, name: str, dialect: Dialect, hub: Hub) -> Handler:
        async def accept(request: web.Request) -> web.StreamResponse:
            session: PaperSession | None = None
            if hub is self._private:
                try:
                    session = self.sessions.authenticate(request.headers, request.query)
                except GrvtRefusal as error:
                    if self._settings.bad_handshake == "refuse":
                        return refused(error)
            socket = GrvtSocket(
                name, request, session, dialect, hub, self._settings, self._faults, self._ledger
            )
            self._open.add(socket)
            try:
                return await socket.serve(self._exchange.now_ns())
            finally:
                self._open.discard(socket)

        return accept

    async def _time(self, _request: web.Request) -> web.Response:
        return answer(_Time(server_time=self._exchange.now_ns() // _MS_NS))

    async def _stop(self, _app: web.Application) -> None:
        self._order_entry.stop()
        await self._public_source.stop()
        for socket in tuple(self._open):
            socket.end()


def _dialects(routes: Routes, hub: Hub) -> tuple[tuple[str, Dialect], ...]:
    return ("/ws/full", JsonRpc(routes, hub)), ("/ws", Legacy(hub))
