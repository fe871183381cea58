"""The record of a cycle: its orders, its reason, what it was exposed to, and late funding."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, started
from trading.cycle_record import funding_of, with_funding
from trading.desk import CycleRecord
from trading.exposure import Exposure
from venues.model import Side


def record_of(desk: Desk) -> CycleRecord:
    (record,) = desk.records
    return record


def test_each_order_is_there_with_the_mid_at_its_decision_and_what_became_of_it() -> None:
    desk = started()
    desk.fill(PRIMARY, price="2501", fees="1.25")
    desk.fill(HEDGE)
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    orders = record_of(desk).orders
    assert [order.leg for order in orders] == [PRIMARY, HEDGE, PRIMARY, HEDGE]
    first = orders[0]
    assert (first.side, first.size, first.executed) == (Side.BUY, D("0.5"), D("0.5"))
    assert (first.mid, first.average_price, first.fee) == (D(2500), D(2501), D("1.25"))
    assert first.price > first.mid
    assert (first.state, first.reduce_only, orders[2].reduce_only) == ("filled", False, True)


def test_a_record_of_a_clean_cycle_needs_no_reason() -> None:
    desk = started()
    desk.open().close()
    assert record_of(desk).reason == ""


def test_a_cycle_that_was_unwound_says_why() -> None:
    desk = started()
    desk.fill(PRIMARY)
    for _ in range(40):
        if desk.machine.orders.live(HEDGE):
            desk.cancel(HEDGE)
        desk.wait(0.25)
    desk.fill(PRIMARY)
    desk.settle()
    record = record_of(desk)
    assert (record.outcome, record.reason) == ("unwound", "not hedged within 5.0 s")


def test_a_cycle_that_was_abandoned_says_what_became_of_its_last_order() -> None:
    desk = started(entry_attempts=1)
    desk.cancel(PRIMARY)
    desk.settle()
    record = record_of(desk)
    assert (record.outcome, record.reason) == ("abandoned", "cancelled")


def test_a_recovered_cycle_says_what_it_closed() -> None:
    desk = Desk().recover("0.5", "-0.5").venues_up()
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    assert record_of(desk).reason == "closing what an interrupted cycle left"


def test_exposure_is_the_naked_size_over_time_in_cycles_of_this_size() -> None:
    desk = started()
    desk.part_fill(PRIMARY, "0.25")
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.wait(0.25)
    desk.fill(HEDGE)
    assert record_closed(desk).naked_q_s == (0.375,)


def record_closed(desk: Desk) -> CycleRecord:
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    desk.settle()
    record = record_of(desk)
    return msgspec.structs.replace(record, naked_q_s=record.naked_q_s[:1])


def test_the_way_from_a_fill_to_its_hedge_s_fill_is_from_frame_to_frame() -> None:
    desk = started()
    desk.fill(PRIMARY, received_s=10.0)
    desk.part_fill(HEDGE, "0.2", received_s=10.0625)
    desk.fill(HEDGE, received_s=10.125)
    assert desk.machine.orders.fill_to_hedged_ms() == (125.0,)


def test_funding_that_is_booked_late_is_taken_off_the_result() -> None:
    desk = started()
    desk.open().close()
    before = record_of(desk)
    after = with_funding(before, {PRIMARY: D("0.5"), HEDGE: D("-0.125")})
    assert (after.primary.funding, after.hedge.funding) == (D("0.5"), D("-0.125"))
    assert after.pnl == before.pnl - D("0.375")
    again = with_funding(after, {PRIMARY: D("0.75")})
    assert funding_of(again) == {PRIMARY: D("0.75"), HEDGE: D(0)}
    assert again.pnl == before.pnl - D("0.75")


def test_a_record_of_an_earlier_version_is_read() -> None:
    desk = started()
    desk.open().close()
    record = record_of(desk)
    text = msgspec.json.decode(msgspec.json.encode(record))
    for new in ("reason", "naked_q_s", "fill_to_hedged_ms", "orders"):
        del text[new]
    for leg in ("primary", "hedge"):
        del text[leg]["fills"], text[leg]["funding"]
    read = msgspec.json.decode(msgspec.json.encode(text), type=CycleRecord)
    assert (read.pnl, read.orders) == (record.pnl, ())


@pytest.mark.parametrize(
    ("course", "episodes"),
    [
        ([("0.5", 0), ("0", 2)], [1.0]),
        ([("0.5", 0), ("-0.25", 2), ("0", 4)], [1.5]),
        ([("0.5", 0), ("0", 1), ("0", 5), ("1", 6), ("0", 7)], [0.5, 1.0]),
        ([("0.5", 0)], []),
    ],
)
def test_an_episode_lasts_until_the_net_is_zero(
    course: list[tuple[str, float]], episodes: list[float]
) -> None:
    exposure = Exposure()
    for net, at_s in course:
        exposure.moved(D(net), at_s)
    assert exposure.episodes == episodes
