"""What happened in a run cycle by cycle, from the ledger's records alone.

Cycles are counted as the venues count them for faults: one starts with the first order that is
accepted while both venues are flat again. What others trade by hand on the account is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from paper.naked import rank as nearest_rank
from paper.records import Accepted, AnyRecord, CancelAsked, Ended, Filled, Manual
from venues.model import BPS, ZERO

_NS_PER_S: Final = Decimal(1_000_000_000)
_NS_PER_MS: Final = 1_000_000
ACCOUNT: Final = "main"


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the two legs did not match by a lot or more. ``q_s`` is its N."""

    cycle: int
    start_ns: int
    end_ns: int
    q_s: Decimal

    @property
    def length_s(self) -> Decimal:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / _NS_PER_S


class CycleFigures(msgspec.Struct, kw_only=True):
    """One cycle. Money is in quote currency; fees and slippage are positive when paid.

    ``full`` are the venues where the whole size was held; ``exceeded``: more than that was.
    """

    number: int
    start_ns: int
    end_ns: int | None = None
    completed: bool = False
    fees: Decimal = ZERO
    slippage: Decimal = ZERO
    cash: Decimal = ZERO
    notional: Decimal = ZERO
    full: set[str] = msgspec.field(default_factory=set)
    exceeded: bool = False

    @property
    def pnl(self) -> Decimal:
        """What the cycle brought after fees, once it is flat."""
        return self.cash - self.fees


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. ``fill_to_hedge_ms``: a fill of the leader to the next order of the follower.

    ``cancel_to_end_ms``: from when a venue first hears that an order is to be cancelled to its end.
    """

    cycles: tuple[CycleFigures, ...]
    episodes: tuple[Episode, ...]
    fill_to_hedge_ms: tuple[float, ...]
    cancel_to_end_ms: tuple[float, ...]

    def first_incomplete(self, planned: int) -> int | None:
        """The first cycle that was begun, or should have been, and was not completed."""
        done = {cycle.number for cycle in self.cycles if cycle.completed}
        return next((number for number in range(1, planned + 1) if number not in done), None)

    def fee_bps(self, size: Decimal) -> Decimal:
        """Fees of all completed cycles, in bps of their notional: size times price, once."""
        return self._per_notional(sum((c.fees for c in self._completed()), ZERO), size)

    def cost_bps(self, size: Decimal) -> Decimal:
        """Fees and slippage against the mid, in the same way."""
        paid = sum((c.fees + c.slippage for c in self._completed()), ZERO)
        return self._per_notional(paid, size)

    def pnl_bps(self, size: Decimal) -> Decimal:
        """What completed cycles brought, in the same way."""
        return self._per_notional(sum((c.pnl for c in self._completed()), ZERO), size)

    def _completed(self) -> list[CycleFigures]:
        return [cycle for cycle in self.cycles if cycle.completed]

    def _per_notional(self, amount: Decimal, size: Decimal) -> Decimal:
        """``notional`` sums four executions of the size: in and out, on both legs."""
        notional = sum((cycle.notional for cycle in self._completed()), ZERO) / 4
        return (amount / notional / BPS).quantize(Decimal("0.01")) if notional else ZERO


class _Reader:
    """Replays the records."""

    def __init__(self, q: Decimal, lot: Decimal) -> None:
        self._q = q
        self._lot = lot
        self._held: dict[str, Decimal] = {}
        self._live: set[tuple[str, int]] = set()
        self._by_hand: set[tuple[str, int]] = set()
        self._primary = ""
        self._fill_ns: int | None = None
        self._naked_ns: int | None = None
        self._since_ns = 0
        self._area = ZERO
        self._cancelled_ns: dict[tuple[str, int], int] = {}
        self.cycles: list[CycleFigures] = []
        self.episodes: list[Episode] = []
        self.delays_ms: list[float] = []
        self.cancels_ms: list[float] = []

    def see(self, record: AnyRecord) -> None:
        """Take the next record in."""
        if isinstance(record, Manual):
            self._by_hand.add((record.venue, record.order_id))
        kinds = Accepted | Filled | Ended | CancelAsked
        if not isinstance(record, kinds) or record.account != ACCOUNT:
            return
        if (record.venue, record.order_id) in self._by_hand:
            return
        if isinstance(record, Accepted):
            self._accepted(record)
        elif isinstance(record, Filled):
            self._filled(record)
        elif isinstance(record, CancelAsked):
            self._cancelled_ns.setdefault((record.venue, record.order_id), record.at_ns)
        else:
            self._ended(record)

    def _ended(self, record: Ended) -> None:
        order = record.venue, record.order_id
        self._live.discard(order)
        asked_ns = self._cancelled_ns.pop(order, None)
        if asked_ns is not None:
            self.cancels_ms.append((record.at_ns - asked_ns) / _NS_PER_MS)
        self._end_if_flat(record.at_ns)

    def finish(self, end_ns: int) -> None:
        """The run is over: what is still naked has been so until now."""
        self._integrate(end_ns)
        if self._naked_ns is not None:
            self._end_episode(end_ns)

    def _accepted(self, record: Accepted) -> None:
        if not self.cycles or self.cycles[-1].end_ns is not None:
            self.cycles.append(CycleFigures(number=len(self.cycles) + 1, start_ns=record.at_ns))
            self._primary = record.venue
        self._live.add((record.venue, record.order_id))
        if record.venue != self._primary and self._fill_ns is not None:
            self.delays_ms.append((record.at_ns - self._fill_ns) / _NS_PER_MS)
            self._fill_ns = None

    def _filled(self, record: Filled) -> None:
        signed = record.side.sign * record.size
        self._integrate(record.at_ns)
        held = self._held[record.venue] = self._held.get(record.venue, ZERO) + signed
        if record.venue == self._primary and self._fill_ns is None:
            self._fill_ns = record.at_ns
        self._watch_net(record.at_ns)
        if not self.cycles:
            return
        cycle = self.cycles[-1]
        cycle.fees += record.fee
        cycle.slippage += signed * (record.price - record.mark)
        cycle.cash -= signed * record.price
        cycle.notional += record.size * record.price
        if abs(held) > self._q - self._lot:
            cycle.full.add(record.venue)
        cycle.exceeded = cycle.exceeded or abs(held) > self._q + self._lot
        self._end_if_flat(record.at_ns)

    def _end_if_flat(self, at_ns: int) -> None:
        """Flat means nothing held at all: a rest that is carried belongs to its cycle."""
        if not self.cycles or self.cycles[-1].end_ns is not None:
            return
        cycle = self.cycles[-1]
        if not any(self._held.values()) and not self._live and cycle.notional:
            cycle.end_ns = at_ns
            cycle.completed = len(cycle.full) == 2 and not cycle.exceeded
            self._fill_ns = None

    @property
    def _net(self) -> Decimal:
        return sum(self._held.values(), ZERO)

    def _integrate(self, at_ns: int) -> None:
        if self._naked_ns is not None:
            self._area += abs(self._net) * (at_ns - self._since_ns) / _NS_PER_S / self._q
        self._since_ns = at_ns

    def _watch_net(self, at_ns: int) -> None:
        naked = abs(self._net) >= self._lot
        if naked and self._naked_ns is None:
            self._naked_ns = at_ns
        elif not naked and self._naked_ns is not None:
            self._end_episode(at_ns)

    def _end_episode(self, at_ns: int) -> None:
        assert self._naked_ns is not None
        self.episodes.append(
            Episode(cycle=len(self.cycles), start_ns=self._naked_ns, end_ns=at_ns, q_s=self._area)
        )
        self._naked_ns, self._area = None, ZERO


def read(records: Sequence[AnyRecord], q: Decimal, lot: Decimal) -> Figures:
    """The figures of a run whose cycles are ``q`` large, and whose hedge moves in ``lot`` steps."""
    reader = _Reader(q, lot)
    for record in records:
        reader.see(record)
    if records:
        reader.finish(records[-1].at_ns)
    return Figures(
        cycles=tuple(reader.cycles),
        episodes=tuple(reader.episodes),
        fill_to_hedge_ms=tuple(reader.delays_ms),
        cancel_to_end_ms=tuple(reader.cancels_ms),
    )


def rank(values: Iterable[float], percent: int) -> float:
    """A percentile by nearest rank; 0 of nothing."""
    return nearest_rank(sorted(values), percent, 0.0)


def ranks(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and largest; 0 of nothing."""
    largest = max(values, default=0.0)
    return {"p50": rank(values, 50), "p99": rank(values, 99), "max": largest}
