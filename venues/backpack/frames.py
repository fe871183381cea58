"""Backpack's JSON, field by field, for both ends of the wire.

Source: the exchange's OpenAPI description and streams chapter, docs.backpack.exchange. Money is
``Decimal`` (a string on the wire, here and there a number); enumerations are plain ``str`` so that
a value we do not know decodes like any other; unknown fields are ignored. ``UNSET`` fields are
left out when encoded, ``None`` is ``null``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from venues.model import Level

Id = int | str
"""An id that is an integer in one message and a string in another."""

BID: Final = "Bid"
ASK: Final = "Ask"
LIMIT: Final = "Limit"
MARKET: Final = "Market"

ORDER_STREAM: Final = "account.orderUpdate"
POSITION_STREAM: Final = "account.positionUpdate"


class _Rest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class ErrorBody(_Rest, frozen=True, kw_only=True):
    """What every REST refusal looks like; also the ``error`` of a websocket (integer code)."""

    code: Id
    message: str = ""


class SystemStatus(_Rest, frozen=True, kw_only=True):
    """GET /api/v1/status: ``Ok`` or ``Maintenance``."""

    status: str
    message: str | None = None


class PriceFilter(_Rest, frozen=True, kw_only=True):
    """What a price must respect."""

    tick_size: Decimal
    min_price: Decimal | None = None
    max_price: Decimal | None = None


class QuantityFilter(_Rest, frozen=True, kw_only=True):
    """What a quantity must respect. There is no minimum notional."""

    min_quantity: Decimal
    step_size: Decimal
    max_quantity: Decimal | None = None


class Filters(_Rest, frozen=True, kw_only=True):
    """Both filters of a market."""

    price: PriceFilter
    quantity: QuantityFilter


class Market(_Rest, frozen=True, kw_only=True):
    """One entry of GET /api/v1/markets. ``funding_interval`` is in ms, ``created_at`` naive UTC."""

    symbol: str
    base_symbol: str
    quote_symbol: str
    filters: Filters
    market_type: str = "PERP"
    order_book_state: str = "Open"
    funding_interval: int | None = None
    created_at: str | None = None
    visible: bool | None = True


class Depth(_Rest, frozen=True, kw_only=True):
    """GET /api/v1/depth. ``timestamp`` is in microseconds; the order of levels is undocumented."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    last_update_id: Id
    timestamp: int = 0


class Ticker(_Rest, frozen=True, kw_only=True):
    """GET /api/v1/ticker: one day (or week) of a market."""

    symbol: str
    first_price: Decimal
    last_price: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal
    price_change: Decimal | None = None
    price_change_percent: Decimal | None = None
    trades: Id | None = None


class MarkPrice(_Rest, frozen=True, kw_only=True):
    """An entry of GET /api/v1/markPrices. ``funding_rate`` is a fraction per interval."""

    symbol: str
    mark_price: Decimal
    index_price: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_timestamp: int | None = None  # ms


class PublicTrade(_Rest, frozen=True, kw_only=True):
    """An entry of GET /api/v1/trades. ``timestamp`` is in ms."""

    id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    timestamp: int
    is_buyer_maker: bool


class OrderExecute(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Body of POST /api/v1/order: Limit (with a price) or Market (without)."""

    symbol: str
    side: str
    order_type: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    quote_quantity: Decimal | None = None
    time_in_force: str | None = None
    post_only: bool = False
    reduce_only: bool = False
    client_id: int | None = None
    self_trade_prevention: str | None = None


class OrderCancel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Body of DELETE /api/v1/order: exactly one of the ids. bpx-py sends ``clientId`` as text."""

    symbol: str
    order_id: str | None = None
    client_id: Id | None = None


class OrderCancelAll(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Body of DELETE /api/v1/orders."""

    symbol: str
    order_type: str | None = None


class OrderResult(_Rest, frozen=True, kw_only=True):
    """An order after matching: the answer to placing, cancelling and querying it.

    A Market order has neither ``price`` nor ``post_only``. ``created_at`` is in ms. No fee here.
    """

    id: str
    symbol: str
    side: str
    order_type: str
    status: str
    executed_quantity: Decimal
    executed_quote_quantity: Decimal
    quantity: Decimal | None = None
    quote_quantity: Decimal | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    client_id: Id | None = None
    post_only: bool | UnsetType | None = UNSET
    reduce_only: bool | None = None
    time_in_force: str | None = None
    self_trade_prevention: str | None = None
    created_at: Id | None = None
    trigger_price: Decimal | None = None
    related_order_id: Id | None = None


class HistoryOrder(_Rest, frozen=True, kw_only=True):
    """An entry of GET /wapi/v1/history/orders. ``created_at`` is naive UTC text."""

    id: str
    symbol: str
    side: str
    order_type: str
    status: str
    created_at: Id | None = None
    quantity: Decimal | None = None
    executed_quantity: Decimal | None = None
    executed_quote_quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    client_id: Id | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    time_in_force: str | None = None
    self_trade_prevention: str | None = None
    expiry_reason: str | None = None
    system_order_type: str | None = None


class HistoryFill(_Rest, frozen=True, kw_only=True):
    """An entry of GET /wapi/v1/history/fills. ``client_id`` is text, ``timestamp`` naive UTC text.

    ``fee`` is positive when paid; a ``system_order_type`` means a forced trade. The description
    does not promise a trade id.
    """

    trade_id: Id | None = None
    order_id: str
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    timestamp: Id
    fee_symbol: str = ""
    is_maker: bool = False
    client_id: Id | None = None
    system_order_type: str | None = None


class PositionResult(_Rest, frozen=True, kw_only=True):
    """An entry of GET /api/v1/position; ``net_quantity`` is signed, exposure includes orders."""

    symbol: str
    net_quantity: Decimal
    position_id: Id | None = None
    net_cost: Decimal | None = None
    net_exposure_quantity: Decimal | None = None
    net_exposure_notional: Decimal | None = None
    entry_price: Decimal | None = None
    break_even_price: Decimal | None = None
    mark_price: Decimal | None = None
    est_liquidation_price: Decimal | None = None
    imf: Decimal | None = None
    mmf: Decimal | None = None
    pnl_realized: Decimal | None = None
    pnl_unrealized: Decimal | None = None
    cumulative_funding_payment: Decimal | None = None
    cumulative_interest: Decimal | None = None
    subaccount_id: int | None = None
    user_id: int | None = None


class Account(_Rest, frozen=True, kw_only=True):
    """GET /api/v1/account. Fees are in basis points, negative is a rebate."""

    futures_maker_fee: Decimal
    futures_taker_fee: Decimal
    leverage_limit: Decimal | None = None
    spot_maker_fee: Decimal | None = None
    spot_taker_fee: Decimal | None = None
    borrow_limit: Decimal | None = None
    position_limit: Decimal | None = None
    limit_orders: int | None = None
    trigger_orders: int | None = None
    liquidating: bool = False
    auto_borrow_settlements: bool | None = None
    auto_lend: bool | None = None
    auto_realize_pnl: bool | None = None
    auto_repay_borrows: bool | None = None


class Balance(_Rest, frozen=True, kw_only=True):
    """One asset of GET /api/v1/capital."""

    available: Decimal
    locked: Decimal
    staked: Decimal


class Collateral(_Rest, frozen=True, kw_only=True):
    """GET /api/v1/capital/collateral: ``net_equity_available`` is what margin may still use."""

    net_equity: Decimal
    net_equity_available: Decimal
    net_equity_locked: Decimal | None = None
    net_exposure_futures: Decimal | None = None
    assets_value: Decimal | None = None
    borrow_liability: Decimal | None = None
    liabilities_value: Decimal | None = None
    imf: Decimal | None = None
    mmf: Decimal | None = None
    margin_fraction: Decimal | None = None
    pnl_unrealized: Decimal | None = None
    unsettled_equity: Decimal | None = None
    collateral: tuple[CollateralAsset, ...] = ()


class CollateralAsset(_Rest, frozen=True, kw_only=True):
    """One asset that counts as collateral."""

    symbol: str
    total_quantity: Decimal
    available_quantity: Decimal
    balance_notional: Decimal
    asset_mark_price: Decimal = Decimal(1)
    collateral_weight: Decimal = Decimal(1)
    collateral_value: Decimal = Decimal(0)
    open_order_quantity: Decimal = Decimal(0)
    lend_quantity: Decimal = Decimal(0)
