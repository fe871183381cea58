"""The documents of the control socket: what goes in, and what comes out, as JSON.

The command line decodes with the same structs, so this module imports nothing that is slow. Every
document names its ``schema``; Decimals are strings, moments are UTC, durations end in ``_s``.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final, Literal

import msgspec

STATUS: Final = "ketch.status/1"
TREE: Final = "ketch.tree/1"
VERB: Final = "ketch.verb/1"
DESKS: Final = "ketch.desks/1"
STOP: Final = "ketch.stop/1"
RELOAD: Final = "ketch.reload/1"
ERROR: Final = "ketch.error/1"

StopHow = Literal["drain", "flatten", "cancel"]


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is sent out. Unknown fields are ignored when it is read."""


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what comes in. Unknown fields are errors."""


class PathRequest(_Request, frozen=True, kw_only=True, omit_defaults=True):
    """Which child a verb is for: ``grvt/trading``. ``force``: stop or restart it, whatever desks
    have open."""

    path: str
    force: bool = False


class DeskRequest(_Request, frozen=True, kw_only=True):
    """Which desk an order is for; None for every desk."""

    desk: str | None = None


class StopRequest(_Request, frozen=True, kw_only=True):
    """How the service is to stop.

    ``drain`` lets the present cycle come to its planned end; ``flatten`` closes it at once;
    ``cancel`` cancels what rests and leaves positions as they are. With ``wait`` the answer is that
    of ``GET /v1/end``.
    """

    how: StopHow = "flatten"
    wait: bool = False


class Failure(_Document, frozen=True, kw_only=True):
    """How an instance ended. ``at`` is when its supervisor published it."""

    kind: str
    detail: str
    at: dt.datetime


class Node(_Document, frozen=True, kw_only=True):
    """A supervisor or one of its children.

    ``breaker_openings``: in a row, too. ``kind`` and ``detail`` are those of its present state (""
    when there is nothing to say); ``last_failure`` stays after it has recovered. ``abandoned`` are
    hung threads that still live, as name#epoch.
    """

    name: str
    type: Literal["supervisor", "worker"]
    depth: int
    strategy: str | None
    state: str
    epoch: int
    failures_in_a_row: int
    breaker_openings: int
    retry_at: dt.datetime | None
    retry_in_s: float | None
    health: str
    kind: str
    detail: str
    last_failure: Failure | None
    since: dt.datetime
    for_s: float
    abandoned: tuple[str, ...]


class DeadLetters(_Document, frozen=True, kw_only=True):
    """Messages to one name that nobody handled, and the types of the last few."""

    name: str
    count: int
    samples: tuple[str, ...]


class Limit(_Document, frozen=True, kw_only=True):
    """A limit that is set. ``figure`` is what it is compared with now, None while not known.

    ``reason`` is why it is in force, or empty; ``about`` where the figure is from. ``clears_at``:
    when it is over if nothing new happens; None while it is reached, and for one that halts.
    """

    limit: str
    figure: Decimal | None
    about: str
    at: Decimal
    action: str
    reason: str
    clears_at: dt.datetime | None = None
    clears_in_s: float | None = None


class ActiveLimit(_Document, frozen=True, kw_only=True):
    """A limit in force for a desk now, the account's included (``account.daily_loss``)."""

    limit: str
    action: str
    reason: str


class Leg(_Document, frozen=True, kw_only=True):
    """One leg of a desk: what it holds, and whether its venue takes orders.

    ``outside`` is somebody else's position beside it, which the desk was told to leave alone.
    """

    leg: str
    venue: str
    symbol: str
    position: Decimal
    ready: bool
    outside: Decimal = Decimal(0)


class Cycle(_Document, frozen=True, kw_only=True):
    """A cycle that is over. Fees and funding by venue, positive when paid; ``pnl`` is after them.

    ``naked_ms`` is the longest episode and ``naked_q_s`` the largest, in sizes times seconds;
    ``fill_to_hedged_ms`` the slowest hedge, None without one. ``reason``: why it was not completed,
    or by which other way.
    """

    cycle: int
    outcome: str
    direction: str
    size: Decimal
    pnl: Decimal
    fees: dict[str, Decimal]
    naked_ms: float
    duration_s: float
    reason: str = ""
    funding: dict[str, Decimal] = {}
    slippage_bps: dict[str, Decimal] = {}
    naked_q_s: float = 0.0
    fill_to_hedged_ms: float | None = None


class Desk(_Document, frozen=True, kw_only=True):
    """A desk. ``net`` is the naked quantity, ``naked_s`` for how long it is not zero.

    ``reporting`` is False while its coordinator is down: the rest is then its last report.
    ``settled``: nothing is open, nothing is being closed or verified. ``unexplained``: it has found
    what it holds, no record of ours explains that, and it waits to be told what it is. ``state``:
    trading, frozen, reducing, halted, recovering or done. ``waiting``: why it opens no cycle, one
    reason each. ``limits_in_force``: of its own and the account's; ``limits``: all that it has set.
    """

    desk: str
    phase: str
    state: str = ""
    since: dt.datetime | None
    for_s: float | None
    reporting: bool
    paused: bool
    halted: str
    settled: bool
    unexplained: bool = False
    cycle: int
    finished: int
    planned: int | None
    legs: tuple[Leg, ...]
    net: Decimal
    naked_since: dt.datetime | None
    naked_s: float | None
    cycles: tuple[Cycle, ...]
    waiting: tuple[str, ...] = ()
    limits_in_force: tuple[ActiveLimit, ...] = ()
    limits: tuple[Limit, ...] = ()


class Requests(_Document, frozen=True, kw_only=True):
    """What is left of a venue's request budget; ``denied`` were held back by it, ``refused`` by the
    venue as too many, each since the start. Nothing opens for ``paused_for_s``; nothing at all is
    sent for ``barred_for_s``.
    """

    left: float
    burst: int
    reserved: int
    denied: int
    refused: int
    paused_for_s: float
    barred_for_s: float


class Venue(_Document, frozen=True, kw_only=True):
    """Whether a venue takes orders: None while no desk has heard of it yet.

    ``equity`` of the account and what of it is ``available``, in quote currency, and its
    ``positions``, signed, by symbol, as last read; flat ones are left out. ``cannot``: what of
    submit, cancel, fills and position can't be had now, and why; ``requests``: its request budget.
    """

    venue: str
    ready: bool | None
    equity: Decimal | None = None
    available: Decimal | None = None
    positions: dict[str, Decimal] = {}
    positions_at: dt.datetime | None = None
    cannot: dict[str, str] = {}
    requests: Requests | None = None


class Status(_Document, frozen=True, kw_only=True):
    """``GET /v1/status``: the board. ``board`` is False when it did not answer: no desks then."""

    schema: str = STATUS
    at: dt.datetime
    mode: str
    pid: int
    started_at: dt.datetime
    up_s: float
    stopping: str
    board: bool
    desks: tuple[Desk, ...]
    venues: tuple[Venue, ...]
    actors: tuple[Node, ...]
    restarts: dict[str, int]
    dead_letters: tuple[DeadLetters, ...]
    abandoned: tuple[str, ...]
    account_limits: tuple[Limit, ...] = ()


class Tree(_Document, frozen=True, kw_only=True):
    """``GET /v1/tree``: supervisors and children, parents first, siblings in start order."""

    schema: str = TREE
    at: dt.datetime
    nodes: tuple[Node, ...]
    abandoned: tuple[str, ...]


class VerbDone(_Document, frozen=True, kw_only=True):
    """What a supervisor answered to a verb: ok, waiting, already_started, not_found, stopping,
    abandoned_limit, or timeout (it may still happen). Without asking it: not_at_rest, for a desk
    that stands on ``path`` is at work; ``detail`` says what it has open, and the command to use
    instead."""

    schema: str = VERB
    verb: str
    path: str
    outcome: str
    detail: str = ""


class DeskDone(_Document, frozen=True, kw_only=True):
    """What became of an order to one desk: ok, not_found, unavailable, or timeout.

    ``adopt`` and ``ignore`` of a desk that waits for no such word: nothing_found; ``resume`` of one
    that does: unexplained. ``adopt`` and ``flatten`` of what seems left of a position that was
    ignored and is not there any more: not_reducible. ``ketch flatten`` waits, and says flat, left
    (at a venue there is more than the desk's own), or timeout.
    """

    desk: str
    outcome: str
    detail: str = ""


class DesksDone(_Document, frozen=True, kw_only=True):
    """What became of an order to one desk or to all."""

    schema: str = DESKS
    verb: str
    desks: tuple[DeskDone, ...]


class StopDone(_Document, frozen=True, kw_only=True):
    """The service is stopping; it answers until it has.

    ``GET /v1/end`` waits for a while: ``outcome`` is then ok, left (something is, or may be), or
    timeout, and ``left`` what desks hold: "eth primary backpack ETH_USDC_PERP +0.5". ``ketch stop``
    says unknown of a service that has gone without a word.
    """

    schema: str = STOP
    how: str
    outcome: str = "ok"
    left: tuple[str, ...] = ()


class Change(_Document, frozen=True, kw_only=True):
    """A setting that differs: its path, the value in force, the value in the configuration."""

    path: str
    running: str
    configured: str


class ReloadDone(_Document, frozen=True, kw_only=True):
    """``outcome``: applied, unchanged, invalid (``errors`` says why; nothing applied), or timeout.

    ``needs_restart``: what is configured otherwise, and only a restart of the service applies.
    """

    schema: str = RELOAD
    outcome: str
    applied: tuple[Change, ...] = ()
    needs_restart: tuple[Change, ...] = ()
    errors: tuple[str, ...] = ()


class Error(_Document, frozen=True, kw_only=True):
    """A request that was not served, and why."""

    schema: str = ERROR
    error: str
    detail: str = ""
