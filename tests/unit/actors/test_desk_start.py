"""The readings that a desk begins with: how often it asks for them."""

from __future__ import annotations

from decimal import Decimal

from actors.desk_start import DeskStart
from actors.orders_outbox import PositionsHeld
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, plan
from trading.leg import Leg
from venues.model import ZERO

INSTRUMENTS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}


def start() -> DeskStart:
    return DeskStart(plan(), INSTRUMENTS, dict.fromkeys(Leg, 1.0))


def reading(leg: Leg, asked_s: float, size: Decimal = ZERO) -> PositionsHeld:
    instrument = INSTRUMENTS[leg]
    return PositionsHeld(
        instrument.venue, {instrument.symbol: size}, frozenset(), since_s=0.0, asked_s=asked_s
    )


def test_readings_that_come_for_other_desks_multiply_no_questions() -> None:
    """Each reading goes to every desk; were each to ask anew for each, there would be no end."""
    desk, sizes = start(), (Decimal(number) for number in range(100))
    asked = [desk.read(Leg.PRIMARY, reading(Leg.PRIMARY, 1.0, size), 1.0) for size in sizes]
    assert asked.count(False) == 1


def test_once_it_has_been_asked_for_again_the_next_reading_may_ask_anew() -> None:
    desk = start()
    assert not desk.read(Leg.PRIMARY, reading(Leg.PRIMARY, 1.0), 1.0)
    desk.asks_again(Leg.PRIMARY)
    assert not desk.read(Leg.PRIMARY, reading(Leg.PRIMARY, 1.0, Decimal(1)), 1.1)


def test_each_leg_is_asked_for_by_itself() -> None:
    desk = start()
    assert not desk.read(Leg.PRIMARY, reading(Leg.PRIMARY, 1.0), 1.0)
    assert not desk.read(Leg.HEDGE, reading(Leg.HEDGE, 1.0), 1.0)


def test_two_readings_that_agree_prove_what_is_held() -> None:
    desk = start()
    for leg in Leg:
        for asked_s in (1.0, 2.0):
            desk.read(leg, reading(leg, asked_s, Decimal("0.5")), asked_s)
    assert desk.proven == dict.fromkeys(Leg, Decimal("0.5"))
