"""What happened in the running cycle, order by order, and the record made of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trading.cycle_effects import RECOVER
from trading.desk import CycleRecord, LegOrder, LegRecord, OrderRecord
from trading.exposure import Exposure
from trading.gone import Gone
from trading.inherited import Inherited
from trading.leg import Leg
from trading.leg_state import LegState
from trading.orders import OrderView
from trading.plan import DeskPlan
from trading.transitions import OrderState
from venues.model import ZERO

INTERRUPTED = "interrupted"
"""The outcome of a cycle that did not live to be recorded, and left nothing open."""
_MS = 1000
_TO_BPS = Decimal(10_000)
_PRICE_PLACES = Decimal("0.000001")


class _Placed:
    """One order of the cycle: what was wanted, and the latest that is known of it."""

    __slots__ = ("acked_s", "executed_s", "order", "placed_s", "view")

    def __init__(self, order: LegOrder, placed_s: float) -> None:
        self.order = order
        self.placed_s = placed_s
        self.acked_s: float | None = None
        self.executed_s = 0.0  # when the frame was read that tells of the latest execution
        self.view: OrderView | None = None

    @property
    def ack_ms(self) -> float | None:
        """From the decision to the first answer."""
        return None if self.acked_s is None else (self.acked_s - self.placed_s) * _MS

    def record(self, view: OrderView) -> OrderRecord:
        """All there is to say of it."""
        order = self.order
        return OrderRecord(
            leg=order.leg,
            client_order_id=view.client_order_id,
            side=order.side,
            size=order.size,
            price=order.price,
            mid=order.mid,
            reduce_only=order.reduce_only,
            executed=abs(view.signed_executed),
            average_price=_average([_executed(view)]),
            fills=view.fills,
            fee=view.fees,
            state=view.state.value,
            reason=view.reason,
            ack_ms=self.ack_ms,
        )


class CycleOrders:
    """The orders of one cycle on both legs, and what was measured on the way."""

    def __init__(self) -> None:
        self.started_s = 0.0
        self.direction = ""
        self.reason = ""  # why it took another way than planned
        self.naked_ms: list[float] = []
        self.exposure = Exposure()
        self.gone = {leg: Gone() for leg in Leg}
        self.inherited = Inherited()  # counts if this is the cycle that closes it
        self._orders: dict[tuple[Leg, int], _Placed] = {}
        # Asked for many times at every event, on the way from a fill to its hedge.
        self._executed = dict.fromkeys(Leg, ZERO)
        self._live = dict.fromkeys(Leg, 0)
        self._resting: dict[tuple[Leg, int], _Placed] = {}

    def begin(self, now_s: float, direction: str) -> None:
        """The cycle starts now; ``direction`` is the side of its primary entry."""
        self.started_s = now_s
        self.direction = direction

    def placed(self, order: LegOrder, now_s: float) -> None:
        """An order was decided; it is live until a view of it says otherwise."""
        self._orders[order.leg, order.attempt] = placed = _Placed(order, now_s)
        self._live[order.leg] += 1
        if order.rests_s:
            self._resting[order.leg, order.attempt] = placed

    def progress(self, leg: Leg, attempt: int, view: OrderView, now_s: float) -> bool:
        """Take in a view; True when the order is resolved by it. Unknown orders are refused."""
        placed = self._orders[leg, attempt]
        known = placed.view
        placed.view = view if known is None else _merged(view, known)
        before = ZERO if known is None else known.signed_executed
        grown = placed.view.signed_executed - before
        self._executed[leg] += grown
        if grown and view.received_s:
            placed.executed_s = view.received_s
        resolved_now = placed.view.state.resolved and not (known and known.state.resolved)
        self._live[leg] -= resolved_now
        if resolved_now:
            self._resting.pop((leg, attempt), None)
        unanswered = (OrderState.INTENDED, OrderState.SENT, OrderState.IN_DOUBT)
        if placed.acked_s is None and view.state not in unanswered:
            placed.acked_s = now_s
        return resolved_now

    def order(self, leg: Leg, attempt: int) -> LegOrder:
        """An order of this cycle as it was placed."""
        return self._orders[leg, attempt].order

    def reason_follows(self, leg: Leg, attempt: int) -> bool:
        """True while an order of this cycle is known to be over, and not why."""
        view = self._orders[leg, attempt].view
        return view is not None and view.reason_follows

    def view(self, leg: Leg, attempt: int) -> OrderView:
        """The latest that is known of an order of this cycle. Raises KeyError if nothing is."""
        view = self._orders[leg, attempt].view
        if view is None:
            raise KeyError((leg, attempt))
        return view

    def executed(self, leg: Leg) -> Decimal:
        """Signed sum of everything executed on a leg in this cycle."""
        return self._executed[leg]

    def live(self, leg: Leg) -> bool:
        """True while an order of the leg has no known outcome."""
        return self._live[leg] > 0

    def coming(self, leg: Leg) -> Decimal:
        """What the orders of a leg without a known outcome may still execute, signed."""
        live = (p for p in self._of(leg) if p.view is None or not p.view.state.resolved)
        left = (
            p.order.side.sign * p.order.size - (p.view.signed_executed if p.view else ZERO)
            for p in live
        )
        return sum(left, ZERO)

    def resting(self) -> list[tuple[LegOrder, float]]:
        """Orders that rest, or may, each with the monotonic moment at which it was placed."""
        return [(placed.order, placed.placed_s) for placed in self._resting.values()]

    def unresolved(self) -> list[LegOrder]:
        """Orders without a known outcome."""
        return [
            placed.order
            for placed in self._orders.values()
            if placed.view is None or not placed.view.state.resolved
        ]

    @property
    def fills_complete(self) -> bool:
        """True when fees and prices of everything executed are exact."""
        if not all(gone.exact for gone in self.gone.values()):
            return False
        return all(view.fills_complete for leg in Leg for view in self._views(leg))

    @property
    def anything_executed(self) -> bool:
        """True when an order of the cycle executed, or the venue took something off."""
        if any(gone.signed for gone in self.gone.values()):
            return True
        return any(view.signed_executed for leg in Leg for view in self._views(leg))

    def fill_to_hedge_sent_ms(self) -> tuple[float, ...]:
        """For each hedge that a message caused: frame read to order written."""
        return tuple(
            (placed.view.sent_s - placed.order.trigger_s) * _MS
            for placed in self._of(Leg.HEDGE)
            if placed.view is not None and placed.view.sent_s and placed.order.trigger_s
        )

    def fill_to_hedged_ms(self) -> tuple[float, ...]:
        """For each hedge that a message caused: that frame read to that of its last fill read."""
        return tuple(
            (placed.executed_s - placed.order.trigger_s) * _MS
            for placed in self._of(Leg.HEDGE)
            if placed.executed_s and placed.order.trigger_s
        )

    def decision_to_ack_ms(self) -> tuple[float, ...]:
        """For each answered order: decided to first answer."""
        acks = (placed.ack_ms for placed in self._orders.values())
        return tuple(ack_ms for ack_ms in acks if ack_ms is not None)

    def order_records(self) -> tuple[OrderRecord, ...]:
        """Every order that anything was heard of, in the order of the decisions."""
        return self._past.order_records() + tuple(
            p.record(p.view) for p in self._orders.values() if p.view is not None
        )

    def why_nothing(self) -> str:
        """Why nothing executed: what became of the last order."""
        placed = list(self._orders.values())
        view = placed[-1].view if placed else None
        if view is None:
            return "nothing was sent"
        return f"{view.state.value}: {view.reason}" if view.reason else view.state.value

    def leg_record(self, state: LegState) -> LegRecord:
        """The figures of one leg."""
        pairs = [(p.order, p.view) for p in self._of(state.leg) if p.view is not None]
        done = [(order, view) for order, view in pairs if view.signed_executed]
        cash = sum((-order.side.sign * view.quote_amount for order, view in done), ZERO)
        gone = self.gone[state.leg].parts(done[-1][0].mid if done else ZERO)
        cash -= sum((part.signed * part.price for part in gone), ZERO)
        past = self._past.leg(state.leg)
        cash += past.cash
        mids = [order.mid for order, _ in done] or [part.mid for part in gone]
        mids = mids or [one.quote_amount / one.executed for one in past.orders[-1:]]
        if mids:  # what the cycle found and what it leaves are worth the mid of that moment
            left = state.held + self._executed[state.leg]
            cash += left * mids[-1] - self._unexplained(state) * mids[0]
        out = past.parts(reduce_only=True)
        out += [_executed(view) for order, view in done if order.reduce_only]
        out += [(part.price * abs(part.signed), abs(part.signed)) for part in gone]
        forced = sum((abs(part.signed) for part in gone), ZERO)
        return LegRecord(
            venue=state.instrument.venue,
            symbol=state.instrument.symbol,
            traded=sum((abs(view.signed_executed) for _, view in done), forced + past.traded),
            entry_price=_average(
                past.parts(reduce_only=False)
                + [_executed(view) for order, view in done if not order.reduce_only]
            ),
            exit_price=_average(out),
            fees=sum((view.fees for _, view in done), sum((part.fee for part in gone), past.fees)),
            gross_pnl=cash,
            slippage_bps=_slippage_bps(done),
            orders=len(pairs) + len(past.orders),
            fills=sum(view.fills for _, view in pairs)
            + past.fills
            + len({part.fill.key for part in gone if part.fill is not None}),
            forced=forced,
        )

    def explains(self, legs: Mapping[Leg, LegState]) -> bool:
        """False when it closes what no fill on record explains, or not every fill is there."""
        if self.direction != RECOVER:
            return True
        return self.inherited.exact and not any(map(self._unexplained, legs.values()))

    def _unexplained(self, state: LegState) -> Decimal:
        """What the cycle found and no fill on record explains."""
        found = state.held - self.gone[state.leg].signed
        return found - self._past.leg(state.leg).signed

    @property
    def _past(self) -> Inherited:
        return self.inherited if self.direction == RECOVER else Inherited()

    def _of(self, leg: Leg) -> list[_Placed]:
        return [placed for (of_leg, _), placed in self._orders.items() if of_leg is leg]

    def _views(self, leg: Leg) -> list[OrderView]:
        return [placed.view for placed in self._of(leg) if placed.view is not None]


def build_record(
    plan: DeskPlan,
    cycle: int,
    outcome: str,
    legs: Mapping[Leg, LegState],
    orders: CycleOrders,
    now_s: float,
) -> CycleRecord:
    """The record of a cycle that is flat and settled."""
    primary = orders.leg_record(legs[Leg.PRIMARY])
    hedge = orders.leg_record(legs[Leg.HEDGE])
    return CycleRecord(
        desk=plan.desk,
        cycle=cycle,
        outcome=outcome,
        direction=orders.direction,
        size=plan.size,
        primary=primary,
        hedge=hedge,
        pnl=primary.gross_pnl + hedge.gross_pnl - primary.fees - hedge.fees,
        naked_ms=tuple(orders.naked_ms),
        fill_to_hedge_sent_ms=orders.fill_to_hedge_sent_ms(),
        decision_to_ack_ms=orders.decision_to_ack_ms(),
        fees_complete=orders.fills_complete and orders.explains(legs),
        duration_s=now_s - orders.started_s if orders.started_s else 0.0,
        reason=orders.reason or ("" if orders.anything_executed else orders.why_nothing()),
        naked_q_s=tuple(amount / float(plan.size) for amount in orders.exposure.episodes),
        fill_to_hedged_ms=orders.fill_to_hedged_ms(),
        orders=orders.order_records(),
    )


def interrupted_record(
    plan: DeskPlan, cycle: int, legs: Mapping[Leg, LegState], inherited: Inherited
) -> CycleRecord:
    """The record of a cycle that an earlier life has closed, and has not lived to record."""
    orders = CycleOrders()
    orders.begin(0.0, RECOVER)
    orders.inherited = inherited
    orders.reason = "its process ended before it was recorded"
    return build_record(plan, cycle, INTERRUPTED, legs, orders, 0.0)


def with_funding(record: CycleRecord, funding: Mapping[Leg, Decimal]) -> CycleRecord:
    """The record with that funding (positive: paid) on its legs, instead of what it had."""
    primary, hedge = funding.get(Leg.PRIMARY, ZERO), funding.get(Leg.HEDGE, ZERO)
    return msgspec.structs.replace(
        record,
        primary=msgspec.structs.replace(record.primary, funding=primary),
        hedge=msgspec.structs.replace(record.hedge, funding=hedge),
        pnl=record.pnl + record.primary.funding + record.hedge.funding - primary - hedge,
    )


def funding_of(record: CycleRecord) -> dict[Leg, Decimal]:
    """The funding that it has on its legs."""
    return {Leg.PRIMARY: record.primary.funding, Leg.HEDGE: record.hedge.funding}


def _merged(view: OrderView, known: OrderView) -> OrderView:
    """Views come in order from one actor, but not from two incarnations of it: nothing shrinks."""
    if known.state.resolved and not view.state.resolved:
        view = msgspec.structs.replace(view, state=known.state)
    grown = abs(view.signed_executed) - abs(known.signed_executed)
    if grown > 0 or (not grown and view.fills_complete >= known.fills_complete):
        return view
    return msgspec.structs.replace(known, state=view.state, reason=view.reason)


def _executed(view: OrderView) -> tuple[Decimal, Decimal]:
    """What an order executed, in quote currency and in base."""
    return view.quote_amount, abs(view.signed_executed)


def _average(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    amount = size = ZERO
    for more, of in parts:
        amount += more
        size += of
    return (amount / size).quantize(_PRICE_PLACES) if size else ZERO


def _slippage_bps(done: list[tuple[LegOrder, OrderView]]) -> Decimal:
    lost = at_mid = ZERO
    for order, view in done:
        expected = order.mid * abs(view.signed_executed)
        lost += (view.quote_amount - expected) * order.side.sign
        at_mid += expected
    return (lost / at_mid * _TO_BPS).quantize(Decimal("0.001")) if at_mid else ZERO
