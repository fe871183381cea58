"""Three desks at once: their configuration, and what a summary says of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.cli import PROMPT

# A hurried service must not run into limits of requests, the venues' or its own.
UNLIMITED = (
    "-o", "paper.backpack.front.requests_per_minute=0",
    "-o", "venues.grvt.rate={per_s: 1000, burst: 2000}",
    "-o", "venues.backpack.rate={per_s: 1000, burst: 2000}",
)  # fmt: skip
_LEGS = {
    "btc": ("backpack", "BTC_USDC_PERP", "grvt", "BTC_USDT_Perp", "0.01"),
    "sol": ("grvt", "SOL_USDT_Perp", "backpack", "SOL_USDC_PERP", "5"),
}


def three_desks(folder: Path, more: str = "") -> tuple[str, ...]:
    """The arguments for desks with short cycles: ETH, BTC, and SOL led by GRVT.

    ``more`` are further settings of each, as in a YAML mapping.
    """
    file = folder / "three.yaml"
    each = f"hold_s: 0.05, pause_s: 0.01{more}"
    lines = [f"desks:\n  eth: {{{each}}}"]
    for name, (venue, symbol, other, far, size) in _LEGS.items():
        primary = f"{{venue: {venue}, symbol: {symbol}}}"
        hedge = f"{{venue: {other}, symbol: {far}}}"
        lines.append(f"  {name}: {{primary: {primary}, hedge: {hedge}, size: {size}, {each}}}")
    file.write_text("\n".join(lines))
    return ("-c", str(file), *PROMPT, *UNLIMITED)


def by_name(summary: dict[str, Any]) -> dict[str, Any]:
    """The desks of a summary."""
    return {desk["desk"]: desk for desk in summary["desks"]}


def assert_sound(desk: dict[str, Any]) -> None:
    """The ledger saw nothing of it that must not be."""
    for finding in ("duplicates", "orphans", "position_errors", "flips"):
        assert desk["verdict"][finding] == []


def assert_clean(desk: dict[str, Any], cycles: int) -> None:
    """And every cycle was completed."""
    assert_sound(desk)
    assert desk["cycles"] == {"completed": cycles}
    assert (desk["verdict"]["completed"], desk["verdict"]["incomplete"]) == (cycles, 0)
