"""The words that supervision speaks: states of a child, kinds of exit, and the status message."""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class ChildState(enum.Enum):
    """Where a child stands. ``open`` and ``half_open`` are its circuit breaker's."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKING_OFF = "backing_off"
    OPEN = "open"
    HALF_OPEN = "half_open"
    STOPPED = "stopped"
    FAILED = "failed"


class Health(enum.Enum):
    """What the instance says of itself; unknown until it is ready."""

    UNKNOWN = "unknown"
    OK = "ok"
    BAD = "bad"


class ExitKind(enum.Enum):
    """Why an instance ended. Only ``shutdown`` and ``killed`` were asked for by the supervisor."""

    NORMAL = "normal"
    ERROR = "error"
    CRASH = "crash"
    START_FAILED = "start_failed"
    START_TIMEOUT = "start_timeout"
    HANG = "hang"
    UNHEALTHY = "unhealthy"
    ESCALATED = "escalated"
    FATAL = "fatal"
    LOST = "lost"
    SHUTDOWN = "shutdown"
    KILLED = "killed"


REQUESTED: Final = frozenset({ExitKind.SHUTDOWN, ExitKind.KILLED})


class StatusMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is published of one child whenever its state, epoch, health or retry time changes.

    ``kind`` is the word for the last exit (an ExitKind, or intensity, abandoned_limit, completed,
    added, orphan), ``detail`` its text. ``failures`` (c) and ``openings`` (k) count in a row.
    ``retry_at`` and ``since`` are seconds of the supervision clock. ``seq`` rises by 1 per name.
    """

    name: str
    epoch: int
    state: ChildState
    kind: str = ""
    detail: str = ""
    failures: int = 0
    openings: int = 0
    retry_at: float | None = None
    health: Health = Health.UNKNOWN
    since: float = 0.0
    seq: int = 0

    @property
    def up(self) -> bool:
        """True when it can do its work: running, or a probe that has reported ready."""
        probing = self.state is ChildState.HALF_OPEN and self.health is not Health.UNKNOWN
        return self.state is ChildState.RUNNING or probing
