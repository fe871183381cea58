"""The guard of a desk: from what is known of it to the limits that are in force. Pure.

It knows nothing of what the desk wants. It measures what the desk holds, what its next cycle would
add, what its cycles have come to and how well its sources can be relied on, and compares each with
its limit. What can't be measured freezes the desk; it is never taken for zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from trading.leg import Leg
from trading.limits import Figure, Latch, LimitState, reached, stated
from trading.plan import Action, DeskLimits, Limit
from trading.results import Event, Results
from venues.model import ZERO, AccountSummary, Instrument, Position

_NS_PER_S: Final = 1_000_000_000
_FROM_ABOVE: Final = ("margin_ratio", "liquidation_distance")
_MONEY: Final = ("daily_loss", "drawdown")
_BY_CYCLES: Final = ("loss_streak", "slippage_bps")


class Money(msgspec.Struct, frozen=True):
    """A venue's account as it was read at the monotonic ``read_s``."""

    summary: AccountSummary
    read_s: float


class Held(msgspec.Struct, frozen=True):
    """One instrument's position at its venue, None for none, as it was read at ``read_s``."""

    position: Position | None
    read_s: float


class DeskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a desk at ``now_s`` (monotonic), which is ``utc_ns`` by our clock.

    ``positions`` are the desk's own, None while it does not know them; ``naked_since_s`` is what it
    says of them. What is missing in a mapping by leg is not known: the last ``prices``, the moment
    of the last one, the venues' ``money`` and positions ``held``, and by how many milliseconds
    their clocks are ahead of ours.
    """

    now_s: float
    utc_ns: int
    positions: Mapping[Leg, Decimal] | None
    naked_since_s: float | None = None
    prices: Mapping[Leg, Decimal] = {}
    quoted_s: Mapping[Leg, float] = {}
    money: Mapping[Leg, Money] = {}
    held: Mapping[Leg, Held] = {}
    skew_ms: Mapping[Leg, Decimal] = {}


class DeskGuard:
    """One desk's limits over time.

    ``size`` is that of a cycle, traded in so many ``slices``. A reading of an account that is older
    than ``readings_s`` says nothing. ``naked_since_s``: since when the desk is naked already, as an
    earlier guard has measured it.
    """

    def __init__(
        self,
        limits: DeskLimits,
        instruments: Mapping[Leg, Instrument],
        *,
        size: Decimal,
        slices: int = 1,
        readings_s: float = 180.0,
        naked_since_s: float | None = None,
    ) -> None:
        self.results: Results | None = None  # not known until they are read
        self.naked_since_s = naked_since_s
        self._limits = limits
        self._instruments = instruments
        self._size = size
        self._slice = _slice(size, slices, instruments)
        self._readings_s = readings_s
        self._was_level = naked_since_s is None
        self._latches = {
            name: Latch(name, getattr(limits, name), from_above=name in _FROM_ABOVE)
            for name in DeskLimits.__struct_fields__
            if name not in _BY_CYCLES
        }

    def look(self, facts: DeskFacts) -> tuple[LimitState, ...]:
        """Every limit that is set, with its present figure."""
        self._watch_naked(facts)
        figures = self._figures(facts)
        states: list[LimitState | None] = []
        for name in DeskLimits.__struct_fields__:
            if name in _BY_CYCLES:
                states.append(self._by_cycles(name, facts))
            else:
                states.append(self._latches[name].look(figures[name], facts.now_s))
        return tuple(state for state in states if state is not None)

    def resume(self, utc_ns: int) -> bool:
        """An operator wants the desk to go on: only what is, or becomes, too much from now on.

        True when results were in the way: they count anew then. Else a resume acknowledges none.
        """
        in_the_way = any(latch.in_force for name, latch in self._latches.items() if name in _MONEY)
        in_the_way |= any(self._by_cycles_holds(name, utc_ns) for name in _BY_CYCLES)
        for latch in self._latches.values():
            latch.resume()
        if in_the_way and self.results is not None:
            self.results.resumed(utc_ns)
        return in_the_way

    # -- exposure ---------------------------------------------------------------------------------

    def _watch_naked(self, facts: DeskFacts) -> None:
        """Since when a difference stands that an order could take off; dust is carried along."""
        if facts.positions is None:
            return  # what was naked still is, for all we know
        net = abs(sum(facts.positions.values(), ZERO))
        if not self._tradable(net, facts):
            self.naked_since_s = None
            self._was_level = not net
        elif self.naked_since_s is None:
            since_s = facts.naked_since_s if self._was_level else None
            self.naked_since_s = facts.now_s if since_s is None else since_s

    def _tradable(self, net: Decimal, facts: DeskFacts) -> bool:
        """Whether the hedge's venue would take it; without a price its size alone decides."""
        hedge = self._instruments[Leg.HEDGE]
        price = facts.prices.get(Leg.HEDGE)
        if price is None:
            return bool(net) and hedge.floor_size(net) >= hedge.min_size
        return hedge.tradable(net, price)

    def _figures(self, facts: DeskFacts) -> dict[str, Figure]:
        results = self.results
        return {
            "naked_notional": naked_notional(facts.positions, facts.prices, self._instruments),
            "naked_s": self._naked_s(facts),
            "order_notional": _priced(self._slice, facts.prices, self._instruments),
            "position_notional": self._position_notional(facts),
            "open_notional": open_notional(
                facts.positions, facts.prices, self._size, self._instruments
            ),
            "daily_loss": Figure(results.daily_loss(facts.utc_ns)) if results else _UNREAD,
            "drawdown": Figure(results.drawdown()) if results else _UNREAD,
            "margin_ratio": self._margin_ratio(facts),
            "liquidation_distance": self._liquidation_distance(facts),
            "clock_skew_ms": self._clock_skew_ms(facts),
            "stream_age_s": self._stream_age_s(facts),
        }

    def _naked_s(self, facts: DeskFacts) -> Figure:
        if self.naked_since_s is not None:
            return Figure(_decimal(facts.now_s - self.naked_since_s))
        return _UNSURE if facts.positions is None else Figure(ZERO)

    def _position_notional(self, facts: DeskFacts) -> Figure:
        if facts.positions is None:
            return _UNSURE
        largest = max(abs(size) for size in facts.positions.values())
        return _priced(max(largest, self._size), facts.prices, self._instruments)

    # -- accounts and sources ---------------------------------------------------------------------

    def _margin_ratio(self, facts: DeskFacts) -> Figure:
        ratios: list[tuple[Decimal, str]] = []
        for leg, instrument in self._instruments.items():
            money = facts.money.get(leg)
            unknown = self._unread(instrument.venue, "balance", money, facts.now_s)
            if money is None or unknown:
                return Figure(None, unknown)
            equity, free = money.summary.equity, money.summary.available
            ratios.append((free / equity if equity > 0 else ZERO, instrument.venue))
        value, venue = min(ratios)
        return Figure(value, f"of {venue}")

    def _liquidation_distance(self, facts: DeskFacts) -> Figure:
        nearest: tuple[Decimal, str] | None = None
        for leg, instrument in self._instruments.items():
            held = facts.held.get(leg)
            unknown = self._unread(instrument.venue, "position", held, facts.now_s)
            if held is None or unknown:
                return Figure(None, unknown)
            position = held.position
            if position is not None and position.size and not position.liquidation_known:
                return Figure(None, f"{instrument.venue} did not tell the liquidation price")
            distance = _distance(position, facts.prices.get(leg))
            if distance is not None:
                nearest = min(nearest or (distance, instrument.venue), (distance, instrument.venue))
        if nearest is None:
            return Figure(_FAR, "no liquidation price")
        return Figure(nearest[0], f"at {nearest[1]}")

    def _unread(self, venue: str, what: str, read: Money | Held | None, now_s: float) -> str:
        if read is None:
            return f"no {what} of {venue} has been read yet"
        age_s = now_s - read.read_s
        return f"the {what} of {venue} is {age_s:.0f} s old" if age_s > self._readings_s else ""

    def _clock_skew_ms(self, facts: DeskFacts) -> Figure:
        skews = [(abs(skew), leg) for leg, skew in facts.skew_ms.items()]
        missing = [i.venue for leg, i in self._instruments.items() if leg not in facts.skew_ms]
        if missing:
            return Figure(None, f"the clock of {missing[0]} has not been read")
        value, leg = max(skews, key=lambda one: one[0])
        return Figure(value, f"to {self._instruments[leg].venue}")

    def _stream_age_s(self, facts: DeskFacts) -> Figure:
        missing = [i.venue for leg, i in self._instruments.items() if leg not in facts.quoted_s]
        if missing:
            return Figure(None, f"no price of {missing[0]} yet")
        leg = min(facts.quoted_s, key=lambda one: facts.quoted_s[one])
        age_s = max(0.0, facts.now_s - facts.quoted_s[leg])
        return Figure(_decimal(age_s), f"at {self._instruments[leg].venue}")

    # -- cycles -----------------------------------------------------------------------------------

    def _by_cycles(self, name: str, facts: DeskFacts) -> LimitState | None:
        limit: Limit = getattr(self._limits, name)
        if limit.at is None:
            return None
        if self.results is None:
            return Latch(name, limit).look(_UNREAD, facts.now_s)
        return _event_state(name, limit, self._event(name, self.results, facts.utc_ns), facts)

    def _event(self, name: str, results: Results, utc_ns: int) -> Event:
        tell = results.streak if name == "loss_streak" else results.slippage
        return tell(getattr(self._limits, name), utc_ns)

    def _by_cycles_holds(self, name: str, utc_ns: int) -> bool:
        results = self.results
        return results is not None and self._event(name, results, utc_ns).until_ns is not None


_UNSURE: Final = Figure(None, "the desk does not know yet what it holds")
_UNREAD: Final = Figure(None, "the journal has not told the results yet")
_FAR: Final = Decimal(1)


def naked_notional(
    positions: Mapping[Leg, Decimal] | None,
    prices: Mapping[Leg, Decimal],
    instruments: Mapping[Leg, Instrument],
) -> Figure:
    """What one leg holds and the other does not, at the higher of both prices."""
    if positions is None:
        return _UNSURE
    return _priced(abs(sum(positions.values(), ZERO)), prices, instruments)


def open_notional(
    positions: Mapping[Leg, Decimal] | None,
    prices: Mapping[Leg, Decimal],
    size: Decimal,
    instruments: Mapping[Leg, Instrument],
) -> Figure:
    """Both legs together, each at its price: what is held, or ``size`` where that is more."""
    if positions is None:
        return _UNSURE
    total = ZERO
    for leg, held in positions.items():
        larger = max(abs(held), size)
        if larger and leg not in prices:
            return _unpriced(prices, instruments)
        total += larger * prices.get(leg, ZERO)
    return Figure(total)


def _slice(size: Decimal, slices: int, instruments: Mapping[Leg, Instrument]) -> Decimal:
    """The largest order of an entry: what rounding leaves goes into one of the slices."""
    step = max(instrument.step for instrument in instruments.values())
    part = (size / slices / step).to_integral_value(rounding=ROUND_DOWN) * step
    return size - part * (slices - 1)


def _priced(
    size: Decimal, prices: Mapping[Leg, Decimal], instruments: Mapping[Leg, Instrument]
) -> Figure:
    """``size`` at the higher of both prices; nothing is worth nothing at any price."""
    if not size:
        return Figure(ZERO)
    if len(prices) < len(instruments):
        return _unpriced(prices, instruments)
    return Figure(size * max(prices.values()))


def _unpriced(prices: Mapping[Leg, Decimal], instruments: Mapping[Leg, Instrument]) -> Figure:
    missing = [one.venue for leg, one in instruments.items() if leg not in prices]
    return Figure(None, f"no price of {missing[0]} yet")


def _distance(position: Position | None, price: Decimal | None) -> Decimal | None:
    """How far the liquidation is, as a share of the mark price; None where there is none."""
    if position is None or not position.size or not position.liquidation_price:
        return None
    mark = position.mark_price or price
    if not mark:
        return None
    # A mark beyond the liquidation price is no distance at all.
    way = (mark - position.liquidation_price) * (1 if position.size > 0 else -1)
    return max(ZERO, way / mark)


def _event_state(name: str, limit: Limit, event: Event, facts: DeskFacts) -> LimitState:
    figure = Figure(event.value)
    if event.until_ns is None or limit.at is None:
        return stated(name, limit, figure, "")
    reason = reached(Figure(event.reached), limit.at)
    left_s = (event.until_ns - facts.utc_ns) / _NS_PER_S
    clears_s = None if limit.action is Action.HALT else facts.now_s + left_s
    return stated(name, limit, figure, reason, clears_s=clears_s)


def _decimal(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.6f}")
