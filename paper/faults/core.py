"""Arms faults, lets them act, and says what acts on whom: one ``Faults`` for the whole process.

It knows no venue. Who can do what a fault wants, registers for it (``on``) or asks at the moment
where it matters (``effects``). Everything is on the asyncio loop's thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from aiohttp.typedefs import Middleware

from paper.faults.base import ConnectionFault, Fault, Hook
from paper.faults.connections import Connections
from paper.faults.effects import Effects, Hit
from paper.faults.frames import FrameFaults
from paper.faults.http import HttpFaults
from paper.faults.plan import Plan, Reached
from paper.faults.request_refusals import RequestRefusals
from paper.faults.venue import Clock, Delay, Drop, Lag, Race, Refuse
from paper.traffic import Traffic

_Kind = TypeVar("_Kind", bound=Fault)


class FaultRefused(Exception):
    """A fault that cannot act here; ``reason`` says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Faults:
    """Armed faults, acting faults, and the registry of live connections. Loop thread only.

    ``clock`` gives monotonic seconds; ``on_fired`` hears each fault when it acts, ``on_hit`` each
    time that it meets something. ``seed`` decides what is drawn.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_fired: Callable[[Fault], None] | None = None,
        on_hit: Callable[[Hit], None] | None = None,
        seed: int = 0,
    ) -> None:
        self._on_fired = on_fired
        self._on_hit = on_hit
        self._on_hook: Callable[[str, Hook], None] | None = None
        self._actors: dict[type[Fault], list[Callable[[Any], None]]] = defaultdict(list)
        self._checks: list[Callable[[Fault], None]] = []
        self._plan: Plan[Fault] = Plan()
        self._known: list[Fault] = []
        self._fired: list[Fault] = []
        self._hits: list[Hit] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._connections = Connections(self.refusing)
        self.effects = Effects(clock, seed, self._hit)
        self.frames = FrameFaults(self.effects)
        self.request_refusals = RequestRefusals(clock, self.effects)
        self.traffic = Traffic(clock)
        self._http = HttpFaults(self)

    def on(self, kind: type[_Kind], act: Callable[[_Kind], None]) -> None:
        """``act`` does what a fault of this kind wants when it fires."""
        self._actors[kind].append(act)

    def checked_by(self, check: Callable[[Fault], None]) -> None:
        """``check`` raises FaultRefused for a fault that cannot act in this process."""
        self._checks.append(check)

    def watched_by(self, on_hook: Callable[[str, Hook], None]) -> None:
        """``on_hook`` counts the hooks that the front-ends reach: (venue, hook)."""
        self._on_hook = on_hook

    def arm(self, fault: Fault) -> None:
        """Act at once, or wait for the fault's hook. Raises FaultRefused."""
        for check in self._checks:
            check(fault)
        self._known.append(fault)
        if fault.at is None:
            self._fire(fault)
        else:
            self._plan.add(fault, fault.at)

    def at_hook(self, venue: str, hook: Hook) -> None:
        """A front-end is at this point of a request."""
        if self._on_hook is not None:
            self._on_hook(venue, hook)

    def reached(
        self, cycle: int, hook: Hook, nth: int, venue: str = "", venue_nth: int = 0
    ) -> None:
        """The ``nth`` ``hook`` of ``cycle`` happened: everything armed for it acts now."""
        if not self._plan:
            return
        moment = Reached(cycle=cycle, hook=hook, nth=nth, venue=venue, venue_nth=venue_nth)
        for fault in self._plan.due(moment):
            self._fire(fault)

    def clear(self) -> None:
        """Forget every fault, armed or acting; what was held back goes on."""
        self._plan.clear()
        self.effects.clear()
        self.request_refusals.clear()
        self._http.release()
        for act in self._actors[ClearAll]:
            act(ClearAll())

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Faults that still wait for their hook."""
        return self._plan.armed

    @property
    def fired(self) -> tuple[Fault, ...]:
        """Faults that have acted, oldest first."""
        return tuple(self._fired)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What they met, oldest first."""
        return tuple(self._hits)

    async def news(self) -> None:
        """Wait until another fault fires or meets something."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    # --- connections ------------------------------------------------------------------------

    @property
    def connections(self) -> dict[int, str]:
        """Open websockets by connection id."""
        return self._connections.names

    def name_at(self, port: int, names: Collection[str]) -> str | None:
        """The one of ``names`` that the open websocket has whose client side has this port."""
        return self._connections.name_at(port, names)

    def opened(self, connection: str, close: Callable[[], None], port: int = 0) -> int:
        """Register an accepted websocket; ``close`` aborts it at once.

        Returns a process-unique connection id. While that name is refused the websocket is
        aborted right after this returns. ``port`` is the client's.
        """
        return self._connections.opened(connection, close, port)

    def renamed(self, connection_id: int, connection: str) -> None:
        """An open websocket is known by another name now (``backpack/market`` → ``/feed``)."""
        self._connections.renamed(connection_id, connection)

    def closed(self, connection_id: int) -> None:
        """That websocket is gone. Harmless when it was not registered any more."""
        self._connections.closed(connection_id)

    def close_all(self) -> None:
        """Abort every websocket: the process ends."""
        self._connections.close_all()
        self._http.release()

    def dropped(self, connection_id: int) -> bool:
        """True when a fault ended that websocket: the ``fault`` of SessionLedger.disconnected."""
        return self._connections.dropped(connection_id)

    # --- what acts now ----------------------------------------------------------------------

    def refusing(self, connection: str) -> bool:
        """True while new connections and requests of that name are refused."""
        acting = self.effects.lasting(Refuse, connection)
        for fault in acting:
            self.effects.met(fault, connection)
        return bool(acting)

    def delay_s(self, connection: str) -> float:
        """Seconds by which replies on that connection are held back now."""
        acting = self.effects.lasting(Delay, connection)
        for fault in acting:
            self.effects.met(fault, connection)
        return max((fault.by_s for fault in acting), default=0.0)

    async def before_reply(self, connection: str) -> None:
        """Sleep for as long as replies on that connection are held back; mostly not at all."""
        delay_s = self.delay_s(connection)
        if delay_s:
            await asyncio.sleep(delay_s)

    def clock_offset_s(self, venue: str) -> float:
        """By how much that venue's clock is ahead."""
        acting = self.effects.lasting(Clock, venue)
        return acting[-1].by_s if acting else 0.0

    def lag(self, venue: str, what: str) -> Lag | None:
        """How reads of that kind lag there, if they do."""
        for fault in self.effects.lasting(Lag, venue):
            if fault.what == what:
                return fault
        return None

    def race(self, venue: str) -> Race | None:
        """The fill that meets a cancel which has just arrived there, if one does."""
        fault = self.effects.take(Race, venue, lambda _: True)
        if fault is not None:
            self.effects.hit(fault, fault.when)
        return fault

    def middleware(self, connection: str, websocket: str | None = None) -> Middleware:
        """The faults of one HTTP application, whose requests are ``connection``'s.

        Upgrades go by the name ``websocket`` (default: the websocket of that host). Put it first,
        so that a refused request reaches nothing else.
        """
        return self._http.middleware(connection, websocket)

    def _fire(self, fault: Fault) -> None:
        self._fired.append(fault)
        if self._on_fired is not None:
            self._on_fired(fault)
        if isinstance(fault, Drop):
            self._connections.drop(fault.connection)
        elif isinstance(fault, ConnectionFault):
            place = next(n for n, known in enumerate(self._known) if known is fault)
            self.effects.add(fault, place)
        for act in self._actors[type(fault)]:
            act(fault)
        self._tell()

    def _hit(self, hit: Hit) -> None:
        self._hits.append(hit)
        if self._on_hit is not None:
            self._on_hit(hit)
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class ClearAll(Fault, frozen=True, kw_only=True, tag="clear"):
    """Registered for with ``on``: all faults were forgotten."""
