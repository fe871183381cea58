"""What the matching engine and the venues' front-ends say to each other.

A front-end translates its protocol into ``OrderRequest`` and the calls of ``Exchange``; the engine
answers with ``PaperOrder`` and reports every change to the ``ExchangeListener`` that a front-end
registers. All of it runs on one asyncio loop; no call blocks. ``now_ns`` below is UTC unix
nanoseconds (the wire's clock); the ledger stamps its own monotonic clock.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec

from venues.model import ZERO, Book, Instrument, Level, Side, TimeInForce

if TYPE_CHECKING:
    from paper.matching import Match


class SelfTrade(enum.Enum):
    """Which of two orders of one account yields when they would meet."""

    REJECT_TAKER = "reject_taker"
    REJECT_MAKER = "reject_maker"
    REJECT_BOTH = "reject_both"


class Status(enum.Enum):
    """Engine status of an order; ``partially filled`` is OPEN with ``executed`` > 0."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    @property
    def live(self) -> bool:
        """True while the order rests in the book."""
        return self is Status.OPEN


class Reason(enum.Enum):
    """Why an order ended unfilled, or why a request was refused before it became an order."""

    NONE = "none"
    CLIENT_CANCEL = "client_cancel"
    CLIENT_CANCEL_ALL = "client_cancel_all"
    DISCONNECT_COUNTDOWN = "disconnect_countdown"
    IOC = "ioc"
    FOK = "fok"
    EXPIRED = "expired"
    POST_ONLY = "post_only"
    REDUCE_ONLY = "reduce_only"
    SELF_TRADE = "self_trade"
    MARGIN = "margin"
    POSITION_LIMIT = "position_limit"
    OPEN_ORDER_LIMIT = "open_order_limit"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    PRICE_TICK = "price_tick"
    PRICE_BAND = "price_band"
    SIZE_MIN = "size_min"
    SIZE_STEP = "size_step"
    NOTIONAL_MIN = "notional_min"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    # Only faults make these: the engine has no such rules.
    REDUCE_TOO_LARGE = "reduce_too_large"
    REDUCE_ONLY_LIMIT = "reduce_only_limit"
    SELF_MATCHED = "self_matched"
    MARKET = "market"
    MAKER_LIMIT = "maker_limit"
    SLIPPAGE = "slippage"
    PRICE_IMPACT = "price_impact"


class Refused(Exception):
    """The request did not become an order; nothing was accepted, nothing is in the ledger."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class OrderNotFound(Exception):
    """No such live order of this account."""


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A validated request of an account. ``price`` None is a market order.

    ``expires_ns``: UTC moment at which a resting rest is cancelled with EXPIRED, 0 for never.
    ``wire`` is the front-end's own echo of the request, kept on the order untouched.
    ``nonce``: what makes a signed request unique at the venue, for the ledger's duplicate check.
    ``manual``: somebody else's order on the account, not the trader's. ``untold``: the account's
    order and fill streams do not tell of it; its position stream does.
    """

    account: str
    symbol: str
    side: Side
    size: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    client_order_id: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.REJECT_TAKER
    expires_ns: int = 0
    nonce: str = ""
    wire: object = None
    manual: bool = False
    untold: bool = False


class PaperOrder:
    """An accepted order and its life; mutated by the engine only."""

    __slots__ = (
        "created_ns", "executed", "executed_quote", "order_id", "reason", "request", "size",
        "status", "updated_ns",
    )  # fmt: skip

    def __init__(self, order_id: int, request: OrderRequest, now_ns: int) -> None:
        self.order_id = order_id
        self.request = request
        self.size = request.size
        self.status = Status.OPEN
        self.reason = Reason.NONE
        self.executed = ZERO
        self.executed_quote = ZERO
        self.created_ns = now_ns
        self.updated_ns = now_ns

    @property
    def rest(self) -> Decimal:
        """Size not executed, whether or not it still rests."""
        return self.size - self.executed

    @property
    def average_price(self) -> Decimal:
        """Cumulative average price, 0 without an execution."""
        return self.executed_quote / self.executed if self.executed else ZERO


class PaperFill(msgspec.Struct, frozen=True, kw_only=True):
    """One account's side of one match. ``taker_serial`` is shared by all fills of one taker order's
    execution; ``match`` counts within it from 1; ``trade_id`` is unique per symbol."""

    account: str
    order: PaperOrder
    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    fee_rate: Decimal
    maker: bool
    realized_pnl: Decimal
    mark_price: Decimal
    trade_id: int
    taker_serial: int
    match: int
    now_ns: int
    forced: bool = False


class PaperPosition(msgspec.Struct, frozen=True, kw_only=True):
    """An account's position in one contract after an event. ``size`` is signed."""

    account: str
    symbol: str
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    cumulative_fee: Decimal
    cumulative_funding: Decimal  # positive: paid
    now_ns: int
    liquidation_price: Decimal = ZERO  # 0: none


class PaperSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money in quote currency."""

    account: str
    balance: Decimal
    equity: Decimal
    available: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    now_ns: int


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of one contract now, and its funding: a share of the notional per interval."""

    symbol: str
    mark: Decimal
    index: Decimal
    last: Decimal
    last_size: Decimal
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    funding_rate: Decimal
    funding_interval_s: int
    next_funding_ns: int
    now_ns: int


class BookDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Changed levels of one book (size 0: gone), update ids ``first_id..last_id``, no hole between
    one delta's ``last_id`` and the next one's ``first_id``."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_id: int
    last_id: int
    now_ns: int


class FundingPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Funding booked to one account's position; a positive ``amount`` was paid."""

    account: str
    symbol: str
    size: Decimal
    mark: Decimal
    rate: Decimal
    amount: Decimal
    now_ns: int


class ExchangeListener(Protocol):
    """What a front-end hears, in the order in which it happened, inside the engine's call.

    For a taker: ``order_accepted``, then a ``filled`` and ``position_changed`` per match (for both
    sides, background liquidity excepted), then ``order_changed`` with the new status.
    """

    def order_accepted(self, order: PaperOrder) -> None:
        """The order entered the engine (also one that fills or ends at once)."""

    def filled(self, fill: PaperFill) -> None:
        """One match; ``fill.order`` already has the new cumulative figures and status."""

    def order_changed(self, order: PaperOrder) -> None:
        """The order ended, or (without a fill) changed its size; see ``status`` and ``reason``."""

    def position_changed(self, position: PaperPosition) -> None:
        """A position moved by a fill or liquidation (not by the mark)."""

    def book_changed(self, delta: BookDelta) -> None:
        """The public book moved."""

    def traded(self, fill: PaperFill) -> None:
        """A public trade, once per match, seen from the taker."""


class Exchange(Protocol):
    """One paper venue's engine, as its front-end uses it."""

    venue: str

    @property
    def instruments(self) -> Sequence[Instrument]:
        """All listed contracts."""

    def instrument(self, symbol: str) -> Instrument:
        """One contract; raises Refused(UNKNOWN_INSTRUMENT)."""

    def now_ns(self) -> int:
        """The venue's UTC clock."""

    def add_listener(self, listener: ExchangeListener) -> None:
        """Hear everything from now on."""

    def check(self, request: OrderRequest) -> None:
        """Everything that is refused at entry, without side effect; raises Refused.

        Covers instrument, tick, step, minimums, band, margin, position and open-order limits,
        reduce-only against the present position, post-only against the present book, and a client
        order id that is live. A front-end whose venue reports some of these later catches them.
        """

    def submit(self, request: OrderRequest) -> PaperOrder:
        """Accept and match at once; raises Refused as ``check`` does, except that post-only and
        reduce-only then end the accepted order as REJECTED with that reason when
        ``late_rejects`` is set at construction."""

    def cancel_asked(self, *orders: PaperOrder) -> None:
        """An account wants these live orders cancelled: a front-end has just heard it."""

    def cancel(
        self, account: str, symbol: str | None, *, order_id: int | None = None,
        client_order_id: int | None = None, reason: Reason = Reason.CLIENT_CANCEL,
    ) -> PaperOrder:  # fmt: skip
        """End one live order; raises OrderNotFound when it is not resting."""

    def cancel_all(
        self, account: str, symbol: str | None, reason: Reason = Reason.CLIENT_CANCEL_ALL
    ) -> list[PaperOrder]:
        """End all live orders of an account (of one contract when given)."""

    def matched_by(self, run: Match) -> None:
        """``run`` matches each accepted order from now on; by default the matcher does."""

    def stir(self, symbol: str, count: int) -> None:
        """So many updates of a book that change nothing."""

    def take_resting(self, orders: Sequence[PaperOrder], part: Decimal, pieces: int = 1) -> None:
        """Somebody takes ``part`` of what is left of resting orders, in turns; not of gone ones."""

    def find_order(
        self, account: str, *, order_id: int | None = None, client_order_id: int | None = None
    ) -> PaperOrder | None:
        """Any order ever accepted; the newest one under that client order id."""

    def open_orders(self, account: str, symbol: str | None = None) -> list[PaperOrder]:
        """Resting orders, oldest first."""

    def order_history(self, account: str, symbol: str | None = None) -> list[PaperOrder]:
        """Every accepted order, newest first."""

    def fill_history(self, account: str, symbol: str | None = None) -> list[PaperFill]:
        """Every fill, newest first."""

    def funding_history(self, account: str) -> list[FundingPayment]:
        """Every funding payment of an account, newest first."""

    def positions(self, account: str) -> list[PaperPosition]:
        """Positions that are not flat."""

    def summary(self, account: str) -> PaperSummary:
        """The account's money."""

    def book(self, symbol: str, depth: int) -> tuple[Book, int]:
        """The book and its last update id."""

    def ticker(self, symbol: str) -> Ticker:
        """Prices now."""


class SessionLedger(Protocol):
    """What a front-end records besides orders. ``connection`` is ``grvt/trading``, ``grvt/market``,
    ``backpack/feed`` or ``backpack/market``."""

    def connected(self, connection: str, connection_id: int, authenticated: bool) -> None:
        """A websocket was accepted (again with True once it has authenticated)."""

    def disconnected(self, connection: str, connection_id: int, by: str) -> None:
        """It ended; ``by`` is ``client``, ``venue`` or ``fault``."""

    def logged_in(self, venue: str, account: str, accepted: bool) -> None:
        """A login was tried."""
