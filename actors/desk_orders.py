"""A desk's orders on their way out: ids, expiries, and who of the venues' actors has them.

Its coordinator calls in its own thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from actors import orders
from actors.journal import BeginEpoch, JournalUnusable
from supervision.directory import Address
from supervision.errors import AskTimeout, Unavailable
from trading.desk import LegOrder
from trading.ids import IdAllocator, wide_id
from trading.leg import Leg
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.model import GRVT, ZERO, Instrument, NewOrder, TimeInForce

_RECORD_S: Final = 1.0  # shorter than the coordinator's watchdog's
_SECOND_NS: Final = 1_000_000_000
_CANCELLED_BY_S: Final = 5.0  # what rests is cancelled by us first; if we are gone, it ends here


class DeskOrders:
    """The orders of the running cycle, by leg and attempt."""

    def __init__(
        self,
        desk: str,
        instruments: Mapping[Leg, Instrument],
        expiry_s: Mapping[Leg, float],
        ids: IdAllocator,
        venues: Mapping[Leg, Address],
    ) -> None:
        self._desk = desk
        self._instruments = instruments
        self._expiry_s = expiry_s
        self._ids = ids
        self._venues = venues
        self._sent: dict[tuple[Leg, int], NewOrder] = {}
        self._attempts: dict[tuple[Leg, int], int] = {}  # by leg and client order id
        self._decided_s: dict[int, float] = {}

    def place(self, order: LegOrder, now_s: float) -> OrderView | None:
        """Give it an id and an expiry and hand it over; its view if nobody was there to take it.

        ``now_s`` is the monotonic moment of the decision. Raises IdsUsedUp.
        """
        compact = self._ids.next()
        instrument = self._instruments[order.leg]
        now_ns = time.time_ns()
        rests_s = order.rests_s and order.rests_s + _CANCELLED_BY_S
        expiry_s = rests_s or self._expiry_s[order.leg]
        new = NewOrder(
            symbol=instrument.symbol,
            side=order.side,
            size=order.size,
            price=order.price,
            time_in_force=TimeInForce.GTC if order.rests_s else TimeInForce.IOC,
            client_order_id=wide_id(compact) if instrument.venue == GRVT else compact,
            expires_ns=now_ns + int(expiry_s * _SECOND_NS),
            created_ns=now_ns,
            nonce=compact,
            post_only=bool(order.rests_s),
            reduce_only=order.reduce_only,
        )
        self._sent[order.leg, order.attempt] = new
        self._decided_s[new.client_order_id] = now_s
        self._attempts[order.leg, new.client_order_id] = order.attempt
        try:
            submit = orders.SubmitOrder(new, order.adds_risk, self._desk, now_s)
            self._venues[order.leg].tell(submit)
        except Unavailable as error:
            return _not_sent(new, str(error))
        return None

    def renew_ids(self, journal: Address) -> str:
        """Take ids of a new run epoch while nothing is open, if few are left; "" or why not."""
        if not self._ids.low:
            return ""
        try:
            self._ids.renew(journal.ask(BeginEpoch(self._ids.epoch), timeout_s=_RECORD_S))
        except (Unavailable, AskTimeout, JournalUnusable) as error:
            return str(error)
        return ""

    def cancel(self, leg: Leg, attempt: int) -> None:
        """Have an order cancelled. Who asks for too much, or after its end, does no harm."""
        new = self._sent.get((leg, attempt))
        if new is not None:
            self._venues[leg].offer(orders.CancelOrder(new.client_order_id))

    def attempt(self, leg: Leg, client_order_id: int) -> int | None:
        """Which of the leg's orders has that id; None for one of another cycle."""
        return self._attempts.get((leg, client_order_id))

    @property
    def ids(self) -> frozenset[int]:
        """The client order ids of this cycle's orders."""
        return frozenset(number for _, number in self._attempts)

    def hand_over(self, leg: Leg, unresolved: Iterable[LegOrder]) -> bool:
        """The venue's orders actor is a new one: have it find out about what is unresolved.

        False when it could not be told of everything; it does no harm to tell it twice.
        """
        keys = [(order.leg, order.attempt) for order in unresolved if order.leg is leg]
        orphans = [self._sent[key] for key in keys if key in self._sent]
        venue = self._venues[leg]
        return all(
            venue.offer(orders.AdoptOrder(new, self._desk, self._decided_s[new.client_order_id]))
            for new in orphans
        )

    def release(self) -> None:
        """The cycle is over: nobody needs its orders any more."""
        for leg in Leg:
            ids = tuple(new.client_order_id for (of, _), new in self._sent.items() if of is leg)
            self._venues[leg].offer(orders.ReleaseOrders(ids))
        self._sent.clear()
        self._attempts.clear()
        self._decided_s.clear()

    def verify_positions(self, *legs: Leg) -> None:
        """Have positions read at the venues."""
        for leg in legs:
            self._venues[leg].offer(orders.VerifyPositions())


def _not_sent(new: NewOrder, reason: str) -> OrderView:
    return OrderView(
        client_order_id=new.client_order_id,
        symbol=new.symbol,
        size=new.size,
        signed_executed=ZERO,
        quote_amount=ZERO,
        fees=ZERO,
        state=OrderState.NOT_SENT,
        reason=reason,
        fills_complete=True,
    )
