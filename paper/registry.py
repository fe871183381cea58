"""Every order that a paper venue ever accepted, and which of them are live."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from paper.book import Working
from paper.orders import PaperFill, PaperOrder
from venues.model import ZERO, Side


class OrderRegistry:
    """Orders by id, by account and by client order id; those that rest, and when they expire.

    Order ids count from ``first_id`` + 1.
    """

    def __init__(self, first_id: int) -> None:
        self._first_id = first_id
        self._orders: dict[int, PaperOrder] = {}
        self._of_account: dict[str, list[PaperOrder]] = defaultdict(list)
        self._fills: dict[str, list[PaperFill]] = defaultdict(list)
        self._of_client: dict[tuple[str, int], PaperOrder] = {}
        self._resting: dict[int, Working] = {}
        self._expiries: list[tuple[int, int]] = []

    def next_id(self) -> int:
        """The id of the next order."""
        return self._first_id + len(self._orders) + 1

    def add(self, order: PaperOrder) -> None:
        """Remember an accepted order for good."""
        request = order.request
        self._orders[order.order_id] = order
        self._of_account[request.account].append(order)
        if request.client_order_id is not None:
            self._of_client[request.account, request.client_order_id] = order
        if request.expires_ns:
            heapq.heappush(self._expiries, (request.expires_ns, order.order_id))

    def rest(self, working: Working) -> None:
        """An order entered the book."""
        if working.order is not None:
            self._resting[working.order.order_id] = working

    def leave(self, working: Working) -> None:
        """An order left the book."""
        if working.order is not None:
            self._resting.pop(working.order.order_id, None)

    def add_fill(self, fill: PaperFill) -> None:
        """Remember a fill for good."""
        self._fills[fill.account].append(fill)

    def find(
        self, account: str, order_id: int | None, client_order_id: int | None
    ) -> PaperOrder | None:
        """Any order of the account; the newest under that client order id."""
        if order_id is not None:
            order = self._orders.get(order_id)
            return order if order is not None and order.request.account == account else None
        if client_order_id is None:
            return None
        return self._of_client.get((account, client_order_id))

    def working(self, order: PaperOrder | None) -> Working | None:
        """The order in the book, None when it does not rest."""
        return None if order is None else self._resting.get(order.order_id)

    def resting(self, account: str, symbol: str | None = None) -> list[Working]:
        """What rests for an account, oldest first."""
        return [
            working
            for working in self._resting.values()
            if working.account == account
            and working.order is not None
            and symbol in (None, working.order.request.symbol)
        ]

    def open_sizes(self, account: str, symbol: str) -> tuple[Decimal, Decimal]:
        """What an account's resting orders may still buy and sell; reduce-only ones excepted."""
        buys = sells = ZERO
        for working in self.resting(account, symbol):
            if working.order is not None and working.order.request.reduce_only:
                continue
            if working.side is Side.BUY:
                buys += working.left
            else:
                sells += working.left
        return buys, sells

    def due(self, now_ns: int) -> Iterator[Working]:
        """Resting orders whose time is over."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            _, order_id = heapq.heappop(self._expiries)
            working = self._resting.get(order_id)
            if working is not None:
                yield working

    def history(self, account: str, symbol: str | None) -> list[PaperOrder]:
        """Every order of an account, newest first."""
        orders = reversed(self._of_account.get(account, []))
        return [order for order in orders if symbol in (None, order.request.symbol)]

    def fills(self, account: str, symbol: str | None) -> list[PaperFill]:
        """Every fill of an account, newest first."""
        fills = reversed(self._fills.get(account, []))
        return [fill for fill in fills if symbol in (None, fill.symbol)]
