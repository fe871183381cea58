"""What the cycles of some desks came to: read from the journal once, then kept up to date.

A guard calls in its own thread. A cycle that ends while the journal is being asked is kept aside:
it may or may not be in the answer, and counts once either way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from actors.journal import LoadResults, RecordResume, ResultsOnRecord
from supervision.states import ChildState, StatusMessage
from trading.results import DAY_NS, CycleResult, Results, gathered

if TYPE_CHECKING:
    from loguru import Logger

    from supervision.directory import Address
    from trading.desk import CycleRecord

_ASK_AGAIN_S: Final = 2.0  # an answer that comes before our name is bound is lost
_LONGEST_S: Final = 60.0  # a journal that is slow has each question to answer


class GuardResults:
    """``scope``: under which name they are asked for, and it is on record when they were resumed.

    ``whole``: all that is on record is needed, else the last day's will do.
    """

    def __init__(
        self,
        journal: Address,
        reply_to: str,
        scope: str,
        desks: tuple[str, ...],
        log: Logger,
        *,
        whole: bool,
    ) -> None:
        self._journal = journal
        self._reply_to = reply_to
        self._scope = scope
        self._desks = desks
        self._log = log
        self._whole = whole
        self._results: Results | None = None
        self._aside: list[CycleResult] = []
        self._put_right: list[CycleResult] = []
        self._resumed_ns = 0
        self._asked_s = float("-inf")
        self._unanswered = 0
        self._epoch = 0
        self._complaint = ""

    @property
    def known(self) -> Results | None:
        """The results; None until the journal has told them."""
        return self._results

    def ask(self, now_s: float) -> None:
        """Have the journal asked, and again while there is no answer, less and less often."""
        wait_s = min(_LONGEST_S, _ASK_AGAIN_S * 2.0 ** max(0, self._unanswered - 1))
        if self._results is not None or now_s - self._asked_s < wait_s:
            return
        since_ns = 0 if self._whole else time.time_ns() - DAY_NS
        asked = LoadResults(self._scope, self._desks, since_ns, self._reply_to)
        if self._journal.offer(asked):
            self._asked_s = now_s
            self._unanswered = min(self._unanswered + 1, 16)

    def answered(self, found: ResultsOnRecord) -> None:
        """The journal's answer. What can't be read stays unknown, and limits on it freeze."""
        self._unanswered = 0
        if found.error:
            if found.error != self._complaint:
                self._log.error("results: {}", found.error)
                self._complaint = found.error
        elif self._results is None:
            resumed_ns = max(self._resumed_ns, found.resumed_ns)
            self._results = gathered((*found.results, *self._aside), resumed_ns, found.tally)
            for result in self._put_right:
                self._results.put_right(result)
            self._aside.clear()
            self._put_right.clear()

    def finished(self, record: CycleRecord) -> None:
        """A cycle has ended."""
        result = CycleResult.of(record, time.time_ns())
        if self._results is None:
            self._aside.append(result)
        else:
            self._results.add(result)

    def put_right(self, record: CycleRecord) -> None:
        """The record of a cycle has been put right, perhaps of one that does not count any more."""
        result = CycleResult.of(record, time.time_ns())
        if self._results is None:
            self._put_right.append(result)
        else:
            self._results.put_right(result)

    def resumed(self, utc_ns: int) -> None:
        """From now on, and in runs to come, they count anew."""
        self._resumed_ns = utc_ns
        self._journal.offer(RecordResume(self._scope, utc_ns))

    def journal_changed(self, status: StatusMessage) -> None:
        """A new life of the journal has not heard the question, nor perhaps of the last resume."""
        if status.state is not ChildState.RUNNING or status.epoch == self._epoch:
            return
        self._epoch = status.epoch
        self._asked_s = float("-inf")
        if self._resumed_ns:
            self.resumed(self._resumed_ns)
