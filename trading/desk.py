"""Where a desk is, the orders it wants, and the record that each cycle leaves. Pure data."""

from __future__ import annotations

import enum
from decimal import Decimal

import msgspec

from trading.leg import Leg
from venues.model import ZERO, Side


class Phase(enum.Enum):
    """Where a desk is. ``recovering``: what the venues hold is not known yet. ``unwinding`` and
    ``halted`` are the two ways out of trouble."""

    RECOVERING = "recovering"
    IDLE = "idle"
    OPENING = "opening"
    HOLDING = "holding"
    CLOSING = "closing"
    SETTLING = "settling"
    UNWINDING = "unwinding"
    HALTED = "halted"
    DONE = "done"

    __hash__ = object.__hash__


class DeskState(enum.Enum):
    """What a desk may do. ``frozen``: no new cycle, until a pause or a limit is over; ``reducing``:
    what is open is being closed before its time; ``halted``: the same, and for good."""

    RECOVERING = "recovering"
    TRADING = "trading"
    FROZEN = "frozen"
    REDUCING = "reducing"
    HALTED = "halted"
    DONE = "done"


class LegOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order the cycle wants on one leg, rounded; ids and expiries are added by its shell.

    ``mid`` is the venue's mid at the decision, ``trigger_s`` the monotonic moment at which the
    message that made it necessary was read (0 when no message did). ``rests_s``: it rests for so
    long at most, post-only; at 0 it takes what is there at once, and the venue cancels the rest.
    """

    leg: Leg
    cycle: int
    attempt: int
    side: Side
    size: Decimal
    price: Decimal
    reduce_only: bool
    adds_risk: bool
    mid: Decimal
    trigger_s: float
    rests_s: float = 0.0


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a cycle. ``price`` is its limit, ``mid`` the venue's mid at its decision.

    ``average_price`` is that of its ``fills``, ``fee`` their fees (a rebate is negative).
    ``ack_ms``: from the decision to the venue's first answer; None without one.
    """

    leg: Leg
    client_order_id: int
    side: Side
    size: Decimal
    price: Decimal
    mid: Decimal
    reduce_only: bool
    executed: Decimal
    average_price: Decimal
    fills: int
    fee: Decimal
    state: str
    reason: str
    ack_ms: float | None


class LegRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a cycle did on one leg. ``slippage_bps``: worse than the mid at decision is positive.

    ``forced`` is what of ``traded`` no order of ours did: its venue by itself, or somebody by hand.
    ``funding`` is what its venue booked while it was open, positive when paid.
    """

    venue: str
    symbol: str
    traded: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    gross_pnl: Decimal
    slippage_bps: Decimal
    orders: int
    fills: int = 0
    funding: Decimal = ZERO
    forced: Decimal = ZERO


class CycleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record every cycle ends with. ``pnl`` is after fees and funding; a rebate is negative.

    ``outcome``: ``completed``, ``unwound`` (the hedge could not be had), ``abandoned`` (nothing
    was executed), ``recovered`` (found open at start, and closed) or ``interrupted`` (closed by an
    earlier life, and recorded by this one); ``reason`` is why, unless it was completed without
    trouble. ``naked_ms`` and ``naked_q_s`` (in units of the size, times
    seconds) are by episode. ``fill_to_hedged_ms``: from a fill's frame to that of its hedge's last
    fill. A record may come again with its money put right: funding is booked late.
    """

    desk: str
    cycle: int
    outcome: str
    direction: str
    size: Decimal
    primary: LegRecord
    hedge: LegRecord
    pnl: Decimal
    naked_ms: tuple[float, ...]
    fill_to_hedge_sent_ms: tuple[float, ...]
    decision_to_ack_ms: tuple[float, ...]
    fees_complete: bool
    duration_s: float
    reason: str = ""
    naked_q_s: tuple[float, ...] = ()
    fill_to_hedged_ms: tuple[float, ...] = ()
    orders: tuple[OrderRecord, ...] = ()
