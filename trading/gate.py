"""What keeps a cycle from opening now: the way out is checked before the way in. Pure.

Whatever is not known counts as closed. Each reason says who and how much, for the operator who
wants to know why nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from trading.leg import Leg
from trading.market import MarketView
from trading.plan import DeskPlan, Style
from venues.model import (
    BPS,
    ZERO,
    AccountSummary,
    Instrument,
    Level,
    MarketInfo,
    MarketMode,
    Quote,
    Side,
    plain,
)

INFO_AGE_S: Final = 30.0  # it is told every second or read every few; older, it is not known
FEE_BPS: Final = Decimal(10)  # where a venue does not tell the account's own rates: rather too much

_NS_PER_S: Final = 1_000_000_000
_SECONDS_A_DAY: Final = 86_400
_CENT: Final = Decimal("0.01")


class _Seen(msgspec.Struct, frozen=True):
    """One leg, and what is known of its market and its account."""

    instrument: Instrument
    view: MarketView
    account: AccountSummary | None


class EntryGate:
    """The gate of one desk. Without state: the same facts give the same reasons."""

    def __init__(self, plan: DeskPlan, instruments: Mapping[Leg, Instrument]) -> None:
        self._plan = plan
        self._instruments = dict(instruments)
        self._windows = tuple(_minutes(window) for window in plan.gate.windows)

    def closed_by(
        self,
        views: Mapping[Leg, MarketView],
        accounts: Mapping[Leg, AccountSummary | None],
        side: Side,
        now_s: float,
        utc_ns: int,
    ) -> tuple[str, ...]:
        """Every reason why a cycle whose primary goes to ``side`` may not open now; () for none.

        ``now_s`` is monotonic, as the moments in ``views`` are; ``utc_ns`` is for the times of day
        and of funding.
        """
        seen = {
            leg: _Seen(instrument, views[leg], accounts.get(leg))
            for leg, instrument in self._instruments.items()
        }
        reasons = [
            f"{one.instrument.venue}: {reason}"
            for one in seen.values()
            for reason in self._leg(one, now_s, utc_ns)
        ]
        reasons += self._edge(seen, side, utc_ns)
        reasons += self._window(utc_ns)
        return tuple(reasons)

    def _leg(self, seen: _Seen, now_s: float, utc_ns: int) -> Iterator[str]:
        yield from self._price(seen, now_s)
        yield from self._depth(seen, now_s)
        yield from self._margin(seen)
        yield from self._market(seen, now_s, utc_ns)

    # -- prices and depth --------------------------------------------------------------------------

    def _price(self, seen: _Seen, now_s: float) -> Iterator[str]:
        view = seen.view
        if view.quote is None:
            yield "no price"
        elif not view.streamed:
            yield "its stream tells no price; one that is read over REST is good for closing only"
        else:
            yield from self._age("price", now_s - view.quoted_s)

    def _age(self, what: str, age_s: float) -> Iterator[str]:
        limit_s = self._plan.max_quote_age_s
        if age_s > limit_s:
            yield f"the {what} is {age_s:.1f} s old, {limit_s:g} s is allowed"

    def _depth(self, seen: _Seen, now_s: float) -> Iterator[str]:
        """Both sides: one for the way in, the other for the way out."""
        view, quote = seen.view, seen.view.quote
        wanted = self._plan.size * self._plan.gate.depth_factor
        if not wanted or quote is None:
            return
        if view.book is None:
            yield "no book"
            return
        yield from self._age("book", now_s - view.booked_s)
        for name, levels, side in (
            ("bid", view.book.bids, Side.SELL),
            ("ask", view.book.asks, Side.BUY),
        ):
            there = self._within(levels, quote, side)
            if there < wanted:
                base, reach = seen.instrument.base, plain(self._plan.max_slippage_bps)
                yield f"{plain(there)} of {plain(wanted)} {base} within {reach} bps of the {name}"

    def _within(self, levels: tuple[Level, ...], quote: Quote, side: Side) -> Decimal:
        """What an order of ``side`` would meet at its furthest price."""
        limit = quote.touch(side) * (1 + side.sign * self._plan.max_slippage_bps * BPS)
        met = (level.size for level in levels if (limit - level.price) * side.sign >= 0)
        return sum(met, ZERO)

    # -- money -------------------------------------------------------------------------------------

    def _margin(self, seen: _Seen) -> Iterator[str]:
        gate, quote = self._plan.gate, seen.view.quote
        if not gate.margin_factor or quote is None:
            return
        if seen.account is None:
            yield "the account's money is not known"
            return
        needed = self._plan.size * quote.ask * gate.margin_rate * gate.margin_factor
        if seen.account.available < needed:
            free = seen.account.available.quantize(_CENT)
            yield f"{free} of {needed.quantize(_CENT)} {seen.instrument.quote} is free for margin"

    def _edge(self, seen: Mapping[Leg, _Seen], side: Side, utc_ns: int) -> Iterator[str]:
        wanted = self._plan.gate.min_edge_bps
        primary, hedge = seen[Leg.PRIMARY], seen[Leg.HEDGE]
        first, second = primary.view.quote, hedge.view.quote
        if wanted is None or first is None or second is None:
            return
        crosses = self._plan.entry is Style.TAKER
        entry = first.touch(side if crosses else side.opposite)
        gap = (second.touch(side.opposite) - entry) * side.sign
        gap_bps = gap / ((first.mid + second.mid) / 2) / BPS
        fees_bps = self._fees_bps(primary.account, hedge.account)
        funding_bps = self._funding_bps(primary, side, utc_ns)
        funding_bps += self._funding_bps(hedge, side.opposite, utc_ns)
        left_bps = gap_bps - fees_bps - funding_bps
        if left_bps < wanted:
            yield (
                f"{primary.instrument.venue} to {hedge.instrument.venue}: "
                f"{gap_bps:.2f} bps between the prices, less {fees_bps:.2f} of fees and "
                f"{funding_bps:.2f} of funding, leave {left_bps:.2f} of {plain(wanted)} bps"
            )

    def _fees_bps(self, primary: AccountSummary | None, hedge: AccountSummary | None) -> Decimal:
        """Of the four trades of a cycle."""
        ways = (self._plan.entry, self._plan.exit)
        own = sum((_fee_bps(primary, way) for way in ways), ZERO)
        return own + 2 * _fee_bps(hedge, Style.TAKER)

    def _funding_bps(self, seen: _Seen, side: Side, utc_ns: int) -> Decimal:
        """What holding ``side`` costs, if its venue funds before the hold is over."""
        info = seen.view.info
        if info is None or info.next_funding_ns is None or info.funding_rate is None:
            return ZERO
        hold_s = self._plan.hold_s * (1 + self._plan.hold_jitter)
        if info.next_funding_ns > utc_ns + int(hold_s * _NS_PER_S):
            return ZERO
        return info.funding_rate / BPS * side.sign

    # -- times and modes ---------------------------------------------------------------------------

    def _market(self, seen: _Seen, now_s: float, utc_ns: int) -> Iterator[str]:
        info = seen.view.info
        if info is None or now_s - seen.view.informed_s > INFO_AGE_S:
            yield "the market's mode and funding are not known"
            return
        if not info.mode.opens:
            yield _MODES[info.mode]
        yield from self._funding(info, utc_ns)

    def _funding(self, info: MarketInfo, utc_ns: int) -> Iterator[str]:
        guard_s = self._plan.gate.funding_guard_s
        if not guard_s:
            return
        next_ns = 0 if info.next_funding_ns is None else info.next_funding_ns
        to_next_s = (next_ns - utc_ns) / _NS_PER_S
        since_s = (info.funding_interval_s or float("inf")) - to_next_s
        if to_next_s < -guard_s:
            yield "the next funding's time is not known"
        elif to_next_s <= guard_s:
            yield _funding_text(to_next_s, guard_s)
        elif since_s <= guard_s:
            yield _funding_text(-since_s, guard_s)

    def _window(self, utc_ns: int) -> Iterator[str]:
        if not self._windows:
            return
        minute = utc_ns // _NS_PER_S % _SECONDS_A_DAY // 60
        if not any(_inside(minute, begin, end) for begin, end in self._windows):
            windows = ", ".join(self._plan.gate.windows)
            yield f"{self._plan.desk}: {minute // 60:02}:{minute % 60:02} UTC is not in {windows}"


_MODES: Final[Mapping[MarketMode, str]] = {
    MarketMode.POST_ONLY: "the market takes resting orders only",
    MarketMode.REDUCE_ONLY: "the market takes reducing orders only",
    MarketMode.CANCEL_ONLY: "the market takes cancels only",
    MarketMode.CLOSED: "the market is closed",
    MarketMode.UNKNOWN: "the market is in a mode that is not known",
}


def _funding_text(to_next_s: float, guard_s: float) -> str:
    when = f"in {to_next_s:.1f} s" if to_next_s > 0 else f"{abs(to_next_s):.1f} s ago"
    return f"funding {when}, nothing opens within {guard_s:g} s of it"


def _fee_bps(account: AccountSummary | None, way: Style) -> Decimal:
    if account is None:
        return FEE_BPS
    told = account.taker_fee_bps if way is Style.TAKER else account.maker_fee_bps
    return FEE_BPS if told is None else told


def _minutes(window: str) -> tuple[int, int]:
    begin, _, end = window.partition("-")
    return _minute(begin), _minute(end)


def _minute(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _inside(minute: int, begin: int, end: int) -> bool:
    """A window that ends before it begins goes over midnight."""
    if begin < end:
        return begin <= minute < end
    return minute >= begin or minute < end
