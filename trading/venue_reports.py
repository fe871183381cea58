"""What a venue says of its orders, fills and positions, and what may be concluded from it. Pure.

The middle of ``trading.order_manager``: nothing here depends on which connection is up.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from trading.foreign_orders import name_of
from trading.order_effects import (
    AskBalances,
    AskFills,
    AskPositions,
    CancelOrder,
    Effect,
    PublishBalances,
    PublishDrift,
    PublishForced,
    PublishOutside,
    PublishPositions,
)
from trading.orders import Order
from trading.reads import Read
from trading.transitions import OrderEvent, OrderState
from trading.venue_orders import MAX_CANCELS, VenueOrders
from venues.errors import KeyRefusal
from venues.model import ZERO, AccountSummary, Fill, OrderUpdate, Position, Refusal, Side

_SECOND_NS: Final = 1_000_000_000
_CLOCKS_DIFFER_NS: Final = 3_600 * _SECOND_NS  # enough for clocks, too short for ids to come again


class VenueReports(VenueOrders):
    """Takes in what one venue reports, whichever way it came."""

    def updated(self, update: OrderUpdate, received_s: float) -> list[Effect]:
        """A reply, query or stream message about one order."""
        self._passed(received_s)
        order = self._find(update.client_order_id, update.venue_order_id)
        if order is None:
            return self._stranger(update)
        if self._of_another(order, update.symbol, update.side, update.event_ns):
            return self._stranger(update) + self._weigh_end(order, received_s)
        before = order.executed
        changed = order.apply_update(update)
        self._note_moved(order, before)
        effects = self._publish(order, received_s) if changed else []
        if order.disputed and update.status.terminal:
            # It says in every way that it is over: with all other evidence, twice, it is.
            return effects + self._weigh_end(order, received_s)
        self._absence(order).reset()
        if not update.status.terminal:
            order.cancel.seen_live_s = max(order.cancel.seen_live_s, received_s)
        return effects

    def filled(self, fill: Fill, received_s: float) -> list[Effect]:
        """One execution, from the feed or a history: counted once."""
        self._passed(received_s)
        order = self._find(fill.client_order_id, fill.venue_order_id)
        if order is None or self._of_another(order, fill.symbol, fill.side, fill.event_ns):
            return self._foreign_fill(fill)
        self._last_fill_ns = max(self._last_fill_ns, fill.event_ns)
        before = order.executed
        if not order.apply_fill(fill):
            return []
        self._note_moved(order, before)
        self._absence(order).reset()
        return self._mirror.fill(fill) + self._publish(order, received_s)

    def not_sent(
        self, client_order_id: int, reason: str, refusal: Refusal | None = None
    ) -> list[Effect]:
        """Nothing of the order left the process (the gateway was not there, or held it back).

        Of one that the venue has told of this is not true: it goes on as the venue says.
        """
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved or order.known_to_venue:
            return []
        order.refusal = refusal
        return self._withhold(order, reason)

    def refused(
        self,
        client_order_id: int,
        reason: str,
        received_s: float,
        key_refusal: KeyRefusal | None = None,
        refusal: Refusal | None = None,
    ) -> list[Effect]:
        """The venue refused it for certain, perhaps over our key: nothing of it executes."""
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved:
            return []
        order.reason = reason
        order.key_refusal = key_refusal
        order.refusal = refusal
        if order.executed:
            order.disputed = f"refused with {order.executed} executed"
            order.happen(OrderEvent.LOSE)
        else:
            order.happen(OrderEvent.REJECT)
        return self._publish(order, received_s)

    def absent(self, client_order_id: int, now_s: float) -> list[Effect]:
        """The venue, asked for the order, does not know it.

        When the order can no longer execute is told by the monotonic clock: the other one jumps.
        """
        self._passed(now_s)
        order = self.orders.get(client_order_id)
        return [] if order is None else self._weigh_end(order, now_s)

    def fills_read(
        self, fills: tuple[Fill, ...], received_s: float, since_ns: int = 0
    ) -> list[Effect]:
        """Fill history, complete from ``since_ns`` (UTC), the moment asked for."""
        news = [effect for fill in fills for effect in self.filled(fill, received_s)]
        effects = [effect for effect in news if effect != AskPositions()]
        if len(effects) < len(news):  # one reading judges all fills that are not ours
            effects.append(AskPositions())
        for absence in self._absences.values():
            absence.fills_read()
        lacking = any(o.state.resolved and not o.fills_complete for o in self.orders.values())
        self._vain_fill_reads = self._vain_fill_reads + 1 if lacking else 0
        if self._fills_from_ns is not None and since_ns <= self._fills_from_ns:
            self._fills_from_ns = None
        if self._look_again_ns is not None and self._caught_up and since_ns <= self._look_again_ns:
            self._look_again_ns = None
        return effects + self._answered(Read.FILLS)

    def open_orders_read(self, updates: tuple[OrderUpdate, ...], received_s: float) -> list[Effect]:
        """Everything that rests at the venue."""
        effects: list[Effect] = []
        for update in updates:
            effects += self.updated(update, received_s) + self._unwanted(update)
        self._foreign_orders.listed({name_of(update) for update in updates})
        if self._reads.asked_s(Read.OPEN_ORDERS) >= self._listed_from_s:
            self._lists_again = False
        return effects + self._answered(Read.OPEN_ORDERS)

    def withheld(self, read: Read) -> list[Effect]:
        """A read was not sent: our own rate limit. It is asked again at the next look."""
        self._reads.withheld(read)
        return []

    def positions_read(
        self, positions: tuple[Position, ...], asked_s: float = float("inf")
    ) -> list[Effect]:
        """All positions of the account; a symbol that is not listed is flat.

        Asked for at ``asked_s``: an answer may lie here unheard while the process stands still.
        """
        held = {position.symbol: position.size for position in positions}
        self.positions = {symbol: held.get(symbol, ZERO) for symbol in self._symbols}
        self._weigh_absences(self.positions)
        unsettled, drifts = self._compare(self.positions, min(asked_s, self._now_s))
        if not (self._history_known or self._caught_up):
            unsettled = self._symbols
        published = PublishPositions(dict(self.positions), unsettled, positions, asked_s)
        effects: list[Effect] = [published, *drifts]
        return effects + self._outside(held) + self._answered(Read.POSITIONS)

    def balances_read(self, summary: AccountSummary) -> list[Effect]:
        """The account's money."""
        return [PublishBalances(summary), *self._answered(Read.BALANCES)]

    def money_moved(self, now_s: float) -> list[Effect]:
        """A cycle is over: the account's money is read again, since the next is judged by it."""
        self._passed(now_s)
        at_once = self._asking and self._reads.money_moved(now_s)
        return [AskBalances()] if at_once else []

    def position_seen(self, position: Position) -> list[Effect]:
        """A position change on the feed; one that our orders do not explain is read again."""
        symbol = position.symbol
        if symbol not in self._symbols or not self.ready or self._unresolved_in(symbol):
            return []
        expected = self._check.expected(symbol, self._executed().get(symbol, ZERO))
        return [] if expected in (None, position.size) else [AskPositions()]

    def clock_checked(self, trouble: str) -> list[Effect]:
        """The venue's clock was compared with ours: "", or why signatures can't be trusted."""
        self.clock_trouble = trouble
        return self._announce()

    def journal_checked(self, trouble: str) -> list[Effect]:
        """Whether the journal takes intents: "", or why nothing that adds risk can be recorded.

        Orders would be withheld one by one; so the venue's desks do not try, and do not pause
        longer and longer over cycles that came to nothing.
        """
        self.journal_trouble = trouble
        return self._announce()

    # -- inside ---------------------------------------------------------------------------------

    def _compare(
        self, held: Mapping[str, Decimal], asked_s: float
    ) -> tuple[frozenset[str], list[PublishDrift]]:
        """The symbols of which a reading is in question, and what has drifted.

        Each for itself: other desks' orders say nothing about a symbol, and there always are some.
        """
        executed, unsettled, drifts = self._executed(), set[str](), []
        for symbol, size in held.items():
            live = self._unresolved_in(symbol)
            if live:  # what is in doubt may be in the position or not
                unsettled.update(() if all(map(self._past, live)) else (symbol,))
                continue
            suspects, details = self._check.compare({symbol: size}, executed, asked_s)
            unsettled.update(suspects)
            drifts += [PublishDrift(detail, symbol) for detail in details]
        return frozenset(unsettled), drifts

    def _outside(self, held: Mapping[str, Decimal]) -> list[Effect]:
        """Positions that nobody here trades: a notice, or drift of the whole venue if new."""
        others = {symbol: size for symbol, size in held.items() if symbol not in self._symbols}
        before, since = self._foreign_orders.positions_read(others)
        notices: list[Effect] = [
            PublishOutside(f"{symbol}: {others[symbol]} is held, which no desk trades")
            for symbol in before
        ]
        return notices + [
            PublishDrift(f"{symbol}: {others[symbol]} has appeared, which no desk trades")
            for symbol in since
        ]

    def _note_moved(self, order: Order, before: Decimal) -> None:
        """Readings of positions that are under way now may not show what it has executed since."""
        more = order.executed - before
        if more:
            self._check.moved(order.new.symbol, more * order.new.side.sign, self._now_s)

    def _of_another(self, order: Order, symbol: str, side: Side | None, event_ns: int) -> bool:
        """True for news with the id of ``order`` that is not about it: of a run that is forgotten.

        Ids are 32 bits, and a journal may have been restored from a copy. Our UTC clock jumps: an
        order is as old as it says, or as it was by the monotonic clock when we began; while our
        clock is known to be wrong, its age says nothing.
        """
        new, begun_s = order.new, order.decided_s
        if (symbol and symbol != new.symbol) or side not in (None, new.side):
            return True
        begun_s = order.handed_s if begun_s is None else begun_s
        begun_ns = new.created_ns
        if begun_s > float("-inf"):
            since_ns = int((begun_s - self._started_s) * _SECOND_NS)
            begun_ns = min(begun_ns, self._started_ns + since_ns)
        return not self.clock_trouble and 0 < event_ns < begun_ns - _CLOCKS_DIFFER_NS

    def _stranger(self, update: OrderUpdate) -> list[Effect]:
        """An order that is not ours and stays open is drift; late news of ours is not."""
        if update.status.terminal or update.symbol not in self._symbols:
            return []
        if self._foreign_orders.was_ours(update.client_order_id) or self._left_over(update):
            return []
        name = name_of(update)
        if not self._foreign_orders.stays(name, self._now_s):
            return []
        detail = f"{update.symbol}: order {name} is live and not ours"
        return [PublishDrift(detail, update.symbol)]

    def _left_over(self, update: OrderUpdate) -> bool:
        return self._of_earlier_life(update.client_order_id, update.event_ns)

    def _unwanted(self, update: OrderUpdate) -> list[Effect]:
        """An order of ours in the list of open ones that is over for us, or that nobody knows."""
        client_order_id = update.client_order_id
        if client_order_id is None or update.status.terminal:
            return []
        order = self.orders.get(client_order_id)
        over = self._foreign_orders.was_ours(client_order_id) or (order and order.state.resolved)
        name = name_of(update)
        # A list may be older than the end that we know of; one of an earlier life has no end yet.
        if over and not self._foreign_orders.stays(name, self._now_s):
            return []
        if not over and (order is not None or not self._left_over(update)):
            return []
        if self._foreign_orders.may_cancel(name, MAX_CANCELS):
            return [CancelOrder(update.symbol, client_order_id)]
        return [PublishDrift(f"{update.symbol}: order {name} can not be cancelled", update.symbol)]

    def _foreign_fill(self, fill: Fill) -> list[Effect]:
        # Somebody else's, a liquidation, or of an order we have forgotten: the position decides.
        if not self._foreign_orders.remember_fill(fill):
            return []
        if fill.forced and fill.symbol in self._symbols:
            since_s = (fill.event_ns - self._started_ns) / _SECOND_NS
            if since_s < 0:
                return [AskPositions()]  # what is held at the start is without it
            # Explained by this: what is still in doubt is judged by what the venue holds since.
            at_s = self._started_s + since_s
            self._check.forced(fill.symbol, fill.signed_size, at_s, self._now_s)
            word = f"{fill.symbol}: the venue closed {fill.size} by itself, trade {fill.trade_id}"
            return [
                *self._mirror.fill(fill), AskPositions(), PublishForced(fill.symbol, word, fill),
            ]  # fmt: skip
        ours = self._foreign_orders.was_ours(fill.client_order_id)
        if ours or self._of_earlier_life(fill.client_order_id, fill.event_ns):
            return [*self._mirror.fill(fill), AskPositions()]
        # Without an id it may be ours and forgotten. One with somebody else's, executed since we
        # began, means that another trader is on this account: who starts last sees the other's
        # first. What was before may be of a run whose record is elsewhere, and that is over.
        since = fill.event_ns >= self._started_ns
        if fill.client_order_id is None or not since or fill.symbol not in self._symbols:
            return [AskPositions()]
        detail = f"{fill.symbol}: order {fill.client_order_id} has executed and is not ours"
        return [AskPositions(), PublishDrift(detail, fill.symbol)]

    def _weigh_end(self, order: Order, now_s: float) -> list[Effect]:
        """The venue does not know it, or says that it is over and not how: is it proven?"""
        late_s = now_s - order.over_s(now_s)
        live = late_s >= self._timing.live_settle_s and self._live_evidence(order)
        settled = late_s >= self._timing.settle_s
        if order.state.resolved or not (live or settled):
            return []
        if order.state is not OrderState.IN_DOUBT:
            order.happen(OrderEvent.LOSE)
        absence = self._absence(order)
        if not live:
            absence.live.reset()
        absence.live.times += live
        absence.settled.times += settled
        if not absence.proven:
            return [AskFills(self._since_ns(order)), AskPositions()]
        order.reason = "unknown to the venue" if order.executed else "never reached the venue"
        if order.disputed:
            order.reason = f"the venue contradicts itself: {order.disputed}"
        order.happen(OrderEvent.PROVE_ABSENT)
        return self._publish(order)

    def _past(self, order: Order) -> bool:
        """True once nothing of it executes any more, though nobody may know yet what did."""
        over_s = order.over_s(self._now_s)
        # Not every venue ends what rests by itself.
        return order.cancel.seen_live_s < over_s and (
            self._now_s >= over_s + self._timing.live_settle_s
        )

    def _live_evidence(self, order: Order) -> bool:
        """True when its execution would have shown in feed and position (``trading.absence``)."""
        symbol = order.new.symbol
        alone = self._unresolved_in(symbol) == [order]
        sure = self._check.likely(symbol, ZERO) is not None
        written_s = order.sent_s or order.handed_s
        return alone and sure and not order.executed and self._feed_s <= written_s

    def _weigh_absences(self, held: Mapping[str, Decimal]) -> None:
        """A position that the order in doubt could be a part of speaks against its absence."""
        executed = self._executed()
        for client_order_id, absence in self._absences.items():
            order = self.orders[client_order_id]
            symbol = order.new.symbol
            likely = self._check.likely(symbol, executed.get(symbol, ZERO))
            expected = self._check.expected(symbol, executed.get(symbol, ZERO))
            expected = likely if expected is None else expected
            if expected is None or symbol not in held:
                absence.position_read(possible=False, exact=False)
                continue
            extra = (held[symbol] - expected) * order.new.side.sign
            possible = ZERO < extra <= order.new.size - order.executed
            absence.position_read(possible=possible, exact=held[symbol] == likely)

    def _answered(self, read: Read) -> list[Effect]:
        self._reads.answered(read, self._now_s)
        if (self._connected or self._detour) and self._reads.complete:
            self.ready = True
        return self._announce()
