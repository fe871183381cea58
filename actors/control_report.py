"""What the control socket tells: the board, the directory and the tree's shape, as documents.

Pure: everything is handed in, with the moment at which it was read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors import control_schema as schema
from actors.board import BoardSnapshot, DeskReported
from actors.guard_messages import ACCOUNT
from actors.orders_outbox import VenueReported
from supervision import directory
from supervision.spec import AnySpec, SupervisorSpec
from supervision.states import ChildState, ExitKind, Health, StatusMessage
from trading.desk import CycleRecord, Phase
from trading.recovery import reduces_nothing
from trading.request_budget import RequestUsage
from venues.model import ZERO

_LAST_CYCLES: Final = 5
_NO_FAILURE: Final = frozenset(
    {"", ExitKind.SHUTDOWN.value, ExitKind.KILLED.value, "completed", "added", "orphan"}
)
_AT_REST: Final = (Phase.IDLE, Phase.HALTED, Phase.DONE)
_UP: Final = (ChildState.RUNNING, ChildState.HALF_OPEN)


class Moment(msgspec.Struct, frozen=True):
    """Now, on the supervision clock and on the wall: what makes one into the other."""

    mono_s: float
    wall_s: float

    def at(self, mono_s: float) -> dt.datetime:
        """The wall-clock moment of a monotonic one."""
        return dt.datetime.fromtimestamp(self.wall_s + mono_s - self.mono_s, dt.UTC)

    @property
    def now(self) -> dt.datetime:
        """The wall-clock moment of this."""
        return self.at(self.mono_s)

    def since_s(self, mono_s: float) -> float:
        """Seconds from ``mono_s`` to now."""
        return round(self.mono_s - mono_s, 3)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a document is made of. ``board`` is None when it did not answer in time."""

    moment: Moment
    spec: SupervisorSpec
    statuses: tuple[StatusMessage, ...]
    dead_letters: tuple[directory.DeadLetter, ...]
    abandoned: tuple[str, ...]
    board: BoardSnapshot | None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which service this is, since when, and whether it is on its way out (how, or empty)."""

    mode: str
    pid: int
    started_s: float
    stopping: str


def status_document(facts: Facts, identity: Identity) -> schema.Status:
    """The whole service at a glance."""
    moment, board = facts.moment, facts.board
    workers = tuple(node for node in _nodes(facts) if node.type == "worker")
    up = {status.name for status in facts.statuses if status.state in _UP}
    return schema.Status(
        at=moment.now,
        mode=identity.mode,
        pid=identity.pid,
        started_at=moment.at(identity.started_s),
        up_s=moment.since_s(identity.started_s),
        stopping=identity.stopping,
        board=board is not None,
        desks=()
        if board is None
        else tuple(_desk(desk, board, moment, up) for desk in board.desks),
        venues=_venues(workers, board, moment),
        actors=workers,
        restarts={node.name: node.epoch - 1 for node in workers if node.epoch > 1},
        dead_letters=tuple(
            schema.DeadLetters(name=letter.name, count=letter.count, samples=letter.samples)
            for letter in facts.dead_letters
        ),
        abandoned=facts.abandoned,
        account_limits=() if board is None else _limits(ACCOUNT, board, moment),
    )


def tree_document(facts: Facts) -> schema.Tree:
    """Supervisors and children in tree order."""
    return schema.Tree(at=facts.moment.now, nodes=tuple(_nodes(facts)), abandoned=facts.abandoned)


# -- nodes -----------------------------------------------------------------------------------------


def _nodes(facts: Facts) -> Iterator[schema.Node]:
    statuses = {status.name: status for status in facts.statuses}
    failures = _last_failures(facts)
    for name, spec, depth in _walk(facts.spec, statuses):
        yield _node(facts, name, spec, depth, statuses.get(name), failures.get(name))


def _walk(
    root: SupervisorSpec, statuses: Mapping[str, StatusMessage]
) -> Iterator[tuple[str, AnySpec | None, int]]:
    """(name, spec, depth), parents first. Children that no spec names were added: they come last
    among their siblings; those whose name is unknown by now were removed."""
    yield root.id, root, 0
    yield from _below(root, "", 1, statuses)


def _below(
    supervisor: SupervisorSpec, path: str, depth: int, statuses: Mapping[str, StatusMessage]
) -> Iterator[tuple[str, AnySpec | None, int]]:
    static = {f"{path}/{child.id}" if path else child.id: child for child in supervisor.children}
    added = [name for name in statuses if directory.parent_path(name) == path]
    for name in dict.fromkeys((*static, *added)):
        spec = static.get(name)
        yield name, spec, depth
        if isinstance(spec, SupervisorSpec):
            yield from _below(spec, name, depth + 1, statuses)


def _node(
    facts: Facts,
    name: str,
    spec: AnySpec | None,
    depth: int,
    status: StatusMessage | None,
    failure: StatusMessage | None,
) -> schema.Node:
    moment = facts.moment
    supervisor = isinstance(spec, SupervisorSpec)
    if status is None:
        status = _unpublished(facts, name, is_root=depth == 0)
    retry_at = status.retry_at
    return schema.Node(
        name=name,
        type="supervisor" if supervisor else "worker",
        depth=depth,
        strategy=spec.strategy.value if isinstance(spec, SupervisorSpec) else None,
        state=status.state.value,
        epoch=status.epoch,
        failures_in_a_row=status.failures,
        breaker_openings=status.openings,
        retry_at=None if retry_at is None else moment.at(retry_at),
        retry_in_s=_left_s(retry_at, moment),
        health=status.health.value,
        kind=status.kind,
        detail=status.detail,
        last_failure=None if failure is None else _failure(failure, moment),
        since=moment.at(status.since),
        for_s=moment.since_s(status.since),
        abandoned=tuple(who for who in facts.abandoned if who.rpartition("#")[0] == name),
    )


def _unpublished(facts: Facts, name: str, *, is_root: bool) -> StatusMessage:
    """The root has no supervisor to speak for it; a child may not have had its turn to start."""
    first_s = min((s.since for s in facts.statuses), default=facts.moment.mono_s)
    if is_root:
        root = ChildState.RUNNING
        return StatusMessage(name=name, epoch=1, state=root, health=Health.OK, since=first_s)
    return StatusMessage(name=name, epoch=0, state=ChildState.WAITING, since=first_s)


def _failure(status: StatusMessage, moment: Moment) -> schema.Failure:
    return schema.Failure(kind=status.kind, detail=status.detail, at=moment.at(status.since))


def _last_failures(facts: Facts) -> dict[str, StatusMessage]:
    """The last failure of each name: what the board remembers, then what is published now."""
    events: Iterable[Any] = () if facts.board is None else facts.board.events
    return {
        status.name: status
        for status in (*events, *facts.statuses)
        if isinstance(status, StatusMessage) and _tells_of_failure(status)
    }


def _tells_of_failure(status: StatusMessage) -> bool:
    return status.kind not in _NO_FAILURE and status.state is not ChildState.STOPPED


# -- desks -----------------------------------------------------------------------------------------


def _desk(desk: DeskReported, board: BoardSnapshot, moment: Moment, up: set[str]) -> schema.Desk:
    naked_s = desk.naked_since_s
    return schema.Desk(
        desk=desk.desk,
        phase=desk.phase.value,
        state=desk.state.value,
        since=moment.at(desk.since_s),
        for_s=moment.since_s(desk.since_s),
        reporting=f"{desk.desk}/coordinator" in up,
        paused=desk.paused,
        halted=desk.halted,
        settled=_settled(desk),
        unexplained=is_unexplained(desk),
        cycle=desk.cycle,
        finished=desk.finished,
        planned=desk.planned,
        legs=tuple(
            schema.Leg(
                leg=leg.leg,
                venue=leg.venue,
                symbol=leg.symbol,
                position=leg.position,
                ready=leg.ready,
                outside=leg.outside,
            )
            for leg in desk.legs
        ),
        net=sum((leg.position for leg in desk.legs), ZERO),
        naked_since=None if naked_s is None else moment.at(naked_s),
        naked_s=None if naked_s is None else moment.since_s(naked_s),
        cycles=tuple(_cycles(desk.desk, board)),
        waiting=desk.waiting,
        limits_in_force=tuple(
            schema.ActiveLimit(limit=active.limit, action=active.action.value, reason=active.reason)
            for active in desk.limits_in_force
        ),
        limits=_limits(desk.desk, board, moment),
    )


def _limits(scope: str, board: BoardSnapshot, moment: Moment) -> tuple[schema.Limit, ...]:
    """The limits of a desk, or of the account, as their guard told them last."""
    told = next((report.limits for report in board.limits if report.scope == scope), ())
    return tuple(
        schema.Limit(
            limit=limit.limit,
            figure=limit.figure,
            about=limit.about,
            at=limit.at,
            action=limit.action.value,
            reason=limit.reason,
            clears_at=None if limit.clears_s is None else moment.at(limit.clears_s),
            clears_in_s=_left_s(limit.clears_s, moment),
        )
        for limit in told
    )


def _left_s(until_s: float | None, moment: Moment) -> float | None:
    return None if until_s is None else round(max(0.0, until_s - moment.mono_s), 3)


def _settled(desk: DeskReported) -> bool:
    return desk.phase in _AT_REST and not any(leg.position for leg in desk.legs)


def is_unexplained(desk: DeskReported) -> bool:
    """True when a desk holds still before positions that no record of ours explains.

    One that has halted over anything else has closed what was its own first.
    """
    return desk.phase is Phase.HALTED and any(leg.position for leg in desk.legs)


def may_be_closed(desk: DeskReported) -> bool:
    """False when what was ignored has changed: closing what it found would reduce nothing."""
    return not any(reduces_nothing(leg.position, leg.outside) for leg in desk.legs)


def _cycles(desk: str, board: BoardSnapshot) -> Iterator[schema.Cycle]:
    # One that comes again has been put right.
    records = {e.cycle: e for e in board.events if isinstance(e, CycleRecord) and e.desk == desk}
    for record in list(records.values())[-_LAST_CYCLES:]:
        fees: dict[str, Decimal] = {leg.venue: leg.fees for leg in (record.primary, record.hedge)}
        yield schema.Cycle(
            cycle=record.cycle,
            outcome=record.outcome,
            direction=record.direction,
            size=record.size,
            pnl=record.pnl,
            fees=fees,
            naked_ms=round(max(record.naked_ms, default=0.0), 3),
            duration_s=round(record.duration_s, 3),
            reason=record.reason,
            funding={leg.venue: leg.funding for leg in (record.primary, record.hedge)},
            slippage_bps={leg.venue: leg.slippage_bps for leg in (record.primary, record.hedge)},
            naked_q_s=round(max(record.naked_q_s, default=0.0), 6),
            fill_to_hedged_ms=max((round(ms, 3) for ms in record.fill_to_hedged_ms), default=None),
        )


def _venues(
    workers: tuple[schema.Node, ...], board: BoardSnapshot | None, moment: Moment
) -> tuple[schema.Venue, ...]:
    """Every subtree that has an orders actor; ready when every leg there says so."""
    legs = [] if board is None else [leg for desk in board.desks for leg in desk.legs]
    accounts = {} if board is None else {account.venue: account for account in board.balances}
    read = {} if board is None else {one.venue: one for one in board.positions}
    reported = {} if board is None else {one.venue: one for one in board.venues}
    names = [directory.parent_path(node.name) for node in workers if node.name.endswith("/orders")]
    return tuple(
        schema.Venue(
            venue=name,
            ready=_takes_orders(
                [leg.ready for leg in legs if leg.venue == name], reported.get(name)
            ),
            equity=accounts[name].equity if name in accounts else None,
            available=accounts[name].available if name in accounts else None,
            positions=read[name].sizes if name in read else {},
            positions_at=moment.at(read[name].read_s) if name in read else None,
            cannot=_cannot(reported[name]) if name in reported else {},
            requests=_requests(reported[name].requests) if name in reported else None,
        )
        for name in names
    )


def _takes_orders(legs: list[bool], reported: VenueReported | None) -> bool | None:
    """None while no desk has heard of the venue. By its other route it takes risk off only."""
    if not legs:
        return None
    return all(legs) and not (reported is not None and reported.can.fills and reported.can.submit)


def _cannot(reported: VenueReported) -> dict[str, str]:
    found: dict[str, str] = msgspec.structs.asdict(reported.can)
    return {name: why for name, why in found.items() if why}


def _requests(usage: RequestUsage) -> schema.Requests:
    return schema.Requests(
        left=round(usage.tokens, 1),
        burst=usage.burst,
        reserved=usage.reserved,
        denied=usage.denied,
        refused=usage.refused,
        paused_for_s=round(usage.paused_for_s, 1),
        barred_for_s=round(usage.barred_for_s, 1),
    )
