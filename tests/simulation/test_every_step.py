"""One cycle in a calm world, and one thing done to it, at each of its steps in turn."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from tests.simulation.judgement import Outcome
from tests.simulation.trouble import CALM, Act, Trouble
from tests.simulation.world import World
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, plan
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import Direction
from venues.model import Instrument

_LIMIT_S = 120


_BACKPACK_FIRST = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
_GRVT_FIRST = {Leg.PRIMARY: GRVT_ETH, Leg.HEDGE: BACKPACK_ETH}


def run_cycle(*acts: tuple[int, Act], legs: Mapping[Leg, Instrument] = _BACKPACK_FIRST) -> Outcome:
    return World(1, Trouble(acts=acts), plan(cycles=1), legs).run(_LIMIT_S)


_STEPS = World(1, CALM, plan(cycles=1)).run(_LIMIT_S).steps
# Where every step would take long, the odd ones have Backpack first and the even ones GRVT.
_BOTH_AT_EACH = bool(os.environ.get("KETCH_SIMULATION_SEEDS"))


def steps(legs: Mapping[Leg, Instrument]) -> range:
    if _BOTH_AT_EACH:
        return range(1, _STEPS + 1)
    return range(1 if legs is _BACKPACK_FIRST else 2, _STEPS + 1, 2)


def test_a_calm_world_sees_whole_cycles_and_nothing_else() -> None:
    outcome = World(7, CALM, plan(cycles=20)).run(_LIMIT_S)
    assert outcome.faults() == []
    assert outcome.measures.completed == outcome.finished == 20
    assert {record.outcome for record in outcome.records} == {"completed"}
    assert outcome.measures.naked_q_s.max < 0.5


# Nobody is there to hedge, or to see what the hedge would have to be.
_AWAY_S = {
    Act.KILL_FOR_LONG: 30, Act.SUSPEND: 20,
    Act.KILL_UNREAD_PRIMARY: 20, Act.KILL_UNREAD_HEDGE: 20,
}  # fmt: skip
_BY_HAND = (Act.TRADE_PRIMARY, Act.TRADE_HEDGE)
_FORCED = (Act.FORCE_PRIMARY, Act.FORCE_HEDGE, Act.TAKE_HEDGE)


@pytest.mark.parametrize("act", [act for act in Act if act not in (*_BY_HAND, *_FORCED)])
@pytest.mark.parametrize("legs", [_BACKPACK_FIRST, _GRVT_FIRST], ids=["backpack", "grvt"])
def test_whatever_happens_at_any_step_the_venues_saw_nothing_wrong(
    act: Act, legs: Mapping[Leg, Instrument]
) -> None:
    for step in steps(legs):
        outcome = run_cycle((step, act), legs=legs)
        assert outcome.faults() == [], f"{act.value} at step {step} of {_STEPS}"
        naked_q_s = outcome.measures.naked_q_s.max - _AWAY_S.get(act, 0)
        assert naked_q_s <= 15, f"{act.value} at step {step}"


def worst_q_s(act: Act, legs: Mapping[Leg, Instrument]) -> list[float]:
    """What was naked when that was done, by step, where anything was."""
    outcomes = [run_cycle((step, act), legs=legs) for step in range(1, _STEPS + 1)]
    worst = [float(outcome.measures.naked_q_s.max) for outcome in outcomes]
    return [q_s for q_s in worst if q_s > 2]


@pytest.mark.parametrize("legs", [_BACKPACK_FIRST, _GRVT_FIRST], ids=["backpack", "grvt"])
def test_a_primary_that_was_not_hedged_is_not_naked_for_as_long_as_the_hedge_can_not_be_read(
    legs: Mapping[Leg, Instrument],
) -> None:
    """While it was being hedged nobody can know, and it is left as it is."""
    worst = worst_q_s(Act.KILL_UNREAD_HEDGE, legs)
    assert sum(q_s <= 12 for q_s in worst) >= 5, worst


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
@pytest.mark.parametrize("act", _BY_HAND)
def test_what_somebody_else_trades_halts_the_desk_and_is_left_alone(
    act: Act, direction: Direction
) -> None:
    for step in range(1, _STEPS + 1, 2):
        world = World(1, Trouble(acts=((step, act),)), plan(cycles=50, direction=direction))
        outcome = world.run(_LIMIT_S)
        assert outcome.phase is Phase.HALTED, f"{act.value} at step {step}"
        for venue, ours in zip(world.venues.values(), outcome.positions, strict=True):
            # Where it went against ours, a reduce-only order finds nothing to reduce at the end.
            assert not ours or not venue.position, f"{act.value} at step {step}: {ours}"


@pytest.mark.parametrize("act", _FORCED)
@pytest.mark.parametrize("legs", [_BACKPACK_FIRST, _GRVT_FIRST], ids=["backpack", "grvt"])
def test_what_a_venue_closes_by_itself_has_the_other_leg_closed_and_the_desk_halted(
    act: Act, legs: Mapping[Leg, Instrument]
) -> None:
    for step in range(1, _STEPS + 1, 2):
        world = World(1, Trouble(acts=((step, act),)), plan(cycles=2, hold_s=3.0), legs)
        outcome = world.run(_LIMIT_S)
        if not outcome.forced:
            continue
        assert outcome.faults() == [], f"{act.value} at step {step} of {_STEPS}"
        assert outcome.phase is Phase.HALTED, f"{act.value} at step {step}"
        assert outcome.measures.naked_q_s.max <= 5, f"{act.value} at step {step}"
        assert outcome.finished <= 1
        assert all(record.fees_complete for record in outcome.records)
        cash = sum(venue.cash for venue in world.venues.values())
        assert sum(record.pnl for record in outcome.records) == cash, f"{act.value} at step {step}"


@pytest.mark.parametrize("act", [Act.CUT_PRIMARY, Act.CUT_HEDGE])
def test_a_connection_lost_twice_in_a_row_is_survived(act: Act) -> None:
    for step in range(1, _STEPS + 1, 3):
        outcome = run_cycle((step, act), (step + 25, act))
        assert outcome.faults() == [], f"{act.value} at steps {step} and {step + 25}"


def test_the_same_seed_has_the_same_course() -> None:
    first, second = (run_cycle((40, Act.CUT_HEDGE)) for _ in range(2))
    assert first == second
