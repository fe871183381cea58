"""When an order that rests at the touch has to go, and at what price the next one rests. Pure."""

from __future__ import annotations

from decimal import Decimal

from trading.desk import LegOrder
from trading.plan import MakerPlan
from venues.model import BPS, Instrument, Quote, Side


def resting_price(instrument: Instrument, quote: Quote, side: Side) -> Decimal:
    """The best price of our own side: a buy joins the bid, a sell the ask.

    Rounded away from the other side, so that it does not cross.
    """
    return instrument.cap_price(quote.touch(side.opposite), side)


def why_replace(
    order: LegOrder, plan: MakerPlan, quote: Quote, age_s: float, requotes_used: int
) -> str:
    """Why a resting order has to be cancelled, or "".

    ``requotes_used`` have been placed so far. One that is the last is not moved: it rests for its
    time.
    """
    if age_s >= plan.max_age_s:
        return f"rested for {plan.max_age_s} s"
    away_bps = _away_bps(order, quote)
    if away_bps > plan.follow_bps and requotes_used < plan.requotes:
        return f"the touch is {away_bps:.1f} bps away"
    return ""


def _away_bps(order: LegOrder, quote: Quote) -> Decimal:
    """How far the touch of the order's side has moved away from it: up for a buy."""
    touch = quote.touch(order.side.opposite)
    return (touch - order.price) * order.side.sign / order.price / BPS
