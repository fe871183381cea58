"""What a run comes to: gathered while it goes on, shown as a table, written as JSON."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.exits import CONFIGURATION, CommandFailed
from cli.records import Money
from trading.desk import CycleRecord
from venues.model import ZERO

SUMMARY_SCHEMA: Final = "ketch.summary/1"
_IN_WORDS: Final = {
    "D": "duplicates", "O": "orphans", "P": "position violations", "flips": "flips",
}  # fmt: skip


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure was distributed; zeros when there was none."""

    count: int
    p50: float
    p99: float
    max: float


class _Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What cycles come to. Fees and funding are positive when paid."""

    cycles: dict[str, int]
    fees: dict[str, Decimal]
    funding: dict[str, Decimal]
    slippage_bps: dict[str, Decimal]
    pnl: Decimal
    naked_ms: Spread
    naked_q_s: Spread
    fill_to_hedge_sent_ms: Spread
    fill_to_hedged_ms: Spread
    decision_to_ack_ms: Spread


class DeskSummary(_Totals, frozen=True, kw_only=True):
    """One desk. ``verdict`` is the paper ledger's, None if live."""

    desk: str
    primary: str
    hedge: str
    size: Decimal
    halted: str
    verdict: dict[str, Any] | None


class Summary(_Totals, frozen=True, kw_only=True):
    """A whole run, over all desks. ``planned`` cycles are those of each.

    ``desk`` to ``size`` are those of the first desk. ``verdict`` is that of the only one, None
    with several: each has its own.
    """

    schema: str
    mode: str
    seed: int | None
    desk: str
    primary: str
    hedge: str
    size: Decimal
    planned: int | None
    restarts: dict[str, int]
    start_to_first_cycle_s: float | None
    duration_s: float
    halted: str
    exit_code: int
    verdict: dict[str, Any] | None
    desks: tuple[DeskSummary, ...] = ()


def spread(values: Iterable[float]) -> Spread:
    """p50, p99 (by nearest rank, as the ledger's) and maximum of ``values``."""
    ordered = sorted(values)
    if not ordered:
        return Spread(count=0, p50=0.0, p99=0.0, max=0.0)
    return Spread(
        count=len(ordered),
        p50=round(_ranked(ordered, 50), 3),
        p99=round(_ranked(ordered, 99), 3),
        max=round(ordered[-1], 3),
    )


def _ranked(ordered: Sequence[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def totals(records: Sequence[CycleRecord], older: Money | None = None) -> dict[str, Any]:
    """The fields of a Summary that cycles give: the records, and what ``older`` ones came to.

    What is not money is that of the records only.
    """
    slippages: dict[str, list[Decimal]] = collections.defaultdict(list)
    money = Money()
    if older is not None:
        money.join(older)
    for record in records:
        money.add(record)
        for leg in (record.primary, record.hedge):
            if leg.traded:
                slippages[leg.venue].append(leg.slippage_bps)
    return {
        "cycles": dict(money.cycles),
        "fees": dict(money.fees),
        "funding": dict(money.funding),
        "slippage_bps": {
            venue: (sum(values, ZERO) / len(values)).quantize(Decimal("0.001"))
            for venue, values in slippages.items()
        },
        "pnl": money.pnl,
        "naked_ms": spread(ms for record in records for ms in record.naked_ms),
        "naked_q_s": spread(amount for record in records for amount in record.naked_q_s),
        "fill_to_hedge_sent_ms": spread(
            ms for record in records for ms in record.fill_to_hedge_sent_ms
        ),
        "fill_to_hedged_ms": spread(ms for record in records for ms in record.fill_to_hedged_ms),
        "decision_to_ack_ms": spread(ms for record in records for ms in record.decision_to_ack_ms),
    }


def write(summary: Summary, path: Path) -> None:
    """The summary as one JSON document. CommandFailed (78) when the file can't be written."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    except OSError as error:
        text = f"summary {path}: {error.strerror or error}; give --summary a writable file"
        raise CommandFailed(CONFIGURATION, text) from None


def rows(summary: Summary) -> list[tuple[str, str]]:
    """The table an operator reads at the end: a name and a value a row."""
    cycles = ", ".join(f"{count} {outcome}" for outcome, count in summary.cycles.items())
    each = f" for each of {len(summary.desks)} desks" if len(summary.desks) > 1 else ""
    planned = "" if summary.planned is None else f" of {summary.planned} planned{each}"
    table = [
        ("cycles", (cycles or "none") + planned),
        ("pnl", f"{_money(summary.pnl)} after fees{_funding(summary.funding)}"),
    ]
    for venue, fee in summary.fees.items():
        slip = summary.slippage_bps.get(venue, ZERO)
        table.append((f"fees {venue}", f"{_paid(fee)}   slippage {slip} bps against the mid"))
    table.append(("naked", _spread(summary.naked_ms, "ms")))
    table.append(("fill → hedge sent", _spread(summary.fill_to_hedge_sent_ms, "ms")))
    table.append(("fill → hedged", _spread(summary.fill_to_hedged_ms, "ms")))
    table.append(("decision → answer", _spread(summary.decision_to_ack_ms, "ms")))
    restarts = ", ".join(f"{name} {count}" for name, count in summary.restarts.items())
    table.append(("restarts", restarts or "none"))
    if summary.verdict is not None:
        table += _verdict_rows(summary.verdict)
    elif len(summary.desks) > 1:
        for desk in summary.desks:
            table += _desk_rows(desk)
    first = summary.start_to_first_cycle_s
    began = "" if first is None else f", first cycle after {first:.2f} s"
    table.append(("duration", f"{summary.duration_s:.1f} s{began}"))
    if summary.halted:
        table.append(("halted", summary.halted))
    return table


def _desk_rows(desk: DeskSummary) -> list[tuple[str, str]]:
    cycles = ", ".join(f"{count} {outcome}" for outcome, count in desk.cycles.items())
    halted = f"   halted: {desk.halted}" if desk.halted else ""
    rows = [(desk.desk, f"{cycles or 'no cycle'}   pnl {_money(desk.pnl)}{halted}")]
    if desk.verdict is not None:
        rows += [("", text) for _, text in _verdict_rows(desk.verdict)]
    return rows


def violations(verdict: dict[str, Any]) -> dict[str, int]:
    """How often the ledger saw what must not be: D, O, P and flips."""
    return {
        "D": len(verdict["duplicates"]),
        "O": len(verdict["orphans"]),
        "P": len(verdict["position_errors"]),
        "flips": len(verdict["flips"]),
    }


def _verdict_rows(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    counts = violations(verdict)
    judged = ", ".join(f"{_IN_WORDS[name]} {count}" for name, count in counts.items())
    worst = Decimal(verdict["naked_q_s"]["max"]).quantize(Decimal("0.0001"))
    return [
        ("venues' ledger", judged),
        ("", f"{_availability(verdict)}worst naked {worst} q·s"),
    ]


def _availability(verdict: dict[str, Any]) -> str:
    """The share of the planned cycles that was completed.

    Nothing where the venues outlive runs, and have seen more cycles than this one planned.
    """
    availability = Decimal(verdict["availability"])
    if availability > 1:
        return ""
    return f"completed {(availability * 100).quantize(Decimal('0.01')).normalize():f} %, "


def _funding(funding: dict[str, Decimal]) -> str:
    paid = ", ".join(f"{venue} {_paid(amount)}" for venue, amount in funding.items() if amount)
    return f" and funding ({paid})" if paid else ""


def _paid(amount: Decimal) -> str:
    """What is positive was paid: beside a profit or loss, the sign alone would mislead."""
    return f"{abs(amount):.4f} {'received' if amount < 0 else 'paid'}"


def _money(amount: Decimal) -> str:
    return f"{amount:+.4f}"


def _spread(of: Spread, unit: str) -> str:
    if not of.count:
        return "none"
    return f"p50 {of.p50:.1f}  p99 {of.p99:.1f}  max {of.max:.1f} {unit}   ({of.count} times)"
