"""What a desk knows of its markets and accounts, and whether they let it open a cycle.

Its coordinator calls in its own thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal

from actors.market_board import MarketBoard, MarketChanged
from actors.orders_outbox import VenueBalances
from actors.request_limiter import RequestLimiter
from supervision.directory import Address
from trading.desk import CycleRecord
from trading.gate import EntryGate
from trading.leg import Leg
from trading.market import MarketView
from trading.plan import DeskPlan
from trading.volume import DayVolume
from venues.model import ZERO, AccountSummary, Instrument, Side


class DeskMarket:
    """The markets of one desk, by leg; ``closed_by`` is the gate of its cycle machine.

    ``limiters`` are those of the venues' requests.
    """

    def __init__(
        self,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        board: MarketBoard,
        limiters: Mapping[Leg, RequestLimiter],
    ) -> None:
        self._instruments = instruments
        self._board = board
        self._limiters = limiters
        self._gate = EntryGate(plan, instruments)
        self._accounts: dict[str, AccountSummary] = {}
        self._most = plan.daily_volume
        self._volume = DayVolume(plan.daily_volume, ZERO, time.time_ns())

    def traded_today(self, volume: Decimal) -> None:
        """What the primary has traded since midnight, as the journal has it."""
        self._volume = DayVolume(self._most, volume, time.time_ns())

    def finished(self, record: CycleRecord) -> None:
        """A cycle is over: it counts towards the day's volume."""
        self._volume.add(record.orders, time.time_ns())

    def listen(self, address: Address) -> tuple[MarketChanged, ...]:
        """Have ``address`` told of changes; what it has to look at to begin with."""
        self._board.listen(address, self._instruments.values())
        return tuple(MarketChanged(one.venue, one.symbol) for one in self._instruments.values())

    def take(self, name: str, message: MarketChanged) -> MarketView:
        """What has changed; the next change is told again."""
        return self._board.take(name, message.venue, message.symbol)

    def balances(self, message: VenueBalances) -> None:
        """The money of an account, as it was read just now."""
        self._accounts[message.venue] = message.summary

    def closed_by(self, side: Side, now_s: float) -> tuple[str, ...]:
        """Why no cycle may open to ``side`` now, in words; () when it may."""
        views = {
            leg: self._board.view(one.venue, one.symbol) for leg, one in self._instruments.items()
        }
        accounts = {leg: self._accounts.get(one.venue) for leg, one in self._instruments.items()}
        utc_ns = time.time_ns()
        reasons = self._gate.closed_by(views, accounts, side, now_s, utc_ns)
        return (*self._volume.closed(utc_ns), *reasons, *self._unsent(now_s))

    def _unsent(self, now_s: float) -> Iterator[str]:
        """A hedge is one request too: where none is left it would wait, and leave a leg naked."""
        for leg, limiter in self._limiters.items():
            why = limiter.no_way_out(now_s)
            if why:
                yield f"{self._instruments[leg].venue}: {why}"
