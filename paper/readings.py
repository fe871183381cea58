"""What can be read of a paper venue: orders, fills, funding, positions and money of an account."""

from __future__ import annotations

import abc

from paper.clearing import Clearing
from paper.orders import FundingPayment, PaperFill, PaperOrder, PaperPosition, PaperSummary
from paper.registry import OrderRegistry


class Readings(abc.ABC):
    """The reading half of ``paper.engine.PaperExchange``."""

    _orders: OrderRegistry
    _clearing: Clearing

    @abc.abstractmethod
    def now_ns(self) -> int:
        """The venue's UTC clock."""

    def find_order(
        self, account: str, *, order_id: int | None = None, client_order_id: int | None = None
    ) -> PaperOrder | None:
        """Any order ever accepted; the newest one under that client order id."""
        return self._orders.find(account, order_id, client_order_id)

    def open_orders(self, account: str, symbol: str | None = None) -> list[PaperOrder]:
        """Resting orders, oldest first."""
        resting = self._orders.resting(account, symbol)
        return [working.order for working in resting if working.order is not None]

    def order_history(self, account: str, symbol: str | None = None) -> list[PaperOrder]:
        """Every accepted order, newest first."""
        return self._orders.history(account, symbol)

    def fill_history(self, account: str, symbol: str | None = None) -> list[PaperFill]:
        """Every fill, newest first."""
        return self._orders.fills(account, symbol)

    def funding_history(self, account: str) -> list[FundingPayment]:
        """Every funding payment of an account, newest first."""
        return [paid for paid in reversed(self._clearing.payments) if paid.account == account]

    def positions(self, account: str) -> list[PaperPosition]:
        """Positions that are not flat."""
        return self._clearing.positions(account, self.now_ns())

    def summary(self, account: str) -> PaperSummary:
        """The account's money."""
        return self._clearing.summary(account, self.now_ns())
