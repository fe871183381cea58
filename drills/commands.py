"""``ketch drill``: rehearse before trading, and check every claim."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from drills.plan import Plan


@click.command()
@click.argument("name", required=False)
@click.option("--plan", "file", type=click.Path(path_type=Path), help="A plan of your own (YAML).")
@click.option("--seed", "seeds", type=click.IntRange(min=0), multiple=True, help="Default: 1.")
@click.option("--cycles", type=click.IntRange(min=1), help="Other than the plan's.")
@click.option("--at", "cycle", type=click.IntRange(min=1), help="The cycle of the plan's fault.")
@click.option("--beside", multiple=True, metavar="TRADER", help="Another trader beside Ketch.")
@click.option("--alone", is_flag=True, help="Ketch only, whatever the plan puts beside it.")
@click.option("--only", metavar="TRADER", help="That trader and not Ketch.")
@click.option("--json", "json", type=click.Path(path_type=Path), help="Write the result there.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep ledgers and logs there.")
@click.option("--list", "listed", is_flag=True, help="The drills that there are.")
def drill(
    name: str | None, file: Path | None, seeds: tuple[int, ...], cycles: int | None,
    cycle: int | None, beside: tuple[str, ...], alone: bool, only: str | None,
    json: Path | None, keep: Path | None, listed: bool,
) -> None:  # fmt: skip
    """Run the service against paper venues that make trouble, and judge it by their ledger.

    Exit code 8 when it failed: then it says which fault, which cycle and which figure, and how to
    do exactly that again.
    """
    if listed:
        _list()
        return
    plan = _plan(name, file, cycles, cycle)
    traders = (only,) if only else ("ketch", *(() if alone else plan.beside), *beside)
    _run(plan, seeds or (1,), traders, _replay(name, file, cycles, cycle), json, keep)


def _run(
    plan: Plan, seeds: tuple[int, ...], traders: tuple[str, ...], replay: str,
    json: Path | None, keep: Path | None,
) -> None:  # fmt: skip
    import msgspec
    from rich.console import Console

    from cli.exits import DONE, JUDGED
    from drills import table
    from drills.run import Order, run
    from drills.traders import BASELINES, KETCH

    for trader in traders:
        if trader not in (KETCH, *BASELINES):
            raise click.UsageError(f"no trader {trader!r}; there are: {', '.join(BASELINES)}")
    order = Order(
        plan=plan, seeds=seeds, traders=tuple(dict.fromkeys(traders)), replay=replay, keep=keep
    )
    report = run(order, lambda result: click.echo(table.line(result), err=True))
    if json is not None:
        _write(json, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    console = Console()
    table.show(report, Console(width=max(console.width, 150)))
    sys.exit(DONE if report.passed else JUDGED)


def _write(file: Path, body: bytes) -> None:
    from cli.exits import CONFIGURATION, CommandFailed

    try:
        file.write_bytes(body)
    except OSError as error:
        text = f"--json {file}: {error.strerror or error}; give it a writable file"
        raise CommandFailed(CONFIGURATION, text) from None


def _plan(name: str | None, file: Path | None, cycles: int | None, cycle: int | None) -> Plan:
    import msgspec

    from drills import plan as plans

    if (name is None) == (file is None):
        raise click.UsageError("either NAME (see --list) or --plan FILE")
    plan = plans.shipped(name) if name is not None else plans.load(_given(file))
    if cycles is not None:
        plan = msgspec.structs.replace(plan, cycles=cycles)
    if cycle is not None:
        plan = plans.moved(plan, cycle)
    return plan


def _given(file: Path | None) -> Path:
    assert file is not None
    return file


def _replay(name: str | None, file: Path | None, cycles: int | None, cycle: int | None) -> str:
    """The command line that was given, but for what changes nothing about the run."""
    parts = ["ketch", "drill", *([name] if name else ["--plan", str(file)])]
    parts += ["--cycles", str(cycles)] if cycles is not None else []
    parts += ["--at", str(cycle)] if cycle is not None else []
    return shlex.join(parts)


def _list() -> None:
    from drills.plan import names, shipped

    for name in names():
        click.echo(f"{name:<12} {shipped(name).about}")
