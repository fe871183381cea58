"""What the console is told: commands for actors and desks, over a real unix socket."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from actors.board import DeskReported, LegReport
from actors.coordinator import (
    AdoptFound,
    FlattenDesk,
    FlattenFound,
    IgnoreFound,
    PauseDesk,
    ResumeDesk,
)
from supervision.states import ChildState
from tests.support.console import REPORT, Desk, console
from trading.desk import Phase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


def test_verbs_answer_what_the_supervisor_answered(path: Path) -> None:
    stage = Desk(path).stage
    with console(path, stage.spec("feed")) as desk:

        def order(verb: str, child: str = "feed") -> tuple[int, str]:
            code, answer = desk.ask("POST", f"/v1/{verb}", {"path": child})
            assert (answer["schema"], answer["verb"], answer["path"]) == (
                "ketch.verb/1",
                verb,
                child,
            )
            return code, answer["outcome"]

        assert order("start") == (409, "already_started")
        assert order("restart") == (200, "ok")
        desk.stage.wait("feed", ChildState.RUNNING, 2)
        assert order("stop") == (200, "ok")
        desk.stage.wait("feed", ChildState.STOPPED)
        assert order("start") == (200, "ok")
        assert order("reset") == (200, "ok")
        assert order("restart", "nobody") == (404, "not_found")
        assert order("restart", "no/body") == (404, "not_found")
        assert order("restart", "root") == (404, "not_found")


def test_a_desk_that_is_not_at_rest_is_taken_down_by_force_only(path: Path) -> None:
    with console(path) as desk:
        desk.tell_board(REPORT)
        for verb, child in (("stop", "eth"), ("restart", "/eth/coordinator/")):
            code, answer = desk.ask("POST", f"/v1/{verb}", {"path": child})
            assert (code, answer["schema"]) == (409, "ketch.verb/1")
            assert (answer["path"], answer["outcome"]) == (child.strip("/"), "not_at_rest")
            assert "primary backpack P +0.5" in answer["detail"]
        assert desk.tree()["eth/coordinator"].epoch == 1
        code, answer = desk.ask("POST", "/v1/stop", {"path": "eth", "force": True})
        assert (code, answer["outcome"]) == (200, "ok")
        desk.stage.wait("eth", ChildState.STOPPED)


@pytest.mark.parametrize(
    ("verb", "messages"),
    [
        ("pause", [PauseDesk()]),
        ("resume", [ResumeDesk()]),
        ("flatten", [FlattenFound(), FlattenDesk()]),  # the first is for what was found at start
    ],
)
def test_desk_orders_reach_one_desk_or_every_desk(
    path: Path, verb: str, messages: list[object]
) -> None:
    btc, eth = ([(f"{name}/coordinator", m) for m in messages] for name in ("btc", "eth"))
    with console(path, desks=("btc", "eth")) as desk:
        code, answer = desk.ask("POST", f"/v1/{verb}", {"desk": "eth"})
        assert (code, [d["desk"] for d in answer["desks"]]) == (200, ["eth"])
        assert desk.told == eth
        desk.told.clear()
        code, answer = desk.ask("POST", f"/v1/{verb}", {})
        assert (code, [d["desk"] for d in answer["desks"]]) == (200, ["btc", "eth"])
        assert desk.told == btc + eth


def waiting(name: str, size: str, phase: Phase = Phase.HALTED) -> DeskReported:
    """A desk that has halted, with this position."""
    leg = LegReport(leg="primary", venue="grvt", symbol="X", position=Decimal(size), ready=True)
    return DeskReported(
        desk=name, phase=phase, cycle=1, finished=0, planned=None, halted="found",
        legs=(leg,), naked_since_s=None,
    )  # fmt: skip


@pytest.mark.parametrize(("verb", "message"), [("adopt", AdoptFound), ("ignore", IgnoreFound)])
def test_what_a_desk_has_found_is_explained_to_the_desk_that_has_found_something(
    path: Path, verb: str, message: type
) -> None:
    with console(path, desks=("btc", "eth", "sol")) as desk:
        desk.tell_board(waiting("btc", "0"))
        desk.tell_board(waiting("eth", "0.5"))
        desk.tell_board(waiting("sol", "0.5", Phase.UNWINDING))
        assert [d.unexplained for d in desk.status().desks] == [False, True, False]
        code, answer = desk.ask("POST", f"/v1/{verb}", {})
        assert (code, answer["desks"]) == (200, [{"desk": "eth", "outcome": "ok", "detail": ""}])
        assert desk.told == [("eth/coordinator", message())]
        code, answer = desk.ask("POST", f"/v1/{verb}", {"desk": "btc"})
        assert (code, answer["desks"][0]["outcome"]) == (409, "nothing_found")
        assert len(desk.told) == 1


def test_where_nothing_is_to_be_explained_every_desk_says_so(path: Path) -> None:
    with console(path, desks=("btc", "eth")) as desk:
        code, answer = desk.ask("POST", "/v1/adopt", {})
        assert (code, [d["outcome"] for d in answer["desks"]]) == (409, ["nothing_found"] * 2)
        assert desk.told == []


def test_a_desk_does_not_go_on_before_what_it_has_found_is_explained(path: Path) -> None:
    with console(path) as desk:
        desk.tell_board(waiting("eth", "-0.5"))
        code, answer = desk.ask("POST", "/v1/resume", {})
        assert (code, answer["desks"][0]["outcome"]) == (409, "unexplained")
        assert desk.told == []


def test_a_desk_that_is_unknown_or_down_is_said_to_be(path: Path) -> None:
    with console(path) as desk:
        code, answer = desk.ask("POST", "/v1/pause", {"desk": "sol"})
        assert (code, answer["desks"][0]["outcome"]) == (404, "not_found")
        desk.ask("POST", "/v1/stop", {"path": "eth/coordinator", "force": True})
        desk.stage.wait("eth/coordinator", ChildState.STOPPED)
        code, answer = desk.ask("POST", "/v1/pause", {})
        assert (code, answer["desks"][0]["outcome"]) == (409, "unavailable")


def test_a_stop_of_the_service_is_passed_on_and_shown(path: Path) -> None:
    with console(path) as desk:
        assert desk.ask("POST", "/v1/stop-service", {"how": "drain"})[0] == 200
        assert desk.control.stopped == ["drain"]
        assert desk.status().stopping == "drain"


def test_a_request_before_the_tree_is_known_is_asked_to_come_again(path: Path) -> None:
    with console(path) as desk:
        desk.control.root = None
        assert desk.ask("GET", "/v1/status")[0] == 503
