"""What holds whatever happens to whichever children: random trees, lives, faults and orders."""

from __future__ import annotations

import collections
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from supervision import events
from supervision.events import VerbKind
from supervision.policy import Backoff, Boot, Breaker, Gate, Limiter, Restart, Strategy, Watchdog
from supervision.spec import SupervisorSpec
from supervision.states import ChildState, ExitKind
from tests.support_supervision import Life, World, child, supervisor

IDS = ("a", "b", "c", "d")
SECONDS = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 40.0])

lives = st.builds(
    Life,
    construct_fails=st.sampled_from([False, False, False, True]),
    ready=st.one_of(SECONDS, st.none()),
    ends=st.one_of(SECONDS, st.none()),
    kind=st.sampled_from([ExitKind.ERROR, ExitKind.NORMAL, ExitKind.CRASH, ExitKind.FATAL]),
    stop=st.one_of(SECONDS, st.none()),
    health=st.lists(st.tuples(SECONDS, st.booleans()), max_size=2).map(tuple),
    busy_from=st.one_of(st.none(), SECONDS),
)
policies = st.fixed_dictionaries(
    {
        "restart": st.sampled_from(Restart),
        "boot": st.sampled_from(Boot),
        "backoff": st.sampled_from([None, Backoff(jitter=0, stable_for=5), Backoff(initial=0)]),
        "breaker": st.sampled_from([None, Breaker(2, 5, jitter=0, probe_stable_for=2)]),
        "watchdog": st.sampled_from([None, Watchdog(2, 0.5)]),
        "unhealthy_timeout": st.sampled_from([None, 2.0]),
        "shutdown": st.sampled_from(["brutal", 1.0, 5.0]),
        "start_timeout": st.just(4.0),
        "limiter": st.sampled_from([None, "slow"]),
        "max_abandoned": st.sampled_from([1, 16]),
    }
)


@st.composite
def trees(draw: st.DrawFn) -> SupervisorSpec:
    """A flat tree of up to four children under any strategy."""
    children = []
    for number, child_id in enumerate(IDS[: draw(st.integers(1, 4))]):
        needs = draw(st.sets(st.sampled_from(IDS[:number]))) if number else set()
        fields = draw(policies)
        gate = draw(st.sampled_from(Gate))
        children.append(child(child_id, depends_on=tuple(needs), gate=gate, **fields))
    return supervisor(*children, strategy=draw(st.sampled_from(Strategy)), window=(5, 30))


verbs = st.tuples(SECONDS, st.sampled_from(VerbKind), st.sampled_from(IDS))


@settings(max_examples=120, deadline=None)
@given(
    tree=trees(),
    scripts=st.fixed_dictionaries({i: st.lists(lives, min_size=1, max_size=3) for i in IDS}),
    orders=st.lists(verbs, max_size=5),
)
def test_whatever_happens_the_rules_hold(
    tree: SupervisorSpec,
    scripts: dict[str, list[Life]],
    orders: list[tuple[float, VerbKind, str]],
) -> None:
    world = World(tree, scripts, limiters={"slow": Limiter(0.5, 1)})
    moment = 0.0
    for delay, kind, name in orders:
        moment += delay
        world.until(moment)
        if world.left is None:
            world.verb(kind, name)
    world.until(moment + 60)
    before = len(world.created)
    if world.left is None:
        world.order_stop()
    world.until(moment + 200)
    _check_the_end(world, before)
    _check_epochs_and_streams(world)


def _check_the_end(world: World, created_before: int) -> None:
    """A stop ends in bounded time, nothing is created after it, and no name is left bound."""
    assert world.left is not None
    assert len(world.created) == created_before
    assert world.names == {}
    assert world.machine.next_due() is None
    for name in {name for name, _ in world.created if world.known(name)}:
        assert world.state(name) in (ChildState.STOPPED, ChildState.FAILED)


def _check_epochs_and_streams(world: World) -> None:
    """Epochs count creations, statuses never repeat, one stop order per instance at most."""
    counts = collections.Counter(name for name, _ in world.created)
    assert all(world.epoch(name) == count for name, count in counts.items())
    orders = collections.Counter(name for name, _ in world.orders)
    assert all(orders[name] <= counts[name] for name in orders)
    for name in counts:
        stream = [s for s in world.statuses if s.name == name]
        keys = [(s.state, s.epoch, s.health, s.retry_at) for s in stream]
        assert all(a != b for a, b in itertools.pairwise(keys))
        assert [s.epoch for s in stream] == sorted(s.epoch for s in stream)


@settings(max_examples=60, deadline=None)
@given(
    tree=trees(),
    epoch=st.integers(-1, 3).filter(lambda e: e != 1),
    kind=st.sampled_from(ExitKind),
)
def test_what_a_stale_instance_says_changes_nothing(
    tree: SupervisorSpec, epoch: int, kind: ExitKind
) -> None:
    world = World(tree)
    seen = (list(world.created), list(world.orders), list(world.statuses), dict(world.names))
    for event in (
        events.Ready("a", epoch),
        events.HealthReported("a", epoch, False),
        events.Faulted("a", epoch, kind),
        events.Exited("a", epoch, kind),
        events.Inspected("a", epoch, -1000.0),
    ):
        world.feed(event)
    assert seen == (world.created, world.orders, world.statuses, world.names)
    assert world.machine.stale == 5
