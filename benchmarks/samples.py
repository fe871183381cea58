"""What several benchmarks work on: keys that are no secret, the two contracts, an order."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Final

from venues.model import BACKPACK, GRVT, Instrument, NewOrder, Side, TimeInForce

PRIVATE_KEY: Final = "0x" + "11" * 32
SUB_ACCOUNT: Final = 2147050003876484
CHAIN_ID: Final = 326
# The ED25519 key pair of 32 bytes of 0x11, in base64.
BACKPACK_PUBLIC: Final = "0EqyMnQrtKs6E2i9RhXk5tAiSrcaAWuvhSCjMsl3hzc="
BACKPACK_SECRET: Final = "ERERERERERERERERERERERERERERERERERERERERERE="

GRVT_ETH: Final = Instrument(
    venue=GRVT,
    symbol="ETH_USDT_Perp",
    base="ETH",
    quote="USDT",
    tick=Decimal("0.01"),
    step=Decimal("0.01"),
    min_size=Decimal("0.01"),
    min_notional=Decimal(20),
    asset_id=0x030401,
    base_decimals=9,
)
BACKPACK_ETH: Final = Instrument(
    venue=BACKPACK,
    symbol="ETH_USDC_PERP",
    base="ETH",
    quote="USDC",
    tick=Decimal("0.01"),
    step=Decimal("0.01"),
    min_size=Decimal("0.01"),
)
ORDER: Final = NewOrder(
    symbol=GRVT_ETH.symbol,
    side=Side.SELL,
    size=Decimal("0.5"),
    price=Decimal("2500.25"),
    time_in_force=TimeInForce.IOC,
    client_order_id=2**63 + 12345,
    expires_ns=4_102_444_800_000_000_000,
    nonce=12345,
)


def silence_sdks() -> None:
    """They log signed orders, some of it through the root logger, and that is not their speed."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.CRITICAL + 1)
    for name in ("pysdk", "urllib3", "requests", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
