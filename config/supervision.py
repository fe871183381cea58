"""The ``supervision`` section: policies by name and by path, merged over what the code builds in.

A policy in YAML names only what it changes. Merging goes built-in < ``policies.<name>`` < child;
of several globs that match a path, the most specific wins.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_type_hints

import msgspec

from config.errors import Problem
from supervision.policy import Backoff, Breaker, Intensity, Limiter, Policy, Watchdog


def _patch_of(struct: type[msgspec.Struct], extra: Mapping[str, Any] | None = None) -> Any:
    """``struct`` with every field optional, nested structs likewise, and ``extra`` fields."""
    hints = get_type_hints(struct, include_extras=True)
    kinds = {name: _patched(kind) for name, kind in hints.items()} | dict(extra or {})
    return msgspec.defstruct(
        f"{struct.__name__}Patch",
        [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in kinds.items()],
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _patched(kind: Any) -> Any:
    for nested in (Backoff, Breaker, Watchdog):
        if nested in get_args(kind):
            return _PATCHES[nested] | None
    return kind


_PATCHES: Final[dict[type[msgspec.Struct], Any]] = {}
for _nested in (Backoff, Breaker, Watchdog):
    _PATCHES[_nested] = _patch_of(_nested)

if TYPE_CHECKING:  # the real structs are made from Policy, so that no figure is stated twice

    class PolicyPatch(msgspec.Struct):
        """The part of a policy that a name or a path changes."""

    class ChildPatch(PolicyPatch):
        """A policy patch that may start from a named policy."""

        policy: str | msgspec.UnsetType

else:
    PolicyPatch = _patch_of(Policy)
    ChildPatch = _patch_of(Policy, {"policy": str})


class RootConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root supervisor: how long a stop may take, and when the process gives up."""

    shutdown_deadline: Annotated[float, msgspec.Meta(ge=1, le=600)] = 30.0
    max_abandoned_total: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    intensity: Intensity = Intensity(max_restarts=3, within=60.0)


class SupervisionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How every supervised child is treated when it fails."""

    root: RootConfig = RootConfig()
    limiters: dict[str, Limiter] = {}
    policies: dict[str, PolicyPatch] = {}
    children: dict[str, ChildPatch] = {}

    def policy_for(self, path: str, policy_name: str, built_in: Policy) -> Policy:
        """The policy of the child at ``path``: ``built_in`` changed by name, then by path.

        Raises ValueError when the merged figures contradict each other.
        """
        child = self._patch_for(path)
        name = policy_name
        if child is not None and isinstance(child.policy, str):
            name = child.policy
        merged = msgspec.to_builtins(built_in)
        for patch in (self.policies.get(name), child):
            if patch is not None:
                merged = _merge(merged, msgspec.to_builtins(patch))
        merged.pop("policy", None)
        return msgspec.convert(merged, Policy)

    def problems(self) -> Iterator[Problem]:
        """What the schema alone can't see: unknown names, and merged figures that contradict."""
        for path, child in self.children.items():
            name = child.policy if isinstance(child.policy, str) else ""
            if name and name not in self.policies:
                expected = f"one of {', '.join(sorted(self.policies)) or 'no policies'}"
                yield Problem(f"supervision.children.{path}.policy", name, expected)
                continue
            yield from self._contradictions(f"supervision.children.{path}", path, name)
        for name in self.policies:
            yield from self._contradictions(f"supervision.policies.{name}", "", name)

    def _contradictions(self, at: str, path: str, name: str) -> Iterator[Problem]:
        try:
            policy = self.policy_for(path, name, Policy())
        except (ValueError, msgspec.ValidationError) as error:
            yield Problem(at, "these figures", str(error))
            return
        if policy.limiter is not None and policy.limiter not in self.limiters:
            expected = f"one of {', '.join(sorted(self.limiters)) or 'no limiters'}"
            yield Problem(f"{at}.limiter", policy.limiter, expected)

    def _patch_for(self, path: str) -> ChildPatch | None:
        matching = [glob for glob in self.children if fnmatch.fnmatchcase(path, glob)]
        if not matching:
            return None
        best = max(matching, key=lambda glob: (glob == path, len(glob.replace("*", ""))))
        return self.children[best]


def _merge(base: Any, patch: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(patch, dict):
        return patch
    return base | {key: _merge(base.get(key), value) for key, value in patch.items()}
