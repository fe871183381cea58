"""How one child is treated when it fails: the tunable figures, as data, and their arithmetic.

These structs are also the schema of the ``supervision`` section of the configuration: field names,
ranges and defaults are those of docs/configuration.md. Every duration is in seconds. A bool is not
a number and an unknown key is an error, wherever a struct is decoded strictly by msgspec.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta


class Restart(enum.Enum):
    """Which exits are followed by a new instance: every one, only failures, or none."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Boot(enum.Enum):
    """Whether the first start may fail without failing the start of the whole supervisor."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Readiness(enum.Enum):
    """When an instance counts as ready: once ``on_start`` returned, or when it says so."""

    AUTO = "auto"
    EXPLICIT = "explicit"


class Gate(enum.Enum):
    """What a prerequisite must be before its dependant starts; ``up`` allows a ready probe."""

    RUNNING = "running"
    UP = "up"


class Strategy(enum.Enum):
    """Which siblings are restarted together with a child that failed."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class AutoShutdown(enum.Enum):
    """Whether a supervisor ends by itself when significant children are done."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


BRUTAL: Final = "brutal"
INFINITE: Final = "infinite"
Shutdown: TypeAlias = Annotated[float, Meta(ge=0.1, le=300)] | Literal["brutal", "infinite"]

_UpToADay: TypeAlias = Annotated[float, Meta(ge=0.1, le=86400)]
_Factor: TypeAlias = Annotated[float, Meta(ge=1, le=10)]
_Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


def _grown(initial: float, factor: float, cap: float, steps: int) -> float:
    """``min(cap, initial * factor**steps)``, for any number of steps.

    A float power too large to express raises in CPython; it is far beyond every cap.
    """
    if initial == 0:
        return 0.0
    try:
        return min(cap, initial * float(factor) ** steps)
    except OverflowError:
        return cap


class Backoff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wait before a restart, and how long a life must last to forget earlier failures."""

    initial: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    factor: _Factor = 2.0
    max: Annotated[float, Meta(ge=0, le=86400)] = 30.0
    jitter: _Share = 0.2
    stable_for: _UpToADay = 60.0
    immediate: Annotated[int, Meta(ge=0, le=10)] = 0

    def __post_init__(self) -> None:
        if self.max < self.initial:
            raise ValueError(f"max must be >= initial ({self.initial:g})")

    def delay(self, failures: int, u: float = 0.0) -> float:
        """Seconds from the exit to the restart after ``failures`` in a row (1-based).

        ``u`` in [0, 1) scales the jitter, which only adds: the figure is a floor, and the cap is
        applied before it, so that a herd at the cap still spreads.
        """
        steps = failures - self.immediate
        if steps <= 0:
            return 0.0
        return _grown(self.initial, self.factor, self.max, steps - 1) * (1 + self.jitter * u)


class Breaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After this many failures in a row the child is left down, then probed by one instance."""

    failure_threshold: Annotated[int, Meta(ge=1, le=1000)] = 5
    reset_timeout: _UpToADay = 60.0
    reset_factor: _Factor = 2.0
    reset_max: Annotated[float, Meta(ge=0.1, le=604800)] = 900.0
    jitter: _Share = 0.1
    probe_stable_for: Annotated[float, Meta(ge=0, le=3600)] = 30.0

    def __post_init__(self) -> None:
        if self.reset_max < self.reset_timeout:
            raise ValueError(f"reset_max must be >= reset_timeout ({self.reset_timeout:g})")

    def delay(self, openings: int, u: float = 0.0) -> float:
        """Seconds from opening to the probe at the ``openings``-th opening in a row (1-based)."""
        grown = _grown(self.reset_timeout, self.reset_factor, self.reset_max, openings - 1)
        return grown * (1 + self.jitter * u)


class Watchdog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message in progress for ``timeout`` without a beat is a hang; looked at each interval."""

    timeout: Annotated[float, Meta(ge=0.5, le=3600)] = 20.0
    interval: Annotated[float, Meta(ge=0.1, le=1800)] = 5.0

    def __post_init__(self) -> None:
        if self.interval > self.timeout / 2:
            raise ValueError(f"interval must be <= timeout / 2 ({self.timeout / 2:g})")


class Intensity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than ``max_restarts`` restart decisions ``within`` a sliding window: give up."""

    max_restarts: Annotated[int, Meta(ge=0, le=1000)] = 3
    within: _UpToADay = 30.0


class Limiter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token bucket shared by name: restarts per second across the tree, and how many at once."""

    rate: Annotated[float, Meta(ge=0.01, le=100)] = 2.0
    burst: Annotated[int, Meta(ge=1, le=1000)] = 2


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that is tuned about one child. ``fatal`` and ``fail_on`` are error keys.

    ``drain`` says whether a stop still handles the backlog. ``backoff``, ``breaker``,
    ``watchdog`` and ``limiter`` are off when None.
    """

    restart: Restart = Restart.PERMANENT
    boot: Boot = Boot.REQUIRED
    ready: Readiness = Readiness.AUTO
    shutdown: Shutdown = 5.0
    start_timeout: Annotated[float, Meta(ge=0.1, le=600)] = 30.0
    drain: bool = False
    fatal: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    max_abandoned: Annotated[int, Meta(ge=1, le=16)] = 2
    unhealthy_timeout: Annotated[float, Meta(ge=1, le=3600)] | None = None
    backoff: Backoff | None = Backoff()
    breaker: Breaker | None = None
    watchdog: Watchdog | None = None
    limiter: str | None = None

    def restart_delay(self, failures: int, u: float) -> float:
        """Seconds until the restart after ``failures`` in a row; 0 when backoff is off."""
        return 0.0 if self.backoff is None else self.backoff.delay(failures, u)

    @property
    def stable_for(self) -> float:
        """Seconds of ready and healthy life after which earlier failures are forgotten."""
        return (self.backoff or _DEFAULT_BACKOFF).stable_for


_DEFAULT_BACKOFF: Final = Backoff()
SUPERVISOR_POLICY: Final = Policy(ready=Readiness.EXPLICIT, shutdown=INFINITE)
