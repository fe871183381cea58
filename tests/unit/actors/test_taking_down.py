"""What may be stopped and restarted while a desk is at work, and what is said instead."""

from __future__ import annotations

import msgspec
import pytest

from actors.board import BoardSnapshot, DeskReported
from actors.taking_down import objection
from supervision.states import ChildState, StatusMessage
from tests.support.console import REPORT
from trading.desk import Phase
from venues.model import ZERO

NAMES = (
    "board", "journal", "guard", "grvt", "grvt/orders", "grvt/trading", "backpack",
    "backpack/orders", "eth", "eth/guard", "eth/coordinator", "btc", "btc/coordinator",
)  # fmt: skip
FLAT = tuple(msgspec.structs.replace(leg, position=ZERO) for leg in REPORT.legs)
IDLE = msgspec.structs.replace(REPORT, phase=Phase.IDLE, legs=FLAT, paused=False)
RESTING = msgspec.structs.replace(IDLE, paused=True)


def board(*reports: DeskReported) -> BoardSnapshot:
    return BoardSnapshot((), reports, (), 0, ())


def said(
    verb: str,
    path: str,
    *reports: DeskReported,
    answers: bool = True,
    down: str = "",
    desks: tuple[str, ...] = ("eth",),
) -> str:
    """What stands in the way, with these reports on the board."""
    statuses = [
        StatusMessage(
            name=name,
            epoch=1,
            state=ChildState.BACKING_OFF if name == down else ChildState.RUNNING,
            since=0.0,
        )
        for name in NAMES
    ]
    return objection(
        verb, path, desks=desks, statuses=statuses,
        read_board=lambda: board(*reports) if answers else None,
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["stop", "restart"])
@pytest.mark.parametrize("path", ["eth", "eth/coordinator", "eth/guard"])
def test_no_part_of_a_desk_is_taken_down_with_a_leg_open(verb: str, path: str) -> None:
    assert said(verb, path, REPORT) == (
        "eth is holding in cycle 7 and holds primary backpack P +0.5, hedge grvt H -0.3: "
        "ketch flatten eth closes it now"
    )


def test_a_desk_that_is_not_paused_can_be_told_to_end_its_cycle_as_planned() -> None:
    trading = msgspec.structs.replace(REPORT, paused=False)
    assert said("stop", "eth", trading).endswith(
        "ketch pause eth lets the cycle end as planned, ketch flatten eth closes it now"
    )


@pytest.mark.parametrize(
    "phase", [Phase.RECOVERING, Phase.OPENING, Phase.CLOSING, Phase.SETTLING, Phase.UNWINDING]
)
def test_a_desk_whose_orders_may_still_execute_is_at_work_though_it_holds_nothing(
    phase: Phase,
) -> None:
    assert said("stop", "eth", msgspec.structs.replace(RESTING, phase=phase))


def test_an_idle_desk_is_paused_first_for_it_may_open_a_cycle_at_any_moment() -> None:
    assert said("stop", "eth", IDLE).endswith("ketch pause eth first")
    assert said("stop", "eth", RESTING) == ""


@pytest.mark.parametrize("phase", [Phase.HALTED, Phase.DONE])
def test_a_desk_that_is_over_is_at_rest(phase: Phase) -> None:
    assert said("stop", "eth", msgspec.structs.replace(IDLE, phase=phase)) == ""


def test_of_what_a_desk_has_found_it_is_asked_what_it_is() -> None:
    found = msgspec.structs.replace(REPORT, phase=Phase.HALTED)
    text = said("restart", "eth/coordinator", found)
    assert "ketch adopt eth, ketch flatten eth or ketch ignore eth" in text


def test_what_a_desk_holds_is_not_known_without_the_board_or_its_report() -> None:
    assert "the board does not answer" in said("stop", "eth", answers=False)
    assert "eth has not said yet" in said("stop", "eth")
    assert "the board does not answer" in said("stop", "grvt/trading", answers=False)


def test_what_a_desk_needs_at_a_venue_is_not_stopped_and_may_be_restarted() -> None:
    for path in ("grvt", "grvt/trading", "backpack"):
        assert said("stop", path, REPORT).startswith("eth is holding")
        assert said("stop", path, RESTING) == ""
        assert said("restart", path, REPORT) == ""


def test_every_desk_that_trades_at_a_venue_is_named_and_no_other() -> None:
    elsewhere = msgspec.structs.replace(REPORT, desk="btc", legs=REPORT.legs[:1])
    text = said("stop", "backpack", REPORT, elsewhere, desks=("eth", "btc"))
    assert "eth is holding" in text
    assert "btc is holding" in text
    assert "btc" not in said("stop", "grvt", REPORT, elsewhere, desks=("eth", "btc"))
    assert said("stop", "btc", RESTING, elsewhere, desks=("eth", "btc")).startswith("btc is")


def test_what_is_down_may_be_restarted_and_not_kept_down() -> None:
    assert said("restart", "eth/coordinator", REPORT, down="eth/coordinator") == ""
    assert said("stop", "eth/coordinator", REPORT, down="eth/coordinator")


@pytest.mark.parametrize(
    ("verb", "path"),
    [("start", "eth"), ("reset", "eth"), ("stop", "board"), ("stop", "journal"),
     ("stop", "guard"), ("stop", "eth/nobody"), ("stop", "nobody")],
)  # fmt: skip
def test_whatever_else_is_for_the_supervisor_to_answer(verb: str, path: str) -> None:
    assert said(verb, path, REPORT) == ""
