"""Every request that Ketch sends to Backpack, signed and ready, without sending it.

bpx-py's ``BaseAccount`` builds and signs. What it can't say (a client id of 0, a symbol for the
positions, a corrected clock) is added here and signed with its own ``_headers``.
Source: docs.backpack.exchange, "Authentication"; ``bpx/base/base_account.py`` of bpx-py 2.0.11.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from bpx.base.base_account import BaseAccount

from venues.backpack.frames import ASK, BID, LIMIT
from venues.backpack.stream_frames import StreamRequest
from venues.errors import QuantizeError
from venues.model import BACKPACK, NewOrder, Side, TimeInForce, plain

MAX_CLIENT_ID: Final = 2**32 - 1
MAX_WINDOW_MS: Final = 60_000
_NS_PER_MS: Final = 1_000_000

_SIDE: Final = {Side.BUY: BID, Side.SELL: ASK}
_TIME_IN_FORCE: Final = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Send ``body`` as it is, with DELETE too: the signature covers it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query, percent-encoded."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def __repr__(self) -> str:
        """Without headers (they hold a signature) and body."""
        return f"HttpRequest({self.method} {self.target})"


class _Account(BaseAccount):  # type: ignore[misc]  # bpx-py is untyped
    """bpx-py's builders, with paths instead of addresses and a clock that can be corrected."""

    BPX_API_URL = "/"

    def __init__(
        self, public_key: str, secret_key: str, window: int, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(public_key, secret_key, window, debug=False)
        self.now_ms = now_ms

    def _headers(self, params: dict[str, Any], instruction: str, window: int | None) -> Any:
        window_ms = self.window if window is None else window
        timestamp_ms = self.now_ms()
        return {
            "X-API-Key": self.public_key,
            "X-Signature": self._sign(params, instruction, timestamp_ms, window_ms),
            "X-Timestamp": str(timestamp_ms),
            "X-Window": str(window_ms),
            "Content-Type": "application/json; charset=utf-8",
        }

    def amend(
        self, config: Any, instruction: str, window: int | None, fields: Mapping[str, object]
    ) -> Any:
        """Set ``fields`` in a built request; sign again where its signed text changed by it."""
        params = config.data if config.data is not None else config.params
        if params is None:
            params = config.params = {}
        changed = any(name not in params or str(params[name]) != str(fields[name])
                      for name in fields)  # fmt: skip
        params.update(fields)
        if changed:
            config.headers = self._headers(params, instruction, window)
        return config


class RequestBuilder:
    """Builds and signs for one API key. Any thread may call it; it keeps no state but the offset.

    ``window_ms`` is how long the venue may still accept a request (at most 60 s), ``now_ms`` the
    UTC clock. ``clock_offset_ms`` is added to that clock: the venue's time minus ours. Once
    ``clock`` has been set and measured, it dates the signatures instead.
    """

    def __init__(
        self,
        public_key: str,
        secret_key: str,
        window_ms: int = 5_000,
        *,
        order_window_ms: int = 2_000,
        now_ms: Callable[[], int] = lambda: time.time_ns() // _NS_PER_MS,
    ) -> None:
        self.public_key = public_key
        self.window_ms = min(window_ms, MAX_WINDOW_MS)
        self.order_window_ms = min(order_window_ms, MAX_WINDOW_MS)
        self.clock_offset_ms = 0
        self.clock: Callable[[], int | None] = lambda: None  # the venue's, UTC ns
        self._now_ms = now_ms
        self._account = _Account(public_key, secret_key, self.window_ms, self.timestamp_ms)

    def __repr__(self) -> str:
        """Never the secret."""
        return f"RequestBuilder(public_key={self.public_key!r})"

    def timestamp_ms(self) -> int:
        """UTC now as the venue should see it."""
        venue_ns = self.clock()
        return self._now_ms() + self.clock_offset_ms if venue_ns is None else venue_ns // _NS_PER_MS

    # --- orders -----------------------------------------------------------------------------

    def execute_order(self, order: NewOrder, *, window_ms: int | None = None) -> HttpRequest:
        """POST a Limit order. Its window ends no later than ``order.expires_ns``.

        Raises QuantizeError for a client order id outside uint32.
        """
        window = self._order_window(order.expires_ns, window_ms)
        fields = _client_field(order.symbol, order.client_order_id)
        config = self._account.execute_order(
            symbol=order.symbol,
            side=_SIDE[order.side],
            order_type=LIMIT,
            time_in_force=_TIME_IN_FORCE[order.time_in_force],
            quantity=plain(order.size),
            price=plain(order.price),
            client_id=order.client_order_id,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            window=window,
        )
        return _write("POST", self._account.amend(config, "orderExecute", window, fields))

    def cancel_order(
        self,
        symbol: str,
        *,
        client_order_id: int | None = None,
        venue_order_id: str | None = None,
        window_ms: int | None = None,
    ) -> HttpRequest:
        """DELETE one order, by exactly one of its ids (ValueError otherwise)."""
        _one_id(client_order_id, venue_order_id)
        config = self._account.cancel_order(
            symbol=symbol, order_id=venue_order_id, client_id=client_order_id, window=window_ms
        )
        # bpx-py writes the client id as text where the schema wants an integer; signed, both
        # are the same characters.
        fields = _client_field(symbol, client_order_id)
        return _write("DELETE", self._account.amend(config, "orderCancel", window_ms, fields))

    def cancel_all(self, symbol: str, *, window_ms: int | None = None) -> HttpRequest:
        """DELETE all orders of one market. There is no cancel-all across markets."""
        return _write("DELETE", self._account.cancel_all_orders(symbol, window=window_ms))

    def query_order(
        self, symbol: str, *, client_order_id: int | None = None, venue_order_id: str | None = None
    ) -> HttpRequest:
        """GET one resting order, by exactly one of its ids; 404 once it does not rest."""
        _one_id(client_order_id, venue_order_id)
        config = self._account.get_open_order(
            symbol=symbol, order_id=venue_order_id, client_id=client_order_id
        )
        fields = _client_field(symbol, client_order_id)
        return _read(self._account.amend(config, "orderQuery", None, fields))

    def open_orders(self, symbol: str | None = None) -> HttpRequest:
        """GET resting orders."""
        return _read(self._account.get_open_orders(symbol=symbol))

    # --- history and account ----------------------------------------------------------------

    def order_history(
        self, symbol: str | None = None, *, venue_order_id: str | None = None,
        limit: int = 100, offset: int = 0,
    ) -> HttpRequest:  # fmt: skip
        """GET past orders, newest first. History lags behind the engine."""
        return _read(
            self._account.get_order_history(
                limit=limit, offset=offset, order_id=venue_order_id, symbol=symbol
            )
        )

    def fill_history(
        self, symbol: str | None = None, *, from_ms: int | None = None, to_ms: int | None = None,
        venue_order_id: str | None = None, limit: int = 100, offset: int = 0,
    ) -> HttpRequest:  # fmt: skip
        """GET fills, newest first, from a UTC moment in ms. History lags behind the engine."""
        config = self._account.get_fill_history(
            symbol=symbol, limit=limit, offset=offset, from_=from_ms, to=to_ms
        )
        wanted = {"orderId": venue_order_id, "from": from_ms, "to": to_ms}
        fields = {name: value for name, value in wanted.items() if value is not None}
        return _read(self._account.amend(config, "fillHistoryQueryAll", None, fields))

    def funding_history(self, *, limit: int = 100, offset: int = 0) -> HttpRequest:
        """GET funding payments of all markets, newest first."""
        config = self._account.get_funding_payments(limit=limit, offset=offset)
        fields = {"sortDirection": "Desc"}
        return _read(self._account.amend(config, "fundingHistoryQueryAll", None, fields))

    def positions(self, symbol: str | None = None) -> HttpRequest:
        """GET open positions."""
        fields = {} if symbol is None else {"symbol": symbol}
        config = self._account.get_open_positions()
        return _read(self._account.amend(config, "positionQuery", None, fields))

    def account(self) -> HttpRequest:
        """GET fees, limits and flags of the account."""
        return _read(self._account.get_account())

    def collateral(self) -> HttpRequest:
        """GET equity and margin."""
        return _read(self._account.get_collateral())

    # --- websocket --------------------------------------------------------------------------

    def subscribe_frame(self, streams: Sequence[str], timestamp_ms: int | None = None) -> str:
        """SUBSCRIBE text, freshly signed when one of ``streams`` is private (``account.*``)."""
        signature: tuple[str, ...] = ()
        if any(stream.startswith("account.") for stream in streams):
            moment_ms = self.timestamp_ms() if timestamp_ms is None else timestamp_ms
            signed = self._account._sign({}, "subscribe", moment_ms, self.window_ms)
            signature = (self.public_key, signed, str(moment_ms), str(self.window_ms))
        frame = StreamRequest(method="SUBSCRIBE", params=tuple(streams), signature=signature)
        return msgspec.json.encode(frame).decode()

    def _order_window(self, expires_ns: int, window_ms: int | None) -> int:
        window = self.order_window_ms if window_ms is None else min(window_ms, MAX_WINDOW_MS)
        if expires_ns <= 0:
            return window
        # Too late is left for the venue to say: it refuses what reaches it after one millisecond.
        return max(1, min(window, expires_ns // _NS_PER_MS - self._now_ms()))


def subscribe_public_frame(streams: Sequence[str]) -> str:
    """SUBSCRIBE text for public streams: needs no key."""
    return msgspec.json.encode(StreamRequest(method="SUBSCRIBE", params=tuple(streams))).decode()


# --- public routes, no signature --------------------------------------------------------------


def markets() -> HttpRequest:
    """GET all markets."""
    return HttpRequest(method="GET", path="/api/v1/markets")


def depth(symbol: str, limit: int = 1_000) -> HttpRequest:
    """GET a book; ``limit`` is one of 5, 10, 20, 50, 100, 500, 1000 levels."""
    query = (("symbol", symbol), ("limit", str(limit)))
    return HttpRequest(method="GET", path="/api/v1/depth", query=query)


def status() -> HttpRequest:
    """GET whether the exchange is up or in maintenance."""
    return HttpRequest(method="GET", path="/api/v1/status")


def server_time() -> HttpRequest:
    """GET the venue's clock: ms as plain text."""
    return HttpRequest(method="GET", path="/api/v1/time")


def ticker(symbol: str) -> HttpRequest:
    """GET the day's figures of a market."""
    return HttpRequest(method="GET", path="/api/v1/ticker", query=(("symbol", symbol),))


def mark_prices(symbol: str | None = None) -> HttpRequest:
    """GET mark, index and funding of a market, or of all."""
    query = () if symbol is None else (("symbol", symbol),)
    return HttpRequest(method="GET", path="/api/v1/markPrices", query=query)


def _client_field(symbol: str, client_order_id: int | None) -> dict[str, object]:
    if client_order_id is None:
        return {}
    if not 0 <= client_order_id <= MAX_CLIENT_ID:
        expected = f"0..{MAX_CLIENT_ID}"
        raise QuantizeError(BACKPACK, symbol, "client order id", str(client_order_id), expected)
    return {"clientId": client_order_id}


def _one_id(client_order_id: int | None, venue_order_id: str | None) -> None:
    # bpx-py would sign and send a request for no order at all.
    if (client_order_id is None) == (not venue_order_id):
        raise ValueError("exactly one of client_order_id and venue_order_id is needed")


def _write(method: str, config: Any) -> HttpRequest:
    return HttpRequest(
        method=method,
        path=config.url,
        headers=tuple(config.headers.items()),
        body=msgspec.json.encode(config.data),
    )


def _read(config: Any) -> HttpRequest:
    return HttpRequest(
        method="GET",
        path=config.url,
        query=tuple((name, str(value)) for name, value in (config.params or {}).items()),
        headers=tuple(config.headers.items()),
    )
