"""How a run is to stop, by what signals and the control socket have asked for until now.

Main thread only. What is asked for later may be quicker than what is under way, never slower:
``drain`` lets cycles come to their planned end, ``flatten`` closes what is open, ``cancel`` leaves
positions as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from loguru import logger

from actors.board import BoardSnapshot
from actors.control_schema import StopHow
from actors.coordinator import PauseDesk, StopDesk
from cli.service_control import RunControl, drained
from cli.signals import Signals
from config.schema import DeskConfig

_SAME_SIGNAL_S: Final = 5.0  # signals that follow within this belong to the first
_TO_CLOSE_S: Final = 30.0  # orders that have to wait for a venue, or for its answer
_TO_END_S: Final = 10.0  # from the root's own deadline to its exit code
_WORDS: Final[dict[StopHow, str]] = {
    "drain": "once the present cycle is over",
    "flatten": "finishing or unwinding the cycle",
    "cancel": "cancelling what rests; positions are left as they are",
}


def desks_end_s(desks: Iterable[DeskConfig]) -> float:
    """How long desks have to close what is open: 40 s as shipped.

    The units' TimeoutStopSec leaves room for this, for the actors and 40 s more.
    """
    slowest_s = max((desk.hedge_deadline_s + desk.settle_timeout_s for desk in desks), default=0.0)
    return slowest_s + _TO_CLOSE_S


def actors_end_s(shutdown_deadline_s: float) -> float:
    """How long the actors have to end after that, 40 s as shipped: it must outlast the root's."""
    return shutdown_deadline_s + _TO_END_S


class Stopping:
    """``sigterm``: what the first SIGTERM or SIGINT means. ``longest_s``: the patience with desks
    that close. ``say`` hears of each step, in words.
    """

    def __init__(
        self,
        signals: Signals,
        control: RunControl,
        sigterm: StopHow,
        longest_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signals = signals
        self._control = control
        self._sigterm = sigterm
        self._longest_s = longest_s
        self._now_s = now_s
        self._how: StopHow | None = None
        self._began_s = float("inf")
        self._signalled_s: float | None = None
        self._heard = 0

    @property
    def begun(self) -> bool:
        """True once desks are to end now: not while they come to their planned end."""
        return self._how in ("flatten", "cancel")

    @property
    def message(self) -> StopDesk | PauseDesk | None:
        """What desks are to be told at each look: one that was just replaced has not heard it."""
        if self._how is None:
            return None
        if self._how == "drain":
            return PauseDesk(this_run_only=True)
        return StopDesk(how=self._how)

    def look(self, snapshot: BoardSnapshot | None, say: Callable[[str], None]) -> None:
        """Take in what has been asked for since the last look."""
        self._hear_signals()
        how = self._control.stop_asked
        if how == "drain" and self._how == "drain" and drained(snapshot):
            self._control.stop_service("flatten")
            how = self._control.stop_asked
        if how is None or how == self._how:
            return
        if not self.begun:
            self._began_s = self._now_s() if how != "drain" else float("inf")
        self._how = how
        logger.warning("stopping: {}", _WORDS[how])
        if how != "drain" or self._signalled_s is not None:
            say(_WORDS[how])

    @property
    def at_once(self) -> bool:
        """True when desks are to be waited for no longer: told again, or it takes too long.

        A further signal does not count when it comes with the first, as they do.
        """
        now_s = self._now_s()
        if now_s - self._began_s < _SAME_SIGNAL_S:
            self._heard = self._signals.count
        return self._signals.count > self._heard or now_s - self._began_s > self._longest_s

    def _hear_signals(self) -> None:
        """The first means what the configuration says; during a drain, a later one closes."""
        now_s, count = self._now_s(), self._signals.count
        if not count:
            return
        if self._signalled_s is None:
            self._signalled_s = now_s
            self._control.stop_service(self._sigterm)
        elif count > self._heard and now_s - self._signalled_s >= _SAME_SIGNAL_S:
            self._control.stop_service("flatten")
