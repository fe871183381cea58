"""Faults 21, 27, 29 with a desk that quotes: its entry rests, and meets fills, itself, refusals."""

from __future__ import annotations

from pathlib import Path

from tests.support.faults import scene
from tests.support.faults_rules import AS_SHIPPED, ROLES, executed, hedge_of, most_within
from venues.model import BACKPACK

MAKER = "desks.eth.entry=maker"
REFUSALS = 15
MOST_A_SECOND = 2  # on the average of any five
FIVE_SECONDS = 4.75  # requests that leave half a second apart arrive a little closer together


@ROLES
def test_21_a_resting_entry_is_taken_in_twenty_fills_at_once(tmp_path: Path, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = {"hook": "primary_accept", "cycle": 1}
        the.arm("take", venue=the.primary, part=1.0, pieces=20, at=at)
        with the.service(MAKER, cycles=2) as run:
            the.finish(run)
        the.met()
        the.judged(naked_q_s=1)
        assert sum(executed(the, the.primary)) == sum(executed(the, hedge_of(the))) == 0


@AS_SHIPPED
def test_27_what_takes_a_part_off_again_does_not_meet_the_rest_of_the_entry(
    tmp_path: Path, swapped: bool
) -> None:
    """The entry rests, a part of it is filled, the hedge is refused: the part is sold again."""
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at("primary_accept")
        the.arm("take", venue=the.primary, part=0.3, at=at)
        hedge = hedge_of(the)
        the.arm("deny", connection=hedge, of="increasing", reason="margin", for_s=4, at=at)
        with the.service(MAKER) as run:
            the.met(2)
            the.run_on(run)
            the.finish(run)
        assert the.judged(naked_q_s=3)["self_trades"] == []


@AS_SHIPPED
def test_29_fifteen_quotes_in_a_row_are_refused_as_they_would_take(
    tmp_path: Path, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        when = "entry" if the.primary == BACKPACK else "after"
        refused = {"of": "post_only", "reason": "post_only", "when": when, "times": REFUSALS}
        the.judge.fault(action="deny", connection=the.primary, **refused)
        with the.service(MAKER) as run:
            the.met(REFUSALS, within_s=90)
            the.run_on(run)
            the.finish(run)
        assert most_within(the.hits_s(), FIVE_SECONDS) <= 5 * MOST_A_SECOND
        the.judged(naked_q_s=0.5)
