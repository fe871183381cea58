"""Every order of one venue: what to send, what to ask, what is known. Pure; time is passed in.

The orders actor feeds it what happens and carries its effects out. It knows two connections of its
venue: the *gateway* takes orders and answers queries, the *feed* reports privately (GRVT: one
socket is both). Rules held here:

- An order that adds risk is recorded before it is sent; one that takes risk off never waits.
- Nothing sent and unanswered is resolved by time. It is asked for until the venue says what became
  of it. Absence counts only after the order's own expiry at the venue plus the time that the
  evidence may lag (``trading.absence``), and only if the order query, the fill history and the
  position agree, twice.
- A cancel is a request. Its acknowledgement is no outcome; the order is read until it has one.
- What can not be true (``trading.orders.contradiction``) ends nothing: it is said and asked again.
- While the gateway is away and another route is there, that one takes what takes risk off.
- After any gap of either connection the venue is *not ready* until open orders, fills and
  positions have been read again. A read that failed says nothing.

How long a lost order stays in doubt is its expiry plus ``live_settle_s`` where live evidence can
be had, else plus ``settle_s``. The venue's word that it does not know the order is not believed
sooner: GRVT answers "not found" for seconds after it took one, Backpack for all that do not rest.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from trading.journal_mirror import FillKey
from trading.order_effects import (
    AskBalances,
    AskFills,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    CancelOrder,
    Effect,
    GuardResting,
    OrderTiming,
    PublishBalances,
    PublishContradiction,
    PublishDrift,
    PublishForced,
    PublishOrder,
    PublishOutside,
    PublishPositions,
    PublishReadiness,
    RecordFill,
    RecordIntent,
    RecordOutcome,
    SendOrder,
)
from trading.orders import Order
from trading.reads import Read
from trading.transitions import OrderEvent, OrderState
from trading.venue_orders import MAX_CANCELS
from trading.venue_reports import VenueReports
from venues.model import NewOrder, TimeInForce

__all__ = [
    "AskBalances", "AskFills", "AskOpenOrders", "AskOrder", "AskPositions", "CancelOrder", "Effect",
    "GuardResting", "OrderManager", "OrderTiming", "PublishBalances", "PublishContradiction",
    "PublishDrift", "PublishForced", "PublishOrder", "PublishOutside", "PublishPositions",
    "PublishReadiness", "RecordFill", "RecordIntent", "RecordOutcome", "SendOrder",
]  # fmt: skip

_FIRST_LOOK_NS: Final = 86_400 * 1_000_000_000  # where no fill is on record


class OrderManager(VenueReports):
    """The orders of one venue. Not thread-safe: its actor calls it in its own thread."""

    # -- orders out ---------------------------------------------------------------------------

    def submit(
        self, new: NewOrder, *, adds_risk: bool, decided_s: float | None = None
    ) -> list[Effect]:
        """Take an order. One that adds risk goes to the journal first; a known id is not sent.

        ``decided_s``: the monotonic moment of its decision, which its expiry counts from.
        """
        if new.client_order_id in self.orders:
            return [PublishOrder(self.orders[new.client_order_id].view())]
        order = Order(new)
        order.decided_s = decided_s
        order.adds_risk = adds_risk
        self.orders[new.client_order_id] = order
        if not self.ready or (adds_risk and not self.new_risk):
            return self._withhold(order, self._unfit())
        if adds_risk:
            return [RecordIntent(new)]
        return [*self._send(order), RecordIntent(new, awaited=False)]

    def adopt(self, new: NewOrder, now_s: float, decided_s: float | None = None) -> list[Effect]:
        """Take over an order that an earlier incarnation of us may have sent: it is in doubt."""
        if new.client_order_id in self.orders:
            return [PublishOrder(self.orders[new.client_order_id].view())]
        self._take_over(new).decided_s = decided_s
        return self.due(now_s)

    def history_loaded(
        self,
        unresolved: Collection[NewOrder],
        fill_keys: Collection[FillKey],
        last_fill_ns: int,
        now_s: float,
    ) -> list[Effect]:
        """What the journal has on record (each of its lives says it).

        What it should have and has not is told again. Orders without an outcome are adopted, and
        cancelled if they rest; fills are read since the last one that it has.
        """
        self._passed(now_s)
        ids = {new.client_order_id for new in unresolved}
        effects = self._mirror.loaded(fill_keys, ids)
        if self._awaits_journal:
            self._awaits_journal = False
            # That was before we began; our clock may have been put back since.
            self._started_ns = max(self._started_ns, last_fill_ns)
            self._fills_from_ns = last_fill_ns or self._started_ns - _FIRST_LOOK_NS
            # What executed just before may be in the fill history only after a while.
            self._look_again_ns = self._fills_from_ns
            self._reads.want(Read.FILLS)
            if self._asking and self._reads.may_ask(Read.FILLS, now_s, at_once=True):
                effects.append(self._ask(Read.FILLS))
        for order in self.unresolved():
            if order.client_order_id not in ids and order.state is not OrderState.INTENDED:
                effects.append(RecordIntent(order.new, awaited=False))
        for new in unresolved:
            over = self._mirror.is_over(new.client_order_id)
            if new.client_order_id not in self.orders and not over:
                order = self._take_over(new)
                order.note_earlier_run(now_s, self._started_ns)
                order.cancel.wanted = new.time_in_force is TimeInForce.GTC
        return effects + self.due(now_s)

    def intent_recorded(self, client_order_id: int) -> list[Effect]:
        """The journal has it: send, unless the venue was lost meanwhile."""
        order = self.orders.get(client_order_id)
        if order is None or order.state is not OrderState.INTENDED:
            return []
        if not self.new_risk:
            return self._withhold(order, self._unfit())
        return self._send(order)

    def intent_refused(self, client_order_id: int, reason: str) -> list[Effect]:
        """The journal could not take it: it is not sent."""
        order = self.orders.get(client_order_id)
        if order is None or order.state is not OrderState.INTENDED:
            return []  # withheld already, when the venue or the journal was lost
        return self._withhold(order, reason)

    def journal_lost(self, reason: str) -> list[Effect]:
        """The journal has failed: what it was asked to record and has not, is not sent."""
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.state is OrderState.INTENDED:
                effects += self._withhold(order, reason)
        return effects

    def sent(self, client_order_id: int, sent_s: float) -> list[Effect]:
        """The gateway wrote it at ``sent_s`` (monotonic). An answer may have been faster."""
        order = self.orders.get(client_order_id)
        if order is None:
            return []
        order.sent_s = sent_s
        return [] if order.state is OrderState.SENT else [PublishOrder(order.view())]

    def cancel(self, client_order_id: int, now_s: float) -> list[Effect]:
        """Have it cancelled; it is over when the venue says so.

        Requested MAX_CANCELS times, then ever more rarely for as long as the venue shows it.
        """
        order = self.orders.get(client_order_id)
        if order is None:
            return []
        if order.state is OrderState.INTENDED:
            return self._withhold(order, "cancelled before it was sent")
        order.cancel.wanted = True
        return self._request_cancel(order, now_s)

    def cancel_answered(
        self, client_order_id: int, refusal: str, now_s: float, *, again: bool = False
    ) -> list[Effect]:
        """The venue has taken a request to cancel for processing, or has refused it.

        ``again``: it was refused for something that has been put right (clocks that differ), so it
        is requested again at once. Otherwise the order is asked for: the venue may not have it.
        """
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved or not refusal:
            return []
        if again and self._asking and order.cancel.requests < MAX_CANCELS:
            return self._cancel_now(order, now_s)
        self._absence(order).asked_s = now_s
        return [AskOrder(order.new)]

    # -- what nobody knows ---------------------------------------------------------------------

    def doubted(self, client_order_id: int, reason: str, now_s: float) -> list[Effect]:
        """It was sent, or may have been, and there is no answer to go by."""
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        order.reason = reason
        if order.state is OrderState.INTENDED:
            order.happen(OrderEvent.SEND)
        order.happen(OrderEvent.LOSE)
        return [*self._publish(order), *self.due(now_s)]

    def verify_positions(self, now_s: float) -> list[Effect]:
        """Somebody wants to know what is held now: read, and again until there is an answer."""
        self._passed(now_s)
        self._reads.want(Read.POSITIONS)
        at_once = self._reads.press(Read.POSITIONS, now_s) if self._asking else False
        return [AskPositions(), *self._announce()] if at_once else []

    # -- connections ----------------------------------------------------------------------------

    def connected(self, now_s: float, *, probation: bool = False) -> list[Effect]:
        """Gateway and feed are both up (anew): reconcile, then the venue is ready."""
        self._passed(now_s)
        self._connected = self._asking = True
        self._detour = False
        self._feed_s = min(self._feed_s, now_s)
        self.probation = probation
        self._guarded = False
        return self._unready("reconnected") + self._guard() + self._reconcile(now_s)

    def take_detour(self, now_s: float) -> list[Effect]:
        """The gateway is away, and another way to the venue takes orders: reconcile by that one.

        Then the venue is ready for what takes risk off. Whatever executes has to be asked for.
        """
        if self._connected or self._detour:
            return []
        self._passed(now_s)
        self._detour = self._asking = True
        return self._reconcile(now_s)

    @property
    def detour(self) -> bool:
        """True while orders are to go by the other route."""
        return self._detour

    def proven(self) -> list[Effect]:
        """The connections are no longer on probation."""
        self.probation = False
        return self._announce()

    def restricted(self, why: str, now_s: float, *, closed: bool = False) -> list[Effect]:
        """Why the venue may be given no new risk, by its own word or ours; "" when it may.

        ``closed``: it takes no orders now. What rested there may have been ended: it is read.
        """
        began, ended = closed and not self._closed, self._closed and not closed
        self._closed, self.restriction = closed, why
        if ended:
            self._cancel_anew()  # while it was closed, requests were refused
        if not began:
            return self._announce()
        self._reads.want(Read.OPEN_ORDERS)
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.rests and order.state is not OrderState.IN_DOUBT:
                order.happen(OrderEvent.LOSE)
                effects += self._publish(order)
        return effects + self._announce() + self.due(now_s)

    def answering(self, there: bool) -> None:
        """While feed or gateway is not up: is the gateway there (anew) to answer questions?

        Then what the feed does not tell is asked for meanwhile.
        """
        self._asking = self._connected or there

    def disconnected(self, detail: str, *, feed: bool = True) -> list[Effect]:
        """Gateway or feed is gone: whatever has no answer is in doubt, and the venue not ready.

        ``feed``: the feed is; from now on it has not told everything.
        """
        self._connected = self._asking = self._detour = False
        self._feed_s = float("inf") if feed else self._feed_s
        self._reads.abandon()
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.state is OrderState.INTENDED:
                effects += self._withhold(order, detail)
            elif order.state is not OrderState.IN_DOUBT:
                order.happen(OrderEvent.LOSE)
                effects += self._publish(order)
        return effects + self._unready(detail)

    def due(self, now_s: float) -> list[Effect]:
        """What has to be done by now: ask for unresolved orders and reads, cancel what is old."""
        self._passed(now_s)
        if not self._asking:
            return []
        if self._began_s is None:
            self._began_s = now_s
        effects = self._guard()
        starved = self._reads.starved  # an order alone proves nothing: let those go first
        # Who has waited longest for a question of his comes first: not all can be asked at once.
        for order in sorted(self.unresolved(), key=lambda order: self._absence(order).asked_s):
            if order.state is OrderState.INTENDED:
                continue
            order.cancel.wanted = order.cancel.wanted or self._too_old(order, now_s)
            effects += self._request_cancel(order, now_s)
            absence = self._absence(order)
            due = now_s - max(absence.asked_s, order.sent_s) >= self._poll_s(order)
            if due and not starved:
                absence.asked_s = now_s
                effects.append(AskOrder(order.new))
        reads = self._reads.due(self._doubtful(), now_s)
        return effects + [self._ask(read) for read in reads] + self._announce()

    def forget(self, keep: frozenset[int]) -> None:
        """Drop resolved orders that nobody needs any more, keeping their effect on positions.

        One whose fills are not all there is kept until they are, for the journal.
        """
        over = [i for i, o in self.orders.items() if o.state.resolved and o.fills_complete]
        for client_order_id in over:
            if client_order_id not in keep:
                order = self.orders.pop(client_order_id)
                for fill in order.fills.values():
                    self._foreign_orders.remember_fill(fill)
                self._foreign_orders.remember_order(client_order_id)
                self._check.fold(order.new.symbol, order.executed * order.new.side.sign)
                self._absences.pop(client_order_id, None)
                self._disputes.discard((client_order_id, order.disputed))

    # -- inside ---------------------------------------------------------------------------------

    def _unready(self, detail: str) -> list[Effect]:
        if not self.ready:
            return []
        self.ready = False
        self._announced = None
        return [PublishReadiness(False, False, detail)]

    def _reconcile(self, now_s: float) -> list[Effect]:
        asks = [self._ask(read) for read in self._reads.begin(now_s)]  # positions last
        for order in self.unresolved():
            if order.state is not OrderState.INTENDED:
                asks.insert(-1, AskOrder(order.new))
                self._absence(order).asked_s = now_s
        return asks

    def _send(self, order: Order) -> list[Effect]:
        order.happen(OrderEvent.SEND)
        order.handed_s = self._now_s
        return [*self._guard(), SendOrder(order.new, order.adds_risk)]

    def _unfit(self) -> str:
        why = "" if not self.ready else self.no_new_risk
        return f"{self.venue} is not ready for it{f': {why}' if why else ''}"

    def _take_over(self, new: NewOrder) -> Order:
        order = self.orders[new.client_order_id] = Order(new)
        order.happen(OrderEvent.SEND)
        order.happen(OrderEvent.LOSE)
        self._check.start_anew(new.symbol)  # a reading until now may contain it or not
        return order

    def _ask(self, read: Read) -> Effect:
        if read is Read.FILLS:
            return AskFills(self._since_ns())
        if read is Read.OPEN_ORDERS:
            return AskOpenOrders()
        return AskPositions() if read is Read.POSITIONS else AskBalances()

    def _poll_s(self, order: Order) -> float:
        """How often an unresolved order is asked for."""
        hasty = order.state in (OrderState.IN_DOUBT, OrderState.CANCEL_PENDING)
        hasty = hasty or bool(order.disputed) or self._detour
        return self._timing.doubt_poll_s if hasty else self._timing.poll_s

    def _doubtful(self) -> set[Read]:
        """Reads that are needed to make sure of something."""
        wanted: set[Read] = set()
        if self._foreign_orders.suspected:
            wanted.add(Read.OPEN_ORDERS)
        if self._lists_again and self._now_s >= self._listed_from_s:
            wanted.add(Read.OPEN_ORDERS)
        if self._check.suspicious:
            wanted.update((Read.FILLS, Read.POSITIONS))
        if self._foreign_orders.doubtful:
            wanted.add(Read.POSITIONS)
        if any(order.state.resolved and not order.fills_complete for order in self.orders.values()):
            wanted.add(Read.FILLS)
        if self._look_again_ns is not None and self._caught_up:
            wanted.add(Read.FILLS)
        if not self._connected or self._fills_from_ns is not None:
            wanted.add(Read.FILLS)  # the feed is not there to tell of them
        return wanted
