"""The connections of one venue as its orders actor hears of them: which are up, and who is asked.

The gateway is, and while it is not up its ``backup``, where the venue has one. An answer counts
only if it comes from who is asked now, in its present life, and was asked for since then: what
somebody said before is not the present state. Pure; statuses and the time are passed in.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from actors.gateway import Answered
from supervision.states import ChildState, StatusMessage

_ALWAYS_S: Final = float("-inf")
_FIRST_S: Final = 2.0  # a gateway that has never been up may be on its way


class LinkNames(NamedTuple):
    """``gateway`` and ``feed`` may be the same one.

    ``backup`` is asked while the gateway is away; ``basis`` is what the gateway would not be
    without. Either may be "", which is none.
    """

    gateway: str
    feed: str
    backup: str = ""
    basis: str = ""


class Links:
    """They change by what is told of them, in the thread of their owner."""

    def __init__(self, names: LinkNames) -> None:
        gateway, feed, backup, basis = names
        self.gateway = gateway
        self.asked = gateway
        self._asked_since_s = _ALWAYS_S
        self._began_s: float | None = None
        self._was_up = False
        self._one = gateway == feed
        self._backup = backup
        self._basis = basis
        self._basis_status: StatusMessage | None = None
        self._connections: dict[str, StatusMessage | None] = {gateway: None, feed: None}
        self._backup_status: StatusMessage | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Whose statuses are to be told."""
        return (*self._connections, *filter(None, (self._backup, self._basis)))

    @property
    def up(self) -> bool:
        """True when gateway and feed both are."""
        return all(status is not None and status.up for status in self._connections.values())

    @property
    def probation(self) -> bool:
        """True when one of them is a breaker's probe."""
        known = (self._basis_status, *self._connections.values())
        return any(status is not None and status.state is ChildState.HALF_OPEN for status in known)

    @property
    def answering(self) -> bool:
        """True when somebody is there to be asked."""
        status = self._status_of(self.asked)
        return status is not None and status.up

    def detour(self, now_s: float) -> bool:
        """True while orders that take risk off are to go to the backup: nothing else is there."""
        self._began_s = now_s if self._began_s is None else self._began_s
        awaited = not self._was_up and now_s - self._began_s < _FIRST_S
        return bool(self._backup) and self.asked == self._backup and self.answering and not awaited

    def is_feed(self, name: str) -> bool:
        """True when that connection is the feed, alone or with the gateway."""
        return name in self._connections and (self._one or name != self.gateway)

    def unreached(self, name: str) -> StatusMessage | None:
        """What is to be taken in of one that took no message; None where that is no news.

        Its supervisor will say it too, unless that one hangs.
        """
        known = self._status_of(name)
        if known is None or not known.up:
            return None
        return msgspec.structs.replace(known, state=ChildState.STOPPING)

    def changed(self, status: StatusMessage, now_s: float, *, detour: bool = False) -> bool:
        """Take in a status. True when it means that gateway or feed is gone, or was for a while.

        On a ``detour`` that is the backup instead: what the others do until they are up is no loss.
        One that is older than what is known says nothing.
        """
        gone, were_up = False, self.up
        known = self._basis_status if status.name == self._basis else self._status_of(status.name)
        if known is not None and status.seq < known.seq:
            return False
        if status.name == self._basis:
            self._basis_status = status
        elif status.name == self._backup:
            self._backup_status = status
            gone = detour and not status.up
        else:
            before, self._connections[status.name] = self._connections[status.name], status
            self._was_up = self._was_up or (status.up and status.name == self.gateway)
            another = before is not None and before.epoch != status.epoch
            gone = not detour and (not status.up or another)
            were_up = were_up and not another
        if self.up and not were_up:
            self._asked_since_s = now_s  # a feed has begun: what is before it has to be read now
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
