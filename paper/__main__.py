"""``python -m paper``: the paper venues alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from paper.options import PaperSettings
from paper.server import EXIT_CONFIGURATION, run


@click.command(name="paper")
@click.option("--seed", type=click.IntRange(min=0), help="Prices, sizes and test keys follow it.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Write the ledger to this file.")
@click.option("--control-port", type=click.IntRange(0, 65535), help="Default: any free port.")
@click.option("--exit-on-eof", is_flag=True, help="End when stdin ends (the parent is gone).")
@click.option("--settings", "settings_json", default="{}", help="Settings as JSON.")
def main(
    seed: int | None,
    ledger: Path | None,
    control_port: int | None,
    exit_on_eof: bool,
    settings_json: str,
) -> None:
    """Serve the paper venues; prints endpoints and test keys as one JSON line."""
    try:
        settings = msgspec.json.decode(settings_json, type=PaperSettings)
    except msgspec.DecodeError as error:
        click.echo(f"--settings: {error}", err=True)
        sys.exit(EXIT_CONFIGURATION)
    if seed is not None:
        settings = msgspec.structs.replace(settings, seed=seed)
    sys.exit(run(settings, ledger, control_port, exit_on_eof))


if __name__ == "__main__":
    main()
