"""The page about the configuration: every setting has its row there, with the default it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as mi

from config.schema import KetchConfig
from config.shapes import alternatives, shape_of
from supervision.policy import Policy
from trading.plan import Limit

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `([a-zA-Z_.]+)` \| (.+?) \| (.*?) \| (.+?) \| .+ \|$", re.MULTILINE)
FIGURE = re.compile(r"^\| `([a-z_.]+)` \| ([^|]+?) \| [^|]+ \|$", re.MULTILINE)
# What the end of a name says the figure is in.
UNITS = {"per_s": "1/s", "_s": "s", "_ms": "ms", "_bps": "bps"}
# Figures of a policy: every one optional in the schema, with the default of the policy itself.
PATCHED = re.compile(r"supervision\.(policies|children)\.X\.")


def section() -> str:
    """The part of the page that has the tables."""
    return PAGE.read_text().partition("## Every setting")[2].partition("\n## ")[0]


def described() -> dict[str, tuple[str, str, str]]:
    """What the page gives by setting: default, unit, range. Figures of a policy: the default."""
    figures = {name: (default, "", "") for name, default in FIGURE.findall(section())}
    return figures | {name: (*rest,) for name, *rest in ROW.findall(section())}


def settings(path: str, info: mi.Type, default: Any) -> Iterator[tuple[str, mi.Type, Any]]:
    """Every setting below ``path``, and its default; names of the operator's own are ``X``.

    A limit is one setting: what it does is said in its row, and what its parts are above them.
    """
    kind = shape_of(info).info
    if isinstance(kind, mi.UnionType):
        members = [shape_of(member).info for member in kind.types]
        kind = next((m for m in members if isinstance(m, mi.StructType)), kind)
    if isinstance(kind, mi.StructType) and kind.cls is not Limit:
        for field in kind.fields:
            inner = getattr(default, field.name, field.default)
            yield from settings(f"{path}.{field.name}" if path else field.name, field.type, inner)
    elif isinstance(kind, mi.DictType):
        yield from settings(f"{path}.X", kind.value_type, None)
    else:
        yield path, info, default


def shown(value: Any) -> str:
    """A default as the page spells it."""
    if isinstance(value, Limit):
        at = "none" if value.at is None else f"`{value.at}`"
        return f"{at}, `{value.action.value}`, `{value.clear_s:g}`"
    if value in ("", (), None, msgspec.NODEFAULT, msgspec.UNSET):
        return "empty" if value == "" else "none"
    plain = msgspec.to_builtins(value)
    return (
        f"`{plain:g}`"
        if isinstance(value, float)
        else f"`{msgspec.json.encode(plain).decode()}`".replace('"', "")
    )


def allowed(info: mi.Type) -> str:
    """The range of a setting as the page spells it: limits, words, or nothing to say."""
    texts = []
    for shape in alternatives(info):
        kind = shape.info
        if isinstance(kind, mi.EnumType):
            texts.append(", ".join(f"`{member.value}`" for member in kind.cls))
        elif isinstance(kind, mi.LiteralType):
            texts.append(", ".join(f"`{value}`" for value in kind.values))
        elif isinstance(kind, mi.NoneType):
            texts.append("none")
        else:
            texts += [_limits(kind, shape.extra)]
    return " or ".join(sorted(filter(None, texts), key=lambda text: text == "none")) or "any"


def _limits(kind: Any, extra: dict[str, Any]) -> str:
    found = {name: getattr(kind, name, None) for name in ("gt", "ge", "lt", "le")}
    found |= {name: limit for name, limit in extra.items() if name in found}
    words = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}"}
    plain = {name: f"{limit:f}" if isinstance(limit, Decimal) else f"{limit:g}"
             for name, limit in found.items() if limit is not None}  # fmt: skip
    return " and ".join(words[name].format(limit) for name, limit in plain.items())


def unit(path: str) -> str:
    """The unit that the name of a setting says."""
    name = path.rpartition(".")[2]
    return next((word for end, word in UNITS.items() if name.endswith(end)), "")


def expected() -> dict[str, tuple[str, str, str]]:
    """The rows that there must be: how the default begins, the unit, and the range."""
    rows: dict[str, tuple[str, str, str]] = {}
    for path, info, default in settings("", mi.type_info(KetchConfig), KetchConfig()):
        if PATCHED.match(path):
            rows.setdefault(PATCHED.sub("", path), ("none", "", ""))
        else:
            name = re.sub(r"^venues\.\w+\.(connection|rate)", r"venues.V.\1", path)
            rows.setdefault(name, (shown(default), unit(name), allowed(info)))
    figures = settings("", mi.type_info(Policy), None)
    return rows | {path: (shown(value), "", "") for path, _, value in figures}


def test_every_setting_has_a_row_with_its_default_and_there_is_no_other_row() -> None:
    wanted, found = expected(), described()
    assert sorted(found) == sorted(wanted)
    wrong = {
        name: (row, wanted[name])
        for name, row in found.items()
        if not row[0].startswith(wanted[name][0])
    }
    assert wrong == {}


def test_a_row_says_the_unit_and_the_range_that_the_schema_has() -> None:
    wanted = expected()
    wrong = {
        name: (row[1:], wanted[name][1:])
        for name, row in described().items()
        if wanted[name][1:] != row[1:]
    }
    assert wrong == {}
