"""When GRVT may be asked for a login again, and the last one. Both outlive the session actor.

At most LOGINS_A_MINUTE, whoever asks and however many lives that takes. What failed is tried again
soon at first and then less and less often, so that the few logins of a minute last for all of it.
"""

from __future__ import annotations

import threading
from typing import Final

from venues.grvt import Session

LOGINS_A_MINUTE: Final = 4
_MINUTE_S: Final = 60.0
_PAUSES_S: Final = (0.0, 4.0, 20.0)  # after so many failures in a row


class LoginBudget:
    """The logins of one account. All times are monotonic seconds; any thread.

    A life of the session actor that was given up may still be connecting: what it has to say later
    is about its own login, and about no other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_s: dict[int, float] = {}  # the last minute's, by their numbers
        self._asked = self._known_to = 0  # numbers: the last one, and the last before a success
        self._failures = 0
        self.session: Session | None = None  # until the venue refuses it

    def asked(self, now_s: float) -> int:
        """A login is asked for; returns its number. It has failed, unless ``granted`` follows."""
        with self._lock:
            recent = {n: at_s for n, at_s in self._asked_s.items() if now_s - at_s < _MINUTE_S}
            self._asked += 1
            self._asked_s = {**recent, self._asked: now_s}
            self._failures += 1
            return self._asked

    def not_sent(self, number: int) -> None:
        """That login has never left the process: the venue has counted nothing."""
        with self._lock:
            self._asked_s.pop(number, None)
            if number > self._known_to:
                self._failures = max(0, self._failures - 1)

    def granted(self, session: Session) -> None:
        """The last login was a success."""
        with self._lock:
            self._failures = 0
            self._known_to = self._asked
            self.session = session

    def refused(self) -> None:
        """The venue does not know the session any more."""
        self.session = None

    def wait_s(self, now_s: float) -> float:
        """How long from now until the next login may be asked for."""
        with self._lock:
            asked_s = sorted(self._asked_s.values())
            pause_s = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        if not asked_s:
            return 0.0
        due_s = asked_s[-1] + pause_s
        if len(asked_s) >= LOGINS_A_MINUTE:
            due_s = max(due_s, asked_s[-LOGINS_A_MINUTE] + _MINUTE_S)
        return max(0.0, due_s - now_s)
