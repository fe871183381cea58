"""GRVT's funding payments. Source: grvt-apispec.json, RPCFundingPaymentHistoryV1."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from venues.grvt.codec import Reply
from venues.grvt.numbers import IntText, finite, to_int
from venues.grvt.reading import read_page
from venues.model import GRVT, FundingPayment


class FundingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payment: ``amount`` is positive when paid; ``tx_id`` may be that of a trade."""

    event_time: IntText
    sub_account_id: IntText | UnsetType = UNSET
    instrument: str
    currency: str = ""
    amount: Decimal
    tx_id: str


class FundingPage(msgspec.Struct, frozen=True):
    """Payments, newest first; ``cursor`` goes into the next request, "" at the end."""

    items: tuple[FundingPayment, ...]
    cursor: str = ""


def read_funding_history(reply: Reply) -> FundingPage:
    """A page of funding payments. Raises what ``venues.grvt.reading`` does."""
    rows, cursor = read_page(reply, FundingRow)
    return FundingPage(tuple(_payment(row, reply.method) for row in rows), cursor)


def _payment(row: FundingRow, place: str) -> FundingPayment:
    return FundingPayment(
        venue=GRVT,
        symbol=row.instrument,
        amount=finite(row.amount, f"{place} amount"),
        event_ns=to_int(row.event_time, f"{place} event_time"),
        key=f"{row.instrument}|{row.tx_id}|{row.event_time}",
    )
