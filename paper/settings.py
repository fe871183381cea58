"""Settings of the matching engine and its background liquidity: what one paper venue is like."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Final

import msgspec
import msgspec.inspect

from venues.model import BACKPACK, GRVT, Instrument

_HOLDS: Final = {"gt": operator.gt, "ge": operator.ge, "le": operator.le}

# msgspec has limits for int and float only: a Decimal's travel in ``extra``, checked below.
Ratio = Annotated[Decimal, msgspec.Meta(extra={"ge": Decimal(-1), "le": Decimal(1)})]
Share = Annotated[Decimal, msgspec.Meta(extra={"gt": Decimal(0), "le": Decimal(1)})]
Amount = Annotated[Decimal, msgspec.Meta(extra={"gt": Decimal(0)})]


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings: immutable, keyword-only, strict about names and about the limits of Decimals."""

    def __post_init__(self) -> None:
        """Raise ValueError for a Decimal that is out of its limits."""
        for name, limits in _decimal_limits(type(self)):
            value = getattr(self, name)
            for word, bound in limits.items():
                if not value.is_finite() or not _HOLDS[word](value, bound):
                    raise ValueError(f"{name} is {value}, expected {word} {bound}")


@cache
def _decimal_limits(struct: type[Plain]) -> tuple[tuple[str, dict[str, Decimal]], ...]:
    """The limits of each Decimal field, by name."""
    info = msgspec.inspect.type_info(struct)
    fields = info.fields if isinstance(info, msgspec.inspect.StructType) else ()
    return tuple(
        (field.name, field.type.extra or {})
        for field in fields
        if isinstance(field.type, msgspec.inspect.Metadata)
        and isinstance(field.type.type, msgspec.inspect.DecimalType)
    )


class Fees(Plain, frozen=True, kw_only=True):
    """Fee rates as fractions of the notional (0.001 = 0.10 %); a negative rate is a rebate."""

    maker: Ratio
    taker: Ratio


class Funding(Plain, frozen=True, kw_only=True):
    """Longs pay ``rate`` of their notional to shorts at each multiple of ``interval_s`` (UTC)."""

    rate: Ratio = Decimal("0.0001")
    interval_s: Annotated[int, msgspec.Meta(ge=1)] = 28_800


class Limits(Plain, frozen=True, kw_only=True):
    """What the venue lets an account do.

    The initial margin is notional / ``leverage``, the maintenance margin half of it. ``price_band``
    is how far beyond the mark an order may reach, as a fraction.
    """

    leverage: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    price_band: Share = Decimal("0.10")
    open_orders: Annotated[int, msgspec.Meta(ge=1)] = 200
    position_notional: Amount = Decimal(5_000_000)


class Liquidity(Plain, frozen=True, kw_only=True):
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


class VenueSettings(Plain, frozen=True, kw_only=True):
    """One venue's engine. ``deposit`` is what each account starts with, in quote currency.

    With ``late_rejects`` a post-only or reduce-only order that fails is accepted and then
    rejected, else it is refused at entry.
    """

    fees: Fees
    late_rejects: bool = False
    deposit: Amount = Decimal(100_000)
    funding: Funding = Funding()
    limits: Limits = Limits()
    liquidity: Liquidity = Liquidity()


class GrvtFees(Fees, frozen=True, kw_only=True):
    """GRVT's fees: makers are rebated."""

    maker: Ratio = Decimal("-0.0001")
    taker: Ratio = Decimal("0.00055")


class BackpackFees(Fees, frozen=True, kw_only=True):
    """Backpack's fees."""

    maker: Ratio = Decimal("0.0008")
    taker: Ratio = Decimal("0.0010")


class GrvtEngine(VenueSettings, frozen=True, kw_only=True):
    """GRVT's engine: what fails late is rejected after it was accepted."""

    fees: GrvtFees = GrvtFees()
    late_rejects: bool = True


class BackpackEngine(VenueSettings, frozen=True, kw_only=True):
    """Backpack's engine: everything that fails is refused at entry."""

    fees: BackpackFees = BackpackFees()


BACKPACK_VENUE: Final = BackpackEngine()


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


def listed(
    instruments: tuple[Instrument, ...], steps: Mapping[str, Decimal]
) -> tuple[Instrument, ...]:
    """The contracts with these size steps, which are their smallest sizes too, where given."""
    return tuple(
        msgspec.structs.replace(one, step=steps[one.symbol], min_size=steps[one.symbol])
        if one.symbol in steps
        else one
        for one in instruments
    )
