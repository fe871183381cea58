"""What goes into the decision machine of a supervisor, and what comes out of it.

Everything that reports on an instance carries its name and epoch, so that whatever comes late can
be recognised and dropped.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from supervision.states import ExitKind, StatusMessage

if TYPE_CHECKING:
    from supervision.spec import ChildSpec, SupervisorSpec


class _Event(msgspec.Struct, frozen=True):
    """Base of the events."""


class Boot(_Event, frozen=True):
    """Start the children in list order."""


class Ready(_Event, frozen=True):
    """The instance can do its work."""

    name: str
    epoch: int


class HealthReported(_Event, frozen=True):
    """The instance says how it is."""

    name: str
    epoch: int
    ok: bool
    detail: str = ""


class Faulted(_Event, frozen=True):
    """The instance must end: it, or somebody who watches it, found a cause.

    ``unresponsive`` has the interrupt hook run at once instead of at half the shutdown time.
    """

    name: str
    epoch: int
    kind: ExitKind
    detail: str = ""
    cause: BaseException | None = None
    unresponsive: bool = False


class DeadLetters(msgspec.Struct, frozen=True):
    """Tells that nobody handled: how many, and the type names of a few."""

    count: int = 0
    samples: tuple[str, ...] = ()


class Exited(_Event, frozen=True):
    """The instance is gone, its cleanup done and its helpers ended."""

    name: str
    epoch: int
    kind: ExitKind
    detail: str = ""
    cause: BaseException | None = None
    dead_letters: DeadLetters = DeadLetters()


class Inspected(_Event, frozen=True):
    """Answer to ``Inspect``: since when one message has been in progress (None: idle)."""

    name: str
    epoch: int
    busy_since: float | None


class Tick(_Event, frozen=True):
    """Time has reached what ``next_due`` said."""


class StopAll(_Event, frozen=True):
    """Stop every child in reverse order, then exit with ``kind``."""

    kind: ExitKind = ExitKind.SHUTDOWN
    detail: str = ""
    cause: BaseException | None = None


class DeadlinePassed(_Event, frozen=True):
    """The root's shutdown deadline: whatever still lives is abandoned, in reverse order."""


class VerbKind(enum.Enum):
    """What an operator may ask for one child."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RESET = "reset"
    REMOVE = "remove"


class Verb(_Event, frozen=True):
    """An operator's order for the child ``id``; answered by a ``Reply`` with the same token."""

    kind: VerbKind
    id: str
    token: int = 0


class Add(_Event, frozen=True):
    """Append a child and start it; answered by a ``Reply``."""

    spec: ChildSpec | SupervisorSpec
    token: int = 0


class Reload(_Event, frozen=True):
    """Take over the policies of ``spec``; it never starts or stops anything."""

    spec: SupervisorSpec
    token: int = 0


Event: TypeAlias = (
    Boot
    | Ready
    | HealthReported
    | Faulted
    | Exited
    | Inspected
    | Tick
    | StopAll
    | DeadlinePassed
    | Verb
    | Add
    | Reload
)


class VerbReply(enum.Enum):
    """What became of a verb."""

    OK = "ok"
    WAITING = "waiting"
    ALREADY_STARTED = "already_started"
    ALREADY_PRESENT = "already_present"
    RUNNING = "running"
    RESTARTING = "restarting"
    NOT_FOUND = "not_found"
    STOPPING = "stopping"
    ABANDONED_LIMIT = "abandoned_limit"
    START_ERROR = "start_error"


class _Effect(msgspec.Struct, frozen=True):
    """Base of the effects."""


class Create(_Effect, frozen=True):
    """Construct and start one instance."""

    name: str
    epoch: int


class OrderStop(_Effect, frozen=True):
    """Tell the instance to stop, ahead of its backlog unless ``drain``."""

    name: str
    epoch: int
    drain: bool = False


class Interrupt(_Effect, frozen=True):
    """Run the interrupt hook of a stopping instance, on a thread of its own."""

    name: str
    epoch: int


class Fence(_Effect, frozen=True):
    """Revoke the instance's right to any external effect."""

    name: str
    epoch: int


class Abandon(_Effect, frozen=True):
    """Give the instance up: close its inbox from outside and list its thread."""

    name: str
    epoch: int


class Reap(_Effect, frozen=True):
    """An abandoned instance ended after all: take it off the list."""

    name: str
    epoch: int


class Inspect(_Effect, frozen=True):
    """Look at the instance's stamps and answer with ``Inspected``."""

    name: str
    epoch: int


class Bind(_Effect, frozen=True):
    """The name resolves to this instance from now on."""

    name: str
    epoch: int
    half_open: bool = False


class Unbind(_Effect, frozen=True):
    """The name resolves to nobody."""

    name: str
    epoch: int


class Publish(_Effect, frozen=True):
    """Tell the watchers. ``seq`` is filled in by the directory."""

    status: StatusMessage


class Forget(_Effect, frozen=True):
    """The name is unknown from now on (its epochs are remembered)."""

    name: str


class Failure(_Effect, frozen=True):
    """An unrequested exit and what was decided, for the log: one per failure."""

    name: str
    epoch: int
    kind: ExitKind
    decision: str
    detail: str = ""
    cause: BaseException | None = None


class Reply(_Effect, frozen=True):
    """Answer to a verb; ``detail`` says why something waits or did not start."""

    token: int
    result: VerbReply
    detail: str = ""


class BootDone(_Effect, frozen=True):
    """The supervisor itself is ready."""


class Leave(_Effect, frozen=True):
    """No instance is left: the supervisor exits."""

    kind: ExitKind
    detail: str = ""
    cause: BaseException | None = None


Effect: TypeAlias = (
    Create
    | OrderStop
    | Interrupt
    | Fence
    | Abandon
    | Reap
    | Inspect
    | Bind
    | Unbind
    | Publish
    | Forget
    | Failure
    | Reply
    | BootDone
    | Leave
)

Identity: TypeAlias = tuple[str, int]


def identity(message: Any) -> Identity:
    """(name, epoch) of an event or effect about an instance."""
    return (message.name, message.epoch)
