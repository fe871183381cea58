"""Both paper venues without their sockets: engines, ledger, faults and hooks on one clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import BinaryIO, Final

from paper.background import MarketMaker
from paper.engine import PaperExchange
from paper.faults import Faults, Fund, Move
from paper.hands import Hands
from paper.hooks import CycleHooks
from paper.keys import ACCOUNTS
from paper.ledger import Ledger
from paper.options import PaperSettings
from paper.orders import OrderRequest
from paper.settings import BACKPACK_INSTRUMENTS, GRVT_INSTRUMENTS, VenueSettings, listed
from venues.model import BACKPACK, GRVT, Instrument, Side, TimeInForce

NS_PER_S: Final = 1_000_000_000


class World:
    """The two venues, and what watches them. One thread; ``tick`` lets time pass.

    ``clock`` gives monotonic nanoseconds; ``stream`` is where the ledger is written, if anywhere.
    """

    def __init__(
        self,
        settings: PaperSettings,
        stream: BinaryIO | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.seed, stream, clock)
        self.faults = Faults(
            lambda: clock() / 1e9,
            self.ledger.fault_fired,
            self.ledger.fault_hit,
            settings.seed,
        )
        self.hooks = CycleHooks(self.faults)
        self.start_ns = self.ledger.utc_ns()
        self.makers: dict[str, MarketMaker] = {}
        self.exchanges = {
            GRVT: self._exchange(
                GRVT, listed(GRVT_INSTRUMENTS, settings.grvt.steps), settings.grvt.engine
            ),
            BACKPACK: self._exchange(
                BACKPACK,
                listed(BACKPACK_INSTRUMENTS, settings.backpack.steps),
                settings.backpack.engine,
            ),
        }
        self._start_positions()
        self.sample_marks()
        self.faults.on(Move, self._move)
        self.faults.on(Fund, self._fund)
        self.hands = Hands(self.exchanges, self.faults, signals=settings.signals)

    def tick(self) -> None:
        """Expiries, the next prices, funding and liquidations at both venues."""
        for exchange in self.exchanges.values():
            exchange.tick()

    def _move(self, fault: Move) -> None:
        for venue, maker in self.makers.items():
            if fault.venue in (None, venue):
                maker.move(fault.by_bps)
        self.faults.effects.hit(fault, f"{fault.by_bps} bps")

    def _fund(self, fault: Fund) -> None:
        self.exchanges[fault.venue].fund_in(fault.in_s)
        self.faults.effects.hit(fault, "announced")

    def sample_marks(self) -> None:
        """Put each contract's mark into the ledger."""
        for venue, exchange in self.exchanges.items():
            for instrument in exchange.instruments:
                self.ledger.marked(venue, instrument.symbol, self.mark(venue, instrument.symbol))

    def mark(self, venue: str, symbol: str) -> Decimal:
        """A contract's mark price now."""
        return self.makers[venue].mark(symbol)

    def venue_of(self, symbol: str) -> str | None:
        """The venue that lists a contract."""
        for venue, maker in self.makers.items():
            if symbol in maker.paths:
                return venue
        return None

    def _start_positions(self) -> None:
        """What the main account holds from before the run: in the ledger as done by hand."""
        for venue, wanted in (
            (GRVT, self.settings.grvt.start_positions),
            (BACKPACK, self.settings.backpack.start_positions),
        ):
            for symbol, size in wanted.items():
                self.exchanges[venue].submit(
                    OrderRequest(
                        account=ACCOUNTS[0],
                        symbol=symbol,
                        side=Side.towards(size),
                        size=abs(size),
                        price=None,
                        time_in_force=TimeInForce.IOC,
                        manual=True,
                    )
                )

    def _exchange(
        self, venue: str, instruments: Sequence[Instrument], settings: VenueSettings
    ) -> PaperExchange:
        maker = self.makers[venue] = MarketMaker(
            self.settings.seed,
            instruments,
            self.settings.prices,
            settings.liquidity,
            self.start_ns,
        )
        recorder = self.ledger.listener(venue)
        exchange = PaperExchange(
            venue,
            instruments,
            ACCOUNTS,
            settings,
            maker,
            self.ledger.utc_ns,
            recorder.funded,
            recorder.cancel_asked,
        )
        # The ledger hears first: what a fault then does to a connection comes after the fact.
        exchange.add_listener(recorder)
        exchange.add_listener(self.hooks.listener(venue))
        exchange.set_clock_offset(lambda: int(self.faults.clock_offset_s(venue) * NS_PER_S))
        return exchange
