"""Rules of the house that no linter knows: nothing sleeps, nothing is swallowed, in any room."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("actors", "trading", "venues", "supervision", "cli", "config", "drills")
HOUSE = Path(__file__).resolve().parents[3]
FILES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
# Where the exception is the answer (nobody listens there), or another reading comes next.
ANSWERS = {("cli/control.py", "an exception is swallowed"): 2}
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
            yield f"{node.lineno}: sleeps"


def _swallowed(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(map(_is_nothing, node.body)):
            yield f"{node.lineno}: an exception is swallowed"


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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_nothing_sleeps_and_nothing_is_swallowed(path: Path) -> None:
    name = str(path.relative_to(HOUSE))
    found = [finding.partition(": ")[2] for finding in findings(path.read_text())]
    for (place, what), count in ANSWERS.items():
        if place == name and found.count(what) <= count:
            found = [finding for finding in found if finding != what]
    assert found == [], findings(path.read_text())


def test_every_room_is_looked_at() -> None:
    assert {path.relative_to(HOUSE).parts[0] for path in FILES} == set(ROOMS)


@pytest.mark.parametrize(
    "offence",
    [
        "import time\ntime.sleep(1)",
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
