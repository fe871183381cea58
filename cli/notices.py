"""What the service manager is told of a run, and when: ready, status, reload, stop, watchdog.

Everything follows from the board and from progress: there is no timer that would go on telling a
service manager that all is well. What could not be sent is sent at the next look.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from loguru import logger

from actors.board import BoardSnapshot, DeskReported
from actors.control_report import is_unexplained
from actors.control_schema import ReloadDone
from cli.notify import Notifier, one_line
from cli.reload import Reloader
from supervision.root import RootHandle
from supervision.states import ChildState, StatusMessage

_EXTENSION_S: Final = 60.0
_EXTEND_EVERY_S: Final = 10.0
_STATUS_EVERY_S: Final = 1.0
_DOWN: Final = (
    ChildState.BACKING_OFF, ChildState.OPEN, ChildState.FAILED, ChildState.STOPPED,
    ChildState.STARTING, ChildState.STOPPING, ChildState.WAITING,
)  # fmt: skip
# The first of these names the trouble; the others mostly wait for it.
_BY_WEIGHT: Final = {state: weight for weight, state in enumerate(_DOWN)}

Stalled = Callable[[float], tuple[str, ...]]


class Notices:
    """Tells ``notifier`` about one run. ``observe`` in the main thread, the rest in any.

    ``stalled`` says who has not progressed since a moment (monotonic seconds).
    """

    def __init__(
        self, notifier: Notifier, stalled: Stalled, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._notifier = notifier
        self._stalled = stalled
        self._now_s = now_s
        self._lock = threading.Lock()
        self._owed: dict[str, str] = {}
        self._said_status = ""
        self._said_status_s = float("-inf")
        self._ready = False
        self._stopping = False
        self._fed_s = now_s()
        self._stuck: tuple[str, ...] = ()

    def observe(self, snapshot: BoardSnapshot | None, *, board_hangs: bool = False) -> None:
        """Bring the service manager up to date. ``board_hangs``: the board did not answer."""
        if not self._notifier.active:
            return
        if snapshot is not None and not self._ready and not self._stopping and is_ready(snapshot):
            self._ready = True
            self._say(READY="1")
        self._feed(board_hangs)
        self._say_status("starting" if snapshot is None else status_line(snapshot, self._now_s()))
        self._deliver()

    def stopping(self, why: str) -> None:
        """The stop has begun. Only the first word counts."""
        if not self._stopping:
            self._stopping = True
            self._say(STOPPING="1", STATUS=one_line(f"stopping: {why}"), **self._extension())
            self._deliver()

    def ended(self, code: int, why: str = "") -> None:
        """The last word, which the service manager goes on showing."""
        self._stopping = True
        text = f"ended with exit code {code}{f': {why}' if why else ''}"
        self._say(STOPPING="1", STATUS=one_line(text))
        self._deliver()

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Around a reload. A service that is not ready yet, or stops, does not claim to reload."""
        if not self._ready or self._stopping:
            yield
            return
        self._say(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1_000))
        self._deliver()
        try:
            yield
        finally:
            with self._lock:
                self._owed.pop("RELOADING", None)
                self._owed.pop("MONOTONIC_USEC", None)
            self._say(READY="1")
            self._deliver()

    def _feed(self, board_hangs: bool) -> None:
        """Ask for more time, or keep the watchdog quiet, but only on proof of progress."""
        now_s = self._now_s()
        extending = self._stopping or not self._ready
        watchdog_s = self._notifier.watchdog_s
        if watchdog_s is None and not extending:
            return
        every_s = _EXTEND_EVERY_S if watchdog_s is None else watchdog_s / 2
        if now_s < self._fed_s + every_s:
            return
        stuck = ("board",) if board_hangs else self._stalled(self._fed_s)
        if stuck != self._stuck:
            self._stuck = stuck
            if stuck:
                names = ", ".join(stuck)
                logger.error("no progress in {}: the service manager will restart us", names)
        if stuck:
            return
        self._fed_s = now_s
        feed = {} if watchdog_s is None else {"WATCHDOG": "1"}
        self._say(**feed, **(self._extension() if extending else {}))

    def _extension(self) -> dict[str, str]:
        return {"EXTEND_TIMEOUT_USEC": str(int(_EXTENSION_S * 1e6))}

    def _say_status(self, text: str) -> None:
        if self._stuck:
            text = f"no progress in {', '.join(self._stuck)}; {text}"
        text = one_line(f"stopping: {text}" if self._stopping else text)
        now_s = self._now_s()
        if text != self._said_status and now_s >= self._said_status_s + _STATUS_EVERY_S:
            self._said_status, self._said_status_s = text, now_s
            self._say(STATUS=text)

    def _say(self, **fields: str) -> None:
        with self._lock:
            self._owed.update(fields)

    def _deliver(self) -> None:
        with self._lock:
            if self._owed and self._notifier.send(self._owed):
                self._owed = {}


class NoticedReloader(Reloader):
    """A reload that the service manager hears of, whoever asked for it."""

    notices: Notices

    def reload(self, root: RootHandle) -> ReloadDone:
        """As Reloader does, between ``RELOADING=1`` and ``READY=1``."""
        with self.notices.reloading():
            return super().reload(root)


def is_ready(snapshot: BoardSnapshot) -> bool:
    """Whether every desk's orders would be taken by both of its venues."""
    legs = [leg for desk in snapshot.desks for leg in desk.legs]
    return bool(legs) and all(leg.ready for leg in legs)


def status_line(snapshot: BoardSnapshot, now_s: float) -> str:
    """The run in one line: desks, then venues, with what keeps them from working."""
    desks = [_desk(desk, now_s) for desk in snapshot.desks] or ["no desk yet"]
    ready: dict[str, bool] = {}
    for leg in (leg for desk in snapshot.desks for leg in desk.legs):
        ready[leg.venue] = ready.get(leg.venue, True) and leg.ready
    return "; ".join([*desks, *(_venue(v, ok, snapshot.statuses) for v, ok in ready.items())])


def _desk(desk: DeskReported, now_s: float) -> str:
    planned = "" if desk.planned is None else f" of {desk.planned}"
    net = sum(leg.position for leg in desk.legs)
    text = f"{desk.desk} {desk.phase.value}, cycle {desk.cycle}, finished {desk.finished}{planned}"
    text += f", net {net:+f}" if net else ", net 0"
    if desk.naked_since_s is not None:
        text += f" naked for {max(0.0, now_s - desk.naked_since_s):.0f} s"
    text += ", paused" if desk.paused else ""
    if is_unexplained(desk):
        return f"{text}, waits for ketch adopt, flatten or ignore, halted: {desk.halted}"
    return f"{text}, halted: {desk.halted}" if desk.halted else text


def _venue(venue: str, ready: bool, statuses: tuple[StatusMessage, ...]) -> str:
    down = [s for s in statuses if s.name.startswith(f"{venue}/") and s.state in _DOWN]
    if not down:
        return f"{venue} {'ready' if ready else 'not ready'}"
    worst = min(down, key=lambda status: _BY_WEIGHT[status.state])
    return f"{venue} not ready: {worst.name.rpartition('/')[2]} {worst.state.value}"
