"""The page about the configuration: every setting has its row there, with the default it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as mi

from config.schema import KetchConfig
from config.shapes import shape_of
from supervision.policy import Policy

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `([a-zA-Z_.]+)` \| (.+?) \| .+ \|$", re.MULTILINE)
# Figures of a policy: every one optional in the schema, with the default of the policy itself.
PATCHED = re.compile(r"supervision\.(policies|children)\.X\.")


def described() -> dict[str, str]:
    """The defaults that the page gives, by setting."""
    section = PAGE.read_text().partition("## Every setting")[2].partition("\n## ")[0]
    return dict(ROW.findall(section))


def settings(path: str, info: mi.Type, default: Any) -> Iterator[tuple[str, Any]]:
    """Every setting below ``path``, and its default; names of the operator's own are ``X``."""
    kind = shape_of(info).info
    if isinstance(kind, mi.UnionType):
        members = [shape_of(member).info for member in kind.types]
        kind = next((m for m in members if isinstance(m, mi.StructType)), kind)
    if isinstance(kind, mi.StructType):
        for field in kind.fields:
            inner = getattr(default, field.name, field.default)
            yield from settings(f"{path}.{field.name}" if path else field.name, field.type, inner)
    elif isinstance(kind, mi.DictType):
        yield from settings(f"{path}.X", kind.value_type, None)
    else:
        yield path, default


def shown(value: Any) -> str:
    """A default as the page spells it."""
    if value in ("", (), None, msgspec.NODEFAULT, msgspec.UNSET):
        return "empty" if value == "" else "none"
    plain = msgspec.to_builtins(value)
    return (
        f"`{plain:g}`"
        if isinstance(value, float)
        else f"`{msgspec.json.encode(plain).decode()}`".replace('"', "")
    )


def expected() -> dict[str, str]:
    """The rows that there must be, with the default that each must begin with."""
    rows: dict[str, str] = {}
    for path, default in settings("", mi.type_info(KetchConfig), KetchConfig()):
        if PATCHED.match(path):
            rows.setdefault(PATCHED.sub("", path), "none")
        else:
            rows.setdefault(
                re.sub(r"^venues\.\w+\.connection", "venues.V.connection", path), shown(default)
            )
    figures = {path: shown(value) for path, value in settings("", mi.type_info(Policy), None)}
    return rows | figures


def test_every_setting_has_a_row_with_its_default_and_there_is_no_other_row() -> None:
    wanted, found = expected(), described()
    assert sorted(found) == sorted(wanted)
    wrong = {
        name: (text, wanted[name])
        for name, text in found.items()
        if not text.startswith(wanted[name])
    }
    assert wrong == {}
