"""Runs the ``ketch`` command as an operator would: a process, its output, its exit code.

Most are forked from a process that has imported them already; what is said of ``command`` starts an
interpreter of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from tests.support.forked import ROOT, Forked

FAST = ("-o", "desks.eth.hold_s=0.05", "-o", "desks.eth.pause_s=0.01")
SWAPPED = (
    "-o", "desks.eth.primary={venue: grvt, symbol: ETH_USDT_Perp}",
    "-o", "desks.eth.hedge={venue: backpack, symbol: ETH_USDC_PERP}",
)  # fmt: skip
# Histories that do not lag: what a killed run left is settled without waiting for them.
PROMPT = (
    "-o", "venues.backpack.connection.settle_s=0.2", "-o", "venues.grvt.connection.settle_s=0.2",
    "-o", "venues.backpack.connection.expiry_s=1", "-o", "venues.grvt.connection.expiry_s=1",
)  # fmt: skip
_LIMIT_S = 90
# What main.py and its commands import, when they are called.
_IMPORTED = (
    "main", "cli.run", "cli.start", "cli.status", "cli.tree_view", "cli.view", "cli.control",
    "cli.service", "config.show", "actors.journal_check", "paper.server",
)  # fmt: skip


def command(*arguments: str) -> list[str]:
    """The command line of ``ketch`` with these arguments."""
    return [sys.executable, str(ROOT / "main.py"), *arguments]


def environment(state: Path, **extra: str) -> dict[str, str]:
    """An environment with a state folder of its own and no credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KETCH__")}
    unset = dict.fromkeys(
        ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "KETCH_SOCKET"), ""
    )
    return kept | unset | {"XDG_STATE_HOME": str(state), "COLUMNS": "120"} | extra


def started(
    state: Path,
    *arguments: str,
    stdout: int | IO[Any] = subprocess.PIPE,
    stderr: int | IO[Any] = subprocess.STDOUT,
    extra: Mapping[str, str] | None = None,
) -> Forked:
    """``ketch`` in a session of its own, forked. ``extra`` is for its environment."""
    return Forked(
        str(ROOT / "main.py"),
        *arguments,
        imported=_IMPORTED,
        stdout=stdout,
        stderr=stderr,
        env=environment(state, **(extra or {})),
        start_new_session=True,
    )


def ketch(
    state: Path, *arguments: str, limit_s: float = _LIMIT_S, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run ``ketch`` to its end, forked."""
    with TemporaryFile() as stdout, TemporaryFile() as stderr:
        child = started(state, *arguments, stdout=stdout, stderr=stderr, extra=extra)
        try:
            code = child.wait(limit_s)
        finally:
            child.kill()
        return subprocess.CompletedProcess(arguments, code, _text(stdout), _text(stderr))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def run_and_sum_up(
    state: Path, *arguments: str, limit_s: float = _LIMIT_S
) -> tuple[int, dict[str, Any], str]:
    """``ketch run`` with a summary: its exit code, the summary, and what it said."""
    file = state / "summary.json"
    done = ketch(state, "run", "--summary", str(file), *FAST, *arguments, limit_s=limit_s)
    said = done.stdout + done.stderr
    assert file.exists(), said
    return done.returncode, msgspec.json.decode(file.read_bytes()), said


def assert_sound(summary: dict[str, Any], cycles: int) -> None:
    """The venues' ledger saw every cycle, and nothing that must not be."""
    verdict = summary["verdict"]
    assert verdict["duplicates"] == []
    assert verdict["orphans"] == []
    assert verdict["position_errors"] == []
    assert verdict["flips"] == []
    assert verdict["completed"] == cycles
    assert summary["cycles"] == {"completed": cycles}
