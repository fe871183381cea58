"""``ketch drill`` as an operator runs it: the service, the venues, a fault, the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cli.exits import JUDGED, USAGE
from tests.support.cli import ketch

DROPPED = """
name: dropped
about: GRVT's socket is lost at a fill
cycles: 3
faults:
  - {fault: 19, name: feed lost, cycle: 2, at: {hook: primary_fill}, naked_q_s: "0",
     arm: [{action: drop, connection: grvt/trading}]}
"""


def drill(folder: Path, *arguments: str) -> tuple[int, Any, str]:
    file = folder / "result.json"
    done = ketch(folder, "drill", *arguments, "--json", str(file), "--keep", str(folder / "kept"))
    report = msgspec.json.decode(file.read_bytes()) if file.exists() else None
    return done.returncode, report, done.stdout + done.stderr


def test_a_drill_that_fails_says_which_fault_cycle_and_figure_and_how_to_see_it_again(
    tmp_path: Path,
) -> None:
    """Its limit can't be kept: everything else about the run is as it should be."""
    file = tmp_path / "plan.yaml"
    file.write_text(DROPPED)
    ended, report, said = drill(tmp_path, "--plan", str(file), "--seed", "3")
    assert ended == JUDGED, said
    (run,) = report["runs"]
    assert (run["completed"], run["duplicates"], run["orphans"], run["flips"]) == (3, 0, 0, 0)
    assert run["faults"][0]["reached"]
    (failure,) = run["faults"][0]["failures"]
    assert f"fault 19 feed lost at cycle 2: {failure}" in said
    assert failure.startswith("N ")
    assert f"again: ketch drill --plan {file} --seed 3" in said


def test_an_unknown_trader_is_refused_before_anything_starts(tmp_path: Path) -> None:
    ended, report, said = drill(tmp_path, "ws-01", "--beside", "nobody")
    assert (ended, report) == (USAGE, None)
    assert "sync-published" in said
