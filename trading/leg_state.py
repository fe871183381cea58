"""One leg of a desk: what its venue lets it do, and how its orders have fared. Pure."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trading.evidence import Evidence
from trading.ladder import Climb
from trading.leg import Leg
from trading.plan import Rung
from venues.model import ZERO, Instrument, MarketMode, Quote


class Unexplained(msgspec.Struct, frozen=True):
    """The last order ended short, and why is yet to be told; until then it is not judged."""

    attempt: int
    until_s: float  # by then it is judged without
    forgiven: bool = False  # meanwhile nothing is wanted of the leg: it makes no next try dearer


class LegState:
    """One leg of a running cycle, as far as its orders and quotes tell."""

    def __init__(self, leg: Leg, instrument: Instrument, ladder: tuple[Rung, ...]) -> None:
        self.leg = leg
        self.instrument = instrument
        self.ready = False
        self.new_risk = False
        self.why_not = ""  # it takes no new risk: the last word of who knows
        self.mode: MarketMode | None = None  # None: not known
        self.quote: Quote | None = None  # the venue's best bid and ask
        self.quoted_s = float("-inf")
        self.held = ZERO  # at the venue when the cycle began: not 0 only after a recovery
        self.outside = ZERO  # somebody else's position beside ours, which is left alone
        self.evidence = Evidence()
        self.read_mid: Decimal | None = None  # when the evidence was first read
        self.doubt = ""  # why nothing is ordered before the position has been read anew
        self.orders_placed = 0  # in this cycle: the number of the next one
        self.misses = 0  # orders of this cycle that did not fill whole
        self.misses_in_a_row = 0  # since the need last changed sign or went away
        self.climb = Climb(ladder)
        self.requotes_used = 0  # orders of ours that rested, since the last slice was whole
        self.next_requote_s = float("-inf")
        self.cancel_again_s = float("-inf")
        self.refusals = 0  # in a row; lengthens the pause
        self.turned_away = 0  # in a row, as anybody's order would have been
        self.key_refusals = 0  # in a row, also over cycles
        self.shut = False  # the last order since it opened or began to close was refused for good
        self.vain_additions = 0  # others in a row, since the unwinding began
        self.vain_reductions = 0  # reduce-only orders in a row of which nothing executed
        self.next_try_s = float("-inf")
        self.unexplained: Unexplained | None = None

    def fresh_quote(self, now_s: float, max_age_s: float) -> Quote | None:
        """The last quote if it is younger than ``max_age_s``."""
        return self.quote if now_s - self.quoted_s <= max_age_s else None

    def takes(self, reducing: bool) -> bool:
        """True unless its market is known to refuse what crosses the book, or what adds to it."""
        if self.mode is None or self.mode is MarketMode.UNKNOWN:
            return True
        return self.mode.reduces if reducing else self.mode.opens

    def filled_whole(self, now_s: float) -> None:
        """Its last order did what it was for."""
        self.calm()
        self.refusals = self.requotes_used = self.vain_reductions = self.vain_additions = 0
        self.turned_away = 0
        self.next_try_s = now_s

    def calm(self) -> None:
        """Nothing is wanted of it: the next order begins at the bottom of the ladder."""
        self.misses_in_a_row = 0
        self.climb.reset()
        if self.unexplained is not None:
            self.unexplained = msgspec.structs.replace(self.unexplained, forgiven=True)

    def begin_cycle(self) -> None:
        """Nothing of the last cycle's orders is held against the next one's."""
        self.calm()
        self.orders_placed = self.misses = self.refusals = 0
        self.vain_reductions = self.requotes_used = 0
        self.turned_away = 0
        self.next_try_s = float("-inf")
        self.unexplained = None
