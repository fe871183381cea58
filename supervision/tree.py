"""The shape of this service: which actors there are, under which supervisor, in which order.

The shape is code; how each child is treated is configuration, by policy name and path. GRVT's
connections stand on one login (rest_for_one): whatever fails takes down what comes after it, so the
order is by importance, the connection that carries orders before the one that carries prices, and
before both the queries that are needed just when one of them is gone.
Backpack's are each signed for alone (one_for_one): a request that fails must not cut the feed,
whose witness settles what became of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from actors.access import BackpackAccess, GrvtAccess
from actors.account_guard import AccountsGuard
from actors.backpack_feed import BackpackFeed
from actors.backpack_market import BackpackMarket
from actors.backpack_rest import BackpackRest
from actors.backpack_status import BackpackStatus
from actors.board import Board
from actors.console import Console, ConsoleAccess
from actors.coordinator import Coordinator, DeskOutcome
from actors.desk_market import DeskMarket
from actors.funding import BackpackFunding, FundingReader, FundingSource, GrvtFunding
from actors.grvt_market import GrvtMarket
from actors.grvt_queries import GrvtQueries
from actors.grvt_session import GrvtSession
from actors.grvt_trading import GrvtTrading
from actors.guard import Guard, GuardedDesk
from actors.guard_messages import ACCOUNT_GUARD, guard_of
from actors.heartbeat import Heartbeat
from actors.journal import Journal
from actors.market_board import MarketBoard
from actors.naked_clocks import NakedClocks
from actors.orders import Orders
from actors.orders_links import LinkNames
from actors.paused_desks import PausedDesks
from actors.rest_prices import RestPrices, backpack_prices, grvt_prices
from config.plans import desk_plan
from config.schema import ConnectionConfig, DeskConfig, KetchConfig, LegConfig
from supervision.actor import ActorContext, SupervisedActor
from supervision.policy import (
    SUPERVISOR_POLICY,
    Boot,
    Breaker,
    Gate,
    Policy,
    Readiness,
    Strategy,
)
from supervision.spec import ChildSpec, SupervisorSpec
from trading.desk import CycleRecord
from trading.ids import IdAllocator
from trading.leg import Leg
from trading.order_manager import OrderTiming
from trading.plan import AccountLimits
from venues.errors import SessionRefused
from venues.model import BACKPACK, GRVT, Instrument

ERROR_KEYS: Final[Mapping[str, tuple[type[BaseException], ...]]] = {"auth": (SessionRefused,)}

_CONNECTION: Final = Policy(boot=Boot.OPTIONAL, ready=Readiness.EXPLICIT)
# Credentials that the venue does not know will not be known to it a second later either.
_LOGIN: Final = Policy(boot=Boot.OPTIONAL, ready=Readiness.EXPLICIT, fatal=("auth",))
_WORKER: Final = Policy()
# It reads the journal first, which may be down for a moment just then: that is no failed boot.
_DESK: Final = Policy(boot=Boot.OPTIONAL)
# A login that is on probation is good enough to close what is open with.
_UP: Final = Gate.UP
_DRIFT_S: Final = 2.0
_READINGS: Final = 3
_READ_S: Final = 5.0
_FUNDING: Final = "funding"
_PRICES: Final = "prices"
# One desk of several: with a breaker its failures are its own, and it is tried again for ever.
_ONE_OF_SEVERAL: Final = Breaker(
    failure_threshold=3, reset_timeout=10.0, reset_max=60.0, probe_stable_for=10.0
)
# With a breaker it never escalates: a socket that can't be had is no reason to stop trading.
_CONSOLE: Final = Policy(boot=Boot.OPTIONAL, breaker=Breaker())

Build = Callable[[ActorContext], SupervisedActor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """Everything the tree is built from. What begins with ``on_`` runs on actors' threads.

    Without a ``console`` there is no control socket. ``ids`` takes its run epoch from the journal;
    ``halted`` is a reason for every desk to close what it finds and open nothing.
    """

    config: KetchConfig
    grvt: GrvtAccess
    backpack: BackpackAccess
    journal: Path
    cycles: int | None
    run_began_ns: int
    on_done: Callable[[DeskOutcome], None]
    on_record: Callable[[CycleRecord], None]
    on_put_right: Callable[[CycleRecord], None] | None = None
    console: ConsoleAccess | None = None
    paused: PausedDesks = dataclasses.field(default_factory=PausedDesks)
    ids: IdAllocator = dataclasses.field(default_factory=lambda: IdAllocator(1))
    market: MarketBoard = dataclasses.field(default_factory=MarketBoard)
    naked: NakedClocks = dataclasses.field(default_factory=NakedClocks)
    halted: str = ""

    @property
    def desks(self) -> tuple[str, ...]:
        """The coordinators' names."""
        return tuple(f"{name}/coordinator" for name in self.config.desks)

    @property
    def guards(self) -> tuple[str, ...]:
        """The names of the desks' guards."""
        return tuple(guard_of(name) for name in self.config.desks)


def service_tree(service: Service) -> SupervisorSpec:
    """The whole service as a specification."""
    root = service.config.supervision.root
    return SupervisorSpec(
        id="root",
        children=(
            _child(service, "journal", "journal", lambda c: Journal(c, service.journal)),
            _child(service, "board", "worker", lambda c: _board(c, service)),
            _account_guard(service),
            _grvt(service),
            _backpack(service),
            _prices(service),
            *(_desk(service, name) for name in service.config.desks),
            _funding(service),
            *_console(service),
        ),
        intensity=root.intensity,
        shutdown_deadline=root.shutdown_deadline,
        max_abandoned_total=root.max_abandoned_total,
    )


def _grvt(service: Service) -> SupervisorSpec:
    access, market = service.grvt, service.market
    trading = f"{GRVT}/trading"
    links = LinkNames(trading, trading, f"{GRVT}/queries", f"{GRVT}/session")
    orders = _orders(service, access.instruments, access.connection, links)
    heartbeat = _heartbeat(access.connection, ("trading", "market"))
    return _venue(
        service,
        GRVT,
        Strategy.REST_FOR_ONE,
        _child(service, f"{GRVT}/orders", "worker", orders),
        # A login is as good after a stall as before it, and whoever stands on it need not wait.
        dataclasses.replace(
            _child(
                service, f"{GRVT}/session", "connection", lambda c: GrvtSession(c, access), _LOGIN
            ),
            outlives_stalls=True,
        ),
        _child(service, f"{GRVT}/queries", "worker", lambda c: GrvtQueries(c, access), gate=_UP),
        _connection(service, f"{GRVT}/trading", lambda c: GrvtTrading(c, access), _UP),
        _child(service, f"{GRVT}/heartbeat", "worker", heartbeat, gate=_UP),
        _connection(service, f"{GRVT}/market", lambda c: GrvtMarket(c, access, market), _UP),
    )


def _backpack(service: Service) -> SupervisorSpec:
    access, market = service.backpack, service.market
    links = LinkNames(f"{BACKPACK}/rest", f"{BACKPACK}/feed")
    orders = _orders(service, access.instruments, access.connection, links)
    heartbeat = _heartbeat(access.connection, ("rest", "feed", "market"))
    return _venue(
        service,
        BACKPACK,
        Strategy.ONE_FOR_ONE,
        _child(service, f"{BACKPACK}/orders", "worker", orders),
        _connection(service, f"{BACKPACK}/rest", lambda c: BackpackRest(c, access)),
        _connection(service, f"{BACKPACK}/feed", lambda c: BackpackFeed(c, access)),
        _connection(service, f"{BACKPACK}/market", lambda c: BackpackMarket(c, access, market)),
        _connection(service, f"{BACKPACK}/status", lambda c: BackpackStatus(c, access, market)),
        _child(service, f"{BACKPACK}/heartbeat", "worker", heartbeat),
    )


def _prices(service: Service) -> SupervisorSpec:
    """Apart from the venues: needed just when one of their other connections can't be had."""
    market = service.market
    readers: dict[str, Build] = {
        GRVT: lambda c: RestPrices(c, grvt_prices(service.grvt), market),
        BACKPACK: lambda c: RestPrices(c, backpack_prices(service.backpack), market),
    }
    return _venue(
        service,
        _PRICES,
        Strategy.ONE_FOR_ONE,
        *(_connection(service, f"{_PRICES}/{venue}", readers[venue]) for venue in readers),
    )


def _account_guard(service: Service) -> ChildSpec:
    def build(context: ActorContext) -> SupervisedActor:
        desks = tuple(_guarded(service, name) for name in service.config.desks)
        return AccountsGuard(context, service.config.account.limits, desks, service.market)

    return _child(service, ACCOUNT_GUARD, "worker", build)


def _guarded(service: Service, name: str) -> GuardedDesk:
    """A desk as its guards know it. Of what is read every so often, three readings may be lost."""
    desk = service.config.desks[name]
    reaches = {leg: _reach(service)[of.venue] for leg, of in _legs(desk).items()}
    every_s = [
        max(reach.connection.balances_every_s, reach.connection.positions_every_s)
        for reach in reaches.values()
    ]
    return GuardedDesk(
        name=name,
        limits=desk.limits,
        instruments={leg: reaches[leg].instruments[of.symbol] for leg, of in _legs(desk).items()},
        clocks={leg: reach.clock for leg, reach in reaches.items()},
        size=desk.size,
        slices=desk.slices,
        readings_s=_READINGS * max(every_s) + _READ_S,
    )


def _legs(desk: DeskConfig) -> dict[Leg, LegConfig]:
    return {Leg.PRIMARY: desk.primary, Leg.HEDGE: desk.hedge}


def _reach(service: Service) -> dict[str, GrvtAccess | BackpackAccess]:
    return {GRVT: service.grvt, BACKPACK: service.backpack}


def _guard(service: Service, name: str) -> Build:
    account = service.config.account.limits
    limited = any(getattr(account, of).at is not None for of in AccountLimits.__struct_fields__)
    return lambda context: Guard(
        context,
        _guarded(service, name),
        market=service.market,
        naked=service.naked,
        account_limited=limited,
    )


def _desk(service: Service, name: str) -> SupervisorSpec:
    desk = service.config.desks[name]
    accesses = _reach(service)
    legs = _legs(desk)

    def coordinator(context: ActorContext) -> SupervisedActor:
        plan = desk_plan(name, desk, service.cycles)
        instruments = {leg: accesses[of.venue].instruments[of.symbol] for leg, of in legs.items()}
        limiters = {leg: accesses[of.venue].limiter for leg, of in legs.items()}
        return Coordinator(
            context,
            plan=plan,
            instruments=instruments,
            expiry_s={leg: accesses[of.venue].connection.expiry_s for leg, of in legs.items()},
            run_began_ns=service.run_began_ns,
            on_done=service.on_done,
            paused=service.paused,
            ids=service.ids,
            market=DeskMarket(plan, instruments, service.market, limiters),
            halted=service.halted,
            guards=(guard_of(name), ACCOUNT_GUARD),
        )

    return SupervisorSpec(
        id=name,
        strategy=Strategy.ONE_FOR_ALL,
        intensity=service.config.supervision.root.intensity,
        policy=service.config.supervision.policy_for(name, "supervisor", _desk_policy(service)),
        children=(
            _child(service, guard_of(name), "worker", _guard(service, name), _DESK),
            _child(service, f"{name}/coordinator", "worker", coordinator, _DESK),
        ),
    )


def _desk_policy(service: Service) -> Policy:
    """What a desk's supervisor is treated by: when it gives up, no other desk is to end with it.

    A desk that is alone ends the process, which the service manager then starts anew.
    """
    alone = len(service.config.desks) == 1
    return SUPERVISOR_POLICY if alone else replace(SUPERVISOR_POLICY, breaker=_ONE_OF_SEVERAL)


def _board(context: ActorContext, service: Service) -> Board:
    return Board(context, service.on_record, (_FUNDING,), service.on_put_right)


def _funding(service: Service) -> ChildSpec:
    legs: dict[tuple[str, str], tuple[str, Leg]] = {
        (of.venue, of.symbol): (name, leg)
        for name, desk in service.config.desks.items()
        for leg, of in _legs(desk).items()
    }

    def build(context: ActorContext) -> SupervisedActor:
        session = context.directory.address(f"{GRVT}/session")
        sources: dict[str, FundingSource] = {
            GRVT: GrvtFunding(service.grvt, session),
            BACKPACK: BackpackFunding(service.backpack),
        }
        return FundingReader(context, sources, legs, told=("board", ACCOUNT_GUARD, *service.guards))

    return _child(service, _FUNDING, "worker", build, _CONSOLE)


def _console(service: Service) -> tuple[ChildSpec, ...]:
    access = service.console
    if access is None:
        return ()
    return (_child(service, "console", "worker", lambda c: Console(c, access), _CONSOLE),)


def _orders(
    service: Service,
    instruments: Mapping[str, Instrument],
    timing: ConnectionConfig,
    links: LinkNames,
) -> Build:
    def build(context: ActorContext) -> SupervisedActor:
        venue = context.name.partition("/")[0]
        return Orders(
            context,
            symbols=frozenset(instruments),
            timing=OrderTiming(
                poll_s=timing.poll_s,
                doubt_poll_s=timing.doubt_poll_s,
                settle_s=timing.settle_s,
                live_settle_s=timing.live_settle_s,
                expiry_s=timing.expiry_s,
                max_age_s=timing.max_order_age_s,
                positions_every_s=timing.positions_every_s,
                balances_every_s=timing.balances_every_s,
                # A reading may take that long: until then two may still be of different moments.
                drift_s=max(_DRIFT_S, timing.read_timeout_s),
            ),
            links=links,
            desks=service.desks,
            is_ours=service.ids.may_be_ours,
            money=("board", *service.desks, *service.guards),
            limiter=_reach(service)[venue].limiter,
        )

    return build


def _heartbeat(timing: ConnectionConfig, connections: tuple[str, ...]) -> Build:
    return lambda context: Heartbeat(
        context, connections, timing.ping_interval_s, timing.stale_after_s
    )


def _venue(
    service: Service, venue: str, strategy: Strategy, *children: ChildSpec
) -> SupervisorSpec:
    return SupervisorSpec(
        id=venue,
        strategy=strategy,
        intensity=service.config.supervision.root.intensity,
        policy=service.config.supervision.policy_for(venue, "supervisor", SUPERVISOR_POLICY),
        children=children,
    )


def _connection(service: Service, path: str, build: Build, gate: Gate = Gate.RUNNING) -> ChildSpec:
    return _child(service, path, "connection", build, _CONNECTION, gate=gate)


def _child(
    service: Service,
    path: str,
    policy_name: str,
    build: Build,
    built_in: Policy = _WORKER,
    *,
    gate: Gate = Gate.RUNNING,
) -> ChildSpec:
    policy = service.config.supervision.policy_for(path, policy_name, built_in)
    return ChildSpec(
        id=path.rpartition("/")[2],
        factory=build,
        policy=policy,
        outlives_stalls=policy_name != "connection",
        gate=gate,
    )
