"""When a run is over: with its last desk; one that only its operator can help keeps it alive."""

from __future__ import annotations

import msgspec
import pytest

from actors.board import BoardSnapshot, DeskReported
from actors.coordinator import DeskOutcome
from cli.ending import Ending, advice
from supervision.states import ChildState, StatusMessage
from trading.desk import Phase

DONE = DeskOutcome("eth", "", flat=True)
HALTED = DeskOutcome("eth", "30 cycles in a row executed nothing", flat=True)
FOUND = DeskOutcome("eth", "expected to start flat", flat=False, found=True)
LEFT = DeskOutcome("eth", "something is left", flat=False)


def ending(*desks: str, service: bool = True, halted_before: tuple[str, ...] = ()) -> Ending:
    return Ending(
        desks or ("eth",), may_wait=service, halted_before=halted_before, wake=lambda: None
    )


def board(phase: Phase, halted: str = "") -> BoardSnapshot:
    desk = DeskReported(
        desk="eth", phase=phase, cycle=1, finished=0, planned=None, halted=halted,
        legs=(), naked_since_s=None,
    )  # fmt: skip
    return BoardSnapshot((), (desk,), (), 0, ())


def test_a_desk_that_works_is_waited_for() -> None:
    assert not ending().over(stopping=False)
    assert not ending().over(stopping=True)


@pytest.mark.parametrize("service", [True, False])
@pytest.mark.parametrize(("outcome", "code"), [(DONE, 0), (HALTED, 6), (LEFT, 7)])
def test_a_desk_that_is_done_or_halts_over_a_limit_ends_the_run(
    outcome: DeskOutcome, code: int, service: bool
) -> None:
    it = ending(service=service)
    it.desk_is_done(outcome)
    assert it.over(stopping=False)
    assert it.exit_code(0) == code


def test_a_service_waits_for_what_was_found_to_be_explained_and_a_counted_run_does_not() -> None:
    for service in (True, False):
        it = ending(service=service)
        it.desk_is_done(FOUND)
        assert it.over(stopping=False) is not service
        assert it.over(stopping=True)
        assert it.exit_code(0) == 7


def test_a_service_waits_with_a_desk_that_had_halted_before_it_began() -> None:
    it = ending(halted_before=("eth",))
    it.desk_is_done(HALTED)
    assert not it.over(stopping=False)
    assert it.exit_code(0) == 6


def test_a_desk_that_has_gone_on_is_waited_for_at_a_stop() -> None:
    it = ending()
    it.desk_is_done(FOUND)
    it.observe(it.outcomes, board(Phase.UNWINDING))
    assert not it.over(stopping=True)
    it.desk_is_done(DONE)
    assert it.over(stopping=True)


def test_a_desk_that_still_waits_goes_on_waiting() -> None:
    it = ending()
    it.desk_is_done(FOUND)
    it.observe(it.outcomes, board(Phase.HALTED, "found"))
    assert it.over(stopping=True)


def test_a_board_that_was_read_before_the_desk_ended_says_nothing_about_its_end() -> None:
    it = ending()
    before = it.outcomes
    it.desk_is_done(HALTED)
    it.observe(before, board(Phase.UNWINDING))
    assert it.over(stopping=False)


def test_a_desk_that_has_closed_what_it_found_as_told_still_waits_for_its_operator() -> None:
    it = ending()
    it.desk_is_done(FOUND)
    it.observe(it.outcomes, board(Phase.UNWINDING, "closed, as told"))
    it.desk_is_done(HALTED)
    assert not it.over(stopping=False)
    assert it.exit_code(0) == 6


def test_a_desk_that_was_resumed_and_halts_again_ends_the_run() -> None:
    it = ending(halted_before=("eth",))
    it.desk_is_done(HALTED)
    it.observe(it.outcomes, board(Phase.IDLE))
    it.desk_is_done(HALTED)
    assert it.over(stopping=False)


def test_a_desk_whose_coordinator_is_replaced_is_still_the_one_that_had_halted() -> None:
    it = ending(halted_before=("eth",))
    it.desk_is_done(HALTED)
    it.observe(it.outcomes, board(Phase.RECOVERING, "as before"))
    it.desk_is_done(HALTED)
    assert not it.over(stopping=False)


def test_without_any_word_of_the_desk_the_exit_code_is_the_trees_or_says_exposed() -> None:
    assert ending().exit_code(70) == 70
    assert ending().exit_code(0) == ending().exit_code(None) == 7


def test_the_commands_that_help_are_named() -> None:
    assert all(f"ketch {verb} eth" in advice(FOUND) for verb in ("adopt", "flatten", "ignore"))
    assert "ketch resume eth" in advice(HALTED)


# -- several desks --------------------------------------------------------------------------------


def of(desk: str, outcome: DeskOutcome) -> DeskOutcome:
    return msgspec.structs.replace(outcome, desk=desk)


def test_a_run_is_over_when_its_last_desk_is() -> None:
    it = ending("eth", "btc")
    it.desk_is_done(DONE)
    assert not it.over(stopping=False)
    assert not it.over(stopping=True)
    it.desk_is_done(of("btc", DONE))
    assert it.over(stopping=False)
    assert it.exit_code(0) == 0


@pytest.mark.parametrize(
    ("other", "code", "halted"),
    [(HALTED, 6, "btc: 30 cycles in a row executed nothing"), (LEFT, 7, "btc: something is left")],
)
def test_the_worst_desk_gives_the_exit_code_and_says_why(
    other: DeskOutcome, code: int, halted: str
) -> None:
    it = ending("eth", "btc")
    it.desk_is_done(DONE)
    it.desk_is_done(of("btc", other))
    assert it.over(stopping=False)
    assert (it.exit_code(0), it.halted, it.halted_of("eth")) == (code, halted, "")


def test_a_desk_that_has_not_said_how_it_ended_may_be_exposed() -> None:
    it = ending("eth", "btc")
    it.desk_is_done(DONE)
    assert (it.exit_code(0), it.exit_code(70)) == (7, 70)


def test_a_halted_desk_that_was_resumed_while_another_traded_is_waited_for() -> None:
    it = ending("eth", "btc")
    it.desk_is_done(HALTED)
    it.observe(it.outcomes, board(Phase.IDLE))
    it.desk_is_done(of("btc", DONE))
    assert not it.over(stopping=False)


def test_a_service_waits_for_its_operator_though_another_desk_is_done() -> None:
    it = ending("eth", "btc")
    it.desk_is_done(FOUND)
    it.desk_is_done(of("btc", DONE))
    assert not it.over(stopping=False)
    assert it.over(stopping=True)


@pytest.mark.parametrize("service", [True, False])
def test_a_desk_that_is_down_for_good_is_not_waited_for_where_nobody_may_come(
    service: bool,
) -> None:
    it = ending("eth", "btc", service=service)
    it.desk_is_done(DONE)
    down = StatusMessage(name="btc", epoch=1, state=ChildState.STOPPED)
    it.observe({}, BoardSnapshot((down,), (), (), 0, ()))
    assert it.over(stopping=False) is not service
    assert it.over(stopping=True)
    assert it.exit_code(0) == 7
