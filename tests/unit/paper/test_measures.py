"""Judging the judge: hand-made ledgers of sound runs, and of bots that are broken in known ways."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from paper.measures import judge_file
from paper.naked import spread
from paper.records import LEDGER_SCHEMA, FaultHit, Funded, Opened, encode_record
from paper.verdict import Finding, scope_of
from tests.support.paper_script import Script

D = Decimal


@pytest.fixture
def script() -> Script:
    return Script()


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


def test_a_clean_cycle_is_sound_and_complete(script: Script) -> None:
    script.hedged("0.5")
    script.hedged("-0.5")
    verdict = script.judge()
    assert verdict.sound
    assert (verdict.completed, verdict.availability, verdict.incomplete) == (1, D(1), 0)
    assert (verdict.orders, verdict.fills, verdict.largest_order_q) == (4, 4, D(1))


def test_naked_time_is_integrated_per_episode_in_cycles_times_seconds(script: Script) -> None:
    script.hedged("0.5", naked_ms=20)
    script.hedged("-0.5", naked_ms=60)
    verdict = script.judge()
    assert (verdict.naked_q_s.total, verdict.naked_q_s.max) == (D("0.08"), D("0.06"))
    assert (verdict.naked_ms.p50, verdict.naked_ms.p99, verdict.naked_ms.max) == (
        D(20),
        D(60),
        D(60),
    )
    assert verdict.episodes == 2


def test_a_half_hedged_leg_counts_half(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.wait(100)
    script.trade("grvt", "-0.25")
    script.wait(100)
    script.trade("grvt", "-0.25")
    assert script.judge().naked_q_s.max == D("0.15")


def test_hedging_partial_fills_as_they_come_is_no_duplicate(script: Script) -> None:
    order = script.accept("backpack", "0.5")
    for _ in range(5):
        script.fill(order, "0.1")
        script.trade("grvt", "-0.1")
    script.end(order)
    script.hedged("-0.5")
    assert script.judge().sound


def test_a_hedge_that_overshoots_its_need_is_a_duplicate_and_a_flip(script: Script) -> None:
    script.trade("backpack", "0.3")
    script.trade("grvt", "-0.5")
    verdict = script.judge()
    assert rules(verdict.duplicates) == ["overshoots the need"]
    assert rules(verdict.flips) == ["net changed sign"]


def test_a_second_hedge_while_the_first_is_live_is_a_duplicate(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.accept("grvt", "-0.5")
    script.accept("grvt", "-0.5")
    assert rules(script.judge().duplicates) == ["more than one cycle at risk"]


def test_a_hedge_sent_again_after_it_filled_is_a_duplicate(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.trade("grvt", "-0.5")
    script.trade("grvt", "-0.5")
    assert rules(script.judge().duplicates) == ["leg beyond one cycle"]


def test_a_partial_hedge_sent_again_is_a_duplicate_though_no_leg_is_full(script: Script) -> None:
    script.trade("backpack", "0.2")
    script.trade("grvt", "-0.2")
    script.trade("grvt", "-0.2")
    assert rules(script.judge().duplicates) == ["hedge beyond the primary"]


@pytest.mark.parametrize(
    ("late_ms", "found"), [(50, []), (150, ["hedge beyond the primary"])], ids=["at once", "late"]
)
def test_a_hedge_on_its_way_as_the_venue_closes_the_primary_is_no_duplicate(
    script: Script, late_ms: float, found: list[str]
) -> None:
    """Its trader could not know; what is sent later, he could."""
    script.trade("backpack", "0.5")
    script.trade("grvt", "-0.4")
    script.liquidate("backpack", "-0.5")
    script.wait(late_ms)
    script.trade("grvt", "-0.1")
    assert rules(script.judge().duplicates) == found


def test_a_hedge_sent_again_is_a_duplicate_whatever_the_venue_has_just_closed(
    script: Script,
) -> None:
    script.trade("backpack", "0.5")
    script.trade("grvt", "-0.5")
    script.liquidate("backpack", "-0.5")
    script.trade("grvt", "-0.1")
    assert len(script.judge().duplicates) == 1


def test_closing_the_hedge_leg_first_is_no_duplicate(script: Script) -> None:
    script.hedged("0.5")
    script.trade("grvt", "0.5")
    script.trade("backpack", "-0.5")
    assert script.judge().duplicates == ()


def test_two_primary_orders_at_once_are_a_duplicate(script: Script) -> None:
    script.accept("backpack", "0.5")
    script.accept("backpack", "0.5")
    assert rules(script.judge().duplicates) == ["more than one cycle at risk"]


def test_a_client_id_or_nonce_accepted_twice_is_a_duplicate(script: Script) -> None:
    script.end(script.accept("backpack", "0.5", client_id=7, nonce="a"))
    script.end(script.accept("backpack", "0.5", client_id=7, nonce="b"))
    script.end(script.accept("backpack", "0.5", client_id=8, nonce="a"))
    assert rules(script.judge().duplicates) == ["client id accepted twice", "nonce accepted twice"]


def test_the_same_client_id_at_two_venues_is_none(script: Script) -> None:
    script.fill(script.accept("backpack", "0.5", client_id=7), "0.5")
    script.fill(script.accept("grvt", "-0.5", client_id=7), "0.5")
    assert script.judge().duplicates == ()


def test_an_order_left_live_at_the_end_is_an_orphan(script: Script) -> None:
    script.accept("backpack", "0.5")
    assert rules(script.judge().orphans) == ["live at end of run"]


def test_an_order_older_than_its_maximum_age_is_an_orphan(script: Script) -> None:
    order = script.accept("backpack", "0.5")
    script.wait(63_000)
    script.end(order, "cancelled")
    assert rules(script.judge().orphans) == ["older than its maximum age"]


def test_an_order_that_outlives_its_connection_by_five_seconds_is_an_orphan(script: Script) -> None:
    order = script.accept("backpack", "0.5")
    script.connection("backpack/feed", 0, "closed")
    script.wait(4_900)
    script.mark()
    assert script.judge().orphans[0].rule == "live at end of run"
    script.wait(200)
    script.end(order, "cancelled")
    assert rules(script.judge().orphans) == ["live without an authenticated connection"]


def test_a_connection_that_comes_back_in_time_saves_the_order(script: Script) -> None:
    order = script.accept("backpack", "0.5")
    script.connection("backpack/feed", 0, "closed")
    script.wait(3_000)
    script.connection("backpack/feed", 9, "authenticated")
    script.wait(10_000)
    script.end(order, "cancelled")
    assert script.judge().orphans == ()


def test_an_unhedged_leg_at_the_end_breaks_p(script: Script) -> None:
    script.trade("backpack", "0.5")
    verdict = script.judge()
    assert rules(verdict.position_errors) == ["not flat at end of run"]
    assert (verdict.completed, verdict.incomplete, verdict.net) == (0, 1, D("0.5"))


def test_opening_again_over_an_unhedged_rest_breaks_p(script: Script) -> None:
    script.hedged("0.5")
    script.trade("backpack", "-0.5")
    script.accept("backpack", "-0.1")
    assert "not flat at end of cycle" in rules(script.judge().position_errors)


def test_balancing_a_stuck_hedge_on_the_primary_is_no_new_cycle(script: Script) -> None:
    script.hedged("0.5")
    script.trade("backpack", "-0.5")
    script.trade("backpack", "0.5")
    script.hedged("-0.5")
    verdict = script.judge()
    assert verdict.sound
    assert verdict.completed == 1


def test_an_entry_taken_off_again_is_sound_but_not_completed(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.wait(50)
    script.trade("backpack", "-0.5")
    verdict = script.judge()
    assert verdict.sound
    assert (verdict.completed, verdict.incomplete, verdict.availability) == (0, 1, D(0))


def test_an_order_larger_than_a_cycle_breaks_p(script: Script) -> None:
    script.end(script.accept("backpack", "0.6"), "cancelled")
    verdict = script.judge()
    assert rules(verdict.position_errors) == ["order larger than one cycle"]
    assert verdict.largest_order_q == D("1.2")


def test_dust_below_one_hedge_lot_is_neither_naked_nor_an_error(script: Script) -> None:
    script.trade("backpack", "0.505")
    script.trade("grvt", "-0.50")
    script.wait(60_000)
    script.trade("grvt", "0.50")
    script.trade("backpack", "-0.505")
    verdict = script.judge(scope_of("backpack", q=D("0.505"), lot=D("0.01"), planned=1))
    assert verdict.naked_q_s.max == 0
    assert verdict.position_errors == ()


def test_cost_is_fees_and_slippage_against_the_mid_and_funding(script: Script) -> None:
    script.trade("backpack", "0.5", price="2501", fee="1.25")
    script.trade("grvt", "-0.5", price="2498", fee="-0.1")
    script.records.append(
        Funded(
            at_ns=script.at_ns, utc_ns=0, venue="grvt", account="main", symbol="ETH_USDT_Perp",
            size=D("-0.5"), mark=D(2500), rate=D("0.0001"), amount=D("-0.125"),
        )
    )  # fmt: skip
    verdict = script.judge()
    assert verdict.fees == {"backpack": D("1.25"), "grvt": D("-0.1")}
    assert verdict.slippage == {"backpack": D("0.5"), "grvt": D("1.0")}
    assert verdict.funding == {"backpack": D(0), "grvt": D("-0.125")}


def test_other_symbols_and_accounts_are_not_judged(script: Script) -> None:
    script.accept("backpack", "9")
    scope = scope_of("backpack", q=D("0.5"), lot=D("0.01"), planned=0, accounts=frozenset({"x"}))
    assert script.judge(scope).sound
    assert script.judge(scope_of("grvt", q=D(1), lot=D(1), planned=0, hedge_symbol="SOL")).sound


def test_percentiles_are_by_nearest_rank() -> None:
    found = spread([D(n) for n in range(1, 101)])
    assert (found.p50, found.p99, found.max, found.total) == (D(50), D(99), D(100), D(5050))
    assert spread([]).max == 0


def test_a_file_is_judged_from_the_command_line(script: Script, tmp_path: Path) -> None:
    script.hedged("0.5")
    script.hedged("-0.5")
    opened = Opened(at_ns=0, utc_ns=0, schema=LEDGER_SCHEMA, seed=1)
    lines = b"".join(encode_record(record) for record in [opened, *script.records])
    (tmp_path / "run.jsonl").write_bytes(lines + b'{"type":"acc')
    result = CliRunner().invoke(judge_file, [str(tmp_path / "run.jsonl"), "--planned", "1"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["availability"] == "1"


def test_a_file_that_is_no_ledger_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b'{"type":"nonsense"}\n')
    result = CliRunner().invoke(judge_file, [str(tmp_path / "run.jsonl")])
    assert result.exit_code == 1
    assert "ledger line 1" in result.output


@pytest.mark.parametrize(
    ("venue", "size", "found"),
    [("grvt", "0.5", 1), ("grvt", "-0.5", 0), ("backpack", "0.5", 0)],
    ids=["the other side", "the same side", "the other venue"],
)
def test_an_order_that_crosses_an_own_resting_one_is_a_self_trade(
    script: Script, venue: str, size: str, found: int
) -> None:
    """Whether or not the venue prevents it."""
    script.accept("grvt", "-0.5")
    script.accept(venue, size)
    verdict = script.judge()
    assert rules(verdict.self_trades) == ["crosses an own order"] * found


def test_bans_are_counted(script: Script) -> None:
    for detail in ("not executed", "banned"):
        script.records.append(
            FaultHit(at_ns=script.at_ns, utc_ns=0, fault=msgspec.Raw(b"{}"), detail=detail)
        )
    assert script.judge().bans == 1
