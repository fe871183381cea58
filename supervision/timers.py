"""The process's timers: one daemon thread that calls back, never late by more than the system is.

Callbacks run on the timer thread and only hand over (tell an actor, post an event); one that
raises is logged and costs the others nothing.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from loguru import logger

from supervision.clock import Clock

_COMPACT_ABOVE = 64


class Timer:
    """One pending callback. ``cancel`` from any thread; it may be running just then."""

    __slots__ = ("_callback", "_owner")

    def __init__(self, owner: Timers, callback: Callable[[], object]) -> None:
        self._owner = owner
        self._callback: Callable[[], object] | None = callback

    @property
    def pending(self) -> bool:
        """True until it has fired or was cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """It will not fire. Cancelling twice, or too late, does nothing."""
        if self._callback is not None:
            self._callback = None
            self._owner._dropped()

    def _take(self) -> Callable[[], object] | None:
        callback, self._callback = self._callback, None
        return callback


class Timers:
    """Timers of one process, on one clock. The thread starts with the first timer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._cancelled = 0
        self._closed = False

    def after(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` on the timer thread ``delay_s`` seconds from now (at once if <= 0)."""
        return self.at(self._clock.now() + delay_s, callback)

    def at(self, moment: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` on the timer thread at ``moment`` of the clock."""
        timer = Timer(self, callback)
        with self._changed:
            if self._closed:
                timer._take()
                return timer
            heapq.heappush(self._heap, (moment, next(self._order), timer))
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="timers", daemon=True)
                thread.start()
                self._thread = thread
            if self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def close(self) -> None:
        """Drop what is pending and end the thread; what is asked for later never fires."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._changed.notify()

    def _dropped(self) -> None:
        with self._changed:
            self._cancelled += 1
            if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].pending]
                heapq.heapify(self._heap)
                self._cancelled = 0

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            callback = timer._take()
            if callback is None:
                continue
            try:
                callback()
            except Exception:  # noqa: BLE001 - one callback must not cost the others their time
                logger.exception("a timer's callback failed")

    def _next(self) -> Timer | None:
        """Wait for the first timer to be due; None once there will be no more."""
        with self._changed:
            while not self._closed:
                wait_s = None
                if self._heap:
                    wait_s = self._heap[0][0] - self._clock.now()
                    if wait_s <= 0:
                        return heapq.heappop(self._heap)[2]
                self._changed.wait(wait_s)
        return None
