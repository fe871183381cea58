"""Boot and specs, on a virtual clock (cases B)."""

from __future__ import annotations

import dataclasses

import pytest

from supervision.events import VerbKind, VerbReply
from supervision.policy import (
    AutoShutdown,
    Backoff,
    Boot,
    Breaker,
    Gate,
    Intensity,
    Policy,
    Restart,
)
from supervision.spec import (
    ChildSpec,
    SpecErrors,
    SupervisorSpec,
    struct_errors,
    validate,
    warnings,
)
from supervision.states import ChildState, ExitKind
from tests.support.supervision import (
    FAILS,
    NO_DELAY,
    B,
    Life,
    World,
    build_nothing,
    child,
    one_for_all,
    rest_for_one,
    supervisor,
)


def test_b01_rest_for_one_restarts_in_list_order() -> None:
    ids = ["ch7", "ch3", "ch10", "ch2", "ch5"]
    world = World(rest_for_one(*(child(i, NO_DELAY) for i in ids)))
    assert [name for name, _ in world.created] == ids
    world.until(10).ends("ch10")
    assert world.orders == [("ch5", 10), ("ch2", 10)]
    assert world.created[5:] == [("ch10", 10), ("ch2", 10), ("ch5", 10)]
    assert (world.epoch("ch7"), world.epoch("ch3")) == (1, 1)
    world.until(20).order_stop()
    assert world.orders[2:] == [(i, 20) for i in ("ch5", "ch2", "ch10", "ch3", "ch7")]


def test_b02_nothing_is_created_before_its_predecessor_is_ready() -> None:
    world = World(supervisor(child("a"), child("b"), child("c")), {"a": [Life(ready=3)]}).until(10)
    assert world.created == [("a", 0), ("b", 3), ("c", 3)]
    assert world.ready_at == 3


@pytest.mark.parametrize(
    ("life", "orders", "at"),
    [
        (Life(construct_fails=True), [("b", 0), ("a", 0)], 0),
        (FAILS, [("b", 0), ("a", 0)], 0),
        (Life(ready=None), [("c", 30), ("b", 30), ("a", 30)], 30),
    ],
    ids=["construction", "start hook", "never ready"],
)
def test_b03_a_required_first_start_that_fails_undoes_the_boot(
    life: Life, orders: list[tuple[str, float]], at: float
) -> None:
    world = World(supervisor(*(child(i) for i in "abcd")), {"c": [life]}).until(100)
    assert world.births("d") == []
    assert world.births("c") == [0]
    assert world.orders == orders
    assert world.left is not None
    kind, detail, moment = world.left
    assert (kind, moment) == (ExitKind.START_FAILED, at)
    assert detail.startswith("c did not start")
    assert (list(world.machine.window), world.names, world.ready_at) == ([], {}, None)


def test_b04_an_optional_first_start_that_fails_lets_the_boot_go_on() -> None:
    world = World(supervisor(child("a", boot=Boot.OPTIONAL), child("b")), {"a": [FAILS]})
    assert world.created == [("a", 0), ("b", 0)]
    assert world.state("a") is ChildState.BACKING_OFF
    assert world.ready_at == 0


def test_a_child_whose_gate_is_shut_at_its_turn_waits_and_the_boot_goes_on() -> None:
    tree = supervisor(child("a", boot=Boot.OPTIONAL), child("b", depends_on=("a",)), child("c"))
    world = World(tree, {"a": [FAILS, Life()]})
    assert world.state("b") is ChildState.WAITING
    assert world.births("c") == [0]
    assert world.until(5).births("b") == [1]


def test_a_gate_of_up_opens_for_a_ready_probe_and_a_gate_of_running_does_not() -> None:
    breaker = Breaker(failure_threshold=1, reset_timeout=60, jitter=0)
    tree = supervisor(
        child("a", boot=Boot.OPTIONAL, breaker=breaker),
        child("b", depends_on=("a",), gate=Gate.UP),
        child("c", depends_on=("a",)),
    )
    world = World(tree, {"a": [FAILS, Life(ready=2)]}).until(200)
    assert world.births("b") == [62]
    assert world.births("c") == [92]


def test_a_stop_during_boot_creates_nothing_more() -> None:
    world = World(supervisor(child("a", start_timeout=30), child("b")), {"a": [Life(ready=5)]})
    world.until(2).order_stop()
    assert world.until(50).created == [("a", 0)]
    assert world.left == (ExitKind.SHUTDOWN, "", 2)


def test_a_child_that_is_removed_or_stopped_before_its_turn_is_not_booted() -> None:
    world = World(supervisor(*(child(i) for i in "abc")), {"a": [Life(ready=5)]})
    assert world.verb(VerbKind.REMOVE, "b") is VerbReply.OK
    assert world.verb(VerbKind.STOP, "c") is VerbReply.OK
    assert world.until(50).created == [("a", 0)]
    assert world.ready_at == 5


def test_a_fatal_first_start_of_an_optional_child_does_not_fail_the_boot() -> None:
    life = Life(ready=None, ends=0, kind=ExitKind.FATAL)
    world = World(supervisor(child("a", boot=Boot.OPTIONAL), child("b")), {"a": [life]}).until(99)
    assert world.state("a") is ChildState.FAILED
    assert (world.births("a"), world.births("b")) == ([0], [0])


def test_b06_every_error_of_a_tree_is_reported_at_once() -> None:
    bad = SupervisorSpec(
        "top",
        (
            ChildSpec("", build_nothing),
            ChildSpec("a", None),  # type: ignore[arg-type]
            ChildSpec("a", build_nothing),
            ChildSpec("b", build_nothing, Policy(restart="prmanent", shutdown=-10)),  # type: ignore[arg-type]
            ChildSpec("c", build_nothing, Policy(shutdown="infinite"), depends_on=("d",)),
            ChildSpec("d", build_nothing, significant=True),
            ChildSpec("e", build_nothing, Policy(fatal=("nope",), limiter="none")),
        ),
        strategy="none_for_one",  # type: ignore[arg-type]
        intensity=Intensity(-1, 0),
    )
    with pytest.raises(SpecErrors) as caught:
        validate(bad, {"auth": (PermissionError,)})
    paths = sorted(error.path for error in caught.value.errors)
    assert paths == sorted(
        [
            "top.strategy", "top.intensity.max_restarts", "top.intensity.within", "top/",
            "top/a.factory", "top/a", "top/b.restart", "top/b.shutdown", "top/c.depends_on",
            "top/c.shutdown", "top/d.significant", "top/d.significant", "top/e.fatal",
            "top/e.limiter",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "wrker"},
        {"backoff": {"initial": 40}},
        {"breaker": {"reset_timeout": 60, "reset_max": 50}},
        {"start_timeout": True},
        {"start_timeout": "1:30"},
        {"shutdown": "5s"},
        {"watchdog": {"timeout": 4, "interval": 3}},
    ],
)
def test_b06_a_value_that_is_not_what_the_field_takes_is_an_error(raw: dict[str, object]) -> None:
    assert len(struct_errors(raw, Policy, "policy")) == 1


def test_b06_minimal_specs_read_back_with_the_defaults() -> None:
    worker = ChildSpec("a", build_nothing)
    assert worker.policy.restart is Restart.PERMANENT
    assert (worker.policy.shutdown, worker.significant) == (5, False)
    assert SupervisorSpec("s").policy.shutdown == "infinite"
    validate(SupervisorSpec("s", (worker,)))


def test_combinations_that_are_rarely_meant_are_warned_of() -> None:
    slow = Backoff(initial=1, max=30, jitter=0, stable_for=10)
    tree = one_for_all(child("a", slow), child("b", breaker=B), window=(3, 5))
    text = " ".join(warnings(dataclasses.replace(tree, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)))
    for part in ("top/a: stable_for", "top/b: a breaker", "can never be reached", "auto_shutdown"):
        assert part in text
