"""The running service in the hands of its operator: what signals and the control socket order.

Orders arrive on any thread and are only noted here; the main thread of ``ketch run`` acts on them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from actors.board import BoardSnapshot
from actors.control_report import Identity
from actors.control_schema import ReloadDone, StopDone, StopHow
from cli.reload import Reloader
from supervision.root import RootHandle
from supervision.spec import SupervisorSpec
from trading.desk import Phase

_HASTE: Final[tuple[StopHow, ...]] = ("drain", "flatten", "cancel")


class RunControl:
    """``wake`` is called after each order, to have the main thread look. Any thread."""

    def __init__(self, mode: str, started_s: float, wake: Callable[[], None]) -> None:
        self._mode = mode
        self._started_s = started_s
        self._wake = wake
        self._root: RootHandle | None = None
        self._spec: SupervisorSpec | None = None
        self._reloader: Reloader | None = None
        self.stop_asked: StopHow | None = None
        self._over = threading.Event()
        self._end = StopDone(how="", outcome="timeout")

    def attach(self, root: RootHandle, spec: SupervisorSpec, reloader: Reloader) -> None:
        """The tree runs: from now on it can be ordered about."""
        self._spec = spec
        self._reloader = reloader
        self._root = root

    @property
    def root(self) -> RootHandle | None:
        """The tree, once it runs."""
        return self._root

    @property
    def spec(self) -> SupervisorSpec:
        """What the tree is made of."""
        assert self._spec is not None, "attached before the root is handed out"
        return self._spec

    @property
    def identity(self) -> Identity:
        """This process."""
        return Identity(
            mode=self._mode,
            pid=os.getpid(),
            started_s=self._started_s,
            stopping=self.stop_asked or "",
        )

    def stop_service(self, how: StopHow) -> None:
        """Begin to stop. What is asked for later may be quicker, not slower."""
        if self.stop_asked is None or _HASTE.index(how) > _HASTE.index(self.stop_asked):
            self.stop_asked = how
        self._wake()

    def ended(self, left: tuple[str, ...], *, exposed: bool) -> None:
        """The desks are over, and hold ``left``; ``exposed``: that is, or may be, something."""
        outcome = "left" if left or exposed else "ok"
        self._end = StopDone(how=self.stop_asked or "", outcome=outcome, left=left)
        self._over.set()

    def wait_end(self, timeout_s: float) -> StopDone:
        """How the desks have ended, once all have; outcome timeout if that takes longer."""
        self._over.wait(timeout_s)
        return self._end

    def reload(self) -> ReloadDone:
        """Read the configuration again; changes nothing if it is not valid."""
        if self._reloader is None or self._root is None:
            return ReloadDone(outcome="timeout", errors=("the service is starting",))
        return self._reloader.reload(self._root)


def drained(snapshot: BoardSnapshot | None) -> bool:
    """True when no desk is in a cycle, and none will begin another."""
    desks = () if snapshot is None else snapshot.desks
    return bool(desks) and all(
        (desk.paused and desk.phase is Phase.IDLE) or desk.phase in (Phase.HALTED, Phase.DONE)
        for desk in desks
    )
