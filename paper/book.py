"""One contract's order book: resting orders by price, then by time; and what changed in it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from paper.orders import PaperOrder
from venues.model import ZERO, Level, Side


class Working:
    """An order at work: the one that is matching now, or one that rests in the book.

    ``order`` is None for background liquidity. ``price`` None crosses at any price.
    """

    __slots__ = ("account", "left", "order", "price", "side")

    def __init__(
        self,
        account: str,
        side: Side,
        price: Decimal | None,
        left: Decimal,
        order: PaperOrder | None = None,
    ) -> None:
        self.account = account
        self.side = side
        self.price = price
        self.left = left
        self.order = order

    def crosses(self, price: Decimal) -> bool:
        """True when this order may trade at ``price``."""
        if self.price is None:
            return True
        return self.price >= price if self.side is Side.BUY else self.price <= price


class _Queue:
    """The orders at one price, oldest first (a dict keeps their order and drops any in O(1))."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[int, Working] = {}
        self.total = ZERO


class _HalfBook:
    """One side. ``ranks`` holds the prices best first: ask prices, or negated bid prices."""

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side is Side.BUY else 1
        self.ranks: list[Decimal] = []
        self.queues: dict[Decimal, _Queue] = {}

    def queue(self, price: Decimal) -> _Queue:
        queue = self.queues.get(price)
        if queue is None:
            queue = self.queues[price] = _Queue()
            insort(self.ranks, price * self._sign)
        return queue

    def drop_if_empty(self, price: Decimal) -> None:
        if not self.queues[price].orders:
            del self.queues[price]
            del self.ranks[bisect_left(self.ranks, price * self._sign)]

    def prices(self) -> Iterator[Decimal]:
        return (rank * self._sign for rank in self.ranks)


class OrderBook:
    """Both sides of one contract. It never matches: it keeps order and counts changes."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.last_id = 0
        self._halves = {side: _HalfBook(side) for side in Side}
        self._changed: dict[tuple[Side, Decimal], None] = {}

    def add(self, working: Working) -> None:
        """Rest an order behind all others at its price (which it has)."""
        price = _price_of(working)
        queue = self._halves[working.side].queue(price)
        queue.orders[id(working)] = working
        queue.total += working.left
        self._changed[working.side, price] = None

    def remove(self, working: Working) -> None:
        """Take a resting order out."""
        price = _price_of(working)
        half = self._halves[working.side]
        queue = half.queues[price]
        del queue.orders[id(working)]
        queue.total -= working.left
        half.drop_if_empty(price)
        self._changed[working.side, price] = None

    def resize(self, working: Working, left: Decimal) -> None:
        """Change what is left of a resting order, which keeps its place; gone at zero."""
        if left == working.left:
            return
        if not left:
            self.remove(working)
            working.left = left
            return
        price = _price_of(working)
        self._halves[working.side].queues[price].total += left - working.left
        working.left = left
        self._changed[working.side, price] = None

    def best(self, side: Side) -> Working | None:
        """The order of that side that trades next."""
        return next(self.walk(side), None)

    def best_price(self, side: Side) -> Decimal | None:
        """The best price of that side, None when it is empty."""
        return next(self._halves[side].prices(), None)

    def walk(self, side: Side) -> Iterator[Working]:
        """The orders of that side in the order in which they would trade."""
        half = self._halves[side]
        for price in half.prices():
            yield from half.queues[price].orders.values()

    def levels(self, side: Side, depth: int) -> tuple[Level, ...]:
        """The best ``depth`` levels of a side."""
        half = self._halves[side]
        best = islice(half.prices(), depth)
        return tuple(Level(price, half.queues[price].total) for price in best)

    def say_again(self) -> None:
        """Count the best bid as changed, though it has not."""
        price = self.best_price(Side.BUY)
        if price is not None:
            self._changed[Side.BUY, price] = None

    def take_changes(self) -> tuple[tuple[Level, ...], tuple[Level, ...], int] | None:
        """Bids and asks changed since the last call, and the first update id; None without any."""
        if not self._changed:
            return None
        first_id = self.last_id + 1
        self.last_id += len(self._changed)
        changed = list(self._changed)
        self._changed.clear()
        bids = tuple(self._level(*key) for key in changed if key[0] is Side.BUY)
        asks = tuple(self._level(*key) for key in changed if key[0] is Side.SELL)
        return bids, asks, first_id

    def _level(self, side: Side, price: Decimal) -> Level:
        queue = self._halves[side].queues.get(price)
        return Level(price, queue.total if queue is not None else ZERO)


def _price_of(working: Working) -> Decimal:
    if working.price is None:
        raise ValueError("a market order does not rest")
    return working.price
