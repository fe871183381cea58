"""A leg that its venue does not let go: the other one matches it, and they take turns."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, closing, holding, started
from trading.cycle_effects import CheckPositions
from trading.desk import Phase
from trading.plan import Action, ActiveLimit
from venues.model import Refusal, Side

NAKED = ActiveLimit("eth.naked_notional", Action.REDUCE, "1250, limit 1000")


def turned_away(refusal: Refusal = Refusal.MARKET) -> Desk:
    """The primary is closed, and the hedge's venue refuses to close its leg for the whole time."""
    desk = closing()
    desk.fill(PRIMARY)
    while desk.phase is Phase.CLOSING:
        desk.refuse(HEDGE, refusal)
        desk.wait(1.0)
    return desk


@pytest.mark.parametrize("refusal", [Refusal.MARKET, Refusal.RATE])
def test_a_hedge_that_cannot_be_closed_in_its_time_is_matched_by_the_primary(
    refusal: Refusal,
) -> None:
    desk = turned_away(refusal)
    assert desk.phase is Phase.UNWINDING
    order = desk.live(PRIMARY)
    assert (order.side, order.size, order.reduce_only) == (Side.BUY, D("0.5"), False)
    assert not order.adds_risk
    desk.fill(PRIMARY)
    assert desk.machine.net == 0


def refused_for_something(held: str) -> Desk:
    """The same, but nobody knows what the refusals are about; the venue is read to hold this."""
    desk = closing()
    desk.fill(PRIMARY)
    for _ in range(8):
        asked = len(desk.of(CheckPositions))
        for order in [o for o in desk.machine.orders.unresolved() if o.leg is HEDGE]:
            desk.refuse(order.leg, Refusal.OTHER)
        desk.wait(1.0)
        if len(desk.of(CheckPositions)) > asked:
            desk.positions("0", held)
    return desk


def test_a_refusal_that_says_nothing_has_the_position_read_before_it_is_matched() -> None:
    desk = refused_for_something("-0.5")
    assert len(desk.on(HEDGE)) >= 4
    order = desk.live(PRIMARY)
    assert (order.side, order.size) == (Side.BUY, D("0.5"))


def test_what_is_not_there_any_more_is_not_matched() -> None:
    desk = refused_for_something("0")
    assert len(desk.on(PRIMARY)) == 2
    assert "hedge: ours is -0.5, the venue holds 0" in desk.machine.halted


def test_what_cannot_be_read_is_not_matched() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    for _ in range(60):
        desk.refuse(HEDGE, Refusal.OTHER)
        desk.wait(2.0)
    assert len(desk.on(PRIMARY)) == 2


def test_the_leg_that_could_not_be_closed_is_then_the_first_to_go() -> None:
    desk = turned_away()
    desk.fill(PRIMARY)
    desk.wait(30.0)
    for _ in range(10):
        assert desk.live(HEDGE).reduce_only
        desk.refuse(HEDGE, Refusal.MARKET)
        assert desk.machine.net == 0
        desk.wait(31.0)
    desk.fill(HEDGE)
    assert desk.live(PRIMARY).reduce_only
    desk.fill(PRIMARY)
    desk.settle()
    assert [record.outcome for record in desk.records] == ["unwound"]


def test_it_is_asked_ever_more_rarely_whether_it_goes() -> None:
    desk = turned_away()
    desk.fill(PRIMARY)
    before = len(desk.on(HEDGE))
    for _ in range(600):
        for order in desk.machine.orders.unresolved():
            desk.refuse(order.leg, Refusal.MARKET)
        desk.wait(1.0)
    assert 600 / 30 <= len(desk.on(HEDGE)) - before <= 600 / 30 + 8
    assert desk.machine.halted == ""


def test_what_goes_of_it_in_part_is_matched_by_the_primary_and_the_rest_is_next() -> None:
    desk = turned_away()
    desk.fill(PRIMARY)
    desk.wait(30.0)
    desk.cancel(HEDGE, "0.2")
    assert (desk.live(PRIMARY).size, desk.live(PRIMARY).reduce_only) == (D("0.2"), True)
    desk.fill(PRIMARY)
    desk.wait(31.0)
    desk.fill(HEDGE)
    desk.fill(PRIMARY)
    assert desk.machine.flat


def fails(desk: Desk, how: Refusal | None) -> None:
    """What is under way executes nothing: refused for this, or it found no price."""
    for order in desk.machine.orders.unresolved():
        if how is None:
            desk.cancel(order.leg)
        else:
            desk.refuse(order.leg, how)


def test_the_operator_is_told_which_venue_executes_nothing() -> None:
    desk = turned_away()
    tried = len(desk.on(HEDGE)) - 1  # one of them opened it
    said = f"grvt executed none of the last {tried} orders"
    assert list(desk.machine.waiting) == [said]
    desk.fill(PRIMARY)
    assert list(desk.machine.waiting) == ["balanced; closing goes on after a pause"]


@pytest.mark.parametrize("additions", [Refusal.MARKET, Refusal.OTHER, Refusal.PRICE, None])
def test_with_nothing_to_be_had_on_either_each_leg_is_tried_as_often_as_the_other(
    additions: Refusal | None,
) -> None:
    desk = turned_away()
    before = len(desk.on(HEDGE)), len(desk.on(PRIMARY))
    for _ in range(40):
        fails(desk, additions if desk.machine.orders.live(PRIMARY) else Refusal.MARKET)
        desk.wait(2.0)
    tries = len(desk.on(HEDGE)) - before[0], len(desk.on(PRIMARY)) - before[1]
    assert abs(tries[0] - tries[1]) <= before[0]
    assert min(tries) >= 10


@pytest.mark.parametrize("refusal", [Refusal.OTHER, Refusal.FUNDS, None])
def test_it_is_so_beside_a_position_of_somebody_else_too(refusal: Refusal | None) -> None:
    desk = Desk().recover("0", "1.0", outside={HEDGE: D("1.0")}).venues_up()
    desk.open()
    desk.wait(0.5)
    desk.fill(PRIMARY)
    assert not desk.live(HEDGE).reduce_only
    while desk.now_s < 30.0 and len(desk.on(PRIMARY)) < 3:
        asked = len(desk.of(CheckPositions))
        fails(desk, refusal)
        desk.wait(0.5)
        if len(desk.of(CheckPositions)) > asked:
            desk.positions("0", "0.5")
    assert desk.live(PRIMARY).size == D("0.5")


DEAR = msgspec.structs.replace(GRVT_ETH, min_notional=D(100))  # 0.04 of 2500


def test_what_a_venue_closed_is_not_opened_again_though_the_other_leg_cannot_follow() -> None:
    desk = holding(hedge=DEAR)
    desk.force(PRIMARY, "-0.03")
    for _ in range(4):
        desk.wait(0.25)
        desk.positions("0.47", "-0.5")
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).size == D("0.5")


def test_nothing_is_opened_to_match_what_could_not_be_closed_with_it() -> None:
    desk = Desk(hedge=DEAR).recover("0", "-0.03")
    desk.quotes()
    desk.venues_up()
    assert desk.orders == []
    assert desk.phase is Phase.SETTLING


@pytest.mark.parametrize("second", [Refusal.REDUCE_ONLY, Refusal.MARKET, Refusal.OTHER])
def test_a_venue_that_says_there_is_nothing_to_reduce_and_holds_it_is_matched(
    second: Refusal,
) -> None:
    desk = closing()
    desk.fill(PRIMARY)
    number = 0
    while desk.now_s < 30.0 and len(desk.on(PRIMARY)) < 3:
        asked = len(desk.of(CheckPositions))
        for _ in desk.machine.orders.unresolved():
            desk.refuse(HEDGE, second if number % 2 else Refusal.REDUCE_ONLY)
            number += 1
        desk.wait(0.25)
        if len(desk.of(CheckPositions)) > asked:
            desk.positions("0", "-0.5")
    assert desk.live(PRIMARY).size == D("0.5")


def test_one_order_that_found_no_price_does_not_make_up_for_a_market_that_is_shut() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    desk.cancel(HEDGE)
    while desk.phase is Phase.CLOSING:
        desk.refuse(HEDGE, Refusal.MARKET)
        desk.wait(1.0)
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_venue_that_is_away_for_a_moment_is_waited_for_before_the_other_leg_matches() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    desk.readiness(HEDGE, False)
    desk.cancel(HEDGE)
    desk.take(desk.machine.limits_changed((NAKED,), desk.now_s))
    assert desk.phase is Phase.UNWINDING
    assert len(desk.on(PRIMARY)) == 2
    desk.wait(5.0)
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_hedge_that_goes_lot_by_lot_has_the_position_opened_again_once() -> None:
    desk = turned_away()
    desk.fill(PRIMARY)
    for _ in range(4):
        desk.wait(31.0)
        desk.cancel(HEDGE, "0.1")
        desk.fill(PRIMARY)
    desk.wait(31.0)
    desk.fill(HEDGE)
    desk.fill(PRIMARY)
    assert desk.machine.flat
    assert [order.size for order in desk.on(PRIMARY) if not order.reduce_only] == [D("0.5")] * 2


@pytest.mark.parametrize("hedges", [Refusal.OTHER, Refusal.PRICE, None])
def test_a_primary_refused_for_a_moment_is_taken_off_whatever_becomes_of_the_hedge(
    hedges: Refusal | None,
) -> None:
    desk = started()
    desk.fill(PRIMARY)
    while desk.phase is Phase.OPENING:
        fails(desk, hedges)
        desk.wait(0.5)
    for _ in range(2):
        desk.refuse(PRIMARY, Refusal.RATE)
        desk.wait(0.5)
    for _ in range(3):
        if desk.machine.orders.live(PRIMARY):
            break
        fails(desk, hedges)
        desk.wait(2.0)
    assert desk.live(PRIMARY).reduce_only


def test_a_hedge_whose_key_was_refused_once_has_its_turn_when_the_primary_is_refused() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    desk.refuse_key(HEDGE)
    desk.wait(0.5)
    desk.refuse(PRIMARY, Refusal.MARKET)
    desk.wait(2.0)
    assert desk.live(HEDGE).reduce_only


def test_a_hedge_shut_when_it_opened_has_its_turn_too() -> None:
    desk = started()
    desk.fill(PRIMARY)
    desk.refuse(HEDGE, Refusal.MARKET)
    desk.wait(0.5)
    tries = len(desk.on(HEDGE))
    for _ in range(10):
        fails(desk, Refusal.MARKET)
        desk.wait(2.0)
    assert len(desk.on(HEDGE)) > tries


def test_a_leg_that_is_read_as_gone_is_not_matched_before_that_is_sure() -> None:
    desk = closing()
    desk.fill(PRIMARY)
    while desk.phase is Phase.CLOSING:
        desk.refuse(HEDGE, Refusal.MARKET)
        desk.wait(1.0)
        desk.take(desk.machine.positions_read(HEDGE, D(0), desk.now_s))
    assert len(desk.on(PRIMARY)) == 2


def test_readings_from_before_the_refusals_prove_nothing() -> None:
    desk = holding()
    for _ in range(4):
        desk.wait(0.1)
        desk.settle()
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.take(desk.machine.limits_changed((NAKED,), desk.now_s))
    for _ in range(2):
        desk.refuse(HEDGE, Refusal.OTHER)
        desk.wait(2.0)
    assert desk.phase is Phase.UNWINDING
    assert len(desk.on(PRIMARY)) == 2


def test_what_the_venue_closed_is_not_opened_again_when_the_other_leg_is_refused() -> None:
    desk = holding()
    desk.force(HEDGE, "0.5")
    for _ in range(4):
        desk.wait(0.25)
        desk.positions("0.5", "0")
    assert desk.phase is Phase.UNWINDING
    for _ in range(8):
        desk.refuse(PRIMARY, Refusal.RATE)
        desk.wait(2.0)
    assert len(desk.on(HEDGE)) == 1


def test_what_an_order_of_the_last_life_may_still_close_is_not_matched_by_more() -> None:
    desk = Desk().recover("0", "-0.5", unsure_until_s=7.0).venues_up()
    while desk.now_s < 6.0:
        desk.refuse(HEDGE, Refusal.MARKET)
        desk.wait(2.0)
        assert desk.on(PRIMARY) == []
    desk.refuse(HEDGE, Refusal.MARKET)
    desk.wait(2.0)
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_leg_that_goes_in_part_is_asked_for_the_rest_soon() -> None:
    desk = turned_away()
    desk.fill(PRIMARY)
    for _ in range(8):
        desk.wait(31.0)
        desk.refuse(HEDGE, Refusal.MARKET)
    desk.wait(31.0)
    desk.cancel(HEDGE, "0.2")
    desk.fill(PRIMARY)
    desk.wait(31.0)  # of the pause before
    desk.refuse(HEDGE, Refusal.MARKET)
    desk.wait(0.5)
    assert desk.live(HEDGE).size == D("0.3")
