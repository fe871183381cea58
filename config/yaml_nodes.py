"""YAML to nodes: from the parser's events, so that lines, quotes and duplicate keys are not lost.

YAML's own idea of types is never asked. Anchors and aliases work; tags, ``<<`` and several
documents in a file are refused. Nesting is bounded, because the C composer is recursive: a file
with enough brackets would end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import yaml

from config.errors import ConfigError, DuplicateKey, Unreadable
from config.nodes import ListNode, MapNode, Node, Path, ScalarNode, spell

# The stubs do not tell which events have a tag, an anchor and marks; the parser sets them.
Event: TypeAlias = Any

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH: Final = 40
_QUOTED: Final = ("'", '"', "|", ">")


class _NotAllowed(Exception):
    """Good YAML that a configuration has no use for."""

    def __init__(self, reason: str, event: Event) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = _line(event)


def _line(event: Event) -> int:
    """Counted from 0."""
    return int(event.start_mark.line)


def read_document(name: str, text: str, errors: list[ConfigError]) -> Node | None:
    """The mapping that a file holds. Adds to ``errors`` and returns None if there is none."""
    node = _read(text, lambda line: f"{name}:{line + 1}", errors)
    if isinstance(node, _Failed):
        return None
    if node is None:
        errors.append(Unreadable(name, "is empty, expected a mapping of settings"))
        return None
    if not isinstance(node, MapNode):
        what = "a list" if isinstance(node, ListNode) else "a single value"
        errors.append(Unreadable(node.origin, f"holds {what}, expected a mapping of settings"))
        return None
    return node


def read_value(origin: str, text: str, errors: list[ConfigError]) -> Node | None:
    """The value of a variable or override; nothing at all is null."""
    node = _read(text, lambda line: origin, errors)
    if isinstance(node, _Failed):
        return None
    return ScalarNode("", quoted=False, origin=origin) if node is None else node


class _Failed:
    pass


def _read(
    text: str, place: Callable[[int], str], errors: list[ConfigError]
) -> Node | _Failed | None:
    if not _encodable(text):
        errors.append(Unreadable(place(0), "is not UTF-8 text"))
        return _Failed()
    try:
        return _Reader(yaml.parse(text, Loader=_LOADER), place, errors).document()
    except _NotAllowed as error:
        errors.append(Unreadable(place(error.line), error.reason))
    except yaml.MarkedYAMLError as error:
        errors.append(_syntax_error(error, text, place))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        errors.append(Unreadable(place(line), "is not YAML: a control character is in the text"))
    return _Failed()


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _syntax_error(
    error: yaml.MarkedYAMLError, text: str, place: Callable[[int], str]
) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    context = f" ({error.context})" if error.context else ""
    reason = f"is not YAML: {error.problem}{context}, column {column + 1}"
    tab = line < len(lines) and "\t" in lines[line][: column + 1]
    hint = "indent with spaces, not tabs" if tab else ""
    return Unreadable(place(line), reason, hint)


class _Reader:
    def __init__(
        self,
        events: Iterator[Event],
        place: Callable[[int], str],
        errors: list[ConfigError],
    ) -> None:
        self._events = events
        self._place = place
        self._errors = errors
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        """The only document of the stream, None if there is none."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        event = next(self._events)
        # A file of comments under `---` is an empty scalar.
        blank = isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not event.value
        node = self._node(event, (), None)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _NotAllowed("a second document begins, expected one", after)
        return None if blank else node

    def _node(self, event: Event, path: Path, origin: str | None) -> Node:
        origin = origin or self._place(_line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, origin)
        if event.tag is not None:
            raise _NotAllowed(f"tags are not used here: {spell(path)} has {event.tag!r}", event)
        if len(path) > _MAX_DEPTH:
            raise _NotAllowed("is nested too deeply", event)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = ScalarNode(event.value, event.style in _QUOTED, origin)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(path, origin)
        else:
            node = self._map(path, origin)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Event, origin: str) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _NotAllowed(f"alias *{event.anchor} has no anchor before it", event)
        if isinstance(node, ScalarNode):
            return ScalarNode(node.text, node.quoted, origin)
        return node

    def _list(self, path: Path, origin: str) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), None))
        return ListNode(tuple(items), origin)

    def _map(self, path: Path, origin: str) -> MapNode:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_origin = self._key(event, path)
            node = self._node(next(self._events), (*path, key), key_origin)
            if key in entries:
                first = entries[key].origin
                self._errors.append(DuplicateKey(spell((*path, key)), key_origin, first))
            else:
                entries[key] = node
        return MapNode(entries, origin)

    def _key(self, event: Event, path: Path) -> tuple[str, str]:
        if not isinstance(event, yaml.ScalarEvent) or not event.value or event.tag is not None:
            where = spell(path) or "the settings"
            raise _NotAllowed(f"a key of {where} is not a plain name", event)
        if event.value == "<<" and event.style not in _QUOTED:
            raise _NotAllowed("merge keys (<<) are not used here; repeat the values", event)
        return event.value, self._place(_line(event))
