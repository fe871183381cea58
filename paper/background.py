"""Background liquidity: what a paper venue's market looks like without any of our accounts.

Levels stand on a price grid, and a level's size belongs to its place on the grid, so that from one
price step to the next only the edges of the book move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Protocol

from paper.prices import PricePath, PriceSettings, tick_price, uniform
from paper.settings import Liquidity
from venues.model import BPS, Instrument, Level, Side

_NS_PER_MS = 1_000_000


class Background(Protocol):
    """The market around the accounts, as the engine sees it, at the step last advanced to."""

    def advance(self, now_ns: int) -> int:
        """Move to ``now_ns`` (UTC); returns how many price steps that was."""

    def mark(self, symbol: str) -> Decimal:
        """Mark price of a contract at this venue."""

    def index(self, symbol: str) -> Decimal:
        """Index price of its underlying."""

    def levels(self, symbol: str, side: Side) -> Sequence[Level]:
        """The background's whole side of the book, best first."""

    def flow(self, symbol: str) -> tuple[Side, Decimal] | None:
        """A background order that takes from the touch in this step."""


class MarketMaker:
    """Seeded background liquidity of one venue; the first price step is at ``start_ns`` (UTC)."""

    def __init__(
        self,
        seed: int,
        instruments: Sequence[Instrument],
        prices: PriceSettings,
        liquidity: Liquidity,
        start_ns: int,
    ) -> None:
        self._seed = seed
        self._liquidity = liquidity
        self._start_ns = start_ns
        self._step_ns = prices.step_ms * _NS_PER_MS
        self.step = 0
        self._marks: dict[str, Decimal] = {}
        self._moves: list[tuple[int, float]] = []
        self._sizes: dict[tuple[str, Side, Decimal], Decimal] = {}
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        # Sizes and the grid come from the start price: they stay put while the mark moves.
        self._start_price = {
            instrument.symbol: Decimal(str(prices.start.of(instrument.base)))
            for instrument in instruments
        }
        self.paths = {
            instrument.symbol: PricePath(seed, instrument.venue, instrument.base, prices)
            for instrument in instruments
        }

    def advance(self, now_ns: int) -> int:
        """Move to ``now_ns`` (UTC); never backwards. Returns how many price steps that was."""
        step = max(self.step, (now_ns - self._start_ns) // self._step_ns)
        moved, self.step = step - self.step, step
        if moved:
            self._marks.clear()
        return moved

    def move(self, by_bps: Decimal) -> None:
        """From the next step on all prices are other ones."""
        self._moves.append((self.step + 1, 1 + float(by_bps * BPS)))

    def mark(self, symbol: str) -> Decimal:
        """The venue's mid of this step, on a tick."""
        mark = self._marks.get(symbol)
        if mark is None:
            mark = self._marks[symbol] = self.mark_at(symbol, self.step)
        return mark

    def mark_at(self, symbol: str, step: int) -> Decimal:
        """The mark at a step: from step 0 on, past or to come."""
        price = self.paths[symbol].mid(step) * self._moved(step)
        return tick_price(price, self._instruments[symbol].tick)

    def index_at(self, symbol: str, step: int) -> Decimal:
        """The index at a step."""
        price = self.paths[symbol].index(step) * self._moved(step)
        return tick_price(price, self._instruments[symbol].tick)

    def index(self, symbol: str) -> Decimal:
        """The mid without the venue's basis, on a tick."""
        return self.index_at(symbol, self.step)

    def levels(self, symbol: str, side: Side) -> list[Level]:
        """The market maker's side: the touch, then grid prices away from it."""
        if not self._liquidity.levels:
            return []
        instrument = self._instruments[symbol]
        mark = self.mark(symbol)
        grid = self._grid(instrument)
        reach = mark * Decimal(str(self._liquidity.half_spread_bps)) * BPS
        touch = mark - max(reach, instrument.tick) * side.sign
        away = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        price = (touch / instrument.tick).to_integral_value(rounding=away) * instrument.tick
        place = (price / grid).to_integral_value(rounding=away)
        levels = [Level(price, self._size(instrument, side, place))]
        while len(levels) < self._liquidity.levels:
            place -= side.sign
            if place <= 0:
                break
            levels.append(Level(place * grid, self._size(instrument, side, place)))
        return levels

    def flow(self, symbol: str) -> tuple[Side, Decimal] | None:
        """Sometimes, an order of at most half an ordinary level against the touch."""
        draw = uniform(self._seed, f"flow|{self._label(symbol)}", self.step)
        if draw >= self._liquidity.flow:
            return None
        instrument = self._instruments[symbol]
        side = Side.BUY if draw < self._liquidity.flow / 2 else Side.SELL
        share = uniform(self._seed, f"flow size|{self._label(symbol)}", self.step) / 2
        return side, self._sized(instrument, share)

    def _moved(self, step: int) -> float:
        return math.prod(factor for since, factor in self._moves if since <= step)

    def _size(self, instrument: Instrument, side: Side, place: Decimal) -> Decimal:
        key = (instrument.symbol, side, place)
        size = self._sizes.get(key)
        if size is None:
            label = f"size|{self._label(instrument.symbol)}|{side.value}"
            share = 0.5 + uniform(self._seed, label, int(place))
            size = self._sizes[key] = self._sized(instrument, share)
        return size

    def _sized(self, instrument: Instrument, share: float) -> Decimal:
        notional = Decimal(str(round(self._liquidity.level_notional * share, 2)))
        size = instrument.floor_size(notional / self._start_price[instrument.symbol])
        return max(size, instrument.min_size)

    def _grid(self, instrument: Instrument) -> Decimal:
        spacing = Decimal(str(self._liquidity.spacing_bps)) * BPS
        ticks = self._start_price[instrument.symbol] * spacing / instrument.tick
        return max(Decimal(1), ticks.to_integral_value()) * instrument.tick

    def _label(self, symbol: str) -> str:
        return f"{self._instruments[symbol].venue}|{symbol}"
