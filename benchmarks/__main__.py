"""``python -m benchmarks``: every figure in one table, and with ``--json FILE`` as a document.

Exit code 0 once everything was measured, whatever the figures are; 1 when a benchmark could not
run; 2 for a wrong command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from loguru import logger

from benchmarks import (
    decoding,
    desks,
    hedging,
    http_orders,
    idle,
    recovery,
    signing,
    tells,
)
from benchmarks.harness import Figure
from benchmarks.report import as_json, print_table

Measure = Callable[[float], Sequence[Figure]]

BENCHMARKS: Final[Mapping[str, Measure]] = {
    "hedging": hedging.measure,
    "signing": signing.measure,
    "tells": tells.measure,
    "http_orders": http_orders.measure,
    "recovery": recovery.measure,
    "decoding": decoding.measure,
    "idle": idle.measure,
    "desks": desks.measure,
}


@click.command()
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--scale", type=click.FloatRange(0, 10), default=1.0, help="Shorter or longer runs.")
@click.argument("names", nargs=-1, type=click.Choice(tuple(BENCHMARKS)))
def main(path: Path | None, scale: float, names: tuple[str, ...]) -> None:
    """Measure, print, and write."""
    figures: list[Figure] = []
    failed = False
    for name in names or BENCHMARKS:
        click.echo(f"{name} ...", err=True)
        try:
            figures += BENCHMARKS[name](scale)
        except Exception as error:  # noqa: BLE001 - said, and in the exit code
            click.echo(f"{name} could not run: {type(error).__name__}: {error}", err=True)
            failed = True
    print_table(figures)
    if path is not None:
        path.write_bytes(msgspec.json.format(as_json(figures)) + b"\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    logger.remove()  # restarts are what some of them are about
    main()
