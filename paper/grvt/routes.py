"""GRVT's API routes, the same over REST and JSON-RPC: a body in, an ``Answer`` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from paper.grvt import encode
from paper.grvt.order_entry import Answer, OrderEntry, named, order_ids
from paper.grvt.public_streams import DEPTHS
from paper.grvt.refusals import GrvtRefusal, integer
from paper.grvt.settings import GrvtAccount
from paper.lag import ReadLag
from paper.orders import Exchange, PaperOrder, Refused
from venues.errors import FrameError
from venues.grvt import errors, requests
from venues.grvt.codec import decode_as
from venues.grvt.numbers import IntText

T = TypeVar("T")
Handler = Callable[[bytes, GrvtAccount | None], Answer]

MAX_PAGE: Final = 1000
_DEFAULT_PAGE: Final = 500


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """GRVT's envelope; histories add ``next``."""

    result: object
    next: str | UnsetType = UNSET


class Routes:
    """One host's routes by name (``create_order``)."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    def call(self, route: str, body: bytes, account: GrvtAccount | None) -> Answer:
        """Serve one request; the answer's result is a whole ``Result``. Raises GrvtRefusal."""
        handler = self._handlers.get(route)
        if handler is None:
            raise GrvtRefusal(errors.MALFORMED, f"no route {route}")
        answer = handler(body, account)
        if isinstance(answer.result, Result):
            return answer
        return Answer(Result(result=answer.result), answer.work, answer.work_first)


def trades_routes(
    exchange: Exchange, order_entry: OrderEntry, lag: ReadLag | None = None
) -> Routes:
    """The private routes; ``lag`` is by how much reads lag writes (default: not at all)."""
    account = _AccountRoutes(exchange, order_entry, lag or ReadLag(exchange))
    return Routes(
        {
            "create_order": _private(requests.CreateOrder, account.create_order),
            "cancel_order": _private(requests.CancelOrder, account.cancel_order),
            "cancel_all_orders": _private(requests.Filter, account.cancel_all_orders),
            "order": _private(requests.FindOrder, account.order),
            "open_orders": _private(requests.Filter, account.open_orders),
            "order_history": _private(requests.History, account.order_history),
            "fill_history": _private(requests.History, account.fill_history),
            "funding_payment_history": _private(requests.History, account.funding_history),
            "positions": _private(requests.Filter, account.positions),
            "account_summary": _private(requests.SubAccountOnly, account.account_summary),
            "cancel_on_disconnect": _private(requests.Countdown, account.cancel_on_disconnect),
        }
    )


def market_routes(exchange: Exchange) -> Routes:
    """The public routes."""
    market = _MarketRoutes(exchange)
    return Routes(
        {
            "instrument": _public(requests.InstrumentName, market.instrument),
            "instruments": _public(requests.InstrumentFilter, market.instruments),
            "all_instruments": _public(requests.InstrumentFilter, market.instruments),
            "book": _public(requests.BookDepth, market.book),
            "mini": _public(requests.InstrumentName, market.mini),
            "ticker": _public(requests.InstrumentName, market.ticker),
        }
    )


def _decode(shape: type[T], body: bytes) -> T:
    try:
        decoded: T = decode_as(partial(msgspec.json.decode, type=shape), body, "request")
    except FrameError as error:
        raise GrvtRefusal(errors.MALFORMED, error.reason) from None
    return decoded


def _private(shape: type[T], handle: Callable[[T, GrvtAccount], Answer]) -> Handler:
    def serve(body: bytes, account: GrvtAccount | None) -> Answer:
        if account is None:
            raise GrvtRefusal(errors.NOT_AUTHENTICATED)
        request = _decode(shape, body)
        # A new order names its sub account inside the order, where it has a code of its own.
        named_id = getattr(request, "sub_account_id", None)
        if named_id is not None and integer(named_id) != account.sub_account_id:
            raise GrvtRefusal(errors.NOT_AUTHORISED)
        return handle(request, account)

    return serve


def _public(shape: type[T], handle: Callable[[T], Answer]) -> Handler:
    def serve(body: bytes, _account: GrvtAccount | None) -> Answer:
        return handle(_decode(shape, body))

    return serve


class _AccountRoutes:
    """What an account asks for and about."""

    def __init__(self, exchange: Exchange, order_entry: OrderEntry, lag: ReadLag) -> None:
        self._exchange = exchange
        self._order_entry = order_entry
        self._lag = lag

    def create_order(self, body: requests.CreateOrder, account: GrvtAccount) -> Answer:
        return self._order_entry.create(body.order, account)

    def cancel_order(self, body: requests.CancelOrder, account: GrvtAccount) -> Answer:
        return self._order_entry.cancel(body, account)

    def cancel_all_orders(self, body: requests.Filter, account: GrvtAccount) -> Answer:
        return self._order_entry.cancel_all(body, account)

    def cancel_on_disconnect(self, body: requests.Countdown, account: GrvtAccount) -> Answer:
        return self._order_entry.countdown(body.countdown_time, account)

    def order(self, body: requests.FindOrder, account: GrvtAccount) -> Answer:
        order_id, client_order_id = order_ids(body.order_id, body.client_order_id)
        found = self._order_entry.find(account, order_id, client_order_id)
        shown = "missing" if found is None else self._lag.order(found)
        if found is None or shown == "missing":
            raise GrvtRefusal(errors.NOT_FOUND)
        if shown == "pending":
            return Answer(encode.pending(found, account))
        return Answer(encode.order(found, account))

    def open_orders(self, body: requests.Filter, account: GrvtAccount) -> Answer:
        orders = self._lag.orders(self._exchange.open_orders(account.name))
        wanted = (order for order in orders if self._named(body, order.request.symbol))
        return Answer([encode.order(order, account) for order in wanted])

    def order_history(self, body: requests.History, account: GrvtAccount) -> Answer:
        rows: list[PaperOrder] = [
            order
            for order in self._exchange.order_history(account.name)
            if order.created_ns <= self._lag.seen_ns()
            and self._named(body, order.request.symbol)
            and _within(body, order.created_ns)
        ]
        page, cursor = _page(rows, body)
        return Answer(Result(result=[encode.order(row, account) for row in page], next=cursor))

    def fill_history(self, body: requests.History, account: GrvtAccount) -> Answer:
        rows = [
            fill
            for fill in self._exchange.fill_history(account.name)
            if fill.now_ns <= self._lag.seen_ns()
            and self._named(body, fill.symbol)
            and _within(body, fill.now_ns)
        ]
        page, cursor = _page(rows, body)
        return Answer(Result(result=[encode.fill(row, account) for row in page], next=cursor))

    def funding_history(self, body: requests.History, account: GrvtAccount) -> Answer:
        rows = [
            paid
            for paid in self._exchange.funding_history(account.name)
            if self._named(body, paid.symbol) and _within(body, paid.now_ns)
        ]
        page, cursor = _page(rows, body)
        return Answer(Result(result=[encode.funding(row, account) for row in page], next=cursor))

    def positions(self, body: requests.Filter, account: GrvtAccount) -> Answer:
        rows = self._lag.positions(account.name)
        wanted = (row for row in rows if self._named(body, row.symbol))
        return Answer([encode.position(row, account) for row in wanted])

    def account_summary(self, body: requests.SubAccountOnly, account: GrvtAccount) -> Answer:
        rows = self._exchange.positions(account.name)
        return Answer(encode.summary(self._exchange.summary(account.name), rows, account))

    def _named(self, body: requests.Filter, symbol: str) -> bool:
        return named(body, self._exchange.instrument(symbol))


class _MarketRoutes:
    """What anybody may ask about the contracts."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def instrument(self, body: requests.InstrumentName) -> Answer:
        self._check(body.instrument, errors.NOT_FOUND)
        return Answer(encode.instrument(self._exchange.instrument(body.instrument)))

    def instruments(self, body: requests.InstrumentFilter) -> Answer:
        wanted = requests.Filter(sub_account_id=0, kind=body.kind, base=body.base, quote=body.quote)
        rows = [row for row in self._exchange.instruments if named(wanted, row)]
        limit = integer(_given(body.limit, 100_000))
        return Answer([encode.instrument(row) for row in rows[:limit]])

    def book(self, body: requests.BookDepth) -> Answer:
        self._check(body.instrument, errors.INSTRUMENT_INVALID)
        depth = integer(body.depth)
        if depth not in DEPTHS:
            raise GrvtRefusal(errors.DEPTH_INVALID, str(depth))
        return Answer(encode.book(self._exchange.book(body.instrument, depth)[0]))

    def mini(self, body: requests.InstrumentName) -> Answer:
        self._check(body.instrument, errors.INSTRUMENT_INVALID)
        return Answer(encode.mini(self._exchange.ticker(body.instrument)))

    def ticker(self, body: requests.InstrumentName) -> Answer:
        self._check(body.instrument, errors.INSTRUMENT_INVALID)
        return Answer(encode.ticker(self._exchange.ticker(body.instrument)))

    def _check(self, symbol: str, code: int) -> None:
        try:
            self._exchange.instrument(symbol)
        except Refused:
            raise GrvtRefusal(code, symbol) from None


def _within(body: requests.History, moment_ns: int) -> bool:
    start = integer(_given(body.start_time, 0))
    end = integer(_given(body.end_time, 2**64 - 1))
    return start <= moment_ns <= end


def _page(rows: Sequence[Any], body: requests.History) -> tuple[Sequence[Any], str]:
    """One page and the cursor of the next. A cursor counts from the oldest row, so that what
    happens between two pages moves nothing."""
    limit = integer(_given(body.limit, _DEFAULT_PAGE))
    if not 0 < limit <= MAX_PAGE:
        raise GrvtRefusal(errors.LIMIT_RANGE, str(limit))
    left = integer(_given(body.cursor, "") or len(rows))
    start = max(0, len(rows) - left)
    rest = len(rows) - start - limit
    return rows[start : start + limit], str(rest) if rest > 0 else ""


def _given(value: IntText | UnsetType | None, default: IntText) -> IntText:
    return default if value is None or isinstance(value, UnsetType) else value
