"""Client order ids: a run epoch from the journal and a counter, never the clock, never used twice.

Both venues get the same 32 bits, because Backpack's client id is a uint32:

    run epoch 16 bits | counter 16 bits

The epoch is on disk before the first order of a run goes out, so a killed process, whatever it had
sent, is followed by one whose ids are all new. GRVT's ids live in [2^63, 2^64): the 32 bits are
their low half, and are also the nonce of the signature. An epoch comes round after 65,535 runs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Final

_COUNTER_BITS: Final = 16
IDS_OF_EPOCH: Final = 1 << _COUNTER_BITS
LAST_EPOCH: Final = (1 << 16) - 1
_RESERVE: Final = IDS_OF_EPOCH // 4  # more than a cycle of each of 50 desks can ever want
_MACHINE_RANGE: Final = 1 << 63


class IdsUsedUp(Exception):
    """An epoch has no ids left, and none that follows it was begun in time."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch

    def __str__(self) -> str:
        return f"all {IDS_OF_EPOCH} order ids of run epoch {self.epoch} are used up"


class IdAllocator:
    """The ids of one process, for all of its desks. Any thread; it outlives every actor.

    Every step on what is shared (taking from a range, what is left of it, adding an epoch) is a
    single one of the interpreter: there is no moment between two in which a thread could be wrong.

    ``first_epoch`` is that of the first run that the journal knows of (default: this one).
    ``previous`` is the last id that the process before this one has handed out, None if that is
    not known. ``note`` is told of each id before anybody has it, so that the next one knows.
    """

    def __init__(
        self,
        epoch: int,
        first_epoch: int | None = None,
        previous: int | None = None,
        note: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._first_epoch = epoch if first_epoch is None else _checked(first_epoch)
        self.previous = previous
        self._note = note
        self._numbers: dict[int, Iterator[int]] = {}
        self.renew(epoch)

    @property
    def epoch(self) -> int:
        """The run epoch that ids are taken from now: the latest."""
        return max(tuple(self._numbers), key=self._begun_before)

    @property
    def low(self) -> bool:
        """True when a new epoch should be begun before anything else is."""
        return operator.length_hint(self._numbers[self.epoch]) < _RESERVE

    def next(self) -> int:
        """The next uint32. Raises IdsUsedUp."""
        epoch = self.epoch
        number = next(self._numbers[epoch], None)
        if number is None:
            raise IdsUsedUp(epoch)
        compact = (epoch << _COUNTER_BITS) | number
        self._note(compact)
        return compact

    @property
    def last(self) -> int | None:
        """The last id that this process has handed out in its present epoch, or None."""
        epoch = self.epoch
        used = IDS_OF_EPOCH - operator.length_hint(self._numbers[epoch])
        return (epoch << _COUNTER_BITS) | (used - 1) if used else None

    def renew(self, epoch: int) -> None:
        """Go on with a new epoch, which is on disk.

        Two desks may have begun one each: the one that is older, or known already, is left unused.
        """
        self._numbers.setdefault(_checked(epoch), iter(range(IDS_OF_EPOCH)))

    def may_be_ours(self, client_order_id: int) -> bool:
        """True for an id that this run has, or an earlier one may have, handed out.

        Takes GRVT's 64-bit form too. Any thread.
        """
        epoch, number = divmod(compact_id(client_order_id), IDS_OF_EPOCH)
        left = self._numbers.get(epoch)
        if left is not None:
            return number < IDS_OF_EPOCH - operator.length_hint(left)
        return self._begun_before(epoch) < self._begun_before(self.epoch)

    def _begun_before(self, epoch: int) -> int:
        """How many were begun before that one since the first on record: they come round."""
        return (epoch - self._first_epoch) % LAST_EPOCH


def compact_id(client_order_id: int) -> int:
    """An id of ours in 32 bits, also of GRVT's 64-bit form."""
    return client_order_id & 0xFFFFFFFF


def epoch_of(client_order_id: int) -> int:
    """The run epoch of an id of ours. Takes GRVT's 64-bit form too."""
    return compact_id(client_order_id) >> _COUNTER_BITS


def later_epoch(one: int, other: int) -> int:
    """Which was begun later. They come round: it is the one less than half of them ahead."""
    return other if 0 < (other - one) % LAST_EPOCH < LAST_EPOCH // 2 else one


def wide_id(compact: int) -> int:
    """The id for a venue with a 64-bit machine range (GRVT)."""
    return _MACHINE_RANGE | compact


def _checked(epoch: int) -> int:
    if not 1 <= epoch <= LAST_EPOCH:
        raise ValueError(f"run epoch {epoch} is not in 1..{LAST_EPOCH}")
    return epoch
