"""The effective configuration for people and programs: every value, its origin, and no secrets.

What ``show`` prints can be loaded again and gives the same configuration, but for masked values.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect as mi

from config.errors import MASK
from config.loader import Loaded
from config.nodes import Path, spell
from config.shapes import alternatives, is_secret

T = TypeVar("T", bound=msgspec.Struct)

JSON_SCHEMA: Final = "ketch/config/1"
_PLAIN_TEXT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_/]*(?:[.-][A-Za-z0-9_/]+)*")
_RESERVED: Final = ("null", "true", "false")
_LISTS: Final = (list, tuple, set, frozenset)


def show(loaded: Loaded[T]) -> str:
    """The configuration as YAML; behind each value stands its origin, as a comment."""
    lines = _Page(loaded).mapping(mi.type_info(type(loaded.config)), loaded.config, ())
    return "".join(f"{line}\n" for line in lines)


def show_json(loaded: Loaded[T]) -> str:
    """The configuration as one JSON document: ``config``, and ``origins`` by path.

    Decimals are strings. A value that no layer gave has no entry in ``origins``: it is the default.
    """
    config = _plain(mi.type_info(type(loaded.config)), loaded.config)
    origins = {path: origin for path, origin in loaded.origins.items() if path}
    page = {"schema": JSON_SCHEMA, "config": config, "origins": origins}
    return json.dumps(page, indent=2, ensure_ascii=False)


class _Page:
    def __init__(self, loaded: Loaded[Any]) -> None:
        self._loaded = loaded

    def mapping(self, info: mi.Type, value: object, path: Path) -> Iterator[str]:
        """The lines of a mapping, and of the entries that a layer removed from it."""
        for name, child_info, child in _entries(info, value):
            yield from self._value(f"{_text(name)}:", child_info, child, (*path, name))
        prefix = f"{spell(path)}." if path else ""
        for gone in sorted(self._loaded.removed):
            name = gone.removeprefix(prefix)
            if gone.startswith(prefix) and spell((name.strip('"'),)) == name:
                yield f"{name}: null  # {self._loaded.origin(gone)}"

    def _value(self, head: str, info: mi.Type, value: Any, path: Path) -> Iterator[str]:
        if _hidden(info, value):
            yield self._line(head, f'"{MASK}"', path)
        elif isinstance(value, _LISTS) and any(map(_is_mapping, value)):
            yield head
            for place, (item_info, item) in enumerate(_items(info, value)):
                yield from self._item(item_info, item, (*path, place))
        elif _is_mapping(value) and (lines := list(self.mapping(info, value, path))):
            yield head
            yield from (f"  {line}" for line in lines)
        else:
            yield self._line(head, _flow(value), path)

    def _item(self, info: mi.Type, value: object, path: Path) -> Iterator[str]:
        lines = list(self.mapping(info, value, path)) if _is_mapping(value) else []
        if not lines:
            yield from (f"  {line}" for line in self._value("-", info, value, path))
        for place, line in enumerate(lines):
            yield f"  {'  ' if place else '- '}{line}"

    def _line(self, head: str, shown: str, path: Path) -> str:
        return f"{head} {shown}  # {self._loaded.origin(spell(path))}"


def _hidden(info: mi.Type, value: object) -> bool:
    """A secret that is given; one that is not may be seen not to be."""
    return is_secret(info) and value not in (None, "")


def _is_mapping(value: object) -> bool:
    return isinstance(value, msgspec.Struct | dict)


def _entries(info: mi.Type, value: Any) -> Iterator[tuple[str, mi.Type, Any]]:
    for shape in alternatives(info):
        of = shape.info
        if isinstance(of, mi.DictType) and isinstance(value, dict):
            for key, child in value.items():
                yield str(key.value if isinstance(key, enum.Enum) else key), of.value_type, child
            return
        if isinstance(of, mi.StructType) and type(value) is of.cls:
            if of.tag_field is not None:
                yield of.tag_field, mi.StrType(), of.tag
            for field in of.fields:
                child = getattr(value, field.name)
                if child is not msgspec.UNSET:
                    yield field.encode_name, field.type, child
            return


def _items(info: mi.Type, values: Any) -> Iterator[tuple[mi.Type, Any]]:
    for shape in alternatives(info):
        of = shape.info
        if isinstance(of, mi.TupleType):
            yield from zip(of.item_types, values, strict=True)
            return
        if isinstance(of, mi.SetType | mi.FrozenSetType):
            yield from ((of.item_type, value) for value in sorted(values, key=str))
            return
        if isinstance(of, mi.ListType | mi.VarTupleType):
            yield from ((of.item_type, value) for value in values)
            return


def _flow(value: Any) -> str:
    """A value on one line, spelled so that the loader reads the same value."""
    if _is_mapping(value):
        return "{}"
    if isinstance(value, _LISTS):
        items = map(_flow, value)
        return f"[{', '.join(sorted(items) if isinstance(value, set | frozenset) else items)}]"
    if isinstance(value, enum.Enum):
        return _flow(value.value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    if _PLAIN_TEXT.fullmatch(text) and text not in _RESERVED:
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _plain(info: mi.Type, value: Any) -> Any:
    if _hidden(info, value):
        return MASK
    if _is_mapping(value):
        return {
            name: _plain(child_info, child) for name, child_info, child in _entries(info, value)
        }
    if isinstance(value, _LISTS):
        return [_plain(item_info, item) for item_info, item in _items(info, value)]
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Decimal) else value
