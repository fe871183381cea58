"""What is known of one venue's orders, and the rules that several events share. Pure.

``trading.order_manager`` says what happens when; this is what it stands on: the orders in memory,
what the journal and the readings of the account have told, and when the venue may be given risk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from trading.absence import Absence
from trading.capabilities import Capabilities
from trading.foreign_orders import ForeignOrders
from trading.journal_mirror import JournalMirror
from trading.order_effects import (
    CancelOrder,
    Effect,
    GuardResting,
    OrderTiming,
    PublishContradiction,
    PublishOrder,
    PublishReadiness,
)
from trading.orders import Order
from trading.position_check import PositionCheck
from trading.reads import MAX_UNANSWERED, Read, Reads
from trading.transitions import OrderEvent, OrderState
from venues.model import ZERO

_SECOND_NS: Final = 1_000_000_000
MAX_CANCELS: Final = 3
_LATE_CANCEL_S: Final = 5.0
_RARE_CANCEL_S: Final = 30.0
"""Requests to cancel one order; after them it is only read, until it ends by itself."""

_LONGEST_OVERLAP: Final = 9  # doublings: from 10 s to more than an hour

_ENDED: Final = (OrderState.CANCELLED, OrderState.EXPIRED)


def _nobody_else(_client_order_id: int) -> bool:
    return False


class VenueOrders:
    """The orders of one venue. ``is_ours`` knows ids that an earlier life of us may have used.

    ``started_ns`` (epoch) and ``started_s`` (monotonic) are the same moment: the construction.
    With ``awaits_history``, nothing that adds risk is sent, and no reading of positions counts as
    settled, before ``history_loaded`` and the fills since then have been read; a journal that is
    not to be had for as long as an order can execute is gone on without: risk off only.
    """

    def __init__(
        self,
        venue: str,
        symbols: frozenset[str],
        timing: OrderTiming,
        started_ns: int,
        *,
        started_s: float = 0.0,
        awaits_history: bool = False,
        is_ours: Callable[[int], bool] = _nobody_else,
    ) -> None:
        self.venue = venue
        self.ready = False
        self.probation = False
        self.clock_trouble = ""
        self.journal_trouble = ""
        self.restriction = ""
        self._closed = False
        self.orders: dict[int, Order] = {}
        self.positions: dict[str, Decimal] | None = None
        self._symbols = symbols
        self._timing = timing
        self._started_ns = started_ns
        self._started_s = started_s
        self._is_ours = is_ours
        self._connected = False
        self._detour = False  # the gateway is away, and orders go by the venue's other route
        self._asking = False  # somebody is there to answer questions
        self._guarded = False
        self._feed_s = float("inf")  # since when the feed has told everything
        self._absences: dict[int, Absence] = {}
        self._last_fill_ns = started_ns
        self._fills_from_ns: int | None = None  # executed in earlier lives, not read yet
        self._look_again_ns: int | None = None  # the same, once histories have caught up
        self._began_s: float | None = None
        self._lists_again = True  # an order of an earlier life may rest that was not listed yet
        self._awaits_journal = awaits_history
        self._announced: PublishReadiness | None = None
        self._vain_fill_reads = 0  # in a row, while executions that we know of had no fill
        self._disputes: set[tuple[int, str]] = set()
        self._mirror = JournalMirror()
        self._reads = Reads(timing)
        self._foreign_orders = ForeignOrders(timing.drift_s)
        self._now_s = float("-inf")  # of the latest event: no younger than a poll ago
        self._check = PositionCheck(timing.drift_s)

    def unresolved(self) -> list[Order]:
        """Orders whose outcome is not known yet."""
        return [order for order in self.orders.values() if not order.state.resolved]

    def _unresolved_in(self, symbol: str) -> list[Order]:
        return [order for order in self.unresolved() if order.new.symbol == symbol]

    # -- may it have risk ---------------------------------------------------------------------

    @property
    def new_risk(self) -> bool:
        """True when the venue may be given orders that add risk."""
        return self.ready and not (self.probation or self.no_new_risk)

    @property
    def no_new_risk(self) -> str:
        """Why a venue that is ready may not be given new risk, apart from a probation."""
        if not self._history_known:
            return "what earlier runs left is not known yet"
        if self._reads.unanswered:
            return f"no answer to {MAX_UNANSWERED} reads in a row: {self._reads.unanswered}"
        detour = "orders go by the other route" if self._detour else ""
        return self.restriction or self.clock_trouble or self.journal_trouble or detour

    @property
    def can(self) -> Capabilities:
        """What can be had of the venue now, and why not what can't."""
        gone = "" if self._asking else "not connected"
        unready = "" if self.ready else "what it holds is not read yet"
        probation = "its connection is on probation" if self.probation else ""
        read_only = "" if self._connected else "read only: no connection tells of them"
        unread = self._reads.unanswered
        return Capabilities(
            submit=gone or unready or self.no_new_risk or probation,
            cancel=gone or (self.restriction if self._closed else ""),
            fills=gone or read_only,
            position=gone or (f"no answer to {unread}" if unread else unready),
        )

    @property
    def pressing(self) -> bool:
        """True while reads settle a doubt: what became of an order, or what is held."""
        waits = (OrderState.IN_DOUBT, OrderState.CANCEL_PENDING)
        doubted = any(o.state in waits or o.disputed for o in self.unresolved())
        suspected = (
            self._check.suspicious
            or self._foreign_orders.doubtful
            or self._foreign_orders.suspected
        )
        return doubted or bool(suspected) or not self.ready

    @property
    def _history_known(self) -> bool:
        return not self._awaits_journal and self._fills_from_ns is None

    @property
    def _listed_from_s(self) -> float:
        """From then on a list of what rests has all that was sent by an earlier life."""
        return float("inf") if self._began_s is None else self._began_s + self._timing.live_settle_s

    @property
    def _caught_up(self) -> bool:
        """No order of an earlier life can execute any more, and the venue's histories show all."""
        if self._began_s is None:
            return False
        return self._now_s - self._began_s >= self._timing.expiry_s + self._timing.settle_s

    def _announce(self) -> list[Effect]:
        """Say whether the venue takes orders and new risk, if that has changed."""
        if not self.ready:
            return []
        now = PublishReadiness(True, self.new_risk, self.no_new_risk)
        if now == self._announced:
            return []
        self._announced = now
        return [now]

    # -- what others are told -----------------------------------------------------------------

    def _publish(self, order: Order, received_s: float = 0.0) -> list[Effect]:
        """What is known of the order now; the journal hears of an outcome once it is all there."""
        effects: list[Effect] = [PublishOrder(order.view(received_s))]
        effects += self._dispute(order)
        if order.state.resolved:
            if order.state in _ENDED or order.executed < order.whole:
                self._reads.want(Read.FILLS)  # it may have executed until its end
            if order.fills_complete:
                effects += self._mirror.outcome(order.view())
        return effects

    def _dispute(self, order: Order) -> list[Effect]:
        known = (order.client_order_id, order.disputed)
        if not order.disputed or known in self._disputes:
            return []
        self._disputes.add(known)
        self._reads.want(Read.FILLS)
        self._absence(order).asked_s = float("-inf")
        return [PublishContradiction(self.venue, order.client_order_id, order.disputed)]

    def _withhold(self, order: Order, reason: str) -> list[Effect]:
        order.reason = reason
        order.happen(OrderEvent.WITHHOLD)
        return self._publish(order)

    # -- cancelling -----------------------------------------------------------------------------

    def _request_cancel(self, order: Order, now_s: float) -> list[Effect]:
        """Ask for the cancel of an order that may be at the venue, if it is time to (again)."""
        cancel = order.cancel
        if not (cancel.wanted and self._asking) or order.state.resolved:
            return []
        again = cancel.seen_live_s > cancel.requested_s
        wait_s = self._timing.poll_s
        if cancel.requests >= MAX_CANCELS:
            wait_s = min(_LATE_CANCEL_S * 2 ** (cancel.requests - MAX_CANCELS), _RARE_CANCEL_S)
        if cancel.requests and not (again and now_s - cancel.requested_s >= wait_s):
            return []
        return self._cancel_now(order, now_s)

    def _cancel_anew(self) -> None:
        """What has been requested in vain until now does not count."""
        for order in self.unresolved():
            order.cancel.requests = min(order.cancel.requests, 1)

    def desk_gone(self, client_order_ids: Iterable[int], now_s: float) -> list[Effect]:
        """Their desk has ended, and nobody would hedge what they execute: none may go on resting.

        What waits for the journal is not sent any more.
        """
        self._passed(now_s)
        effects: list[Effect] = []
        for client_order_id in client_order_ids:
            order = self.orders.get(client_order_id)
            if order is not None and order.state is OrderState.INTENDED:
                effects += self._withhold(order, "its desk has ended")
            elif order is not None and order.rests:
                order.cancel.wanted = True
                effects += self._request_cancel(order, now_s)
        return effects

    def question_withheld(self, client_order_id: int) -> list[Effect]:
        """The question for an order was not sent: our own rate limit. It is its turn again."""
        if client_order_id in self._absences:
            self._absences[client_order_id].asked_s = float("-inf")
        return []

    def _cancel_now(self, order: Order, now_s: float) -> list[Effect]:
        order.cancel.requests += 1
        order.cancel.requested_s = now_s
        changed = order.happen(OrderEvent.REQUEST_CANCEL)
        effects: list[Effect] = [CancelOrder(order.new.symbol, order.client_order_id)]
        return effects + (self._publish(order) if changed else [])

    def _too_old(self, order: Order, now_s: float) -> bool:
        """True for an order that rests and should not any more, or one that never should have."""
        if not order.rests:
            seen_s = order.cancel.seen_live_s
            return seen_s > 0 and seen_s > order.over_s(now_s) + self._timing.settle_s
        aged = order.sent_s and now_s - order.sent_s >= self._timing.max_age_s
        return bool(aged) or now_s >= order.over_s(now_s)

    def _guard(self) -> list[Effect]:
        """Have the venue guard resting orders as long as there are some."""
        resting = any(order.rests for order in self.orders.values())
        if resting == self._guarded:
            return []
        self._guarded = resting
        return [GuardResting(resting)]

    # -- looking things up ------------------------------------------------------------------------

    def _find(self, client_order_id: int | None, venue_order_id: str) -> Order | None:
        if client_order_id is not None:
            return self.orders.get(client_order_id)
        for order in self.orders.values():
            if venue_order_id and order.venue_order_id == venue_order_id:
                return order
        return None

    def _of_earlier_life(self, client_order_id: int | None, event_ns: int) -> bool:
        """True for an id of ours that this manager never had, on something early enough for it.

        Early by the venue's clock, or heard of early: ours may be behind. Later on, nobody but
        somebody else can be using it.
        """
        if client_order_id is None or not self._is_ours(client_order_id):
            return False
        grace_s = self._timing.expiry_s + self._timing.settle_s + self._timing.overlap_s
        heard_early = self._began_s is None or self._now_s <= self._began_s + grace_s
        return heard_early or event_ns <= self._started_ns + int(grace_s * _SECOND_NS)

    def _absence(self, order: Order) -> Absence:
        return self._absences.setdefault(order.client_order_id, Absence())

    def _passed(self, now_s: float) -> None:
        self._now_s = max(self._now_s, now_s)

    def _executed(self) -> dict[str, Decimal]:
        executed: dict[str, Decimal] = {}
        for order in self.orders.values():
            signed = order.executed * order.new.side.sign
            executed[order.new.symbol] = executed.get(order.new.symbol, ZERO) + signed
        return executed

    def _since_ns(self, order: Order | None = None) -> int:
        """Where to read fills from: before the oldest order that may have fills we lack."""
        # What a read did not bring may be older than we think, by a clock that has jumped.
        overlap_s = self._timing.overlap_s * 2 ** min(self._vain_fill_reads, _LONGEST_OVERLAP)
        overlap_ns = int(overlap_s * _SECOND_NS)
        wanting = [order] if order else [o for o in self.orders.values() if o.may_lack_fills]
        starts = [o.new.created_ns for o in wanting]
        if self._fills_from_ns is not None:
            starts.append(self._fills_from_ns)
        if self._look_again_ns is not None and self._caught_up:
            starts.append(self._look_again_ns)
        return max(0, min([*starts, self._last_fill_ns]) - overlap_ns)
