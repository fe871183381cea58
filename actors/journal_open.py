"""What a journal's file has of the cycle that is open: its orders, and which ids are on record."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from actors.journal_file import JournalFile
from trading.ids import compact_id
from trading.leg import Leg
from trading.on_record import CycleRecorded, OrderOnRecord, recorded
from venues.model import ZERO, Fill, Instrument, NewOrder

_OTHER_DESKS_NS: Final = 60_000_000_000  # their orders are as old as ours, or hardly older


class LoadOpenCycle(msgspec.Struct, frozen=True):
    """Ask: where does the desk's open cycle stand by the record? Answered with CycleRecorded.

    ``previous`` and ``last`` are ids, as ``trading.on_record`` has them.
    """

    desk: str
    instruments: dict[Leg, Instrument]
    previous: int | None
    last: int | None


class _Outcome(msgspec.Struct):
    signed_executed: Decimal
    quote_amount: Decimal = ZERO
    fees: Decimal = ZERO
    fills_complete: bool = False


def load_open_cycle(file: JournalFile, asked: LoadOpenCycle) -> CycleRecorded:
    """Raises JournalUnusable for a damaged row."""
    ended = "where desk = ? and finished_ns is not null order by last_intent desc limit 1"
    after = next((row[8] or 0 for row in file.rows("cycles", ended, asked.desk)), 0)
    rows = list(file.rows("intents", "where rowid > ?", after))
    ours = [row for row in rows if row[2].startswith(f"{asked.desk}/")]
    known = {compact_id(int(row[1])) for row in rows}
    if ours:  # an order that was not sent may be on record as that, and as nothing else
        since_ns = min(row[4] for row in ours) - _OTHER_DESKS_NS
        outcomes = file.rows("outcomes", "where recorded_ns >= ?", since_ns)
        known |= {compact_id(int(row[1])) for row in outcomes}
    return recorded(
        [_order(file, row[0], row[1], row[3]) for row in ours],
        known,
        instruments=asked.instruments,
        previous=asked.previous,
        last=asked.last,
    )


def _order(file: JournalFile, venue: str, number: str, order_json: str) -> OrderOnRecord:
    where = "where venue = ? and client_order_id = ?"
    fills = [
        msgspec.json.decode(row[5], type=Fill) for row in file.rows("fills", where, venue, number)
    ]
    executed = sum((fill.size for fill in fills), ZERO)
    amount = sum((fill.size * fill.price for fill in fills), ZERO)
    fees = sum((fill.fee for fill in fills), ZERO)
    outcome, exact = next(file.rows("outcomes", where, venue, number), None), True
    if outcome is not None:
        told = msgspec.json.decode(outcome[2], type=_Outcome)
        if abs(told.signed_executed) > executed:  # not all its fills are on record
            executed, amount = abs(told.signed_executed), told.quote_amount
            fees, exact = told.fees, told.fills_complete
    new = msgspec.json.decode(order_json, type=NewOrder)
    return OrderOnRecord(
        venue,
        new,
        executed,
        over=outcome is not None,
        quote_amount=amount,
        fees=fees,
        fills=len(fills),
        exact=exact and outcome is not None,
    )
