"""Nodes and schema side by side: builds the typed configuration, or says all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import inspect as mi

from config.errors import ConfigError, Inconsistent, MissingKey, UnknownKey, quote
from config.nodes import ListNode, MapNode, Node, Path, ScalarNode, spell
from config.shapes import (
    MISMATCH,
    Shape,
    alternatives,
    fits_length,
    got,
    hint,
    is_secret,
    nearest,
    read_scalar,
    words,
)

_MAX_LISTED_KEYS: Final = 12
_SECRET_NAME: Final = re.compile(r"(api|private|secret|public)_?key|secret|password|token", re.I)
_SCALARS: Final = (
    mi.StrType, mi.IntType, mi.FloatType, mi.BoolType, mi.DecimalType, mi.NoneType,
    mi.EnumType, mi.LiteralType,
)  # fmt: skip
_LISTS: Final = (mi.ListType, mi.VarTupleType, mi.TupleType, mi.SetType, mi.FrozenSetType)
_MAPPINGS: Final = (mi.StructType, mi.DictType)


class Walk:
    """One walk; afterwards it knows all ``errors``, and ``origins`` and ``secrets`` by path."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self.origins: dict[Path, str] = {}
        self.removed: set[Path] = set()
        self.secrets: set[Path] = set()

    def read(self, info: mi.Type, node: Node, path: Path) -> object:
        """The value of ``node`` as ``info`` has it, or MISMATCH with the reason in ``errors``.

        Raises TypeError if the schema uses a type that a configuration can't have.
        """
        self.origins[path] = node.origin
        if is_secret(info):
            self.secrets.add(path)
        shapes = alternatives(info)
        _require_supported(shapes, path)
        if isinstance(node, ScalarNode):
            value = read_scalar(info, node)
            return self._mismatch(info, node, path) if value is MISMATCH else value
        if isinstance(node, ListNode):
            lists = [shape.info for shape in shapes if isinstance(shape.info, _LISTS)]
            return self._list(lists[0], node, path) if lists else self._mismatch(info, node, path)
        return self._mapping(info, shapes, node, path)

    def _mismatch(self, info: mi.Type, node: Node, path: Path) -> object:
        value, meant = got(node, is_secret(info)), hint(info, node)
        self.errors.append(ConfigError(spell(path), value, words(info), node.origin, meant))
        return MISMATCH

    def _list(self, info: Any, node: ListNode, path: Path) -> object:
        if isinstance(info, mi.TupleType):
            types = info.item_types
            fits = len(types) == len(node.items)
        else:
            types = (info.item_type,) * len(node.items)
            fits = fits_length(info, len(node.items))
        if not fits:
            return self._wrong_length(info, len(node.items), "item", node, path)
        values = [
            self.read(item_type, item, (*path, place))
            for place, (item_type, item) in enumerate(zip(types, node.items, strict=True))
        ]
        return MISMATCH if MISMATCH in values else _collect(info, values)

    def _wrong_length(
        self, info: mi.Type, length: int, unit: str, node: Node, path: Path
    ) -> object:
        value = f"{length} {unit}{'' if length == 1 else 's'}"
        self.errors.append(ConfigError(spell(path), value, words(info), node.origin))
        return MISMATCH

    def _mapping(
        self, info: mi.Type, shapes: tuple[Shape, ...], node: MapNode, path: Path
    ) -> object:
        mappings = [shape.info for shape in shapes if isinstance(shape.info, _MAPPINGS)]
        if not mappings:
            return self._mismatch(info, node, path)
        first = mappings[0]
        if isinstance(first, mi.DictType):
            return self._dict(first, node, path)
        structs = [struct for struct in mappings if isinstance(struct, mi.StructType)]
        if first.tag_field is None:
            return self._struct(first, node.entries, node, path)
        return self._tagged(structs, first.tag_field, node, path)

    def _dict(self, info: mi.DictType, node: MapNode, path: Path) -> object:
        values: dict[Any, object] = {}
        sound = True
        for name, child in node.entries.items():
            at = (*path, name)
            key = read_scalar(info.key_type, _name(name, child.origin))
            if key is MISMATCH:
                expected = words(info.key_type).replace("text", "a name", 1)
                self.errors.append(ConfigError(spell(at), quote(name), expected, child.origin))
                sound = False
            elif _removes(info.value_type, child):
                self.removed.add(at)
                self.origins[at] = child.origin
            else:
                values[key] = self.read(info.value_type, child, at)
        if not fits_length(info, len(values)):
            return self._wrong_length(info, len(values), "entry", node, path)
        return values if sound and MISMATCH not in values.values() else MISMATCH

    def _tagged(
        self, structs: list[mi.StructType], tag_field: str, node: MapNode, path: Path
    ) -> object:
        known = {str(struct.tag): struct for struct in structs}
        at = (*path, tag_field)
        expected = f"one of: {', '.join(sorted(known))}"
        tag = node.entries.get(tag_field)
        if tag is None:
            if len(structs) == 1:
                return self._struct(structs[0], node.entries, node, path)
            self.errors.append(MissingKey(spell(at), expected, node.origin))
            return MISMATCH
        self.origins[at] = tag.origin
        if not isinstance(tag, ScalarNode) or tag.text not in known:
            meant = nearest(tag.text, known) if isinstance(tag, ScalarNode) else ""
            value = got(tag, secret=False)
            self.errors.append(ConfigError(spell(at), value, expected, tag.origin, meant))
            return MISMATCH
        entries = {name: child for name, child in node.entries.items() if name != tag_field}
        return self._struct(known[tag.text], entries, node, path)

    def _struct(
        self, info: mi.StructType, entries: Mapping[str, Node], node: MapNode, path: Path
    ) -> object:
        fields = {field.encode_name: field for field in info.fields}
        values: dict[str, object] = {}
        for name, child in entries.items():
            if name in fields:
                values[fields[name].name] = self.read(fields[name].type, child, (*path, name))
            else:
                self._unknown(name, fields, child, path)
        missing = [field for field in info.fields if field.required and field.name not in values]
        for field in missing:
            place, expected = spell((*path, field.encode_name)), words(field.type)
            self.errors.append(MissingKey(place, expected, node.origin))
        if missing or MISMATCH in values.values():
            return MISMATCH
        return self._construct(info, values, node, path)

    def _unknown(self, name: str, known: Iterable[str], node: Node, path: Path) -> None:
        names = list(known)
        suggestion = nearest(name, names)
        if not suggestion and _SECRET_NAME.search(name):
            suggestion = "secrets are not settings: give them as credentials or in the environment"
        if not suggestion and len(names) <= _MAX_LISTED_KEYS:
            suggestion = f"known here: {', '.join(names)}" if names else "nothing is set here"
        self.errors.append(UnknownKey(spell((*path, name)), node.origin, suggestion))

    def _construct(
        self, info: mi.StructType, values: dict[str, object], node: MapNode, path: Path
    ) -> object:
        try:
            return info.cls(**values)
        except ValueError as error:  # raised by the struct's own __post_init__
            self.errors.append(Inconsistent(spell(path), str(error), node.origin))
            return MISMATCH


def _name(text: str, origin: str) -> ScalarNode:
    """A key as a value: it is never nothing, whatever it is spelled like."""
    node = ScalarNode(text, quoted=False, origin=origin)
    return ScalarNode(text, quoted=True, origin=origin) if node.null else node


def _removes(value_type: mi.Type, node: Node) -> bool:
    """``name: null`` takes an entry away that a layer below gave, unless null is a value there."""
    return (
        isinstance(node, ScalarNode)
        and node.null
        and bool(node.text)
        and read_scalar(value_type, node) is MISMATCH
    )


def _collect(info: mi.Type, values: list[Any]) -> object:
    if isinstance(info, mi.ListType):
        return values
    if isinstance(info, mi.SetType):
        return set(values)
    return frozenset(values) if isinstance(info, mi.FrozenSetType) else tuple(values)


def _require_supported(shapes: tuple[Shape, ...], path: Path) -> None:
    for shape in shapes:
        if not isinstance(shape.info, (*_SCALARS, *_LISTS, *_MAPPINGS)):
            kind = type(shape.info).__name__
            raise TypeError(f"schema: {spell(path)} has a type no setting can have: {kind}")
