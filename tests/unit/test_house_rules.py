"""Rules of the house that no linter knows: nothing sleeps, nothing is swallowed, in any room."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
NOT_ROOMS = {"tests", "docs", "deploy", "build"}
SWALLOWED, SLEEPS = "an exception is swallowed", "sleeps"
SLEEPS_ON_THE_LOOP = "sleeps on the event loop"
# The folder or file, what it may do, and how often at most. One that is needed no more fails, too.
EXEMPT = {
    # That nobody listens there is the answer; of an answer that can't be read, a second reading.
    ("cli/control.py", SWALLOWED): 2,
    # Venues have a pace of their own (latencies, quotes, pings); the loop's timer does that.
    ("paper/", SLEEPS_ON_THE_LOOP): None,
    # Programs as others write them, which wait by sleeping: that is what Ketch is compared with.
    ("benchmarks/baselines/", SLEEPS): None,
    ("benchmarks/baselines/", SLEEPS_ON_THE_LOOP): None,
    # Time in which nothing happens is what it measures.
    ("benchmarks/idle.py", SLEEPS): 2,
    # A scripted venue: its quotes come so often, and so long after each other its fills.
    ("benchmarks/scripted/venues.py", SLEEPS): 2,
}


def _files() -> list[Path]:
    """Every source file but the tests, whatever rooms there are."""
    rooms = [
        path
        for path in HOUSE.iterdir()
        if path.is_dir() and path.name.isidentifier() and path.name not in NOT_ROOMS
    ]
    return sorted([*HOUSE.glob("*.py"), *(file for room in rooms for file in room.rglob("*.py"))])


FILES = _files()
_REASON = re.compile(r"#\s*noqa:\s*BLE001\s*-\s*\S+")
_BROAD = {"Exception", "BaseException"}


def findings(source: str) -> list[str]:
    """What a file does against the rules, with its lines."""
    tree = ast.parse(source)
    lines = source.splitlines()
    return [*_sleeps(tree), *_swallowed(tree), *_too_broad(tree, lines)]


def _sleeps(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio"):
            if any(alias.name == "sleep" for alias in node.names):
                yield f"{node.lineno}: imports sleep"
        elif isinstance(node, ast.Attribute) and node.attr == "sleep":
            on_the_loop = isinstance(node.value, ast.Name) and node.value.id == "asyncio"
            yield f"{node.lineno}: {SLEEPS_ON_THE_LOOP if on_the_loop else SLEEPS}"


def _swallowed(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(map(_is_nothing, node.body)):
            yield f"{node.lineno}: {SWALLOWED}"


def _is_nothing(statement: ast.stmt) -> bool:
    ellipsis = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Continue) or ellipsis


def _too_broad(tree: ast.AST, lines: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler) or not _is_broad(node.type):
            continue
        raises_again = any(isinstance(inner, ast.Raise) for inner in node.body)
        if not raises_again and not _REASON.search(lines[node.lineno - 1]):
            yield f"{node.lineno}: catches everything and gives no reason"


def _is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(map(_is_broad, kind.elts))
    return kind is None or (isinstance(kind, ast.Name) and kind.id in _BROAD)


def found_in(path: Path) -> list[str]:
    """What a file does against the rules, without its lines."""
    return [finding.partition(": ")[2] for finding in findings(path.read_text())]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_nothing_sleeps_and_nothing_is_swallowed(path: Path) -> None:
    found = found_in(path)
    for (place, what), most in EXEMPT.items():
        exempt = str(path.relative_to(HOUSE)).startswith(place)
        if exempt and (most is None or found.count(what) <= most):
            found = [finding for finding in found if finding != what]
    assert found == [], findings(path.read_text())


@pytest.mark.parametrize(("place", "what"), EXEMPT)
def test_no_exemption_is_left_that_nobody_needs(place: str, what: str) -> None:
    assert any(
        what in found_in(path) for path in FILES if str(path.relative_to(HOUSE)).startswith(place)
    )


def test_every_room_is_looked_at() -> None:
    assert {path.relative_to(HOUSE).parts[0] for path in FILES} == {
        "actors", "benchmarks", "cli", "config", "drills", "main.py", "paper", "supervision",
        "trading", "venues",
    }  # fmt: skip


@pytest.mark.parametrize(
    "offence",
    [
        "import time\ntime.sleep(1)",
        "import asyncio\nasync def wait():\n    await asyncio.sleep(1)",
        "from time import sleep",
        "try:\n    work()\nexcept ValueError:\n    pass",
        "for a in b:\n    try:\n        work()\n    except OSError:\n        continue",
        "try:\n    work()\nexcept OSError:\n    ...",
        "try:\n    work()\nexcept:\n    note()",
        "try:\n    work()\nexcept Exception:\n    note()",
        "try:\n    work()\nexcept (OSError, BaseException):\n    note()",
        "try:\n    work()\nexcept Exception:  # noqa: BLE001\n    note()",
    ],
)
def test_the_rules_find_what_they_forbid(offence: str) -> None:
    assert len(findings(offence)) == 1


@pytest.mark.parametrize(
    "fine",
    [
        "try:\n    work()\nexcept OSError:\n    note()",
        "try:\n    work()\nexcept BaseException:\n    note()\n    raise",
        "try:\n    work()\nexcept Exception as e:  # noqa: BLE001 - handed over\n    note(e)",
    ],
)
def test_the_rules_allow_what_is_handled(fine: str) -> None:
    assert findings(fine) == []
