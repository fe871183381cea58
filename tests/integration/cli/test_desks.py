"""Several desks over the same connections: each for itself, whatever becomes of another one."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_control import Running, running
from tests.support_cli import PROMPT, run_and_sum_up

LEGS = {
    "btc": ("backpack", "BTC_USDC_PERP", "grvt", "BTC_USDT_Perp", "0.01"),
    "sol": ("grvt", "SOL_USDT_Perp", "backpack", "SOL_USDC_PERP", "5"),
}
# A hurried service must not run into Backpack's limit of requests.
UNLIMITED = ("-o", "paper.backpack.front.requests_per_minute=0")
BTC_FOUND = ("-o", "paper.backpack.start_positions={BTC_USDC_PERP: 0.02}")


@pytest.fixture
def three(tmp_path: Path) -> tuple[str, ...]:
    """A configuration of three desks whose cycles are short: ETH, BTC, and SOL led by GRVT."""
    file = tmp_path / "three.yaml"
    quick = "hold_s: 0.05, pause_s: 0.01"
    lines = [f"desks:\n  eth: {{{quick}}}"]
    for name, (venue, symbol, other, far, size) in LEGS.items():
        primary, hedge = (
            f"{{venue: {venue}, symbol: {symbol}}}",
            f"{{venue: {other}, symbol: {far}}}",
        )
        lines.append(f"  {name}: {{primary: {primary}, hedge: {hedge}, size: {size}, {quick}}}")
    file.write_text("\n".join(lines))
    return ("-c", str(file), *PROMPT, *UNLIMITED)


def by_name(summary: dict[str, Any]) -> dict[str, Any]:
    return {desk["desk"]: desk for desk in summary["desks"]}


def assert_clean(desk: dict[str, Any], cycles: int) -> None:
    verdict = desk["verdict"]
    assert desk["cycles"] == {"completed": cycles}
    assert (verdict["completed"], verdict["incomplete"]) == (cycles, 0)
    for finding in ("duplicates", "orphans", "position_errors", "flips"):
        assert verdict[finding] == []


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
