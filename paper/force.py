"""What happens to an account without its asking: liquidations, somebody's fill, a withdrawal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from paper.book import OrderBook, Working
from paper.clearing import Clearing
from paper.matching import Matcher
from paper.orders import ExchangeListener, OrderRequest, PaperOrder, PaperPosition, Reason, Status
from paper.registry import OrderRegistry
from venues.model import Instrument, Side, TimeInForce


class Force:
    """Acts in one venue's books and accounts; ``publish`` tells of the book afterwards."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        books: Mapping[str, OrderBook],
        orders: OrderRegistry,
        clearing: Clearing,
        matcher: Matcher,
        listeners: list[ExchangeListener],
        publish: Callable[[str, int], None],
    ) -> None:
        self._instruments = instruments
        self._books = books
        self._orders = orders
        self._clearing = clearing
        self._matcher = matcher
        self._listeners = listeners
        self._publish = publish

    def close_positions(
        self, account: str, now_ns: int, part: Decimal, reason: Reason, *, untold: bool = False
    ) -> None:
        """Close ``part`` of every position at market, by force."""
        for position in self._clearing.positions(account, now_ns):
            size = self._part(position.symbol, abs(position.size), part)
            self._close(position, size, now_ns, reason, untold)

    def take(self, orders: Sequence[PaperOrder], part: Decimal, pieces: int, now_ns: int) -> None:
        """Somebody takes ``part`` of what is left of resting orders, past all others in the book.

        Of each in so many ``pieces``, one after the other of all of them.
        """
        taken = [(order.request.symbol, self._orders.working(order)) for order in orders]
        resting = [(symbol, working) for symbol, working in taken if working is not None]
        left = [self._part(symbol, working.left, part) for symbol, working in resting]
        for number in range(pieces, 0, -1):
            for place, (symbol, working) in enumerate(resting):
                if left[place]:
                    size = self._part(symbol, left[place], Decimal(1) / number)
                    self._matcher.take(working, size, self._books[symbol], now_ns)
                    left[place] -= size
        for symbol in {symbol for symbol, _ in resting}:
            self._publish(symbol, now_ns)

    def _close(
        self, position: PaperPosition, size: Decimal, now_ns: int, reason: Reason, untold: bool
    ) -> None:
        request = OrderRequest(
            account=position.account,
            symbol=position.symbol,
            side=Side.towards(-position.size),
            size=size,
            price=None,
            time_in_force=TimeInForce.IOC,
            untold=untold,
        )
        order = PaperOrder(self._orders.next_id(), request, now_ns)
        order.reason = reason
        self._orders.add(order)
        for listener in self._listeners:
            listener.order_accepted(order)
        working = Working(request.account, request.side, None, request.size, order)
        self._matcher.run(working, self._books[position.symbol], now_ns, forced=True)
        if order.status.live:
            self._matcher.end(working, Status.CANCELLED, reason, now_ns)
        self._publish(position.symbol, now_ns)

    def _part(self, symbol: str, size: Decimal, part: Decimal) -> Decimal:
        """A part of a size, of at least one step, in whole steps."""
        instrument = self._instruments[symbol]
        return min(size, max(instrument.step, instrument.floor_size(size * part)))
