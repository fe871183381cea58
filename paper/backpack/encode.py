"""The engine's orders, fills and positions as the exchange's frames."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Final

from paper.backpack.settings import BackpackSettings
from paper.orders import (
    Exchange,
    FundingPayment,
    PaperFill,
    PaperOrder,
    PaperPosition,
    PaperSummary,
    Reason,
    SelfTrade,
    Status,
)
from venues.backpack.frames import (
    ASK,
    BID,
    LIMIT,
    MARKET,
    Collateral,
    CollateralAsset,
    Filters,
    HistoryFill,
    HistoryOrder,
    Market,
    OrderResult,
    PositionResult,
    PriceFilter,
    QuantityFilter,
)
from venues.backpack.funding import FundingEntry
from venues.backpack.stream_frames import OrderData, PositionData
from venues.model import ZERO, Instrument, Level, Side

FEE_SYMBOL: Final = "USDC"
INITIAL_FRACTION: Final = Decimal("0.1")
MAINTENANCE_FRACTION: Final = Decimal("0.05")

NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WIDE: Final = Context(prec=60)
_PLACES: Final = Decimal("1e-12")
_SMALL_PLACES: Final = Decimal("1e-6")
_USER_CANCELS: Final = frozenset({Reason.CLIENT_CANCEL, Reason.CLIENT_CANCEL_ALL})
_SELF_TRADE: Final = {
    SelfTrade.REJECT_TAKER: "RejectTaker",
    SelfTrade.REJECT_MAKER: "RejectMaker",
    SelfTrade.REJECT_BOTH: "RejectBoth",
}
_EXPIRY: Final = {
    Reason.IOC: "ImmediateOrCancel",
    Reason.FOK: "FillOrKill",
    Reason.POST_ONLY: "PostOnlyTaker",
    Reason.REDUCE_ONLY: "ReduceOnlyNotReduced",
    Reason.SELF_TRADE: "SelfTradePrevention",
    Reason.MARGIN: "InsufficientMargin",
    Reason.POSITION_LIMIT: "PositionLimit",
    Reason.PRICE_BAND: "PriceOutOfBounds",
    Reason.LIQUIDATION: "Liquidation",
    Reason.ADL: "Liquidation",
    Reason.REDUCE_ONLY_LIMIT: "ReduceOnlyNotReduced",
    Reason.SELF_MATCHED: "SelfTradePrevention",
    Reason.MARKET: "InsufficientLiquidity",
    Reason.MAKER_LIMIT: "InsufficientLiquidity",
    Reason.SLIPPAGE: "SlippageToleranceExceeded",
    Reason.PRICE_IMPACT: "PriceImpact",
}
# What the exchange calls its own orders: in the history, then on the stream.
_FORCED: Final = {
    Reason.LIQUIDATION: ("LiquidatePositionOnBook", "LIQUIDATION_AUTOCLOSE"),
    Reason.ADL: ("LiquidatePositionOnAdl", "ADL_AUTOCLOSE"),
}


def wire(value: Decimal) -> Decimal:
    """``value`` so that its text has no exponent: whole numbers plain, at most 12 places."""
    rounded = _WIDE.normalize(_WIDE.quantize(value, _PLACES))
    if rounded and rounded.adjusted() < -6:
        rounded = _WIDE.normalize(_WIDE.quantize(rounded, _SMALL_PLACES))
    sign, digits, exponent = rounded.as_tuple()
    if not rounded:
        return ZERO
    if isinstance(exponent, int) and exponent > 0:
        return Decimal((sign, (*digits, *[0] * exponent), 0))
    return rounded


def funding(payment: FundingPayment) -> FundingEntry:
    """A payment as the history has it: positive when received."""
    return FundingEntry(
        symbol=payment.symbol,
        quantity=wire(-payment.amount),
        interval_end_timestamp=iso(payment.now_ns),
        funding_rate=wire(payment.rate),
        user_id=1,
    )


def wire_side(side: Side) -> str:
    """A buy is a Bid."""
    return BID if side is Side.BUY else ASK


def iso(moment_ns: int) -> str:
    """Naive UTC text with milliseconds, as the history has it."""
    moment = _EPOCH + timedelta(microseconds=moment_ns // NS_PER_US)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def status_of(order: PaperOrder) -> str:
    """The exchange's word for an order's state."""
    if order.status is Status.OPEN:
        return "PartiallyFilled" if order.executed else "New"
    if order.status is Status.FILLED:
        return "Filled"
    return "Cancelled" if order.reason in _USER_CANCELS else "Expired"


def expiry_reason(order: PaperOrder) -> str | None:
    """Why an Expired order ended."""
    if status_of(order) != "Expired":
        return None
    return _EXPIRY.get(order.reason, "Unknown")


def time_in_force_of(order: PaperOrder) -> str:
    """GTC, IOC or FOK; a market order is an IOC."""
    return "IOC" if order.request.price is None else order.request.time_in_force.value.upper()


def client_id_of(order: PaperOrder) -> int | None:
    """The client id that the order came with."""
    wanted = order.request.wire
    return wanted if isinstance(wanted, int) else order.request.client_order_id


def order_result(order: PaperOrder, status: str | None = None) -> OrderResult:
    """The answer to placing, cancelling or querying ``order``, in its Limit or Market shape."""
    request = order.request
    common = {
        "id": str(order.order_id),
        "client_id": client_id_of(order),
        "symbol": request.symbol,
        "side": wire_side(request.side),
        "quantity": wire(order.size),
        "executed_quantity": wire(order.executed),
        "executed_quote_quantity": wire(order.executed_quote),
        "reduce_only": request.reduce_only or None,
        "time_in_force": time_in_force_of(order),
        "self_trade_prevention": _SELF_TRADE[request.self_trade],
        "status": status or status_of(order),
        "created_at": order.created_ns // NS_PER_MS,
    }
    if request.price is None:
        return OrderResult(order_type=MARKET, quote_quantity=None, **common)  # type: ignore[arg-type]
    return OrderResult(
        order_type=LIMIT,
        price=wire(request.price),
        post_only=request.post_only,
        **common,  # type: ignore[arg-type]
    )


def history_order(order: PaperOrder) -> HistoryOrder:
    """An order as the history shows it."""
    request = order.request
    return HistoryOrder(
        id=str(order.order_id),
        client_id=client_id_of(order),
        symbol=request.symbol,
        side=wire_side(request.side),
        order_type=MARKET if request.price is None else LIMIT,
        status=status_of(order),
        created_at=iso(order.created_ns),
        quantity=wire(order.size),
        executed_quantity=wire(order.executed),
        executed_quote_quantity=wire(order.executed_quote),
        price=None if request.price is None else wire(request.price),
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        time_in_force=time_in_force_of(order),
        self_trade_prevention=_SELF_TRADE[request.self_trade],
        expiry_reason=expiry_reason(order),
        system_order_type=_forced(order)[0],
    )


def _forced(order: PaperOrder) -> tuple[str | None, str]:
    """System order type and origin of an order."""
    # Other orders are cancelled in a liquidation; only the liquidating one is the system's own.
    if client_id_of(order) is not None:
        return None, "USER"
    return _FORCED.get(order.reason, (None, "USER"))


def fee_of(fill: PaperFill, settings: BackpackSettings) -> Decimal:
    """The fee as the wire shows it: positive when paid, a rebate as set."""
    return wire(abs(fill.fee) if settings.positive_rebates else fill.fee)


def history_fill(fill: PaperFill, settings: BackpackSettings) -> HistoryFill:
    """A fill as the history shows it: the client id is text there."""
    client_id = client_id_of(fill.order)
    return HistoryFill(
        trade_id=fill.trade_id,
        order_id=str(fill.order.order_id),
        client_id=None if client_id is None else str(client_id),
        symbol=fill.symbol,
        side=wire_side(fill.side),
        price=wire(fill.price),
        quantity=wire(fill.size),
        fee=fee_of(fill, settings),
        fee_symbol=FEE_SYMBOL,
        is_maker=fill.maker,
        system_order_type=_forced(fill.order)[0] if fill.forced else None,
        timestamp=iso(fill.now_ns),
    )


def order_data(order: PaperOrder, event: str, engine_us: int, **extra: object) -> OrderData:
    """An order event of the private stream."""
    request = order.request
    fields: dict[str, object] = {
        "trade_id": None,
        "price": None if request.price is None else wire(request.price),
        "reason": expiry_reason(order) if event == "orderExpired" else None,
        "status": status_of(order),
        "origin": _forced(order)[1],
    }
    return OrderData(
        event=event,
        event_us=engine_us,
        engine_us=engine_us,
        symbol=request.symbol,
        client_id=client_id_of(order),
        side=wire_side(request.side),
        order_type="MARKET" if request.price is None else "LIMIT",
        time_in_force=time_in_force_of(order),
        quantity=wire(order.size),
        quote_quantity=ZERO,
        order_id=str(order.order_id),
        executed=wire(order.executed),
        executed_quote=wire(order.executed_quote),
        self_trade_prevention=_SELF_TRADE[request.self_trade],
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        **(fields | extra),  # type: ignore[arg-type]
    )


def fill_data(fill: PaperFill, engine_us: int, settings: BackpackSettings) -> OrderData:
    """A match of the private stream, as cumulative as the order is now."""
    return order_data(
        fill.order,
        "orderFill",
        engine_us,
        status="PartiallyFilled" if fill.order.rest else "Filled",
        trade_id=fill.trade_id,
        fill_quantity=wire(fill.size),
        fill_price=wire(fill.price),
        maker=fill.maker,
        fee=fee_of(fill, settings),
        fee_symbol=FEE_SYMBOL,
        origin=_forced(fill.order)[1] if fill.forced else "USER",
    )


def exposure(exchange: Exchange, account: str, symbol: str, size: Decimal) -> Decimal:
    """The largest position that the open orders could make of ``size``, without its sign."""
    orders = exchange.open_orders(account, symbol)
    bought = sum((order.rest for order in orders if order.request.side is Side.BUY), ZERO)
    sold = sum((order.rest for order in orders if order.request.side is Side.SELL), ZERO)
    return max(abs(size + bought), abs(size - sold))


def position_id(symbol: str) -> int:
    """A stable id of an account's position in a market."""
    return 114_575_000_000 + sum(map(ord, symbol))


def position_data(
    position: PaperPosition, event: str | None, engine_us: int, exposed: Decimal
) -> PositionData:
    """A position event of the private stream; without ``event`` it is the snapshot."""
    return PositionData(
        event=event,
        event_us=engine_us,
        engine_us=engine_us,
        symbol=position.symbol,
        break_even_price=wire(position.entry_price),
        entry_price=wire(position.entry_price),
        initial_fraction=INITIAL_FRACTION,
        mark_price=wire(position.mark_price),
        maintenance_fraction=MAINTENANCE_FRACTION,
        quantity=wire(position.size),
        exposure_quantity=wire(exposed),
        exposure_notional=wire(exposed * position.mark_price),
        position_id=position_id(position.symbol),
        realized_pnl=wire(position.realized_pnl),
        unrealized_pnl=wire(position.unrealized_pnl),
        liquidation_price=ZERO,
    )


def position_result(
    position: PaperPosition, exposed: Decimal, *, alone: bool = False
) -> PositionResult:
    """A position of GET /api/v1/position. Only one asked for alone has its liquidation price."""
    return PositionResult(
        symbol=position.symbol,
        position_id=str(position_id(position.symbol)),
        net_quantity=wire(position.size),
        net_cost=wire(position.size * position.entry_price),
        net_exposure_quantity=wire(exposed),
        net_exposure_notional=wire(exposed * position.mark_price),
        entry_price=wire(position.entry_price),
        break_even_price=wire(position.entry_price),
        mark_price=wire(position.mark_price),
        est_liquidation_price=wire(position.liquidation_price) if alone else ZERO,
        imf=INITIAL_FRACTION,
        mmf=MAINTENANCE_FRACTION,
        pnl_realized=wire(position.realized_pnl),
        pnl_unrealized=wire(position.unrealized_pnl),
        # From the account's side: negative was paid.
        cumulative_funding_payment=wire(-position.cumulative_funding),
        cumulative_interest=ZERO,
        subaccount_id=None,
        user_id=1,
    )


def collateral(summary: PaperSummary) -> Collateral:
    """The account's money as its only collateral, USDC."""
    balance, locked = wire(summary.balance), wire(summary.equity - summary.available)
    asset = CollateralAsset(
        symbol=FEE_SYMBOL,
        total_quantity=balance,
        available_quantity=wire(summary.available),
        balance_notional=balance,
        collateral_value=balance,
    )
    return Collateral(
        net_equity=wire(summary.equity),
        net_equity_available=wire(summary.available),
        net_equity_locked=locked,
        net_exposure_futures=wire(summary.initial_margin / INITIAL_FRACTION),
        assets_value=balance,
        borrow_liability=ZERO,
        liabilities_value=ZERO,
        imf=INITIAL_FRACTION,
        mmf=MAINTENANCE_FRACTION,
        margin_fraction=_margin_fraction(summary),
        pnl_unrealized=wire(summary.unrealized_pnl),
        unsettled_equity=wire(summary.equity - summary.balance),
        collateral=(asset,),
    )


def _margin_fraction(summary: PaperSummary) -> Decimal | None:
    notional = summary.initial_margin / INITIAL_FRACTION
    return wire(summary.equity / notional) if notional else None


def market(instrument: Instrument, state: str, funding_interval_ms: int) -> Market:
    """An instrument as a listed market."""
    return Market(
        symbol=instrument.symbol,
        base_symbol=instrument.base,
        quote_symbol=instrument.quote,
        market_type="PERP" if instrument.symbol.endswith("_PERP") else "SPOT",
        filters=Filters(
            price=PriceFilter(tick_size=instrument.tick, min_price=instrument.tick),
            quantity=QuantityFilter(min_quantity=instrument.min_size, step_size=instrument.step),
        ),
        order_book_state=state,
        funding_interval=funding_interval_ms,
        created_at="2025-01-21T06:34:54.691858",
    )


def levels(side: tuple[Level, ...]) -> tuple[Level, ...]:
    """Book levels with plain numbers."""
    return tuple(Level(wire(level.price), wire(level.size)) for level in side)
