"""Backpack's funding payments. Source: its OpenAPI, GET /wapi/v1/history/funding."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from venues.backpack.codec import read_answer
from venues.backpack.convert import number, time_ns
from venues.model import BACKPACK, FundingPayment

PLACE: Final = "/wapi/v1/history/funding"


class FundingEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One payment: ``quantity`` is positive when received, the end of its interval naive UTC."""

    symbol: str
    quantity: Decimal
    interval_end_timestamp: str
    funding_rate: Decimal
    user_id: int | None = None
    subaccount_id: int | None = None


_ENTRIES: Final = msgspec.json.Decoder(tuple[FundingEntry, ...])


def decode_funding(status: int, body: bytes) -> tuple[FundingPayment, ...]:
    """Funding payments, newest first. Raises VenueRefused, OutcomeUnknown or FrameError."""
    return read_answer(PLACE, status, body, lambda: tuple(map(_payment, _ENTRIES.decode(body))))


def _payment(entry: FundingEntry) -> FundingPayment:
    return FundingPayment(
        venue=BACKPACK,
        symbol=entry.symbol,
        amount=-number(entry.quantity),
        event_ns=time_ns(entry.interval_end_timestamp),
        key=f"{entry.symbol}|{entry.interval_end_timestamp}",
    )
