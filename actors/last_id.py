"""The last order id that was handed out, where the next process finds it.

An order that takes risk off is sent before it is on record. Whether there was one when a process
was killed shows by this: a page of memory that the kernel keeps, and writes to its file when it
likes. It outlives the process, not a loss of power; after that it is older than the record, or the
record has everything, and ``trading.on_record`` can tell.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from pathlib import Path
from typing import Final

from loguru import logger

_NUMBER: Final = struct.Struct("<Q")  # 0: none


class LastId:
    """One file. ``previous`` is what was noted in it before; None if nothing was. Any thread."""

    def __init__(self, path: Path) -> None:
        self.previous: int | None = None
        self._latest = -1
        self._lock = threading.Lock()
        self._page: mmap.mmap | None = None
        try:
            self._page = _mapped(path)
        except (OSError, ValueError) as error:
            logger.warning("{}: a start after a crash will know less: {}", path, error)
        else:
            self.previous = _NUMBER.unpack_from(self._page)[0] or None

    def note(self, compact: int) -> None:
        """This id is about to be used. Two threads may come in the wrong order."""
        with self._lock:
            if compact > self._latest or compact >> 16 != self._latest >> 16:
                self._latest = compact
                if self._page is not None:
                    _NUMBER.pack_into(self._page, 0, compact)


def _mapped(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Written, not just made longer: a full disk refuses now, and does not kill us later.
        if os.fstat(descriptor).st_size < mmap.PAGESIZE:
            os.pwrite(descriptor, bytes(mmap.PAGESIZE), 0)
        return mmap.mmap(descriptor, mmap.PAGESIZE)
    finally:
        os.close(descriptor)
