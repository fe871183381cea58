"""Loads a configuration: layers over each other, read strictly by a schema, errors all at once.

The schema is any msgspec Struct. A layer wins over the layers before it; mappings are merged key by
key, lists and single values are replaced. Unknown keys are always errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar, cast

import msgspec
from msgspec import inspect as mi

from config.errors import MASK, ConfigError, ConfigErrors, MissingKey, Problem, Unreadable, quote
from config.layers import EnvironmentLayer, FileLayer, Layer, OverrideLayer, TextLayer, shipped
from config.nodes import MapNode, Node, merge, spell
from config.walk import Walk

__all__ = [
    "DEFAULT_ORIGIN",
    "EnvironmentLayer",
    "FileLayer",
    "Layer",
    "Loaded",
    "OverrideLayer",
    "TextLayer",
    "load",
    "shipped",
]

T = TypeVar("T", bound=msgspec.Struct)

DEFAULT_ORIGIN: Final = "default"


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """A valid configuration, and where each of its values was written."""

    config: T
    origins: dict[str, str]
    removed: frozenset[str] = frozenset()

    def origin(self, path: str) -> str:
        """``file:line``, ``env NAME``, ``-o``, or ``default`` for a value that no layer gives."""
        return self.origins.get(path, DEFAULT_ORIGIN)


def load(
    schema: type[T],
    *layers: Layer,
    validate: Callable[[T], Iterable[Problem]] | None = None,
) -> Loaded[T]:
    """The configuration that ``layers`` give, the last of them strongest.

    ``validate`` sees the whole configuration once it fits the schema, and says what does not fit
    together; a problem is reported at the line of the nearest setting that a layer gives.

    Raises ConfigErrors with all that is wrong. Raises TypeError if the schema itself uses a type
    that a setting can't have.
    """
    errors: list[ConfigError] = []
    root: Node = MapNode({}, DEFAULT_ORIGIN, implied=True)
    for layer in layers:
        node = layer.read(root, errors)
        if node is not None:
            root = merge(root, node)
    walk = Walk()
    config = walk.read(mi.type_info(schema), root, ())
    errors += _unless_unread(walk.errors, errors)
    if not errors and validate is not None:
        errors += _problems(validate(cast(T, config)), walk)
    if errors:
        raise ConfigErrors(errors)
    origins = {spell(path): origin for path, origin in walk.origins.items()}
    return Loaded(cast(T, config), origins, frozenset(map(spell, walk.removed)))


def _unless_unread(found: list[ConfigError], before: list[ConfigError]) -> list[ConfigError]:
    """Nothing can be called missing while there are lines that could not be read."""
    if not any(isinstance(error, Unreadable) for error in before):
        return found
    return [error for error in found if not isinstance(error, MissingKey)]


def _problems(problems: Iterable[Problem], walk: Walk) -> Iterator[ConfigError]:
    origins = {spell(path): origin for path, origin in walk.origins.items()}
    secrets = set(map(spell, walk.secrets))
    for problem in problems:
        value = MASK if problem.path in secrets else quote(str(problem.value))
        origin = _nearest_origin(problem.path, origins)
        yield ConfigError(problem.path, value, problem.expected, origin)


def _nearest_origin(path: str, origins: dict[str, str]) -> str:
    """The origin of the setting, or else of the innermost mapping around it that a layer gives."""
    around = [
        known
        for known in origins
        if known and path.startswith(known) and path[len(known) : len(known) + 1] in ("", ".", "[")
    ]
    return origins[max(around, key=len)] if around else DEFAULT_ORIGIN
