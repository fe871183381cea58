"""A market whose mode says that it takes no such order."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.trading import GRVT_ETH, D
from tests.unit.trading.desks import HEDGE, PRIMARY, Desk, holding, started
from trading.desk import Phase
from trading.leg import Leg
from venues.model import MarketMode


def restricted(desk: Desk, leg: Leg, mode: MarketMode | None) -> Desk:
    desk.take(desk.machine.market_mode(leg, mode, desk.now_s))
    return desk


@pytest.mark.parametrize("mode", [MarketMode.REDUCE_ONLY, MarketMode.POST_ONLY, MarketMode.CLOSED])
def test_what_the_hedges_market_will_not_take_is_unwound_at_once(mode: MarketMode) -> None:
    desk = restricted(started(), HEDGE, mode)
    desk.fill(PRIMARY)
    assert desk.on(HEDGE) == []
    assert desk.live(PRIMARY).reduce_only
    assert desk.phase is Phase.UNWINDING


@pytest.mark.parametrize("mode", [MarketMode.NORMAL, MarketMode.UNKNOWN, None])
def test_a_hedge_is_tried_where_its_market_is_not_known_to_refuse(
    mode: MarketMode | None,
) -> None:
    desk = restricted(started(), HEDGE, mode)
    desk.fill(PRIMARY)
    assert desk.live(HEDGE).size == D("0.5")


def test_a_market_that_only_reduces_lets_a_cycle_be_closed() -> None:
    desk = holding()
    for leg in Leg:
        restricted(desk, leg, MarketMode.REDUCE_ONLY)
    desk.wait(0.5)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    assert desk.machine.flat


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("mode", [MarketMode.POST_ONLY, MarketMode.CANCEL_ONLY, MarketMode.CLOSED])
def test_what_is_balanced_stays_so_while_one_of_its_markets_lets_nothing_go(
    leg: Leg, mode: MarketMode
) -> None:
    desk = restricted(holding(), leg, mode)
    desk.wait(60.0)
    assert len(desk.orders) == 2
    assert desk.machine.waiting == (f"closing waits for {desk.instruments[leg].venue}",)
    restricted(desk, leg, MarketMode.NORMAL)
    assert desk.live(PRIMARY).reduce_only


def test_what_no_market_takes_halts_the_desk_which_goes_on_trying() -> None:
    desk = started()
    for leg in Leg:
        restricted(desk, leg, MarketMode.CLOSED)
    desk.fill(PRIMARY)
    desk.wait(4.9)
    before = desk.machine.halted
    desk.wait(0.1)
    desk.wait(0.1)
    assert before == ""
    assert desk.machine.halted == (
        "0.5 is naked and no market takes it: backpack is closed, grvt is closed"
    )
    assert len(desk.orders) == 1
    restricted(desk, PRIMARY, MarketMode.REDUCE_ONLY)
    assert desk.live(PRIMARY).size == D("0.5")


def test_a_market_that_opens_again_has_its_hedge() -> None:
    desk = started()
    for leg in Leg:
        restricted(desk, leg, MarketMode.CANCEL_ONLY)
    desk.fill(PRIMARY)
    assert desk.on(HEDGE) == []
    restricted(desk, HEDGE, MarketMode.NORMAL)
    assert desk.live(HEDGE).size == D("0.5")


def test_a_part_that_only_the_primary_can_trade_is_closed_whatever_the_hedges_market() -> None:
    dear = msgspec.structs.replace(GRVT_ETH, min_notional=D(100))  # 0.04 of 2500
    desk = restricted(Desk(hedge=dear).recover("0.03", "-0.03"), HEDGE, MarketMode.CLOSED)
    desk.venues_up()
    assert desk.live(PRIMARY).size == D("0.03")
