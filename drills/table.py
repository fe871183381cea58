"""What people read of a drill: one row a run, one row a fault, and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from drills.result import Comparison, FaultResult, Report, Result
from drills.traders import KETCH

_CLAIM: Final = "the claim under test: 5 to 9"


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
    yield _more(report.runs)
    for label in report.not_reached:
        yield Text(f"not reached, so no pass: {label}")
    yield from (Text(text) for text in _comparison(report.runs))
    yield from (Text(text) for text in _beside(report.comparisons))
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


def _more(runs: Sequence[Result]) -> Table:
    """One column a run of Ketch: what else docs/faults.md asks of each."""
    ketch = [run for run in runs if run.trader == KETCH]
    table = Table()
    table.add_column("of Ketch")
    for run in ketch:
        table.add_column(f"seed {run.seed}, {run.primary} leads", justify="right")
    columns = [dict(_figures_of(run)) for run in ketch]
    for name in dict.fromkeys(name for column in columns for name in column):
        table.add_row(name, *(column.get(name, "") for column in columns))
    return table


def _figures_of(run: Result) -> Iterator[tuple[str, str]]:
    naked, load, freezes = run.naked, run.load, run.freezes
    yield "self-trades, ids reused, bans", f"{run.self_trades}, {run.ids_reused}, {run.bans}"
    yield "opened where nothing may be", str(run.opened_meanwhile)
    yield "largest order / q", f"{run.largest_order_q:.2f}"
    where = f", {naked.worst_fault}" if naked.worst_fault else ""
    yield "worst N", f"{naked.worst_q_s:.2f} in cycle {naked.worst_cycle}{where}"
    for kind, spread in naked.by_kind.items():
        row = f"{spread.total:.2f}: {spread.p50:.3f}/{spread.p99:.2f}/{spread.max:.2f}"
        yield f"N, {kind}: total: p50/p99/max a cycle", row
    if run.cancel_to_end_ms["max"]:
        row = "/".join(f"{ms:.0f}" for ms in run.cancel_to_end_ms.values())
        yield "cancel heard to order over, ms: p50/p99/max", row
    yield "episodes > 1, 5, 30 s", ", ".join(str(naked.over_s[s]) for s in ("1", "5", "30"))
    text = f"{freezes.count}, {freezes.total_s:.1f} s, {freezes.longest_s:.1f} s"
    yield "pauses between cycles, total, longest", text
    yield "pauses with no fault", str(freezes.unfounded)
    yield "halts: demanded, others", f"{run.halts}, {run.halts_not_demanded}"
    yield "lives, logins", f"{run.lives}, {run.logins}"
    for venue, counted in load.traffic.items():
        average = load.requests_per_cycle[venue]
        row = f"{average}, {counted.most_per_s}, {counted.refused.get('429', 0)}"
        yield f"{venue}: requests a cycle, most a second, 429", row
        yield f"{venue}: websockets asked for", str(counted.upgrades)
    for when, look in (("early", load.early), ("last", load.last)):
        if look is not None:
            row = f"{look.descriptors}, {look.threads}, {look.rss_mib:.0f} MiB"
            yield f"{when}: descriptors, threads, memory", f"{row} in cycle {look.cycle}"


def _beside(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for each in comparisons:
        yield (
            f"Ketch and {each.trader}, {each.pairs} cycles: {each.ketch_only} completed by Ketch "
            f"alone, {each.other_only} by the other alone (sign test, p {each.p_value:.2g}); the "
            f"other's N is {each.naked_q_s:+.3f} q·s a cycle against ours ({each.low:+.3f} to "
            f"{each.high:+.3f}, 95 %)"
        )


def _bounds(runs: Sequence[Result]) -> Iterator[str]:
    """What so many cycles without a failure show, which is not "100 %"."""
    ketch = [run for run in runs if run.trader == KETCH]
    done = sum(run.completed for run in ketch)
    if not done:
        return
    if all(run.completed >= run.planned for run in ketch):
        yield _bound("no cycle failed", done)
    begun = sum(len(run.cycle_naked_q_s) for run in ketch)
    errors = ("duplicates", "orphans", "position_errors", "flips")
    if not any(getattr(run, name) for run in ketch for name in errors):
        yield _bound("no cycle had a duplicate, an orphan, a position error or a flip", begun)


def _bound(what: str, cycles: int) -> str:
    rate = (Decimal(300) / cycles).quantize(Decimal("0.01"))
    return f"of {cycles}, {what}: fewer than {rate} % do, with 95 % confidence (3/n)"
