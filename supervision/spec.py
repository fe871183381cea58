"""What a tree is made of: child and supervisor specs, checked as a whole before anything starts.

A spec is data. ``validate`` walks a whole tree and reports every error at once; nothing is
created from a tree that has one.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from supervision.policy import (
    SUPERVISOR_POLICY,
    AutoShutdown,
    Gate,
    Intensity,
    Policy,
    Restart,
    Strategy,
)

if TYPE_CHECKING:
    from supervision.actor import ActorContext, SupervisedActor

ErrorKeys: TypeAlias = Mapping[str, tuple[type[BaseException], ...]]
Factory: TypeAlias = "Callable[[ActorContext], SupervisedActor]"

_WORKER_POLICY: Final = Policy()
_INTENSITY: Final = Intensity()
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class SpecError(msgspec.Struct, frozen=True):
    """One thing that is wrong with a tree: where, what is there, and what would be right."""

    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value}, expected {self.expected}"


class SpecErrors(Exception):
    """A tree that can't be started. ``errors`` holds all that is wrong with it."""

    def __init__(self, errors: tuple[SpecError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "; ".join(str(error) for error in self.errors)


@dataclasses.dataclass(frozen=True)
class ChildSpec:
    """A worker. ``factory`` builds its actor from a context and does not start it.

    ``depends_on`` names earlier siblings that must be running (or up, see ``gate``) before it
    starts; ``significant`` has its end count for its supervisor's ``auto_shutdown``. One that does
    not outlive stalls has lost its peer's trust, and its own idea of the peer, when the process
    has stood still: it fails then, and sends nothing more.
    """

    id: str
    factory: Factory
    policy: Policy = _WORKER_POLICY
    depends_on: tuple[str, ...] = ()
    gate: Gate = Gate.RUNNING
    significant: bool = False
    outlives_stalls: bool = True


@dataclasses.dataclass(frozen=True)
class SupervisorSpec:
    """A supervisor and its children in start order.

    ``policy`` is how its own parent treats it. The last three fields matter for a root only.
    """

    id: str
    children: tuple[ChildSpec | SupervisorSpec, ...] = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = _INTENSITY
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    policy: Policy = SUPERVISOR_POLICY
    depends_on: tuple[str, ...] = ()
    gate: Gate = Gate.RUNNING
    significant: bool = False
    shutdown_deadline: float = 30.0
    max_abandoned_total: int = 8


AnySpec: TypeAlias = ChildSpec | SupervisorSpec

_ROOT_RANGES: Final = (("shutdown_deadline", 1, 600), ("max_abandoned_total", 1, 64))


def struct_errors(raw: object, struct: type[Any], path: str) -> list[SpecError]:
    """Everything wrong with ``raw`` (plain values) as a ``struct`` of supervision.policy.

    Unlike a plain decode it doesn't end at the first error: each field is tried on its own, then
    the whole, for what holds between fields.
    """
    if not isinstance(raw, Mapping):
        return [SpecError(path, repr(raw), "a mapping")]
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    errors = [
        SpecError(f"{path}.{key}", repr(value), f"one of {', '.join(fields)}")
        for key, value in raw.items()
        if key not in fields
    ]
    for name, value in raw.items():
        if name in fields:
            errors += _field_errors(value, fields[name].type, f"{path}.{name}")
    return errors or _value_errors(dict(raw), struct, path)


def _field_errors(value: object, kind: Any, path: str) -> list[SpecError]:
    nested = next((arg for arg in _members(kind) if _is_struct(arg)), None)
    if nested is not None and value is not None:
        return struct_errors(value, nested, path)
    return _value_errors(value, kind, path)


def _value_errors(value: object, kind: Any, path: str) -> list[SpecError]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return [SpecError(path, repr(value), str(error))]
    return []


def _members(kind: Any) -> tuple[Any, ...]:
    return (kind, *getattr(kind, "__args__", ()))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def validate(
    root: SupervisorSpec,
    error_keys: ErrorKeys | None = None,
    limiters: frozenset[str] = frozenset(),
) -> None:
    """Raise SpecErrors with everything that is wrong with the tree under ``root``."""
    known = frozenset(error_keys or {})
    errors = list(_supervisor_errors(root, root.id, known, limiters))
    for name, low, high in _ROOT_RANGES:
        value = getattr(root, name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            errors.append(SpecError(f"{root.id}.{name}", repr(value), f"{low} to {high}"))
    if errors:
        raise SpecErrors(tuple(errors))


def child_errors(
    spec: AnySpec, earlier: tuple[str, ...], auto_shutdown: AutoShutdown
) -> list[SpecError]:
    """What is wrong with one child that is added to a running supervisor."""
    return list(_sibling_errors(spec, spec.id, earlier, auto_shutdown))


def _supervisor_errors(
    spec: SupervisorSpec, path: str, known: frozenset[str], limiters: frozenset[str]
) -> Iterator[SpecError]:
    if not _ID.fullmatch(str(spec.id)):
        yield SpecError(path, repr(spec.id), "an id [a-z][a-z0-9_]{0,31}")
    yield from _value_errors(_plain(spec.strategy), Strategy, f"{path}.strategy")
    yield from _value_errors(_plain(spec.auto_shutdown), AutoShutdown, f"{path}.auto_shutdown")
    yield from struct_errors(_plain(spec.intensity), Intensity, f"{path}.intensity")
    yield from _policy_errors(spec.policy, path, known, limiters)
    earlier: list[str] = []
    for child in spec.children:
        place = f"{path}/{child.id}"
        yield from _sibling_errors(child, place, tuple(earlier), spec.auto_shutdown)
        if isinstance(child, SupervisorSpec):
            yield from _supervisor_errors(child, place, known, limiters)
        else:
            yield from _worker_errors(child, place, known, limiters)
        earlier.append(child.id)


def _worker_errors(
    spec: ChildSpec, path: str, known: frozenset[str], limiters: frozenset[str]
) -> Iterator[SpecError]:
    if not _ID.fullmatch(str(spec.id)):
        yield SpecError(path, repr(spec.id), "an id [a-z][a-z0-9_]{0,31}")
    factory: object = spec.factory
    if not callable(factory):
        yield SpecError(f"{path}.factory", repr(factory), "a factory")
    yield from _policy_errors(spec.policy, path, known, limiters)
    if spec.policy.shutdown == "infinite":
        yield SpecError(f"{path}.shutdown", "'infinite'", "brutal or 0.1 to 300 for a worker")


def _sibling_errors(
    spec: AnySpec, path: str, earlier: tuple[str, ...], auto_shutdown: AutoShutdown
) -> Iterator[SpecError]:
    if spec.id in earlier:
        yield SpecError(path, repr(spec.id), "an id that no sibling has")
    yield from _value_errors(_plain(spec.gate), Gate, f"{path}.gate")
    for needed in spec.depends_on:
        if needed not in earlier:
            yield SpecError(f"{path}.depends_on", repr(needed), "the id of an earlier sibling")
    if spec.significant and spec.policy.restart is Restart.PERMANENT:
        yield SpecError(f"{path}.significant", "True", "a transient or temporary child")
    if spec.significant and auto_shutdown is AutoShutdown.NEVER:
        yield SpecError(f"{path}.significant", "True", "a supervisor with auto_shutdown")


def _policy_errors(
    policy: Policy, path: str, known: frozenset[str], limiters: frozenset[str]
) -> Iterator[SpecError]:
    yield from struct_errors(_plain(policy), Policy, path)
    for field in ("fatal", "fail_on"):
        for key in getattr(policy, field):
            if key not in known:
                expected = f"one of {', '.join(sorted(known)) or 'no keys at all'}"
                yield SpecError(f"{path}.{field}", repr(key), expected)
    if policy.limiter is not None and policy.limiter not in limiters:
        expected = f"one of {', '.join(sorted(limiters)) or 'no limiters at all'}"
        yield SpecError(f"{path}.limiter", repr(policy.limiter), expected)


def _plain(value: object) -> object:
    return msgspec.to_builtins(value)


def warnings(root: SupervisorSpec) -> tuple[str, ...]:
    """Combinations that are allowed and rarely meant, one sentence each."""
    return tuple(_supervisor_warnings(root, root.id))


def _supervisor_warnings(spec: SupervisorSpec, path: str) -> Iterator[str]:
    permanent = spec.policy.restart is Restart.PERMANENT
    if permanent and spec.auto_shutdown is not AutoShutdown.NEVER:
        yield f"{path}: permanent and auto_shutdown: it is started again whenever it is done"
    for child in spec.children:
        place = f"{path}/{child.id}"
        backoff = child.policy.backoff
        if backoff is not None and backoff.stable_for < backoff.max:
            yield f"{place}: stable_for is below backoff.max: failures are forgotten too soon"
        if child.policy.breaker is not None and spec.strategy is Strategy.ONE_FOR_ALL:
            yield f"{place}: a breaker under one_for_all keeps all siblings down while it is open"
        if child.policy.breaker is None and _never_escalates(child.policy, spec.intensity):
            yield f"{place}: its backoff is so slow that the restart intensity can never be reached"
        if isinstance(child, SupervisorSpec):
            yield from _supervisor_warnings(child, place)


def _never_escalates(policy: Policy, intensity: Intensity) -> bool:
    """True when even instant failures never put max_restarts + 1 decisions into the window."""
    longest = intensity.max_restarts + 64
    moments, now = [0.0], 0.0
    for failures in range(1, longest):
        now += policy.restart_delay(failures, 0.0)
        moments.append(now)
    spans = zip(moments, moments[intensity.max_restarts :], strict=False)
    return all(last - first > intensity.within for first, last in spans)
