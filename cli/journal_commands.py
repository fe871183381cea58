"""``ketch journal``: what the record of orders says, whether or not a service runs. Reads only."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from actors.journal_history import JournalCheck

SCHEMA: Final = "ketch.journal/1"


@click.group()
def journal() -> None:
    """Look at the record of orders, fills and cycles."""


@journal.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The settings.")
@click.option("-o", "overrides", multiple=True, metavar="A.B=V", help="Override one setting.")
@click.option(
    "--file", "path", type=click.Path(path_type=Path), help="The journal itself, wherever it is."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def check(file: Path | None, overrides: tuple[str, ...], path: Path | None, as_json: bool) -> None:
    """Read every row and say what is open; exit code 7 when a row is not what was written."""
    from actors.journal_check import check_journal
    from actors.journal_file import JournalUnusable
    from cli.exits import CONFIGURATION, DONE, EXPOSED, CommandFailed

    path = path or _place(file, overrides)
    if not path.is_file():
        text = f"no journal at {path}: nothing was traded there; -c, -o or --file name another"
        raise CommandFailed(CONFIGURATION, text)
    try:
        found = check_journal(path)
    except JournalUnusable as error:
        raise CommandFailed(EXPOSED, f"{error}\n{_DAMAGED}") from None
    click.echo(_document(found) if as_json else render(found))
    sys.exit(EXPOSED if found.damaged else DONE)


_DAMAGED: Final = (
    "→ do not rely on what it says: look at both venues, move the file away (keep it), "
    "and start again: a start begins from what the venues hold"
)


def _place(file: Path | None, overrides: tuple[str, ...]) -> Path:
    from cli.run_record import JOURNAL
    from cli.settings import load_settings, place_of_state

    return place_of_state(load_settings(file, overrides).config) / JOURNAL


def _document(found: JournalCheck) -> str:
    import msgspec

    page = {"schema": SCHEMA, "sound": not found.damaged, **msgspec.to_builtins(found)}
    return msgspec.json.format(msgspec.json.encode(page), indent=2).decode()


def render(found: JournalCheck) -> str:
    """The check for people: what is wrong first, then what is open, then what there is."""
    rows = ", ".join(f"{name} {count}" for name, count in found.rows.items())
    head = click.style("sound", fg="green", bold=True)
    if found.damaged:
        count = len(found.damaged)
        head = click.style(f"{count} damaged row{'s' if count > 1 else ''}", fg="red", bold=True)
    lines = [f"journal {found.path}: {head}, schema {found.schema_version}"]
    if found.damaged:
        lines += [*(f"  damaged: {row}" for row in found.damaged), f"  {_DAMAGED}"]
    for desk, why in found.halted.items():
        lines += [
            f"  {desk} has halted: {why}",
            f"    → ketch resume {desk}, or ketch run --resume",
        ]
    lines += [f"  {desk} is paused → ketch resume {desk}" for desk in found.paused]
    lines += [
        f"  {desk}: cycle {cycle} is open; the next start closes what it left"
        for desk, cycle in found.open_cycles.items()
    ]
    lines += [
        f"  {venue}: {count} order{'s' if count > 1 else ''} without an outcome on record; "
        "the next start asks the venue"
        for venue, count in found.unresolved.items()
    ]
    lines += [f"  {venue}: last fill {_moment(ns)}" for venue, ns in found.last_fill_ns.items()]
    return "\n".join([*lines, f"  rows: {rows}"])


def _moment(utc_ns: int) -> str:
    moment = dt.datetime.fromtimestamp(utc_ns / 1e9, dt.UTC)
    return moment.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
