"""The console and the guards: what a resume and a flatten are told to, and limits in status."""

from __future__ import annotations

import queue
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors import control_schema as schema
from actors.board import LegReport
from actors.coordinator import ResumeDesk
from actors.guard_messages import LimitsReported, ResumeLimits
from actors.orders import VerifyPositions
from actors.orders_outbox import VenuePositions, VenueReported
from actors.request_limiter import RequestLimiter
from supervision.spec import SupervisorSpec
from supervision.states import ChildState
from tests.support.actors import mailbox
from tests.support.console import BOUND_S, REPORT, Desk, console
from trading.capabilities import Capabilities
from trading.desk import DeskState, Phase
from trading.limits import LimitState
from trading.plan import Action, ActiveLimit
from venues.model import Position


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


def test_a_resume_is_told_to_the_guards_before_the_desk(path: Path) -> None:
    with console(path, desks=("btc", "eth"), guards=True) as desk:
        code, _ = desk.ask("POST", "/v1/resume", {"desk": "eth"})
        assert code == 200
        assert desk.told == [
            ("guard", ResumeLimits()), ("eth/guard", ResumeLimits()),
            ("eth/coordinator", ResumeDesk()),
        ]  # fmt: skip


def test_a_desk_does_not_go_on_while_its_guard_is_down(path: Path) -> None:
    with console(path, guards=True) as desk:
        desk.ask("POST", "/v1/stop", {"path": "eth/guard", "force": True})
        desk.stage.wait("eth/guard", ChildState.STOPPED)
        code, answer = desk.ask("POST", "/v1/resume", {})
        assert (code, answer["desks"][0]["outcome"]) == (409, "unavailable")
        assert ("eth/coordinator", ResumeDesk()) not in desk.told


def test_after_a_flatten_the_positions_are_read_at_the_desks_venues(path: Path) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    orders = SupervisorSpec("grvt", (mailbox("orders", heard),))
    with console(path, orders) as desk:
        desk.tell_board(REPORT)
        desk.ask("POST", "/v1/flatten", {})
        assert heard.get(timeout=BOUND_S) == VerifyPositions()


def test_status_tells_limits_holds_and_what_the_venues_hold(path: Path) -> None:
    limit = LimitState(
        limit="naked_s", figure=Decimal(3), about="", at=Decimal(15), action=Action.REDUCE,
        reason="16, limit 15", clears_s=time.monotonic() + 5,
    )  # fmt: skip
    active = ActiveLimit("naked_s", Action.REDUCE, "16, limit 15")
    venue = SupervisorSpec("grvt", (Desk(path).stage.spec("orders"),))
    with console(path, venue) as desk:
        desk.tell_board(
            msgspec.structs.replace(
                REPORT, state=DeskState.REDUCING, limits_in_force=(active,), waiting=("paused",)
            )
        )
        desk.tell_board(LimitsReported("eth", (limit,)))
        desk.tell_board(LimitsReported("account", (limit, limit)))
        held = Position(venue="grvt", symbol="H", size=Decimal("-0.3"))
        desk.tell_board(VenuePositions("grvt", (held,)))
        can = Capabilities(submit="429", fills="read only")
        desk.tell_board(VenueReported("grvt", can, RequestLimiter().usage(0.0)))
        status = desk.status()
    (shown,) = status.desks
    assert (shown.state, shown.waiting) == ("reducing", ("paused",))
    assert shown.limits_in_force == (
        schema.ActiveLimit(limit="naked_s", action="reduce", reason="16, limit 15"),
    )
    (told,) = shown.limits
    assert (told.figure, told.at, told.action) == (Decimal(3), Decimal(15), "reduce")
    assert told.clears_in_s is not None
    assert 0 < told.clears_in_s <= 5
    assert len(status.account_limits) == 2
    assert status.venues[0].positions == {"H": Decimal("-0.3")}
    assert status.venues[0].positions_at is not None
    assert status.venues[0].cannot == {"submit": "429", "fills": "read only"}
    assert status.venues[0].requests is not None
    assert status.venues[0].requests.burst == 10
    assert status.venues[0].ready is False


@pytest.mark.parametrize("verb", ["adopt", "flatten"])
def test_what_seems_left_of_an_ignored_position_that_is_gone_is_not_closed(
    path: Path, verb: str
) -> None:
    leg = LegReport(
        leg="primary", venue="grvt", symbol="X", position=Decimal("-0.3"), ready=True,
        outside=Decimal("0.3"),
    )  # fmt: skip
    with console(path, desks=("eth",)) as desk:
        desk.tell_board(msgspec.structs.replace(REPORT, phase=Phase.HALTED, legs=(leg,)))
        code, answer = desk.ask("POST", f"/v1/{verb}", {"desk": "eth"})
        assert (code, answer["desks"][0]["outcome"]) == (409, "not_reducible")
        assert "ketch ignore again" in answer["desks"][0]["detail"]
        assert desk.told == []
