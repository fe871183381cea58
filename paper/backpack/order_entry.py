"""An order request of the wire turned into one of the engine, and its refusals into the wire's."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from paper.backpack.errors import ApiError, BodyError, invalid, refusal
from paper.backpack.settings import BackpackSettings, BookState
from paper.order_rules import OrderRules
from paper.orders import Exchange, OrderRequest, PaperOrder, Reason, Refused, SelfTrade
from venues.backpack.frames import ASK, BID, LIMIT, MARKET, OrderExecute
from venues.model import ZERO, Side, TimeInForce

MAX_CLIENT_ID: Final = 2**32 - 1
_MAX_EXPONENT: Final = 12

_SIDES: Final = {BID: Side.BUY, ASK: Side.SELL}
_TIMES: Final = {
    None: TimeInForce.GTC, "GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK,
}  # fmt: skip
_SELF_TRADES: Final = {
    None: SelfTrade.REJECT_TAKER,
    "RejectTaker": SelfTrade.REJECT_TAKER,
    "RejectMaker": SelfTrade.REJECT_MAKER,
    "RejectBoth": SelfTrade.REJECT_BOTH,
}
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Body = TypeVar("_Body")


def parse(body: bytes, kind: type[_Body]) -> _Body:
    """A JSON body as ``kind``; raises BodyError, whose text names the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise BodyError(f"Failed to parse the request body: {cause}") from cause


def client_id(value: int | str | None) -> int | None:
    """A client id, also in the text form that bpx-py cancels with. Raises ApiError."""
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_CLIENT_ID):
        raise invalid("Invalid client id")
    return int(text)


class OrderEntry:
    """Places orders in the engine. ``state_of`` is a market's order book state."""

    def __init__(
        self, exchange: Exchange, settings: BackpackSettings, state_of: Callable[[str], BookState],
        order_rules: OrderRules | None = None,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._settings = settings
        self._state_of = state_of
        self._order_rules = order_rules

    def place(self, account: str, order: OrderExecute, nonce: str) -> PaperOrder:
        """Accept and match; raises ApiError or BodyError when nothing was placed."""
        try:
            self._check_state(order)
            request = self._request(account, order, nonce)
            if self._order_rules is not None:
                self._order_rules.check(request)
            return self._submit(request)
        except Refused as refused:
            raise refusal(refused) from refused

    def _submit(self, request: OrderRequest) -> PaperOrder:
        try:
            return self._exchange.submit(request)
        except Refused as refused:
            duplicate = refused.reason is Reason.DUPLICATE_CLIENT_ID
            if not (duplicate and self._settings.duplicates == "accept"):
                raise
        # The engine keeps client ids unique; the second order lives on under its echo only.
        return self._exchange.submit(msgspec.structs.replace(request, client_order_id=None))

    def _request(self, account: str, order: OrderExecute, nonce: str) -> OrderRequest:
        side = _word(_SIDES, order.side, "side")
        _check_number(order.price, "INVALID_PRICE")
        _check_number(order.quantity, "INVALID_QUANTITY")
        _check_number(order.quote_quantity, "INVALID_QUANTITY")
        own_id = client_id(order.client_id)
        if order.order_type not in (LIMIT, MARKET):
            raise BodyError("Failed to parse the request body: unknown orderType")
        if order.order_type == LIMIT and order.price is None:
            raise invalid("Limit orders need a price", "INVALID_ORDER")
        if order.post_only and order.time_in_force not in (None, "GTC"):
            raise invalid("Post only orders are GTC", "INVALID_ORDER")
        limited = order.order_type == LIMIT
        time_in_force = _word(_TIMES, order.time_in_force, "timeInForce")
        return OrderRequest(
            account=account,
            symbol=order.symbol,
            side=side,
            size=self._size(order, side),
            price=order.price if limited else None,
            time_in_force=time_in_force if limited else TimeInForce.IOC,
            client_order_id=own_id,
            post_only=order.post_only and limited,
            reduce_only=order.reduce_only,
            self_trade=_word(_SELF_TRADES, order.self_trade_prevention, "selfTradePrevention"),
            nonce=nonce,
            wire=own_id,
        )

    def _size(self, order: OrderExecute, side: Side) -> Decimal:
        if (order.quantity is None) == (order.quote_quantity is None):
            raise invalid("Exactly one of quantity and quoteQuantity is needed", "INVALID_ORDER")
        if order.quantity is not None:
            return order.quantity
        if order.order_type == LIMIT or order.quote_quantity is None:
            raise invalid("quoteQuantity is for market orders", "INVALID_ORDER")
        ticker = self._exchange.ticker(order.symbol)
        price = ticker.ask if side is Side.BUY else ticker.bid
        if price == ZERO:
            return ZERO
        return self._exchange.instrument(order.symbol).floor_size(order.quote_quantity / price)

    def _check_state(self, order: OrderExecute) -> None:
        state = self._state_of(order.symbol)
        paused = (
            state in ("Closed", "CancelOnly")
            or (state == "LimitOnly" and order.order_type != LIMIT)
            or (state == "PostOnly" and not order.post_only)
        )
        if paused:
            raise ApiError(400, "TRADING_PAUSED", f"Order book is in {state} state")


def _check_number(value: Decimal | None, code: str) -> None:
    # Keeps the engine's arithmetic exact, whatever a client sends.
    if value is not None and not (value.is_finite() and abs(value.adjusted()) <= _MAX_EXPONENT):
        raise invalid("Invalid number", code)


def _word(table: dict[_Key, _Value], word: _Key, field: str) -> _Value:
    if word not in table:
        raise BodyError(f"Failed to parse the request body: unknown {field}")
    return table[word]
