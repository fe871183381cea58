"""A small schema with one of everything that a setting can be, and short ways to load it."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from config.errors import ConfigErrors
from config.loader import Layer, Loaded, TextLayer, load
from config.marks import SECRET, bounded, described


class Side(enum.Enum):
    BUY = "buy"
    SELL = "sell"


DeskName = Annotated[str, msgspec.Meta(max_length=12)]


class Desk(msgspec.Struct, frozen=True):
    size: Annotated[Decimal, bounded(gt=0)]
    side: Side = Side.BUY
    timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=300)] | Literal["infinite"] = 5.0
    max_slippage_bps: Annotated[Decimal, bounded(ge=0, le="99.5")] | None = None


class Maker(msgspec.Struct, frozen=True, tag_field="entry", tag="maker"):
    reprice_ms: int = 250


class Taker(msgspec.Struct, frozen=True, tag_field="entry", tag="taker"):
    cap_bps: Annotated[Decimal, bounded(gt=0)] = Decimal(10)


class Backoff(msgspec.Struct, frozen=True):
    initial: float = 1.0
    max: float = 30.0

    def __post_init__(self) -> None:
        if self.max < self.initial:
            raise ValueError("max must not be below initial")


class Trading(msgspec.Struct, frozen=True):
    desks: dict[DeskName, Desk] = {}
    legs: tuple[Desk, ...] = ()
    tags: Annotated[tuple[str, ...], msgspec.Meta(max_length=5)] = ()
    band: tuple[int, int] = (0, 9)
    sides: frozenset[Side] = frozenset()
    entry: Maker | Taker = Taker()


class Log(msgspec.Struct, frozen=True, rename="kebab"):
    file_name: str = "ketch.log"
    level: Literal["debug", "info", "off"] = "info"


class Settings(msgspec.Struct, frozen=True):
    mode: Literal["paper", "live"] = "paper"
    name: Annotated[str, msgspec.Meta(min_length=1)] = "ketch"
    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$"), described("a symbol in capitals")] = (
        "ETH"
    )
    colour: bool = True
    retries: Annotated[int, msgspec.Meta(ge=0)] | None = 3
    ratio: float = 1.0
    trading: Trading = Trading()
    backoff: Backoff = Backoff()
    log: Log = Log()
    passphrase: Annotated[str, SECRET] | None = None


def yaml(text: str, name: str = "paper.yaml") -> TextLayer:
    return TextLayer(name, text)


def settings(text: str, *layers: Layer) -> Settings:
    return load(Settings, yaml(text), *layers).config


def mistakes(*layers: Layer) -> list[str]:
    """The lines of the message for layers that do not load."""
    try:
        loaded: Loaded[Settings] = load(Settings, *layers)
    except ConfigErrors as errors:
        return str(errors).splitlines()
    raise AssertionError(f"this loads: {loaded.config}")
