"""What can be wrong with a configuration; each error has fields, and its text is made from them.

ConfigErrors          everything that is wrong, at once
ConfigError           a value that is not what the schema expects
├── UnknownKey        a key that the schema does not have
├── MissingKey        a key or secret that must be there
├── DuplicateKey      a key given twice in one mapping
├── Inconsistent      values that are fine each, but not together
└── Unreadable        a file, variable or override that can't be read at all

A value that looks like a key or token of a venue is never repeated in a message, whatever setting
it was given for by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

MASK: Final = "***"
_SHOWN_CHARS: Final = 60
# Shapes of what the venues hand out: hex of 16 bytes or more, base64 of 20 bytes or more.
_SECRET_SHAPES: Final = re.compile(
    r"(?:0x)?[0-9a-fA-F]{32,}|(?=[A-Za-z0-9+/_-]*[0-9])(?=[A-Za-z0-9+/_-]*[A-Z])[A-Za-z0-9+/_-]{27,}={0,2}"
)


def quote(text: str) -> str:
    """``text`` as a message shows it: quoted, cut to a line, masked if it may be a secret."""
    if _SECRET_SHAPES.search(text):
        return f"'{MASK}'"
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")


class Problem(msgspec.Struct, frozen=True):
    """What a semantic check of a whole configuration found: where, what is there, what must be.

    ``path`` is spelled as in messages: ``trading.desks.eth.size``, ``venues[0].name``.
    """

    path: str
    value: object
    expected: str


class ConfigError(Exception):
    """A value that does not fit. ``value`` is already in words fit for a message.

    ``origin`` is ``file:line``, ``env NAME``, ``-o`` or ``default``; ``suggestion`` may be empty.
    """

    def __init__(
        self, path: str, value: str, expected: str, origin: str, suggestion: str = ""
    ) -> None:
        super().__init__(path)
        self.path = path
        self.value = value
        self.expected = expected
        self.origin = origin
        self.suggestion = suggestion

    def __str__(self) -> str:
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.origin}: {self._what()}{hint}"

    def _what(self) -> str:
        return f"{self.path}: got {self.value}, expected {self.expected}"


class UnknownKey(ConfigError):
    """A key that the schema does not have at this place. Its value is not kept."""

    def __init__(self, path: str, origin: str, suggestion: str) -> None:
        super().__init__(path, "", "", origin, suggestion)

    def _what(self) -> str:
        return f"unknown key {self.path}"


class MissingKey(ConfigError):
    """A key that must be given; ``origin`` is the place of the mapping that lacks it."""

    def __init__(self, path: str, expected: str, origin: str, suggestion: str = "") -> None:
        super().__init__(path, "nothing", expected, origin, suggestion)

    def _what(self) -> str:
        return f"{self.path} is missing, expected {self.expected}"


class DuplicateKey(ConfigError):
    """A key that stands twice in the same mapping; ``first`` is the place of the first."""

    def __init__(self, path: str, origin: str, first: str) -> None:
        super().__init__(path, "", "one value", origin)
        self.first = first

    def _what(self) -> str:
        return f"{self.path} is given twice, first at {self.first}"


class Inconsistent(ConfigError):
    """Values that contradict each other; ``expected`` is the rule as the schema words it."""

    def __init__(self, path: str, expected: str, origin: str) -> None:
        super().__init__(path, "", expected, origin)

    def _what(self) -> str:
        return f"{self.path}: {self.expected}" if self.path else self.expected


class Unreadable(ConfigError):
    """A file, variable or override that can't be read. ``reason`` says why, never what it holds."""

    def __init__(self, origin: str, reason: str, suggestion: str = "") -> None:
        super().__init__("", "", "", origin, suggestion)
        self.reason = reason

    def _what(self) -> str:
        return self.reason


class ConfigErrors(Exception):
    """Everything that is wrong with a configuration. The process exits with 78 (EX_CONFIG)."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__(len(self.errors))

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)
