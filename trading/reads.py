"""Which reads of a venue are due: after a gap, when something is not sure, and ever again. Pure.

A read that failed is one without an answer: it stays wanted, and is asked for again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from trading.order_effects import OrderTiming


class Read(enum.Enum):
    """What can be read of an account as a whole."""

    BALANCES = "balances"
    OPEN_ORDERS = "open_orders"
    FILLS = "fills"
    POSITIONS = "positions"


class Reads:
    """When each read was asked for and answered (monotonic), and what waits for an answer."""

    def __init__(self, timing: OrderTiming) -> None:
        self._timing = timing
        self._asked_s: dict[Read, float] = {}
        self._answered_s: dict[Read, float] = {}
        self._tries: dict[Read, int] = {}
        self._gap: set[Read] = set()
        self._wanted: set[Read] = set()
        self._withheld: set[Read] = set()
        self._pressing: set[Read] = set()
        self._money_moved_s: float | None = None  # since when the balances that were read are old

    def begin(self, now_s: float) -> list[Read]:
        """After a gap: all that has to be read before the venue is ready. It is asked for now."""
        self._gap = {Read.FILLS, Read.OPEN_ORDERS, Read.POSITIONS}
        if self._timing.balances_every_s:
            self._gap.add(Read.BALANCES)
        return [
            read for read in Read if read in self._gap and self.may_ask(read, now_s, at_once=True)
        ]

    def abandon(self) -> None:
        """Nobody is there to answer. What was wanted stays so."""
        self._gap.clear()

    @property
    def complete(self) -> bool:
        """True when everything has been read since the gap."""
        return not self._gap

    @property
    def unanswered(self) -> str:
        """The read that has been asked for too often without an answer; "" when there is none.

        Balances are not among them: without those it is still known what is held.
        """
        held = (Read.OPEN_ORDERS, Read.FILLS, Read.POSITIONS)
        return next((r.value for r in held if self._tries.get(r, 0) > MAX_UNANSWERED), "")

    def want(self, read: Read) -> None:
        """Have it read again, until there is an answer."""
        self._wanted.add(read)

    def press(self, read: Read, now_s: float) -> bool:
        """Somebody needs an answer to a question of now. True, and noted as asked: at once.

        Those who come shortly after another share one question, at the next look.
        """
        if now_s - self._asked_s.get(read, _NEVER) >= SHARED_S:
            return self.may_ask(read, now_s, at_once=True)
        self._pressing.add(read)
        return False

    def money_moved(self, now_s: float) -> bool:
        """A cycle has ended: balances that were asked for before are not what is there now.

        True, and noted as asked, when they are to be read at once; else that is due in a while.
        """
        self._money_moved_s = now_s
        due = Read.BALANCES in self._periodical(now_s)
        return due and self.may_ask(Read.BALANCES, now_s)

    def withheld(self, read: Read) -> None:
        """It was not asked after all, for our own reasons: that says nothing of the venue."""
        if read is not Read.BALANCES:  # these prove nothing, and no order's question waits for them
            self._withheld.add(read)
        self._wanted.add(read)  # whoever asked may have done so once, on what an answer said
        self._asked_s.pop(read, None)
        self._tries[read] = max(0, self._tries.get(read, 0) - 1)

    @property
    def starved(self) -> bool:
        """True while a read was withheld and has not been asked again."""
        return bool(self._withheld)

    def asked_s(self, read: Read) -> float:
        """When it was asked for last."""
        return self._asked_s.get(read, _NEVER)

    def answered(self, read: Read, now_s: float) -> None:
        """A well-formed answer is here."""
        self._gap.discard(read)
        self._wanted.discard(read)
        self._answered_s[read] = now_s
        self._tries[read] = 0
        moved_s = self._money_moved_s
        if read is Read.BALANCES and moved_s is not None and self._asked_s.get(read, 0) >= moved_s:
            self._money_moved_s = None

    def may_ask(self, read: Read, now_s: float, *, at_once: bool = False) -> bool:
        """True, and noted as asked, unless it was asked for within the poll period."""
        soon = now_s - self._asked_s.get(read, _NEVER) < self._timing.poll_s
        if soon and not at_once:
            return False
        self._asked_s[read] = now_s
        self._withheld.discard(read)
        self._pressing.discard(read)
        if not soon:  # else the last question may still be under way
            self._tries[read] = self._tries.get(read, 0) + 1
        return True

    def due(self, doubtful: Iterable[Read], now_s: float) -> list[Read]:
        """Reads that are awaited, needed to make sure (``doubtful``), or due by their period."""
        # One that was withheld is asked for, though an earlier question may be answered by now.
        pressing = self._pressing
        wanted = {*self._gap, *self._wanted, *self._withheld, *pressing, *doubtful}
        wanted.update(self._periodical(now_s))
        for read in Read:
            if read not in wanted:
                self._tries[read] = 0  # nobody needs the answer any more
        return [
            read
            for read in _URGENCY
            if read in wanted and self.may_ask(read, now_s, at_once=read in pressing)
        ]

    def _periodical(self, now_s: float) -> Iterable[Read]:
        positions_s, balances_s = self._timing.positions_every_s, self._timing.balances_every_s
        if self._money_moved_s is not None:
            balances_s = min(balances_s, BALANCES_APART_S)
        periods_s = {
            Read.OPEN_ORDERS: positions_s, Read.POSITIONS: positions_s, Read.BALANCES: balances_s,
        }  # fmt: skip
        for read, period_s in periods_s.items():
            answered_s = self._answered_s.get(read)
            if period_s and answered_s is not None and now_s - answered_s >= period_s:
                yield read


SHARED_S: Final = 0.1
"""Several desks that begin at once all want to know what is held, again and again."""
BALANCES_APART_S: Final = 3.0
"""Every cycle's end has balances read, and cycles may follow each other at once."""
MAX_UNANSWERED: Final = 3
"""So many questions in a row without an answer: we do not see what the venue holds."""
_NEVER: Final = float("-inf")
# Positions last: what executed until the other reads were asked for is in them.
_URGENCY: Final = (Read.BALANCES, Read.OPEN_ORDERS, Read.FILLS, Read.POSITIONS)
