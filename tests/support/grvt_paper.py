"""GRVT's front-end on the real engine: without sockets on a manual clock, or served on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from paper.engine import PaperExchange
from paper.faults import Faults
from paper.grvt.framing import JsonRpc, Legacy
from paper.grvt.front_end import GrvtFrontEnd
from paper.grvt.hub import Hub
from paper.grvt.order_entry import OrderEntry, Timer
from paper.grvt.private_streams import PrivateFeed, PrivateSource
from paper.grvt.routes import trades_routes
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.orders import OrderRequest, PaperOrder
from paper.settings import GrvtEngine
from tests.support.grvt import ADDRESS, CLIENT_ID, ETH, PRIVATE_KEY, SUB_ACCOUNT
from tests.support.paper import ManualClock, StillMarket
from venues.grvt import frames, requests
from venues.grvt.codec import encode
from venues.grvt.requests import Call
from venues.grvt.signing import OrderSigner
from venues.model import GRVT, NewOrder, Side, TimeInForce

SYMBOL: Final = "ETH_USDT_Perp"
API_KEY: Final = "ann-api-key"
WAIT_S: Final = 10.0
CHAIN: Final = 325
ANN: Final = GrvtAccount(
    name="ann",
    api_key=API_KEY,
    sub_account_id=SUB_ACCOUNT,
    signer=ADDRESS,
    account_id="ACC:ann",
)
SIGNER: Final = OrderSigner(PRIVATE_KEY, CHAIN)
_Result = TypeVar("_Result")


def exchange(
    market: StillMarket,
    clock: Callable[[], int],
    on_cancel: Callable[[PaperOrder], None] | None = None,
) -> PaperExchange:
    """5 ETH bid at 2499.90, 5 offered at 2500.10, and nothing moves."""
    market.offer(Side.BUY, ("2499.90", "5"))
    market.offer(Side.SELL, ("2500.10", "5"))
    accounts = ("ann", "bob")
    return PaperExchange(GRVT, (ETH,), accounts, GrvtEngine(), market, clock, on_cancel=on_cancel)


def bob(side: str, size: str, price: str) -> OrderRequest:
    """An order of the other trader, straight into the engine."""
    return OrderRequest(
        account="bob",
        symbol=SYMBOL,
        side=Side(side),
        size=Decimal(size),
        price=Decimal(price),
        time_in_force=TimeInForce.GTC,
    )


def signed(
    now_ns: int,
    side: str = "buy",
    size: str = "0.5",
    price: str = "2500.10",
    tif: str = "ioc",
    client_order_id: int = CLIENT_ID,
    lifetime_s: float = 10.0,
    **more: Any,
) -> frames.Order:
    """Ann's order. The nonce follows from the client order id."""
    order = NewOrder(
        symbol=SYMBOL,
        side=Side(side),
        size=Decimal(size),
        price=Decimal(price),
        time_in_force=TimeInForce(tif),
        client_order_id=client_order_id,
        expires_ns=now_ns + int(lifetime_s * 1e9),
        nonce=client_order_id % 2**32,
        **more,
    )
    return SIGNER.order(order, ETH, SUB_ACCOUNT)


class Line:
    """A connection that keeps what was sent on it, in order, as decoded JSON."""

    def __init__(self, account: GrvtAccount | None = ANN) -> None:
        self.account = account
        self.sent: list[dict[str, Any]] = []

    def reply(self, frame: bytes) -> None:
        self.sent.append(json.loads(frame))

    def feed(self, frame: bytes) -> None:
        self.sent.append(json.loads(frame))

    def taken(self) -> list[dict[str, Any]]:
        """Everything sent since the last time."""
        sent, self.sent = self.sent, []
        return sent


class ManualTimers:
    """Timers that run out when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[_ManualTimer] = []

    def later(self, delay_s: float, action: Callable[[], None]) -> Timer:
        timer = _ManualTimer(delay_s, action, self.waiting)
        self.waiting.append(timer)
        return timer

    def run_out(self) -> None:
        """Every waiting timer runs out."""
        for timer in tuple(self.waiting):
            timer.cancel()
            timer.action()


class _ManualTimer:
    def __init__(
        self, delay_s: float, action: Callable[[], None], waiting: list[_ManualTimer]
    ) -> None:
        self.delay_s = delay_s
        self.action = action
        self._waiting = waiting

    def cancel(self) -> None:
        if self in self._waiting:
            self._waiting.remove(self)


class Desk:
    """The trades host without sockets: JSON-RPC in and out of ``line``."""

    def __init__(self, **settings: Any) -> None:
        chosen = GrvtSettings(**settings)
        self.clock = ManualClock()
        self.timers = ManualTimers()
        self.market = StillMarket("2500")
        self.to_cancel: list[PaperOrder] = []
        self.exchange = exchange(self.market, self.clock, self.to_cancel.append)
        self.hub = Hub(PrivateSource(self.exchange, [ANN], chosen), chosen)
        feed = PrivateFeed(self.hub.publish, {"ann": ANN}, chosen)
        self.exchange.add_listener(feed)
        order_entry = OrderEntry(self.exchange, feed, chosen, self.timers.later)
        self.rpc = JsonRpc(trades_routes(self.exchange, order_entry), self.hub)
        self.legacy = Legacy(self.hub)
        self.line = Line()

    def send(self, method: str, params: object, **more: object) -> list[dict[str, Any]]:
        """Everything sent because of one request."""
        body = params if isinstance(params, dict) else json.loads(encode(params))
        frame = {"jsonrpc": "2.0", "method": method, "params": body, "id": 7} | more
        self.rpc.handle(json.dumps(frame), self.line)
        return self.line.taken()

    def call(self, call: Call) -> list[dict[str, Any]]:
        return self.send(f"v1/{call.route}", call.body)

    def place(self, **order: Any) -> list[dict[str, Any]]:
        """Everything sent because of a new order of Ann's."""
        return self.call(requests.create_order(signed(self.clock.now_ns, **order)))

    def listen(self, *streams: str, selector: str = str(SUB_ACCOUNT)) -> Desk:
        for stream in streams:
            self.send("subscribe", {"stream": stream, "selectors": [selector]})
        return self


def changed(order: frames.Order, **fields: Any) -> dict[str, Any]:
    """The body of create_order with fields of the order replaced (``legs__size`` goes deeper)."""
    body: dict[str, Any] = {"order": json.loads(encode(order))}
    for path, value in fields.items():
        *parents, name = path.split("__")
        target = body["order"]
        for parent in parents:
            target = target[parent][0] if parent == "legs" else target[parent]
        if value is msgspec.UNSET:
            target.pop(name, None)
        else:
            target[name] = value
    return body


def statuses(sent: list[dict[str, Any]], stream: str = "v1.order") -> list[str]:
    """``STATUS`` or ``STATUS/REASON`` of each message of an order stream."""
    states = [
        message["feed"].get("state") or message["feed"]["order_state"]
        for message in sent
        if message.get("stream") == stream
    ]
    return [
        state["status"]
        if state["reject_reason"] == "UNSPECIFIED"
        else f"{state['status']}/{state['reject_reason']}"
        for state in states
    ]


class Sessions:
    """A SessionLedger that keeps what it heard."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.ended = threading.Event()

    def connected(self, connection: str, connection_id: int, authenticated: bool) -> None:
        self.events.append(("connected", connection, authenticated))

    def disconnected(self, connection: str, connection_id: int, by: str) -> None:
        self.events.append(("disconnected", connection, by))
        self.ended.set()

    def logged_in(self, venue: str, account: str, accepted: bool) -> None:
        self.events.append(("logged in", account, accepted))


class PaperGrvt:
    """The whole front-end, served. ``call`` runs something on the loop, where the engine lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: GrvtSettings) -> None:
        self.loop = loop
        self.sessions = Sessions()
        self.faults = Faults()
        self.skew_ns = 0
        self.frozen_ns = 0
        self.exchange = exchange(StillMarket("2500"), self.now_ns)
        self.front_end = GrvtFrontEnd(self.exchange, self.sessions, self.faults, [ANN], settings)
        self.runners: list[web.AppRunner] = []
        self.urls: dict[str, str] = {}

    def now_ns(self) -> int:
        return (self.frozen_ns or time.time_ns()) + self.skew_ns

    async def start(self) -> None:
        for name, app in self.front_end.apps().items():
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self.urls[name] = f"http://{host}:{port}"
            self.runners.append(runner)

    async def stop(self) -> None:
        for runner in self.runners:
            await runner.cleanup()

    def call(self, act: Callable[[], _Result]) -> _Result:
        async def run() -> _Result:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(WAIT_S)

    def bob_sends(self, side: str, size: str, price: str) -> None:
        self.call(lambda: self.exchange.submit(bob(side, size, price)))

    def socket_url(self, host: str = "trades", path: str = "/ws/full") -> str:
        return self.urls[host].replace("http:", "ws:") + path


@contextmanager
def served(**settings: Any) -> Iterator[PaperGrvt]:
    """A running front-end in a thread of its own; stopped, and its thread joined, at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="paper-grvt", daemon=True)
    thread.start()

    async def build() -> PaperGrvt:
        venue = PaperGrvt(loop, GrvtSettings(**settings))
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
