"""What can go wrong in a simulated world, and how often. Probabilities, but where it says not."""

from __future__ import annotations

import enum

import msgspec


class Act(enum.Enum):
    """What can be done to the world at one step of it."""

    CUT_PRIMARY = "cut primary"
    CUT_HEDGE = "cut hedge"
    RESTART_DESK = "restart desk"
    RESTART_PRIMARY_ORDERS = "restart primary orders"
    RESTART_HEDGE_ORDERS = "restart hedge orders"
    STOP = "stop"
    FLATTEN = "flatten, and resume a moment later"
    TRADE_PRIMARY = "somebody else trades on the primary"
    TRADE_HEDGE = "somebody else trades on the hedge"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """The default is a calm world.

    ``lag_s`` is how far histories run behind, ``outage_s`` how long a cut lasts at most, ``acts``
    what is done at which step.
    """

    lose_request: float = 0
    lose_reply: float = 0
    garble_reply: float = 0
    refuse: float = 0
    refuse_read: float = 0
    lose_read: float = 0
    drop_news: float = 0
    repeat_news: float = 0
    slow: float = 0
    partial: float = 0
    miss: float = 0
    refuse_intent: float = 0
    slow_intent: float = 0
    lag_s: float = 0
    outage_s: float = 0.5
    acts: tuple[tuple[int, Act], ...] = ()


CALM = Trouble()
ROUGH = Trouble(
    lose_request=0.03,
    lose_reply=0.08,
    garble_reply=0.05,
    refuse=0.05,
    refuse_read=0.1,
    lose_read=0.03,
    drop_news=0.1,
    repeat_news=0.2,
    slow=0.15,
    partial=0.3,
    miss=0.1,
    refuse_intent=0.03,
    slow_intent=0.1,
    lag_s=1.5,
    outage_s=4.0,
)
