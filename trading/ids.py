"""Client order ids: derived from (desk, cycle, leg, attempt), so that a restart can compute them.

Both venues get the same 32 bits, because Backpack's client id is a uint32:

    desk 6 bits | cycle 18 bits | leg 1 bit | attempt 7 bits

GRVT's ids live in [2^63, 2^64); the 32 bits are its low half, and are also the nonce of the
signature. The cycle number comes from the journal and never goes back, so an id repeats only after
262,144 cycles, or more than 36 days of a cycle every 12 s.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

_DESK_BITS: Final = 6
_CYCLE_BITS: Final = 18
_ATTEMPT_BITS: Final = 7
MAX_DESKS: Final = 1 << _DESK_BITS
CYCLE_SPAN: Final = 1 << _CYCLE_BITS
MAX_ATTEMPTS: Final = 1 << _ATTEMPT_BITS
_MACHINE_RANGE: Final = 1 << 63


class Leg(enum.Enum):
    """The two legs of a desk: the one that fills first, and the one that offsets it."""

    PRIMARY = "primary"
    HEDGE = "hedge"

    @property
    def other(self) -> Leg:
        """The leg on the other venue."""
        return Leg.HEDGE if self is Leg.PRIMARY else Leg.PRIMARY


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
