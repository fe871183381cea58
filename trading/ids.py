"""Client order ids: a run epoch from the journal and a counter, never the clock, never used twice.

Both venues get the same 32 bits, because Backpack's client id is a uint32:

    run epoch 16 bits | counter 16 bits

The epoch is on disk before the first order of a run goes out, so a killed process, whatever it had
sent, is followed by one whose ids are all new. GRVT's ids live in [2^63, 2^64): the 32 bits are
their low half, and are also the nonce of the signature. An epoch comes round after 65,535 runs.
"""

from __future__ import annotations

import enum
import threading
from typing import Final

import msgspec

_COUNTER_BITS: Final = 16
IDS_OF_EPOCH: Final = 1 << _COUNTER_BITS
LAST_EPOCH: Final = (1 << 16) - 1
_RESERVE: Final = IDS_OF_EPOCH // 8  # more than a cycle of every desk can ever want
_MACHINE_RANGE: Final = 1 << 63


class Leg(enum.Enum):
    """The two legs of a desk: the one that fills first, and the one that offsets it."""

    PRIMARY = "primary"
    HEDGE = "hedge"

    @property
    def other(self) -> Leg:
        """The leg on the other venue."""
        return Leg.HEDGE if self is Leg.PRIMARY else Leg.PRIMARY


class IdsUsedUp(Exception):
    """An epoch has no ids left, and none that follows it was begun in time."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch

    def __str__(self) -> str:
        return f"all {IDS_OF_EPOCH} order ids of run epoch {self.epoch} are used up"


class IdAllocator:
    """The ids of one process, for all of its desks. Any thread; it outlives every actor."""

    def __init__(self, epoch: int) -> None:
        self._lock = threading.Lock()
        self._epoch = _checked(epoch)
        self._next = 0

    @property
    def epoch(self) -> int:
        """The run epoch that ids are taken from now."""
        return self._epoch

    @property
    def low(self) -> bool:
        """True when a new epoch should be begun before anything else is."""
        return self._next > IDS_OF_EPOCH - _RESERVE

    def next(self) -> int:
        """The next uint32. Raises IdsUsedUp."""
        with self._lock:
            if self._next >= IDS_OF_EPOCH:
                raise IdsUsedUp(self._epoch)
            compact = (self._epoch << _COUNTER_BITS) | self._next
            self._next += 1
            return compact

    def renew(self, epoch: int) -> None:
        """Go on with a new epoch, which is on disk."""
        with self._lock:
            self._epoch = _checked(epoch)
            self._next = 0

    def issued(self, client_order_id: int) -> bool:
        """True for an id of this epoch that was handed out. Takes GRVT's 64-bit form too."""
        low = client_order_id & 0xFFFFFFFF
        return epoch_of(client_order_id) == self._epoch and low % IDS_OF_EPOCH < self._next


def epoch_of(client_order_id: int) -> int:
    """The run epoch of an id of ours. Takes GRVT's 64-bit form too."""
    return (client_order_id & 0xFFFFFFFF) >> _COUNTER_BITS


def wide_id(compact: int) -> int:
    """The id for a venue with a 64-bit machine range (GRVT)."""
    return _MACHINE_RANGE | compact


def _checked(epoch: int) -> int:
    if not 1 <= epoch <= LAST_EPOCH:
        raise ValueError(f"run epoch {epoch} is not in 1..{LAST_EPOCH}")
    return epoch


_DESK_BITS: Final = 6
_CYCLE_BITS: Final = 18
_ATTEMPT_BITS: Final = 7
MAX_DESKS: Final = 1 << _DESK_BITS
CYCLE_SPAN: Final = 1 << _CYCLE_BITS
MAX_ATTEMPTS: Final = 1 << _ATTEMPT_BITS


class OrderKey(msgspec.Struct, frozen=True):
    """What an id is derived from. ``attempt`` counts the orders of a leg within a cycle, from 0."""

    desk: int
    cycle: int
    leg: Leg
    attempt: int


def compact_id(key: OrderKey) -> int:
    """The uint32 of ``key``; ValueError when a part is out of its range."""
    if not 0 <= key.desk < MAX_DESKS:
        raise ValueError(f"desk {key.desk} is not in 0..{MAX_DESKS - 1}")
    if not 0 <= key.attempt < MAX_ATTEMPTS:
        raise ValueError(f"attempt {key.attempt} is not in 0..{MAX_ATTEMPTS - 1}")
    if key.cycle < 1:
        raise ValueError(f"cycle {key.cycle} is not positive")
    leg_bit = 1 if key.leg is Leg.HEDGE else 0
    value = (key.desk << _CYCLE_BITS) | (key.cycle % CYCLE_SPAN)
    return (((value << 1) | leg_bit) << _ATTEMPT_BITS) | key.attempt


def key_of(compact: int) -> OrderKey:
    """The key of an id (its cycle modulo CYCLE_SPAN). Takes GRVT's 64-bit form too."""
    low = compact & 0xFFFFFFFF
    attempt = low & (MAX_ATTEMPTS - 1)
    leg = Leg.HEDGE if (low >> _ATTEMPT_BITS) & 1 else Leg.PRIMARY
    cycle = (low >> (_ATTEMPT_BITS + 1)) & (CYCLE_SPAN - 1)
    return OrderKey(low >> (_ATTEMPT_BITS + 1 + _CYCLE_BITS), cycle, leg, attempt)


def client_order_id(key: OrderKey, *, wide: bool) -> int:
    """The id to send: ``wide`` for a venue with a 64-bit machine range (GRVT), else uint32."""
    compact = compact_id(key)
    return _MACHINE_RANGE | compact if wide else compact
