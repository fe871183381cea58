"""What is ignored stays ignored, and only as long as it is there; a halt outlives a start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk
from trading.cycle_effects import ChangePhase
from trading.desk import Phase
from trading.on_record import CycleRecorded, Span
from trading.plan import Unexplained

# -- what was ignored is not there any more --------------------------------------------------------

GONE = (
    "the venues hold: primary 0 (0.3 was ignored), hedge 0; "
    "closing that would reduce nothing: ketch ignore again takes what is there now"
)


def its_owner_closed_it(*, explained: bool, held: str = "0", **figures: Any) -> Desk:
    """0.3 of the primary was ignored in an earlier life; now the venue holds ``held`` there."""
    desk = Desk(next_cycle=2, **figures)
    desk.recover(held, explained=explained, size=D("0.5"), outside={PRIMARY: D("0.3")})
    return desk.venues_up().wait(0.1)


@pytest.mark.parametrize("policy", [Unexplained.HALT, Unexplained.ADOPT, Unexplained.FLATTEN])
@pytest.mark.parametrize("explained", [True, False])
def test_an_ignored_position_that_its_owner_has_closed_is_not_bought_back(
    policy: Unexplained, explained: bool
) -> None:
    desk = its_owner_closed_it(explained=explained, unexplained=policy)
    assert (desk.phase, desk.orders) == (Phase.HALTED, [])
    assert desk.machine.halted.endswith(GONE)


@pytest.mark.parametrize("held", ["0.1", "-0.1"])
def test_nor_is_what_its_owner_has_closed_of_it_in_part_or_beyond(held: str) -> None:
    desk = its_owner_closed_it(explained=True, held=held)
    assert (desk.phase, desk.orders) == (Phase.HALTED, [])


@pytest.mark.parametrize("explained", [True, False])
def test_a_person_who_has_it_closed_is_refused_and_ignoring_it_again_goes_on(
    explained: bool,
) -> None:
    desk = its_owner_closed_it(explained=explained)
    for order in (desk.machine.adopt_found, desk.machine.flatten_found):
        (said,) = desk.take(order(desk.now_s))
        assert isinstance(said, ChangePhase)
        assert said.detail.startswith("not closed: closing that would reduce nothing: ketch ignore")
    assert (desk.phase, desk.orders) == (Phase.HALTED, [])
    desk.take(desk.machine.ignore_found(desk.now_s))
    desk.wait(0.1)
    assert (desk.machine.outside, desk.phase) == ({}, Phase.OPENING)


def test_one_that_is_ignored_by_configuration_follows_what_its_owner_does() -> None:
    desk = its_owner_closed_it(explained=False, unexplained=Unexplained.IGNORE)
    assert (desk.machine.outside, desk.phase) == ({}, Phase.OPENING)


def beside_an_opposite_one(record: CycleRecorded) -> Desk:
    """A cycle holds 0.5 beside an ignored -0.3: the venue itself holds 0.2."""
    desk = Desk(next_cycle=2)
    desk.machine.on_record = record
    desk.recover("0.2", "-0.5", size=D("0.5"), outside={PRIMARY: D("-0.3")})
    return desk.venues_up()


def test_what_the_record_says_is_ours_is_closed_beside_an_ignored_opposite_position() -> None:
    ours = {PRIMARY: Span(D("0.5"), D("0.5")), HEDGE: Span(D("-0.5"), D("-0.5"))}
    desk = beside_an_opposite_one(CycleRecorded(ours, ""))
    assert (desk.phase, desk.live(PRIMARY).size) == (Phase.CLOSING, D("0.5"))


def test_without_a_complete_record_it_halts() -> None:
    doubtful = {PRIMARY: Span(D("0"), D("0.5")), HEDGE: Span(D("-0.5"), D("-0.5"))}
    for record in (CycleRecorded(doubtful, ""), CycleRecorded()):
        assert beside_an_opposite_one(record).phase is Phase.HALTED


# -- a halt outlives a start -----------------------------------------------------------------------


def test_only_a_person_undoes_a_halt_whatever_the_configuration_says_of_positions() -> None:
    desk = Desk(halted="daily_loss: 500 lost", unexplained=Unexplained.IGNORE)
    desk.recover("0.3", "0", explained=False).venues_up()
    assert (desk.phase, desk.machine.halted) == (Phase.HALTED, "daily_loss: 500 lost")
    desk.take(desk.machine.resume(desk.now_s))
    assert desk.wait(0.1).phase is Phase.OPENING
