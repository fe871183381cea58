"""What the schema expects at a place: scalars are read strictly by it, and it is put into words.

A bool is not a number, only ``true`` and ``false`` are bools, money is read from the text and never
passes through a float, and a quoted text is text. Constraints come from ``msgspec.Meta``; msgspec
has none for Decimal, so a Decimal carries them as ``extra``: see ``config.marks``.
"""

from __future__ import annotations

import enum
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import inspect as mi

from config.errors import MASK, quote
from config.nodes import ListNode, MapNode, Node, ScalarNode

_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,39})")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
)
_BOOLS: Final = {"true": True, "false": False}
_BOOL_LOOKALIKES: Final = {
    "yes": "true", "on": "true", "y": "true", "true": "true",
    "no": "false", "off": "false", "n": "false", "false": "false",
}  # fmt: skip
_BOUNDS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "gt": (">", operator.gt),
    "ge": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "le": ("<=", operator.le),
}


class Mismatch(enum.Enum):
    """The value that no schema has."""

    MISMATCH = 0


MISMATCH: Final = Mismatch.MISMATCH


class Shape(msgspec.Struct, frozen=True):
    """A type of the schema without its wrapping.

    ``extra`` is what the marks of the schema say: ``secret`` for values that are never shown,
    ``expected`` for words better than ours, and the limits of a Decimal.
    """

    info: mi.Type
    extra: dict[str, Any]

    @property
    def secret(self) -> bool:
        """True when the value must not be shown."""
        return bool(self.extra.get("secret"))


def shape_of(info: mi.Type) -> Shape:
    """``info`` unwrapped; of several ``extra`` the outer wins."""
    extra: dict[str, Any] = {}
    while isinstance(info, mi.Metadata):
        extra = {**(info.extra or {}), **extra}
        info = info.type
    return Shape(info, extra)


def alternatives(info: mi.Type) -> tuple[Shape, ...]:
    """The members of a union, each with the ``extra`` of the union; of another type, itself."""
    shape = shape_of(info)
    if not isinstance(shape.info, mi.UnionType):
        return (shape,)
    members = (shape_of(member) for member in shape.info.types)
    return tuple(Shape(member.info, {**member.extra, **shape.extra}) for member in members)


def is_secret(info: mi.Type) -> bool:
    """True when a value of this type must not be shown."""
    return any(shape.secret for shape in alternatives(info))


def read_scalar(info: mi.Type, node: ScalarNode) -> object:
    """The value of ``node`` as ``info`` has it, or MISMATCH. Of a union the narrowest that fits."""
    for shape in sorted(alternatives(info), key=_width):
        value = _read(shape.info, node)
        if value is not MISMATCH and _within(shape, value):
            return value
    return MISMATCH


def _width(shape: Shape) -> int:
    """Text accepts anything, so it is asked last."""
    return isinstance(shape.info, mi.StrType)


def _read(info: mi.Type, node: ScalarNode) -> object:
    if isinstance(info, mi.StrType):
        return MISMATCH if node.null else node.text
    if isinstance(info, mi.EnumType):
        return _choose({member.value: member for member in info.cls}, node)
    if isinstance(info, mi.LiteralType):
        return _choose({value: value for value in info.values}, node)
    return MISMATCH if node.quoted else _read_plain(info, node)


def _read_plain(info: mi.Type, node: ScalarNode) -> object:
    text = node.text
    if isinstance(info, mi.NoneType):
        return None if node.null else MISMATCH
    if isinstance(info, mi.BoolType):
        return _BOOLS.get(text, MISMATCH)
    if isinstance(info, mi.IntType):
        return int(text) if _INTEGER.fullmatch(text) else MISMATCH
    if isinstance(info, mi.DecimalType):
        return Decimal(text) if _NUMBER.fullmatch(text) else MISMATCH
    if isinstance(info, mi.FloatType) and _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else MISMATCH
    return MISMATCH


def _choose(choices: Mapping[Any, object], node: ScalarNode) -> object:
    if node.null:
        return choices.get(None, MISMATCH)
    if node.text in choices:
        return choices[node.text]
    if not node.quoted and _INTEGER.fullmatch(node.text):
        return choices.get(int(node.text), MISMATCH)
    return MISMATCH


def _within(shape: Shape, value: Any) -> bool:
    info = shape.info
    if isinstance(info, mi.StrType):
        return fits_length(info, len(value)) and (
            info.pattern is None or re.search(info.pattern, value) is not None
        )
    if isinstance(info, mi.IntType | mi.FloatType | mi.DecimalType):
        return all(_BOUNDS[name][1](value, bound) for name, bound in _bounds(shape)) and (
            getattr(info, "multiple_of", None) is None or value % _multiple(info) == 0
        )
    return True


def _multiple(info: Any) -> Any:
    return info.multiple_of


def _bounds(shape: Shape) -> Iterable[tuple[str, Any]]:
    for name in _BOUNDS:
        if isinstance(shape.info, mi.DecimalType):
            bound = shape.extra.get(name)
            bound = None if bound is None else Decimal(str(bound))
        else:
            bound = getattr(shape.info, name)
        if bound is not None:
            yield name, bound


def fits_length(info: Any, length: int) -> bool:
    """True when a text, list or mapping of ``length`` is neither too short nor too long."""
    return (info.min_length is None or length >= info.min_length) and (
        info.max_length is None or length <= info.max_length
    )


def words(info: mi.Type) -> str:
    """What is expected, as a message says it: ``a decimal number > 0``, ``one of: buy, sell``."""
    shape = shape_of(info)
    if "expected" in shape.extra:
        return str(shape.extra["expected"])
    members = sorted(alternatives(info), key=lambda member: isinstance(member.info, mi.NoneType))
    return " or ".join(dict.fromkeys(_words(member) for member in members))


def _words(shape: Shape) -> str:
    info = shape.info
    if "expected" in shape.extra:
        return str(shape.extra["expected"])
    if isinstance(info, mi.IntType | mi.FloatType | mi.DecimalType):
        return _number_words(shape)
    if isinstance(info, mi.EnumType | mi.LiteralType):
        names = choices(info)
        return names[0] if len(names) == 1 else f"one of: {', '.join(names)}"
    if isinstance(info, mi.StrType):
        pattern = f" matching {info.pattern}" if info.pattern else ""
        return f"text{_length_words(info, 'character')}{pattern}"
    if isinstance(info, mi.BoolType):
        return "true or false"
    if isinstance(info, mi.NoneType):
        return "null"
    if isinstance(info, mi.TupleType):
        return f"a list of {len(info.item_types)} items"
    if isinstance(info, mi.StructType | mi.DictType):
        return "a mapping"
    return f"a list{_length_words(info, 'item')}"


def _number_words(shape: Shape) -> str:
    kinds = {mi.IntType: "an integer", mi.FloatType: "a number", mi.DecimalType: "a decimal number"}
    bounds = " and ".join(
        f"{_BOUNDS[name][0]} {bound:g}"
        if isinstance(bound, float)
        else f"{_BOUNDS[name][0]} {bound}"
        for name, bound in _bounds(shape)
    )
    multiple = getattr(shape.info, "multiple_of", None)
    parts = (kinds[type(shape.info)], bounds, f"a multiple of {multiple}" if multiple else "")
    return " ".join(part for part in parts if part)


def _length_words(info: Any, unit: str) -> str:
    low, high = info.min_length, info.max_length
    if low is None and high is None:
        return ""
    if high is None:
        return f" of at least {low} {unit}{'' if low == 1 else 's'}"
    if low in (None, 0):
        return f" of at most {high} {unit}{'' if high == 1 else 's'}"
    return f" of {low} to {high} {unit}s" if low != high else f" of {low} {unit}s"


def choices(info: mi.Type) -> list[str]:
    """The spellings that an enumeration or literal accepts, in the order of the schema."""
    if isinstance(info, mi.EnumType):
        return [str(member.value) for member in info.cls]
    if isinstance(info, mi.LiteralType):
        return sorted("null" if value is None else str(value) for value in info.values)
    return []


def got(node: Node, secret: bool) -> str:
    """What stands there, as a message says it."""
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    if secret:
        return MASK
    if node.null:
        return "nothing" if not node.text else node.text
    return f"the quoted text {quote(node.text)}" if node.quoted else quote(node.text)


def hint(info: mi.Type, node: Node) -> str:
    """What was probably meant, or an empty text."""
    if not isinstance(node, ScalarNode):
        return ""
    plain = ScalarNode(node.text, quoted=False, origin=node.origin)
    if node.quoted and read_scalar(info, plain) is not MISMATCH:
        return "remove the quotes"
    shapes = alternatives(info)
    if any(isinstance(shape.info, mi.BoolType) for shape in shapes):
        meant = _BOOL_LOOKALIKES.get(node.text.lower())
        return f"write {meant}" if meant else ""
    names = [name for shape in shapes for name in choices(shape.info)]
    return nearest(node.text, names)


def nearest(text: str, known: Iterable[str]) -> str:
    """``did you mean "token"?`` or an empty text."""
    import difflib  # slow to import, and needed only once something is wrong

    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(text.lower(), names, n=1)
    return f'did you mean "{names[close[0]]}"?' if close else ""
