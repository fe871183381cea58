"""What the journal's file tells those who ask: where desks, orders and runs left off."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from trading.desk import OrderRecord
from trading.funding import CycleEnd, DeskEnds
from trading.leg import Leg
from trading.results import NOTHING_OLDER, CycleResult, Tally
from trading.volume import volume_of
from venues.model import ZERO, NewOrder


class UnresolvedIntent(msgspec.Struct, frozen=True):
    """An order that was, or may have been, sent, and of which no outcome is on record."""

    new: NewOrder
    desk: str


class OrdersOnRecord(msgspec.Struct, frozen=True):
    """What the journal knows of one venue's orders.

    ``fill_keys`` are those of the last two days. ``last_fill_ns`` (UTC, the venue's) is that of
    the latest fill on record; without one, our moment of the first run, 0 before that.
    """

    unresolved: tuple[UnresolvedIntent, ...]
    fill_keys: tuple[tuple[str, str, str], ...]
    last_fill_ns: int


class DeskHistory(msgspec.Struct, frozen=True):
    """Where a desk left off.

    ``open_cycle`` is the cycle that was started and not recorded as over, or 0, ``open_size`` its
    size. ``finished`` counts the cycles that traded and ended at or after the moment asked for.
    ``halted`` is why the desk halted and nobody has resumed it since, or empty. ``ignored`` are
    positions, signed, by leg, that an operator has said to be somebody else's. ``traded`` is what
    the primary has traded on the day asked for, in quote currency.
    """

    next_cycle: int
    open_cycle: int
    finished: int
    open_size: str = ""
    halted: str = ""
    paused: bool = False
    ignored: dict[str, Decimal] = {}
    traded: Decimal = ZERO

    @property
    def outside(self) -> dict[Leg, Decimal]:
        """What is ``ignored``, by leg."""
        return {Leg(leg): size for leg, size in self.ignored.items()}


class ResultsOnRecord(msgspec.Struct, frozen=True):
    """What the latest cycles of some desks came to, and in the ``tally`` all before them.

    ``resumed_ns`` is when they were last resumed, or 0. ``error``: why they can't be told, or
    empty.
    """

    results: tuple[CycleResult, ...]
    resumed_ns: int
    error: str = ""
    tally: Tally = NOTHING_OLDER


class _Leg(msgspec.Struct, frozen=True):
    """Of a leg's record, what limits need, and its funding."""

    traded: Decimal
    slippage_bps: Decimal
    funding: Decimal = ZERO


class _Record(msgspec.Struct, frozen=True):
    """Of a cycle's record, what limits need: so those of every version can be read."""

    pnl: Decimal
    primary: _Leg
    hedge: _Leg


def result_of(desk: str, cycle: int, finished_ns: int, record_json: str) -> CycleResult:
    """What a recorded cycle came to. Raises msgspec.DecodeError for what is no record."""
    record = msgspec.json.decode(record_json, type=_Record)
    slips = [leg.slippage_bps for leg in (record.primary, record.hedge) if leg.traded]
    return CycleResult(
        desk=desk,
        cycle=cycle,
        finished_ns=finished_ns,
        pnl=record.pnl,
        slippage_bps=max(slips, default=ZERO),
    )


class _Orders(msgspec.Struct):
    orders: tuple[OrderRecord, ...] = ()


def volume_on_record(record_json: str) -> Decimal:
    """What a recorded cycle's primary traded; 0 for a record that can't be read any more."""
    try:
        return volume_of(msgspec.json.decode(record_json, type=_Orders).orders)
    except msgspec.DecodeError:
        return ZERO


def ends_of(desk: str, rows: Iterable[tuple[Any, ...]], since_ns: int, most: int) -> DeskEnds:
    """The latest of a desk's recorded cycles that ended since then; ``rows``: newest first.

    One whose record can't be read any more, and all before it, are not told.
    """
    ends: list[CycleEnd] = []
    for row in rows:
        end = _end_of(row)
        if end is None or end.ended_ns < since_ns or len(ends) == most:
            return DeskEnds(desk, tuple(reversed(ends)), row[5])
        ends.append(end)
    return DeskEnds(desk, tuple(reversed(ends)), 0)


def _end_of(row: tuple[Any, ...]) -> CycleEnd | None:
    try:
        record = msgspec.json.decode(row[7], type=_Record)
    except msgspec.DecodeError:
        return None
    funding = {Leg.PRIMARY: record.primary.funding, Leg.HEDGE: record.hedge.funding}
    return CycleEnd(row[0], row[1], row[4], row[5], funding)


class RunStart(msgspec.Struct, frozen=True):
    """A new run, and the first on record that its journal knows.

    ``recent_crashes``: runs of the last minute that did not end in an orderly way.
    """

    epoch: int
    recent_crashes: int
    first_epoch: int


class JournalCheck(msgspec.Struct, frozen=True):
    """What an operator wants to know of the file. ``damaged`` rows are named by table and key."""

    path: str
    schema_version: int
    rows: dict[str, int]
    damaged: tuple[str, ...]
    unresolved: dict[str, int]
    open_cycles: dict[str, int]
    last_fill_ns: dict[str, int]
    halted: dict[str, str]
    paused: tuple[str, ...]
