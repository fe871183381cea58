"""Orders and the journal: what is recorded, once, and what its record brings back at a start."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import GRVT_ETH, START_NS, fill, new_order, position, update
from tests.unit.trading.managers import (
    TIMING,
    answer_reads,
    at_ns,
    only,
    published,
    ready_manager,
    with_sent_order,
)
from trading.order_effects import (
    AskFills,
    AskOrder,
    AskPositions,
    CancelOrder,
    Effect,
    PublishDrift,
    PublishPositions,
    PublishReadiness,
    RecordFill,
    RecordIntent,
    RecordOutcome,
    SendOrder,
)
from trading.order_manager import OrderManager
from trading.transitions import OrderState
from venues.model import Fill, NewOrder, OrderStatus, TimeInForce

OURS = range(1, 100)


def starting_manager() -> OrderManager:
    """A manager that waits for the journal's record; ids 1 to 99 may be of an earlier life."""
    return OrderManager(
        GRVT_ETH.venue, frozenset({GRVT_ETH.symbol}), TIMING, START_NS,
        awaits_history=True, is_ours=OURS.__contains__,
    )  # fmt: skip


def started_manager() -> OrderManager:
    """Connected at 0 s, nothing on record, everything read."""
    manager = starting_manager()
    manager.connected(0.0)
    manager.history_loaded((), (), 0, 0.0)
    answer_reads(manager)
    return manager


def resting(client_order_id: int = 1) -> NewOrder:
    """An order that rests, of an earlier life."""
    return msgspec.structs.replace(
        new_order(client_order_id, created_s=-3), time_in_force=TimeInForce.GTC
    )


def settled(effects: list[Effect]) -> bool:
    return only(effects, PublishPositions)[-1].settled


# -- what is recorded -----------------------------------------------------------------------------


def test_while_the_journal_takes_no_intents_nothing_that_adds_risk_is_wanted() -> None:
    manager = ready_manager()
    why = "journal is backing_off"
    assert manager.journal_checked(why) == [PublishReadiness(True, False, why)]
    refused = manager.submit(new_order(1), adds_risk=True)
    assert published(refused).state is OrderState.NOT_SENT
    assert only(manager.submit(new_order(2), adds_risk=False), SendOrder)
    assert manager.journal_checked(why) == []
    assert manager.journal_checked("") == [PublishReadiness(True, True, "")]


def test_an_order_that_takes_risk_off_is_sent_first_and_recorded_without_waiting() -> None:
    order = new_order(1)
    assert started_manager().submit(order, adds_risk=False) == [
        SendOrder(order),
        RecordIntent(order, awaited=False),
    ]


def test_a_fill_is_recorded_once_from_whichever_way_it_comes_first() -> None:
    manager = with_sent_order(ready_manager())
    one = fill("t1", "0.2")
    assert only(manager.filled(one, 0.1), RecordFill) == [RecordFill(one)]
    assert only(manager.filled(one, 0.2), RecordFill) == []
    assert only(manager.fills_read((one,), 0.3), RecordFill) == []


def test_a_fill_that_comes_after_the_end_is_recorded() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.CANCELLED), 0.2)
    assert len(only(manager.filled(fill("late", "0.2"), 0.3), RecordFill)) == 1


def test_an_outcome_is_recorded_once_the_fills_that_explain_it_are() -> None:
    manager = with_sent_order(ready_manager())
    assert only(manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2), RecordOutcome) == []
    recorded = manager.filled(fill("t1", "0.5"), 0.3)
    kinds = [type(e) for e in recorded if isinstance(e, RecordFill | RecordOutcome)]
    assert kinds == [RecordFill, RecordOutcome]


def test_an_outcome_that_grows_is_recorded_again() -> None:
    manager = with_sent_order(ready_manager())
    assert len(only(manager.updated(update(OrderStatus.CANCELLED), 0.2), RecordOutcome)) == 1
    assert len(only(manager.filled(fill("late", "0.2"), 0.3), RecordOutcome)) == 1


def test_an_order_that_was_not_sent_is_an_outcome_too() -> None:
    manager = with_sent_order(ready_manager())
    (recorded,) = only(manager.not_sent(1, "no gateway"), RecordOutcome)
    assert recorded.view.state is OrderState.NOT_SENT


def test_an_order_whose_fills_are_missing_is_not_forgotten() -> None:
    manager = with_sent_order(ready_manager())
    manager.updated(update(OrderStatus.FILLED, "0.5"), 0.2)
    manager.forget(frozenset())
    assert len(only(manager.filled(fill("t1", "0.5"), 0.3), RecordOutcome)) == 1
    manager.forget(frozenset())
    assert manager.orders == {}


# -- before its record is known -------------------------------------------------------------------


def test_without_the_record_nothing_new_is_opened_and_no_position_is_settled() -> None:
    manager = starting_manager()
    manager.connected(0.0)
    effects = answer_reads(manager)
    assert only(effects, PublishReadiness) == [
        PublishReadiness(True, False, "what earlier runs left is not known yet")
    ]
    assert not settled(effects)
    manager.submit(new_order(1), adds_risk=True)
    assert manager.orders[1].state is OrderState.NOT_SENT
    assert SendOrder(new_order(2)) in manager.submit(new_order(2), adds_risk=False)


def test_with_the_record_and_the_fills_since_it_new_risk_is_taken() -> None:
    manager = starting_manager()
    manager.connected(0.0)
    answer_reads(manager)
    loaded = manager.history_loaded((), (), at_ns(-40), 0.5)
    assert only(loaded, PublishReadiness) == []
    asked = only(loaded, AskFills)
    assert asked == [AskFills(at_ns(-50))]
    told = manager.fills_read((), 1.1, asked[0].since_ns)
    assert only(told, PublishReadiness) == [PublishReadiness(True, True, "")]


def test_the_fills_since_the_record_are_read_once_more_when_histories_have_caught_up() -> None:
    """What executed just before the start may not have been in the first answer yet."""
    manager = starting_manager()
    manager.connected(0.0)
    answer_reads(manager)
    manager.due(0.0)
    manager.history_loaded((), (), at_ns(-40), 0.5)
    manager.fills_read((), 1.1, at_ns(-50))
    caught_up_s = TIMING.expiry_s + TIMING.settle_s
    again = AskFills(at_ns(-50))
    assert again not in manager.due(caught_up_s - TIMING.poll_s)
    assert again in manager.due(caught_up_s)
    manager.fills_read((), caught_up_s + 0.1, again.since_ns)
    assert again not in manager.due(caught_up_s + 5)


def test_fills_read_from_too_late_a_moment_do_not_stand_for_those_since_the_record() -> None:
    manager = starting_manager()
    manager.connected(0.0)
    answer_reads(manager)
    manager.history_loaded((), (), at_ns(-40), 0.5)
    assert only(manager.fills_read((), 0.6, at_ns(-10)), PublishReadiness) == []


def test_a_journal_not_to_be_had_is_gone_on_without_and_without_new_risk() -> None:
    manager = starting_manager()
    manager.connected(0.0)
    manager.due(0.0)
    assert not settled(answer_reads(manager, 0.1))
    over_s = TIMING.expiry_s + TIMING.settle_s
    manager.due(over_s)
    assert settled(manager.positions_read((position("0"),)))
    assert not manager.new_risk


# -- what the record brings -----------------------------------------------------------------------


def test_an_order_without_an_outcome_on_record_is_in_doubt_and_asked_for() -> None:
    manager = started_manager()
    order = new_order(1, created_s=-2)
    assert AskOrder(order) in manager.history_loaded((order,), (), 0, 1.0)
    assert manager.orders[1].state is OrderState.IN_DOUBT


def test_an_order_of_an_earlier_life_that_rests_is_cancelled() -> None:
    manager = started_manager()
    effects = manager.history_loaded((resting(),), (), 0, 1.0)
    assert CancelOrder(GRVT_ETH.symbol, 1) in effects


def test_an_order_whose_time_was_over_long_ago_does_not_wait_for_it_again() -> None:
    manager = started_manager()
    manager.history_loaded((new_order(1, created_s=-30),), (), 0, 1.0)
    for at_s in (1.1, 1.2, 1.3, 1.4):
        manager.absent(1, at_s)
        manager.fills_read((), at_s)
        manager.positions_read((position("0"),))
    assert manager.orders[1].state is OrderState.EXPIRED


def test_an_order_that_may_still_arrive_is_waited_for_whatever_the_clock_says_of_its_age() -> None:
    manager = started_manager()
    manager.history_loaded((new_order(1, created_s=3600),), (), 0, 1.0)  # our clock was put back
    assert manager.orders[1].over_s(1.0) == 1.0 + 5.0


def test_a_fill_on_record_counts_for_its_order_and_is_not_recorded_again() -> None:
    manager = started_manager()
    one = fill("t1", "0.2", at_s=-1)
    manager.history_loaded((new_order(1, created_s=-2),), (one.key,), one.event_ns, 1.0)
    effects = manager.fills_read((one,), 1.1)
    assert only(effects, RecordFill) == []
    assert manager.orders[1].executed == one.size


def test_a_fill_of_an_earlier_life_that_is_not_on_record_is_recorded() -> None:
    manager = started_manager()
    lost = fill("t1", "0.2", client_order_id=50, at_s=-1)
    effects = manager.fills_read((lost,), 1.1)
    assert only(effects, RecordFill) == [RecordFill(lost)]
    assert only(manager.fills_read((lost,), 1.2), RecordFill) == []


def test_a_fill_of_somebody_else_is_not_recorded_and_has_the_positions_read_once() -> None:
    manager = started_manager()
    theirs = tuple(fill(f"t{n}", "0.2", client_order_id=500, at_s=-1) for n in range(9))
    effects = manager.fills_read(theirs, 1.1)
    assert only(effects, RecordFill) == []
    assert only(effects, AskPositions) == [AskPositions()]


def test_a_fill_much_later_than_the_start_is_of_no_earlier_life_whatever_its_id_says() -> None:
    late = fill("t1", "0.2", client_order_id=50, at_s=60)
    assert only(started_manager().filled(late, 60.0), RecordFill) == []


@pytest.mark.parametrize(("recorded_s", "drifts"), [(40, 0), (-1, 1)])
def test_what_is_no_later_than_the_record_is_of_an_earlier_life_if_our_clock_was_put_back(
    recorded_s: float, drifts: int
) -> None:
    manager = starting_manager()
    manager.connected(0.0)
    manager.history_loaded((), (), at_ns(recorded_s), 0.1)
    answer_reads(manager, 0.2)
    late = fill("t1", "0.2", client_order_id=50, at_s=39)
    assert len(only(manager.fills_read((late,), 60.0), PublishDrift)) == drifts


def test_an_earlier_life_is_heard_of_however_late_the_venue_could_first_be_asked() -> None:
    """And by a clock of ours that is far behind."""
    manager = starting_manager()
    for at_s in range(60):
        manager.due(float(at_s))
    manager.connected(60.0)
    lost = fill("t1", "0.2", client_order_id=50, at_s=90)
    assert only(manager.filled(lost, 60.1), RecordFill) == [RecordFill(lost)]


def test_an_open_order_of_an_earlier_life_is_cancelled_thrice_and_then_drift() -> None:
    manager = started_manager()
    stray = update(OrderStatus.OPEN, client_order_id=50)
    said = [manager.open_orders_read((stray,), float(at_s)) for at_s in range(1, 9)]
    assert sum(len(only(effects, CancelOrder)) for effects in said) == 3
    assert only(said[3], PublishDrift)


def test_an_order_that_is_over_for_us_and_stays_in_the_list_is_cancelled() -> None:
    manager = with_sent_order(started_manager())
    manager.updated(update(OrderStatus.CANCELLED), 0.2)
    assert only(manager.open_orders_read((update(OrderStatus.OPEN),), 0.3), CancelOrder) == []
    effects = manager.open_orders_read((update(OrderStatus.OPEN),), 2.5)
    assert only(effects, CancelOrder) == [CancelOrder(GRVT_ETH.symbol, 1)]


# -- a journal that dies --------------------------------------------------------------------------


def test_what_a_new_life_of_the_journal_lacks_is_told_again_and_nothing_else() -> None:
    manager = with_sent_order(started_manager())
    kept, lost = fill("t1", "0.2"), fill("t2", "0.3")
    manager.filled(kept, 0.1)
    manager.filled(lost, 0.2)
    order = new_order(1)
    again = manager.history_loaded((order,), (kept.key,), kept.event_ns, 5.0)
    assert only(again, RecordFill) == [RecordFill(lost)]
    assert [e.view.client_order_id for e in only(again, RecordOutcome)] == [1]
    assert only(again, RecordIntent) == []


def test_an_intent_that_went_down_with_the_journal_is_told_again_while_its_order_is_open() -> None:
    manager = with_sent_order(started_manager())
    again = manager.history_loaded((), (), 0, 5.0)
    assert only(again, RecordIntent) == [RecordIntent(new_order(1), awaited=False)]


def test_an_order_that_is_over_and_forgotten_is_not_taken_up_again() -> None:
    manager = with_sent_order(started_manager())
    manager.filled(fill("t1", "0.5"), 0.1)
    manager.forget(frozenset())
    again = manager.history_loaded((new_order(1),), (), 0, 5.0)
    assert len(only(again, RecordOutcome)) == 1
    assert manager.orders == {}


@dataclass
class Record:
    """A journal: durable rows, and what it was told and has not written."""

    durable: dict[tuple[str, str, str], int] = field(default_factory=dict)
    told: list[Fill] = field(default_factory=list)

    def take(self, effects: list[Effect]) -> None:
        self.told += [effect.fill for effect in only(effects, RecordFill)]

    def commit(self) -> None:
        for one in self.told:
            self.durable[one.key] = 1  # the same identity changes nothing
        self.told.clear()

    def last_ns(self, fills: list[Fill]) -> int:
        return max((f.event_ns for f in fills if f.key in self.durable), default=0)


@given(st.data())
def test_every_fill_ends_up_on_record_whoever_dies_and_whenever(data: st.DataObject) -> None:
    """Manager and journal die at any point; the venue's history has every fill."""
    count = data.draw(st.integers(1, 6))
    fills = [fill(f"t{n}", "0.05", at_s=n) for n in range(count)]
    record, manager, at = Record(), with_sent_order(started_manager()), 0
    steps = st.sampled_from(["fill", "drop", "commit", "journal dies", "process dies"])
    for step in data.draw(st.lists(steps, max_size=20)):
        if step in ("fill", "drop") and at < count:
            if step == "fill":
                record.take(manager.filled(fills[at], float(at)))
            at += 1
        elif step == "commit":
            record.commit()
        elif step == "journal dies":
            record.told.clear()
            keys = tuple(record.durable)
            record.take(manager.history_loaded((), keys, record.last_ns(fills), float(at)))
        elif step == "process dies":
            record.told.clear()
            manager = started_anew(record, fills[:at])
    record.take(manager.fills_read(tuple(fills[:at]), float(at)))
    record.commit()
    assert set(record.durable) == {one.key for one in fills[:at]}


def started_anew(record: Record, executed: list[Fill]) -> OrderManager:
    """The next process: it knows of order 1 by its id alone, and reads fills since the last."""
    manager = starting_manager()
    manager.connected(0.0)
    keys = tuple(record.durable)
    record.take(manager.history_loaded((), keys, record.last_ns(executed), 0.0))
    (ask,) = [e for e in manager.connected(0.1) if isinstance(e, AskFills)]
    found = tuple(one for one in executed if one.event_ns >= ask.since_ns)
    record.take(manager.fills_read(found, 0.2, ask.since_ns))
    return manager
