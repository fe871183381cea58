"""One paper venue's engine: entry checks, matching, resting orders, liquidity, funding, time.

Everything is synchronous and belongs to one thread; the clock is injected. ``PaperExchange`` is the
``Exchange`` of paper/orders.py. A listener must not call back into the engine.

What a listener hears of one ``submit``: ``order_accepted``; per match ``filled`` and
``position_changed`` for the taker, then for the maker, then ``traded``; ``order_changed`` once for
each order that ended (FILLED included), right after its last fill, and whenever a reduce-only order
shrank; at the end one ``book_changed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from paper.background import Background
from paper.book import OrderBook, Working
from paper.checks import band, check_shape, check_value
from paper.clearing import BACKGROUND, Clearing
from paper.force import Force
from paper.matching import Match, Matcher
from paper.orders import (
    BookDelta,
    ExchangeListener,
    FundingPayment,
    OrderNotFound,
    OrderRequest,
    PaperOrder,
    Reason,
    Refused,
    Status,
    Ticker,
)
from paper.readings import Readings
from paper.registry import OrderRegistry
from paper.settings import VenueSettings
from venues.model import ZERO, Book, Instrument, Level, Side, TimeInForce

_NS_PER_US = 1_000
_NS_PER_S = 1_000_000_000
_REMAINDER = {TimeInForce.IOC: Reason.IOC, TimeInForce.FOK: Reason.FOK}


class PaperExchange(Readings):
    """A venue that matches. ``accounts`` may trade; ``clock`` gives UTC nanoseconds.

    Call ``tick`` regularly: expiries, the background's next step, funding and liquidations happen
    there. ``on_funding`` hears each payment of an account, ``on_cancel`` of each order that a
    front-end has been asked to cancel.
    """

    def __init__(
        self,
        venue: str,
        instruments: Sequence[Instrument],
        accounts: Sequence[str],
        settings: VenueSettings,
        background: Background,
        clock: Callable[[], int],
        on_funding: Callable[[FundingPayment], None] | None = None,
        on_cancel: Callable[[PaperOrder], None] | None = None,
    ) -> None:
        self.venue = venue
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._settings = settings
        self._background = background
        self._clock = clock
        self._offset_ns: Callable[[], int] = int
        self._on_funding = on_funding
        self._on_cancel = on_cancel
        self._listeners: list[ExchangeListener] = []
        self._books = {symbol: OrderBook(symbol) for symbol in self._instruments}
        # As at a real venue, no order id of an earlier run comes again: less than one is used a µs.
        first_id = clock() // _NS_PER_US
        self._orders = OrderRegistry(first_id)
        self._clearing = Clearing(settings, accounts, self._orders, background.mark)
        self._matcher = Matcher(
            self._orders, self._clearing, self._listeners, background.mark, first_id
        )
        self._match: Match = Matcher.run
        self._force = Force(
            self._instruments, self._books, self._orders, self._clearing, self._matcher,
            self._listeners, self._publish,
        )  # fmt: skip
        self._offers: dict[str, dict[tuple[Side, Decimal], Working]] = {
            symbol: {} for symbol in self._instruments
        }
        self._background.advance(clock())
        for symbol in self._books:
            self._refresh(symbol, clock())
        self._clearing.fund(clock())

    @property
    def instruments(self) -> Sequence[Instrument]:
        """All listed contracts."""
        return tuple(self._instruments.values())

    @property
    def accounts(self) -> Sequence[str]:
        """The accounts that may trade."""
        return tuple(self._clearing.names)

    def instrument(self, symbol: str) -> Instrument:
        """One contract; raises Refused(UNKNOWN_INSTRUMENT)."""
        found = self._instruments.get(symbol)
        if found is None:
            raise Refused(Reason.UNKNOWN_INSTRUMENT, symbol)
        return found

    def now_ns(self) -> int:
        """The venue's UTC clock, which a fault may have put wrong."""
        return self._clock() + self._offset_ns()

    def set_clock_offset(self, offset_ns: Callable[[], int]) -> None:
        """The venue's clock is ahead by what this says; prices and funding keep to true time."""
        self._offset_ns = offset_ns

    def add_listener(self, listener: ExchangeListener) -> None:
        """Hear everything from now on, after the listeners that were added before."""
        self._listeners.append(listener)

    def check(self, request: OrderRequest) -> None:
        """Raise Refused for everything that is refused at entry; no side effect."""
        self._check_entry(request)
        late = self._late_refusal(request)
        if late is not None:
            raise Refused(late)

    def submit(self, request: OrderRequest) -> PaperOrder:
        """Accept and match at once; raises Refused."""
        now_ns = self.now_ns()
        self._expire(now_ns)
        self._check_entry(request)
        late = self._late_refusal(request)
        if late is not None and not self._settings.late_rejects:
            raise Refused(late)
        order, working = self._accept(request, now_ns)
        if late is not None:
            self._matcher.end(working, Status.REJECTED, late, now_ns)
        elif 0 < request.expires_ns <= now_ns:
            self._matcher.end(working, Status.CANCELLED, Reason.EXPIRED, now_ns)
        else:
            self._work(working, order, now_ns)
        self._publish(request.symbol, now_ns)
        return order

    def cancel_asked(self, *orders: PaperOrder) -> None:
        """An account wants these live orders cancelled."""
        for order in orders:
            if self._on_cancel is not None:
                self._on_cancel(order)

    def cancel(
        self, account: str, symbol: str | None, *, order_id: int | None = None,
        client_order_id: int | None = None, reason: Reason = Reason.CLIENT_CANCEL,
    ) -> PaperOrder:  # fmt: skip
        """End one live order; raises OrderNotFound when it is not resting."""
        now_ns = self.now_ns()
        self._expire(now_ns)
        order = self._orders.find(account, order_id, client_order_id)
        working = self._orders.working(order)
        if order is None or working is None or symbol not in (None, order.request.symbol):
            raise OrderNotFound(account, order_id, client_order_id)
        self._withdraw(working, order, reason, now_ns)
        return order

    def cancel_all(
        self, account: str, symbol: str | None, reason: Reason = Reason.CLIENT_CANCEL_ALL
    ) -> list[PaperOrder]:
        """End all live orders of an account (of one contract when given)."""
        now_ns = self.now_ns()
        self._expire(now_ns)
        cancelled = self.open_orders(account, symbol)
        for working in self._orders.resting(account, symbol):
            if working.order is not None:
                self._withdraw(working, working.order, reason, now_ns)
        return cancelled

    def matched_by(self, run: Match) -> None:
        """``run`` matches each accepted order from now on."""
        self._match = run

    def liquidate(
        self, account: str, part: Decimal, reason: Reason = Reason.LIQUIDATION, *, untold: bool
    ) -> None:
        """Cancel everything, and close ``part`` of every position at market, by force."""
        self.cancel_all(account, None, Reason.LIQUIDATION)
        self._force.close_positions(account, self.now_ns(), part, reason, untold=untold)

    def take_resting(self, orders: Sequence[PaperOrder], part: Decimal, pieces: int = 1) -> None:
        """Somebody takes ``part`` of what is left of resting orders, in turns; not of gone ones."""
        self._force.take(orders, part, pieces, self.now_ns())

    def set_leverage(self, leverage: int) -> None:
        """Allow another leverage from now on."""
        limits = msgspec.structs.replace(self._settings.limits, leverage=leverage)
        self._settings = msgspec.structs.replace(self._settings, limits=limits)
        self._clearing.set_limits(limits)

    def withdraw(self, account: str, amount: Decimal) -> None:
        """Money leaves the account."""
        self._clearing.account(account).deposit -= amount

    def fund_in(self, in_s: float) -> None:
        """The next funding is booked in so many seconds (0: now), the others at its interval."""
        self._clearing.shift_funding(self._clock() + int(in_s * _NS_PER_S))
        if not in_s:
            self._fund()

    def stir(self, symbol: str, count: int) -> None:
        """So many updates of a book that change nothing."""
        for _ in range(count):
            self._books[symbol].say_again()
            self._publish(symbol, self.now_ns())

    def tick(self) -> None:
        """Let time pass: expiries, background liquidity, funding, liquidations."""
        now_ns = self.now_ns()
        self._expire(now_ns)
        if self._background.advance(self._clock()):
            for symbol in self._books:
                self._refresh(symbol, now_ns)
        self._fund()
        for account in self._clearing.names:
            if self._clearing.below_maintenance(account):
                self.liquidate(account, Decimal(1), untold=False)

    def _fund(self) -> None:
        """Book funding, if it is due."""
        for payment in self._clearing.fund(self._clock()):
            if self._on_funding is not None and payment.account != BACKGROUND:
                self._on_funding(payment)

    def book(self, symbol: str, depth: int) -> tuple[Book, int]:
        """The book and its last update id."""
        self.instrument(symbol)
        book = self._books[symbol]
        bids, asks = (book.levels(side, depth) for side in (Side.BUY, Side.SELL))
        now_ns = self.now_ns()
        return (
            Book(venue=self.venue, symbol=symbol, bids=bids, asks=asks, event_ns=now_ns),
            book.last_id,
        )

    def ticker(self, symbol: str) -> Ticker:
        """Prices now; a side without orders shows price and size 0."""
        book, _ = self.book(symbol, 1)
        bid = book.bids[0] if book.bids else Level(ZERO, ZERO)
        ask = book.asks[0] if book.asks else Level(ZERO, ZERO)
        last = self._matcher.last_trades.get(symbol)
        mark = self._background.mark(symbol)
        return Ticker(
            symbol=symbol,
            mark=mark,
            index=self._background.index(symbol),
            last=mark if last is None else last.price,
            last_size=ZERO if last is None else last.size,
            bid=bid.price,
            bid_size=bid.size,
            ask=ask.price,
            ask_size=ask.size,
            funding_rate=self._settings.funding.rate,
            funding_interval_s=self._settings.funding.interval_s,
            next_funding_ns=self._clearing.next_funding_ns(self._clock()),
            now_ns=book.event_ns,
        )

    def _check_entry(self, request: OrderRequest) -> None:
        instrument = self.instrument(request.symbol)
        check_shape(request, instrument)
        mark = self._background.mark(request.symbol)
        check_value(request, instrument, mark, self._settings.limits)
        live = self._orders.find(request.account, None, request.client_order_id)
        if self._orders.working(live) is not None:
            raise Refused(Reason.DUPLICATE_CLIENT_ID, str(request.client_order_id))
        self._clearing.check_margin(request)

    def _late_refusal(self, request: OrderRequest) -> Reason | None:
        if request.reduce_only and not self._clearing.reducible(
            request.account, request.symbol, request.side
        ):
            return Reason.REDUCE_ONLY
        best = self._books[request.symbol].best_price(request.side.opposite)
        if request.post_only and best is not None and _working(request).crosses(best):
            return Reason.POST_ONLY
        return None

    def _accept(self, request: OrderRequest, now_ns: int) -> tuple[PaperOrder, Working]:
        order = PaperOrder(self._orders.next_id(), request, now_ns)
        self._orders.add(order)
        for listener in self._listeners:
            listener.order_accepted(order)
        return order, _working(request, order)

    def _work(self, working: Working, order: PaperOrder, now_ns: int) -> None:
        """Match an accepted order, then rest or end what is left of it."""
        request = order.request
        book = self._books[request.symbol]
        if working.price is None:
            # A market order trades like a limit order at the edge of the price band.
            mark = self._background.mark(request.symbol)
            working.price = band(request.side, mark, self._settings.limits)
        kill = request.time_in_force is TimeInForce.FOK
        if not kill or self._matcher.fillable(working, book) == working.left:
            self._match(self._matcher, working, book, now_ns)
        self._settle(working, order, book, now_ns)
        self._trim_touched(request.symbol, now_ns)

    def _settle(self, working: Working, order: PaperOrder, book: OrderBook, now_ns: int) -> None:
        if not order.status.live:
            return
        if order.request.price is not None and order.request.time_in_force is TimeInForce.GTC:
            book.add(working)
            self._orders.rest(working)
            return
        reason = _REMAINDER.get(order.request.time_in_force, Reason.IOC)
        self._matcher.end(working, Status.CANCELLED, reason, now_ns)

    def _trim_touched(self, symbol: str, now_ns: int) -> None:
        for account in self._clearing.names:
            self._matcher.trim_resting(account, symbol, self._books[symbol], now_ns)

    def _withdraw(self, working: Working, order: PaperOrder, reason: Reason, now_ns: int) -> None:
        symbol = order.request.symbol
        self._matcher.withdraw(working, self._books[symbol], reason, now_ns)
        self._publish(symbol, now_ns)

    def _expire(self, now_ns: int) -> None:
        for working in self._orders.due(now_ns):
            if working.order is not None:
                self._withdraw(working, working.order, Reason.EXPIRED, now_ns)

    def _refresh(self, symbol: str, now_ns: int) -> None:
        """Move the background to its present levels; what they cross is traded first."""
        book, offers = self._books[symbol], self._offers[symbol]
        wanted = {
            (side, level.price): level.size
            for side in Side
            for level in self._background.levels(symbol, side)
        }
        for key in [key for key, offer in offers.items() if key not in wanted or not offer.left]:
            offer = offers.pop(key)
            if offer.left:
                book.remove(offer)
        for (side, price), size in wanted.items():
            self._offer(book, offers, side, price, size, now_ns)
        flow = self._background.flow(symbol)
        if flow is not None:
            taker = Working(BACKGROUND, flow[0], book.best_price(flow[0].opposite), flow[1])
            if taker.price is not None:
                self._matcher.run(taker, book, now_ns)
        self._trim_touched(symbol, now_ns)
        self._publish(symbol, now_ns)

    def _offer(
        self, book: OrderBook, offers: dict[tuple[Side, Decimal], Working], side: Side,
        price: Decimal, size: Decimal, now_ns: int,
    ) -> None:  # fmt: skip
        resting = offers.get((side, price))
        if resting is not None:
            book.resize(resting, size)
            return
        offer = Working(BACKGROUND, side, price, size)
        self._matcher.run(offer, book, now_ns)
        if offer.left:
            book.add(offer)
            offers[side, price] = offer

    def _publish(self, symbol: str, now_ns: int) -> None:
        changes = self._books[symbol].take_changes()
        if changes is None:
            return
        bids, asks, first_id = changes
        delta = BookDelta(
            symbol=symbol,
            bids=bids,
            asks=asks,
            first_id=first_id,
            last_id=self._books[symbol].last_id,
            now_ns=now_ns,
        )
        for listener in self._listeners:
            listener.book_changed(delta)


def _working(request: OrderRequest, order: PaperOrder | None = None) -> Working:
    return Working(request.account, request.side, request.price, request.size, order)
