"""Loads the whole configuration for a command: Ketch's own settings and the paper venues'."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from cli.exits import CONFIGURATION, CommandFailed
from config.errors import ConfigErrors, Problem
from config.loader import EnvironmentLayer, FileLayer, Layer, Loaded, OverrideLayer, load, shipped
from config.schema import KetchConfig, problems
from paper.options import PaperSettings

SHIPPED: Final = "paper.yaml"


class Settings(KetchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration file as a whole. ``paper`` is only read in paper mode."""

    paper: PaperSettings = PaperSettings()


def load_settings(
    file: Path | None, overrides: Iterable[str], seed: int | None = None
) -> Loaded[Settings]:
    """Shipped defaults, the operator's file, the environment, ``-o``: the last one wins.

    ``seed`` is the command line's word for ``-o paper.seed``. Raises CommandFailed (78)
    with every error at once.
    """
    layers: list[Layer] = [shipped(SHIPPED)]
    if file is not None:
        layers.append(FileLayer(str(file)))
    seeded = () if seed is None else (f"paper.seed={seed}",)
    layers += [EnvironmentLayer(os.environ), OverrideLayer((*overrides, *seeded))]
    try:
        return load(Settings, *layers, validate=_problems)
    except ConfigErrors as errors:
        raise CommandFailed(CONFIGURATION, str(errors)) from None


def _problems(settings: Settings) -> Iterator[Problem]:
    yield from problems(settings)


def place_of_state(settings: KetchConfig) -> Path:
    """Where the journal lives: the setting, $STATE_DIRECTORY, or the XDG state folder.

    A folder for each mode, so that paper never touches what live has recorded.
    """
    if settings.state_dir:
        base = Path(settings.state_dir).expanduser()
    elif os.environ.get("STATE_DIRECTORY"):
        base = Path(os.environ["STATE_DIRECTORY"].partition(":")[0])
    else:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        base = Path(home) / "ketch"
    return base / settings.mode


def state_folder(settings: KetchConfig) -> Path:
    """``place_of_state``, made if need be. Raises CommandFailed (78) if it can't be written to."""
    folder = place_of_state(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "give the user write access, or set state_dir (or $STATE_DIRECTORY)"
        text = f"state folder {folder}: {reason}; {remedy}"
        raise CommandFailed(CONFIGURATION, text) from None
    return folder


def as_json(paper: PaperSettings) -> str:
    """The paper venues' settings, for their process."""
    return msgspec.json.encode(paper).decode()
