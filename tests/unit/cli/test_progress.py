"""Whether required actors get on: whoever does not has stalled."""

from __future__ import annotations

import threading

from cli.progress import Progress, required_actors
from cli.settings import load_settings
from supervision.states import ChildState
from tests.support.supervision_live import BOUND_S, Stage, hang


def test_an_actor_in_one_message_since_the_last_look_has_stalled_until_it_goes_on() -> None:
    stage, entered, go_on = Stage(), threading.Event(), threading.Event()
    with stage.tree(stage.spec("orders"), stage.spec("idle")) as root:
        stage.wait("orders", ChildState.RUNNING)
        stage.wait("idle", ChildState.RUNNING)
        progress = Progress(root, stage.directory, ("orders", "idle", "unknown"))
        stage.tell("orders", hang(entered, go_on))
        assert entered.wait(BOUND_S)
        actor = root.instances.get(("orders", 1))
        assert actor is not None
        began_s = actor.busy_since
        assert began_s is not None
        assert progress.stalled(began_s - 1) == (), "it began only after that look"
        assert progress.stalled(began_s + 1) == ("orders",)
        go_on.set()
        stage.ask("orders", lambda puppet: None)
        assert progress.stalled(began_s + 1000) == ()


def test_an_actor_that_is_down_is_its_supervisors_business() -> None:
    stage = Stage()
    with stage.tree(stage.spec("orders")) as root:
        stage.wait("orders", ChildState.RUNNING)
        root.stop_child("orders")
        stage.wait("orders", ChildState.STOPPED)
        assert Progress(root, stage.directory, ("orders",)).stalled(0.0) == ()


def test_a_root_that_does_not_answer_has_stalled() -> None:
    stage, entered, go_on = Stage(), threading.Event(), threading.Event()

    def build(context: object) -> None:
        entered.set()
        go_on.wait(BOUND_S)

    with stage.tree(stage.spec("first"), stage.spec("second", construct=build)) as root:
        assert entered.wait(BOUND_S), "the root's thread is in a constructor that waits"
        assert Progress(root, stage.directory, ()).stalled(0.0) == ("root",)
        go_on.set()
        assert root.wait_ready(BOUND_S)
        assert Progress(root, stage.directory, ()).stalled(0.0) == ()


def test_whoever_follows_orders_is_required_and_so_is_the_supervisor_above() -> None:
    assert required_actors(load_settings(None, ()).config) == (
        "journal", "board", "backpack", "backpack/orders", "grvt", "grvt/orders",
        "eth", "eth/coordinator",
    )  # fmt: skip
