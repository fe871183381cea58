"""The journal as a venue's orders actor hears of it: which life of it, and whether it was asked.

Each life is asked once what it has on record of the venue, and again until it has answered. Pure;
statuses and the time are passed in.
"""

from __future__ import annotations

from typing import Final

from supervision.states import ChildState, StatusMessage

_UP: Final = (ChildState.RUNNING, ChildState.HALF_OPEN)
_FIRST_WAIT_S: Final = 0.5  # its first answer can come before we have a name to answer to


class JournalLink:
    """All times are monotonic seconds."""

    def __init__(self) -> None:
        self.word = "journal is down"
        self._runs = False
        self._epoch = 0
        self._asked_epoch = 0
        self._due_s = float("inf")
        self._wait_s = _FIRST_WAIT_S

    @property
    def trouble(self) -> str:
        """Why nothing that adds risk can be put on record now; "" when it can.

        A breaker's probe takes no intents: it has to prove itself first.
        """
        return "" if self._runs else self.word

    def changed(self, status: StatusMessage, now_s: float) -> bool:
        """Take in a status. True when what it was asked and has not answered is lost."""
        self.word = f"journal is {status.state.value}"
        self._runs = status.state is ChildState.RUNNING
        if status.state not in _UP:
            self._due_s = float("inf")
        elif status.epoch != self._asked_epoch:
            self._asked_epoch = status.epoch
            self._due_s = now_s
            self._wait_s = _FIRST_WAIT_S
        if status.state is ChildState.RUNNING and status.epoch == self._epoch:
            return False
        self._epoch = status.epoch
        return True

    def ask_now(self, now_s: float) -> bool:
        """True, and noted as asked, when it is to be asked for its history (again)."""
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._wait_s
        self._wait_s *= 2  # it may just be slow
        return True

    def answered(self) -> None:
        """It has told its history."""
        self._due_s = float("inf")
