"""How a desk's orders go out, and what follows from how each of them ended. Pure.

One unresolved order a leg at most. One that takes what is there climbs the ladder while it is not
filled; one that rests (``trading.quoting``) is cancelled as soon as anything speaks against it, and
that is a wish: it counts until its end is known. What is refused waits longer each time. A venue
that says there is nothing to reduce is believed so far that its position is read anew first.
"""

from __future__ import annotations

import abc
from decimal import Decimal
from typing import Final

from trading.cycle_control import ControlledDesk
from trading.cycle_effects import CancelOrder, CheckPositions, PlaceOrder
from trading.desk import LegOrder, Phase
from trading.evidence import READINGS
from trading.leg import Leg
from trading.leg_state import LegState, Unexplained
from trading.orders import OrderView
from trading.quoting import resting_price, why_replace
from trading.transitions import OrderState
from venues.model import Quote, Refusal, Side

MAX_UNFILLED = 128
"""Orders on one leg in one cycle that did not fill whole: beyond that, nothing more is opened."""

_NO_TRY: Final = (Refusal.RATE, Refusal.MARKET)  # a maintenance lasts as long as it lasts
_LONGEST_PAUSE = 4  # times the retry pause, after refusals in a row
_NOT_REDUCED = 2  # refusals to reduce in a row, before the position is read
_REASON_WITHIN_S = 0.1  # the reply said only that an order ended; the stream says why
_CANCEL_AGAIN_S = 1.0  # the wish may have been lost with whoever was to carry it out


class PlacingDesk(ControlledDesk, abc.ABC):
    """A desk that places and cancels orders."""

    # -- orders out -------------------------------------------------------------------------------

    def _move(self, which: Leg, wanted: Decimal, now_s: float) -> bool:
        """Place an order that moves a leg by ``wanted``; True when there is one to wait for."""
        leg = self.legs[which]
        if self.orders.live(which):
            return True
        if not self._tradable(which, wanted):
            leg.calm()
            return False
        if self._may_order(leg, wanted, now_s) and leg.quote is not None:
            side = Side.towards(wanted)
            price = self._capped_price(leg, leg.quote, side, now_s)
            self._place(leg, leg.quote, side, price, wanted, now_s)
        return True

    def _rest(self, wanted: Decimal, now_s: float) -> bool:
        """Place an order on the primary that rests at the touch; True as for ``_move``."""
        leg = self.legs[Leg.PRIMARY]
        if not self._tradable(Leg.PRIMARY, wanted):
            return False
        due = now_s >= leg.next_requote_s
        if due and self._may_order(leg, wanted, now_s) and leg.quote is not None:
            side = Side.towards(wanted)
            price = resting_price(leg.instrument, leg.quote, side)
            leg.requotes_used += 1
            leg.next_requote_s = now_s + self.plan.maker.requote_s
            leg.cancel_again_s = float("-inf")
            self._place(
                leg, leg.quote, side, price, wanted, now_s, rests_s=self.plan.maker.max_age_s
            )
        return True

    def _may_order(self, leg: LegState, wanted: Decimal, now_s: float) -> bool:
        if leg.doubt or not leg.ready or leg.quote is None or now_s < leg.next_try_s:
            return False
        if leg.unexplained is not None:
            return False
        return self._takes(leg.leg, wanted)

    def _place(
        self,
        leg: LegState,
        quote: Quote,
        side: Side,
        price: Decimal,
        wanted: Decimal,
        now_s: float,
        rests_s: float = 0.0,
    ) -> None:
        if leg.misses >= MAX_UNFILLED:
            self._halt(f"{leg.misses} orders on one leg in one cycle did not fill")
        size = leg.instrument.floor_size(min(abs(wanted), self.plan.size))
        ours = self.position(leg.leg)
        held = ours + leg.outside  # what the venue looks at
        reducing = ours * wanted < 0 and size <= abs(ours)
        order = LegOrder(
            leg=leg.leg,
            cycle=self.cycle,
            attempt=leg.orders_placed,
            side=side,
            size=size,
            price=price,
            reduce_only=reducing and held * wanted < 0 and size <= abs(held),
            adds_risk=self.phase is Phase.OPENING and leg.leg is Leg.PRIMARY and not reducing,
            mid=quote.mid,
            trigger_s=self._trigger_s,
            rests_s=rests_s,
        )
        leg.orders_placed += 1
        self.orders.placed(order, now_s)
        self._effects.append(PlaceOrder(order))

    # -- what rests -------------------------------------------------------------------------------

    def _tend(self, now_s: float) -> None:
        """Cancel what rests as soon as it should not any more."""
        for order, placed_s in self.orders.resting():
            leg = self.legs[order.leg]
            if now_s < leg.cancel_again_s:
                continue
            why = self._against(order, now_s) or self._displaced(order, now_s - placed_s)
            if why:
                leg.cancel_again_s = now_s + _CANCEL_AGAIN_S
                self._effects.append(CancelOrder(order.leg, order.attempt, why))

    def _against(self, order: LegOrder, now_s: float) -> str:
        """Why nothing may rest now, or ""."""
        hedge = self.legs[Leg.HEDGE]
        phase = Phase.OPENING if order.adds_risk else Phase.CLOSING
        if self.leaving or self._ending or self.phase is not phase:
            return "what is open is closed at once"
        failing = hedge.misses_in_a_row or hedge.unexplained or hedge.shut or hedge.doubt
        if failing or self.legs[order.leg].doubt:
            return "the hedge is failing"
        if order.adds_risk:
            return "" if self._may_add(now_s) else "; ".join(self.waiting)
        return "" if self._may_rest(now_s) else "a venue is not ready, or has no fresh price"

    def _may_rest(self, now_s: float) -> bool:
        """True while what a resting order executes could be hedged at a known price."""
        age_s = self.plan.max_quote_age_s
        return all(leg.ready and leg.fresh_quote(now_s, age_s) for leg in self.legs.values())

    def _displaced(self, order: LegOrder, age_s: float) -> str:
        leg = self.legs[order.leg]
        if leg.quote is None:
            return "no price"
        return why_replace(order, self.plan.maker, leg.quote, age_s, leg.requotes_used)

    def _resting_due_s(self) -> list[float]:
        """Moments at which something that rests, or is to rest, may have to be looked at."""
        moments = [self.legs[Leg.PRIMARY].next_requote_s]
        for order, placed_s in self.orders.resting():
            leg = self.legs[order.leg]
            moments += [placed_s + self.plan.maker.max_age_s, leg.cancel_again_s]
            age_s = self.plan.max_quote_age_s + 0.001
            moments += [state.quoted_s + age_s for state in self.legs.values()]
        return moments

    # -- how orders end ---------------------------------------------------------------------------

    def _order_over(self, leg: LegState, attempt: int, view: OrderView, now_s: float) -> None:
        """An order has just ended. Why it did decides whether it is repeated."""
        if view.reason_follows and not self.orders.order(leg.leg, attempt).rests_s:
            leg.unexplained = Unexplained(attempt, now_s + _REASON_WITHIN_S)
        else:
            self._after_order(leg, attempt, view, now_s)

    def _explained(self, leg: LegState, attempt: int, view: OrderView, now_s: float) -> None:
        """Why an order ended is known now. After its judgement it is too late to say so."""
        waited = leg.unexplained
        if waited is not None and waited.attempt == attempt:
            self._judge(leg, waited, view, now_s)

    def _judge_unexplained(self, now_s: float) -> None:
        """Orders whose reason was waited for long enough are judged without it."""
        for leg in self.legs.values():
            waited = leg.unexplained
            if waited is not None and now_s >= waited.until_s:
                view = self.orders.view(leg.leg, waited.attempt)
                self._judge(leg, waited, view, now_s)

    def _judge(self, leg: LegState, waited: Unexplained, view: OrderView, now_s: float) -> None:
        leg.unexplained = None
        self._after_order(leg, waited.attempt, view, now_s)
        if waited.forgiven:
            leg.calm()

    def _unexplained_due_s(self) -> list[float]:
        waited = (leg.unexplained for leg in self.legs.values())
        return [each.until_s for each in waited if each is not None]

    def _after_order(self, leg: LegState, attempt: int, view: OrderView, now_s: float) -> None:
        order = self.orders.order(leg.leg, attempt)
        self._note_key(leg, view)
        if abs(view.signed_executed) >= view.size:
            leg.filled_whole(now_s)
            return
        self._note_refusal(leg, order, view)
        no_try = view.refusal in _NO_TRY
        leg.misses += not no_try
        turned_away = no_try or view.state is OrderState.NOT_SENT
        leg.turned_away = leg.turned_away + 1 if turned_away else 0
        refused = turned_away or view.state is OrderState.REJECTED
        leg.refusals = leg.refusals + 1 if refused else 0
        leg.next_try_s = now_s + self._pause_s(leg, order, view, now_s)
        self._note_unreduced(leg, order, view, now_s)

    def _pause_s(self, leg: LegState, order: LegOrder, view: OrderView, now_s: float) -> float:
        """How long the leg waits before its next order."""
        if leg.refusals and view.refusal is not Refusal.POST_ONLY:
            # Too many requests say nothing of the order, and are not one of its tries.
            leg.misses_in_a_row += not order.rests_s and view.refusal is not Refusal.RATE
            return self.plan.retry_s * min(1 << (leg.refusals - 1), _LONGEST_PAUSE)
        if order.rests_s:
            return 0.0  # the next one has a moment of its own
        leg.misses_in_a_row += 1
        return 0.0 if leg.climb.missed(now_s) else self.plan.retry_s

    def _note_unreduced(
        self, leg: LegState, order: LegOrder, view: OrderView, now_s: float
    ) -> None:
        """Orders to reduce that do nothing: our idea of the position may be wrong.

        Beside a position of somebody else's they are not reduce-only.
        """
        reduces = order.reduce_only or order.side.sign * self.position(leg.leg) < 0
        vain = reduces and not view.signed_executed and not order.rests_s
        said = order.reduce_only and view.refusal is Refusal.REDUCE_ONLY
        leg.vain_reductions = leg.vain_reductions + 1 if vain or said else 0
        if not (reduces or order.rests_s):
            leg.vain_additions = 0 if view.signed_executed else leg.vain_additions + 1
        if said and leg.vain_reductions >= _NOT_REDUCED:
            self._doubt(leg, f"{leg.instrument.venue} says that there is nothing to reduce", now_s)
        elif leg.vain_reductions >= READINGS:
            if leg.vain_reductions == READINGS:
                leg.evidence.forget()
            self._ask_positions(now_s, self.plan.retry_s)

    def _doubt(self, leg: LegState, why: str, now_s: float) -> None:
        """Order nothing more on a leg before its position has been read anew."""
        leg.doubt = leg.doubt or why
        leg.evidence.forget()
        self._ask_positions(now_s, self.plan.retry_s)

    def _ask_positions(self, now_s: float, period_s: float) -> None:
        if now_s - self._asked_positions_s >= period_s:
            self._asked_positions_s = now_s
            self._effects.append(CheckPositions())
