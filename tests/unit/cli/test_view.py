"""The live view: what an operator reads while it runs."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console

from actors.board import BoardSnapshot, DeskReported, LegReport
from cli.view import LiveView, PlainView, cycle_line, open_view, status_line
from supervision.states import ChildState, StatusMessage
from tests.unit.cli.test_summary import record
from trading.desk import Phase


def status(state: ChildState, epoch: int = 1, detail: str = "") -> StatusMessage:
    return StatusMessage(name="grvt/trading", epoch=epoch, state=state, detail=detail)


def snapshot(*events: StatusMessage) -> BoardSnapshot:
    desk = DeskReported(
        desk="eth",
        phase=Phase.HOLDING,
        cycle=7,
        finished=6,
        planned=20,
        halted="",
        legs=(
            LegReport(
                leg="primary", venue="backpack", symbol="P", position=Decimal("0.5"), ready=True
            ),
            LegReport(leg="hedge", venue="grvt", symbol="H", position=Decimal("-0.3"), ready=False),
        ),
        naked_since_s=0.0,
    )
    return BoardSnapshot((status(ChildState.RUNNING),), (desk,), (record(), *events), 2, ())


@pytest.mark.parametrize("state", [ChildState.STARTING, ChildState.STOPPING, ChildState.STOPPED])
def test_routine_changes_get_no_line(state: ChildState) -> None:
    assert status_line(status(state)) == ""
    assert status_line(status(ChildState.RUNNING)) == ""


def test_a_failure_says_who_and_why_and_a_return_says_which_life() -> None:
    failed = status(ChildState.BACKING_OFF, detail="ConnectionLost: closed")
    assert status_line(failed) == "grvt/trading backing_off: ConnectionLost: closed"
    assert status_line(status(ChildState.RUNNING, epoch=2)) == "grvt/trading is back, life 2"


def test_a_cycle_line_has_outcome_prices_pnl_and_naked_time() -> None:
    line = cycle_line(record())
    for part in ("cycle 1", "completed", "2500.00 → 2501.00", "pnl -1.4000", "naked ≤ 5 ms"):
        assert part in line


def test_without_a_terminal_events_are_lines() -> None:
    out = io.StringIO()
    view = open_view(Console(file=out, width=200))
    assert isinstance(view, PlainView)
    view.show(snapshot(status(ChildState.OPEN, detail="gone")))
    view.close()
    assert out.getvalue().splitlines()[1] == "grvt/trading open: gone"


def test_on_a_terminal_legs_net_and_actors_are_shown_in_place() -> None:
    out = io.StringIO()
    view = open_view(Console(file=out, width=120, force_terminal=True))
    assert isinstance(view, LiveView)
    view.show(snapshot())
    shown = out.getvalue()
    view.close()
    for part in ("holding", "cycle 7", "6/20", "+0.5", "-0.3", "+0.2", "not ready", "naked for"):
        assert part in shown
