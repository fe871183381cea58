"""What the venues listed at the last good start: enough to begin while one of them is down.

A position that a crash has left is closed on the venue that is up, and on the other one as soon as
it is back; neither must wait for a look-up. Contracts hardly ever change, and an order that does
not fit is refused by its venue.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from venues.model import Instrument

FILE: Final = "instruments.json"
_SCHEMA: Final = "ketch.instruments/1"


class _Listed(msgspec.Struct, frozen=True):
    """One venue's contracts, by symbol. Those of another environment are other contracts."""

    environment: str
    instruments: dict[str, Instrument]


class _Page(msgspec.Struct, frozen=True):
    schema: str
    venues: dict[str, _Listed]


class InstrumentCache:
    """The file in the state folder. ``environments`` says which one of each venue is meant.

    A file that can't be read, or written, is no reason not to start: it is as if there were none.
    """

    def __init__(self, folder: Path, environments: Mapping[str, str]) -> None:
        self._path = folder / FILE
        self._environments = environments
        self._page = self._load()

    def get(self, venue: str, symbol: str) -> Instrument | None:
        """The contract as it was listed last, in the environment that is meant now."""
        listed = self._page.venues.get(venue)
        if listed is None or listed.environment != self._environments[venue]:
            return None
        return listed.instruments.get(symbol)

    def store(self, found: Mapping[str, Mapping[str, Instrument]]) -> None:
        """Keep what the venues listed just now; the file is the old one or the new one, whole."""
        venues = dict(self._page.venues)
        for venue, instruments in found.items():
            if instruments:
                environment = self._environments[venue]
                before = venues.get(venue)
                kept = before.instruments if before and before.environment == environment else {}
                venues[venue] = _Listed(environment, {**kept, **instruments})
        page = _Page(_SCHEMA, venues)
        if page == self._page:
            return
        self._page = page
        try:
            _replace(self._path, msgspec.json.format(msgspec.json.encode(page), indent=2))
        except OSError as error:
            logger.warning("{}: {}; the next start needs both venues", self._path, error.strerror)

    def _load(self) -> _Page:
        empty = _Page(_SCHEMA, {})
        try:
            page = msgspec.json.decode(self._path.read_bytes(), type=_Page)
        except FileNotFoundError:
            return empty
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            logger.warning("{}: not used: {}", self._path, error)
            return empty
        return page if page.schema == _SCHEMA else empty


def _replace(path: Path, content: bytes) -> None:
    """All of it on disk under another name, then that name in place of the old file."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
