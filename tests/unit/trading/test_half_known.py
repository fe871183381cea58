"""While one venue can't be read, only what is too much for certain is taken off at the other."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk
from trading.cycle_effects import ChangePhase, ReadAnew, StartCycle
from trading.desk import DeskState, Phase
from trading.leg import Leg
from trading.on_record import CycleRecorded, Span
from venues.model import Side

_DEADLINE_S = 5.0


def spans(primary: tuple[str, str], hedge: tuple[str, str]) -> CycleRecorded:
    (a, b), (c, d) = primary, hedge
    return CycleRecorded({PRIMARY: Span(D(a), D(b)), HEDGE: Span(D(c), D(d))}, "")


_NAKED = spans(("0", "0.5"), ("0", "0"))  # the primary's order has no outcome; no hedge was sent


class Half(Desk):
    """A desk that is starting, with the record of an open cycle."""

    def read(self, leg: Leg | None = None, held: str = "0", *, outside: str = "0") -> Half:
        """A venue is sure to hold that, or none is."""
        known = {} if leg is None else {leg: D(held)}
        others = {PRIMARY: D(outside)}
        self.take(self.machine.partly_read(known, others, self.now_s))
        return self


def half(record: CycleRecorded = _NAKED, leg: Leg = PRIMARY, held: str = "0.5") -> Half:
    """Ready where it could read; the other venue is silent for as long as a leg may be naked."""
    desk = Half(hedge_deadline_s=_DEADLINE_S, next_cycle=4)
    desk.machine.on_record = record
    desk.readiness(leg, True)
    desk.read(leg, held).wait(_DEADLINE_S - 0.1)
    assert desk.orders == []
    desk.wait(0.1)
    return desk


def test_a_naked_leg_is_taken_off_reduce_only_once_the_other_venue_was_silent_for_too_long() -> (
    None
):
    desk = half()
    (order,) = desk.orders
    assert (order.leg, order.side, order.size) == (PRIMARY, Side.SELL, D("0.5"))
    assert order.reduce_only
    assert not order.adds_risk
    assert desk.of(StartCycle)[-1].cycle == 4
    assert desk.machine.naked_since_s is not None


def test_it_says_what_it_waits_for_and_what_it_does() -> None:
    desk = half()
    said = (
        "what grvt holds is not known; backpack holds 0.5, on record the other is 0: "
        "0.5 is too much and is taken off"
    )
    assert desk.machine.waiting == (said,)
    assert desk.of(ChangePhase) == [ChangePhase(Phase.RECOVERING, said)]
    assert desk.machine.state is DeskState.RECOVERING


def test_when_both_were_read_after_that_the_recovery_goes_on_as_the_same_cycle() -> None:
    desk = half()
    desk.fill(PRIMARY)
    desk.recover("0", "0").settle()
    (record,) = desk.records
    assert (record.cycle, record.outcome, record.primary.traded) == (4, "recovered", D("0.5"))
    assert desk.phase is Phase.IDLE
    assert (desk.machine.waiting, desk.machine.flat) == ((), True)


def test_what_the_silent_venue_held_after_all_is_closed_then() -> None:
    desk = half()
    desk.fill(PRIMARY)
    desk.venues_up().recover("0", "-0.5")
    assert desk.phase is Phase.UNWINDING
    desk.fill(HEDGE)
    desk.settle()
    assert desk.records[-1].outcome == "recovered"
    assert [order.reduce_only for order in desk.on(HEDGE)] == [True]


def test_nothing_begins_while_what_was_sent_meanwhile_has_no_outcome() -> None:
    desk = half()
    desk.recover("0.5", "0")
    assert len(desk.of(ChangePhase)) == 1
    desk.fill(PRIMARY)
    desk.recover("0", "0")
    assert [change.phase for change in desk.of(ChangePhase)][-1] is Phase.SETTLING


def test_the_rest_of_what_executed_in_part_is_taken_off_when_it_has_been_read_anew() -> None:
    desk = half(spans(("0.5", "0.5"), ("0", "0")))
    desk.cancel(PRIMARY, "0.2")
    desk.wait(1.0)
    assert len(desk.orders) == 1
    desk.read().read(PRIMARY, "0.3")
    assert [order.size for order in desk.orders] == [D("0.5"), D("0.3")]
    assert desk.machine.position(PRIMARY) == D("0.3")
    assert desk.machine.waiting[0].endswith("0.3 is too much and is taken off (-0.2 done)")


def test_more_than_an_open_cycle_explains_after_that_is_a_reason_to_begin_anew() -> None:
    desk = half()
    desk.fill(PRIMARY)
    desk.recover("0", "7")
    assert len(desk.of(ReadAnew)) == 1
    assert desk.machine.found is None


@pytest.mark.parametrize(
    ("record", "leg", "held", "why"),
    [
        (spans(("0.5", "0.5"), ("-0.5", "-0.5")), PRIMARY, "0.5", "left as it is"),
        (spans(("0.5", "0.5"), ("-0.5", "0")), PRIMARY, "0.5", "is -0.5 to 0: left as it is"),
        (spans(("0.5", "0.5"), ("-0.2", "-0.2")), HEDGE, "-0.2", "is 0.5: left as it is"),
        (spans(("0.1", "0.1"), ("0", "0")), PRIMARY, "0.5", "on record it is 0.1"),
        (CycleRecorded({}, "order 9 may"), PRIMARY, "0.5", "left as it is: order 9 may"),
        (CycleRecorded(), PRIMARY, "0.5", "left as it is: no cycle was open"),
    ],
    ids=["balanced", "perhaps balanced", "too small", "not ours", "incomplete", "no cycle"],
)
def test_what_is_not_too_much_for_certain_is_left_as_it_is(
    record: CycleRecorded, leg: Leg, held: str, why: str
) -> None:
    desk = half(record, leg, held)
    assert desk.orders == []
    assert desk.of(StartCycle) == []
    assert desk.machine.waiting[0].endswith(why) or why in desk.machine.waiting[0]


def test_the_hedge_too_is_taken_off_and_only_what_is_too_much_of_it() -> None:
    desk = half(spans(("0.1", "0.2"), ("-0.5", "-0.5")), HEDGE, "-0.5")
    (order,) = desk.orders
    assert (order.leg, order.side, order.size) == (HEDGE, Side.BUY, D("0.3"))
    assert order.reduce_only


def test_somebody_elses_position_beside_ours_is_left_alone() -> None:
    desk = Half(hedge_deadline_s=_DEADLINE_S)
    desk.machine.on_record = _NAKED
    desk.readiness(PRIMARY, True)
    desk.read(PRIMARY, "2.5", outside="2").wait(_DEADLINE_S)
    assert [order.size for order in desk.orders] == [D("0.5")]


def test_a_desk_that_is_told_to_leave_everything_leaves_that_too() -> None:
    desk = Half(hedge_deadline_s=_DEADLINE_S)
    desk.machine.on_record = _NAKED
    desk.readiness(PRIMARY, True)
    desk.take(desk.machine.leave(0.0))
    desk.read(PRIMARY, "0.5").wait(_DEADLINE_S)
    assert desk.orders == []


def test_the_process_stood_still_and_the_time_begins_anew() -> None:
    desk = Half(hedge_deadline_s=_DEADLINE_S)
    desk.machine.on_record = _NAKED
    desk.read(PRIMARY, "0.5").wait(_DEADLINE_S - 0.1)
    desk.machine.woke()
    desk.readiness(PRIMARY, True)
    desk.read(PRIMARY, "0.5").wait(1.0)
    assert desk.orders == []
    assert desk.wait(_DEADLINE_S).orders != []


def test_it_is_looked_at_again_when_the_time_is_over() -> None:
    desk = Half(hedge_deadline_s=0.7)
    desk.machine.on_record = _NAKED
    desk.read(PRIMARY, "0.5")
    assert desk.machine.next_due_s(0.0) == 0.7


def test_what_may_be_of_an_ignored_position_that_was_closed_is_not_taken_off() -> None:
    desk = Half(hedge_deadline_s=_DEADLINE_S, next_cycle=4)
    desk.machine.on_record = spans(("-0.5", "0"), ("0", "0"))  # of a short cycle's first order
    desk.readiness(PRIMARY, True)
    desk.read(PRIMARY, "0", outside="0.3").wait(_DEADLINE_S)
    assert desk.orders == []
