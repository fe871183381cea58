"""How a venue's public streams are mistreated now. Its front-end asks before each message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from paper.faults.base import Fault
from paper.faults.core import FaultRefused, Faults
from paper.faults.market import Flood, MarketName, Stream

_BURSTS_A_SECOND: Final = 250  # small ones: between them the venue does its other work
_Value = TypeVar("_Value")


class StreamFaults:
    """The ``Stream`` and ``Flood`` faults of one venue. Loop thread only."""

    def __init__(self, faults: Faults, connection: MarketName) -> None:
        self._faults = faults
        self._connection = connection
        self._held: dict[object, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        faults.checked_by(_check)

    def lost(self) -> bool:
        """True when the message of a book that would be sent now is lost."""
        fault = self._faults.effects.take(Stream, self._connection, lambda fault: fault.do == "gap")
        if fault is not None:
            self._faults.effects.hit(fault, "lost")
        return fault is not None

    @property
    def silent(self) -> bool:
        """True while nothing is sent."""
        return self._acting("silent")

    @property
    def crossed(self) -> bool:
        """True while bid and ask have changed places."""
        return self._acting("cross")

    @property
    def stuck(self) -> bool:
        """True while time stands still."""
        return self._acting("stuck")

    def as_it_was(self, key: object, value: _Value) -> _Value:
        """``value``; while it is stuck, what was said of ``key`` when that began."""
        if not self.stuck:
            self._held.clear()
            return value
        held: _Value = self._held.setdefault(key, value)
        return held

    def floods(self, burst: Callable[[int], None]) -> None:
        """``burst`` sends so many messages at once, again and again while there is a flood."""

        def begin(fault: Flood) -> None:
            if fault.connection == self._connection:
                task = asyncio.get_running_loop().create_task(self._flood(fault, burst))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._faults.on(Flood, begin)

    async def _flood(self, fault: Flood, burst: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        last_s, sent = loop.time(), 0
        self._faults.effects.hit(fault, "began")
        while fault in self._faults.effects.lasting(Flood, self._connection):
            # A venue that is held up does not send what it missed: it would never come to rest.
            passed_s = min(loop.time() - last_s, 2 / _BURSTS_A_SECOND)
            last_s = loop.time()
            burst(int(passed_s * fault.per_s))
            sent += int(passed_s * fault.per_s)
            await asyncio.sleep(1 / _BURSTS_A_SECOND)
        self._faults.effects.hit(fault, f"{sent} messages")

    def _acting(self, do: str) -> bool:
        for fault in self._faults.effects.lasting(Stream, self._connection):
            if fault.do == do:
                self._faults.effects.met(fault, do)
                return True
        return False


def _check(fault: Fault) -> None:
    if isinstance(fault, Stream) and fault.do != "gap" and fault.for_s is None:
        raise FaultRefused(f'"{fault.do}" lasts: say for how long with "for_s"')
