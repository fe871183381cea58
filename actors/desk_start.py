"""How a desk finds out what its venues hold, before it does anything.

Its coordinator calls in its own thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from actors.journal import JournalUnusable
from actors.journal_open import LoadOpenCycle
from actors.orders_outbox import PositionsHeld
from supervision.directory import Address
from supervision.errors import AskTimeout, Unavailable
from trading.ids import IdAllocator
from trading.inherited import Inherited
from trading.leg import Leg
from trading.on_record import CycleRecorded
from trading.plan import DeskPlan
from trading.recovery import HeldPositions
from venues.model import ZERO, Instrument

_RECORD_S: Final = 1.0
_NOT_SENT_AFTER_S: Final = 2.0  # a killed life's last bytes are on the wire by then


class VerifyDue(msgspec.Struct, frozen=True):
    """Read this leg's position again, before the first cycle."""

    leg: Leg


class DeskStart:
    """The readings of both venues, until they prove what is held."""

    def __init__(
        self,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        expiry_s: Mapping[Leg, float],
    ) -> None:
        self._desk = plan.desk
        self._instruments = instruments
        self._expiry_s = expiry_s
        self._held = HeldPositions(plan.retry_s / 2)
        self._known_since_s: dict[Leg, float] = {}
        self._again: set[Leg] = set()
        self._recorded = CycleRecorded()

    def recorded(self, journal: Address, ids: IdAllocator) -> CycleRecorded:
        """Where the open cycle stands by the record, for as long as a venue can't be read."""
        asked = LoadOpenCycle(self._desk, dict(self._instruments), ids.previous, ids.last)
        self._recorded = journal.ask(asked, half_open=True)
        return self._recorded

    def inherited(self, journal: Address, ids: IdAllocator, own: frozenset[int]) -> Inherited:
        """What earlier lives did in the open cycle; ``own`` are the ids of this one.

        By now the venues have told what became of orders whose outcome was not on record.
        """
        asked = LoadOpenCycle(self._desk, dict(self._instruments), ids.previous, ids.last)
        try:
            self._recorded = journal.ask(asked, timeout_s=_RECORD_S)
        except (Unavailable, AskTimeout, JournalUnusable) as error:  # no reason to stay naked
            self._recorded = msgspec.structs.replace(self._recorded, trouble=str(error))
        return Inherited(self._recorded, self._instruments, own)

    def forget(self, now_s: float) -> None:
        """What has been asked for until now does not count any more."""
        self._held.forget(now_s)

    def size(self, leg: Leg, message: PositionsHeld) -> Decimal:
        """The leg's position in a reading of its venue."""
        return message.sizes.get(self._instruments[leg].symbol, ZERO)

    def read(self, leg: Leg, message: PositionsHeld, now_s: float) -> bool:
        """A reading came in; False when the leg is to be read again, and nobody waits to do so."""
        self._known_since_s[leg] = message.since_s
        settled = self._instruments[leg].symbol not in message.unsettled
        asked_s = min(message.asked_s, now_s)
        # Readings come for other desks, too: one that waits to ask is enough.
        if self._held.read(leg, self.size(leg, message), settled, asked_s) or leg in self._again:
            return True
        self._again.add(leg)
        return False

    def asks_again(self, leg: Leg) -> None:
        """The wait of who was to read the leg again is over."""
        self._again.discard(leg)

    @property
    def known(self) -> Mapping[Leg, Decimal]:
        """Signed positions of the legs that are sure."""
        return self._held.known

    @property
    def proven(self) -> Mapping[Leg, Decimal] | None:
        """Signed positions by leg, or None while one is not sure."""
        return self._held.proven

    @property
    def unsure_until_s(self) -> float:
        """Until then an order of the last life may execute that neither we nor the journal know.

        Those that take risk off wait for no disk: when the process was killed, or the coordinator,
        the venue's orders actor and the journal were replaced together, the last may not be on
        record.
        """
        return max(
            since_s + self._expiry_s[leg] + _NOT_SENT_AFTER_S
            for leg, since_s in self._known_since_s.items()
        )
