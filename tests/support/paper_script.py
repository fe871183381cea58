"""Ledgers written by hand, for judging the judge."""

from __future__ import annotations

from decimal import Decimal

from paper.measures import measure
from paper.records import Accepted, AnyRecord, CancelAsked, Connection, Ended, Filled, Marked
from paper.verdict import Measures, Scope, scope_of
from venues.model import Side, TimeInForce

D = Decimal
SYMBOLS = {"backpack": "ETH_USDC_PERP", "grvt": "ETH_USDT_Perp"}


class Script:
    """Writes a ledger by hand: time passes with ``wait``, orders are numbered."""

    def __init__(self) -> None:
        self.at_ns = 1_000_000_000
        self.records: list[AnyRecord] = []
        self.orders: dict[int, Accepted] = {}
        for number, name in enumerate(("backpack/feed", "grvt/trading")):
            self.connection(name, number, "authenticated")

    def wait(self, ms: float) -> Script:
        self.at_ns += int(ms * 1_000_000)
        return self

    def connection(self, name: str, number: int, event: str) -> None:
        self.records.append(
            Connection(
                at_ns=self.at_ns, utc_ns=0, connection=name, connection_id=number, event=event
            )
        )

    def mark(self) -> None:
        self.records.append(
            Marked(at_ns=self.at_ns, utc_ns=0, venue="grvt", symbol="ETH_USDT_Perp", mark=D(2500))
        )

    def accept(
        self,
        venue: str,
        signed: str,
        *,
        client_id: int | None = None,
        nonce: str = "",
        forced: bool = False,
    ) -> int:
        size = D(signed)
        order_id = len(self.orders) + 1
        record = Accepted(
            at_ns=self.at_ns, utc_ns=0, venue=venue, account="main", symbol=SYMBOLS[venue],
            order_id=order_id, client_order_id=client_id, nonce=nonce, side=Side.towards(size),
            size=abs(size), price=D(2500), time_in_force=TimeInForce.IOC, post_only=False,
            reduce_only=False, expires_ns=0, forced=forced,
        )  # fmt: skip
        self.orders[order_id] = record
        self.records.append(record)
        return order_id

    def fill(self, order_id: int, size: str, price: str = "2500", fee: str = "0") -> None:
        order = self.orders[order_id]
        self.records.append(
            Filled(
                at_ns=self.at_ns, utc_ns=0, venue=order.venue, account="main", symbol=order.symbol,
                order_id=order_id, client_order_id=None, trade_id=len(self.records),
                side=order.side, size=D(size), price=D(price), fee=D(fee), maker=False,
                mark=D(2500), forced=order.forced,
            )
        )  # fmt: skip

    def ask_cancel(self, order_id: int) -> None:
        order = self.orders[order_id]
        self.records.append(
            CancelAsked(
                at_ns=self.at_ns, utc_ns=0, venue=order.venue, account="main",
                symbol=order.symbol, order_id=order_id,
            )
        )  # fmt: skip

    def end(self, order_id: int, status: str = "filled") -> None:
        order = self.orders[order_id]
        self.records.append(
            Ended(
                at_ns=self.at_ns, utc_ns=0, venue=order.venue, account="main", symbol=order.symbol,
                order_id=order_id, client_order_id=None, status=status, reason="none",
                executed=D(0),
            )
        )  # fmt: skip

    def trade(self, venue: str, signed: str, price: str = "2500", fee: str = "0") -> None:
        order_id = self.accept(venue, signed)
        self.fill(order_id, signed.lstrip("-"), price, fee)
        self.end(order_id)

    def liquidate(self, venue: str, signed: str) -> None:
        order_id = self.accept(venue, signed, forced=True)
        self.fill(order_id, signed.lstrip("-"))
        self.end(order_id)

    def hedged(self, signed: str, naked_ms: float = 20) -> None:
        other = signed.lstrip("-") if signed.startswith("-") else f"-{signed}"
        self.trade("backpack", signed)
        self.wait(naked_ms)
        self.trade("grvt", other)
        self.wait(1000)

    def judge(self, scope: Scope | None = None, planned: int = 1) -> Measures:
        default = scope_of("backpack", q=D("0.5"), lot=D("0.01"), planned=planned)
        return measure(self.records, scope or default)
