"""Runs the ``ketch`` command as an operator would: a process, its output, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
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


def ketch(state: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``ketch`` to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        env=environment(state, **extra),
        check=False,
    )


def run_and_sum_up(state: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """``ketch run`` with a summary: its exit code, the summary, and what it said."""
    file = state / "summary.json"
    done = ketch(state, "run", "--summary", str(file), *FAST, *arguments)
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
