"""Signals to a process as it was when it was named: never to another that has its id by now."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

_STARTED: Final = 19  # of the fields behind the name: proc(5), "starttime"


def born_at(pid: int) -> str | None:
    """What tells a process from every other of its id: when it started, in ticks since boot.

    None when there is no such process.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[_STARTED]


class OneProcess:
    """A process that stays the same one whoever gets its id. To be closed."""

    def __init__(self, pid: int, born: str | None) -> None:
        """Raises ProcessLookupError when the one that was ``born`` then has ended."""
        self._handle = os.pidfd_open(pid)
        if born is None or born_at(pid) != born:
            self.close()
            raise ProcessLookupError(pid)

    def send(self, number: signal.Signals) -> None:
        """Raises OSError, ProcessLookupError when it has ended meanwhile."""
        signal.pidfd_send_signal(self._handle, number)

    def close(self) -> None:
        """Forget it."""
        os.close(self._handle)
