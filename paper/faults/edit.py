"""Changes to JSON that a venue sends, by field names, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

HUGE_BYTES: Final = 2 * 1024 * 1024 + 1
# The fields that carry quantities: GRVT's, then Backpack's on its streams and over REST.
_SIZES: Final = frozenset(
    {"size", "traded_size", "book_size", "q", "l", "z", "quantity", "executedQuantity"}
)


def edited(data: bytes, values: Mapping[str, object], remove: Sequence[str]) -> bytes:
    """The JSON with fields set and removed wherever they are; other text as it is.

    A field that is nowhere is added to the innermost object with fields of its own: what is under
    ``feed``, ``data`` or ``result``, else the outermost.
    """
    try:
        tree: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data
    for name, value in values.items():
        if not _replace(tree, name, value):
            _core(tree)[name] = value
    for name in remove:
        _remove(tree, name)
    return msgspec.json.encode(tree)


def with_sizes(data: bytes, text: str) -> bytes:
    """The JSON with every quantity replaced by ``text``."""
    tree: Any = msgspec.json.decode(data)
    _resize(tree, text)
    return msgspec.json.encode(tree)


def padded(data: bytes) -> bytes:
    """The JSON object with a field that makes it larger than 2 MiB."""
    tree: Any = msgspec.json.decode(data)
    return msgspec.json.encode({**tree, "padding": "x" * HUGE_BYTES})


def _replace(tree: Any, name: str, value: object) -> bool:
    found = False
    if isinstance(tree, dict):
        for key, child in tree.items():
            if key == name:
                tree[key], found = value, True
            else:
                found = _replace(child, name, value) or found
    elif isinstance(tree, list):
        for child in tree:
            found = _replace(child, name, value) or found
    return found


def _remove(tree: Any, name: str) -> None:
    if isinstance(tree, dict):
        tree.pop(name, None)
        for child in tree.values():
            _remove(child, name)
    elif isinstance(tree, list):
        for child in tree:
            _remove(child, name)


def _core(tree: Any) -> dict[str, Any]:
    if isinstance(tree, list):
        return _core(tree[0]) if tree else {}
    if not isinstance(tree, dict):
        return {}
    for name in ("feed", "data", "result"):
        if isinstance(tree.get(name), dict | list):
            return _core(tree[name])
    return tree


def _resize(tree: Any, text: str) -> None:
    if isinstance(tree, dict):
        for key, child in tree.items():
            if key in _SIZES:
                tree[key] = [text] if isinstance(child, list) else text
            else:
                _resize(child, text)
    elif isinstance(tree, list):
        for child in tree:
            _resize(child, text)
