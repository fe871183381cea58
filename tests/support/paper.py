"""A paper venue under the test's control: its clock, its background, its listener."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from paper.engine import PaperExchange
from paper.orders import (
    BookDelta,
    FundingPayment,
    OrderRequest,
    PaperFill,
    PaperOrder,
    PaperPosition,
    SelfTrade,
)
from paper.settings import Fees, VenueSettings
from venues.model import Instrument, Level, Side, TimeInForce

SYMBOL = "ETH_USDC_PERP"
ETH = Instrument(
    venue="paper",
    symbol=SYMBOL,
    base="ETH",
    quote="USDC",
    tick=Decimal("0.01"),
    step=Decimal("0.01"),
    min_size=Decimal("0.01"),
    min_notional=Decimal(1),
)
SETTINGS = VenueSettings(fees=Fees(maker=Decimal("-0.0001"), taker=Decimal("0.00055")))
START_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000


class ManualClock:
    """UTC nanoseconds that pass when told to."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def forward(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)


class StillMarket:
    """A background that has the mark and the levels it was given; each advance is one step."""

    def __init__(self, mark: str = "100") -> None:
        self.price = Decimal(mark)
        self.sides: dict[Side, list[Level]] = {Side.BUY: [], Side.SELL: []}
        self.taker: tuple[Side, Decimal] | None = None

    def advance(self, now_ns: int) -> int:
        return 1

    def mark(self, symbol: str) -> Decimal:
        return self.price

    def index(self, symbol: str) -> Decimal:
        return self.price

    def levels(self, symbol: str, side: Side) -> Sequence[Level]:
        return self.sides[side]

    def flow(self, symbol: str) -> tuple[Side, Decimal] | None:
        return self.taker

    def offer(self, side: Side, *levels: tuple[str, str]) -> None:
        self.sides[side] = [Level(Decimal(price), Decimal(size)) for price, size in levels]


class Heard:
    """A listener that keeps what it heard, in order, as (kind, thing)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self.fills: list[PaperFill] = []
        self.deltas: list[BookDelta] = []

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]

    def order_accepted(self, order: PaperOrder) -> None:
        self.events.append(("accepted", order.order_id))

    def filled(self, fill: PaperFill) -> None:
        self.fills.append(fill)
        self.events.append(("filled", fill))

    def order_changed(self, order: PaperOrder) -> None:
        self.events.append((f"changed {order.status.value}", order.order_id))

    def position_changed(self, position: PaperPosition) -> None:
        self.events.append(("position", position))

    def book_changed(self, delta: BookDelta) -> None:
        self.deltas.append(delta)

    def traded(self, fill: PaperFill) -> None:
        self.events.append(("traded", fill))


class Venue:
    """An exchange with its clock, market and listener at hand."""

    def __init__(
        self,
        settings: VenueSettings = SETTINGS,
        accounts: Sequence[str] = ("ann", "bob"),
        start_s: float = 0,
    ) -> None:
        self.clock = ManualClock()
        self.clock.forward(start_s)
        self.market = StillMarket()
        self.heard = Heard()
        self.funded: list[FundingPayment] = []
        self.to_cancel: list[PaperOrder] = []
        self.exchange = PaperExchange(
            "paper",
            (ETH,),
            accounts,
            settings,
            self.market,
            self.clock,
            self.funded.append,
            self.to_cancel.append,
        )
        self.exchange.add_listener(self.heard)

    def send(
        self, account: str, side: str, size: str, price: str | None, **more: Any
    ) -> PaperOrder:
        return self.exchange.submit(request(account, side, size, price, **more))

    def position(self, account: str) -> Decimal:
        held = self.exchange.positions(account)
        return held[0].size if held else Decimal(0)


def request(
    account: str, side: str, size: str, price: str | None, tif: str = "gtc", **more: Any
) -> OrderRequest:
    return OrderRequest(
        account=account,
        symbol=SYMBOL,
        side=Side(side),
        size=Decimal(size),
        price=None if price is None else Decimal(price),
        time_in_force=TimeInForce(tif),
        **more,
    )


__all__ = ["ETH", "SETTINGS", "SYMBOL", "Heard", "ManualClock", "SelfTrade", "Venue", "request"]
