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
    RESTART_JOURNAL = "restart journal"
    KILL = "kill the process, back after a second"
    KILL_FOR_LONG = "kill the process, back after half a minute"
    KILL_AGAIN = "kill the process, and once more while it recovers"
    KILL_UNREAD_PRIMARY = "kill the process; back, it can't reach the primary for 20 s"
    KILL_UNREAD_HEDGE = "kill the process; back, it can't reach the hedge for 20 s"
    STOP = "stop"
    FLATTEN = "flatten, and resume a moment later"
    CLOCK_AHEAD = "the host's clock jumps ahead"
    CLOCK_BACK = "the host's clock jumps back"
    SUSPEND = "the host sleeps for 20 s"
    FREEZE = "the process is stopped for 3 s"
    TRADE_PRIMARY = "somebody else trades on the primary"
    TRADE_HEDGE = "somebody else trades on the hedge"
    FORCE_PRIMARY = "the primary's venue closes the whole leg by itself"
    FORCE_HEDGE = "the hedge's venue closes a third of the leg by itself"
    TAKE_HEDGE = "the hedge's venue closes the whole leg, and tells of the position only"
    RESTRICT_PRIMARY = "for 4 s the primary's market takes only what reduces"
    RESTRICT_HEDGE = "for 4 s the hedge's market takes only what reduces"
    SHUT_PRIMARY = "for 12 s the primary's venue refuses every order"
    SHUT_HEDGE = "for 12 s the hedge's venue refuses every order"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """The default is a calm world.

    ``lag_s`` is how far histories run behind, ``order_lag_s`` the same of single orders,
    ``outage_s`` how long a cut lasts at most, ``acts`` what is done at which step. ``rests``: the
    desk's entries and exits rest and are cancelled, instead of executing at once.
    """

    lose_request: float = 0
    lose_reply: float = 0
    garble_reply: float = 0
    refuse: float = 0
    refuse_read: float = 0
    lose_read: float = 0
    drop_news: float = 0
    repeat_news: float = 0
    repeat_late: float = 0
    contradict: float = 0
    slow: float = 0
    partial: float = 0
    miss: float = 0
    refuse_intent: float = 0
    slow_disk: float = 0
    probation: float = 0
    lag_s: float = 0
    order_lag_s: float = 0
    outage_s: float = 0.5
    rests: bool = False
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
    repeat_late=0.1,
    contradict=0.05,
    slow=0.15,
    partial=0.3,
    miss=0.1,
    refuse_intent=0.03,
    slow_disk=0.1,
    probation=0.1,
    lag_s=1.5,
    order_lag_s=1.5,
    outage_s=4.0,
)
