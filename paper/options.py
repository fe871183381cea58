"""The settings of the whole paper process: seed, prices, both venues, ports."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from paper.backpack.settings import BackpackSettings
from paper.grvt.settings import GrvtSettings
from paper.prices import PriceSettings
from paper.settings import BackpackEngine, GrvtEngine, Plain

Endpoint = Literal["grvt/edge", "grvt/trades", "grvt/market-data", "backpack/api", "backpack/ws"]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class GrvtPaper(Plain, frozen=True, kw_only=True):
    """The paper GRVT: its engine, its protocol, and its three ports (0: any free one).

    ``start_positions`` are what the account ``main`` holds by contract when the venue opens.
    ``steps`` are other size steps, and smallest sizes, by contract.
    """

    engine: GrvtEngine = GrvtEngine()
    front: GrvtSettings = GrvtSettings()
    start_positions: dict[str, Decimal] = msgspec.field(default_factory=dict)
    steps: dict[str, Decimal] = msgspec.field(default_factory=dict)
    edge_port: Port = 0
    trades_port: Port = 0
    market_data_port: Port = 0


class BackpackPaper(Plain, frozen=True, kw_only=True):
    """The paper Backpack, with its two ports; otherwise as the paper GRVT."""

    engine: BackpackEngine = BackpackEngine()
    front: BackpackSettings = BackpackSettings()
    start_positions: dict[str, Decimal] = msgspec.field(default_factory=dict)
    steps: dict[str, Decimal] = msgspec.field(default_factory=dict)
    api_port: Port = 0
    ws_port: Port = 0


class PaperSettings(Plain, frozen=True, kw_only=True):
    """Everything about the paper venues. ``seed`` decides prices, sizes and test keys.

    A front-end's own seed is added to it. ``mark_interval_s`` is how often the ledger samples the
    mark prices. ``proxied`` are the endpoints that are reached through the fault proxy; ``signals``
    lets a fault send signals to processes of this host.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1
    prices: PriceSettings = PriceSettings()
    proxied: tuple[Endpoint, ...] = ()
    signals: bool = False
    grvt: GrvtPaper = GrvtPaper()
    backpack: BackpackPaper = BackpackPaper()
    mark_interval_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 1.0
    control_port: Port = 0
