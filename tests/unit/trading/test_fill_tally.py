"""One execution that is told with its trade id and without it counts once, in whichever order."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, D, fill
from tests.unit.trading.managers import only, ready_manager, with_sent_order
from trading.fill_tally import FillTally
from trading.journal_mirror import JournalMirror
from trading.order_effects import PublishForced, RecordFill
from trading.transitions import OrderState
from venues.model import Fill, unnumbered

TOLD = fill("5", "0.2", at_s=0.2)
BARE = fill(unnumbered("19:23", "2500", "0.2", 1), "0.2", at_s=0.2)
BARE_TOO = fill(unnumbered("19:23", "2500", "0.2", 2), "0.2", at_s=0.2)
OTHER = fill(unnumbered("19:23", "2501", "0.2", 1), "0.2", price="2501", at_s=0.2)


@pytest.mark.parametrize("told", [*permutations([TOLD, BARE])])
def test_both_ways_of_telling_one_fill_count_once_and_are_recorded_once(
    told: tuple[Fill, ...],
) -> None:
    manager = with_sent_order(ready_manager())
    effects = [effect for one in (*told, *told) for effect in manager.filled(one, 0.3)]
    view = manager.orders[1].view()
    assert (view.signed_executed, view.fills, view.fees) == (D("0.2"), 1, D("0.1"))
    assert len(only(effects, RecordFill)) == 1


@pytest.mark.parametrize("told", [*permutations([TOLD, BARE, BARE_TOO])])
def test_two_that_are_alike_are_two(told: tuple[Fill, ...]) -> None:
    tally = FillTally()
    assert sum(tally.is_new(one) for one in told) == 2


def test_one_that_differs_is_another() -> None:
    manager = with_sent_order(ready_manager())
    manager.filled(TOLD, 0.3)
    manager.fills_read((BARE, OTHER), 0.4)
    assert manager.orders[1].executed == D("0.4")


def test_a_history_without_trade_ids_is_enough() -> None:
    manager = with_sent_order(ready_manager())
    rest = msgspec.structs.replace(OTHER, size=D("0.1"))
    manager.fills_read((BARE, BARE_TOO, rest), 0.4)
    order = manager.orders[1]
    assert (order.state, order.executed) == (OrderState.FILLED, D("0.5"))


@pytest.mark.parametrize("told", [*permutations([TOLD, BARE])])
def test_what_the_venue_closed_by_itself_counts_once_too(told: tuple[Fill, ...]) -> None:
    manager = ready_manager(held="0.2")
    ways = [
        msgspec.structs.replace(one, forced=True, client_order_id=None, event_ns=one.event_ns + 10)
        for one in told
    ]
    effects = [effect for one in ways for effect in manager.filled(one, 0.3)]
    assert len(only(effects, PublishForced)) == 1


def test_of_an_order_that_is_forgotten_it_is_no_news() -> None:
    manager = with_sent_order(ready_manager(), "0.2")
    manager.filled(TOLD, 0.3)
    manager.forget(frozenset())
    assert manager.fills_read((BARE,), 0.4) == []


def test_what_the_feed_told_an_earlier_life_is_not_recorded_again() -> None:
    mirror = JournalMirror()
    mirror.loaded([(GRVT_ETH.symbol, "5", "v1")], ())
    assert mirror.fill(BARE) == []
    assert mirror.fill(msgspec.structs.replace(BARE, venue_order_id="v2"))
