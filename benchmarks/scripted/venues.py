"""The two venues: what they answer, what they hold, and the fills that they are told to send.

A connection to a path that begins with ``/floor`` belongs to the floor, every other to the service;
each side has an account of its own. The first market of a subscription is told again and again; any
other once, so that the connection gets ready, and it is not listed, so that nobody trades there.
"""

from __future__ import annotations

import functools
import itertools
import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from typing import Any, Final

import msgspec

from benchmarks.samples import BACKPACK_ETH, SUB_ACCOUNT
from benchmarks.scripted import frames
from benchmarks.scripted.wire import HttpCall, HttpPeer, WebSocketPeer, listen

OURS: Final = "ours"
FLOOR: Final = "floor"
_WAIT_S: Final = 20.0
_QUOTES_S: Final = 0.2
_COOKIE: Final = "Set-Cookie: gravity=scripted; Expires=Tue, 01 Jan 2036 00:00:00 GMT; Path=/"
_ACCOUNT: Final = {"futuresMakerFee": "8", "futuresTakerFee": "10"}
_COLLATERAL: Final = {"netEquity": "100000", "netEquityAvailable": "90000"}
_FLOOR_ORDER: Final[dict[str, Any]] = {
    "symbol": BACKPACK_ETH.symbol, "side": "Bid", "orderType": "Limit", "quantity": "1000000",
    "price": "2500.10", "clientId": 1,
}  # fmt: skip


class Ports(msgspec.Struct, frozen=True):
    """Where they listen: REST of both, and a websocket port for each kind of connection."""

    http: int
    trades: int
    market: int
    backpack: int


class Side:
    """One client's account: its private connections and what it holds."""

    def __init__(self) -> None:
        self.feed: WebSocketPeer | None = None
        self.trades: WebSocketPeer | None = None
        self.primary = Decimal(0)
        self.hedge = Decimal(0)
        self.sequence = 0
        self.primaries: queue.SimpleQueue[tuple[dict[str, Any], str]] = queue.SimpleQueue()
        self.hedged_s: queue.SimpleQueue[float] = queue.SimpleQueue()


class Venues:
    """GRVT and Backpack, as far as cycles need them."""

    def __init__(self) -> None:
        self._sides = {OURS: Side(), FLOOR: Side()}
        self._numbers = itertools.count(1)
        self.ports = Ports(
            http=listen(self._serve_http),
            trades=listen(self._serve_trades),
            market=listen(self._serve_market),
            backpack=listen(self._serve_backpack),
        )

    # -- commands --------------------------------------------------------------------------------

    def fills(self, of: str, orders: int, pieces: int, pause_s: float) -> list[float]:
        """Fill so many primary orders in so many pieces each; a piece waits for its hedge.

        Returns the seconds from writing each fill to having read its hedge order. Between a hedge
        and the next fill is a pause, so that each fill meets a client that has come to rest.
        """
        side = self._sides[of]
        took_s: list[float] = []
        for _ in range(orders):
            if of == FLOOR:
                order, order_id = dict(_FLOOR_ORDER), f"f{next(self._numbers)}"
            else:
                order, order_id = side.primaries.get(timeout=_WAIT_S)
            size = BACKPACK_ETH.step if of == FLOOR else Decimal(order["quantity"]) / pieces
            for piece in range(1, pieces + 1):
                time.sleep(pause_s)
                took_s.append(self._fill(side, order, order_id, size, piece * size))
        return took_s

    def kill(self, of: str) -> float:
        """End that side's GRVT trading connection; returns the monotonic moment."""
        trades = self._sides[of].trades
        assert trades is not None
        now_s = time.monotonic()
        trades.kill()
        return now_s

    def _fill(
        self, side: Side, order: dict[str, Any], order_id: str, size: Decimal, executed: Decimal
    ) -> float:
        assert side.feed is not None
        side.primary += size if order["side"] == "Bid" else -size
        fill = frames.primary_fill(order, order_id, next(self._numbers), size, executed)
        position = frames.primary_position(side.primary)
        began_s = time.monotonic()
        side.feed.send(fill)
        side.feed.send(position)
        return side.hedged_s.get(timeout=_WAIT_S) - began_s

    # -- Backpack ----------------------------------------------------------------------------------

    def _serve_http(self, sock: socket.socket) -> None:
        peer = HttpPeer(sock)
        for call in peer.calls():
            if call.target.startswith("/auth/"):
                account = f"X-Grvt-Account-Id: {SUB_ACCOUNT}"
                date = f"Date: {formatdate(usegmt=True)}"
                peer.answer(b'{"status":"success"}', _COOKIE, account, date)
            elif call.method == "POST":
                self._take_primary(peer, call)
            else:
                peer.answer(self._answer(call.target.partition("?")[0]))

    def _take_primary(self, peer: HttpPeer, call: HttpCall) -> None:
        order = json.loads(call.body)
        order_id = str(next(self._numbers))
        peer.answer(frames.placed(order, order_id))
        if not call.target.startswith("/floor"):
            self._sides[OURS].primaries.put((order, order_id))

    def _answer(self, path: str) -> bytes:
        if path.endswith("/time"):
            return str(time.time_ns() // 1_000_000).encode()
        if path.endswith("/account"):
            return frames.dumped(_ACCOUNT)
        if path.endswith("/collateral"):
            return frames.dumped(_COLLATERAL)
        if path in _PUBLIC:
            return _PUBLIC[path]()
        if path.endswith("/position"):
            size = self._sides[OURS].primary
            return frames.dumped([{"symbol": BACKPACK_ETH.symbol, "netQuantity": size}])
        return b"[]"

    def _serve_backpack(self, sock: socket.socket) -> None:
        peer = WebSocketPeer(sock)
        path = ""

        def opened(asked: str) -> None:
            nonlocal path
            path = asked

        for message in peer.messages(opened):
            streams = json.loads(message)["params"]
            if any(name.startswith("account.") for name in streams):
                self._side_of(path).feed = peer
            else:
                _repeat(functools.partial(_send_prices, peer, _symbols(streams)))

    # -- GRVT --------------------------------------------------------------------------------------

    def _serve_market(self, sock: socket.socket) -> None:
        peer = WebSocketPeer(sock)
        for message in peer.messages(lambda path: None):
            request = json.loads(message)
            params = request["params"]
            peer.send(frames.reply(request, frames.subscribed(params)))
            _repeat(functools.partial(_send_market, peer, params["stream"], params["selectors"]))

    def _serve_trades(self, sock: socket.socket) -> None:
        peer = WebSocketPeer(sock)
        side = self._sides[OURS]

        def opened(path: str) -> None:
            nonlocal side
            side = self._side_of(path)
            side.trades, side.sequence = peer, 0

        for message in peer.messages(opened):
            received_s = time.monotonic()
            request = json.loads(message)
            answer = _GRVT_ROUTES.get(request["method"])
            if request["method"] == "v1/create_order":
                side.hedged_s.put(received_s)
                self._take_hedge(peer, side, request)
            elif answer is not None:
                peer.send(frames.reply(request, answer(request["params"], side)))

    def _take_hedge(self, peer: WebSocketPeer, side: Side, request: dict[str, Any]) -> None:
        """Fill it at once: the reply, and what the three streams say of it."""
        order_id = f"0x{next(self._numbers):x}"
        order = frames.filled_order(request["params"]["order"], order_id)
        leg = order["legs"][0]
        side.hedge += Decimal(leg["size"]) * (1 if leg["is_buying_asset"] else -1)
        side.sequence += 1
        news = {
            "v1.order": order,
            "v1.fill": frames.hedge_fill(order, order_id),
            "v1.position": frames.hedge_position(side.hedge),
        }
        selector = str(SUB_ACCOUNT)
        streams = [frames.feed(name, selector, side.sequence, x) for name, x in news.items()]
        peer.send(frames.reply(request, {"result": order}), *streams)

    def _side_of(self, path: str) -> Side:
        return self._sides[FLOOR if path.startswith("/floor") else OURS]


def _send_market(peer: WebSocketPeer, stream: str, selectors: list[str], number: int) -> None:
    for selector in _told(selectors, number):
        news = _MARKET[stream](selector.partition("@")[0])
        peer.send(frames.feed(stream, selector, number, news))


def _send_prices(peer: WebSocketPeer, symbols: list[str], number: int) -> None:
    for symbol in _told(symbols, number):
        peer.send(frames.depth_delta(symbol, number), frames.book_ticker(symbol))


def _symbols(streams: list[str]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[2] for name in streams))


def _told(markets: list[str], number: int) -> list[str]:
    return markets if number == 1 else markets[:1]


def _repeat(send: Callable[[int], None]) -> None:
    """Send again and again, numbered from 1, until the client is gone."""

    def run() -> None:
        for number in itertools.count(1):
            try:
                send(number)
            except OSError:
                return
            time.sleep(_QUOTES_S)

    threading.Thread(target=run, daemon=True).start()


def _positions(_: dict[str, Any], side: Side) -> object:
    held = [frames.hedge_position(side.hedge)] if side.hedge else []
    return {"result": held}


_PUBLIC: Final[dict[str, Callable[[], bytes]]] = {
    "/api/v1/depth": frames.depth,
    "/api/v1/status": lambda: frames.dumped({"status": "Ok"}),
    "/api/v1/markets": frames.markets,
    "/api/v1/markPrices": frames.mark_prices,
}
_MARKET: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "v1.mini.s": frames.mini,
    "v1.book.s": frames.book,
    "v1.ticker.s": frames.ticker,
}
_Route = Callable[[dict[str, Any], Side], object]
_GRVT_ROUTES: Final[dict[str, _Route]] = {
    "subscribe": lambda params, _: frames.subscribed(params),
    "v1/positions": _positions,
    "v1/account_summary": lambda _params, _side: {"result": frames.account_summary()},
    "v1/open_orders": lambda _params, _side: {"result": []},
    "v1/fill_history": lambda _params, _side: {"result": [], "next": ""},
}
