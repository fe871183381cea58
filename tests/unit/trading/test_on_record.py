"""The record of an open cycle says what its legs can hold, or that it can't be relied on."""

from __future__ import annotations

import pytest

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, new_order
from trading.ids import wide_id
from trading.leg import Leg
from trading.on_record import CycleRecorded, OrderOnRecord, Span, certain_excess, recorded
from venues.model import Instrument

_LEGS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
_RUN = 3 << 16


def order(
    number: int, signed: str, executed: str = "0", *, over: bool = True, run: int = _RUN,
    instrument: Instrument = BACKPACK_ETH,
) -> OrderOnRecord:  # fmt: skip
    compact = run | number
    number = wide_id(compact) if instrument is GRVT_ETH else compact
    new = new_order(number, signed, instrument=instrument)
    return OrderOnRecord(instrument.venue, new, D(executed), over)


def cycle(
    *orders: OrderOnRecord,
    withheld: tuple[int, ...] = (),
    previous: int | None = None,
    last: int | None = None,
) -> CycleRecorded:
    """What is on record of a cycle whose life handed out ``previous`` last."""
    known = {each.new.client_order_id & 0xFFFFFFFF for each in orders} | set(withheld)
    return recorded(orders, known, instruments=_LEGS, previous=previous, last=last)


def test_orders_that_are_over_make_what_they_executed() -> None:
    opened, closed = order(7, "0.5", "0.5"), order(9, "-0.5", "0.2")
    hedge = order(8, "-0.5", "0.5", instrument=GRVT_ETH)
    found = cycle(opened, hedge, closed, previous=_RUN | 9)
    assert not found.trouble
    assert found.legs == {
        Leg.PRIMARY: Span(D("0.3"), D("0.3")), Leg.HEDGE: Span(D("-0.5"), D("-0.5"))
    }  # fmt: skip
    assert found.orders == (opened, hedge, closed)


def test_an_order_without_an_outcome_has_made_anything_up_to_its_size() -> None:
    hedge = order(8, "-0.5", "0.1", over=False, instrument=GRVT_ETH)
    found = cycle(order(7, "0.5", over=False), hedge, previous=_RUN | 8)
    assert found.legs == {
        Leg.PRIMARY: Span(D(0), D("0.5")),
        Leg.HEDGE: Span(D("-0.5"), D("-0.1")),
    }


def test_an_id_that_was_handed_out_and_is_not_on_record_may_be_an_order() -> None:
    found = cycle(order(7, "0.5", "0.5"), previous=_RUN | 8)
    assert found.trouble == f"order {_RUN | 8} may have been sent, and is not on record"
    assert (found.legs, len(found.orders)) == ({}, 1)


def test_an_order_that_is_on_record_as_not_sent_is_missing_nowhere() -> None:
    ours = order(7, "0.5", "0.5")
    assert cycle(ours, withheld=(_RUN | 8,), previous=_RUN | 8).trouble == ""


def test_an_order_that_this_life_has_sent_counts_as_well() -> None:
    ours, now = order(7, "0.5", "0.5"), 4 << 16
    assert cycle(ours, previous=_RUN | 7, last=now).trouble.startswith(f"order {now} may")
    assert cycle(ours, withheld=(now,), previous=_RUN | 7, last=now).trouble == ""


@pytest.mark.parametrize("previous", [None, _RUN | 6, (2 << 16) | 9])
def test_a_note_that_was_lost_or_is_older_than_the_record_proves_nothing(
    previous: int | None,
) -> None:
    """As after a loss of power."""
    found = cycle(order(7, "0.5", "0.5"), previous=previous)
    assert found.trouble == "which order was the last is not known"


def test_a_cycle_of_several_lives_is_not_judged() -> None:
    """What a life before the last one did not put on record, nobody has noted any more."""
    found = cycle(order(7, "0.5", "0.5"), order(0, "-0.2", "0.2", run=4 << 16), previous=4 << 16)
    assert found.trouble == "its orders are of several lives"


def test_a_cycle_without_an_order_on_record_is_not_judged() -> None:
    assert cycle(previous=_RUN | 7).trouble == "no order of it is on record"


@pytest.mark.parametrize(
    ("size", "other", "excess"),
    [
        ("0.5", ("0", "0"), "0.5"),
        ("0.5", ("-0.2", "-0.2"), "0.3"),
        ("0.5", ("-0.5", "-0.5"), "0"),  # balanced
        ("0.5", ("-0.5", "0"), "0"),  # perhaps balanced
        ("0.5", ("-0.3", "-0.1"), "0.2"),
        ("0.2", ("-0.5", "-0.5"), "0"),  # too small
        ("0.2", ("0.1", "0.1"), "0.2"),  # never more than there is
        ("-0.5", ("0", "0.2"), "-0.3"),
        ("-0.5", ("0", "0.5"), "0"),
        ("0", ("-0.5", "0.5"), "0"),
    ],
)
def test_only_what_is_too_much_whatever_the_other_holds_is_certain(
    size: str, other: tuple[str, str], excess: str
) -> None:
    least, most = other
    assert certain_excess(D(size), Span(D(least), D(most))) == D(excess)
