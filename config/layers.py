"""Where settings come from: YAML texts and files, the environment, and ``-o`` on the command line.

Each layer reads itself into nodes and adds what it can't read to a list of errors, so that one run
reports the mistakes of all layers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from config.errors import ConfigError, Unreadable, quote
from config.nodes import MapNode, Node, merge, nest, split
from config.yaml_nodes import read_document, read_value

ENVIRONMENT_PREFIX: Final = "KETCH__"
_MAX_BYTES: Final = 1 << 20


class Layer(Protocol):
    """A source of settings."""

    def read(self, below: Node, errors: list[ConfigError]) -> Node | None:
        """The settings of this layer, or None. ``below`` is what the layers before it gave."""
        ...


class TextLayer(msgspec.Struct, frozen=True):
    """A YAML text; ``name`` stands for it in messages."""

    name: str
    text: str

    def read(self, below: Node, errors: list[ConfigError]) -> Node | None:
        """The mapping of the text."""
        return read_document(self.name, self.text, errors)


class FileLayer(msgspec.Struct, frozen=True):
    """A YAML file, in UTF-8, of at most 1 MiB; named in messages as it is given here."""

    path: str

    def read(self, below: Node, errors: list[ConfigError]) -> Node | None:
        """The mapping of the file."""
        try:
            raw = _read_bytes(self.path)
        except OSError as error:
            errors.append(
                Unreadable(self.path, f"cannot be read: {error.strerror or 'not a file'}")
            )
            return None
        if len(raw) > _MAX_BYTES:
            errors.append(Unreadable(self.path, "is larger than 1 MiB, not a configuration file"))
            return None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            errors.append(
                Unreadable(f"{self.path}:{line}", "is not UTF-8 text", "save the file as UTF-8")
            )
            return None
        return read_document(self.path, text, errors)


def _read_bytes(path: str) -> bytes:
    with Path(path).open("rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode) and path != os.devnull:
            raise OSError(0, "it is a device")
        return file.read(_MAX_BYTES + 1)


class EnvironmentLayer(msgspec.Struct, frozen=True):
    """Variables such as ``KETCH__VENUES__GRVT__TIMEOUT_S=2``: ``__`` separates the keys.

    A key is spelled as a key that is already there, whatever its case, or else in lower case.
    """

    environ: Mapping[str, str]

    def read(self, below: Node, errors: list[ConfigError]) -> Node | None:
        """All variables with the prefix, in the order of their names."""
        found: Node | None = None
        for name in sorted(self.environ):
            if not name.startswith(ENVIRONMENT_PREFIX):
                continue
            origin = f"env {name}"
            keys = name.removeprefix(ENVIRONMENT_PREFIX).split("__")
            if not all(keys):
                errors.append(
                    Unreadable(origin, "names no setting", "write KETCH__SECTION__KEY=value")
                )
                continue
            value = read_value(origin, self.environ[name], errors)
            if value is not None:
                node = nest(_respell(keys, below), value)
                found = node if found is None else merge(found, node)
        return found


def _respell(keys: Sequence[str], below: Node | None) -> list[str]:
    spelled: list[str] = []
    for key in keys:
        known = below.entries if isinstance(below, MapNode) else {}
        name = next((name for name in known if name.lower() == key.lower()), key.lower())
        spelled.append(name)
        below = known.get(name)
    return spelled


class OverrideLayer(msgspec.Struct, frozen=True):
    """Arguments of ``-o``: ``section.key=value``. A key with a dot in it is written in ``"``."""

    items: tuple[str, ...]

    def read(self, below: Node, errors: list[ConfigError]) -> Node | None:
        """All overrides; a later one wins."""
        found: Node | None = None
        for item in self.items:
            name, equals, text = item.partition("=")
            keys = split(name.strip())
            if not equals or keys is None:
                errors.append(
                    Unreadable(
                        "-o", f"{quote(item)} names no setting", "write -o section.key=value"
                    )
                )
                continue
            value = _read_override(name, text, errors)
            if value is not None:
                node = nest(keys, value)
                found = node if found is None else merge(found, node)
        return found


def _read_override(name: str, text: str, errors: list[ConfigError]) -> Node | None:
    """Values keep ``-o`` as their origin; what can't be read also says of which override it is."""
    found: list[ConfigError] = []
    value = read_value("-o", text, found)
    for error in found:
        if isinstance(error, Unreadable):
            error = Unreadable(f"-o {name.strip()}", error.reason, error.suggestion)
        errors.append(error)
    return value


def shipped(name: str) -> TextLayer:
    """A YAML file that comes with Ketch, such as ``defaults.yaml``.

    Raises FileNotFoundError: the installation is broken.
    """
    return TextLayer(name, Path(__file__).with_name(name).read_text(encoding="utf-8"))
