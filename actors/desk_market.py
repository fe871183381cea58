"""What a desk knows of its markets and accounts, and whether they let it open a cycle.

Its coordinator calls in its own thread.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from actors.market_board import MarketBoard, MarketChanged
from actors.orders_outbox import VenueBalances
from supervision.directory import Address
from trading.desk import DeskPlan
from trading.gate import EntryGate
from trading.ids import Leg
from trading.market import MarketView
from venues.model import AccountSummary, Instrument, Side


class DeskMarket:
    """The markets of one desk, by leg; ``closed_by`` is the gate of its cycle machine."""

    def __init__(
        self, plan: DeskPlan, instruments: Mapping[Leg, Instrument], board: MarketBoard
    ) -> None:
        self._instruments = instruments
        self._board = board
        self._gate = EntryGate(plan, instruments)
        self._accounts: dict[str, AccountSummary] = {}

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
        return self._gate.closed_by(views, accounts, side, now_s, time.time_ns())
