"""What the paper venues do wrong on purpose, and to whom: drop, refuse, delay, answer.

A fault names a connection (``grvt/trading``) or a venue (``grvt``: all of its connections) and acts
now, or when a hook is reached: hooks are counted per cycle, never in wall time, so a drill hits the
same instant of every run. One ``Faults`` serves the whole process, on the asyncio loop's thread.

A fault as JSON::

    {"action": "drop", "connection": "grvt/trading", "at": {"cycle": 7, "hook": "primary_fill"}}
    {"action": "refuse", "connection": "backpack", "for_s": 5}
    {"action": "delay", "connection": "backpack/rest", "by_s": 0.5, "for_s": 10}
    {"action": "answer", "connection": "grvt/rest", "route": "/full/v1/create_order",
     "status": 502, "body": "<html>", "times": 2, "execute": true}
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Hook = Literal["accept", "primary_accept", "hedge_accept", "fill", "primary_fill", "hedge_fill"]

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern="^(grvt|backpack)(/[a-z-]+)?$")]

# A websocket is asked for on the same port as REST, under a connection name of its own.
_WEBSOCKET_OF: Final = {
    "grvt/rest": "grvt/trading",
    "grvt/market-rest": "grvt/market",
    "backpack/rest": "backpack/market",
}


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an armed fault acts: at the ``nth`` ``hook`` of cycle ``cycle`` (both from 1)."""

    cycle: Count
    hook: Hook
    nth: Count = 1


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"
):
    """What all faults have: whom they hit, and when (``at`` absent: now)."""

    connection: Name
    at: At | None = None


class Drop(Fault, frozen=True, tag="drop"):
    """Abort the live websockets of that name: no close frame, no answer to what was asked."""


class Refuse(Fault, frozen=True, tag="refuse"):
    """Abort every new websocket and every request for ``for_s`` seconds."""

    for_s: Seconds


class Delay(Fault, frozen=True, tag="delay"):
    """Hold each reply back by ``by_s`` seconds, for ``for_s`` seconds."""

    by_s: Seconds
    for_s: Seconds


class Answer(Fault, frozen=True, tag="answer"):
    """Answer the next ``times`` requests whose path ends with ``route`` with ``status``, ``body``.

    With ``execute`` the venue does what was asked before it gives that answer.
    """

    route: Annotated[str, msgspec.Meta(min_length=1)]
    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    body: str = ""
    content_type: str = "application/json"
    times: Count = 1
    execute: bool = False


AnyFault = Drop | Refuse | Delay | Answer


class _Timed(msgspec.Struct):
    """A fault that is on until ``until`` (monotonic seconds)."""

    fault: Refuse | Delay
    until: float


class _Answering(msgspec.Struct):
    """A canned answer and how often it is still given."""

    fault: Answer
    left: int


class _Live(msgspec.Struct):
    """A websocket that is open, and how to abort it."""

    connection: str
    close: Callable[[], None]


def _hits(fault: Fault, connection: str) -> bool:
    name = fault.connection
    return connection == name or connection.startswith(f"{name}/")


class Faults:
    """Armed faults, and the registry of live connections. Loop thread only.

    ``clock`` gives monotonic seconds; ``on_fired`` hears each fault when it acts.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_fired: Callable[[AnyFault], None] | None = None,
    ) -> None:
        self._clock = clock
        self._on_fired = on_fired
        self._last_id = 0
        self._live: dict[int, _Live] = {}
        self._dropped: set[int] = set()
        self._armed: list[AnyFault] = []
        self._timed: list[_Timed] = []
        self._answers: list[_Answering] = []
        self._fired: list[AnyFault] = []

    def arm(self, fault: AnyFault) -> None:
        """Act at once, or wait for the fault's hook."""
        if fault.at is None:
            self._fire(fault)
        else:
            self._armed.append(fault)

    def reached(self, cycle: int, hook: Hook, nth: int) -> None:
        """The ``nth`` ``hook`` of ``cycle`` happened: everything armed for it acts now."""
        if not self._armed:
            return
        at = At(cycle=cycle, hook=hook, nth=nth)
        due = [fault for fault in self._armed if fault.at == at]
        self._armed = [fault for fault in self._armed if fault.at != at]
        for fault in due:
            self._fire(fault)

    def clear(self) -> None:
        """Forget every fault, armed or acting."""
        self._armed.clear()
        self._timed.clear()
        self._answers.clear()

    @property
    def armed(self) -> tuple[AnyFault, ...]:
        """Faults that still wait for their hook."""
        return tuple(self._armed)

    @property
    def fired(self) -> tuple[AnyFault, ...]:
        """Faults that have acted, oldest first."""
        return tuple(self._fired)

    @property
    def connections(self) -> dict[int, str]:
        """Open websockets by connection id."""
        return {number: live.connection for number, live in self._live.items()}

    def opened(self, connection: str, close: Callable[[], None]) -> int:
        """Register an accepted websocket; ``close`` aborts it at once.

        Returns a process-unique connection id. While that name is refused the websocket is
        aborted right after this returns.
        """
        self._last_id += 1
        self._live[self._last_id] = _Live(connection, close)
        self._drop_if_refused(self._last_id)
        return self._last_id

    def renamed(self, connection_id: int, connection: str) -> None:
        """An open websocket is known by another name now (``backpack/market`` → ``/feed``)."""
        live = self._live.get(connection_id)
        if live is not None:
            live.connection = connection
            self._drop_if_refused(connection_id)

    def closed(self, connection_id: int) -> None:
        """That websocket is gone. Harmless when it was not registered any more."""
        self._live.pop(connection_id, None)

    def close_all(self) -> None:
        """Abort every websocket: the process ends."""
        for number in list(self._live):
            self._live.pop(number).close()

    def dropped(self, connection_id: int) -> bool:
        """True when a fault ended that websocket: the ``fault`` of SessionLedger.disconnected."""
        return connection_id in self._dropped

    def refusing(self, connection: str) -> bool:
        """True while new connections and requests of that name are refused."""
        return any(isinstance(fault, Refuse) for fault in self._acting(connection))

    def delay_s(self, connection: str) -> float:
        """Seconds by which replies on that connection are held back now."""
        acting = self._acting(connection)
        return max((fault.by_s for fault in acting if isinstance(fault, Delay)), default=0.0)

    async def before_reply(self, connection: str) -> None:
        """Sleep for as long as replies on that connection are held back; mostly not at all."""
        delay_s = self.delay_s(connection)
        if delay_s:
            await asyncio.sleep(delay_s)

    def middleware(self, connection: str, websocket: str | None = None) -> Middleware:
        """The faults of one HTTP application, whose requests are ``connection``'s.

        Upgrades go by the name ``websocket`` (default: the websocket of that host). Put it first,
        so that a refused request reaches nothing else.
        """
        upgrade_name = websocket or _WEBSOCKET_OF.get(connection, connection)

        @web.middleware
        async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                if self.refusing(upgrade_name):
                    return _abort(request)
                await self.before_reply(upgrade_name)
                return await handler(request)
            return await self._serve(connection, request, handler)

        return inject

    async def _serve(
        self, connection: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if self.refusing(connection):
            return _abort(request)
        canned = self._take_answer(connection, request.path)
        if canned is None:
            response = await handler(request)
        else:
            if canned.execute:
                await handler(request)
            response = web.Response(
                status=canned.status, text=canned.body, content_type=canned.content_type
            )
        await self.before_reply(connection)
        return response

    def _take_answer(self, connection: str, path: str) -> Answer | None:
        for answering in self._answers:
            fault = answering.fault
            if _hits(fault, connection) and path.endswith(fault.route):
                answering.left -= 1
                if not answering.left:
                    self._answers.remove(answering)
                return fault
        return None

    def _acting(self, connection: str) -> list[Refuse | Delay]:
        if not self._timed:
            return []
        now = self._clock()
        self._timed = [timed for timed in self._timed if timed.until > now]
        return [timed.fault for timed in self._timed if _hits(timed.fault, connection)]

    def _fire(self, fault: AnyFault) -> None:
        self._fired.append(fault)
        if self._on_fired is not None:
            self._on_fired(fault)
        if isinstance(fault, Drop):
            for number in [n for n, live in self._live.items() if _hits(fault, live.connection)]:
                self._drop(number)
        elif isinstance(fault, Answer):
            self._answers.append(_Answering(fault, fault.times))
        else:
            self._timed.append(_Timed(fault, self._clock() + fault.for_s))

    def _drop_if_refused(self, connection_id: int) -> None:
        live = self._live.get(connection_id)
        if live is not None and self.refusing(live.connection):
            # Not now: whoever registers it does not know its id yet.
            asyncio.get_running_loop().call_soon(self._drop, connection_id)

    def _drop(self, connection_id: int) -> None:
        live = self._live.pop(connection_id, None)
        if live is not None:
            self._dropped.add(connection_id)
            live.close()


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
