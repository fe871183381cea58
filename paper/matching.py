"""Price-time matching of one order against one book, and who is told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from paper.book import OrderBook, Working
from paper.clearing import BACKGROUND, Clearing
from paper.orders import (
    ExchangeListener,
    OrderRequest,
    PaperFill,
    PaperOrder,
    Reason,
    SelfTrade,
    Status,
)
from paper.registry import OrderRegistry
from venues.model import ZERO, TimeInForce

Match = Callable[["Matcher", Working, OrderBook, int], None]
"""Matches an order against a book at a moment: ``Matcher.run``, or something in its place."""


class Matcher:
    """Executes orders against each other, in one venue's books and accounts.

    Taker serials count from ``first_serial`` + 1; trade ids count the trades of a contract.
    """

    def __init__(
        self,
        orders: OrderRegistry,
        clearing: Clearing,
        listeners: list[ExchangeListener],
        mark_of: Callable[[str], Decimal],
        first_serial: int,
    ) -> None:
        self._orders = orders
        self._clearing = clearing
        self._listeners = listeners
        self._mark_of = mark_of
        self._serial = first_serial
        self._trade_ids: dict[str, int] = defaultdict(int)
        self.last_trades: dict[str, PaperFill] = {}

    def run(
        self, taker: Working, book: OrderBook, now_ns: int, *, forced: bool = False,
        most: Decimal | None = None, piece: Decimal | None = None,
    ) -> None:  # fmt: skip
        """Match ``taker`` for as long as it crosses the book and is live.

        ``most`` is how much of it may be executed, ``piece`` how much by one match.
        """
        self._serial += 1
        match = 0
        allowed = taker.left if most is None else most
        while taker.left and allowed and self._trim(taker, None, now_ns):
            maker = book.best(taker.side.opposite)
            if maker is None or maker.price is None or not taker.crosses(maker.price):
                return
            if maker.account == taker.account and taker.order is not None:
                self._self_trade(taker, taker.order, maker, book, now_ns)
            elif self._trim(maker, book, now_ns):
                match += 1
                size = min(taker.left, maker.left, allowed, piece or allowed)
                allowed -= size
                self._execute(taker, maker, size, book, match, now_ns, forced)

    def take(self, maker: Working, size: Decimal, book: OrderBook, now_ns: int) -> None:
        """Background flow takes ``size`` of one resting order, past all others in the book."""
        self._serial += 1
        taker = Working(BACKGROUND, maker.side.opposite, maker.price, size)
        self._execute(taker, maker, size, book, 1, now_ns, forced=False)

    def fillable(self, taker: Working, book: OrderBook) -> Decimal:
        """How much of ``taker`` would execute now, at most its size."""
        found = ZERO
        for maker in book.walk(taker.side.opposite):
            if maker.price is None or not taker.crosses(maker.price) or found >= taker.left:
                break
            if maker.account != taker.account or taker.order is None:
                found += maker.left
            elif taker.order.request.self_trade is not SelfTrade.REJECT_MAKER:
                break
        return min(found, taker.left)

    def end(self, working: Working, status: Status, reason: Reason, now_ns: int) -> None:
        """An order is over; it has left the book already."""
        self._orders.leave(working)
        if working.order is not None:
            working.order.status = status
            working.order.reason = reason
            working.order.updated_ns = now_ns
            self._changed(working.order)

    def withdraw(self, working: Working, book: OrderBook, reason: Reason, now_ns: int) -> None:
        """Take a resting order out of the book and cancel it."""
        book.remove(working)
        self.end(working, Status.CANCELLED, reason, now_ns)

    def shrink(self, working: Working, order: PaperOrder, size: Decimal, now_ns: int) -> None:
        """Cut an order that is not in the book to ``size``, and tell."""
        order.size = working.left = size
        order.updated_ns = now_ns
        self._changed(order)

    def trim_resting(self, account: str, symbol: str, book: OrderBook, now_ns: int) -> None:
        """Shrink or cancel the account's resting reduce-only orders to what they can reduce."""
        for working in self._orders.resting(account, symbol):
            self._trim(working, book, now_ns)

    def _trim(self, working: Working, book: OrderBook | None, now_ns: int) -> bool:
        """Shrink a reduce-only order to the position; False when nothing is left of it.

        ``book`` is where it rests, None for a taker.
        """
        order = working.order
        if order is None or not order.request.reduce_only:
            return True
        most = self._clearing.reducible(working.account, order.request.symbol, working.side)
        if working.left <= most:
            return True
        if not most:
            if book is not None:
                book.remove(working)
            self.end(working, Status.CANCELLED, Reason.REDUCE_ONLY, now_ns)
            return False
        order.size -= working.left - most
        order.updated_ns = now_ns
        if book is not None:
            book.resize(working, most)
        working.left = most
        self._changed(order)
        return True

    def _self_trade(
        self, taker: Working, order: PaperOrder, maker: Working, book: OrderBook, now_ns: int
    ) -> None:
        mode = order.request.self_trade
        if mode is not SelfTrade.REJECT_TAKER:
            self.withdraw(maker, book, Reason.SELF_TRADE, now_ns)
        if mode is not SelfTrade.REJECT_MAKER:
            taker.left = ZERO
            self.end(taker, Status.CANCELLED, Reason.SELF_TRADE, now_ns)

    def _execute(
        self, taker: Working, maker: Working, size: Decimal, book: OrderBook, match: int,
        now_ns: int, forced: bool,
    ) -> None:  # fmt: skip
        self._trade_ids[book.symbol] += 1
        taker.left -= size
        book.resize(maker, maker.left - size)
        price = maker.price or ZERO
        for working in (taker, maker):
            if working.order is not None:
                _advance(working.order, size, price, now_ns)
        for working in (taker, maker):
            fill = self._book(working, taker, book.symbol, size, price, match, now_ns, forced)
            if working is taker:
                public = fill
        self.last_trades[book.symbol] = public
        for listener in self._listeners:
            listener.traded(public)

    def _book(
        self, working: Working, taker: Working, symbol: str, size: Decimal, price: Decimal,
        match: int, now_ns: int, forced: bool,
    ) -> PaperFill:  # fmt: skip
        """Settle one side of a match, and tell its account."""
        maker = working is not taker
        fee, rate, profit = self._clearing.trade(
            working.account, symbol, size * working.side.sign, price, maker=maker
        )
        fill = PaperFill(
            account=working.account,
            order=working.order or _background_order(working, symbol, size, now_ns),
            symbol=symbol,
            side=working.side,
            size=size,
            price=price,
            fee=fee,
            fee_rate=rate,
            maker=maker,
            realized_pnl=profit,
            mark_price=self._mark_of(symbol),
            trade_id=self._trade_ids[symbol],
            taker_serial=self._serial,
            match=match,
            now_ns=now_ns,
            forced=forced and not maker,
        )
        if working.order is not None:
            self._tell(working, working.order, fill)
        return fill

    def _tell(self, working: Working, order: PaperOrder, fill: PaperFill) -> None:
        self._orders.add_fill(fill)
        position = self._clearing.position(fill.account, fill.symbol, fill.now_ns)
        for listener in self._listeners:
            listener.filled(fill)
        for listener in self._listeners:
            listener.position_changed(position)
        if not working.left:
            self._orders.leave(working)
            self._changed(order)

    def _changed(self, order: PaperOrder) -> None:
        for listener in self._listeners:
            listener.order_changed(order)


def _advance(order: PaperOrder, size: Decimal, price: Decimal, now_ns: int) -> None:
    order.executed += size
    order.executed_quote += size * price
    order.updated_ns = now_ns
    if not order.rest:
        order.status = Status.FILLED


def _background_order(working: Working, symbol: str, size: Decimal, now_ns: int) -> PaperOrder:
    """What a public trade shows of a background order: no id, no account."""
    request = OrderRequest(
        account=BACKGROUND,
        symbol=symbol,
        side=working.side,
        size=size,
        price=working.price,
        time_in_force=TimeInForce.IOC,
    )
    return PaperOrder(0, request, now_ns)
