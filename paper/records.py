"""The ledger's records: what happened at the paper venues, one frozen struct per fact.

Every record carries ``at_ns``, nanoseconds of the one monotonic clock that orders and times
everything, and ``utc_ns``, UTC unix nanoseconds for people. As JSON a record is one object with its
kind in ``type``; Decimals are strings. docs/ledger.md describes the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import msgspec

from venues.model import Side, TimeInForce

LEDGER_SCHEMA: Final = "ketch.ledger/1"
BANNED: Final = "banned"
"""What a ``hit`` says when a venue has banned its trader for too many requests."""


class LedgerError(Exception):
    """A line of a ledger that is no record. ``line`` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"ledger line {self.line}: {self.reason}"


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all records have: when."""

    at_ns: int
    utc_ns: int


class Opened(Record, frozen=True, tag="ledger"):
    """The first record: which format follows, and the seed of the run."""

    schema: str
    seed: int


class Accepted(Record, frozen=True, tag="accepted"):
    """An order entered an engine. ``forced``: by a liquidation, not by its account."""

    venue: str
    account: str
    symbol: str
    order_id: int
    client_order_id: int | None
    nonce: str
    side: Side
    size: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    expires_ns: int
    forced: bool


class Manual(Record, frozen=True, tag="manual"):
    """The order of that id, whose acceptance comes next, is somebody else's on the account."""

    venue: str
    account: str
    order_id: int


class Resized(Record, frozen=True, tag="resized"):
    """A live reduce-only order shrank to ``size`` (executed part included)."""

    venue: str
    account: str
    symbol: str
    order_id: int
    size: Decimal


class Filled(Record, frozen=True, tag="fill"):
    """One side of one match. ``fee`` positive was paid; ``mark`` is the venue's mid then."""

    venue: str
    account: str
    symbol: str
    order_id: int
    client_order_id: int | None
    trade_id: int
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    maker: bool
    mark: Decimal
    forced: bool


class CancelAsked(Record, frozen=True, tag="cancel"):
    """Its venue heard that a live order is to be cancelled. How and when it ends is told apart."""

    venue: str
    account: str
    symbol: str
    order_id: int


class Ended(Record, frozen=True, tag="ended"):
    """An order is over: ``filled``, ``cancelled`` or ``rejected``."""

    venue: str
    account: str
    symbol: str
    order_id: int
    client_order_id: int | None
    status: str
    reason: str
    executed: Decimal


class Connection(Record, frozen=True, tag="connection"):
    """A websocket was ``opened``, ``authenticated`` or ``closed`` (``by`` client, venue, fault)."""

    connection: str
    connection_id: int
    event: str
    by: str = ""


class Login(Record, frozen=True, tag="login"):
    """A login was tried."""

    venue: str
    account: str
    accepted: bool


class Funded(Record, frozen=True, tag="funding"):
    """Funding of one position; a positive ``amount`` was paid."""

    venue: str
    account: str
    symbol: str
    size: Decimal
    mark: Decimal
    rate: Decimal
    amount: Decimal


class Marked(Record, frozen=True, tag="mark"):
    """A sample of a venue's mark price."""

    venue: str
    symbol: str
    mark: Decimal


class FaultFired(Record, frozen=True, tag="fault"):
    """An injected fault acted, as it was asked for."""

    fault: msgspec.Raw


class FaultHit(Record, frozen=True, tag="hit"):
    """A fault that lay in wait met something; ``detail`` says what came of it (``executed``)."""

    fault: msgspec.Raw
    detail: str


AnyRecord = (
    Opened | Accepted | Resized | Filled | Ended | Connection | Login | Funded | Marked
    | FaultFired | FaultHit | Manual | CancelAsked
)  # fmt: skip

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(AnyRecord)


def encode_record(record: AnyRecord) -> bytes:
    """One line of a ledger, with its line end."""
    return _ENCODER.encode(record) + b"\n"


def decode_records(lines: Iterable[bytes]) -> Iterator[AnyRecord]:
    """Read a ledger back; raises LedgerError at the first line that is no record.

    A last line without a line end is what a killed process leaves: it is left out.
    """
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return
        try:
            record = _DECODER.decode(line)
        except msgspec.DecodeError as error:
            raise LedgerError(number, str(error)) from error
        if isinstance(record, Opened) and record.schema != LEDGER_SCHEMA:
            raise LedgerError(number, f"schema {record.schema!r}, expected {LEDGER_SCHEMA!r}")
        yield record
