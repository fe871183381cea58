"""What guards are told, and what they tell. The guards re-export them."""

from __future__ import annotations

from typing import Final

import msgspec

from trading.limits import LimitState
from trading.plan import ActiveLimit

ACCOUNT_GUARD: Final = "guard"
"""The address of the guard over all desks; that of a desk is this below the desk's."""
ACCOUNT: Final = "account"
"""What the guard over all desks calls itself, where a desk's guard has the name of its desk."""


def guard_of(desk: str) -> str:
    """The address of a desk's guard."""
    return f"{desk}/{ACCOUNT_GUARD}"


class AccountLimitsInForce(msgspec.Struct, frozen=True):
    """From the account's guard to a desk's: all its limits that are in force for the desk now."""

    limits_in_force: tuple[ActiveLimit, ...]


class ResumeLimits(msgspec.Struct, frozen=True):
    """Ask: an operator resumes the desk. Answered once the desk has been told what still holds."""


class LimitsReported(msgspec.Struct, frozen=True):
    """From a guard: how the limits of its ``scope`` stand, a desk's name or ``account``."""

    scope: str
    limits: tuple[LimitState, ...]
