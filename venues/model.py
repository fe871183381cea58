"""The one model that both venues are translated into: instruments, orders, fills, positions, books.

Money and sizes are ``Decimal`` in human units, made from strings, never from floats. Sizes are
positive and carry a ``Side``; positions and "signed" sizes are positive when long. Times have
their unit in the name; ``*_ns`` without another word is UTC unix nanoseconds as the venue gave it.
"""

from __future__ import annotations

import enum
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from venues.errors import KeyRefusal, QuantizeError

ZERO: Final = Decimal(0)
BPS: Final = Decimal("0.0001")

GRVT: Final = "grvt"
BACKPACK: Final = "backpack"


class Side(enum.Enum):
    """Which way an order or fill moves a position."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @classmethod
    def towards(cls, signed_size: Decimal) -> Side:
        """The side that moves a position by ``signed_size`` (which is not zero)."""
        return cls.BUY if signed_size > 0 else cls.SELL


class TimeInForce(enum.Enum):
    """How long an order may rest: until cancelled or expired, not at all, or all at once."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(enum.Enum):
    """What the *venue* says of an order. ``UNKNOWN`` is a status we do not know: never terminal."""

    PENDING = "pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """True when the venue will not execute any more of this order."""
        return self in _TERMINAL


_TERMINAL: Final = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A contract at a venue, with what an order for it must respect.

    ``asset_id`` and ``base_decimals`` are what GRVT signs (0 elsewhere); ``min_notional`` is 0
    where the venue has none.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_size: Decimal
    min_notional: Decimal = ZERO
    asset_id: int = 0
    base_decimals: int = 0

    def floor_size(self, size: Decimal) -> Decimal:
        """``size`` rounded down to the step: never more than was asked for."""
        return _to_multiple(size, self.step, ROUND_DOWN)

    def cap_price(self, price: Decimal, side: Side) -> Decimal:
        """``price`` rounded to the tick so that it is never worse for us than ``price``.

        A buy is rounded down and a sell up.
        """
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return _to_multiple(price, self.tick, rounding)

    def tradable(self, size: Decimal, price: Decimal) -> bool:
        """True when the floored ``size`` at ``price`` reaches both minimums of the venue."""
        floored = self.floor_size(size)
        return floored >= self.min_size and floored * price >= self.min_notional

    def check_order(self, size: Decimal, price: Decimal | None) -> None:
        """Raise QuantizeError unless ``size`` and ``price`` can be sent exactly as they are."""
        if not size.is_finite() or size < self.min_size:
            raise QuantizeError(self.venue, self.symbol, "size", str(size), f">= {self.min_size}")
        if size % self.step:
            expected = f"a multiple of {self.step}"
            raise QuantizeError(self.venue, self.symbol, "size", str(size), expected)
        if price is None:
            return
        if not price.is_finite() or price <= 0 or price % self.tick:
            expected = f"a positive multiple of {self.tick}"
            raise QuantizeError(self.venue, self.symbol, "price", str(price), expected)


def _to_multiple(value: Decimal, unit: Decimal, rounding: str) -> Decimal:
    return (value / unit).to_integral_value(rounding=rounding) * unit


def plain(value: Decimal) -> str:
    """``value`` as the text both venues take: no exponent, no trailing zeros, no minus zero."""
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as we mean it, already rounded to its instrument.

    ``price`` is the limit (for an IOC, the worst price accepted). ``expires_ns`` is the UTC moment
    after which the venue must not execute it any more; ``nonce`` is GRVT's uint32 and makes a
    re-send byte-identical. ``created_ns`` is the UTC moment of the decision: no fill is older.
    """

    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    time_in_force: TimeInForce
    client_order_id: int
    expires_ns: int
    created_ns: int = 0
    nonce: int = 0
    post_only: bool = False
    reduce_only: bool = False


class Refusal(enum.Enum):
    """Why a venue did not execute an order, as far as its code tells what to do about it.

    ``FUNDS``: margin, position or number of orders. ``PRICE``: the price, or how far it would move
    the market. ``MARKET``: closed, restricted or in maintenance. ``RATE``: too many requests.
    ``ID_TAKEN``: another order has its client id; the word may be meant for either. What is about
    our key is a ``KeyRefusal``.
    """

    FUNDS = "funds"
    REDUCE_ONLY = "reduce_only"
    POST_ONLY = "post_only"
    PRICE = "price"
    MARKET = "market"
    RATE = "rate"
    SELF_TRADE = "self_trade"
    ID_TAKEN = "id_taken"
    OTHER = "other"


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of one order, in a reply, a query or a stream.

    ``executed`` is cumulative. ``average_price`` is None where the message has none. ``reason``
    is the venue's own word for a cancel, expiry or rejection. ``client_order_id`` is None for an
    order that was placed without one (by hand, or a liquidation). ``refusal`` is why the venue
    ended it, if not as such an order ends anyway. ``key_refusal``: it was rejected over our key.
    ``reason_follows``: this message has no room for the reason; the venue tells it by another way.
    """

    venue: str
    symbol: str
    client_order_id: int | None
    venue_order_id: str
    status: OrderStatus
    executed: Decimal
    size: Decimal | None = None
    side: Side | None = None
    average_price: Decimal | None = None
    reason: str = ""
    refusal: Refusal | None = None
    key_refusal: KeyRefusal | None = None
    reason_follows: bool = False
    event_ns: int = 0


_UNNUMBERED: Final = "~"


def is_numbered(trade_id: str) -> bool:
    """False for what ``unnumbered`` has made."""
    return not trade_id.startswith(_UNNUMBERED)


def unnumbered(*what: object) -> str:
    """The trade id of a fill that its venue tells without one: what it is, which must tell it."""
    return _UNNUMBERED + "/".join(map(str, what))


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. ``fee`` is in quote currency: positive was paid, negative is a rebate.

    ``key`` identifies it at its venue, however often and by whatever way it is reported; of one
    that is told without a trade id (``numbered`` is False) only where it is told so again.
    ``forced``: the venue did it by itself; then its message may have no fee (``fee_told``).
    """

    venue: str
    symbol: str
    trade_id: str
    venue_order_id: str
    client_order_id: int | None
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    maker: bool
    event_ns: int
    forced: bool = False
    fee_told: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """(symbol, trade id, venue order id): Backpack numbers trades per symbol."""
        return (self.symbol, self.trade_id, self.venue_order_id)

    @property
    def numbered(self) -> bool:
        """False where its trade id is one of ours, ``unnumbered``: the venue has told none."""
        return is_numbered(self.trade_id)

    @property
    def signed_size(self) -> Decimal:
        """``size``, negative for a sell."""
        return self.size * self.side.sign


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position as the venue reports it. ``size`` is signed: long positive.

    ``liquidation_price`` is the venue's own estimate; None where it gives none, or where
    ``liquidation_known`` says that it could not be read.
    """

    venue: str
    symbol: str
    size: Decimal
    entry_price: Decimal = ZERO
    mark_price: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    liquidation_price: Decimal | None = None
    liquidation_known: bool = True
    event_ns: int = 0


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Best bid and ask of one instrument, with the size there and the venue's event time."""

    venue: str
    symbol: str
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    event_ns: int

    @property
    def mid(self) -> Decimal:
        """The middle of bid and ask."""
        return (self.bid + self.ask) / 2

    def touch(self, side: Side) -> Decimal:
        """The price that an order of ``side`` meets: the ask for a buy, the bid for a sell."""
        return self.ask if side is Side.BUY else self.bid


class Level(msgspec.Struct, frozen=True, array_like=True):
    """One price level of a book."""

    price: Decimal
    size: Decimal


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Resting size by price: bids from high to low, asks from low to high."""

    venue: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    event_ns: int

    @property
    def crossed(self) -> bool:
        """True when the best bid is not below the best ask: such a book must not be used."""
        return bool(self.bids and self.asks and self.bids[0].price >= self.asks[0].price)


class MarketMode(enum.Enum):
    """What a market takes. ``UNKNOWN`` is a word of the venue's that we do not know."""

    NORMAL = "normal"
    POST_ONLY = "post_only"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"
    CLOSED = "closed"
    UNKNOWN = "unknown"

    @property
    def opens(self) -> bool:
        """True when an order that crosses the book may add to a position."""
        return self is MarketMode.NORMAL

    @property
    def reduces(self) -> bool:
        """True when an order that crosses the book may take off a position."""
        return self in (MarketMode.NORMAL, MarketMode.REDUCE_ONLY)


class MarketInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of a market beside its prices.

    ``funding_rate`` is that of the running interval, as a share of the notional that longs pay to
    shorts (negative: shorts pay); ``next_funding_ns`` its end (UTC), ``funding_interval_s`` its
    length; each None while not known.
    """

    venue: str
    symbol: str
    mode: MarketMode = MarketMode.NORMAL
    mark_price: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_ns: int | None = None
    funding_interval_s: int | None = None
    event_ns: int = 0


class FundingPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Funding that a venue has booked on a position: ``amount`` is positive when paid.

    ``key`` identifies it at its venue; ``event_ns`` (UTC, the venue's) is when it was due.
    """

    venue: str
    symbol: str
    amount: Decimal
    event_ns: int
    key: str


class AccountSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What margin decisions need: equity and what of it is free, in quote currency."""

    venue: str
    equity: Decimal
    available: Decimal
    maker_fee_bps: Decimal | None = None
    taker_fee_bps: Decimal | None = None
