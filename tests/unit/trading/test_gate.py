"""The entry gate: each reason not to open, at its edge and in its words; no reason else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, SECOND_NS, START_NS, D, plan, quote
from trading.gate import INFO_AGE_S, EntryGate
from trading.leg import Leg
from trading.market import MarketView
from trading.plan import GatePlan, Style
from venues.model import (
    AccountSummary,
    Book,
    Instrument,
    Level,
    MarketInfo,
    MarketMode,
    Side,
)

NOW_S = 1_000.0
HOUR_NS = 3_600 * SECOND_NS
LEGS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
Views = dict[Leg, MarketView]


def book(instrument: Instrument, size: str = "5", deeper: str = "0") -> Book:
    """Some at the touch of ``quote``, some 0.2 % away."""
    levels = {Side.BUY: ("2499.95", "2494.95"), Side.SELL: ("2500.05", "2505.05")}
    bids, asks = (
        tuple(Level(D(price), D(held)) for price, held in zip(prices, (size, deeper), strict=True))
        for prices in (levels[Side.BUY], levels[Side.SELL])
    )
    return Book(
        venue=instrument.venue, symbol=instrument.symbol, bids=bids, asks=asks, event_ns=START_NS
    )


def info(instrument: Instrument, **changes: Any) -> MarketInfo:
    facts: dict[str, Any] = {
        "venue": instrument.venue, "symbol": instrument.symbol, "funding_rate": D("0.0001"),
        "next_funding_ns": START_NS + HOUR_NS, "funding_interval_s": 28_800,
    }  # fmt: skip
    return MarketInfo(**(facts | changes))


def views(leg: Leg | None = None, **changes: Any) -> Views:
    """Everything is known of both markets and all is well, but for what is changed on one leg."""
    known = {
        which: MarketView(
            venue=of.venue, symbol=of.symbol, quote=quote(of), quoted_s=NOW_S,
            book=book(of), booked_s=NOW_S, info=info(of), informed_s=NOW_S,
        )
        for which, of in LEGS.items()
    }  # fmt: skip
    if leg is not None:
        known[leg] = msgspec.structs.replace(known[leg], **changes)
    return known


def money(available: str = "10000", **fees: Any) -> dict[Leg, AccountSummary | None]:
    return {
        leg: AccountSummary(venue=of.venue, equity=D(10_000), available=D(available), **fees)
        for leg, of in LEGS.items()
    }


def closed_by(
    seen: Views,
    accounts: dict[Leg, AccountSummary | None] | None = None,
    side: Side = Side.BUY,
    at_s: float = 0.0,
    **gate: Any,
) -> tuple[str, ...]:
    desk = {name: gate.pop(name) for name in ("entry", "exit", "hold_s") if name in gate}
    it = EntryGate(plan(gate=GatePlan(**gate), **desk), LEGS)
    accounts = money() if accounts is None else accounts
    return it.closed_by(seen, accounts, side, NOW_S, START_NS + int(at_s * SECOND_NS))


FEES = money(maker_fee_bps=D(1), taker_fee_bps=D(2))
EACH_LEG = pytest.mark.parametrize("leg", Leg)


def test_it_is_open_when_all_is_well() -> None:
    assert closed_by(views()) == ()


# -- prices and depth ----


@EACH_LEG
def test_no_price_no_book_or_no_news_of_a_market_closes_it(leg: Leg) -> None:
    venue = LEGS[leg].venue
    assert closed_by(views(leg, quote=None)) == (f"{venue}: no price",)
    assert closed_by(views(leg, book=None)) == (f"{venue}: no book",)
    (unstreamed,) = closed_by(views(leg, streamed=False))
    assert unstreamed.startswith(f"{venue}: its stream tells no price")
    assert closed_by(views(leg, info=None)) == (
        f"{venue}: the market's mode and funding are not known",
    )


@EACH_LEG
def test_a_price_or_a_book_closes_it_once_it_is_older_than_it_may_be(leg: Leg) -> None:
    venue = LEGS[leg].venue
    assert closed_by(views(leg, quoted_s=NOW_S - 1.0, booked_s=NOW_S - 1.0)) == ()
    assert closed_by(views(leg, quoted_s=NOW_S - 1.25)) == (
        f"{venue}: the price is 1.2 s old, 1 s is allowed",
    )
    assert closed_by(views(leg, booked_s=NOW_S - 3)) == (
        f"{venue}: the book is 3.0 s old, 1 s is allowed",
    )


@EACH_LEG
def test_both_sides_of_both_books_have_to_hold_the_size(leg: Leg) -> None:
    of = LEGS[leg]
    assert closed_by(views(leg, book=book(of, "0.5"))) == ()
    assert closed_by(views(leg, book=book(of, "0.49"))) == (
        f"{of.venue}: 0.49 of 0.5 ETH within 30 bps of the bid",
        f"{of.venue}: 0.49 of 0.5 ETH within 30 bps of the ask",
    )


def test_what_rests_within_the_cap_counts_and_nothing_beyond() -> None:
    seen = views(Leg.HEDGE, book=book(GRVT_ETH, "0.3", "0.2"))
    assert closed_by(seen) == ()
    it = EntryGate(plan(max_slippage_bps=D(15)), LEGS)
    assert it.closed_by(seen, money(), Side.BUY, NOW_S, START_NS) == (
        "grvt: 0.3 of 0.5 ETH within 15 bps of the bid",
        "grvt: 0.3 of 0.5 ETH within 15 bps of the ask",
    )


def test_the_depth_wanted_is_a_multiple_of_the_size_and_none_if_unchecked() -> None:
    assert len(closed_by(views(), depth_factor=D(11))) == 4
    assert closed_by(views(Leg.HEDGE, book=None), depth_factor=D(0)) == ()


# -- margin ----


def test_margin_for_the_whole_size_has_to_be_free_on_both_venues() -> None:
    assert closed_by(views(), money("187.51")) == ()  # 0.5 x 2500.05 x 0.1 x 1.5, and less
    assert closed_by(views(), money("187.50")) == (
        "backpack: 187.50 of 187.50 USDC is free for margin",
        "grvt: 187.50 of 187.50 USDT is free for margin",
    )


def test_money_that_nobody_has_told_yet_is_no_money_unless_it_is_unchecked() -> None:
    unknown: dict[Leg, AccountSummary | None] = {Leg.PRIMARY: None}
    assert closed_by(views(), unknown) == (
        "backpack: the account's money is not known",
        "grvt: the account's money is not known",
    )
    assert closed_by(views(), unknown, margin_factor=D(0)) == ()


# -- modes ----


@EACH_LEG
@pytest.mark.parametrize("mode", [mode for mode in MarketMode if mode is not MarketMode.NORMAL])
def test_a_market_that_is_restricted_or_in_an_unknown_mode_closes_it(
    leg: Leg, mode: MarketMode
) -> None:
    (reason,) = closed_by(views(leg, info=info(LEGS[leg], mode=mode)))
    assert reason.startswith(f"{LEGS[leg].venue}: the market ")


def test_what_a_market_has_told_long_ago_is_not_known() -> None:
    assert closed_by(views(Leg.HEDGE, informed_s=NOW_S - INFO_AGE_S)) == ()
    assert closed_by(views(Leg.HEDGE, informed_s=NOW_S - INFO_AGE_S - 1)) == (
        "grvt: the market's mode and funding are not known",
    )


# -- funding ----


@pytest.mark.parametrize(
    ("at_s", "text"),
    [
        (3_589.9, None),
        (3_590.0, "funding in 10.0 s"),
        (3_600.0, "funding 0.0 s ago"),
        (3_610.0, "funding 10.0 s ago"),
        (3_610.1, "the next funding's time is not known"),
    ],
)
def test_nothing_opens_around_a_funding(at_s: float, text: str | None) -> None:
    reasons = closed_by(views(), at_s=at_s)
    assert len(reasons) == (0 if text is None else 2)
    assert all(text in reason for reason in reasons if text)


@pytest.mark.parametrize(("since_s", "closed"), [(0.0, True), (10.0, True), (10.5, False)])
def test_nor_shortly_after_one_when_the_venue_tells_of_the_next_already(
    since_s: float, closed: bool
) -> None:
    next_ns = START_NS + 28_800 * SECOND_NS - int(since_s * SECOND_NS)
    reasons = closed_by(views(Leg.HEDGE, info=info(GRVT_ETH, next_funding_ns=next_ns)))
    assert bool(reasons) is closed
    assert all(f"grvt: funding {since_s:.1f} s ago" in reason for reason in reasons)


def test_a_funding_that_is_not_known_closes_it_unless_there_is_no_guard() -> None:
    unknown = views(Leg.PRIMARY, info=info(BACKPACK_ETH, next_funding_ns=None))
    assert closed_by(unknown) == ("backpack: the next funding's time is not known",)
    assert closed_by(unknown, funding_guard_s=0.0) == ()


# -- edge ----


def apart(bps: str) -> Views:
    """GRVT, the hedge, is so much dearer than Backpack."""
    mid = D(2500) * (1 + D(bps) * D("0.0001"))
    return views(Leg.HEDGE, quote=quote(GRVT_ETH, str(mid)), book=None)


def edge(bps: str, side: Side = Side.BUY, wanted: str = "1", **changes: Any) -> tuple[str, ...]:
    gate = {"min_edge_bps": D(wanted), "depth_factor": D(0), **changes}
    return closed_by(apart(bps), FEES, side, **gate)


def test_the_prices_have_to_leave_enough_after_the_fees_of_all_four_trades() -> None:
    assert edge("10") == ()  # less 0.4 of both spreads and 8 of fees
    (reason,) = edge("9")
    assert reason.startswith("backpack to grvt: 8.")
    assert "less 8.00 of fees and 0.00 of funding, leave 0." in reason
    assert reason.endswith("of 1 bps")


def test_the_other_way_round_the_same_prices_are_a_loss() -> None:
    assert len(edge("10", Side.SELL)) == 1
    assert edge("-10", Side.SELL) == ()


def test_a_maker_saves_the_spread_and_pays_a_makers_fee() -> None:
    assert edge("8.5", entry=Style.MAKER) == ()
    assert edge("7.5", entry=Style.MAKER, exit=Style.MAKER) == ()
    assert len(edge("7.5", entry=Style.MAKER)) == 1


def test_a_funding_within_the_hold_counts_on_the_leg_that_pays_it() -> None:
    long_hold: dict[str, Any] = {"hold_s": 4_000.0, "funding_guard_s": 0.0}
    assert edge("10", **long_hold) == ()  # both fund alike: one leg pays what the other gets
    seen = apart("10")
    of = seen[Leg.HEDGE]
    rate = info(GRVT_ETH, funding_rate=D("-0.0002"))
    seen[Leg.HEDGE] = msgspec.structs.replace(of, info=rate)
    (reason,) = closed_by(seen, FEES, min_edge_bps=D(1), depth_factor=D(0), **long_hold)
    assert "3.00 of funding" in reason  # long pays 1 bps at Backpack, short pays 2 at GRVT


def test_fees_that_no_venue_has_told_are_taken_as_high() -> None:
    (reason,) = closed_by(apart("0"), min_edge_bps=D(-39), depth_factor=D(0))
    assert "less 40.00 of fees" in reason


# -- times of day ----


@pytest.mark.parametrize(
    ("windows", "hour", "is_open"),
    [
        (("08:00-16:00",), 8, True),
        (("08:00-16:00",), 16, False),
        (("08:00-16:00", "16:00-17:00"), 16, True),
        (("22:00-02:00",), 1, True),
        (("22:00-02:00",), 2, False),
        (("22:00-24:00",), 23, True),
    ],
)
def test_cycles_open_in_their_windows_only(
    windows: tuple[str, ...], hour: int, is_open: bool
) -> None:
    at_ns = hour * HOUR_NS - START_NS % (24 * HOUR_NS)
    funding = at_ns + START_NS + HOUR_NS
    seen = views()
    for leg, of in LEGS.items():
        told = info(of, next_funding_ns=funding)
        seen[leg] = msgspec.structs.replace(seen[leg], info=told)
    reasons = closed_by(seen, at_s=at_ns / SECOND_NS, windows=windows)
    expected = f"eth: {hour:02}:00 UTC is not in {', '.join(windows)}"
    assert reasons == (() if is_open else (expected,))


# -- properties ----

sizes = st.decimals(min_value=0, max_value=10, places=2)
ages = st.floats(min_value=0, max_value=60)
modes = st.sampled_from(MarketMode)


@given(size=sizes, deeper=sizes, more=sizes, leg=st.sampled_from(Leg))
def test_more_depth_never_closes_it(
    size: Decimal, deeper: Decimal, more: Decimal, leg: Leg
) -> None:
    of = LEGS[leg]
    less = closed_by(views(leg, book=book(of, str(size), str(deeper))))
    for grown in (book(of, str(size + more), str(deeper)), book(of, str(size), str(deeper + more))):
        assert len(closed_by(views(leg, book=grown))) <= len(less)


@given(quoted=ages, booked=ages, size=sizes, free=sizes, mode=modes, leg=st.sampled_from(Leg))
def test_a_reason_always_names_its_venue(
    quoted: float, booked: float, size: Decimal, free: Decimal, mode: MarketMode, leg: Leg
) -> None:
    of = LEGS[leg]
    seen = views(
        leg, quoted_s=NOW_S - quoted, booked_s=NOW_S - booked, book=book(of, str(size)),
        info=info(of, mode=mode),
    )  # fmt: skip
    accounts = money() | {leg: AccountSummary(venue=of.venue, equity=D(1), available=free)}
    for reason in closed_by(seen, accounts):
        assert reason.startswith(f"{of.venue}: ")
