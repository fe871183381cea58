"""One child as its supervisor's decision machine sees it: state, counters and deadlines.

Plain data and arithmetic, changed only by the machine. All moments are seconds of its clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from supervision.policy import BRUTAL, INFINITE, Policy
from supervision.spec import AnySpec, SupervisorSpec
from supervision.states import ChildState, ExitKind, Health, StatusMessage


class Purpose(enum.Enum):
    """Why an instance is being stopped, which decides what follows its exit."""

    FAIL = "fail"
    MANUAL = "manual"
    RESTART = "restart"
    GROUP = "group"
    SHUTDOWN = "shutdown"


class Due(enum.Enum):
    """What a child's timers are for."""

    START = "start"
    PROBE_STABLE = "probe_stable"
    STABLE = "stable"
    UNHEALTHY = "unhealthy"
    INSPECT = "inspect"
    INTERRUPT = "interrupt"
    STOP = "stop"


_HUNG_SUPERVISOR_S = 1.0  # its children end by themselves meanwhile, and nobody hedges

LIVE = frozenset({ChildState.STARTING, ChildState.RUNNING, ChildState.HALF_OPEN})
DELAYED = frozenset({ChildState.BACKING_OFF, ChildState.OPEN})


class Child:
    """The record of one child; ``index`` is its place in start order.

    ``epoch`` is that of its last instance, which may have been another supervisor's: it is where
    its status goes on from. ``started`` is whether this supervisor has created one. ``reserved`` is
    the restart token that it waits for: limiter, moment; ``unused`` one that it did not need.
    """

    def __init__(
        self, spec: AnySpec, name: str, index: int, *, epoch: int = 0, dynamic: bool = False
    ) -> None:
        self.spec = spec
        self.name = name
        self.index = index
        self.dynamic = dynamic
        self.state = ChildState.STOPPED
        self.epoch = epoch
        self.started = False
        self.kind = ""
        self.detail = ""
        self.failures = 0
        self.openings = 0
        self.retry_at: float | None = None
        self.health = Health.UNKNOWN
        self.ready = False
        self.bound = False
        self.probe = False
        self.first_start = False
        self.add_token: int | None = None
        self.manual = False
        self.completed = False
        self.orphan = False
        self.free_start = False
        self.start_after = False
        self.reserved: tuple[str, float] | None = None
        self.unused: tuple[str, float] | None = None
        self.purpose: Purpose | None = None
        self.wanted: Purpose | None = None
        self.cause: tuple[ExitKind, str, BaseException | None] | None = None
        self.entered_at = 0.0
        self.u = 0.0
        self.started_at = 0.0
        self.healthy_since: float | None = None
        self.bad_since: float | None = None
        self.inspect_at: float | None = None
        self.interrupt_at: float | None = None
        self.stop_at: float | None = None
        self.abandoned: set[int] = set()
        self.published: tuple[object, ...] | None = None

    @property
    def policy(self) -> Policy:
        """How it is treated; a reload replaces it."""
        return self.spec.policy

    @property
    def is_supervisor(self) -> bool:
        """True for a nested supervisor, which has no start timeout."""
        return isinstance(self.spec, SupervisorSpec)

    @property
    def live(self) -> bool:
        """True while it has an instance that was not told to stop."""
        return self.state in LIVE

    @property
    def has_instance(self) -> bool:
        """True while it has an instance that was not given up."""
        return self.live or self.state is ChildState.STOPPING

    @property
    def up(self) -> bool:
        """Running, or half open and ready."""
        probing = self.state is ChildState.HALF_OPEN and self.ready
        return self.state is ChildState.RUNNING or probing

    @property
    def being_started(self) -> bool:
        """True between creation and ready."""
        return self.live and not self.ready

    def begin(self, epoch: int, now: float, *, probe: bool) -> None:
        """A new instance exists: every mark of the last one is wiped."""
        self.epoch = epoch
        self.started = True
        self.state = ChildState.HALF_OPEN if probe else ChildState.STARTING
        self.probe = probe
        self.started_at = now
        self.health = Health.UNKNOWN
        self.ready = self.bound = False
        if self.free_start:
            self.unused = self.reserved
        self.reserved = None
        self.manual = self.completed = self.free_start = False
        self.retry_at = self.healthy_since = self.bad_since = self.inspect_at = None
        self.purpose = self.wanted = self.cause = None
        self.interrupt_at = self.stop_at = None

    def rest(self, state: ChildState, kind: str = "", detail: str = "") -> None:
        """There is no instance any more; ``state`` says what is next."""
        self.state = state
        self.kind, self.detail = kind or self.kind, detail
        self.health = Health.UNKNOWN
        self.ready = self.bound = False
        self.retry_at = self.healthy_since = self.bad_since = self.inspect_at = None
        self.purpose = self.wanted = self.cause = None
        self.interrupt_at = self.stop_at = None
        self.first_start = False
        self.unused, self.reserved = self.reserved or self.unused, None

    def become_ready(self, now: float) -> None:
        """Ready starts the stable clock, unless it has already said that it is not well."""
        self.ready = True
        if self.health is not Health.BAD:
            self.health = Health.OK
            self.healthy_since = now
        if self.policy.watchdog is not None:
            self.inspect_at = now + self.policy.watchdog.interval

    def report_health(self, ok: bool, now: float) -> None:
        """Good news restarts the stable clock, bad news stops it; repeated news change nothing."""
        reported = Health.OK if ok else Health.BAD
        if reported is self.health or (ok and not self.ready):
            return
        self.health = reported
        self.healthy_since = now if ok else None
        self.bad_since = None if ok else now

    def credit(self, now: float) -> None:
        """Forget earlier failures if this life was long enough, whether or not a timer fired."""
        if self.healthy_since is None:
            return
        lived = now - self.healthy_since
        if self.probe and self.policy.breaker is not None:
            if lived >= self.policy.breaker.probe_stable_for:
                self.probe = False
                self.failures = self.openings = 0
        elif lived >= self.policy.stable_for:
            self.failures = 0

    def begin_stop(self, purpose: Purpose, now: float) -> None:
        """A stop was ordered: deadlines on. At half the time a busy instance is interrupted."""
        self.state = ChildState.STOPPING
        self.purpose, self.wanted = purpose, None
        self.first_start = self.first_start and purpose is Purpose.FAIL
        self.inspect_at = self.healthy_since = self.bad_since = None
        shutdown = self.policy.shutdown
        if shutdown == INFINITE:
            # A supervisor that hangs will not stop its children, however long it is given.
            if self.cause is None or self.cause[0] is not ExitKind.HANG:
                return
            shutdown = _HUNG_SUPERVISOR_S
        seconds = 0.0 if shutdown == BRUTAL else float(shutdown)
        self.stop_at = now + seconds
        self.interrupt_at = now + seconds / 2 if seconds else None

    def set_delay(self, now: float, jitter: Callable[[], float]) -> None:
        """The wait after a failure at ``now``, with a fresh u that a later reload uses again."""
        self.entered_at, self.u = now, jitter()
        self.retry_at = now + self.delay()

    def delay(self) -> float:
        """Seconds between the failure and the next attempt in the present state."""
        if self.state is ChildState.OPEN:
            breaker = self.policy.breaker
            return 0.0 if breaker is None else breaker.delay(self.openings, self.u)
        return self.policy.restart_delay(self.failures, self.u)

    def timers(self) -> list[tuple[float, Due]]:
        """Every moment at which something is due for the present instance."""
        pairs: list[tuple[float | None, Due]]
        if self.wanted is not None:
            return []  # Its turn to be stopped comes; whatever else it misses until then is moot.
        if self.state is ChildState.STOPPING:
            pairs = [(self.interrupt_at, Due.INTERRUPT), (self.stop_at, Due.STOP)]
        elif self.being_started:
            limit = None if self.is_supervisor else self.started_at + self.policy.start_timeout
            pairs = [(limit, Due.START)]
        elif self.live:
            inspect_at = self.inspect_at if self.policy.watchdog else None
            pairs = [*self._health_timers(), (inspect_at, Due.INSPECT)]
        else:
            return []
        return [(moment, due) for moment, due in pairs if moment is not None]

    def _health_timers(self) -> list[tuple[float | None, Due]]:
        policy = self.policy
        if self.bad_since is not None and policy.unhealthy_timeout is not None:
            return [(self.bad_since + policy.unhealthy_timeout, Due.UNHEALTHY)]
        if self.healthy_since is None:
            return []
        if self.probe:
            stable = policy.breaker.probe_stable_for if policy.breaker else 0.0
            return [(self.healthy_since + stable, Due.PROBE_STABLE)]
        if self.failures:
            return [(self.healthy_since + policy.stable_for, Due.STABLE)]
        return []

    def status(self, now: float) -> StatusMessage:
        """Its status as of ``now``."""
        return StatusMessage(
            name=self.name,
            epoch=self.epoch,
            state=self.state,
            kind=self.kind,
            detail=self.detail,
            failures=self.failures,
            openings=self.openings,
            retry_at=self.retry_at,
            health=self.health,
            since=now,
        )
