"""What people read of a drill: one row a run, one row a fault, and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from drills.result import FaultResult, Report, Result
from drills.traders import KETCH

_CLAIM: Final = "the report claims 5 to 9"


def show(report: Report, console: Console) -> None:
    """Print it."""
    console.print(Group(*_parts(report)))


def line(result: Result) -> str:
    """A run in one line, as it ends."""
    verdict = "passed" if result.passed else "FAILED"
    return (
        f"{result.drill} seed {result.seed} {result.trader} ({result.primary} leads): {verdict}, "
        f"{result.completed} of {result.planned} cycles, worst N {result.naked.worst_q_s:.2f} q·s, "
        f"{result.duration_s:.0f} s"
    )


def _parts(report: Report) -> Iterator[RenderableType]:
    yield Text(f"{report.drill}: {report.about}")
    yield Text(f"plan {report.plan_hash}")
    yield _runs(report.runs)
    faults = [fault for run in report.runs if run.trader == KETCH for fault in run.faults]
    if faults:
        yield _faults(faults)
    for label in report.not_reached:
        yield Text(f"not reached, so no pass: {label}")
    yield from (Text(text) for text in _comparison(report.runs))
    yield from (Text(text) for text in _bounds(report.runs))
    for run in report.runs:
        for failure in run.failures:
            yield Text(f"{_place(run)}: {failure}")
        if run.failures and run.trader == KETCH:
            yield Text(f"  again: {run.replay}")
    yield Text("passed" if report.passed else "FAILED")


def _place(run: Result) -> str:
    return f"{run.trader}, {run.primary} leads, seed {run.seed}"


def _runs(runs: Sequence[Result]) -> Table:
    table = Table()
    for name in ("trader", "leads", "style", "seed"):
        table.add_column(name)
    for name in (
        "cycles", "first lost", "D", "O", "P", "flips", "N worst", "N total", "hedge ms p50/p99",
        "fees bps", "cost bps", "pnl bps",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(run.trader, run.primary, run.style, str(run.seed), *_figures(run))
    for trader, group in _by_trader(runs).items():
        if len(group) > 1:
            table.add_section()
            table.add_row(*trader, "worst", *_worst(group))
    return table


def _figures(run: Result) -> tuple[str, ...]:
    delays = run.fill_to_hedge_ms
    return (
        f"{run.completed}/{run.planned}",
        "none" if run.first_incomplete is None else str(run.first_incomplete),
        str(run.duplicates), str(run.orphans), str(run.position_errors), str(run.flips),
        f"{run.naked.worst_q_s:.3f}", f"{run.naked.total_q_s:.2f}",
        f"{delays['p50']:.1f}/{delays['p99']:.1f}",
        str(run.cost.fee_bps), str(run.cost.cost_bps), str(run.cost.pnl_bps),
    )  # fmt: skip


def _worst(runs: Sequence[Result]) -> tuple[str, ...]:
    """Worst of each figure, never the mean."""
    lost = [run.first_incomplete for run in runs if run.first_incomplete is not None]
    delays = [run.fill_to_hedge_ms for run in runs]
    return (
        f"{sum(r.completed for r in runs)}/{sum(r.planned for r in runs)}",
        str(min(lost)) if lost else "none",
        *(str(sum(getattr(r, name) for r in runs)) for name in (
            "duplicates", "orphans", "position_errors", "flips",
        )),
        f"{max(r.naked.worst_q_s for r in runs):.3f}",
        f"{max(r.naked.total_q_s for r in runs):.2f}",
        f"{max(d['p50'] for d in delays):.1f}/{max(d['p99'] for d in delays):.1f}",
        str(max(r.cost.fee_bps for r in runs)), str(max(r.cost.cost_bps for r in runs)),
        str(min(r.cost.pnl_bps for r in runs)),
    )  # fmt: skip


def _by_trader(runs: Sequence[Result]) -> dict[tuple[str, str, str], list[Result]]:
    found: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for run in runs:
        found[run.trader, run.primary, run.style].append(run)
    return found


def _faults(faults: Sequence[FaultResult]) -> Table:
    """One row a fault: how often it was injected, reached and passed, and the worst that it did."""
    table = Table()
    table.add_column("fault")
    for name in ("injected", "reached", "passed", "N worst", "went on after s"):
        table.add_column(name, justify="right")
    grouped: dict[tuple[int, str], list[FaultResult]] = defaultdict(list)
    for fault in faults:
        grouped[fault.fault, fault.name].append(fault)
    for (number, name), group in sorted(grouped.items()):
        after = [each.resumed_s for each in group if each.resumed_s is not None]
        table.add_row(
            f"{number} {name}",
            str(len(group)),
            str(sum(each.reached for each in group)),
            str(sum(each.passed for each in group)),
            f"{max(each.naked_q_s for each in group):.2f}",
            f"{max(after):.1f}" if after else "",
        )
    return table


def _comparison(runs: Sequence[Result]) -> Iterator[str]:
    """What roles do to fees: the two ways round on the same seed."""
    ketch = {(r.seed, r.style, r.primary): r for r in runs if r.trader == KETCH}
    for (seed, style, primary), run in ketch.items():
        other = ketch.get((seed, style, "backpack"))
        if primary != "grvt" or other is None:
            continue
        saved = other.cost.fee_bps - run.cost.fee_bps
        cheaper = other.cost.cost_bps - run.cost.cost_bps
        yield (
            f"seed {seed}, {style}: with GRVT leading, a cycle's fees are {saved} bps lower than "
            f"with Backpack leading ({_CLAIM}); fees and slippage together {cheaper} bps; "
            f"pnl {run.cost.pnl_bps - other.cost.pnl_bps:+} bps"
        )


def _bounds(runs: Sequence[Result]) -> Iterator[str]:
    """What so many cycles without a failure show, which is not "100 %"."""
    ketch = [run for run in runs if run.trader == KETCH]
    done = sum(run.completed for run in ketch)
    if ketch and done and all(run.completed >= run.planned for run in ketch):
        rate = (Decimal(300) / done).quantize(Decimal("0.01"))
        yield f"no cycle of {done} failed: fewer than {rate} % do, with 95 % confidence (3/n)"
