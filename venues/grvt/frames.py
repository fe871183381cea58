"""GRVT's objects as they are on the wire (full field names), for both directions.

Unknown fields are ignored. Enumerations stay text here: a value that we do not know must not stop
the frame that brings it (``translate`` maps them). Fields that GRVT may leave out have a default;
``UNSET`` ones are left out when a frame is written. Source: GRVT api-spec (May 2026) and captures
of live traffic; where they disagree both forms are accepted.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from venues.grvt.numbers import IntText
from venues.model import ZERO


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A contract. ``instrument_hash`` (hex) is what orders sign; ``min_size`` is also the step."""

    instrument: str
    instrument_hash: str
    base: str
    quote: str
    kind: str = "PERPETUAL"
    base_decimals: int
    quote_decimals: int = 6
    tick_size: Decimal
    min_size: Decimal
    min_notional: Decimal = ZERO
    venues: tuple[str, ...] = ("ORDERBOOK",)
    settlement_period: str | UnsetType = UNSET
    create_time: IntText | UnsetType = UNSET
    max_position_size: Decimal | UnsetType = UNSET
    funding_interval_hours: int | UnsetType = UNSET
    adjusted_funding_rate_cap: Decimal | UnsetType = UNSET
    adjusted_funding_rate_floor: Decimal | UnsetType = UNSET


class OrderLeg(msgspec.Struct, frozen=True, kw_only=True):
    """What an order buys or sells. Market orders have no price, or zero."""

    instrument: str
    size: Decimal
    limit_price: Decimal | None = None
    is_buying_asset: bool


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """An EIP-712 signature: ``r`` and ``s`` are 0x and 64 hex digits, ``v`` is 27 or 28."""

    signer: str
    r: str
    s: str
    v: IntText
    expiration: IntText
    nonce: IntText
    chain_id: IntText | UnsetType = UNSET


class Tpsl(msgspec.Struct, frozen=True, kw_only=True):
    """The trigger of a take-profit or stop-loss order; all zero on ours."""

    trigger_by: str = "UNSPECIFIED"
    trigger_price: Decimal = ZERO
    close_position: bool = False


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """Why a conditional order would start."""

    trigger_type: str = "UNSPECIFIED"
    tpsl: Tpsl = Tpsl()


class OrderMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The unsigned part of an order. All but ``client_order_id`` is added by the server."""

    client_order_id: IntText | UnsetType = UNSET
    create_time: IntText | UnsetType | None = UNSET
    trigger: Trigger | UnsetType | None = UNSET
    broker: str | UnsetType | None = UNSET
    is_position_transfer: bool | UnsetType = UNSET
    allow_crossing: bool | UnsetType = UNSET


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order stands. The lists have one entry per leg."""

    status: str
    reject_reason: str = "UNSPECIFIED"
    book_size: tuple[Decimal, ...] = ()
    traded_size: tuple[Decimal, ...] = ()
    update_time: IntText = 0
    avg_fill_price: tuple[Decimal, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order, as it is created (no id, no state), replied, queried, or streamed on v1.order.

    Clients (grvt-pysdk's raw one) write null for what they leave out.
    """

    order_id: str | UnsetType | None = UNSET
    sub_account_id: IntText
    is_market: bool | None = False
    time_in_force: str
    post_only: bool | None = False
    reduce_only: bool | None = False
    legs: tuple[OrderLeg, ...]
    signature: Signature | UnsetType = UNSET
    metadata: OrderMetadata = OrderMetadata()
    state: OrderState | UnsetType | None = UNSET
    builder: str | UnsetType = UNSET
    builder_fee: Decimal | UnsetType = UNSET


class StateUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The feed of v1.state. It has no instrument: map it by the client order id."""

    order_id: str
    client_order_id: IntText
    order_state: OrderState


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One match. ``fee`` is in quote units, positive paid; ``fee_rate`` is in percent."""

    event_time: IntText
    sub_account_id: IntText | UnsetType = UNSET
    instrument: str
    is_buyer: bool
    is_taker: bool
    size: Decimal
    price: Decimal
    mark_price: Decimal | UnsetType = UNSET
    index_price: Decimal | UnsetType = UNSET
    interest_rate: Decimal | UnsetType = UNSET
    forward_price: Decimal | UnsetType = UNSET
    realized_pnl: Decimal = ZERO
    fee: Decimal
    fee_rate: Decimal = ZERO
    trade_id: str
    order_id: str
    client_order_id: IntText | UnsetType = UNSET
    venue: str = "ORDERBOOK"
    is_liquidation: bool = False
    signer: str | UnsetType = UNSET
    broker: str | UnsetType = UNSET
    is_rpi: bool | UnsetType = UNSET
    builder: str | UnsetType = UNSET
    builder_fee_rate: Decimal | UnsetType = UNSET
    builder_fee: Decimal | UnsetType = UNSET
    fee_currency: str | UnsetType = UNSET


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position: ``size`` and ``notional`` are signed, funding is positive when paid."""

    event_time: IntText
    sub_account_id: IntText | UnsetType = UNSET
    instrument: str
    size: Decimal
    notional: Decimal = ZERO
    entry_price: Decimal = ZERO
    exit_price: Decimal = ZERO
    mark_price: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    total_pnl: Decimal = ZERO
    roi: Decimal = ZERO
    quote_index_price: Decimal = ZERO
    est_liquidation_price: Decimal = ZERO
    leverage: Decimal = ZERO
    cumulative_fee: Decimal = ZERO
    cumulative_realized_funding_payment: Decimal = ZERO
    margin_type: str = "CROSS"


class SpotBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What a sub account holds of one currency."""

    currency: str
    balance: Decimal
    index_price: Decimal = ZERO
    entry_price: Decimal | UnsetType = UNSET
    realized_pnl: Decimal | UnsetType = UNSET
    unrealized_pnl: Decimal | UnsetType = UNSET
    available_to_transfer: Decimal | UnsetType = UNSET


class SubAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a sub account, in its settle currency."""

    event_time: IntText = 0
    sub_account_id: IntText
    margin_type: str = "SIMPLE_CROSS_MARGIN"
    settle_currency: str = "USDT"
    unrealized_pnl: Decimal = ZERO
    total_equity: Decimal
    initial_margin: Decimal = ZERO
    maintenance_margin: Decimal = ZERO
    available_balance: Decimal
    spot_balances: tuple[SpotBalance, ...] = ()
    positions: tuple[Position, ...] = ()
    settle_index_price: Decimal | UnsetType = UNSET
    is_vault: bool | UnsetType = UNSET
    vault_im_additions: Decimal | UnsetType = UNSET
    derisk_margin: Decimal | UnsetType = UNSET
    derisk_to_maintenance_margin_ratio: Decimal | UnsetType = UNSET


class BookLevel(msgspec.Struct, frozen=True, kw_only=True):
    """One price of a book."""

    price: Decimal
    size: Decimal
    num_orders: IntText = 0


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book: bids from high to low, asks from low to high."""

    event_time: IntText
    instrument: str
    bids: tuple[BookLevel, ...] = ()
    asks: tuple[BookLevel, ...] = ()


class Mini(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one contract: the small ticker. A side of the book that is empty is 0 or left
    out.
    """

    event_time: IntText
    instrument: str
    mark_price: Decimal = ZERO
    index_price: Decimal = ZERO
    last_price: Decimal = ZERO
    last_size: Decimal = ZERO
    mid_price: Decimal = ZERO
    best_bid_price: Decimal | None = None
    best_bid_size: Decimal | None = None
    best_ask_price: Decimal | None = None
    best_ask_size: Decimal | None = None


class Ticker(Mini, frozen=True, kw_only=True):
    """Mini with the statistics of a day. ``funding_rate`` is live in percent per interval.

    Live tickers have ``funding_interval_hours`` beside what the specification lists.
    """

    funding_rate_8h_curr: Decimal | UnsetType = UNSET
    funding_rate_8h_avg: Decimal | UnsetType = UNSET
    interest_rate: Decimal | UnsetType = UNSET
    forward_price: Decimal | UnsetType = UNSET
    buy_volume_24h_b: Decimal | UnsetType = UNSET
    sell_volume_24h_b: Decimal | UnsetType = UNSET
    buy_volume_24h_q: Decimal | UnsetType = UNSET
    sell_volume_24h_q: Decimal | UnsetType = UNSET
    high_price: Decimal | UnsetType = UNSET
    low_price: Decimal | UnsetType = UNSET
    open_price: Decimal | UnsetType = UNSET
    open_interest: Decimal | UnsetType = UNSET
    long_short_ratio: Decimal | UnsetType = UNSET
    funding_rate: Decimal | UnsetType = UNSET
    next_funding_time: IntText | UnsetType = UNSET
    funding_interval_hours: int | UnsetType = UNSET


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A public trade (v1.trade)."""

    event_time: IntText
    instrument: str
    is_taker_buyer: bool
    size: Decimal
    price: Decimal
    mark_price: Decimal = ZERO
    index_price: Decimal = ZERO
    trade_id: str
    venue: str = "ORDERBOOK"
    is_rpi: bool = False


class CancelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The feed of v1.cancel: a cancel's time-to-live window ended without meeting an order."""

    sub_account_id: IntText
    client_order_id: IntText
    order_id: str = "0x00"
    reason: str = "CLIENT_CANCEL"
    update_time: IntText = 0
    cancel_status: str


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """ "Accepted for processing", not more. A documentation sample quotes the boolean."""

    ack: bool | str = True

    @property
    def accepted(self) -> bool:
        """The boolean, whichever way it was written."""
        return self.ack if isinstance(self.ack, bool) else self.ack.lower() == "true"
