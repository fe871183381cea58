"""One order, and everything heard of it: what we did, and what the venue says.

Its state follows the table in ``trading.transitions``. Executed quantity never comes from a state:
it is the largest cumulative figure any message gave, or the sum of distinct fills if that is more,
and it may still grow after a terminal state (a late fill happens). A message that contradicts
itself, or what is known, ends nothing: its quantity counts, and the order is *disputed* until the
venue agrees.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from trading.cancel_progress import CancelProgress
from trading.fill_tally import FillTally
from trading.transitions import NEXT, UNRESOLVED_ROWS, IllegalTransition, OrderEvent, OrderState
from venues.errors import KeyRefusal
from venues.model import ZERO, Fill, NewOrder, OrderStatus, OrderUpdate, Refusal, TimeInForce

_SECOND_NS: Final = 1_000_000_000


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """What others may know of an order: cumulative, so that a repeated view changes nothing.

    ``quote_amount`` is the sum of price times size of what executed. ``fees`` (positive: paid) and
    ``quote_amount`` are exact once ``fills_complete``. ``received_s`` is the monotonic moment at
    which the message behind this view was read from its socket, ``sent_s`` that of our write.
    ``refusal`` is why the venue did not execute all of it, where its code says so.
    ``key_refusal``: the venue refused it over our key. ``reason_follows``: it is over, and the
    venue has yet to say why.
    """

    client_order_id: int
    symbol: str
    size: Decimal
    signed_executed: Decimal
    quote_amount: Decimal
    fees: Decimal
    state: OrderState
    reason: str
    fills_complete: bool
    received_s: float = 0.0
    sent_s: float = 0.0
    refusal: Refusal | None = None
    key_refusal: KeyRefusal | None = None
    reason_follows: bool = False
    fills: int = 0


class Order:
    """One order and everything heard of it. Pure; its owner is the order manager."""

    def __init__(self, new: NewOrder) -> None:
        self.new = new
        self.state = OrderState.INTENDED
        self.venue_order_id = ""
        self.reason = ""
        self.refusal: Refusal | None = None
        self.key_refusal: KeyRefusal | None = None
        self._reason_follows: bool | None = None  # None: nobody has said that it is over
        self.fills: dict[tuple[str, str, str], Fill] = {}
        self._tally, self._told_twice = FillTally(), 0
        self.filled_by_fills = ZERO  # sum of the distinct fills seen; so are the next two
        self._fees = ZERO
        self._fills_amount = ZERO
        self.sent_s = 0.0
        self.handed_s = float("-inf")  # it was not written before; unknown in a later life
        self.decided_s: float | None = None
        self.adds_risk = False
        self.disputed = ""
        self.cancel = CancelProgress()
        self._whole = new.size
        self._over_s: float | None = None
        self._reported = ZERO
        self._reported_ns = 0
        self._reported_price: Decimal | None = None

    @property
    def client_order_id(self) -> int:
        """Our id of it."""
        return self.new.client_order_id

    @property
    def executed(self) -> Decimal:
        """Cumulative executed size: the most that any evidence shows."""
        return max(self._reported, self.filled_by_fills)

    @property
    def fills_complete(self) -> bool:
        """True when the fills seen add up to what executed: fees and prices are exact."""
        return self.filled_by_fills == self.executed

    @property
    def may_lack_fills(self) -> bool:
        """True while there may be fills that we have not seen."""
        return not (self.state.resolved and self.fills_complete)

    def over_s(self, now_s: float) -> float:
        """The monotonic moment from which the venue executes no more of it.

        Its lifetime counts from our write or, where that is not known, from its decision, or else
        from the first time that this is asked, which is later.
        """
        if self._over_s is None:
            begin_s = now_s if self.decided_s is None else self.decided_s
            self._over_s = (self.sent_s or begin_s) + self.lifetime_s
        return self._over_s

    @property
    def known_to_venue(self) -> bool:
        """True once the venue has said that it rests, or that anything of it has executed."""
        return bool(self.executed) or self.cancel.seen_live_s > float("-inf")

    @property
    def lifetime_s(self) -> float:
        """How long after its decision it may execute."""
        return max(0.0, (self.new.expires_ns - self.new.created_ns) / _SECOND_NS)

    def note_earlier_run(self, now_s: float, now_ns: int) -> None:
        """It is from a process that is gone; ``now_ns`` (UTC) tells how much of its life is left.

        Only the UTC clock lasts longer than a process. It may have jumped: what is left is never
        more than the whole, and what is past counts for a minute at most.
        """
        left_s = (self.new.expires_ns - now_ns) / _SECOND_NS
        self._over_s = now_s + max(-60.0, min(self.lifetime_s, left_s))

    @property
    def rests(self) -> bool:
        """True while it may rest at the venue until somebody ends it."""
        waits = self.state in (OrderState.INTENDED, OrderState.NOT_SENT)
        return self.new.time_in_force is TimeInForce.GTC and not (waits or self.state.resolved)

    def happen(self, event: OrderEvent) -> bool:
        """Move by the table; True when the state changed. Raises IllegalTransition.

        After a resolved state only repetitions and late news come; they change no state, and the
        executed quantity, which may have grown, is what counts.
        """
        if self.state.resolved:
            if event in (OrderEvent.SEND, OrderEvent.WITHHOLD, OrderEvent.REQUEST_CANCEL):
                raise IllegalTransition(self.client_order_id, self.state, event)
            # A refusal that overtook the fill it contradicts: the quantity decides.
            if self.state is OrderState.NOT_SENT and event in UNRESOLVED_ROWS:
                raise IllegalTransition(self.client_order_id, self.state, event)
            return False
        state = NEXT.get((self.state, event))
        if state is None:
            raise IllegalTransition(self.client_order_id, self.state, event)
        changed = state is not self.state
        self.state = state
        return changed

    def apply_update(self, update: OrderUpdate) -> bool:
        """Take in what the venue says of the order; True when anything changed.

        What contradicts itself or our knowledge leaves the state, and ``disputed`` says what it is.
        """
        before = self._standing
        if update.venue_order_id:
            self.venue_order_id = update.venue_order_id
        if update.size is not None and self.new.reduce_only and update.size >= self.filled_by_fills:
            # The venue shrinks it with its position. The latest word counts: one may be wrong.
            self._whole = min(update.size, self.new.size)
        self.disputed = contradiction(update, self)
        # More than there is to execute is a figure that nobody may act on: fills have to show it.
        if self._reported <= update.executed <= self._whole:
            self._reported = update.executed
            self._reported_ns = update.event_ns
            self._reported_price = update.average_price or self._reported_price
        if update.reason:
            self.reason = update.reason
        if update.refusal is not Refusal.ID_TAKEN:
            self.refusal = update.refusal or self.refusal
        self.key_refusal = update.key_refusal or self.key_refusal
        if update.status.terminal and self._reason_follows is not False:
            self._reason_follows = update.reason_follows
        event = None if self.disputed else _event_of(update, self.executed)
        if event is not None:
            self.happen(event)
        return before != self._standing

    def apply_fill(self, fill: Fill) -> bool:
        """Count a fill once, by its key; True when it was new."""
        if fill.key in self.fills:
            return False
        self.fills[fill.key] = fill
        if not self._tally.is_new(fill):
            self._told_twice += 1
            return False
        self.filled_by_fills += fill.size
        self._fees += fill.fee
        self._fills_amount += fill.price * fill.size
        if fill.venue_order_id:
            self.venue_order_id = fill.venue_order_id
        if self.state is OrderState.NOT_SENT:
            self.disputed = _NEVER_SENT
        elif self.executed > self._whole:
            self.disputed = f"executed {self.executed} of {self._whole}"
        if not self.state.resolved:
            whole = self.executed == self._whole
            self.happen(OrderEvent.FILL if whole else OrderEvent.PART_FILL)
        return True

    @property
    def _standing(self) -> tuple[object, ...]:
        """What others are told of when it changes."""
        return self.state, self.executed, self.disputed, self.refusal, self._reason_follows

    @property
    def whole(self) -> Decimal:
        """The size that can execute: what was ordered, or less where the venue has shrunk it."""
        return self._whole

    def reported_before(self, event_ns: int) -> bool:
        """True when the largest figure so far was reported clearly earlier, by the venue's clock.

        Clearly: in some messages that time is the event's, in others that of the order's creation.
        """
        return 0 < self._reported_ns < event_ns - _SECOND_NS

    def view(self, received_s: float = 0.0) -> OrderView:
        """The order as others may know it."""
        return OrderView(
            client_order_id=self.client_order_id,
            symbol=self.new.symbol,
            size=self.new.size,
            signed_executed=self.executed * self.new.side.sign,
            quote_amount=self._quote_amount(),
            fees=self._fees,
            state=self.state,
            reason=self.reason,
            fills_complete=self.fills_complete,
            received_s=received_s,
            sent_s=self.sent_s,
            fills=len(self.fills) - self._told_twice,
            refusal=self.refusal if self._cut_short else None,
            key_refusal=None if self.executed else self.key_refusal,
            reason_follows=self._cut_short and bool(self._reason_follows),
        )

    @property
    def _cut_short(self) -> bool:
        return self.state.resolved and self.executed < self.new.size

    def _quote_amount(self) -> Decimal:
        missing = self.executed - self.filled_by_fills
        if not missing:
            return self._fills_amount
        if self._reported_price is not None and self.executed == self._reported:
            return self._reported_price * self._reported
        return self._fills_amount + missing * self.new.price


_NEVER_SENT: Final = "known to the venue, and never sent by us"


def contradiction(update: OrderUpdate, order: Order) -> str:
    """What can not be true in ``update`` given ``order``, in words; "" when all of it can.

    A smaller quantity than known is no contradiction in a message that may just be late.
    """
    known = order.executed
    executed = max(update.executed, known)
    if order.state is OrderState.NOT_SENT:
        return _NEVER_SENT
    if update.refusal is Refusal.ID_TAKEN:
        return "its id is said to be taken"
    if executed > order.whole:
        return f"executed {executed} of {order.whole}"
    clipped = order.new.reduce_only and executed > ZERO  # a venue may not say that it shrank it
    if update.status is OrderStatus.FILLED and executed < order.whole and not clipped:
        return f"filled with {update.executed} of {order.whole} executed"
    if update.status is OrderStatus.REJECTED and executed > ZERO:
        return f"rejected with {executed} executed"
    final = update.status.terminal or (
        update.status is OrderStatus.OPEN and order.reported_before(update.event_ns)
    )
    if final and update.executed < known:
        return f"{update.status.value} with {update.executed} executed, after {known}"
    return ""


def _event_of(update: OrderUpdate, executed: Decimal) -> OrderEvent | None:
    terminal = {
        OrderStatus.FILLED: OrderEvent.FILL,
        OrderStatus.CANCELLED: OrderEvent.CANCEL,
        OrderStatus.REJECTED: OrderEvent.REJECT,
        OrderStatus.EXPIRED: OrderEvent.EXPIRE,
    }.get(update.status)
    if terminal is not None:
        return terminal
    if executed > ZERO:
        return OrderEvent.PART_FILL
    if update.status in (OrderStatus.OPEN, OrderStatus.PENDING):
        return OrderEvent.ACCEPT
    return None  # an unknown status is not terminal, and its quantities have been counted
