"""The summary: what the cycle records come to."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cli import summary
from cli.exits import CONFIGURATION, CommandFailed
from cli.records import Records
from cli.summary import DeskSummary, Summary, spread
from trading.desk import CycleRecord, LegRecord


def leg(venue: str, fees: str, slippage: str = "1") -> LegRecord:
    return LegRecord(
        venue=venue,
        symbol="ETH",
        traded=Decimal(1),
        entry_price=Decimal(2500),
        exit_price=Decimal(2501),
        fees=Decimal(fees),
        gross_pnl=Decimal("0.5"),
        slippage_bps=Decimal(slippage),
        orders=2,
    )


def record(outcome: str = "completed", naked_ms: tuple[float, ...] = (5.0,)) -> CycleRecord:
    return CycleRecord(
        desk="eth",
        cycle=1,
        outcome=outcome,
        direction="buy",
        size=Decimal("0.5"),
        primary=leg("backpack", "2.5"),
        hedge=leg("grvt", "-0.1", "3"),
        pnl=Decimal("-1.4"),
        naked_ms=naked_ms,
        fill_to_hedge_sent_ms=(1.0,),
        decision_to_ack_ms=(),
        fees_complete=True,
        duration_s=1.0,
    )


RESULT = Summary(
    schema=summary.SUMMARY_SCHEMA,
    mode="paper",
    seed=1,
    desk="eth",
    primary="backpack",
    hedge="grvt",
    size=Decimal("0.5"),
    planned=1,
    restarts={},
    start_to_first_cycle_s=None,
    duration_s=1.0,
    halted="",
    exit_code=0,
    verdict=None,
    **summary.totals([record()]),
)


def test_fees_add_up_by_venue_and_a_rebate_is_negative() -> None:
    totals = summary.totals([record(), record()])
    assert totals["fees"] == {"backpack": Decimal("5.0"), "grvt": Decimal("-0.2")}
    assert totals["pnl"] == Decimal("-2.8")


def test_what_was_paid_is_told_from_what_was_received() -> None:
    rows = dict(summary.rows(msgspec.structs.replace(RESULT, funding={"grvt": Decimal("0.3")})))
    assert rows["fees backpack"].startswith("2.5000 paid ")
    assert rows["fees grvt"].startswith("0.1000 received ")
    assert rows["pnl"] == "-1.4000 after fees and funding (grvt 0.3000 paid)"


def test_cycles_are_counted_by_outcome() -> None:
    assert summary.totals([record(), record("unwound"), record()])["cycles"] == {
        "completed": 2,
        "unwound": 1,
    }


def test_slippage_is_the_mean_of_the_cycles() -> None:
    assert summary.totals([record()])["slippage_bps"] == {
        "backpack": Decimal("1.000"),
        "grvt": Decimal("3.000"),
    }


def test_a_spread_gives_median_p99_and_maximum() -> None:
    values = [float(number) for number in range(1, 201)]
    assert spread(values) == summary.Spread(count=200, p50=100.0, p99=198.0, max=200.0)


def test_the_99th_of_a_hundred_is_not_their_maximum() -> None:
    values = [float(number) for number in range(1, 101)]
    assert spread(values) == summary.Spread(count=100, p50=50.0, p99=99.0, max=100.0)
    assert spread([3.0]) == summary.Spread(count=1, p50=3.0, p99=3.0, max=3.0)


def test_a_spread_of_nothing_is_zero() -> None:
    assert spread([]) == summary.Spread(count=0, p50=0.0, p99=0.0, max=0.0)


def test_the_ledgers_findings_are_counted_by_letter() -> None:
    verdict = {"duplicates": [1], "orphans": [], "position_errors": [1, 2], "flips": []}
    assert summary.violations(verdict) == {"D": 1, "O": 0, "P": 2, "flips": 0}


def test_records_remember_when_the_first_cycle_began() -> None:
    records = Records()
    assert records.first_cycle_s is None
    records.add(record())
    first_s = records.first_cycle_s
    records.add(msgspec.structs.replace(record(), cycle=2))
    assert records.first_cycle_s == first_s
    assert len(records.all()) == 2


def test_a_record_that_comes_again_replaces_the_one_before() -> None:
    records = Records()
    records.add(record())
    records.add(msgspec.structs.replace(record(), pnl=Decimal("-1.5")))
    assert [known.pnl for known in records.all()] == [Decimal("-1.5")]


def test_a_record_of_an_earlier_run_that_is_put_right_is_none_of_this_run() -> None:
    records = Records()
    records.put_right(msgspec.structs.replace(record(), cycle=100))
    assert records.first_cycle_s is None
    records.add(msgspec.structs.replace(record(), cycle=101))
    records.put_right(msgspec.structs.replace(record(), cycle=100, pnl=Decimal(-40)))
    records.put_right(msgspec.structs.replace(record(), cycle=101, pnl=Decimal(-2)))
    assert [(known.cycle, known.pnl) for known in records.all()] == [(101, Decimal(-2))]


def test_of_what_is_too_old_to_be_kept_the_money_counts() -> None:
    records = Records(kept=2)
    for cycle in range(1, 6):
        records.add(msgspec.structs.replace(record(), cycle=cycle))
    assert [kept.cycle for kept in records.of("eth")] == [4, 5]
    totals = summary.totals(records.all(), records.older())
    assert totals == summary.totals(records.all(), records.older("eth"))
    assert totals["cycles"] == {"completed": 5}
    assert totals["fees"] == {"backpack": Decimal("12.5"), "grvt": Decimal("-0.5")}
    assert totals["pnl"] == Decimal("-7.0")
    assert totals["naked_ms"].count == 2
    assert records.older("btc").pnl == 0


VERDICT = {
    "duplicates": [], "orphans": [], "position_errors": [], "flips": [1],
    "naked_q_s": {"max": "0.25"}, "availability": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("availability", "shown"),
    [("1", "completed 100 %, "), ("0.93333333333333333333", "completed 93.33 %, "), ("1.54", "")],
)
def test_availability_is_shown_unless_the_ledger_is_also_of_other_runs(
    availability: str, shown: str
) -> None:
    verdict = VERDICT | {"availability": availability}
    rows = summary.rows(msgspec.structs.replace(RESULT, verdict=verdict))
    assert ("", f"{shown}worst naked 0.2500 q·s") in rows


def test_each_desk_has_its_own_row_and_verdict() -> None:
    desks = tuple(
        DeskSummary(
            desk=name, primary="backpack", hedge="grvt", size=Decimal("0.5"), halted=halted,
            verdict=VERDICT, **summary.totals([record()]),
        )
        for name, halted in (("eth", ""), ("btc", "too much lost"))
    )  # fmt: skip
    shown = summary.rows(msgspec.structs.replace(RESULT, desks=desks))
    assert ("btc", "1 completed   pnl -1.4000   halted: too much lost") in shown
    judged = "duplicates 0, orphans 0, position violations 0, flips 1"
    assert shown.count(("", judged)) == 2


def test_a_file_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="give --summary a writable file") as caught:
        summary.write(RESULT, tmp_path / "none" / "summary.json")
    assert caught.value.code == CONFIGURATION
    assert ("cycles", "1 completed of 1 planned") in summary.rows(RESULT)
