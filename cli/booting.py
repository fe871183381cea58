"""The wait for the first instances of a tree: until all have started, somebody has had enough, or
it has taken too long."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from supervision.directory import Directory
from supervision.errors import BootFailed
from supervision.root import RootHandle
from supervision.states import ChildState

_LOOK_S: Final = 0.25
_STARTED: Final = (ChildState.RUNNING, ChildState.HALF_OPEN)


def wait_boot(
    root: RootHandle, directory: Directory, *, stopped: Callable[[], bool], timeout_s: float
) -> bool:
    """True once every child has booted. False when the tree has gone, or a stop is asked for.

    False, too, after ``timeout_s``: what has not started is named in the log then. Nothing else
    comes of it, for it is its supervisor that judges it; ``root.failure`` tells of a boot that
    fails, now or later.
    """
    until_s = time.monotonic() + timeout_s
    with contextlib.suppress(BootFailed):
        while not root.wait_ready(_LOOK_S):
            if root.exit_code is not None or stopped():
                return False
            if time.monotonic() >= until_s:
                text = "not everything has started within {:g} s, going on without: {}"
                logger.error(text, timeout_s, ", ".join(_missing(directory)) or "its supervisor")
                return False
        return True
    return False


def _missing(directory: Directory) -> list[str]:
    return [one.name for one in directory.snapshot() if one.state not in _STARTED]
