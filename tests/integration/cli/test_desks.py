"""Several desks over the same connections: each for itself, whatever becomes of another one."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_control import Running, running
from tests.support.cli import run_and_sum_up
from tests.support.desks import assert_clean, by_name, three_desks

BTC_FOUND = ("-o", "paper.backpack.start_positions={BTC_USDC_PERP: 0.02}")


@pytest.fixture
def three(tmp_path: Path) -> tuple[str, ...]:
    return three_desks(tmp_path)


def test_three_desks_trade_at_once_and_each_is_judged_for_itself(
    tmp_path: Path, three: tuple[str, ...]
) -> None:
    code, summary, said = run_and_sum_up(tmp_path, "--cycles", "4", "--seed", "5", *three)
    assert code == 0, said
    desks = by_name(summary)
    assert list(desks) == ["eth", "btc", "sol"]
    for desk in desks.values():
        assert_clean(desk, 4)
    assert summary["cycles"] == {"completed": 12}
    assert Decimal(summary["pnl"]) == sum(Decimal(desk["pnl"]) for desk in desks.values())
    assert summary["restarts"] == {}


def test_a_desk_that_finds_what_nothing_explains_is_the_only_one_that_halts(
    tmp_path: Path, three: tuple[str, ...]
) -> None:
    code, summary, said = run_and_sum_up(tmp_path, "--cycles", "3", *BTC_FOUND, *three)
    assert code == 7, said
    desks = by_name(summary)
    assert "expected to start flat" in desks["btc"]["halted"]
    assert summary["halted"].startswith("btc: expected to start flat")
    for name in ("eth", "sol"):
        assert_clean(desks[name], 3)


def desk_of(run: Running, name: str) -> dict[str, Any]:
    desks: list[dict[str, Any]] = run.read("status")["desks"]
    return next(desk for desk in desks if desk["desk"] == name)


def test_verbs_are_for_one_desk_or_for_all(tmp_path: Path, three: tuple[str, ...]) -> None:
    with running(tmp_path, *BTC_FOUND, *three) as run:
        run.wait_line("btc has halted, and waits: ketch adopt btc")
        run.wait_line("sol cycle 2 ")
        assert run.do("pause", "sol") == "pause sol: done\n"
        mark = run.mark()
        run.wait_line("eth cycle", mark)
        assert desk_of(run, "sol")["paused"]
        assert not desk_of(run, "eth")["paused"]
        assert run.do("flatten", "sol") == "flatten sol: flat, and paused\n"
        mark = run.mark()
        run.do("ignore")  # without a name: whichever waits for it
        run.wait_line("btc cycle 1     completed", mark)
        run.do("resume", "sol")
        run.wait_line("sol cycle", run.mark())
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0, run.said


def test_a_desk_that_is_taken_down_leaves_the_others_trading(
    tmp_path: Path, three: tuple[str, ...]
) -> None:
    with running(tmp_path, "--cycles", "40", *three) as run:
        run.wait_line("btc cycle 2 ")
        run.do("pause", "btc")
        run.do("flatten", "btc")
        run.do("stop", "btc")
        assert run.end() == 7, run.said  # nobody can say for sure how that desk ended
        assert "eth cycle 40 " in run.said
        assert "sol cycle 40 " in run.said


def test_what_all_desks_may_have_open_together_is_never_passed(
    tmp_path: Path, three: tuple[str, ...]
) -> None:
    """Each desk alone keeps the limit; it is made so that only the first may open."""
    limits = "account.limits.open_notional={at: 2600, action: freeze, clear_s: 0}"
    with running(tmp_path, *three, "-o", limits) as run:
        run.wait_line("eth cycle 3 ")
        desks = {desk["desk"]: desk for desk in run.read("status")["desks"]}
        for name in ("btc", "sol"):
            assert desks[name]["finished"] == 0
            assert [active["limit"] for active in desks[name]["limits_in_force"]] == [
                "account.open_notional"
            ]
        run.do("stop")
        assert run.end() == 0, run.said
