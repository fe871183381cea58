"""The board: every status message in, one snapshot out.

Whoever wants to know what the service is doing asks here: the terminal view, the summary, later
the control socket. It holds the last word of every actor and desk, and the latest events in order.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from actors.guard_messages import LimitsReported
from actors.journal import FundingOnRecord
from actors.orders_outbox import VenueBalances, VenuePositions, VenueReported
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ChildState, StatusMessage
from trading.desk import CycleRecord, DeskState, Phase
from trading.plan import ActiveLimit
from venues.model import ZERO, AccountSummary

_EVENTS: Final = 1_000


class LegReport(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of a desk now. ``outside`` is somebody else's position that it leaves alone."""

    leg: str
    venue: str
    symbol: str
    position: Decimal
    ready: bool
    outside: Decimal = ZERO


class DeskReported(msgspec.Struct, frozen=True, kw_only=True):
    """From a coordinator: where its desk stands, and since when it is in this phase.

    ``waiting``: why it opens no cycle, one reason each; ``limits_in_force`` are among them.
    """

    desk: str
    phase: Phase
    cycle: int
    finished: int
    planned: int | None
    halted: str
    legs: tuple[LegReport, ...]
    naked_since_s: float | None
    paused: bool = False
    since_s: float = 0.0
    state: DeskState = DeskState.TRADING
    waiting: tuple[str, ...] = ()
    limits_in_force: tuple[ActiveLimit, ...] = ()
    net: Decimal = ZERO


class PositionsRead(msgspec.Struct, frozen=True):
    """A venue's positions, signed, by symbol, and the monotonic moment at which they came in."""

    venue: str
    sizes: dict[str, Decimal]
    read_s: float


class ReadBoard(msgspec.Struct, frozen=True):
    """Ask: the board as it is, with the events after number ``since``."""

    since: int = 0


class BoardSnapshot(msgspec.Struct, frozen=True):
    """The board at one moment. ``events`` are numbered; the last has number ``last_event``.

    ``balances``, ``positions``: the last reading of each venue's account. ``limits``: those of each
    desk, and of the account.
    """

    statuses: tuple[StatusMessage, ...]
    desks: tuple[DeskReported, ...]
    events: tuple[CycleRecord | StatusMessage, ...]
    last_event: int
    restarts: tuple[tuple[str, int], ...]
    balances: tuple[AccountSummary, ...] = ()
    positions: tuple[PositionsRead, ...] = ()
    limits: tuple[LimitsReported, ...] = ()
    venues: tuple[VenueReported, ...] = ()


class Board(SupervisedActor):
    """Keeps the latest of everything. ``on_record`` and ``readers`` hear of each finished cycle.

    ``on_put_right`` hears of each record that was put right, also of a cycle of an earlier run.
    """

    def __init__(
        self,
        context: ActorContext,
        on_record: Callable[[CycleRecord], None] | None = None,
        readers: tuple[str, ...] = (),
        on_put_right: Callable[[CycleRecord], None] | None = None,
    ) -> None:
        super().__init__(context)
        self._readers = tuple(self.address(name) for name in readers)
        self._on_record = on_record
        self._on_put_right = on_put_right
        self._statuses: dict[str, StatusMessage] = {}
        self._desks: dict[str, DeskReported] = {}
        self._events: collections.deque[CycleRecord | StatusMessage] = collections.deque(
            maxlen=_EVENTS
        )
        self._last_event = 0
        self._balances: dict[str, AccountSummary] = {}
        self._positions: dict[str, PositionsRead] = {}
        self._limits: dict[str, LimitsReported] = {}
        self._venues: dict[str, VenueReported] = {}

    def on_start(self) -> None:
        self.watch("")

    def on_message(self, message: object) -> object:
        if isinstance(message, StatusMessage):
            self._take_status(message)
        elif isinstance(message, DeskReported):
            self._desks[message.desk] = message
        elif isinstance(message, CycleRecord):
            record = msgspec.structs.replace(message, orders=())  # they are in the journal
            self._happened(record)
            for reader in self._readers:
                reader.offer(record)
            if self._on_record is not None:
                self._on_record(record)
        elif isinstance(message, FundingOnRecord):
            self._put_right(msgspec.structs.replace(message.record, orders=()))
        elif isinstance(message, VenueBalances):
            self._balances[message.venue] = message.summary
        elif isinstance(message, VenuePositions):
            sizes = {one.symbol: one.size for one in message.positions if one.size}
            self._positions[message.venue] = PositionsRead(message.venue, sizes, self.clock.now())
        elif isinstance(message, LimitsReported):
            self._limits[message.scope] = message
        elif isinstance(message, VenueReported):
            self._venues[message.venue] = message
        elif isinstance(message, ReadBoard):
            return self._snapshot(message.since)
        else:
            return super().on_message(message)
        return None

    def _put_right(self, record: CycleRecord) -> None:
        if any(
            isinstance(event, CycleRecord)
            and (event.desk, event.cycle) == (record.desk, record.cycle)
            for event in self._events
        ):  # else it is of an earlier run, or too old to be shown
            self._happened(record)
        if self._on_put_right is not None:
            self._on_put_right(record)

    def _take_status(self, status: StatusMessage) -> None:
        known = self._statuses.get(status.name)
        self._statuses[status.name] = status
        if known is None or known.state is not status.state:
            self._happened(status)

    def _happened(self, event: CycleRecord | StatusMessage) -> None:
        self._events.append(event)
        self._last_event += 1

    def _snapshot(self, since: int) -> BoardSnapshot:
        fresh = min(self._last_event - since, len(self._events))
        events = tuple(self._events)[len(self._events) - fresh :] if fresh > 0 else ()
        restarts = tuple(
            (status.name, status.epoch - 1)
            for status in self._statuses.values()
            if status.epoch > 1 and status.state is not ChildState.STOPPED
        )
        return BoardSnapshot(
            tuple(self._statuses.values()),
            tuple(self._desks.values()),
            events,
            self._last_event,
            restarts,
            tuple(self._balances.values()),
            tuple(self._positions.values()),
            tuple(self._limits.values()),
            tuple(self._venues.values()),
        )
