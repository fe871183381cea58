"""The typed errors of supervision; each carries fields, and its text is made from them.

SupervisionError
├── Unavailable       nobody is behind a name now; when to expect somebody
├── StaleEpoch        somebody is, but not the instance that was meant
├── AskTimeout        no answer in time; the request may still be handled
├── ActorCrashed      the handler of an ask raised something that ends its actor
├── Fenced            this instance has lost the right to act
├── HelperReturned    a helper thread ended though nobody asked it to
├── ActorKilled       an operator (or a drill) had an instance fail
├── BootFailed        a supervisor did not start: which child, and why
└── Escalated         a supervisor gave up: which child failed too often
"""

from __future__ import annotations

from supervision.states import ChildState


class SupervisionError(Exception):
    """Anything that supervision itself raises."""


class Unavailable(SupervisionError):
    """``state`` is None for an unknown name; ``retry_at`` is in seconds of the clock."""

    def __init__(self, name: str, state: ChildState | None, retry_at: float | None) -> None:
        super().__init__(name, state, retry_at)
        self.name = name
        self.state = state
        self.retry_at = retry_at

    def __str__(self) -> str:
        state = "unknown" if self.state is None else self.state.value
        retry = "" if self.retry_at is None else f", retry at {self.retry_at:.3f}"
        return f"{self.name} is unavailable: {state}{retry}"


class StaleEpoch(SupervisionError):
    """The name has another instance than the expected one."""

    def __init__(self, name: str, expected: int, present: int) -> None:
        super().__init__(name, expected, present)
        self.name = name
        self.expected = expected
        self.present = present

    def __str__(self) -> str:
        return f"{self.name} is at epoch {self.present}, not {self.expected}"


class AskTimeout(SupervisionError):
    """The outcome of the request is unknown: it may be handled later."""

    def __init__(self, name: str, message: str, timeout_s: float) -> None:
        super().__init__(name, message, timeout_s)
        self.name = name
        self.message = message
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return f"{self.name} did not answer {self.message} within {self.timeout_s:g} s"


class ActorCrashed(SupervisionError):
    """The actor ended while it handled the request; the cause is chained."""

    def __init__(self, name: str, epoch: int, cause: str) -> None:
        super().__init__(name, epoch, cause)
        self.name = name
        self.epoch = epoch
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.name} #{self.epoch} crashed: {self.cause}"


class Fenced(SupervisionError):
    """Raised before a send or an external effect of an instance that was given up."""

    def __init__(self, name: str, epoch: int) -> None:
        super().__init__(name, epoch)
        self.name = name
        self.epoch = epoch

    def __str__(self) -> str:
        return f"{self.name} #{self.epoch} was given up and may not act any more"


class Stalled(SupervisionError):
    """The process has stood still since this instance began: what it was connected to is stale."""

    def __init__(self, name: str, epoch: int, gap_s: float) -> None:
        super().__init__(name, epoch, gap_s)
        self.name = name
        self.epoch = epoch
        self.gap_s = gap_s

    def __str__(self) -> str:
        return f"{self.name} #{self.epoch}: the process has stood still for {self.gap_s:.1f} s"


class HelperReturned(SupervisionError):
    """A reader that ends without being asked to leaves its actor deaf."""

    def __init__(self, name: str, helper: str) -> None:
        super().__init__(name, helper)
        self.name = name
        self.helper = helper

    def __str__(self) -> str:
        return f"helper {self.helper} of {self.name} returned"


class ActorKilled(SupervisionError):
    """The cause of a failure that somebody ordered."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} was killed on request"


class BootFailed(SupervisionError):
    """A supervisor did not start. ``detail`` names the child; the original error is chained."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class Escalated(SupervisionError):
    """A supervisor gave up. ``detail`` names the child that failed too often, and why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail
