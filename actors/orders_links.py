"""The connections of one venue as its orders actor hears of them: which are up, and who is asked.

The gateway is, and while it is not up its ``backup``, where the venue has one. An answer counts
only if it comes from who is asked now, in its present life, and was asked for since then: what
somebody said before is not the present state. Pure; statuses and the time are passed in.
"""

from __future__ import annotations

from typing import Final

from actors.gateway import Answered
from supervision.states import ChildState, StatusMessage

_ALWAYS_S: Final = float("-inf")


class Links:
    """``gateway`` and ``feed`` may be the same one; ``backup`` may be "", which is none."""

    def __init__(self, gateway: str, feed: str, backup: str = "") -> None:
        self.gateway = gateway
        self.asked = gateway
        self._asked_since_s = _ALWAYS_S
        self._one = gateway == feed
        self._backup = backup
        self._connections: dict[str, StatusMessage | None] = {gateway: None, feed: None}
        self._backup_status: StatusMessage | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Whose statuses are to be told."""
        return (*self._connections, *((self._backup,) if self._backup else ()))

    @property
    def up(self) -> bool:
        """True when gateway and feed both are."""
        return all(status is not None and status.up for status in self._connections.values())

    @property
    def probation(self) -> bool:
        """True when one of them is a breaker's probe."""
        known = (status for status in self._connections.values() if status is not None)
        return any(status.state is ChildState.HALF_OPEN for status in known)

    @property
    def answering(self) -> bool:
        """True when somebody is there to be asked."""
        status = self._status_of(self.asked)
        return status is not None and status.up

    def is_feed(self, name: str) -> bool:
        """True when that connection is the feed, alone or with the gateway."""
        return name in self._connections and (self._one or name != self.gateway)

    def changed(self, status: StatusMessage, now_s: float) -> bool:
        """Take in a status. True when it means that gateway or feed is gone, or was for a while."""
        gone = False
        if status.name == self._backup:
            self._backup_status = status
        else:
            before, self._connections[status.name] = self._connections[status.name], status
            gone = not status.up or (before is not None and before.epoch != status.epoch)
        self._choose(now_s)
        return gone

    def accepts(self, answer: Answered, epoch: int) -> bool:
        """True for an answer that is about the present state."""
        status = self._status_of(self.asked)
        asked = (answer.by or self.gateway) == self.asked and answer.asked_s >= self._asked_since_s
        return asked and status is not None and status.epoch == epoch

    def _choose(self, now_s: float) -> None:
        there, backup = self._connections[self.gateway], self._backup_status
        instead = (there is None or not there.up) and backup is not None and backup.up
        asked = self._backup if instead else self.gateway
        if asked != self.asked:
            self.asked, self._asked_since_s = asked, now_s

    def _status_of(self, name: str) -> StatusMessage | None:
        return self._backup_status if name == self._backup else self._connections[name]
