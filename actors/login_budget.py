"""When GRVT may be asked for a login again, and the last one. Both outlive the session actor.

At most LOGINS_A_MINUTE, whoever asks and however many lives that takes. What failed is tried again
soon at first and then less and less often, so that the few logins of a minute last for all of it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from venues.grvt import Session

LOGINS_A_MINUTE: Final = 4
_MINUTE_S: Final = 60.0
_PAUSES_S: Final = (0.0, 4.0, 20.0)  # after so many failures in a row


class LoginBudget:
    """The logins of one account. All times are monotonic seconds; one thread at a time."""

    def __init__(self) -> None:
        self._asked_s: deque[float] = deque(maxlen=LOGINS_A_MINUTE)
        self._failures = 0
        self.session: Session | None = None  # until the venue refuses it

    def asked(self, now_s: float) -> None:
        """A login is asked for. It has failed, unless ``granted`` follows."""
        self._asked_s.append(now_s)
        self._failures += 1

    def not_sent(self) -> None:
        """What was asked for last has never left the process: the venue has counted nothing."""
        self._asked_s.pop()
        self._failures -= 1

    def granted(self, session: Session) -> None:
        """The last login was a success."""
        self._failures = 0
        self.session = session

    def refused(self) -> None:
        """The venue does not know the session any more."""
        self.session = None

    def wait_s(self, now_s: float) -> float:
        """How long from now until the next login may be asked for."""
        if not self._asked_s:
            return 0.0
        pause_s = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        due_s = self._asked_s[-1] + pause_s
        if len(self._asked_s) == LOGINS_A_MINUTE:
            due_s = max(due_s, self._asked_s[0] + _MINUTE_S)
        return max(0.0, due_s - now_s)
