"""Signals and other wishes that wake the main thread.

A Python signal handler runs between two bytecodes of the main thread, wherever that is, and a
second signal may interrupt the first one's handler. So a handler must take no lock, and setting a
``threading.Event`` takes one: two signals in a row can hang it for good. Here the handler counts,
and writes a byte to a pipe.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import Final

_DRAINED: Final = 4096


class Signals:
    """SIGINT and SIGTERM: the first asks the desk to finish, the second stops everything now.

    SIGHUP asks for the configuration to be read again. ``wake`` may be called from any thread;
    everything else belongs to the main thread.
    """

    def __init__(self) -> None:
        self.count = 0
        self.hangup = False
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)

    def install(self) -> None:
        """Take the signals over, for good."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._arrived)

    def wake(self) -> None:
        """Have ``wait`` return. Any thread, and signal handlers."""
        # A full pipe wakes as well as one byte more would.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, b"!")

    def wait(self, timeout_s: float) -> None:
        """Return after ``timeout_s``, or at once when woken since the last call."""
        if select.select([self._read_end], [], [], timeout_s)[0]:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._read_end, _DRAINED):
                    continue

    def _arrived(self, number: int, frame: object) -> None:
        if number == signal.SIGHUP:
            self.hangup = True
        else:
            self.count += 1
        self.wake()
