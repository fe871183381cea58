"""Settings of the matching engine and its background liquidity: what one paper venue is like."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

import msgspec

from venues.model import BACKPACK, GRVT, Instrument

Ratio = Annotated[Decimal, msgspec.Meta(ge=-1, le=1)]


class _Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable, keyword-only, and strict about names."""


class Fees(_Plain, frozen=True, kw_only=True):
    """Fee rates as fractions of the notional (0.001 = 0.10 %); a negative rate is a rebate."""

    maker: Ratio
    taker: Ratio


class Funding(_Plain, frozen=True, kw_only=True):
    """Longs pay ``rate`` of their notional to shorts at each multiple of ``interval_s`` (UTC)."""

    rate: Ratio = Decimal("0.0001")
    interval_s: Annotated[int, msgspec.Meta(ge=1)] = 28_800


class Limits(_Plain, frozen=True, kw_only=True):
    """What the venue lets an account do.

    The initial margin is notional / ``leverage``, the maintenance margin half of it. ``price_band``
    is how far beyond the mark an order may reach, as a fraction.
    """

    leverage: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    price_band: Annotated[Decimal, msgspec.Meta(gt=0, le=1)] = Decimal("0.10")
    open_orders: Annotated[int, msgspec.Meta(ge=1)] = 200
    position_notional: Annotated[Decimal, msgspec.Meta(gt=0)] = Decimal(5_000_000)


class Liquidity(_Plain, frozen=True, kw_only=True):
    """Background market maker and background takers.

    ``levels`` per side, the first ``half_spread_bps`` from the mid, then a grid of
    ``spacing_bps``, each about ``level_notional`` in quote currency. ``flow`` is the chance per
    price step that a background order takes some of the touch.
    """

    levels: Annotated[int, msgspec.Meta(ge=0, le=100)] = 20
    half_spread_bps: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.4
    spacing_bps: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.2
    level_notional: Annotated[int, msgspec.Meta(ge=1)] = 1500
    flow: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2


class VenueSettings(_Plain, frozen=True, kw_only=True):
    """One venue's engine. ``deposit`` is what each account starts with, in quote currency.

    With ``late_rejects`` a post-only or reduce-only order that fails is accepted and then
    rejected, else it is refused at entry.
    """

    fees: Fees
    late_rejects: bool = False
    deposit: Annotated[Decimal, msgspec.Meta(gt=0)] = Decimal(100_000)
    funding: Funding = Funding()
    limits: Limits = Limits()
    liquidity: Liquidity = Liquidity()


GRVT_VENUE: Final = VenueSettings(
    fees=Fees(maker=Decimal("-0.0001"), taker=Decimal("0.00055")), late_rejects=True
)
BACKPACK_VENUE: Final = VenueSettings(fees=Fees(maker=Decimal("0.0008"), taker=Decimal("0.0010")))


def _backpack(base: str, tick: str, step: str) -> Instrument:
    return Instrument(
        venue=BACKPACK,
        symbol=f"{base}_USDC_PERP",
        base=base,
        quote="USDC",
        tick=Decimal(tick),
        step=Decimal(step),
        min_size=Decimal(step),
    )


def _grvt(base: str, asset_id: int, tick: str, min_size: str, min_notional: int) -> Instrument:
    return Instrument(
        venue=GRVT,
        symbol=f"{base}_USDT_Perp",
        base=base,
        quote="USDT",
        tick=Decimal(tick),
        step=Decimal(min_size),
        min_size=Decimal(min_size),
        min_notional=Decimal(min_notional),
        asset_id=asset_id,
        base_decimals=9,
    )


BACKPACK_INSTRUMENTS: Final = (
    _backpack("ETH", "0.01", "0.01"),
    _backpack("BTC", "0.1", "0.0001"),
    _backpack("SOL", "0.01", "0.01"),
)
GRVT_INSTRUMENTS: Final = (
    _grvt("ETH", 0x030401, "0.01", "0.01", 20),
    _grvt("BTC", 0x030501, "0.1", "0.001", 100),
    _grvt("SOL", 0x030601, "0.01", "0.1", 20),
)
