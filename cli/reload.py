"""Reload: the same file, environment and overrides again, and what of it a running tree can take.

Supervision's figures apply at once, wherever they are; everything else is what the service was
started with, and needs a restart. Whatever is wrong, nothing is applied.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from loguru import logger

from actors.control_schema import Change, ReloadDone
from cli.exits import CommandFailed
from cli.settings import Settings
from config.errors import MASK
from config.loader import Loaded
from supervision.errors import SupervisionError
from supervision.root import RootHandle
from supervision.spec import SpecErrors
from supervision.tree import Service, service_tree

_MASKED: Final = ("live.",)


class Reloader:
    """Knows what is in force. ``reload`` may be called from any thread, one at a time works."""

    def __init__(
        self, service: Service, settings: Settings, read: Callable[[], Loaded[Settings]]
    ) -> None:
        self._service = service
        self._running = settings
        self._read = read
        self._lock = threading.Lock()

    def reload(self, root: RootHandle) -> ReloadDone:
        """Read, check the whole, apply, and say what came of it; also to the log."""
        with self._lock:
            done = self._reload(root)
        level = "INFO" if done.outcome in ("applied", "unchanged") else "ERROR"
        logger.log(level, "reload: {}", summary(done))
        return done

    def _reload(self, root: RootHandle) -> ReloadDone:
        try:
            wanted = self._read().config
        except CommandFailed as failure:
            return ReloadDone(outcome="invalid", errors=tuple(str(failure).splitlines()))
        target = _applicable(self._running, wanted)
        try:
            root.reload(
                service_tree(dataclasses.replace(self._service, config=target)),
                limiters=target.supervision.limiters,
            )
        except SpecErrors as errors:
            return ReloadDone(outcome="invalid", errors=tuple(map(str, errors.errors)))
        except SupervisionError as error:
            return ReloadDone(outcome="timeout", errors=(str(error),))
        applied = tuple(changes(self._running, target))
        self._running = target
        return ReloadDone(
            outcome="applied" if applied else "unchanged",
            applied=applied,
            needs_restart=tuple(changes(target, wanted)),
        )


def summary(done: ReloadDone) -> str:
    """One line."""
    if done.errors:
        return f"{done.outcome}, {how_much(done)}: " + "; ".join(done.errors)
    applied = ", ".join(change.path for change in done.applied) or "nothing to apply"
    waiting = ", ".join(change.path for change in done.needs_restart)
    return applied + (f"; needs a restart: {waiting}" if waiting else "")


def how_much(done: ReloadDone) -> str:
    """What a reload with errors has applied: supervisors are told one after the other."""
    late = "some of it may be applied; reload again for the rest"
    return late if done.outcome == "timeout" else "nothing was applied"


def changes(running: Settings, configured: Settings) -> Iterator[Change]:
    """Every setting that differs, by path."""
    old, new = dict(_flat(running)), dict(_flat(configured))
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            masked = path.startswith(_MASKED)
            yield Change(
                path=path,
                running=MASK if masked else old.get(path, "unset"),
                configured=MASK if masked else new.get(path, "unset"),
            )


def _applicable(running: Settings, wanted: Settings) -> Settings:
    """What runs, with the figures of supervision, all of which can change in a running tree."""
    return msgspec.structs.replace(running, supervision=wanted.supervision)


def _flat(settings: Settings) -> Iterator[tuple[str, str]]:
    return _leaves("", msgspec.to_builtins(settings))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    else:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        yield path, text
