"""Plans: what is read, what is refused, and what the hash says."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.exits import CONFIGURATION, USAGE, CommandFailed
from drills.draws import Draws, draw
from drills.plan import Plan, load, moved, names, shipped, styled
from drills.unfold import Placed, as_recorded, unfold

FAULTY = """
name: one
about: one fault
cycles: 5
faults:
  - {fault: 20, cycle: 3, at: {hook: primary_fill},
     arm: [{action: frames, connection: backpack/feed, kind: fill, do: drop}]}
"""


def plan_of(text: str, folder: Path) -> Plan:
    file = folder / "plan.yaml"
    file.write_text(text)
    return load(file)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("channel", ["socket", "rest"])
def test_every_shipped_plan_arms_only_what_the_paper_venues_know(name: str, channel: str) -> None:
    plan = shipped(name)
    for seed in range(5):
        unfold(plan, seed, "rest" if channel == "rest" else "socket")


def test_chaos_has_every_fault_of_the_list_or_says_where_else_it_is() -> None:
    plan = shipped("chaos")
    assert {each.fault for each in plan.faults} == set(range(1, 46))
    assert all(bool(each.arm) != bool(each.elsewhere) for each in plan.faults)


def test_the_hash_is_of_what_a_plan_says_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    plan = plan_of(FAULTY, tmp_path)
    assert plan_of("# a remark\n" + FAULTY, tmp_path).hash == plan.hash
    assert msgspec.structs.replace(plan, cycles=6).hash != plan.hash


def test_a_misspelt_name_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failure:
        plan_of(FAULTY.replace("cycles: 5", "cycels: 5"), tmp_path)
    assert failure.value.code == CONFIGURATION
    assert "cycels" in str(failure.value)


def test_a_fault_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    plan = plan_of(FAULTY.replace("action: frames", "action: flames"), tmp_path)
    with pytest.raises(CommandFailed, match="flames"):
        unfold(plan, 1, "socket")


def test_an_unknown_drill_is_a_usage_error_that_lists_those_there_are() -> None:
    with pytest.raises(CommandFailed, match="incident") as failure:
        shipped("nothing")
    assert failure.value.code == USAGE


def test_the_cycle_of_a_fault_can_be_moved(tmp_path: Path) -> None:
    (placed,) = unfold(moved(plan_of(FAULTY, tmp_path), 2), 1, "socket")
    assert placed.cycle == placed.arm[0]["at"]["cycle"] == 2


def test_a_style_changes_entry_and_exit_and_leaves_what_else_is_set() -> None:
    set_before = {"desks": {"eth": {"direction": "long"}}, "log": {"level": "debug"}}
    plan = styled(Plan(name="x", about="", cycles=1, settings=set_before), "maker")
    eth = {"direction": "long", "entry": "maker", "exit": "maker"}
    assert plan.settings == {"desks": {"eth": eth}, "log": {"level": "debug"}}


def test_a_fault_after_the_last_cycle_is_not_placed(tmp_path: Path) -> None:
    assert unfold(moved(plan_of(FAULTY, tmp_path), 6), 1, "socket") == ()


def test_the_incident_is_the_same_for_whoever_sends_over_rest_or_a_socket() -> None:
    plan = shipped("incident")
    (socket,), (rest,) = unfold(plan, 3, "socket"), unfold(plan, 3, "rest")
    assert [fault["execute"] for fault in socket.arm] == [False, True] * 3
    assert {fault["connection"] for fault in socket.arm} == {"grvt/trading"}
    assert {fault["connection"] for fault in rest.arm} == {"grvt/rest"}
    codes = [fault.get("code") for fault in socket.arm]
    statuses = {1000: 401, 1006: 429, 1002: 500}
    assert [statuses.get(code or 0) for code in codes] == [
        status if (status := fault.get("status")) != 200 else None for fault in rest.arm
    ]


def test_in_a_short_run_each_fault_comes_once_and_alone() -> None:
    plan = shipped("chaos")
    placed = unfold(plan, 1, "socket")
    cycles = [each.cycle for each in placed]
    assert len(set(cycles)) == len(cycles) == 50
    assert {each.injection.fault for each in placed} == {e.fault for e in plan.faults if e.arm}
    assert min(b - a for a, b in pairwise(cycles)) >= 2


def test_every_variant_of_a_fault_comes_in_one_of_five_short_runs() -> None:
    plan = shipped("chaos")
    placed = {each.label for seed in range(1, 6) for each in unfold(plan, seed, "socket")}
    assert placed == {each.label for each in plan.faults if each.arm and not each.once_from}


@settings(max_examples=3)
@given(seed=st.integers(0, 2**32))
def test_ten_thousand_cycles_have_bursts_and_each_outage_once(seed: int) -> None:
    plan = msgspec.structs.replace(shipped("chaos"), cycles=10_000)
    placed = unfold(plan, seed, "socket")
    labels = [each.label for each in placed]
    rare = [each.label for each in plan.faults if each.once_from]
    assert [labels.count(label) for label in rare] == [1] * len(rare)
    cycles = sorted(each.cycle for each in placed)
    assert 300 < len(set(cycles)) < 700
    close = [a for a, b in zip(cycles, cycles[9:], strict=False) if 2 < b - a <= 45]
    assert len({a // 2_000 for a in close}) >= 4


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_in_a_long_run_about_a_fifth_of_cycles_is_faulted_and_pairs_meet(seed: int) -> None:
    plan = msgspec.structs.replace(shipped("chaos"), cycles=1000)
    placed = unfold(plan, seed, "socket")
    together: dict[int, list[int]] = {}
    for each in placed:
        together.setdefault(each.cycle, []).append(each.injection.fault)
    assert 100 < len(together) < 250
    assert plan.schedule is not None
    met = [sorted(numbers) for numbers in together.values()]
    assert all(sorted(pair) in met for pair in plan.schedule.pairs)
    assert sum(each.injection.fault == 34 for each in placed) >= 10
    alone = [each.cycle for each in placed if each.injection.alone]
    assert all(len(together[cycle]) == 1 for cycle in alone)


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_in_a_long_run_no_fault_is_drawn_much_more_often_than_another(seed: int) -> None:
    plan = msgspec.structs.replace(shipped("chaos"), cycles=1000)
    assert plan.schedule is not None
    wanted = {fault for pair in plan.schedule.pairs for fault in pair}
    wanted |= {fault for fault, _ in plan.schedule.often}
    labels = Counter(each.label for each in unfold(plan, seed, "socket"))
    drawn = [e for e in plan.faults if e.arm and not e.once_from and e.fault not in wanted]
    times = [labels[each.label] for each in drawn]
    assert 1 <= min(times) <= max(times) <= min(times) + 2


@given(seed=st.integers(0), cycle=st.integers(0), n=st.integers(0))
def test_a_draw_depends_on_its_name_alone(seed: int, cycle: int, n: int) -> None:
    assert 0 <= draw(seed, cycle, "hook", n) < 1
    assert draw(seed, cycle, "hook", n) == draw(seed, cycle, "hook", n)


@given(things=st.lists(st.integers()))
def test_shuffled_things_are_the_same_things(things: list[int]) -> None:
    assert sorted(Draws(1, 1, "x").shuffled(things)) == sorted(things)


def placed_10() -> Placed:
    """A signature refused twice: it lies in wait for orders."""
    return next(
        each for each in unfold(shipped("chaos"), 1, "socket") if each.injection.fault == 10
    )


def test_a_fault_that_lies_in_wait_is_reached_when_it_has_met_something() -> None:
    placed = placed_10()
    texts = {as_recorded(fault) for fault in placed.arm}
    assert not placed.reached(fired=set(), hit=set())
    assert not placed.reached(fired=texts, hit=set())
    assert placed.reached(fired=texts, hit=texts)


def test_a_fault_that_acts_at_once_is_reached_when_it_has() -> None:
    placed = next(e for e in unfold(shipped("chaos"), 1, "socket") if e.injection.fault == 32)
    texts = {as_recorded(fault) for fault in placed.arm}
    assert placed.reached(fired=texts, hit=set())
