"""The Backpack front-end on the real engine, served on loopback from a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, TypeVar

import requests
from aiohttp import web
from websockets.sync.client import ClientConnection, connect

from paper.backpack.front_end import BackpackFrontEnd
from paper.backpack.settings import BackpackAccount, BackpackSettings
from paper.engine import PaperExchange
from paper.faults import Faults
from paper.orders import PaperOrder
from paper.settings import BACKPACK_INSTRUMENTS, BACKPACK_VENUE
from tests.support.backpack import PUBLIC_KEY, SECRET_KEY
from tests.support.paper import StillMarket, request
from venues.backpack import codec
from venues.backpack.codec import OrderAnswer
from venues.backpack.requests import HttpRequest, RequestBuilder
from venues.model import BACKPACK, NewOrder, OrderUpdate, Side, TimeInForce

SYMBOL: Final = "ETH_USDC_PERP"
WAIT_S: Final = 10.0
# A second trader: a seed of 32 bytes 0x33.
OTHER_SECRET_KEY: Final = "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="
OTHER_PUBLIC_KEY: Final = "F8t5+ytBIPKx7GXkGY1uCLKOgT/rAeSkAIObheGAgM4="

QUICK: Final = {"latency_s": 0.0, "feed_latency_s": 0.0, "history_lag_s": 0.0}
_Result = TypeVar("_Result")


class Sessions:
    """A SessionLedger that keeps what it heard."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def connected(self, connection: str, connection_id: int, authenticated: bool) -> None:
        self.events.append(("connected", connection, authenticated))

    def disconnected(self, connection: str, connection_id: int, by: str) -> None:
        self.events.append(("disconnected", connection, by))

    def logged_in(self, venue: str, account: str, accepted: bool) -> None:
        self.events.append(("logged in", account, accepted))


class PaperBackpack:
    """A venue with one ETH level a side: 5 bid at 2499.90 and 5 offered at 2500.10.

    ``call`` runs something on the server's loop, where engine and front-end live.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: BackpackSettings) -> None:
        self.loop = loop
        self.sessions = Sessions()
        self.faults = Faults()
        self.skew_ns = 0
        self.market = StillMarket("2500")
        self.market.offer(Side.BUY, ("2499.90", "5"))
        self.market.offer(Side.SELL, ("2500.10", "5"))
        self.to_cancel: list[PaperOrder] = []
        self.exchange = PaperExchange(
            BACKPACK, BACKPACK_INSTRUMENTS, ("ann", "bob"), BACKPACK_VENUE, self.market,
            self.now_ns, on_cancel=self.to_cancel.append,
        )  # fmt: skip
        accounts = [
            BackpackAccount(name="ann", public_key=PUBLIC_KEY),
            BackpackAccount(name="bob", public_key=OTHER_PUBLIC_KEY),
        ]
        self.front_end = BackpackFrontEnd(
            self.exchange, self.sessions, self.faults, accounts, settings
        )
        self.runners: list[web.AppRunner] = []
        self.urls: dict[str, str] = {}

    def now_ns(self) -> int:
        return time.time_ns() + self.skew_ns

    async def start(self) -> None:
        for name, app in self.front_end.apps().items():
            runner = web.AppRunner(app, shutdown_timeout=0.2)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            scheme = "ws" if name == "ws" else "http"
            self.urls[name] = f"{scheme}://{host}:{port}/"
            self.runners.append(runner)

    async def stop(self) -> None:
        for runner in self.runners:
            await runner.cleanup()

    def call(self, act: Callable[[], _Result]) -> _Result:
        async def run() -> _Result:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(WAIT_S)

    def bob_sends(self, side: str, size: str, price: str | None, tif: str = "gtc") -> None:
        order = request("bob", side, size, price, tif)
        self.call(lambda: self.exchange.submit(order))

    def stream(self, *streams: str, builder: RequestBuilder | None = None) -> Stream:
        return Stream(connect(self.urls["ws"]), (builder or ann()).subscribe_frame(streams))

    def send(self, order: HttpRequest, **headers: str) -> requests.Response:
        """Send one of our own requests over HTTP as it is."""
        return requests.request(
            order.method,
            self.urls["api"].rstrip("/") + order.target,
            headers=dict(order.headers) | headers,
            data=order.body or None,
            timeout=WAIT_S,
        )

    def get(self, path: str) -> requests.Response:
        return requests.get(self.urls["api"] + path, timeout=WAIT_S)


class Stream:
    """A plain websocket client that has subscribed."""

    def __init__(self, connection: ClientConnection, subscription: str) -> None:
        self.connection = connection
        connection.send(subscription)

    def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.connection.recv(timeout=WAIT_S))
        return message

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.next()["data"]
        return data

    def until(self, event: str) -> list[dict[str, Any]]:
        """The data of every message up to the one whose ``e`` is ``event``."""
        seen = [self.data()]
        while seen[-1].get("e") != event:
            seen.append(self.data())
        return seen

    def until_filled(self) -> list[dict[str, Any]]:
        """The data of every fill up to the one that fills its order."""
        fills = self.until("orderFill")[-1:]
        while fills[-1]["X"] != "Filled":
            fills += self.until("orderFill")[-1:]
        return fills

    def settled(self) -> Stream:
        """Wait until the subscription was read: a bad stream after it is refused in turn."""
        self.connection.send('{"method":"SUBSCRIBE","params":["nonsense"]}')
        assert self.next()["error"]["code"] == 4006
        return self

    def close(self) -> None:
        self.connection.close()


def ann(**options: Any) -> RequestBuilder:
    return RequestBuilder(PUBLIC_KEY, SECRET_KEY, **options)


def order(side: Side = Side.BUY, price: str = "2501", **changes: Any) -> NewOrder:
    """An IOC of 0.5 that crosses, but for what is changed."""
    fields: dict[str, Any] = {
        "symbol": SYMBOL, "side": side, "size": Decimal("0.5"), "price": Decimal(price),
        "time_in_force": TimeInForce.IOC, "client_order_id": 7, "expires_ns": 0,
    }  # fmt: skip
    return NewOrder(**(fields | changes))


def resting(client_order_id: int = 7, **changes: Any) -> NewOrder:
    """A bid of 0.5 far from the market."""
    return order(
        price="2400", client_order_id=client_order_id, time_in_force=TimeInForce.GTC, **changes
    )


def place(venue: PaperBackpack, new: NewOrder) -> OrderAnswer:
    """Ann's order, and what she is answered."""
    response = venue.send(ann().execute_order(new))
    return codec.decode_placed(response.status_code, response.content, new.client_order_id)


def placed(venue: PaperBackpack, new: NewOrder) -> OrderUpdate:
    """Ann's order as the venue shows it once accepted."""
    update = place(venue, new).update
    assert update is not None
    return update


def error_of(venue: PaperBackpack, request: HttpRequest, **headers: str) -> tuple[int, str, str]:
    """Status, code and message of a refused request."""
    response = venue.send(request, **headers)
    body = response.json()
    return response.status_code, body["code"], body["message"]


def money(text: object) -> Decimal:
    assert isinstance(text, str)
    return Decimal(text)


@contextmanager
def served(**settings: Any) -> Iterator[PaperBackpack]:
    """A running front-end; stopped, and its thread joined, at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="paper-backpack", daemon=True)
    thread.start()

    async def build() -> PaperBackpack:
        venue = PaperBackpack(loop, BackpackSettings(**(QUICK | settings)))
        await venue.start()
        return venue

    venue = asyncio.run_coroutine_threadsafe(build(), loop).result(WAIT_S)
    try:
        yield venue
    finally:
        asyncio.run_coroutine_threadsafe(venue.stop(), loop).result(WAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()
