"""What an operator may tune about a desk's trading, as it stands in the configuration. Pure data.

The configuration's schema is made of these structs, and the machines that decide are given them as
they are. Prices are basis points (``_bps``), durations seconds (``_s``), money in quote currency.
A Decimal's limits travel in ``extra``, where the configuration's loader finds them.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
PositiveSeconds = Annotated[float, msgspec.Meta(ge=0.01, le=86_400)]
Attempts = Annotated[int, msgspec.Meta(ge=1, le=100)]
Bps = Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(0), "le": Decimal(1_000)})]
EdgeBps = Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(-1_000), "le": Decimal(1_000)})]
Amount = Annotated[Decimal, msgspec.Meta(extra={"gt": Decimal(0)})]
Factor = Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(0), "le": Decimal(100)})]
Window = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        extra={"expected": "a time of day in UTC like 08:00-16:30"},
    ),
]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable, keyword-only, and strict about names."""


class Style(enum.Enum):
    """How the primary trades: ``taker`` crosses the book, ``maker`` rests in it, post-only."""

    TAKER = "taker"
    MAKER = "maker"


class Direction(enum.Enum):
    """Which way the primary leg goes; ``alternate`` starts long and changes every cycle."""

    LONG = "long"
    SHORT = "short"
    ALTERNATE = "alternate"

    def sign(self, cycle_index: int) -> int:
        """+1 or -1 for the primary position of the ``cycle_index``-th cycle (from 0)."""
        if self is Direction.ALTERNATE:
            return 1 if cycle_index % 2 == 0 else -1
        return 1 if self is Direction.LONG else -1


class Unexplained(enum.Enum):
    """What to do with a position at the start that no open cycle explains.

    ``halt``: nothing, and say so; ``adopt``: take it for what an interrupted cycle left: balance
    it, close it, go on; ``flatten``: close it and stay halted; ``ignore``: leave it as it is, as
    somebody else's, and trade beside it.
    """

    HALT = "halt"
    ADOPT = "adopt"
    FLATTEN = "flatten"
    IGNORE = "ignore"


class Rung(_Section, frozen=True, kw_only=True):
    """One step of the ladder that an order climbs while it is not filled.

    ``cap_bps``: how far through the touch it may go. ``for_s``: how long orders stay on this rung;
    at 0 for one order.
    """

    cap_bps: Bps
    for_s: Seconds = 0.0


class MakerPlan(_Section, frozen=True, kw_only=True):
    """How a resting order is quoted, when ``entry`` or ``exit`` is ``maker``.

    It rests at the touch for ``max_age_s`` at most, is cancelled and quoted anew when the touch has
    moved away from it by ``follow_bps``, and at most every ``requote_s``. After ``requotes`` orders
    in one entry or exit, an entry is left at what it has, and an exit crosses the book.
    """

    requotes: Attempts = 10
    max_age_s: PositiveSeconds = 10.0
    requote_s: Annotated[float, msgspec.Meta(ge=0.5, le=3_600)] = 0.5
    follow_bps: Bps = Decimal(2)


class GatePlan(_Section, frozen=True, kw_only=True):
    """What must hold before a cycle opens: the way out is checked before the way in.

    ``min_edge_bps``: what the prices of both venues leave after all fees of the cycle and the
    funding of its hold (null: any). ``depth_factor``: so many times the size must rest within
    ``max_slippage_bps`` on both sides of both books (0: unchecked). ``margin_factor``: so many
    times the margin that the cycle needs must be free on both venues (0: unchecked), at
    ``margin_rate`` of the notional. ``funding_guard_s``: nothing opens so long before and after a
    funding of either venue. ``windows``: when cycles may open, UTC; none: always.
    """

    min_edge_bps: EdgeBps | None = None
    depth_factor: Factor = Decimal(1)
    margin_factor: Factor = Decimal("1.5")
    margin_rate: Annotated[
        Decimal, msgspec.Meta(extra={"gt": Decimal(0), "le": Decimal(1)})
    ] = Decimal("0.1")  # fmt: skip
    funding_guard_s: Seconds = 10.0
    windows: tuple[Window, ...] = ()


class DeskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a desk. Prices in basis points of the touch, times in seconds.

    ``ladder``: how far through the touch an order may go, rung by rung, and never further than
    ``max_slippage_bps``. ``hedge_deadline_s``: how long a naked quantity is hedged before the
    primary is unwound instead. ``retry_s``: pause before the same leg is tried again on the last
    rung. ``max_vain_cycles`` in a row without an execution halt the desk. ``slices``: in how many
    parts the size is opened and closed, each hedged before the next. ``hold_jitter``: the hold is
    longer or shorter by up to this share. ``daily_volume``: of the primary leg in quote currency;
    when it is reached nothing opens until the next UTC day.
    """

    desk: str
    size: Decimal
    cycles: int | None
    direction: Direction
    hold_s: float
    pause_s: float
    ladder: tuple[Rung, ...]
    max_slippage_bps: Decimal
    entry_attempts: int
    hedge_deadline_s: float
    max_quote_age_s: float
    settle_timeout_s: float
    retry_s: float
    max_vain_cycles: int = 30
    unexplained: Unexplained = Unexplained.HALT
    entry: Style = Style.TAKER
    exit: Style = Style.TAKER
    maker: MakerPlan = MakerPlan()
    slices: int = 1
    hold_jitter: float = 0.0
    daily_volume: Decimal | None = None
    gate: GatePlan = GatePlan()


class Action(enum.Enum):
    """What a limit does when it is reached.

    ``freeze``: no new cycle until it has been clear for its ``clear_s``. ``reduce``: what is open
    is closed as well, then as ``freeze``. ``halt``: what is open is closed, and the desk stays
    halted until an operator resumes it.
    """

    FREEZE = "freeze"
    REDUCE = "reduce"
    HALT = "halt"


class Limit(_Section, frozen=True, kw_only=True):
    """One limit: reached at ``at`` (null: never), what it then does, and when that is over."""

    at: Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(0)})] | None = None
    action: Action = Action.FREEZE
    clear_s: Seconds = 5.0


class ActiveLimit(msgspec.Struct, frozen=True):
    """A limit that is in force now: its name, what it does, and why, in words with figures."""

    limit: str
    action: Action
    reason: str


def _limit(at: str | None, action: Action = Action.FREEZE, clear_s: float = 5.0) -> Limit:
    return Limit(at=None if at is None else Decimal(at), action=action, clear_s=clear_s)


class DeskLimits(_Section, frozen=True, kw_only=True):
    """The limits of one desk. Notionals and losses are in quote currency.

    ``naked_*``: of what is open on one leg and not on the other. ``order_notional``,
    ``position_notional``: of one order, of one leg. ``open_notional``: of both legs together.
    ``daily_loss``: of the UTC day. ``drawdown``: from the highest sum of results so far.
    ``loss_streak``: losing cycles in a row. ``slippage_bps``: of one cycle. ``margin_ratio``: free
    margin over equity, lowest of both venues; ``liquidation_distance``: of the mark price from the
    nearer liquidation, as a share of it. These two are reached from above. ``clock_skew_ms``: what
    the clocks of the venues say of ours. ``stream_age_s``: of the older price.
    """

    naked_notional: Limit = _limit(None, Action.REDUCE)
    naked_s: Limit = _limit("15", Action.REDUCE)
    order_notional: Limit = _limit(None)
    position_notional: Limit = _limit(None)
    open_notional: Limit = _limit(None)
    daily_loss: Limit = _limit(None, Action.HALT)
    drawdown: Limit = _limit(None, Action.HALT)
    loss_streak: Limit = _limit(None, Action.FREEZE, 600.0)
    slippage_bps: Limit = _limit(None, Action.FREEZE, 60.0)
    margin_ratio: Limit = _limit("0.1", Action.REDUCE, 60.0)
    liquidation_distance: Limit = _limit("0.05", Action.REDUCE, 60.0)
    clock_skew_ms: Limit = _limit("1000")
    stream_age_s: Limit = _limit("3")


class AccountLimits(_Section, frozen=True, kw_only=True):
    """The limits over all desks together, in quote currency; each acts on every desk."""

    naked_notional: Limit = _limit(None, Action.REDUCE)
    open_notional: Limit = _limit(None)
    daily_loss: Limit = _limit(None, Action.HALT)
    drawdown: Limit = _limit(None, Action.HALT)
