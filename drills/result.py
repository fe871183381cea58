"""What a drill came to, as it is written to a file: schema ``ketch.drill/1``."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from drills.footprint import Footprint
from drills.tally import Freezes
from paper.naked import Spread
from paper.traffic import VenueTraffic

DRILL_SCHEMA: Final = "ketch.drill/1"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Naked episodes: how much of a cycle for how long, and for how long at all.

    ``worst_q_s`` was in cycle ``worst_cycle``, after ``worst_fault`` had begun to act; empty: after
    none. ``over_s`` counts episodes longer than 1, 5, 30 s. ``by_kind`` is N per cycle: of clean
    cycles, of those with a fault, and of these by the fault's group.
    """

    total_q_s: Decimal
    p50_q_s: Decimal
    p99_q_s: Decimal
    worst_q_s: Decimal
    worst_cycle: int
    worst_fault: str
    over_s: dict[str, int]
    by_kind: dict[str, Spread]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of completed cycles, in bps of size times price; positive when paid, but for ``pnl_bps``."""

    fee_bps: Decimal
    cost_bps: Decimal
    pnl_bps: Decimal


class FaultResult(msgspec.Struct, frozen=True, kw_only=True):
    """One fault at one cycle. Not reached is not passed.

    ``resumed_s`` is how long after the fault's end the next cycle was completed; None: never.
    ``opened_meanwhile`` counts cycles that were opened while none may be.
    """

    fault: int
    name: str
    group: str
    cycle: int
    reached: bool
    passed: bool
    naked_q_s: Decimal
    resumed_s: float | None
    opened_meanwhile: int
    failures: tuple[str, ...]


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a run cost the venues and the host. ``traffic`` is by venue, docs/paper.md has it.

    ``early`` and ``last`` are the trader's process in its fifth (or hundredth) and its last cycle.
    """

    traffic: dict[str, VenueTraffic]
    requests_per_cycle: dict[str, float]
    early: Footprint | None
    last: Footprint | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One trader on one seed. ``replay`` is the command that does exactly this again.

    ``incomplete`` are the cycles that were not completed, ``cycle_naked_q_s`` is N by cycle.
    """

    drill: str
    plan_hash: str
    seed: int
    trader: str
    primary: str
    style: str
    planned: int
    completed: int
    first_incomplete: int | None
    availability: Decimal
    duplicates: int
    orphans: int
    position_errors: int
    flips: int
    self_trades: int
    ids_reused: int
    opened_meanwhile: int
    bans: int
    largest_order_q: Decimal
    naked: Window
    fill_to_hedge_ms: dict[str, float]
    cancel_to_end_ms: dict[str, float]
    cost: Cost
    orders: int
    fills: int
    logins: int
    lives: int
    halts: int
    halts_not_demanded: int
    freezes: Freezes
    load: Load
    incomplete: tuple[int, ...]
    cycle_naked_q_s: dict[int, Decimal]
    exit_code: int
    duration_s: float
    faults: tuple[FaultResult, ...]
    failures: tuple[str, ...]
    replay: str

    @property
    def passed(self) -> bool:
        """True when nothing failed."""
        return not self.failures

    @property
    def bound(self) -> Decimal | None:
        """With no failed cycle in n, the rate is below 3/n with 95 % confidence; None if one did.

        The rule of three; it is printed instead of "100 %".
        """
        if not self.completed or self.completed < self.planned:
            return None
        return Decimal(3) / self.completed


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Ketch and another trader. ``ketch_only`` are cycles that only Ketch completed.

    ``p_value`` is of the two-sided sign test on cycles that one of them lost. ``naked_q_s`` is by
    how much more of a cycle the other was naked, per cycle, between ``low`` and ``high`` with 95 %
    confidence.
    """

    trader: str
    pairs: int
    ketch_only: int
    other_only: int
    p_value: float
    naked_q_s: float
    low: float
    high: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one command. ``not_reached`` are faults that no run can bring: not passes."""

    schema: str
    drill: str
    about: str
    plan_hash: str
    passed: bool
    not_reached: tuple[str, ...]
    runs: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
