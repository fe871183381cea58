"""Starts that must come to nothing: a second copy, a wrong size or pair, a strange account."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cli.exits import CONFIGURATION, EXPOSED
from cli.paper_process import Places
from drills.processes import started
from venues.model import BACKPACK

_YOUNGER_S: Final = 10.0  # 5 s (fault 37 in docs/faults.md), and as long for a start on a busy host
_REFUSES_S: Final = 40.0  # a look at both accounts, on a busy host
Command = Callable[[Path, Sequence[str]], list[str]]
"""The command line of one cycle more at the venues of that file, with these settings."""


def second(folder: Path, venue: Path, command: Command, certificate: Path | None) -> str:
    """Another copy on the same accounts, with a state folder of its own, has to end."""
    code = _ended(command(venue, ()), _new(folder / "second"), _YOUNGER_S, certificate)
    if code is None:
        return "a second copy on the same accounts goes on"
    return "" if code else "a second copy on the same accounts ended as if all were well"


def wrong(folder: Path, venue: Path, command: Command, certificate: Path | None) -> str:
    """Each has to refuse: too small an order, one venue twice, an account that is not flat."""
    strange = folder / "strange.json"
    strange.write_bytes(_others_first(venue.read_bytes()))
    twice = f"{{venue: {BACKPACK}, symbol: BTC_USDC_PERP}}"
    for name, settings, file, expected in (
        ("a size below the smallest order", ("desks.eth.size=0.001",), venue, CONFIGURATION),
        ("two legs on one venue", (f"desks.eth.hedge={twice}",), venue, CONFIGURATION),
        ("an account that is not flat", (), strange, EXPOSED),
    ):
        arguments = command(file, settings)
        code = _ended(arguments, _new(folder / f"wrong-{expected}"), _REFUSES_S, certificate)
        if code != expected:
            return f"{name}: ended with exit code {code}, expected {expected}"
    return ""


def _others_first(line: bytes) -> bytes:
    """The venues' line for the accounts on which nobody trades."""
    places = msgspec.json.decode(line, type=Places)
    grvt, backpack = places.grvt, places.backpack
    grvt = msgspec.structs.replace(grvt, accounts=grvt.accounts[::-1])
    backpack = msgspec.structs.replace(backpack, accounts=backpack.accounts[::-1])
    return msgspec.json.encode(msgspec.structs.replace(places, grvt=grvt, backpack=backpack))


def _new(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _ended(
    arguments: list[str], folder: Path, within_s: float, certificate: Path | None
) -> int | None:
    """Its exit code; None when it had to be ended."""
    with started(arguments, folder, "log", certificate=certificate) as child:
        try:
            return child.wait(within_s)
        except subprocess.TimeoutExpired:
            return None
