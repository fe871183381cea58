"""A desk begins from what the venues hold: it closes what is its own and touches nothing else."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk
from trading.cycle_effects import ReadAnew
from trading.desk import Phase
from trading.leg import Leg
from trading.plan import Unexplained
from trading.recovery import HeldPositions
from trading.transitions import OrderState


def opening() -> Desk:
    """A desk whose first order is under way."""
    desk = Desk().recover("0", "0").venues_up()
    assert desk.phase is Phase.OPENING
    return desk


def flat_again(desk: Desk) -> Desk:
    """Every order fills, until there is none, and both venues confirm it."""
    while desk.machine.orders.unresolved():
        desk.fill(desk.machine.orders.unresolved()[0].leg)
        desk.wait(0.1)
    desk.settle()
    return desk


# -- what the venues hold --------------------------------------------------------------------------


def heard(held: HeldPositions, leg: Leg, *readings: tuple[str, bool]) -> list[bool]:
    """Readings of a venue, a second apart."""
    return [held.read(leg, D(size), sure, float(at)) for at, (size, sure) in enumerate(readings)]


def test_two_equal_settled_readings_of_each_venue_are_what_it_holds() -> None:
    held = HeldPositions(0.1)
    assert heard(held, PRIMARY, ("0.5", True), ("0.5", True)) == [False, True]
    assert held.proven is None
    assert heard(held, HEDGE, ("-0.5", True), ("-0.5", True)) == [False, True]
    assert held.proven == {PRIMARY: D("0.5"), HEDGE: D("-0.5")}


def test_a_reading_while_an_order_may_execute_proves_nothing() -> None:
    told = heard(
        HeldPositions(0.1), PRIMARY, *(("0.5", sure) for sure in (True, False, True, True))
    )
    assert told == [False, False, False, True]


def test_two_readings_that_were_asked_for_at_once_are_one() -> None:
    """An order of the last life may have executed after both were asked for."""
    held = HeldPositions(0.1)
    moments = (0.0, 0.0002, 0.05, 0.11)
    assert [held.read(PRIMARY, D(0), True, at_s) for at_s in moments] == [
        False, False, False, True,
    ]  # fmt: skip


def test_another_reading_takes_the_proof_back() -> None:
    held = HeldPositions(0.1)
    for leg in Leg:
        heard(held, leg, ("0", True), ("0", True))
    held.read(HEDGE, D("0.5"), True, 3.0)
    assert held.proven is None


def test_what_was_asked_for_before_an_order_of_ours_proves_nothing() -> None:
    held = HeldPositions(0.1)
    for leg in Leg:
        heard(held, leg, ("0.5", True), ("0.5", True))
    held.forget(3.0)
    assert held.known == {}
    assert [held.read(PRIMARY, D("0.5"), True, at_s) for at_s in (2.0, 3.0, 3.5, 4.0)] == [
        False, False, False, True,
    ]  # fmt: skip
    assert held.known == {PRIMARY: D("0.5")}
    assert held.proven is None


# -- what an interrupted cycle left ----------------------------------------------------------------


def test_the_rest_of_a_cycle_may_be_as_large_as_that_cycle_was() -> None:
    """The size was changed while the process was down."""
    desk = Desk(size=D("0.1")).recover("0.5", "-0.5", size=D("0.5"))
    assert desk.phase is Phase.UNWINDING


def test_the_rest_of_a_cycle_can_not_be_larger_than_that_cycle() -> None:
    desk = Desk(size=D("0.5")).recover("0.5", "-0.5", size=D("0.1"))
    assert desk.machine.halted.startswith("expected what is left of a cycle")


def test_no_cycle_opens_while_an_order_of_the_last_life_may_execute() -> None:
    desk = Desk().recover(unsure_until_s=7.0).venues_up()
    assert desk.phase is Phase.IDLE
    assert desk.machine.waiting == ("an order of the last life may still execute",)
    assert desk.machine.next_due_s(0.0) == 7.0
    assert desk.wait(7.0).phase is Phase.OPENING


def test_drift_while_unsure_is_read_again_and_later_halts() -> None:
    desk = Desk().recover("0.5", "0", unsure_until_s=7.0).venues_up()
    desk.take(desk.machine.drift("backpack: expected 0.5, has 0", 1.0))
    assert desk.of(ReadAnew) == [ReadAnew("backpack: expected 0.5, has 0")]
    assert desk.machine.halted == ""
    later = Desk().recover("0.5", "0", unsure_until_s=7.0).venues_up()
    later.take(later.machine.drift("backpack: expected 0.5, has 0", 7.0))
    assert later.of(ReadAnew) == []
    assert later.machine.halted == "backpack: expected 0.5, has 0"


def test_a_position_that_is_gone_is_read_anew_while_unsure() -> None:
    desk = Desk().recover("0.5", "0", unsure_until_s=7.0).venues_up()
    while desk.machine.orders.unresolved():
        desk.cancel(PRIMARY)
    for _ in range(3):
        desk.take(desk.machine.positions_read(PRIMARY, D(0), 0.0))
    assert len(desk.of(ReadAnew)) == 1
    assert desk.machine.halted == ""


def not_reduced(unsure_until_s: float, held: str) -> Desk:
    """A recovery from 0.5 whose orders the primary refuses; it turns out to hold ``held``."""
    desk = Desk().recover("0.5", "0", unsure_until_s=unsure_until_s).venues_up()
    for _ in range(3):
        desk.wait(10.0)
        desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
    for _ in range(3):
        desk.take(desk.machine.positions_read(PRIMARY, D(held), desk.now_s))
    return desk


@pytest.mark.parametrize("held", ["0", "0.2", "-0.1"])
def test_what_an_order_of_the_last_life_took_off_is_read_anew_however_late_it_shows(
    held: str,
) -> None:
    desk = not_reduced(7.0, held)
    assert desk.of(ReadAnew) == [ReadAnew(f"primary: ours is 0.5, the venue holds {held}")]
    assert desk.machine.halted == ""


def test_a_recovery_after_all_had_expired_halts_over_what_was_taken_off() -> None:
    desk = not_reduced(-1.0, "0.2")
    assert desk.of(ReadAnew) == []
    assert desk.machine.halted == "primary: ours is 0.5, the venue holds 0.2"


def test_what_the_recovery_left_wrong_is_read_anew_when_it_settles() -> None:
    desk = Desk().recover("0.5", "0", unsure_until_s=7.0).venues_up()
    desk.fill(PRIMARY)
    desk.wait(60.0)
    for leg, held in ((HEDGE, "0"), (PRIMARY, "0.1"), (PRIMARY, "0.1"), (PRIMARY, "0.1")):
        desk.take(desk.machine.positions_read(leg, D(held), desk.now_s))
    assert len(desk.of(ReadAnew)) == 1
    assert desk.machine.halted == ""


# -- a desk that is halted from the start ----------------------------------------------------------


def test_a_halted_desk_closes_what_it_finds_and_opens_nothing() -> None:
    desk = Desk(halted="3 crashes in a minute").recover("0.5", "-0.3").venues_up()
    flat_again(desk)
    assert desk.phase is Phase.HALTED
    assert desk.machine.flat
    assert [record.outcome for record in desk.records] == ["recovered"]


def test_a_halted_desk_that_is_flat_halts_at_once_and_can_be_resumed() -> None:
    desk = Desk(halted="drift").recover().venues_up()
    assert desk.phase is Phase.HALTED
    desk.take(desk.machine.resume(desk.now_s))
    assert desk.wait(0.1).orders


def test_a_desk_that_is_resumed_while_not_flat_reads_the_venues_anew() -> None:
    desk = Desk(max_vain_cycles=1).recover().venues_up()
    desk.take(desk.machine.halt("drift", 0.0))
    desk.machine.phase = Phase.HALTED
    desk.machine.legs[PRIMARY].held = D("0.1")
    desk.take(desk.machine.resume(0.0))
    assert desk.of(ReadAnew) == [ReadAnew("resumed while not flat")]


def test_a_desk_halted_before_it_knows_what_is_held_is_over_when_nothing_of_its_own_was_open() -> (
    None
):
    """Another trader moves the account all the time: no two readings are ever equal."""
    desk = Desk()
    desk.machine.interrupted = False
    desk.take(desk.machine.halt("an order is not ours", 0.0))
    desk.wait(4.9)
    before = desk.phase
    desk.wait(0.1)
    assert (before, desk.phase) == (Phase.RECOVERING, Phase.HALTED)
    assert not desk.machine.flat
    desk.take(desk.machine.resume(desk.now_s))
    assert desk.of(ReadAnew) == [ReadAnew("resumed while not flat")]


def test_a_desk_whose_cycle_was_interrupted_goes_on_reading_though_it_is_halted() -> None:
    desk = Desk()
    desk.take(desk.machine.halt("an order is not ours", 0.0))
    for _ in range(30):
        desk.wait(1.0)
    assert desk.phase is Phase.RECOVERING


# -- what nothing explains -------------------------------------------------------------------------

FOUND = "expected to start flat, the venues hold: primary 0.5, hedge 0"


def test_a_position_that_nothing_explains_is_not_touched() -> None:
    desk = Desk().recover("0.5", "0", explained=False).venues_up().wait(60.0)
    assert (desk.phase, desk.machine.halted, desk.orders) == (Phase.HALTED, FOUND, [])
    assert not desk.machine.flat


def test_no_resume_goes_over_a_position_that_nothing_explains() -> None:
    desk = Desk().recover("0.5", "0", explained=False).venues_up()
    desk.take(desk.machine.resume(0.0))
    assert (desk.phase, desk.machine.halted, desk.orders) == (Phase.HALTED, FOUND, [])


def test_what_is_adopted_is_closed_and_cycles_go_on() -> None:
    desk = Desk(pause_s=0.0).recover("0.5", "0", explained=False).venues_up()
    desk.take(desk.machine.adopt_found(desk.now_s))
    assert desk.phase is Phase.UNWINDING
    flat_again(desk)
    assert desk.machine.halted == ""
    assert [record.outcome for record in desk.records] == ["recovered"]
    assert desk.wait(0.1).phase is Phase.OPENING


def test_what_is_larger_than_a_cycle_is_adopted_in_orders_no_larger_than_one() -> None:
    desk = Desk(pause_s=60.0).recover("1.2", "0.3", explained=False).venues_up()
    desk.take(desk.machine.adopt_found(desk.now_s))
    flat_again(desk)
    assert desk.machine.flat
    assert max(order.size for order in desk.orders) == D("0.5")
    assert all(order.reduce_only for order in desk.orders)


def test_what_is_flattened_is_closed_and_the_desk_stays_halted() -> None:
    desk = Desk().recover("0.5", "-0.5", explained=False).venues_up()
    desk.take(desk.machine.flatten_found(desk.now_s))
    flat_again(desk)
    assert (desk.phase, desk.machine.flat) == (Phase.HALTED, True)
    assert desk.machine.halted == "what was found has been closed, as told; resume to go on"


def test_what_is_ignored_stays_and_is_traded_beside() -> None:
    desk = Desk(cycles=1, pause_s=0.0).recover("-0.3", "0", explained=False).venues_up()
    desk.take(desk.machine.ignore_found(desk.now_s))
    assert desk.machine.outside == {PRIMARY: D("-0.3")}
    desk.wait(0.1).open()
    desk.wait(0.5)
    assert desk.machine.net == 0
    assert not desk.live(PRIMARY).reduce_only  # the venue holds 0.2, and 0.5 are to be sold
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).reduce_only
    desk.fill(HEDGE)
    desk.positions("-0.3", "0")
    assert (desk.phase, desk.machine.halted) == (Phase.DONE, "")


def test_what_was_ignored_in_an_earlier_run_is_ignored_again() -> None:
    desk = Desk().recover("0.3", "0", explained=False, outside={PRIMARY: D("0.3")}).venues_up()
    assert desk.phase is Phase.OPENING
    other = Desk().recover("0.4", "0", explained=False, outside={PRIMARY: D("0.3")})
    assert other.machine.halted.endswith("the venues hold: primary 0.4 (0.3 was ignored), hedge 0")


@pytest.mark.parametrize(
    ("policy", "phase"),
    [
        (Unexplained.HALT, Phase.HALTED),
        (Unexplained.ADOPT, Phase.UNWINDING),
        (Unexplained.FLATTEN, Phase.UNWINDING),
        (Unexplained.IGNORE, Phase.OPENING),
    ],
)
def test_the_configuration_can_say_what_is_done_about_it(policy: Unexplained, phase: Phase) -> None:
    desk = Desk(unexplained=policy).recover("0.5", "0", explained=False).venues_up()
    assert desk.phase is phase
    assert bool(desk.machine.halted) == (policy in (Unexplained.HALT, Unexplained.FLATTEN))


# -- after the process has stood still -------------------------------------------------------------


def test_after_a_stall_nothing_is_sent_until_the_venue_is_ready_and_has_a_price_anew() -> None:
    desk = opening()
    desk.machine.woke()
    desk.fill(PRIMARY)
    assert not desk.on(HEDGE)
    desk.readiness(HEDGE, True)
    assert not desk.on(HEDGE)
    desk.quotes(HEDGE)
    assert desk.live(HEDGE).size == D("0.5")
