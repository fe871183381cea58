"""What keeps a desk from opening, beyond what its markets tell: see also ``trading.gate``."""

from __future__ import annotations

from actors.desk_market import DeskMarket
from actors.market_board import MarketBoard
from actors.request_limiter import RequestLimiter
from config.schema import RateConfig
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, plan
from trading.leg import Leg
from trading.request_budget import Lane
from venues.model import Side


def test_nothing_opens_while_a_venue_could_not_be_sent_the_hedge_and_the_close() -> None:
    rate = RateConfig(per_s=9, burst=10, reserved=4)
    limiters = {Leg.PRIMARY: RequestLimiter(rate), Leg.HEDGE: RequestLimiter(rate)}
    instruments = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
    market = DeskMarket(plan(), instruments, MarketBoard(), limiters)
    while not limiters[Leg.HEDGE].take(Lane.ROUTINE, 100.0):
        pass
    closed = set(market.closed_by(Side.BUY, 100.0))
    assert closed - set(market.closed_by(Side.BUY, 101.0)) == {
        "grvt: own rate limit: 4 left, 4 kept"
    }
