"""Funding finds its cycle, whenever it is booked and however often it is read."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D
from trading import funding
from trading.funding import CycleEnd, DeskEnds, FundingBook
from trading.leg import Leg
from venues.model import ZERO, FundingPayment, Instrument

LEGS = {
    (BACKPACK_ETH.venue, BACKPACK_ETH.symbol): ("eth", Leg.PRIMARY),
    (GRVT_ETH.venue, GRVT_ETH.symbol): ("eth", Leg.HEDGE),
}
NOTHING = {Leg.PRIMARY: ZERO, Leg.HEDGE: ZERO}


def book(*spans: tuple[int, int]) -> FundingBook:
    """Since 0, with cycles that lasted so."""
    it = FundingBook(LEGS, 0)
    it.earlier(DeskEnds("eth", (), 0))
    for number, (began, ended) in enumerate(spans, 1):
        it.ended(CycleEnd("eth", number, began, ended, NOTHING))
    return it


def paid(amount: str, at: int, instrument: Instrument = GRVT_ETH) -> FundingPayment:
    return FundingPayment(
        venue=instrument.venue, symbol=instrument.symbol, amount=D(amount), event_ns=at, key=str(at)
    )


def charged(it: FundingBook) -> dict[int, tuple[Decimal, Decimal]]:
    return {end.cycle: (end.funding[Leg.PRIMARY], end.funding[Leg.HEDGE]) for end in it.changes()}


def test_a_payment_belongs_to_the_cycle_that_was_open_when_it_was_due() -> None:
    it = book((10, 20), (30, 40), (50, 60))
    it.booked([paid("0.25", 35), paid("-0.125", 35, BACKPACK_ETH), paid("1", 60)])
    assert charged(it) == {2: (D("-0.125"), D("0.25")), 3: (D(0), D(1))}


def test_a_payment_that_is_read_twice_counts_once() -> None:
    it = book((10, 20))
    it.booked([paid("0.25", 15)])
    it.booked([paid("0.25", 15)])
    assert charged(it) == {1: (D(0), D("0.25"))}


def test_what_the_record_has_is_no_change() -> None:
    it = book((10, 20))
    it.booked([paid("0.25", 15)])
    it.recorded("eth", 1, it.changes()[0].funding)
    assert charged(it) == {}
    it.booked([paid("0.5", 16)])
    assert charged(it) == {1: (D(0), D("0.75"))}


def test_a_payment_waits_for_the_end_of_its_cycle() -> None:
    it = book((10, 20))
    it.booked([paid("0.25", 35)])
    assert charged(it) == {}
    it.ended(CycleEnd("eth", 2, 30, 40, NOTHING))
    assert charged(it) == {2: (D(0), D("0.25"))}


def test_a_recovered_cycle_bears_what_was_due_since_the_one_before() -> None:
    it = book((10, 20), (38, 40))
    it.booked([paid("0.25", 30)])
    assert charged(it) == {2: (D(0), D("0.25"))}


def test_a_cycle_that_began_before_we_looked_is_left_as_it_is() -> None:
    it = FundingBook(LEGS, 15)
    it.earlier(DeskEnds("eth", (), 0))
    it.ended(CycleEnd("eth", 1, 10, 20, {Leg.PRIMARY: ZERO, Leg.HEDGE: D(1)}))
    it.booked([paid("0.25", 18)])
    assert charged(it) == {}


def test_an_instrument_that_nobody_trades_concerns_nobody() -> None:
    it = FundingBook({next(iter(LEGS)): ("eth", Leg.PRIMARY)}, 0)
    it.earlier(DeskEnds("eth", (), 0))
    it.ended(CycleEnd("eth", 1, 10, 20, NOTHING))
    it.booked([paid("0.25", 15)])
    assert charged(it) == {}


def test_only_the_latest_cycles_are_kept_and_old_payments_do_not_fall_on_them() -> None:
    it = book((10, 20))
    it.booked([paid("1", 15)])
    for number in range(2, funding._KEPT + 2):
        it.ended(CycleEnd("eth", number, number * 100, number * 100 + 50, NOTHING))
    it.booked([paid("1", 15)])
    assert charged(it) == {}


def test_nothing_is_changed_before_the_earlier_cycles_are_known_and_each_bears_its_own() -> None:
    it = FundingBook(LEGS, 0)
    it.booked([paid("1", 15), paid("2", 35), paid("4", 55)])
    it.ended(CycleEnd("eth", 3, 50, 60, NOTHING))
    assert charged(it) == {}
    known = {Leg.PRIMARY: ZERO, Leg.HEDGE: D(1)}
    earlier = (CycleEnd("eth", 1, 10, 20, known), CycleEnd("eth", 2, 30, 40, NOTHING))
    it.earlier(DeskEnds("eth", earlier, 0))
    assert charged(it) == {2: (D(0), D(2)), 3: (D(0), D(4))}


def test_what_was_due_before_the_first_cycle_told_falls_on_none() -> None:
    it = FundingBook(LEGS, 0)
    it.booked([paid("1", 15), paid("2", 35)])
    it.earlier(DeskEnds("eth", (CycleEnd("eth", 2, 30, 40, NOTHING),), 20))
    it.booked([paid("1", 15)])
    assert charged(it) == {2: (D(0), D(2))}


def test_where_no_earlier_cycle_can_be_told_funding_counts_from_the_next_one() -> None:
    it = FundingBook(LEGS, 0)
    it.booked([paid("1", 15), paid("2", 35)])
    it.earlier(DeskEnds("eth", (), 32))
    it.ended(CycleEnd("eth", 7, 30, 40, NOTHING))
    it.ended(CycleEnd("eth", 8, 50, 60, NOTHING))
    it.booked([paid("4", 55)])
    assert charged(it) == {8: (D(0), D(4))}


def test_a_journal_that_tells_again_takes_back_nothing_that_is_known() -> None:
    it = book((10, 20), (30, 40))
    it.earlier(DeskEnds("eth", (), 50))
    it.booked([paid("1", 15)])
    assert charged(it) == {1: (D(0), D(1))}


def test_a_leg_whose_venue_was_not_read_yet_keeps_what_its_record_has() -> None:
    it = FundingBook(LEGS, 0)
    known = {Leg.PRIMARY: D(3), Leg.HEDGE: D(1)}
    it.earlier(DeskEnds("eth", (CycleEnd("eth", 1, 10, 20, known),), 0))
    it.booked([paid("1", 15)])
    assert charged(it) == {}
    it.booked([paid("1", 16)])
    assert charged(it) == {1: (D(3), D(2))}


PAYMENTS = st.dictionaries(st.integers(1, 100), st.integers(-5, 5), max_size=20)


@given(PAYMENTS)
def test_every_payment_until_the_last_end_is_borne_once(payments: dict[int, int]) -> None:
    it = book((1, 20), (21, 55), (60, 90))
    it.booked([paid(str(amount), at) for at, amount in payments.items()])
    for end in it.changes():
        it.recorded("eth", end.cycle, end.funding)
    assert it.changes() == []
    ends = it._desks["eth"].ends
    borne = sum((end.funding[Leg.HEDGE] for end in ends), ZERO)
    assert borne == sum(amount for at, amount in payments.items() if at <= 90)
