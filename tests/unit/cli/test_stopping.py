"""How a run is to stop: signals, the control socket, and who is in more of a hurry."""

from __future__ import annotations

from typing import Literal

import pytest

from actors.board import BoardSnapshot, DeskReported
from actors.control_schema import StopHow
from actors.coordinator import PauseDesk, StopDesk
from cli.service_control import RunControl
from cli.settings import load_settings
from cli.signals import Signals
from cli.stopping import Stopping, actors_end_s, desks_end_s
from trading.desk import Phase


class Run:
    """A run that is told to stop, and a clock of its own."""

    def __init__(self, sigterm: StopHow = "flatten") -> None:
        self.signals = Signals()
        self.control = RunControl("paper", 0.0, lambda: None)
        self.now_s = 100.0
        self.said: list[str] = []
        self.stopping = Stopping(self.signals, self.control, sigterm, 40.0, lambda: self.now_s)

    def look(self, snapshot: BoardSnapshot | None = None, after_s: float = 0.25) -> bool:
        """As the main thread does; True when it waits no longer."""
        self.now_s += after_s
        self.stopping.look(snapshot, self.said.append)
        return self.stopping.at_once

    def signal(self, after_s: float = 0.25) -> bool:
        self.signals.count += 1
        return self.look(after_s=after_s)


def board(phase: Phase) -> BoardSnapshot:
    desk = DeskReported(
        desk="eth", phase=phase, cycle=1, finished=0, planned=None, halted="", legs=(),
        naked_since_s=None, paused=True,
    )  # fmt: skip
    return BoardSnapshot((), (desk,), (), 0, ())


def test_a_run_that_nobody_stops_tells_its_desks_nothing() -> None:
    run = Run()
    assert not run.look()
    assert run.stopping.message is None


@pytest.mark.parametrize(
    ("sigterm", "message"),
    [
        ("flatten", StopDesk()),
        ("cancel", StopDesk(how="cancel")),
        ("drain", PauseDesk(this_run_only=True)),
    ],
)
def test_a_signal_means_what_the_configuration_says(sigterm: StopHow, message: object) -> None:
    run = Run(sigterm)
    assert not run.signal()
    assert run.stopping.message == message
    assert run.stopping.begun is (sigterm != "drain")
    assert len(run.said) == 1


def test_a_drain_ends_once_no_desk_is_in_a_cycle() -> None:
    run = Run()
    run.control.stop_service("drain")
    told = []
    for phase in (Phase.HOLDING, Phase.IDLE):
        run.look(board(phase))
        told.append(run.stopping.message)
    assert told == [PauseDesk(this_run_only=True), StopDesk()]
    assert run.stopping.begun


@pytest.mark.parametrize(
    ("first", "then", "how"),
    [
        ("drain", "flatten", "flatten"), ("drain", "cancel", "cancel"),
        ("flatten", "cancel", "cancel"), ("flatten", "drain", "flatten"),
        ("cancel", "flatten", "cancel"), ("cancel", "drain", "cancel"),
    ],
)  # fmt: skip
def test_what_is_asked_for_later_may_be_quicker_and_not_slower(
    first: StopHow, then: StopHow, how: Literal["flatten", "cancel"]
) -> None:
    run = Run()
    run.control.stop_service(first)
    run.look()
    run.control.stop_service(then)
    run.look()
    assert run.stopping.message == StopDesk(how=how)


def test_a_signal_that_comes_with_the_first_is_not_a_second_one() -> None:
    run = Run()
    run.signal()
    assert not run.signal(after_s=1)
    assert not run.look(after_s=10)


def test_a_second_signal_stops_at_once() -> None:
    run = Run()
    run.signal()
    assert run.signal(after_s=6)


def test_during_a_drain_the_second_signal_closes_and_the_third_stops_at_once() -> None:
    run = Run("drain")
    run.signal()
    assert not run.signal(after_s=1)
    assert not run.stopping.begun, "it came with the first"
    assert not run.signal(after_s=60)
    assert run.stopping.message == StopDesk()
    assert run.signal(after_s=6)


def test_desks_are_waited_for_only_so_long_but_a_drain_is() -> None:
    run = Run()
    run.control.stop_service("drain")
    assert not run.look()
    assert not run.look(after_s=3600)
    run.control.stop_service("flatten")
    assert not run.look()
    assert not run.look(after_s=39)
    assert run.look(after_s=2)


def test_whoever_waits_for_the_end_is_told_what_is_left() -> None:
    run = Run()
    assert run.control.wait_end(0.0).outcome == "timeout"
    run.control.stop_service("cancel")
    run.control.ended(("eth primary +0.5",), exposed=True)
    assert run.control.wait_end(0.0).left == ("eth primary +0.5",)
    assert run.control.wait_end(0.0).outcome == "left"


def test_desks_have_as_long_as_their_own_deadlines_ask_for_and_time_to_close_beside() -> None:
    shipped = load_settings(None, ()).config
    assert desks_end_s(shipped.desks.values()) == 40
    slow = load_settings(None, ("desks.eth.hedge_deadline_s=60",)).config
    assert desks_end_s(slow.desks.values()) == 95


def test_the_wait_for_the_actors_outlasts_the_deadline_of_the_root() -> None:
    assert actors_end_s(load_settings(None, ()).config.supervision.root.shutdown_deadline) == 40
    assert actors_end_s(600) > 600
