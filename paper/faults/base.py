"""What the faults have in common: whom they hit and when. One struct per action, read from JSON.

A fault names whom it hits (a connection, a venue for all of its connections, an endpoint behind the
proxy, or an account) and acts at once, or when a hook is reached. docs/paper.md shows each with an
example. Times are seconds; an amount is a Decimal in a string.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Hook = Literal[
    "accept", "primary_accept", "hedge_accept",
    "fill", "primary_fill", "hedge_fill",
    "recv", "primary_recv", "hedge_recv",
    "before_reply", "primary_before_reply", "hedge_before_reply",
    "cancel_recv", "ws_upgrade",
    "read_order", "read_orders", "read_fills", "read_positions", "read_history", "read_balances",
]  # fmt: skip

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Offset = Annotated[float, msgspec.Meta(ge=-86_400, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
GRVT_NAMES = "session|rest|trading|market-rest|market"
BACKPACK_NAMES = "rest|market|feed"
Name = Annotated[
    str, msgspec.Meta(pattern=f"^(grvt(/({GRVT_NAMES}))?|backpack(/({BACKPACK_NAMES}))?)$")
]
Venue = Literal["grvt", "backpack"]


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an armed fault acts: at the ``nth`` ``hook`` of cycle ``cycle`` (both from 1).

    Without ``cycle`` it is the ``nth`` from now on. With ``venue`` only that venue's count.
    """

    hook: Hook
    cycle: Count | None = None
    nth: Count = 1
    venue: Venue | None = None


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"
):
    """What all faults have: when (``at`` absent: now)."""

    at: At | None = None


class ConnectionFault(Fault, frozen=True, kw_only=True):
    """A fault of a connection, or of all connections of a venue."""

    connection: Name


class Counted(ConnectionFault, frozen=True, kw_only=True):
    """A fault of the next ``times`` matches (default 1), or of all of them for ``for_s`` seconds.

    The first ``skip`` matches are spared. ``share`` below 1 hits that part of the matches, drawn
    from the seed.
    """

    times: Count | None = None
    for_s: Seconds | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    share: Share = 1.0

    @property
    def uses(self) -> int | None:
        """How often it acts; None for as often as there is a match while it lasts."""
        if self.times is None and self.for_s is None:
            return 1
        return self.times
