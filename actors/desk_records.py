"""What a desk puts on record and on the board. Its coordinator calls in its own thread."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from actors.board import DeskReported, LegReport
from actors.journal import RecordCycle, RecordCycleStart, RecordDesk, RecordInterrupted
from supervision.directory import Address
from supervision.states import ChildState, StatusMessage
from trading.cycle import CycleMachine
from trading.desk import CycleRecord
from trading.leg import Leg

_REPORT_S: Final = 0.5  # why no cycle opens may change with every price


class DeskRecords:
    """Tells the journal, and tells it again when the journal has been replaced.

    What stood in the inbox of a journal that died is lost. Everything told here may be told twice.
    """

    def __init__(self, desk: str, journal: Address, reply_to: str) -> None:
        self.began_ns = 0  # when this life's latest cycle began: UTC, by our clock
        self._desk = desk
        self._journal = journal
        self._reply_to = reply_to
        self._epoch = 0
        self._cycles: dict[int, RecordCycleStart | RecordCycle | RecordInterrupted] = {}
        self._lasting: RecordDesk | None = None

    def started(self, cycle: int, direction: str, size: Decimal) -> None:
        """A cycle begins."""
        self.began_ns = time.time_ns()
        self._tell(cycle, RecordCycleStart(self._desk, cycle, direction, str(size)))

    def finished(self, record: CycleRecord) -> None:
        """A cycle is over."""
        self._tell(record.cycle, RecordCycle(record, self._reply_to))

    def interrupted(self, cycle: int) -> None:
        """A cycle of an earlier life is over too: the venues are flat."""
        self._tell(cycle, RecordInterrupted(self._desk, cycle))

    def confirmed(self, cycle: int) -> None:
        """The journal has that cycle's record, and with it everything told before."""
        for known in [known for known in self._cycles if known <= cycle]:
            del self._cycles[known]

    def remember(
        self,
        *,
        paused: bool | None = None,
        halted: str | None = None,
        ignored: Mapping[Leg, Decimal] | None = None,
    ) -> None:
        """What lasts over all runs; None changes nothing."""
        sizes = None if ignored is None else {leg.value: size for leg, size in ignored.items()}
        known = self._lasting or RecordDesk(self._desk)
        self._lasting = RecordDesk(
            self._desk,
            known.paused if paused is None else paused,
            known.halted if halted is None else halted,
            known.ignored if sizes is None else sizes,
        )
        self._journal.offer(self._lasting)

    def journal_changed(self, status: StatusMessage) -> None:
        """Its status; a new life of it is told everything that is not confirmed."""
        if status.state is not ChildState.RUNNING or status.epoch == self._epoch:
            return
        self._epoch = status.epoch
        if self._lasting is not None:  # first: no cycle is on record before what it trades beside
            self._journal.offer(self._lasting)
        for message in self._cycles.values():
            self._journal.offer(message)

    def _tell(
        self, cycle: int, message: RecordCycleStart | RecordCycle | RecordInterrupted
    ) -> None:
        self._cycles[cycle] = message
        self._journal.offer(message)


class DeskBoards:
    """Those who are told where the desk stands, and of each cycle: the board first, and guards."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._addresses = tuple(addresses)
        self._reported: DeskReported | None = None
        self._reported_s = float("-inf")

    @property
    def names(self) -> tuple[str, ...]:
        """Whose lives matter: a new one has been told nothing yet."""
        return tuple(address.name for address in self._addresses)

    def forget(self) -> None:
        """One of them is a new one."""
        self._reported = None

    def due(self, now_s: float) -> bool:
        """True when what may change with every price could be told again."""
        return now_s - self._reported_s >= _REPORT_S

    def report(self, report: DeskReported, now_s: float) -> None:
        """Tell it, if it has changed."""
        self._reported_s = now_s
        if report != self._reported:
            told = [address.offer(report) for address in self._addresses]
            self._reported = report if all(told) else None

    def finished(self, record: CycleRecord) -> None:
        """A cycle is over."""
        for address in self._addresses:
            address.offer(record)


def report_of(desk: CycleMachine, *, paused: bool, since_s: float) -> DeskReported:
    """Where a desk stands, for the board; ``since_s`` is when its phase began."""
    legs = tuple(
        LegReport(
            leg=leg.value,
            venue=state.instrument.venue,
            symbol=state.instrument.symbol,
            position=desk.position(leg),
            ready=state.ready,
            outside=state.outside,
        )
        for leg, state in desk.legs.items()
    )
    return DeskReported(
        desk=desk.plan.desk,
        phase=desk.phase,
        cycle=desk.cycle,
        finished=desk.finished,
        planned=desk.plan.cycles,
        halted=desk.halted,
        legs=legs,
        naked_since_s=desk.naked_since_s,
        paused=paused,
        since_s=since_s,
        state=desk.state,
        waiting=desk.waiting,
        limits_in_force=desk.limits_in_force,
        net=desk.net,
    )
