"""Judging drills: hand-made ledgers, and what is said of them."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from drills.figures import Figures, read
from drills.host import MET_NOTHING
from drills.judge import Evidence, judge
from drills.plan import Demands, Injection, Plan
from drills.result import DRILL_SCHEMA, Report, Result
from drills.table import show
from drills.traders import Ending
from drills.unfold import Placed, as_recorded, mark_of, unfold
from paper.records import FaultFired, FaultHit
from tests.support.paper_script import Script

D = Decimal
DROP = {"action": "frames", "connection": "backpack/feed", "kind": "fill", "do": "drop"}
FAULT = Injection(
    fault=20, name="one frame", cycle=2, at={"hook": "primary_fill"}, arm=(DROP,), naked_q_s=D(2)
)


@pytest.fixture
def script() -> Script:
    return Script()


def plan(*faults: Injection, cycles: int = 1) -> Plan:
    return Plan(name="test", about="", cycles=cycles, faults=faults, demands=Demands())


def cycle(script: Script, naked_ms: float = 20) -> None:
    script.hedged("0.5", naked_ms)
    script.hedged("-0.5")


def fire(script: Script, placed: Placed, *, meet: bool = True) -> None:
    raw = msgspec.Raw(as_recorded(placed.arm[0]))
    script.records.append(FaultFired(fault=raw, at_ns=script.at_ns, utc_ns=0))
    if meet:
        hit(script, placed)


def hit(script: Script, placed: Placed) -> None:
    raw = msgspec.Raw(as_recorded(placed.arm[0]))
    script.records.append(FaultHit(fault=raw, detail="", at_ns=script.at_ns, utc_ns=0))


HANG = {"action": "mark", "name": "part 8 hangs backpack/orders FillReported"}
PART = Injection(fault=41, cycle=2, at={"hook": "primary_fill"}, arm=(HANG,))


@pytest.mark.parametrize("other", [(), (FAULT,)], ids=["alone", "beside another"])
def test_a_part_that_met_nothing_was_not_reached(
    script: Script, other: tuple[Injection, ...]
) -> None:
    """Beside another fault, that one may have been ahead of it: then it counts where it was."""
    again = msgspec.structs.replace(PART, cycle=3)
    of = plan(PART, *other, again, cycles=3)
    cycle(script)
    for placed in unfold(of, 1, "socket"):
        fire(script, placed, meet=placed.injection is FAULT)
        if placed.cycle == 2 and placed.injection is not FAULT:
            continue
        cycle(script)
    host = {mark_of(str(HANG["name"]), 2): MET_NOTHING}
    result = judged(script, of, Ending(exit_code=0, lives=1, host=host))
    first = next(each for each in result.faults if (each.fault, each.cycle) == (41, 2))
    assert (first.reached, first.passed) == (False, False)
    assert any(MET_NOTHING in failure for failure in result.failures) == (not other)


def judged(script: Script, of: Plan, ending: Ending | None = None) -> Result:
    return judge(
        Evidence(
            plan=of, seed=1, trader="ketch", style="as set", placed=unfold(of, 1, "socket"),
            records=script.records, ending=ending or Ending(exit_code=0, lives=1),
            traffic={}, duration_s=1.0, replay="ketch drill test --seed 1",
        )
    )  # fmt: skip


def figures(script: Script) -> Figures:
    return read(script.records, D("0.5"), D("0.01"))


def test_a_clean_cycle_passes(script: Script) -> None:
    cycle(script)
    result = judged(script, plan())
    assert result.passed
    assert result.first_incomplete is None
    assert (result.completed, result.availability) == (1, D(1))


def test_fees_are_told_in_bps_of_size_times_price_once(script: Script) -> None:
    script.trade("backpack", "0.5", fee="1.25")
    script.trade("grvt", "-0.5", fee="0.625")
    script.trade("backpack", "-0.5", fee="1.25")
    script.trade("grvt", "0.5", fee="0.625")
    assert figures(script).fee_bps(D("0.5")) == D("30.00")


def test_slippage_is_part_of_the_cost_and_the_loss(script: Script) -> None:
    script.trade("backpack", "0.5", price="2501")
    script.trade("grvt", "-0.5")
    script.trade("backpack", "-0.5")
    script.trade("grvt", "0.5")
    assert figures(script).cost_bps(D("0.5")) == D("4.00")
    assert figures(script).pnl_bps(D("0.5")) == D("-4.00")


def test_a_cancel_takes_from_when_it_is_first_heard_to_the_orders_end(script: Script) -> None:
    for first_ms, ends in ((30, "cancelled"), (10, "filled")):
        order_id = script.accept("backpack", "0.5")
        script.ask_cancel(order_id)
        script.wait(first_ms)
        script.ask_cancel(order_id)
        script.wait(first_ms)
        script.end(order_id, ends)
    script.end(script.accept("grvt", "0.5"), "cancelled")
    assert figures(script).cancel_to_end_ms == (60.0, 20.0)


def test_an_episode_belongs_to_its_cycle(script: Script) -> None:
    cycle(script)
    cycle(script, naked_ms=700)
    worst = max(figures(script).episodes, key=lambda episode: episode.q_s)
    assert (worst.cycle, worst.q_s) == (2, D("0.7"))


def test_a_cycle_that_was_taken_off_again_is_not_completed(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.trade("backpack", "-0.5")
    cycle(script)
    result = judged(script, plan(cycles=2))
    assert (result.completed, result.first_incomplete) == (1, 1)
    assert "A: 1 of 2 cycles, limit 1; the first not completed is cycle 1" in result.failures


def test_a_cycle_in_which_a_leg_held_more_than_its_size_is_not_completed(script: Script) -> None:
    script.hedged("0.5")
    script.trade("grvt", "-0.5")
    script.trade("grvt", "0.5")
    script.hedged("-0.5")
    assert not figures(script).cycles[0].completed


def test_a_long_naked_time_without_a_fault_fails_with_its_cycle(script: Script) -> None:
    cycle(script)
    cycle(script, naked_ms=700)
    assert judged(script, plan(cycles=2)).failures == ("no fault, cycle 2: N 0.70 q·s, limit 0.5",)


def test_a_fault_that_was_met_and_kept_its_limits_passes(script: Script) -> None:
    of = plan(FAULT, cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    cycle(script, naked_ms=1500)
    cycle(script)
    result = judged(script, of)
    assert result.passed
    assert result.faults[0].naked_q_s == D("1.5")


def test_a_fault_over_its_limit_is_named_with_cycle_and_figure(script: Script) -> None:
    of = plan(FAULT, cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    cycle(script, naked_ms=2500)
    cycle(script)
    (failure,) = judged(script, of).failures
    assert failure == "fault 20 one frame at cycle 2: N 2.50 q·s, limit 2"


@pytest.mark.parametrize("fired", [True, False])
def test_a_fault_that_met_nothing_was_not_reached_and_is_no_pass(
    script: Script, fired: bool
) -> None:
    of = plan(FAULT, cycles=3)
    for number in range(3):
        if fired and number == 1:
            fire(script, unfold(of, 1, "socket")[0], meet=False)
        cycle(script)
    result = judged(script, of)
    assert not result.faults[0].reached
    assert result.failures == ("fault 20 one frame at cycle 2: not reached",)


@pytest.mark.parametrize(
    ("again", "alone", "failed"),
    [(True, False, []), (False, False, [2]), (True, True, [2])],
    ids=["reached elsewhere", "nowhere reached", "nobody else there"],
)
def test_one_that_another_of_its_cycle_was_ahead_of_is_no_failure_if_it_is_reached_elsewhere(
    script: Script, again: bool, alone: bool, failed: list[int]
) -> None:
    ahead = msgspec.structs.replace(
        FAULT, fault=34, name="killed", cycle=5 if alone else 2, arm=(DROP | {"kind": "any"},)
    )
    later = msgspec.structs.replace(FAULT, cycle=4)
    of = plan(FAULT, ahead, *([later] if again else []), cycles=6)
    placed = {(each.cycle, each.injection.fault): each for each in unfold(of, 1, "socket")}
    for number in range(1, 7):
        for each in (placed.get((number, 34)), placed.get((4, 20)) if number == 4 else None):
            if each is not None:
                fire(script, each)
        cycle(script)
    result = judged(script, of)
    assert [each.reached for each in result.faults].count(False) == 1
    assert [text for text in result.failures if "not reached" in text] == [
        f"fault 20 one frame at cycle {number}: not reached" for number in failed
    ]


def test_cycles_that_never_go_on_are_a_failure(script: Script) -> None:
    of = plan(FAULT, cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    assert "no cycle was completed after it" in judged(script, of).faults[0].failures


def test_a_cycle_opened_while_none_may_be_is_named(script: Script) -> None:
    of = plan(msgspec.structs.replace(FAULT, lasts_s=10, stops_after_s=1), cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    cycle(script)
    cycle(script)
    assert judged(script, of).faults[0].failures == (
        "S: 1 opened meanwhile, the first (cycle 3) after 2.0 s",
    )


def test_nobody_has_to_know_of_a_fault_before_it_has_met_something(script: Script) -> None:
    of = plan(msgspec.structs.replace(FAULT, lasts_s=10, stops_after_s=1), cycles=3)
    (placed,) = unfold(of, 1, "socket")
    cycle(script)
    fire(script, placed, meet=False)
    cycle(script)
    cycle(script)
    hit(script, placed)
    assert judged(script, of).faults[0].failures == ()


def test_a_duplicate_is_the_doing_of_the_last_fault(script: Script) -> None:
    of = plan(FAULT, cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    script.trade("backpack", "0.5")
    script.trade("grvt", "-0.5")
    script.trade("grvt", "-0.5")
    script.trade("grvt", "0.5")
    script.hedged("-0.5")
    result = judged(script, of)
    assert result.duplicates
    assert any(failure.startswith("D: ") for failure in result.faults[0].failures)


def test_what_the_fault_itself_breaks_is_spared(script: Script) -> None:
    of = plan(msgspec.structs.replace(FAULT, spares=("D", "P", "flip")), cycles=3)
    cycle(script)
    fire(script, unfold(of, 1, "socket")[0])
    script.hedged("0.5")
    script.trade("grvt", "0.5")
    script.trade("backpack", "-0.5")
    cycle(script)
    assert not any(failure[0] == "D" for failure in judged(script, of).faults[0].failures)


def test_a_process_that_ended_badly_fails_the_drill(script: Script) -> None:
    cycle(script)
    result = judged(script, plan(), Ending(exit_code=70, lives=1, failure="it ended with 70"))
    assert result.failures == ("ketch: it ended with 70",)


def test_no_failure_in_n_cycles_bounds_the_rate_at_three_nth(script: Script) -> None:
    for _ in range(3):
        cycle(script)
    assert judged(script, plan(cycles=3)).bound == 1
    assert judged(script, plan(cycles=4)).bound is None


def test_what_people_read_says_the_hash_the_failure_and_how_to_see_it_again(
    script: Script,
) -> None:
    of = plan(FAULT, cycles=2)
    cycle(script)
    cycle(script)
    result = judged(script, of)
    report = Report(
        schema=DRILL_SCHEMA, drill=of.name, about=of.about, plan_hash=of.hash, passed=False,
        not_reached=("3 (elsewhere)",), runs=(result,), comparisons=(),
    )  # fmt: skip
    console = Console(width=200)
    with console.capture() as captured:
        show(report, console)
    said = captured.get()
    for words in (of.hash, "20 one frame at cycle 2: not reached", "3 (elsewhere)",
                  "again: ketch drill test --seed 1", "FAILED"):  # fmt: skip
        assert words in said


def test_a_cycle_that_was_begun_in_time_and_met_another_fault_is_not_held_against_the_first(
    script: Script,
) -> None:
    other = {"action": "deny", "connection": "grvt", "reason": "margin"}
    second = msgspec.structs.replace(FAULT, fault=25, cycle=3, arm=(other,), naked_q_s=D(200))
    of = plan(FAULT, second, cycles=4)
    cycle(script)
    for placed in unfold(of, 1, "socket"):
        fire(script, placed)
        script.trade("backpack", "0.5")
        script.wait(1000)
        script.trade("backpack", "-0.5")
        script.wait(50_000)
    cycle(script)
    first, _ = judged(script, of).faults
    assert first.resumed_s is not None
    assert first.resumed_s > 60
    assert first.passed
