"""The command line: parse, load the configuration, hand over to ``cli``.

Commands are imported when they are called, so that each starts as fast as it can.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import commands, journal_commands, service_commands

if TYPE_CHECKING:
    from cli.paper_process import Drop

_DROP = re.compile(r"(?P<connection>(?:grvt|backpack)/[a-z-]+)@(?P<cycle>[1-9][0-9]*)")

config_file = click.option(
    "-c", "--config", "file", type=click.Path(path_type=Path), help="A YAML file of settings."
)
overrides = click.option(
    "-o", "overrides", multiple=True, metavar="A.B=V", help="Override one setting."
)


class DropType(click.ParamType["Drop"]):
    """``CONNECTION@CYCLE``, as in ``grvt/trading@7``."""

    name = "connection@cycle"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Drop:
        """Parse; a usage error names what was expected."""
        from cli.paper_process import Drop

        found = _DROP.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not CONNECTION@CYCLE, as in grvt/trading@7", param, ctx)
        return Drop(found["connection"], int(found["cycle"]))


class _Commands(click.Group):
    """``drill`` is in a room of its own, which no other command enters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted([*super().list_commands(ctx), "drill"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name == "drill":
            from drills.commands import drill

            return drill
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ketch", message="ketch %(version)s")
def ketch() -> None:
    """Hedged trading cycles on GRVT and Backpack perpetuals, supervised."""


@ketch.command()
@config_file
@overrides
@click.option("--cycles", type=click.IntRange(min=1), help="Stop after so many; default: never.")
@click.option("--seed", type=click.IntRange(min=0), help="Paper: prices and faults follow it.")
@click.option("--summary", type=click.Path(path_type=Path), help="Write the summary as JSON.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Paper: write the venues' ledger.")
@click.option("--drop", "drops", type=DropType(), multiple=True, help="Paper: lose a connection.")
@click.option(
    "--venue", type=click.Path(path_type=Path), help="Paper: the file with `ketch venue`'s line."
)
@click.option("--resume", is_flag=True, help="Go on, whatever halted or paused it before.")
@click.option("--live", is_flag=True, help="Trade with real money (asks for more: see the docs).")
def run(
    file: Path | None,
    overrides: tuple[str, ...],
    cycles: int | None,
    seed: int | None,
    summary: Path | None,
    ledger: Path | None,
    drops: tuple[Drop, ...],
    venue: Path | None,
    resume: bool,
    live: bool,
) -> None:
    """Trade cycles: on the paper venues unless everything says otherwise."""
    from cli.start import prepare

    start = prepare(
        file, overrides, seed=seed, live=live, summary=summary, ledger=ledger, venue=venue
    )
    # Only now: the paper venues start while this imports the actors.
    from cli.run import RunOptions
    from cli.run import run as run_cycles
    from cli.settings import load_settings

    options = RunOptions(
        reread=lambda: load_settings(file, overrides, seed),
        cycles=cycles,
        resume=resume,
        summary=summary,
        drops=drops,
    )
    sys.exit(run_cycles(start, options))


@ketch.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@config_file
@overrides
def check(file: Path | None, overrides: tuple[str, ...]) -> None:
    """Say everything that is wrong with it (exit 78), or that it is fine, and what to look at."""
    from cli.rarely_meant import rarely_meant
    from cli.settings import load_settings

    loaded = load_settings(file, overrides)
    for warning in rarely_meant(loaded.config):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the configuration is valid")


@config.command()
@config_file
@overrides
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Every setting in force, and where it comes from."""
    from cli.settings import load_settings
    from config import show as showing

    loaded = load_settings(file, overrides)
    click.echo(showing.show_json(loaded) if as_json else showing.show(loaded), nl=False)


@ketch.command()
@config_file
@overrides
@click.option("--seed", type=click.IntRange(min=0), help="Prices, sizes and test keys follow it.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Write the ledger to this file.")
@click.option("--control-port", type=click.IntRange(0, 65535), help="Default: any free port.")
def venue(
    file: Path | None,
    overrides: tuple[str, ...],
    seed: int | None,
    ledger: Path | None,
    control_port: int | None,
) -> None:
    """Run the paper venues alone; prints endpoints and test keys as one JSON line."""
    from cli.settings import load_settings
    from paper.server import run as serve

    settings = load_settings(file, overrides, seed).config.paper
    sys.exit(serve(settings, ledger, control_port, False))


commands.register(ketch)
ketch.add_command(service_commands.service)
ketch.add_command(journal_commands.journal)


def main() -> None:
    """The console script. A command that can't go on says so in one message and an exit code."""
    from cli.exits import CommandFailed

    try:
        ketch()
    except CommandFailed as failure:
        click.echo(str(failure), err=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
