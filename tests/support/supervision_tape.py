"""Trees, lives and orders for supervision tests, read from a tape of random bytes.

The first option of every choice is the simplest, so a tape of zeros is the plainest of runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from supervision.events import VerbKind
from supervision.policy import (
    AutoShutdown,
    Backoff,
    Boot,
    Breaker,
    Gate,
    Limiter,
    Policy,
    Readiness,
    Restart,
    Strategy,
    Watchdog,
)
from supervision.spec import AnySpec, SupervisorSpec
from supervision.states import ExitKind
from tests.support.supervision import Life, child, supervisor
from tests.support.supervision_rules import RuledWorld

T = TypeVar("T")

TAPE_LENGTH = 448
LIMITERS = {"slow": Limiter(0.5, 1)}
_IDS = ("a", "b", "c", "d")
_SECONDS = (0.0, 0.5, 1.0, 3.0, 10.0, 40.0)
_NEVER_MOSTLY = (None, None, None, None, *_SECONDS)
_KINDS = (ExitKind.ERROR, ExitKind.NORMAL, ExitKind.CRASH, ExitKind.FATAL)
_BACKOFFS = (
    Backoff(initial=0, jitter=0),
    Backoff(stable_for=5),
    Backoff(immediate=1, stable_for=5),
    None,
)
_BREAKERS = (None, Breaker(2, 5, jitter=0.5, probe_stable_for=2), Breaker(1, 3, probe_stable_for=0))
_RESTARTS = (Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY)


class Tape:
    """Choices, one byte each; after its end always the first option."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[next(self._choices, 0) % len(options)]


def policy(tape: Tape) -> dict[str, Any]:
    """The policy fields of a worker."""
    return {
        "restart": tape.pick(_RESTARTS),
        "boot": tape.pick((Boot.OPTIONAL, Boot.REQUIRED)),
        "backoff": tape.pick(_BACKOFFS),
        "breaker": tape.pick(_BREAKERS),
        "watchdog": tape.pick((None, None, Watchdog(2, 0.5))),
        "unhealthy_timeout": tape.pick((None, 2.0)),
        "shutdown": tape.pick((5.0, 1.0, "brutal")),
        "start_timeout": 4.0,
        "limiter": tape.pick((None, None, "slow")),
        "max_abandoned": tape.pick((16, 1)),
    }


def life(tape: Tape) -> Life:
    """What one instance does."""
    health = ((tape.pick(_SECONDS), False), (tape.pick(_SECONDS), True))
    return Life(
        construct_fails=tape.pick((False, False, False, True)),
        ready=tape.pick((0.0, 0.0, *_SECONDS, None)),
        ends=tape.pick(_NEVER_MOSTLY),
        kind=tape.pick(_KINDS),
        stop=tape.pick((0.0, *_SECONDS, None)),
        health=tape.pick(((), (), health, health[:1])),
        busy_from=tape.pick((None, None, None, *_SECONDS)),
    )


def tree(tape: Tape, child_id: str = "top", depth: int = 0) -> SupervisorSpec:
    """A supervisor of up to four children, some of which are supervisors, two levels deep."""
    ends = tape.pick((AutoShutdown.NEVER, AutoShutdown.NEVER, *AutoShutdown))
    count = tape.pick((1, 2, 3, 4) if depth == 0 else (1, 2))
    children = [_member(tape, _IDS[n], _IDS[:n], ends, depth) for n in range(count)]
    return supervisor(
        *children,
        id=child_id,
        strategy=tape.pick(tuple(Strategy)),
        auto_shutdown=ends,
        window=tape.pick(((5, 30), (2, 5), (0, 1))),
    )


def _member(
    tape: Tape, child_id: str, earlier: Sequence[str], ends: AutoShutdown, depth: int
) -> AnySpec:
    nested = depth < 2 and tape.pick((False, False, False, True))
    spec: AnySpec
    if nested:
        restart, boot = tape.pick(_RESTARTS), tape.pick(tuple(Boot))
        under = Policy(
            restart=restart, boot=boot, ready=Readiness.EXPLICIT, shutdown="infinite",
            backoff=tape.pick(_BACKOFFS), breaker=tape.pick(_BREAKERS),
        )  # fmt: skip
        spec = dataclasses.replace(tree(tape, child_id, depth + 1), policy=under)
    else:
        spec = child(child_id, **policy(tape))
        restart = spec.policy.restart
    may_end = ends is not AutoShutdown.NEVER and restart is not Restart.PERMANENT
    needy = tape.pick((False, False, True)) and len(earlier) > 0
    needs = (tape.pick(earlier),) if needy else ()
    return dataclasses.replace(
        spec,
        depends_on=needs,
        gate=tape.pick(tuple(Gate)),
        significant=may_end and tape.pick((False, True)),
    )


def workers(spec: SupervisorSpec, path: str = "") -> list[str]:
    """The names of all workers of a tree."""
    names = []
    for member in spec.children:
        name = f"{path}/{member.id}" if path else member.id
        names += workers(member, name) if isinstance(member, SupervisorSpec) else [name]
    return names


def retuned(tape: Tape, spec: SupervisorSpec) -> SupervisorSpec:
    """The same children with other policies."""
    return dataclasses.replace(
        spec,
        children=tuple(
            member
            if isinstance(member, SupervisorSpec) or member.significant
            else dataclasses.replace(member, policy=Policy(**policy(tape)))
            for member in spec.children
        ),
    )


def run(choices: bytes) -> RuledWorld:
    """A whole run from a tape, stopped in the end."""
    tape = Tape(choices)
    spec = tree(tape)
    u = [tape.pick(range(256)) / 256 for _ in range(4)]
    orders = tape.pick((0, 2, 5, 8))
    lives = {name: [life(tape) for _ in range(tape.pick((1, 2, 3)))] for name in workers(spec)}
    world = RuledWorld(spec, lives, u=u, limiters=LIMITERS)
    for _ in range(orders):
        world.until(world.now + tape.pick(_SECONDS))
        if world.left is not None:
            break
        _interfere(tape, world)
    world.until(world.now + 60)
    if world.left is None:
        tape.pick((world.order_stop, world.order_stop, world.stop_and_give_up))()
    world.until(world.now + 300)
    return world


def _interfere(tape: Tape, world: RuledWorld) -> None:
    """Something from outside, at somebody's expense."""
    what = tape.pick(("verb", "verb", "verb", "end", "fault", "add", "reload"))
    path = tape.pick(world.paths)
    prefix = f"{path}/" if path else ""
    if what == "verb":
        world.order(tape.pick(tuple(VerbKind)), prefix + tape.pick(_IDS))
    elif what == "add":
        world.add_now(child(tape.pick(("e", "f")), **policy(tape)), path)
    elif what == "reload":
        world.retune(retuned(tape, world.spec(path)), path)
    elif world.living:
        name = tape.pick(world.living)
        if what == "fault":
            world.find_fault(name)
        elif world.is_worker(name):
            world.break_down(name, tape.pick(_KINDS))
