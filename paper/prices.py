"""Seeded mid prices of the paper venues: one common random walk per base, a small basis per venue.

A price is a pure function of (seed, base, venue, step): every draw is a hash of its own counter, so
nothing that a trader does, and no order of calls, changes the path. Prices are model values
(floats) in here; they become exact money only when ``tick_price`` puts them on a tick.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from decimal import Decimal
from typing import Annotated

import msgspec

from paper.settings import Plain

_SECONDS_PER_YEAR = 365 * 24 * 3600
_UNIT = 2.0**-64

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class StartPrices(Plain, frozen=True, kw_only=True):
    """Where each base's walk starts."""

    eth: Positive = 2500.0
    btc: Positive = 60000.0
    sol: Positive = 150.0

    def of(self, base: str) -> float:
        """The start price of a base such as ``ETH``; raises AttributeError for another."""
        price: float = getattr(self, base.lower())
        return price


class PriceSettings(Plain, frozen=True, kw_only=True):
    """The price process. Volatility is per year (0.5 = 50 %), the basis in bps of the mid."""

    step_ms: Annotated[int, msgspec.Meta(ge=10, le=60_000)] = 100
    volatility: NotNegative = 0.5
    basis_bps: NotNegative = 0.5
    basis_reversion_s: Positive = 10.0
    start: StartPrices = StartPrices()

    @property
    def step_s(self) -> float:
        """Seconds between two prices."""
        return self.step_ms / 1000


def uniform(seed: int, label: str, counter: int) -> float:
    """A draw from [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}|{label}|{counter}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _UNIT


def normal(seed: int, label: str, counter: int) -> float:
    """A standard normal draw that depends on nothing but its arguments (Box-Muller)."""
    digest = hashlib.blake2b(f"{seed}|{label}|{counter}".encode(), digest_size=16).digest()
    radius = 1.0 - int.from_bytes(digest[:8], "big") * _UNIT
    angle = int.from_bytes(digest[8:], "big") * _UNIT
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)


class PricePath:
    """Mid prices of one base at one venue, and the index that all venues share.

    Steps count from 0; earlier steps are kept, so the whole path can be read back.
    """

    def __init__(self, seed: int, venue: str, base: str, settings: PriceSettings) -> None:
        self._seed = seed
        self._walk_label = f"walk|{base}"
        self._basis_label = f"basis|{venue}|{base}"
        self._start = settings.start.of(base)
        self._volatility = settings.volatility * math.sqrt(settings.step_s / _SECONDS_PER_YEAR)
        self._keep = math.exp(-settings.step_s / settings.basis_reversion_s)
        self._basis = settings.basis_bps * 1e-4
        self._walk = array("d", [0.0])
        self._basis_walk = array("d", [self._basis * normal(seed, self._basis_label, 0)])

    def index(self, step: int) -> float:
        """The price without any venue's basis."""
        self._extend(step)
        return self._start * math.exp(self._walk[step])

    def mid(self, step: int) -> float:
        """The venue's own mid."""
        self._extend(step)
        return self._start * math.exp(self._walk[step] + self._basis_walk[step])

    def _extend(self, step: int) -> None:
        shock = self._basis * math.sqrt(1.0 - self._keep**2)
        for n in range(len(self._walk), step + 1):
            move = self._volatility * normal(self._seed, self._walk_label, n)
            self._walk.append(self._walk[-1] + move)
            pull = self._basis_walk[-1] * self._keep
            self._basis_walk.append(pull + shock * normal(self._seed, self._basis_label, n))


def tick_price(price: float, tick: Decimal) -> Decimal:
    """``price`` on the nearest multiple of ``tick``, exact from there on."""
    return round(price / float(tick)) * tick
