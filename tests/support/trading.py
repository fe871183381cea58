"""Short ways to make what the pure core is fed with: instruments, plans, orders, news of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trading.plan import DeskPlan, Direction, Rung
from venues.model import (
    BACKPACK,
    GRVT,
    Fill,
    Instrument,
    NewOrder,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    Side,
    TimeInForce,
)

D = Decimal
SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
LADDER = tuple(Rung(cap_bps=D(cap)) for cap in ("5", "11.25", "17.5", "23.75", "30"))

BACKPACK_ETH = Instrument(
    venue=BACKPACK, symbol="ETH_USDC_PERP", base="ETH", quote="USDC",
    tick=D("0.01"), step=D("0.01"), min_size=D("0.01"),
)  # fmt: skip
GRVT_ETH = Instrument(
    venue=GRVT, symbol="ETH_USDT_Perp", base="ETH", quote="USDT",
    tick=D("0.01"), step=D("0.01"), min_size=D("0.01"), min_notional=D(20),
)  # fmt: skip


def plan(**changes: Any) -> DeskPlan:
    """A desk of 0.5 ETH, long, two cycles, as the shipped configuration has it."""
    figures: dict[str, Any] = {
        "desk": "eth", "size": D("0.5"), "cycles": 2,
        "direction": Direction.LONG, "hold_s": 0.5, "pause_s": 0.1,
        "ladder": LADDER, "max_slippage_bps": D(30), "entry_attempts": 3,
        "hedge_deadline_s": 5.0, "max_quote_age_s": 1.0, "settle_timeout_s": 5.0, "retry_s": 0.25,
    }  # fmt: skip
    return DeskPlan(**(figures | changes))


def quote(instrument: Instrument, mid: str = "2500", half: str = "0.05") -> Quote:
    """A quote of an instrument around ``mid``."""
    return Quote(
        venue=instrument.venue, symbol=instrument.symbol, bid=D(mid) - D(half), bid_size=D(10),
        ask=D(mid) + D(half), ask_size=D(10), event_ns=START_NS,
    )  # fmt: skip


def new_order(
    client_order_id: int = 1,
    signed: str = "0.5",
    *,
    instrument: Instrument = GRVT_ETH,
    price: str = "2500",
    created_s: float = 0.0,
    lives_s: float = 5.0,
) -> NewOrder:
    """An IOC order decided ``created_s`` after START_NS that expires ``lives_s`` later."""
    created_ns = START_NS + int(created_s * SECOND_NS)
    return NewOrder(
        symbol=instrument.symbol, side=Side.towards(D(signed)), size=abs(D(signed)),
        price=D(price), time_in_force=TimeInForce.IOC, client_order_id=client_order_id,
        expires_ns=created_ns + int(lives_s * SECOND_NS), created_ns=created_ns,
    )  # fmt: skip


def update(
    status: OrderStatus,
    executed: str = "0",
    *,
    client_order_id: int | None = 1,
    venue_order_id: str = "v1",
    average_price: str | None = None,
    instrument: Instrument = GRVT_ETH,
    reason: str = "",
    reason_follows: bool = False,
) -> OrderUpdate:
    """What the venue says of an order."""
    return OrderUpdate(
        venue=instrument.venue, symbol=instrument.symbol, client_order_id=client_order_id,
        venue_order_id=venue_order_id, status=status, executed=D(executed),
        average_price=None if average_price is None else D(average_price), reason=reason,
        reason_follows=reason_follows,
    )  # fmt: skip


def fill(
    trade_id: str,
    size: str,
    *,
    client_order_id: int | None = 1,
    venue_order_id: str = "v1",
    side: Side = Side.BUY,
    price: str = "2500",
    fee: str = "0.1",
    at_s: float = 0.0,
    instrument: Instrument = GRVT_ETH,
) -> Fill:
    """One execution of an order."""
    return Fill(
        venue=instrument.venue, symbol=instrument.symbol, trade_id=trade_id,
        venue_order_id=venue_order_id, client_order_id=client_order_id, side=side, size=D(size),
        price=D(price), fee=D(fee), maker=False, event_ns=START_NS + int(at_s * SECOND_NS),
    )  # fmt: skip


def position(size: str, instrument: Instrument = GRVT_ETH) -> Position:
    """A position as the venue reports it."""
    return Position(venue=instrument.venue, symbol=instrument.symbol, size=D(size))
