"""Every order of one venue: what to send, what to ask, what is known. Pure; time is passed in.

The orders actor feeds it what happens and carries its effects out. It knows two connections of its
venue: the *gateway* takes orders and answers queries, the *feed* reports privately (GRVT: one
socket is both). Rules held here:

- An order that adds risk is recorded before it is sent; one that takes risk off never waits.
- Nothing sent and unanswered is resolved by time. It is asked for until the venue says what became
  of it. Absence counts only after the order's own expiry at the venue plus the venue's settle time,
  and only if the order query, the fill history and the position agree, twice.
- After any gap of either connection the venue is *not ready* until open orders, fills and
  positions have been read again. A read that failed says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from trading.absence import Absence
from trading.order_effects import (
    AskFills,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    Effect,
    OrderTiming,
    PublishDrift,
    PublishOrder,
    PublishPositions,
    PublishReadiness,
    RecordIntent,
    SendOrder,
)
from trading.orders import Order, OrderEvent, OrderState
from trading.outsiders import Outsiders, name_of
from trading.position_check import PositionCheck
from venues.model import ZERO, Fill, NewOrder, OrderUpdate, Position

__all__ = [
    "AskFills", "AskOpenOrders", "AskOrder", "AskPositions", "Effect", "OrderManager",
    "OrderTiming", "PublishDrift", "PublishOrder", "PublishPositions", "PublishReadiness",
    "RecordIntent", "SendOrder",
]  # fmt: skip

_SECOND_NS: Final = 1_000_000_000


class OrderManager:
    """The orders of one venue. Not thread-safe: its actor calls it in its own thread."""

    def __init__(
        self, venue: str, symbols: frozenset[str], timing: OrderTiming, started_ns: int
    ) -> None:
        self.venue = venue
        self.ready = False
        self.probation = False
        self.orders: dict[int, Order] = {}
        self.positions: dict[str, Decimal] | None = None
        self._symbols = symbols
        self._timing = timing
        self._connected = False
        self._awaited: set[str] = set()
        self._absences: dict[int, Absence] = {}
        self._last_fill_ns = started_ns
        self._asked_s: dict[str, float] = {}
        self._outsiders = Outsiders(timing.drift_s)
        self._now_s = float("-inf")  # of the latest event: no younger than a poll ago
        self._check = PositionCheck(timing.drift_s)

    # -- orders out ---------------------------------------------------------------------------

    def submit(self, new: NewOrder, *, adds_risk: bool) -> list[Effect]:
        """Take an order. One that adds risk goes to the journal first; a known id is not sent."""
        if new.client_order_id in self.orders:
            return [PublishOrder(self.orders[new.client_order_id].view())]
        order = Order(new)
        self.orders[new.client_order_id] = order
        if not self.ready or (adds_risk and self.probation):
            return self._withhold(order, f"{self.venue} is not ready for it")
        return [RecordIntent(new)] if adds_risk else self._send(order)

    def adopt(self, new: NewOrder, now_s: float) -> list[Effect]:
        """Take over an order that an earlier incarnation of us may have sent: it is in doubt."""
        if new.client_order_id in self.orders:
            return [PublishOrder(self.orders[new.client_order_id].view())]
        order = Order(new)
        self.orders[new.client_order_id] = order
        order.happen(OrderEvent.SEND)
        order.happen(OrderEvent.LOSE)
        self._check.start_anew(new.symbol)  # a reading until now may contain it or not
        return self.due(now_s)

    def intent_recorded(self, client_order_id: int) -> list[Effect]:
        """The journal has it: send, unless the venue was lost meanwhile."""
        order = self.orders.get(client_order_id)
        if order is None or order.state is not OrderState.INTENDED:
            return []
        if not self.ready:
            return self._withhold(order, f"{self.venue} was lost before it was sent")
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

    def not_sent(self, client_order_id: int, reason: str) -> list[Effect]:
        """Nothing of the order left the process (the gateway was not there)."""
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        return self._withhold(order, reason)

    def sent(self, client_order_id: int, sent_s: float) -> list[Effect]:
        """The gateway wrote it at ``sent_s`` (monotonic). An answer may have been faster."""
        order = self.orders.get(client_order_id)
        if order is None:
            return []
        order.sent_s = sent_s
        return [] if order.state is OrderState.SENT else [PublishOrder(order.view())]

    # -- what the venue says --------------------------------------------------------------------

    def updated(self, update: OrderUpdate, received_s: float) -> list[Effect]:
        """A reply, query or stream message about one order."""
        self._passed(received_s)
        order = self._find(update.client_order_id, update.venue_order_id)
        if order is None:
            return self._stranger(update)
        self._absence(order).reset()
        if not order.apply_update(update):
            return []
        return [PublishOrder(order.view(received_s))]

    def filled(self, fill: Fill, received_s: float) -> list[Effect]:
        """One execution, from the feed or a history: counted once."""
        self._passed(received_s)
        order = self._find(fill.client_order_id, fill.venue_order_id)
        if order is None:
            return self._foreign_fill(fill)
        self._last_fill_ns = max(self._last_fill_ns, fill.event_ns)
        if not order.apply_fill(fill):
            return []
        self._absence(order).reset()
        return [PublishOrder(order.view(received_s))]

    def refused(self, client_order_id: int, reason: str, received_s: float) -> list[Effect]:
        """The venue refused it for certain: nothing of it executes."""
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        order.reason = reason
        order.happen(OrderEvent.REJECT)
        return [PublishOrder(order.view(received_s))]

    def doubted(self, client_order_id: int, reason: str, now_s: float) -> list[Effect]:
        """It was sent, or may have been, and there is no answer to go by."""
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        order.reason = reason
        if order.state is OrderState.INTENDED:
            order.happen(OrderEvent.SEND)
        order.happen(OrderEvent.LOSE)
        return [PublishOrder(order.view()), *self.due(now_s)]

    def absent(self, client_order_id: int, now_s: float) -> list[Effect]:
        """The venue, asked for the order, does not know it.

        When the order can no longer execute is told by the monotonic clock: the other one jumps.
        """
        self._passed(now_s)
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        if now_s < order.over_s(now_s) + self._timing.settle_s:
            return []
        if order.state is not OrderState.IN_DOUBT:
            order.happen(OrderEvent.LOSE)
        absence = self._absence(order)
        absence.times += 1
        if absence.proven:
            order.reason = "unknown to the venue" if order.executed else "never reached the venue"
            order.happen(OrderEvent.PROVE_ABSENT)
            return [PublishOrder(order.view())]
        return [AskFills(self._since_ns(order)), AskPositions()]

    def fills_read(self, fills: tuple[Fill, ...], received_s: float) -> list[Effect]:
        """A page of fill history, complete from the moment asked for."""
        effects: list[Effect] = []
        for fill in fills:
            effects += self.filled(fill, received_s)
        for absence in self._absences.values():
            absence.fills_read += absence.times > 0
        return effects + self._answered("fills")

    def open_orders_read(self, updates: tuple[OrderUpdate, ...], received_s: float) -> list[Effect]:
        """Everything that rests at the venue."""
        effects: list[Effect] = []
        for update in updates:
            effects += self.updated(update, received_s)
        self._outsiders.listed({name_of(update) for update in updates})
        return effects + self._answered("open_orders")

    def positions_read(self, positions: tuple[Position, ...]) -> list[Effect]:
        """All positions of the account; a symbol that is not listed is flat."""
        held = {position.symbol: position.size for position in positions}
        self.positions = {symbol: held.get(symbol, ZERO) for symbol in self._symbols}
        self._weigh_absences(self.positions)
        drifts: list[str] = []
        settled = not self.unresolved()  # else what is in doubt may be in the position or not
        if settled:
            suspects, drifts = self._check.compare(self.positions, self._executed(), self._now_s)
            settled = not suspects
        effects: list[Effect] = [PublishPositions(dict(self.positions), settled)]
        effects += [PublishDrift(detail) for detail in drifts]
        return effects + self._answered("positions")

    def position_seen(self, position: Position) -> list[Effect]:
        """A position change on the feed; one that our orders do not explain is read again."""
        symbol = position.symbol
        if symbol not in self._symbols or not self.ready or self.unresolved():
            return []
        expected = self._check.expected(symbol, self._executed().get(symbol, ZERO))
        return [] if expected in (None, position.size) else [AskPositions()]

    # -- connections ----------------------------------------------------------------------------

    def connected(self, now_s: float, *, probation: bool = False) -> list[Effect]:
        """Gateway and feed are both up (anew): reconcile, then the venue is ready."""
        self._passed(now_s)
        self._connected = True
        self.probation = probation
        self._awaited = {"fills", "open_orders", "positions"}
        self._asked_s = dict.fromkeys(self._awaited, now_s)
        asks: list[Effect] = [AskOpenOrders(), AskFills(self._since_ns())]
        for order in self.unresolved():
            if order.state is not OrderState.INTENDED:
                asks.append(AskOrder(order.new))
                self._absence(order).asked_s = now_s
        # Asked last, and after the orders: what executed until now is in it.
        return [*asks, AskPositions()]

    def proven(self) -> list[Effect]:
        """The connections are no longer on probation."""
        self.probation = False
        return [PublishReadiness(True, True, "")] if self.ready else []

    def disconnected(self, detail: str) -> list[Effect]:
        """Gateway or feed is gone: whatever has no answer is in doubt, and the venue not ready."""
        self._connected = False
        self._awaited.clear()
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.state is OrderState.INTENDED:
                effects += self._withhold(order, detail)
            elif order.state is not OrderState.IN_DOUBT:
                order.happen(OrderEvent.LOSE)
                effects.append(PublishOrder(order.view()))
        if self.ready:
            self.ready = False
            effects.append(PublishReadiness(False, False, detail))
        return effects

    def due(self, now_s: float) -> list[Effect]:
        """What has to be asked by now: unresolved orders, and reads that got no answer."""
        self._passed(now_s)
        if not self._connected:
            return []
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.state is OrderState.INTENDED:
                continue
            absence = self._absence(order)
            doubted = order.state is OrderState.IN_DOUBT
            period_s = self._timing.doubt_poll_s if doubted else self._timing.poll_s
            if now_s - max(absence.asked_s, order.sent_s) >= period_s:
                absence.asked_s = now_s
                effects.append(AskOrder(order.new))
        return effects + self._ask_again(now_s)

    def unresolved(self) -> list[Order]:
        """Orders whose outcome is not known yet."""
        return [order for order in self.orders.values() if not order.state.resolved]

    def forget(self, keep: frozenset[int]) -> None:
        """Drop resolved orders that nobody needs any more, keeping their effect on positions."""
        for client_order_id in [i for i, o in self.orders.items() if o.state.resolved]:
            if client_order_id not in keep:
                order = self.orders.pop(client_order_id)
                for fill in order.fills.values():
                    self._outsiders.remember_fill(fill.key)
                self._outsiders.remember_order(client_order_id)
                self._check.fold(order.new.symbol, order.executed * order.new.side.sign)
                self._absences.pop(client_order_id, None)

    # -- inside ---------------------------------------------------------------------------------

    def _send(self, order: Order) -> list[Effect]:
        order.happen(OrderEvent.SEND)
        return [SendOrder(order.new)]

    def _withhold(self, order: Order, reason: str) -> list[Effect]:
        order.reason = reason
        order.happen(OrderEvent.WITHHOLD)
        return [PublishOrder(order.view())]

    def _find(self, client_order_id: int | None, venue_order_id: str) -> Order | None:
        if client_order_id is not None:
            return self.orders.get(client_order_id)
        for order in self.orders.values():
            if venue_order_id and order.venue_order_id == venue_order_id:
                return order
        return None

    def _stranger(self, update: OrderUpdate) -> list[Effect]:
        """An order that is not ours and stays open is drift; late news of ours is not."""
        over = update.status.terminal or self._outsiders.was_ours(update.client_order_id)
        if over or update.symbol not in self._symbols:
            return []
        name = name_of(update)
        if not self._outsiders.stays(name, self._now_s):
            return []
        return [PublishDrift(f"{update.symbol}: order {name} is live and not ours")]

    def _foreign_fill(self, fill: Fill) -> list[Effect]:
        # Somebody else's, a liquidation, or of an order we have forgotten: the position decides.
        return [AskPositions()] if self._outsiders.remember_fill(fill.key) else []

    def _absence(self, order: Order) -> Absence:
        return self._absences.setdefault(order.client_order_id, Absence())

    def _weigh_absences(self, held: Mapping[str, Decimal]) -> None:
        """A position that the order in doubt could be a part of speaks against its absence."""
        executed = self._executed()
        for client_order_id, absence in self._absences.items():
            if not absence.times:
                continue
            new = self.orders[client_order_id].new
            expected = self._check.expected(new.symbol, executed.get(new.symbol, ZERO))
            extra = ZERO if expected is None else (held[new.symbol] - expected) * new.side.sign
            suspicious = ZERO < extra <= new.size - self.orders[client_order_id].executed
            absence.positions_read = 0 if suspicious else absence.positions_read + 1

    def _passed(self, now_s: float) -> None:
        self._now_s = max(self._now_s, now_s)

    def _executed(self) -> dict[str, Decimal]:
        executed: dict[str, Decimal] = {}
        for order in self.orders.values():
            signed = order.executed * order.new.side.sign
            executed[order.new.symbol] = executed.get(order.new.symbol, ZERO) + signed
        return executed

    def _answered(self, read: str) -> list[Effect]:
        self._awaited.discard(read)
        if not self._connected or self._awaited or self.ready:
            return []
        self.ready = True
        return [PublishReadiness(True, not self.probation, "")]

    def _may_ask(self, read: str, now_s: float) -> bool:
        if now_s - self._asked_s.get(read, float("-inf")) < self._timing.poll_s:
            return False
        self._asked_s[read] = now_s
        return True

    def _ask_again(self, now_s: float) -> list[Effect]:
        """Reads that are awaited, or needed to make sure, each at most once a poll period."""
        wanted = set(self._awaited)
        if self._outsiders.suspected:
            wanted.add("open_orders")
        if self._check.suspicious:
            wanted.update(("fills", "positions"))
        if any(order.state.resolved and not order.fills_complete for order in self.orders.values()):
            wanted.add("fills")
        asks: dict[str, Effect] = {
            "open_orders": AskOpenOrders(),
            "fills": AskFills(self._since_ns()),
            "positions": AskPositions(),
        }
        return [ask for read, ask in asks.items() if read in wanted and self._may_ask(read, now_s)]

    def _since_ns(self, order: Order | None = None) -> int:
        """Where to read fills from: before the oldest order that may have fills we lack."""
        overlap_ns = int(self._timing.overlap_s * _SECOND_NS)
        wanting = [order] if order else [o for o in self.orders.values() if o.may_lack_fills]
        starts = [o.new.created_ns for o in wanting]
        return max(0, min([*starts, self._last_fill_ns]) - overlap_ns)
