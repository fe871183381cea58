"""The commands of ``ketch service``, as click parses them; the work is in ``cli.service``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cli.unit_file import Unit

F = TypeVar("F", bound=Callable[..., Any])

_user = click.option(
    "--user/--system", "user", default=False, help="Your own service manager, or the system's."
)
_instance = click.option(
    "--instance", default="", metavar="NAME", help="ketch@NAME, with settings of its own."
)
_root = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), help="Work below this folder."
)


def _rendered(command: F) -> F:
    """The options that decide what a unit says."""
    options = (
        _user,
        _instance,
        click.option(
            "-c", "--config", type=click.Path(path_type=Path), help="The service's settings."
        ),
        click.option("--live", is_flag=True, help="The service trades with real money."),
        click.option(
            "--command", "program", metavar="FILE", help="The ketch to run; default: this one."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def service() -> None:
    """Run Ketch under systemd."""


@service.command()
@_rendered
@_root
@click.option("--now", is_flag=True, help="Enable it and (re)start it, too.")
def install(root: Path | None, now: bool, **options: Any) -> None:
    """Write the unit and have systemd read it."""
    from cli.service import install as install_unit

    _say(install_unit(_unit(**options), root and root.absolute(), now=now))


@service.command()
@_user
@_instance
@_root
def uninstall(user: bool, instance: str, root: Path | None) -> None:
    """Stop it, disable it, take the unit away. What it has recorded stays."""
    from cli.service import uninstall as uninstall_unit
    from cli.unit_file import Unit, checked

    unit = checked(Unit(command=("/usr/bin/env",), user=user, instance=instance))
    _say(uninstall_unit(unit, root and root.absolute()))


@service.command()
@_rendered
def show(**options: Any) -> None:
    """Print what install would write."""
    from cli.service import show as show_unit

    click.echo(show_unit(_unit(**options)), nl=False)


def _unit(
    *, user: bool, instance: str, config: Path | None, live: bool, program: str | None
) -> Unit:
    from cli.service import this_command
    from cli.unit_file import Unit

    return Unit(
        command=(program,) if program else this_command(),
        config=config and config.absolute(),
        user=user,
        instance=instance,
        live=live,
    )


def _say(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)
