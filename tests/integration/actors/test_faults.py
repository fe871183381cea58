"""The whole tree against the paper venues while connections and answers go wrong.

Judged by the venues' ledger: no order too many, none left behind, flat at the end, no sign change.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervision.states import ChildState
from tests.support.actors_tree import FRONT, Judge, Run, running
from tests.support.faults import openings
from tests.support.paper_process import Process

FIRST_SOCKET = {"grvt": "trading", "backpack": "feed"}
SWAPPED = (
    "desks.eth.primary={venue: grvt, symbol: ETH_USDT_Perp}",
    "desks.eth.hedge={venue: backpack, symbol: ETH_USDC_PERP}",
)


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with Process("--settings", FRONT) as process:
        yield process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One journal for all tests, as for one account: cycle numbers go on."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def judge(process: Process) -> Iterator[Judge]:
    yield Judge(process)
    process.ask("DELETE", "/faults")


def run_through(judge: Judge, folder: Path, cycles: int, *settings: str) -> Run:
    """Run so many cycles; all of them complete, and the desk ends flat."""
    before = judge.measures()["completed"]
    with running(judge.process, folder, cycles=cycles, settings=settings) as run:
        outcome = run.wait_done()
    assert (outcome.halted, outcome.flat) == ("", True)
    verdict = judge.check()
    assert verdict["completed"] - before + _unwound(run) >= cycles
    return run


def _unwound(run: Run) -> int:
    return sum(record.outcome == "unwound" for record in run.records)


def test_one_cycle_opens_and_closes_both_legs(judge: Judge, folder: Path) -> None:
    run = run_through(judge, folder, 1)
    assert [record.outcome for record in run.records] == ["completed"]
    assert {status.epoch for status in run.statuses} == {1}


@pytest.mark.parametrize(
    ("connection", "hook"),
    [
        ("grvt/trading", "primary_fill"),
        ("grvt/trading", "hedge_accept"),
        ("grvt/trading", "hedge_fill"),
        ("grvt/market", "primary_fill"),
        ("backpack/feed", "primary_accept"),
        ("backpack/feed", "primary_fill"),
        ("backpack/market", "hedge_fill"),
        ("grvt", "primary_fill"),
        ("backpack", "hedge_fill"),
    ],
)
def test_a_websocket_dropped_in_a_cycle_is_replaced_and_the_cycle_completes(
    judge: Judge, folder: Path, connection: str, hook: str
) -> None:
    fired = judge.fired()
    judge.fault(action="drop", connection=connection, at=judge.at(hook))
    run = run_through(judge, folder, 4)
    assert judge.fired() == fired + 1
    venue, _, which = connection.partition("/")
    lost = f"{venue}/{which or FIRST_SOCKET[venue]}"
    assert run.epoch(lost) >= 2
    assert "error" in {status.kind for status in run.statuses if status.name == lost}
    assert run.epoch(f"{venue}/orders") == 1


def test_roles_swapped_dropped_connections_cost_nothing_either(tmp_path: Path) -> None:
    with Process("--settings", FRONT) as process:
        judge = Judge(process)
        for cycle, (connection, hook) in enumerate(
            itertools.product(("grvt/trading", "backpack/feed"), ("primary_fill", "hedge_fill")), 2
        ):
            judge.fault(action="drop", connection=connection, at=judge.at(hook, cycle))
        with running(process, tmp_path, cycles=7, settings=SWAPPED) as run:
            assert run.wait_done().flat
        assert judge.fired() == 4
        assert judge.check(primary="grvt")["completed"] == 7


@pytest.mark.parametrize("execute", [True, False], ids=["executed", "not executed"])
@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (502, "<html><h1>502 Bad Gateway</h1></html>", "text/html"),
        (503, "", "text/plain"),
        (200, "<html>Just a moment...</html>", "text/html"),
    ],
    ids=["502 page", "503 empty", "200 page"],
)
def test_an_order_answered_by_a_gateway_is_in_doubt_until_the_venue_has_said(
    judge: Judge, folder: Path, status: int, body: str, content_type: str, execute: bool
) -> None:
    judge.fault(
        action="answer", connection="backpack/rest", route="/api/v1/order", status=status,
        body=body, content_type=content_type, execute=execute, at=judge.at("hedge_accept", 1),
    )  # fmt: skip
    fired = judge.fired()
    run = run_through(judge, folder, 3)
    assert judge.fired() == fired + 1
    assert run.epoch("backpack/orders") == 1


def test_a_refused_venue_is_not_ready_takes_no_order_and_comes_back_by_itself(
    judge: Judge, folder: Path
) -> None:
    with running(judge.process, folder, cycles=None) as run:
        run.wait_cycles(2)
        judge.fault(action="refuse", connection="grvt/trading", for_s=1.0)
        judge.fault(action="drop", connection="grvt/trading")
        run.wait_status("grvt/trading", ChildState.BACKING_OFF, 3)  # what was under way is there
        opened = len(openings(judge.records()))
        run.wait_status("grvt/trading", ChildState.BACKING_OFF, 5)
        assert len(openings(judge.records())) == opened  # what is open may still be unwound
        before = len(run.records)
        back = run.wait_status("grvt/trading", ChildState.RUNNING, 2)
        run.wait_cycles(before + 3)
        assert back.epoch > 2
        assert any("ConnectRefused" in how for how in run.kinds("grvt/trading"))
        run.finish()
    judge.check()


def test_a_session_that_the_venue_has_forgotten_is_renewed_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    short = '{"grvt": {"front": {"session_s": 2, "expired_socket": "close"}}}'
    with Process("--settings", short) as process:
        judge = Judge(process)
        with running(process, tmp_path, cycles=None) as run:
            run.wait_status("grvt/trading", ChildState.RUNNING, 3)
            run.wait_cycles(len(run.records) + 2)
            run.finish()
            assert run.epoch("grvt/session") == 1
            assert run.epoch("grvt/orders") == 1
        judge.check()
