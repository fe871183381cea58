"""A text stream that never makes its writer wait, whoever reads it, or does not.

A pipe that nobody empties, a disk that hangs, a terminal that was stopped: a write to any of them
may take for ever, and who logs is somebody who trades. So lines go into a bounded queue, and one
thread writes them. What does not fit is dropped and counted; a reader that is gone is given up.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

_CAPACITY: Final = 10_000
_DRAIN_AT_EXIT_S: Final = 2.0


class NonblockingStream:
    """Stands for ``stream()``, which is asked anew for each write. Any thread may write."""

    encoding = "utf-8"

    def __init__(self, stream: Callable[[], TextIO], capacity: int = _CAPACITY) -> None:
        self._stream = stream
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._writing = False
        self._lost = 0
        self._gone = False
        self._thread: threading.Thread | None = None

    @property
    def gone(self) -> bool:
        """True once the reader has gone for good."""
        return self._gone

    def write(self, text: str) -> int:
        """Have it written soon; dropped when too much is waiting. Never waits."""
        with self._changed:
            if self._gone:
                return len(text)
            if len(self._waiting) >= self._capacity:
                self._lost += 1
                return len(text)
            self._waiting.append(text)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="nonblocking-stream", daemon=True
                )
                self._thread.start()
                atexit.register(self.drain)
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """It is written as soon as it can be."""

    def isatty(self) -> bool:
        """No."""
        return False

    def drain(self, timeout_s: float = _DRAIN_AT_EXIT_S) -> bool:
        """Wait until all is written, so long at most. False: some is not."""
        due_s = time.monotonic() + timeout_s
        with self._changed:
            while self._waiting or self._writing:
                if not self._changed.wait(due_s - time.monotonic()):
                    return False
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._waiting:
                    self._changed.wait()
                text = "".join(self._waiting)
                self._waiting.clear()
                lost, self._lost = self._lost, 0
                self._writing = True
            if lost:
                text += f"{lost} lines lost: nobody took them\n"
            if not self._wrote(text):
                with self._changed:
                    self._gone = True
                    self._writing = False
                    self._waiting.clear()
                    self._changed.notify_all()
                return

    def _wrote(self, text: str) -> bool:
        try:
            _write_to(self._stream(), text)
        except BrokenPipeError:
            return False
        except (OSError, ValueError):
            with self._changed:  # a full disk may have room again
                self._lost += text.count("\n")
        return True


def _write_to(stream: TextIO, text: str) -> None:
    """Past the buffers of the standard streams: at its exit the interpreter would wait for them."""
    if stream not in (sys.__stdout__, sys.__stderr__):
        stream.write(text)
        stream.flush()
        return
    left = memoryview(text.encode("utf-8", "replace"))
    while left:
        left = left[os.write(stream.fileno(), left) :]
