"""A venue in a few lines: it executes IOC orders as it likes, and its records are the truth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from paper.records import Accepted, AnyRecord, Ended, Filled
from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Trouble
from tests.support.trading import SECOND_NS
from venues.model import (
    ZERO,
    Fill,
    Instrument,
    MarketMode,
    NewOrder,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    Side,
    TimeInForce,
)

News = OrderUpdate | Fill | Position
RESTRICTED = "the market takes only what reduces"

_FEE = Decimal("0.0005")
_HALF_SPREAD = Decimal("0.05")
_DEPTH = Decimal(10)


class VenueOrder:
    """An order the venue accepted."""

    def __init__(
        self, number: int, new: NewOrder, visible_s: float, *, forced: bool = False
    ) -> None:
        self.number = number
        self.new = new
        self.forced = forced
        self.status = OrderStatus.OPEN
        self.executed = ZERO
        self.visible_s = visible_s

    @property
    def client_order_id(self) -> int | None:
        """Ours, or nobody's."""
        return None if self.forced else self.new.client_order_id

    def update(self, venue: str) -> OrderUpdate:
        """As the venue tells of it."""
        return OrderUpdate(
            venue=venue, symbol=self.new.symbol, client_order_id=self.client_order_id,
            venue_order_id=str(self.number), status=self.status, executed=self.executed,
            size=self.new.size, side=self.new.side,
        )  # fmt: skip


class SimVenue:
    """The truth of one venue. ``tell`` is given every piece of private news as it happens."""

    def __init__(
        self,
        instrument: Instrument,
        schedule: Schedule,
        trouble: Trouble,
        records: list[AnyRecord],
        mid: Callable[[], Decimal],
    ) -> None:
        self.name = instrument.venue
        self.instrument = instrument
        self.position = ZERO
        self.by_hand = ZERO
        self.forced = ZERO
        self.mode = MarketMode.NORMAL
        self.refuses = ""  # every order, with these words
        self.tell: Callable[[News], None] = lambda news: None
        self._schedule = schedule
        self._trouble = trouble
        self._records = records
        self._mid = mid
        self._orders: list[VenueOrder] = []
        self._fills: list[tuple[float, Fill]] = []
        self._quote: Quote | None = None

    # -- what a client may ask ---------------------------------------------------------------------

    def quote(self) -> Quote:
        """Best bid and ask now."""
        mid = self._mid()
        if self._quote is None or self._quote.bid != mid - _HALF_SPREAD:
            self._quote = Quote(
                venue=self.name, symbol=self.instrument.symbol, bid=mid - _HALF_SPREAD,
                bid_size=_DEPTH, ask=mid + _HALF_SPREAD, ask_size=_DEPTH,
                event_ns=self._schedule.now_ns,
            )  # fmt: skip
        return self._quote

    def find(self, client_order_id: int) -> OrderUpdate | None:
        """The order, once the venue's queries know it."""
        for order in self._orders:
            known = order.visible_s <= self._schedule.now_s
            if order.new.client_order_id == client_order_id and known:
                return order.update(self.name)
        return None

    def open_orders(self) -> tuple[OrderUpdate, ...]:
        """What is live and known to the queries."""
        now_s = self._schedule.now_s
        live = [o for o in self._orders if not o.status.terminal and o.visible_s <= now_s]
        return tuple(order.update(self.name) for order in live)

    def fills(self, since_ns: int) -> tuple[Fill, ...]:
        """The history, as far as it has come."""
        now_s = self._schedule.now_s
        return tuple(f for at_s, f in self._fills if at_s <= now_s and f.event_ns >= since_ns)

    @property
    def our_fills(self) -> tuple[Fill, ...]:
        """Everything that our orders executed."""
        return tuple(fill for _, fill in self._fills if not fill.forced)

    @property
    def cash(self) -> Decimal:
        """What everything that it executed has come to, after fees."""
        return sum((-fill.signed_size * fill.price - fill.fee for _, fill in self._fills), ZERO)

    def positions(self) -> tuple[Position, ...]:
        """The position, if there is one."""
        symbol = self.instrument.symbol
        held = Position(venue=self.name, symbol=symbol, size=self.position)
        return (held,) if self.position else ()

    def trade_by_hand(self, signed: Decimal) -> None:
        """Somebody else moves the position: no order of ours, and no news of it."""
        self.position += signed
        self.by_hand += signed

    def force(self, share: Decimal, *, told: bool) -> None:
        """The venue closes so much of the position; ``told``: the feed says so, not only that it is
        another one now."""
        size = self.instrument.floor_size(abs(self.position) * share)
        if not size:
            return
        self.cancel_all()
        side = Side.towards(-self.position)
        new = NewOrder(
            symbol=self.instrument.symbol, side=side, size=size, price=self._mid(),
            time_in_force=TimeInForce.IOC, client_order_id=0, expires_ns=self._schedule.now_ns,
        )  # fmt: skip
        order = VenueOrder(len(self._orders) + 1, new, float("inf"), forced=True)
        self._orders.append(order)
        self._record_accepted(order)
        self.forced += size * side.sign
        tell, self.tell = self.tell, self.tell if told else self._only_positions(self.tell)
        self._fill(order, size, self._mid())
        self.tell = tell
        order.status = OrderStatus.FILLED

    def _only_positions(self, tell: Callable[[News], None]) -> Callable[[News], None]:
        return lambda news: tell(news) if isinstance(news, Position) else None

    def place(self, new: NewOrder) -> VenueOrder | str:
        """Accept an order and begin to execute it, or say why not."""
        if not (self.mode.opens or (new.reduce_only and self.mode.reduces)):
            return RESTRICTED
        if self.refuses:
            return self.refuses
        if self._schedule.now_ns > new.expires_ns:
            return "expired"
        new_position = self.position + new.size * new.side.sign
        if new.reduce_only and abs(new_position) >= abs(self.position):
            return "would not reduce"
        touch = self.quote().touch(new.side)
        crosses = (new.price - touch) * new.side.sign >= 0
        if new.post_only and crosses:
            return "would match"
        order = VenueOrder(len(self._orders) + 1, new, self._visible_s(self._trouble.order_lag_s))
        self._orders.append(order)
        self._record_accepted(order)
        if new.time_in_force is TimeInForce.GTC:
            self._rest(order)
            return order
        parts = self._parts(new.size) if crosses else []
        self._execute(order, parts, touch)
        return order

    def cancel(self, client_order_id: int) -> str:
        """Take a cancel for processing, or say why not. What rests may execute until it is done."""
        for order in self._orders:
            if order.new.client_order_id == client_order_id and not order.status.terminal:
                delay_s = self._schedule.random.uniform(0.001, 0.3)
                self._schedule.after(delay_s, partial(self._end_rest, order), ours=False)
                return ""
        return "no such order"

    def cancel_all(self) -> None:
        """Whoever placed what rests has not been heard of."""
        for order in self._orders:
            if order.new.time_in_force is TimeInForce.GTC:
                self._end_rest(order)

    # -- what it does ------------------------------------------------------------------------------

    def _parts(self, size: Decimal) -> list[Decimal]:
        if self._schedule.chance(self._trouble.miss):
            return []
        if not self._schedule.chance(self._trouble.partial):
            return [size]
        lots = int(size / self.instrument.step)
        count = self._schedule.random.randint(1, 4)
        shares = [self._schedule.random.randint(0, lots // count) for _ in range(count)]
        return [share * self.instrument.step for share in shares if share]

    def _rest(self, order: VenueOrder) -> None:
        """It executes bit by bit while it is there, or not at all, and has its own end."""
        for part in self._parts(order.new.size):
            at_s = self._schedule.random.uniform(0.01, 1.2)
            self._schedule.after(at_s, partial(self._meet, order, part), ours=False)
        left_s = (order.new.expires_ns - self._schedule.now_ns) / SECOND_NS
        self._schedule.after(left_s, lambda: self._end_rest(order), ours=False)
        self.tell(order.update(self.name))

    def _meet(self, order: VenueOrder, size: Decimal) -> None:
        if order.new.reduce_only:
            size = min(size, max(ZERO, -self.position * order.new.side.sign))
        if size and not order.status.terminal:
            self._fill(order, size, order.new.price)
            if order.executed == order.new.size:
                self._end(order, OrderStatus.FILLED)

    def _end_rest(self, order: VenueOrder) -> None:
        if not order.status.terminal:
            self._end(order, OrderStatus.CANCELLED)

    def _execute(self, order: VenueOrder, parts: list[Decimal], touch: Decimal) -> None:
        """One part now, the others a moment later each; then the rest of the order is gone."""
        if order.new.reduce_only and parts:
            parts[0] = min(parts[0], abs(self.position))
        if parts and parts[0]:
            self._fill(order, parts[0], touch)
        if order.executed == order.new.size:
            self._end(order, OrderStatus.FILLED)
        elif len(parts) <= 1:
            self._end(order, OrderStatus.CANCELLED)
        else:
            rest = parts[1:]
            self._schedule.after(0.002, lambda: self._execute(order, rest, touch), ours=False)

    def _fill(self, order: VenueOrder, size: Decimal, price: Decimal) -> None:
        new = order.new
        order.executed += size
        self.position += size * new.side.sign
        trade = len(self._fills) + 1
        fill = Fill(
            venue=self.name, symbol=new.symbol, trade_id=str(trade),
            venue_order_id=str(order.number), client_order_id=order.client_order_id, side=new.side,
            size=size, price=price, fee=size * price * _FEE, maker=False,
            event_ns=self._schedule.now_ns, forced=order.forced,
        )  # fmt: skip
        self._fills.append((self._visible_s(self._trouble.lag_s), fill))
        self._records.append(
            Filled(
                **self._moment(), venue=self.name, account="main", symbol=new.symbol,
                order_id=order.number, client_order_id=order.client_order_id, trade_id=trade,
                side=new.side, size=size, price=price, fee=fill.fee, maker=False,
                mark=self._mid(), forced=order.forced,
            )
        )  # fmt: skip
        self.tell(fill)
        self.tell(Position(venue=self.name, symbol=new.symbol, size=self.position))
        if order.executed < new.size:
            self.tell(order.update(self.name))

    def _end(self, order: VenueOrder, status: OrderStatus) -> None:
        order.status = status
        self._records.append(
            Ended(
                **self._moment(), venue=self.name, account="main", symbol=order.new.symbol,
                order_id=order.number, client_order_id=order.new.client_order_id,
                status=status.value, reason="", executed=order.executed,
            )
        )  # fmt: skip
        self.tell(order.update(self.name))

    def _record_accepted(self, order: VenueOrder) -> None:
        new = order.new
        self._records.append(
            Accepted(
                **self._moment(), venue=self.name, account="main", symbol=new.symbol,
                order_id=order.number, client_order_id=order.client_order_id, nonce=str(new.nonce),
                side=new.side, size=new.size, price=new.price, time_in_force=new.time_in_force,
                post_only=new.post_only, reduce_only=new.reduce_only, expires_ns=new.expires_ns,
                forced=order.forced,
            )
        )  # fmt: skip

    def _moment(self) -> dict[str, int]:
        now_ns = self._schedule.now_ns
        return {"at_ns": now_ns, "utc_ns": now_ns}

    def _visible_s(self, lag_s: float) -> float:
        return self._schedule.now_s + (self._schedule.random.uniform(0, lag_s) if lag_s else 0)
