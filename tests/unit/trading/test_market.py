"""How far apart fundings are, where a venue does not say it."""

from __future__ import annotations

from tests.support.trading import GRVT_ETH, SECOND_NS
from trading.market import FundingTimes
from venues.model import GRVT, MarketInfo


def told(next_s: int | None, interval_s: int | None = None) -> MarketInfo:
    return MarketInfo(
        venue=GRVT, symbol=GRVT_ETH.symbol, funding_interval_s=interval_s,
        next_funding_ns=None if next_s is None else next_s * SECOND_NS,
    )  # fmt: skip


def test_the_interval_is_known_once_one_funding_has_passed() -> None:
    times = FundingTimes()
    assert times.with_interval(told(3_600)).funding_interval_s is None
    assert times.with_interval(told(7_200)).funding_interval_s == 3_600
    assert times.with_interval(told(7_200)).funding_interval_s == 3_600


def test_what_the_venue_says_of_it_counts() -> None:
    times = FundingTimes()
    times.with_interval(told(3_600))
    assert times.with_interval(told(7_200, 28_800)).funding_interval_s == 28_800


def test_without_a_next_funding_there_is_nothing_to_know() -> None:
    assert FundingTimes().with_interval(told(None)) == told(None)
