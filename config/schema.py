"""Every setting of Ketch: its type, its range and what it means. The loader reads YAML by it.

Durations are seconds (``_s``) or milliseconds (``_ms``); prices are basis points (``_bps``). The
``paper`` section belongs to the paper venues, on the other side of a socket: ``cli`` adds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

from config.errors import Problem
from config.marks import SECRET, bounded, described
from config.supervision import SupervisionConfig
from trading.plan import (
    AccountLimits,
    Attempts,
    Bps,
    DeskLimits,
    Direction,
    GatePlan,
    MakerPlan,
    PositiveSeconds,
    Rung,
    Seconds,
    Style,
    Unexplained,
)
from venues.model import BACKPACK, GRVT

MOST_DESKS: Final = 50
# What stands at the top of the tree beside the desks, and the paths that patterns begin with.
TAKEN_NAMES: Final = frozenset(
    {GRVT, BACKPACK, "journal", "board", "guard", "prices", "funding", "console", "root"}
)

Name = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$"),
    described("a name of at most 32 of a-z, 0-9 and _ that begins with a letter"),
]

# Far beyond any account, and far within the digits that arithmetic with size steps has.
Quantity = Annotated[Decimal, bounded(gt=0, le=1_000_000_000_000)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable, keyword-only, and strict about names."""


class LogConfig(_Section, frozen=True, kw_only=True):
    """What is logged to stderr, and how."""

    level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    format: Literal["human", "json"] = "human"


class ConnectionConfig(_Section, frozen=True, kw_only=True):
    """Deadlines of one venue's connections.

    ``stale_after_s``: no pong for this long, and the heartbeat has the connection failed.
    ``expiry_s``: how far ahead an order expires at the venue. ``settle_s``: how far the venue's
    histories may lag; ``live_settle_s``: its positions and its private feed.
    ``poll_s``/``doubt_poll_s``: how often a live / an in-doubt order is asked for.
    ``positions_every_s``/``balances_every_s``: how often these are read when nothing else asks for
    them (as a cycle's end does for balances). ``max_order_age_s``: an order that rests for longer
    is cancelled.
    """

    connect_timeout_s: PositiveSeconds = 5.0
    write_timeout_s: PositiveSeconds = 1.0
    reply_timeout_s: PositiveSeconds = 2.0
    read_timeout_s: PositiveSeconds = 5.0
    ping_interval_s: PositiveSeconds = 1.0
    stale_after_s: PositiveSeconds = 3.0
    poll_s: PositiveSeconds = 1.0
    doubt_poll_s: PositiveSeconds = 0.25
    expiry_s: PositiveSeconds = 2.0
    settle_s: Seconds = 2.0
    live_settle_s: Seconds = 1.0
    positions_every_s: PositiveSeconds = 15.0
    balances_every_s: PositiveSeconds = 60.0
    max_order_age_s: PositiveSeconds = 30.0


class RateConfig(_Section, frozen=True, kw_only=True):
    """Requests to a venue: ``per_s`` on average, ``burst`` at once, below what it allows.

    The last ``reserved`` of a burst are for cancels, hedges and closes. After a refusal for too
    many requests nothing is opened for ``pause_s``, or for as long as the venue says.
    """

    per_s: Annotated[float, msgspec.Meta(ge=0.1, le=1_000)] = 9.0
    burst: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 10
    reserved: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 4
    pause_s: PositiveSeconds = 30.0


class GrvtConfig(_Section, frozen=True, kw_only=True):
    """GRVT: which environment, and its connections.

    An order lost on its way is in doubt for ``expiry_s`` and ``settle_s`` together: shorter than
    elsewhere, since the venue's clock is measured and its histories are next to the engine.
    """

    environment: Literal["prod", "testnet", "staging", "dev"] = "prod"
    connection: ConnectionConfig = ConnectionConfig(reply_timeout_s=1.5, expiry_s=1.0, settle_s=1.0)
    rate: RateConfig = RateConfig()


class BackpackConfig(_Section, frozen=True, kw_only=True):
    """Backpack: its hosts, how long a signed request stays valid, and its connections."""

    api_url: str = "https://api.backpack.exchange/"
    ws_url: str = "wss://ws.backpack.exchange"
    window_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 2_000
    connection: ConnectionConfig = ConnectionConfig(settle_s=10.0)
    rate: RateConfig = RateConfig()


class VenuesConfig(_Section, frozen=True, kw_only=True):
    """The two exchanges."""

    grvt: GrvtConfig = GrvtConfig()
    backpack: BackpackConfig = BackpackConfig()


class LegConfig(_Section, frozen=True, kw_only=True):
    """One leg of a desk."""

    venue: Literal["grvt", "backpack"]
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class DeskConfig(_Section, frozen=True, kw_only=True):
    """A primary/hedge pair and how it is cycled. ``trading.plan.DeskPlan`` says what each does.

    ``unexplained``: what becomes of positions found at start that no record of ours explains.
    """

    primary: LegConfig
    hedge: LegConfig
    size: Quantity
    direction: Direction = Direction.ALTERNATE
    entry: Style = Style.TAKER
    exit: Style = Style.TAKER
    maker: MakerPlan = MakerPlan()
    slices: Attempts = 1
    hold_s: Seconds = 1.0
    hold_jitter: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    pause_s: Seconds = 0.5
    daily_volume: Quantity | None = None
    ladder: Annotated[tuple[Rung, ...], msgspec.Meta(min_length=1, max_length=16)] = (
        Rung(cap_bps=Decimal(5)),
        Rung(cap_bps=Decimal(15)),
        Rung(cap_bps=Decimal(30)),
    )
    max_slippage_bps: Bps = Decimal(30)
    entry_attempts: Attempts = 3
    hedge_deadline_s: PositiveSeconds = 5.0
    max_quote_age_s: PositiveSeconds = 1.0
    settle_timeout_s: PositiveSeconds = 5.0
    retry_s: PositiveSeconds = 0.25
    unexplained: Unexplained = Unexplained.HALT
    gate: GatePlan = GatePlan()
    limits: DeskLimits = DeskLimits()


class LiveConfig(_Section, frozen=True, kw_only=True):
    """The third key of live trading: the GRVT trading account id, repeated."""

    confirm_account: Annotated[str, SECRET] = ""


class AccountConfig(_Section, frozen=True, kw_only=True):
    """What holds over all desks together."""

    limits: AccountLimits = AccountLimits()


class StopConfig(_Section, frozen=True, kw_only=True):
    """What a SIGTERM or SIGINT means.

    ``flatten``: what is open is closed at once; ``drain``: the running cycle comes to its planned
    end; ``cancel``: orders that rest are cancelled, and positions are left as they are.
    """

    sigterm: Literal["flatten", "drain", "cancel"] = "flatten"


class KetchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration but the paper venues'."""

    mode: Literal["paper", "live"] = "paper"
    state_dir: str = ""
    log: LogConfig = LogConfig()
    venues: VenuesConfig = VenuesConfig()
    desks: dict[Name, DeskConfig] = {}
    account: AccountConfig = AccountConfig()
    stop: StopConfig = StopConfig()
    live: LiveConfig = LiveConfig()
    supervision: SupervisionConfig = SupervisionConfig()


def problems(config: KetchConfig) -> Iterator[Problem]:
    """What does not fit together, in the form the loader reports with its origin."""
    yield from config.supervision.problems()
    yield from _desks_problems(config.desks)
    for name in (GRVT, BACKPACK):
        rate = getattr(config.venues, name).rate
        if rate.reserved >= rate.burst:
            at = f"venues.{name}.rate.reserved"
            yield Problem(at, rate.reserved, f"less than burst ({rate.burst})")
        connection = getattr(config.venues, name).connection
        if connection.stale_after_s <= connection.ping_interval_s:
            at = f"venues.{name}.connection.stale_after_s"
            expected = f"more than ping_interval_s ({connection.ping_interval_s:g})"
            yield Problem(at, connection.stale_after_s, expected)


def _desks_problems(desks: Mapping[str, DeskConfig]) -> Iterator[Problem]:
    if not 1 <= len(desks) <= MOST_DESKS:
        yield Problem("desks", len(desks), f"1 to {MOST_DESKS} desks")
    taken: dict[tuple[str, str], str] = {}
    for name, desk in desks.items():
        if name in TAKEN_NAMES:
            yield Problem(f"desks.{name}", name, "a name that is not an actor's already")
        for role, leg in (("primary", desk.primary), ("hedge", desk.hedge)):
            other = taken.setdefault((leg.venue, leg.symbol), name)
            if other != name:  # their positions are one at the venue
                expected = f"an instrument that no other desk trades: {other} does"
                yield Problem(f"desks.{name}.{role}.symbol", leg.symbol, expected)
        yield from _desk_problems(f"desks.{name}", desk)


def _desk_problems(at: str, desk: DeskConfig) -> Iterator[Problem]:
    if desk.primary.venue == desk.hedge.venue:
        other = BACKPACK if desk.primary.venue == GRVT else GRVT
        yield Problem(f"{at}.hedge.venue", desk.hedge.venue, f"{other}: a desk spans both venues")
    widest = desk.max_slippage_bps
    for number, rung in enumerate(desk.ladder):
        if rung.cap_bps > widest:
            expected = f"at most max_slippage_bps ({widest})"
            yield Problem(f"{at}.ladder[{number}].cap_bps", rung.cap_bps, expected)
        if number and rung.cap_bps < desk.ladder[number - 1].cap_bps:
            expected = f"at least the rung before ({desk.ladder[number - 1].cap_bps})"
            yield Problem(f"{at}.ladder[{number}].cap_bps", rung.cap_bps, expected)
    for limit in ("margin_ratio", "liquidation_distance"):
        share = getattr(desk.limits, limit).at
        if share is not None and share > 1:
            yield Problem(f"{at}.limits.{limit}.at", share, "a share, at most 1")
