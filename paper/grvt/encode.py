"""From the engine's orders, fills and positions to GRVT's objects, numbers as its server prints."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from paper.grvt.refusals import reject_reason
from paper.grvt.settings import GrvtAccount
from paper.orders import (
    FundingPayment,
    OrderRequest,
    PaperFill,
    PaperOrder,
    PaperPosition,
    PaperSummary,
    Reason,
    Status,
    Ticker,
)
from venues.grvt import frames
from venues.grvt.frames import Tpsl, Trigger
from venues.grvt.funding import FundingRow
from venues.grvt.numbers import WireNumber, server_number
from venues.grvt.signing import WIRE_TIME_IN_FORCE
from venues.model import ZERO, Book, Instrument, Side

# GRVT's ids are 128 bit; the upper half of ours is constant so that they look like the venue's.
_ID_BASE: Final = 0x0101010503A12F6E << 64
UNNUMBERED: Final = "0x00"

_ZERO: Final = server_number(ZERO)
_NO_TRIGGER: Final = Trigger(tpsl=Tpsl(trigger_price=_ZERO))
_MONEY: Final = Decimal("0.000001")
_STATUSES: Final = {
    Status.OPEN: "OPEN",
    Status.FILLED: "FILLED",
    Status.CANCELLED: "CANCELLED",
    Status.REJECTED: "REJECTED",
}


def order_id_text(order_id: int) -> str:
    """An engine's order id as GRVT writes it: 0x and 32 hex digits."""
    return f"0x{_ID_BASE | order_id:032x}"


def parse_order_id(text: str) -> int | None:
    """The engine's order id, None when it cannot be one of ours."""
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number ^ _ID_BASE if number >> 64 == _ID_BASE >> 64 else None


def money(value: Decimal) -> WireNumber:
    """An amount of quote currency, to GRVT's six decimals."""
    return server_number(value.quantize(_MONEY, rounding=ROUND_HALF_EVEN))


def acknowledged(order: frames.Order, now_ns: int) -> frames.Order:
    """The reply to a create: a full echo, no order id yet, PENDING."""
    state = frames.OrderState(
        status="PENDING",
        book_size=(server_number(order.legs[0].size),),
        traded_size=(_ZERO,),
        update_time=str(now_ns),
        avg_fill_price=(_ZERO,),
    )
    return _echo(order, UNNUMBERED, now_ns, state)


def order(paper: PaperOrder, account: GrvtAccount) -> frames.Order:
    """An order with its state as it is at this moment."""
    wire = paper.request.wire
    echo = wire if isinstance(wire, frames.Order) else _by_the_venue(paper.request, account)
    return _echo(echo, order_id_text(paper.order_id), paper.created_ns, order_state(paper))


def pending(paper: PaperOrder, account: GrvtAccount) -> frames.Order:
    """An order that GRVT knows and has not looked at."""
    state = frames.OrderState(
        status="PENDING",
        book_size=(server_number(paper.request.size),),
        traded_size=(_ZERO,),
        update_time=str(paper.created_ns),
        avg_fill_price=(_ZERO,),
    )
    return msgspec.structs.replace(order(paper, account), state=state)


def order_state(paper: PaperOrder) -> frames.OrderState:
    """Where an order stands. A partial fill is OPEN; an order that ended rests no more."""
    resting = paper.rest if paper.status is Status.OPEN else ZERO
    return frames.OrderState(
        status=_STATUSES[paper.status],
        reject_reason=_reason(paper),
        book_size=(server_number(resting),),
        traded_size=(server_number(paper.executed),),
        update_time=str(paper.updated_ns),
        avg_fill_price=(money(paper.average_price),),
    )


def state_update(paper: PaperOrder) -> frames.StateUpdate:
    """The feed of v1.state."""
    return frames.StateUpdate(
        order_id=order_id_text(paper.order_id),
        client_order_id=str(paper.request.client_order_id or 0),
        order_state=order_state(paper),
    )


def fill(paper: PaperFill, account: GrvtAccount) -> frames.Fill:
    """One account's side of a match; the fee rate is in percent."""
    price = server_number(paper.price)
    return frames.Fill(
        event_time=str(paper.now_ns),
        sub_account_id=str(account.sub_account_id),
        instrument=paper.symbol,
        is_buyer=paper.side is Side.BUY,
        is_taker=not paper.maker,
        size=server_number(paper.size),
        price=price,
        mark_price=money(paper.mark_price),
        index_price=money(paper.mark_price),
        interest_rate=_ZERO,
        forward_price=_ZERO,
        realized_pnl=money(paper.realized_pnl),
        fee=money(paper.fee),
        fee_rate=server_number(paper.fee_rate * 100),
        trade_id=trade_id(paper),
        order_id=order_id_text(paper.order.order_id),
        client_order_id=str(paper.order.request.client_order_id or 0),
        is_liquidation=paper.forced,
        signer=account.signer.lower(),
        broker="UNSPECIFIED",
        is_rpi=False,
        fee_currency="USDT",
    )


def funding(paper: FundingPayment, account: GrvtAccount) -> FundingRow:
    """A payment as the history has it."""
    return FundingRow(
        event_time=str(paper.now_ns),
        sub_account_id=str(account.sub_account_id),
        instrument=paper.symbol,
        currency="USDT",
        amount=money(paper.amount),
        tx_id=f"funding-{paper.now_ns}",
    )


def trade_id(paper: PaperFill) -> str:
    """``<n>-<k>``: all fills of one taker's execution share n."""
    return f"{paper.taker_serial}-{paper.match}"


def trade(paper: PaperFill) -> frames.Trade:
    """A public trade, seen from the taker."""
    return frames.Trade(
        event_time=str(paper.now_ns),
        instrument=paper.symbol,
        is_taker_buyer=paper.side is Side.BUY,
        size=server_number(paper.size),
        price=server_number(paper.price),
        mark_price=money(paper.mark_price),
        index_price=money(paper.mark_price),
        trade_id=trade_id(paper),
    )


def position(paper: PaperPosition, account: GrvtAccount) -> frames.Position:
    """A position; size and notional are signed, the return is in percent of the entry value."""
    total = paper.unrealized_pnl + paper.realized_pnl
    entry_value = paper.entry_price * abs(paper.size)
    return frames.Position(
        event_time=str(paper.now_ns),
        sub_account_id=str(account.sub_account_id),
        instrument=paper.symbol,
        size=server_number(paper.size),
        notional=money(paper.size * paper.mark_price),
        entry_price=money(paper.entry_price),
        exit_price=money(paper.exit_price),
        mark_price=money(paper.mark_price),
        unrealized_pnl=money(paper.unrealized_pnl),
        realized_pnl=money(paper.realized_pnl),
        total_pnl=money(total),
        roi=money(total / entry_value * 100 if entry_value else ZERO),
        quote_index_price=WireNumber("1.0"),
        est_liquidation_price=money(paper.liquidation_price),
        leverage=WireNumber("10.0"),
        cumulative_fee=money(paper.cumulative_fee),
        cumulative_realized_funding_payment=money(paper.cumulative_funding),
    )


def summary(
    paper: PaperSummary, positions: list[PaperPosition], account: GrvtAccount
) -> frames.SubAccount:
    """The money of a sub account that holds nothing but USDT."""
    balance = frames.SpotBalance(
        currency="USDT", balance=money(paper.balance), index_price=WireNumber("1.0")
    )
    return frames.SubAccount(
        event_time=str(paper.now_ns),
        sub_account_id=str(account.sub_account_id),
        unrealized_pnl=money(paper.unrealized_pnl),
        total_equity=money(paper.equity),
        initial_margin=money(paper.initial_margin),
        maintenance_margin=money(paper.maintenance_margin),
        available_balance=money(paper.available),
        spot_balances=(balance,),
        positions=tuple(position(row, account) for row in positions),
        settle_index_price=WireNumber("1.0"),
        is_vault=False,
        vault_im_additions=_ZERO,
        derisk_margin=money(paper.maintenance_margin),
        derisk_to_maintenance_margin_ratio=WireNumber("1.0"),
    )


def instrument(row: Instrument) -> frames.Instrument:
    """A listed contract."""
    return frames.Instrument(
        instrument=row.symbol,
        instrument_hash=f"0x{row.asset_id:06x}",
        base=row.base,
        quote=row.quote,
        venues=("ORDERBOOK", "RFQ"),
        settlement_period="PERPETUAL",
        base_decimals=row.base_decimals,
        tick_size=server_number(row.tick),
        min_size=server_number(row.min_size),
        min_notional=server_number(row.min_notional),
        create_time="1700000000000000000",
        max_position_size=WireNumber("1000.0"),
        funding_interval_hours=8,
        adjusted_funding_rate_cap=WireNumber("0.3"),
        adjusted_funding_rate_floor=WireNumber("-0.3"),
    )


def book(row: Book) -> frames.Book:
    """A whole book."""
    bids, asks = (
        tuple(
            frames.BookLevel(
                price=server_number(level.price), size=server_number(level.size), num_orders=1
            )
            for level in levels
        )
        for levels in (row.bids, row.asks)
    )
    return frames.Book(event_time=str(row.event_ns), instrument=row.symbol, bids=bids, asks=asks)


def mini(row: Ticker) -> frames.Mini:
    """The small ticker."""
    return frames.Mini(
        event_time=str(row.now_ns),
        instrument=row.symbol,
        mark_price=money(row.mark),
        index_price=money(row.index),
        last_price=server_number(row.last),
        last_size=server_number(row.last_size),
        mid_price=money((row.bid + row.ask) / 2),
        best_bid_price=server_number(row.bid),
        best_bid_size=server_number(row.bid_size),
        best_ask_price=server_number(row.ask),
        best_ask_size=server_number(row.ask_size),
    )


def ticker(row: Ticker) -> frames.Ticker:
    """The ticker; the paper venue keeps no statistics of a day. The funding rate is in percent."""
    hours, rest_s = divmod(row.funding_interval_s, 3_600)
    return frames.Ticker(
        **msgspec.structs.asdict(mini(row)),
        funding_rate=server_number(row.funding_rate * 100),
        next_funding_time=str(row.next_funding_ns),
        funding_interval_hours=UNSET if rest_s else hours,
    )


def _reason(paper: PaperOrder) -> str:
    wire = paper.request.wire
    market = isinstance(wire, frames.Order) and bool(wire.is_market)
    if paper.reason is Reason.IOC and market and _wire_time_in_force(paper) == "GOOD_TILL_TIME":
        return "MARKET_CANCEL"
    return reject_reason(paper.reason)


def _wire_time_in_force(paper: PaperOrder) -> str:
    """What the client wrote, which for a market order is not what the engine does."""
    wire = paper.request.wire
    if isinstance(wire, frames.Order):
        return wire.time_in_force
    return WIRE_TIME_IN_FORCE[paper.request.time_in_force]


def _echo(
    order: frames.Order, order_id: str, created_ns: int, state: frames.OrderState
) -> frames.Order:
    signature = order.signature
    if not isinstance(signature, UnsetType):
        signature = msgspec.structs.replace(
            signature, signer=signature.signer.lower(), chain_id=_chain(signature)
        )
    return msgspec.structs.replace(
        order,
        order_id=order_id,
        sub_account_id=str(order.sub_account_id),
        is_market=bool(order.is_market),
        post_only=bool(order.post_only),
        reduce_only=bool(order.reduce_only),
        legs=tuple(_leg(leg) for leg in order.legs),
        signature=signature,
        metadata=frames.OrderMetadata(
            client_order_id=_text(order.metadata.client_order_id),
            create_time=str(created_ns),
            trigger=_NO_TRIGGER,
            broker="UNSPECIFIED",
            is_position_transfer=False,
            allow_crossing=False,
        ),
        state=state,
        builder="0x00",
        builder_fee=_ZERO,
    )


def _chain(signature: frames.Signature) -> str:
    return "0" if isinstance(signature.chain_id, UnsetType) else str(signature.chain_id)


def _text(value: int | str | UnsetType) -> str:
    return "0" if isinstance(value, UnsetType) else str(value)


def _leg(leg: frames.OrderLeg) -> frames.OrderLeg:
    return msgspec.structs.replace(
        leg, size=server_number(leg.size), limit_price=server_number(leg.limit_price or ZERO)
    )


def _by_the_venue(request: OrderRequest, account: GrvtAccount) -> frames.Order:
    """The echo of an order that no client sent: a liquidation, or one made by hand."""
    leg = frames.OrderLeg(
        instrument=request.symbol,
        size=request.size,
        limit_price=request.price,
        is_buying_asset=request.side is Side.BUY,
    )
    return frames.Order(
        sub_account_id=str(account.sub_account_id),
        is_market=request.price is None,
        time_in_force=WIRE_TIME_IN_FORCE[request.time_in_force],
        reduce_only=request.reduce_only if request.manual else True,
        legs=(leg,),
        signature=UNSET,
        metadata=frames.OrderMetadata(client_order_id=str(request.client_order_id or 0)),
    )
