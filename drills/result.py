"""What a drill came to, as it is written to a file: schema ``ketch.drill/1``."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

DRILL_SCHEMA: Final = "ketch.drill/1"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Naked episodes: how much of a cycle for how long, and for how long at all.

    ``worst_q_s`` was in cycle ``worst_cycle``. ``over_s`` counts episodes longer than 1, 5, 30 s.
    """

    total_q_s: Decimal
    p50_q_s: Decimal
    p99_q_s: Decimal
    worst_q_s: Decimal
    worst_cycle: int
    over_s: dict[str, int]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of completed cycles, in bps of size times price; positive when paid, but for ``pnl_bps``."""

    fee_bps: Decimal
    cost_bps: Decimal
    pnl_bps: Decimal


class FaultResult(msgspec.Struct, frozen=True, kw_only=True):
    """One fault at one cycle. Not reached is not passed.

    ``resumed_s`` is how long after the fault's end the next cycle was completed; None: never.
    """

    fault: int
    name: str
    group: str
    cycle: int
    reached: bool
    passed: bool
    naked_q_s: Decimal
    resumed_s: float | None
    failures: tuple[str, ...]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One trader on one seed. ``replay`` is the command that does exactly this again."""

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
    largest_order_q: Decimal
    naked: Window
    fill_to_hedge_ms: dict[str, float]
    cost: Cost
    orders: int
    fills: int
    logins: int
    lives: int
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


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one command. ``not_reached`` are faults that no run can bring: not passes."""

    schema: str
    drill: str
    about: str
    plan_hash: str
    passed: bool
    not_reached: tuple[str, ...]
    runs: tuple[Result, ...]
