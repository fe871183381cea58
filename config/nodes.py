"""A configuration before it has types: texts, lists and mappings that know where they were written.

Scalars keep the text of the file. What ``no``, ``0.5`` or ``1:30`` mean is decided by the schema,
not by YAML's own rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]

_NULLS: Final = ("", "~", "null")
_PLAIN_KEY: Final = re.compile(r"[^\s.\"\[\]]+")
_KEY: Final = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[^\s.\"\[\]]+)')


class ScalarNode(msgspec.Struct, frozen=True):
    """One value, as its text. ``quoted`` texts are strings and nothing else."""

    text: str
    quoted: bool
    origin: str

    @property
    def null(self) -> bool:
        """True for an empty value, ``~`` or ``null``."""
        return not self.quoted and self.text in _NULLS


class ListNode(msgspec.Struct, frozen=True):
    """Values in order."""

    items: tuple[Node, ...]
    origin: str


class MapNode(msgspec.Struct, frozen=True):
    """Values by key. ``implied`` is a mapping that a variable or override only passes through."""

    entries: dict[str, Node]
    origin: str
    implied: bool = False


Node: TypeAlias = ScalarNode | ListNode | MapNode


def merge(lower: Node, upper: Node) -> Node:
    """``upper`` over ``lower``: mappings key by key and to any depth, all else replaced."""
    if not (isinstance(lower, MapNode) and isinstance(upper, MapNode)):
        return upper
    entries = dict(lower.entries)
    for key, node in upper.entries.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return MapNode(entries, lower.origin if upper.implied else upper.origin)


def nest(keys: Sequence[str], node: Node) -> Node:
    """``node`` at the end of ``keys``, as a mapping that holds nothing else."""
    for key in reversed(keys):
        node = MapNode({key: node}, node.origin, implied=True)
    return node


def spell(path: Path) -> str:
    """A path as messages and ``-o`` spell it: ``desks.eth.legs[0]``, ``children."a.b"``."""
    return "".join(_pieces(path))


def _pieces(path: Path) -> Iterator[str]:
    for place, part in enumerate(path):
        if isinstance(part, int):
            yield f"[{part}]"
            continue
        key = part if _PLAIN_KEY.fullmatch(part) else f'"{part}"'
        yield f".{key}" if place else key


def split(text: str) -> tuple[str, ...] | None:
    """The keys of a dotted path, or None if it is not one. List positions can't be addressed."""
    keys: list[str] = []
    at = 0
    while match := _KEY.match(text, at):
        keys.append(match["quoted"] or match["plain"])
        at = match.end()
        if at == len(text):
            return tuple(keys)
        if text[at] != ".":
            return None
        at += 1
    return None
