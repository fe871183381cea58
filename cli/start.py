"""What ``ketch run`` does before its heavy imports: read, check, and launch the paper venues.

Everything that can be refused cheaply is refused here, with nothing started.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from cli.exits import CONFIGURATION, CommandFailed
from cli.live import check_live
from cli.paper_process import PaperVenues
from cli.settings import Settings, as_json, load_settings, state_folder
from config.loader import Loaded
from config.secrets import Secret


class Start(msgspec.Struct, frozen=True):
    """A checked start: settings, credentials (none for paper), folder, and the paper process."""

    loaded: Loaded[Settings]
    secrets: dict[str, Secret]
    folder: Path
    venues: PaperVenues | None


def prepare(
    file: Path | None,
    overrides: Iterable[str],
    *,
    seed: int | None,
    live: bool,
    summary: Path | None,
    ledger: Path | None,
    venue: Path | None = None,
) -> Start:
    """Load and check; in paper mode, start the venues, which take as long as our imports.

    ``venue`` is the file with the line of paper venues that run already. Raises CommandFailed.
    """
    loaded = load_settings(file, overrides, seed)
    settings = loaded.config
    secrets = check_live(loaded, live)
    folder = state_folder(settings)
    if summary is not None and not os.access(summary.parent, os.W_OK):
        text = f"summary {summary}: {summary.parent} is not a writable folder"
        raise CommandFailed(CONFIGURATION, text)
    venues = None
    if venue is not None:
        if settings.mode != "paper" or ledger is not None:
            expected = "mode: paper, and no --ledger: that is with `ketch venue`"
            raise CommandFailed(CONFIGURATION, f"--venue {venue}: expected {expected}")
        venues = PaperVenues.find(venue)
    elif settings.mode == "paper":
        venues = PaperVenues.launch(as_json(settings.paper), ledger)
    return Start(loaded, secrets, folder, venues)
