import io
from decimal import Decimal

import msgspec
import pytest

from paper.faults import Drop
from paper.ledger import Ledger
from paper.records import (
    Accepted,
    AnyRecord,
    CancelAsked,
    Connection,
    Ended,
    FaultFired,
    Filled,
    LedgerError,
    Login,
    Opened,
    Resized,
    decode_records,
)
from tests.support.paper import Venue


def recorded(stream: io.BytesIO | None = None) -> tuple[Venue, Ledger]:
    venue = Venue()
    ledger = Ledger(7, stream, clock=venue.clock, utc_ns=venue.clock())
    venue.exchange.add_listener(ledger.listener("paper"))
    return venue, ledger


def kinds(records: list[AnyRecord]) -> list[type]:
    return [type(record) for record in records]


def test_an_order_leaves_accepted_fill_and_end_in_that_order() -> None:
    venue, ledger = recorded()
    venue.send("ann", "sell", "1", "100")
    venue.send("bob", "buy", "1", "100", client_order_id=9, nonce="n")
    assert kinds(ledger.records) == [Opened, Accepted, Accepted, Filled, Ended, Filled, Ended]
    taken = ledger.records[2]
    assert isinstance(taken, Accepted)
    assert (taken.account, taken.client_order_id, taken.nonce) == ("bob", 9, "n")


def test_an_accepted_order_is_recorded_as_it_was_asked_for_and_its_shrinking_after() -> None:
    venue, ledger = recorded()
    venue.send("bob", "sell", "1", "100")
    venue.send("ann", "buy", "1", "100")
    venue.send("bob", "buy", "9", "99")
    venue.send("ann", "sell", "3", "99", reduce_only=True)
    resized = [record for record in ledger.records if isinstance(record, Resized)]
    asked = [record for record in ledger.records if isinstance(record, Accepted)][-1]
    assert (asked.size, resized[0].size) == (Decimal(3), Decimal(1))


def test_a_cancel_is_recorded_when_it_is_asked_for_and_the_end_when_it_comes() -> None:
    venue, ledger = recorded()
    order = venue.send("bob", "sell", "1", "100")
    ledger.listener("paper").cancel_asked(order)
    venue.clock.forward(2)
    venue.exchange.cancel("bob", None, order_id=order.order_id)
    asked, ended = ledger.records[-2:]
    assert isinstance(asked, CancelAsked)
    assert isinstance(ended, Ended)
    assert asked.order_id == ended.order_id == order.order_id
    assert ended.at_ns - asked.at_ns == 2_000_000_000


def test_the_file_reads_back_as_what_is_in_memory() -> None:
    stream = io.BytesIO()
    venue, ledger = recorded(stream)
    venue.send("ann", "sell", "1", "100")
    venue.clock.forward(1)
    venue.send("bob", "buy", "0.4", "100", tif="ioc")
    ledger.connected("grvt/trading", 3, True)
    ledger.disconnected("grvt/trading", 3, "fault")
    ledger.logged_in("grvt", "ann", False)
    ledger.marked("paper", "ETH", Decimal("100.5"))
    lines = stream.getvalue().splitlines(keepends=True)
    assert list(decode_records(lines)) == ledger.records
    assert ledger.records[-1].at_ns - ledger.records[0].at_ns == 1_000_000_000


def test_connections_and_logins_are_recorded() -> None:
    _, ledger = recorded()
    ledger.connected("backpack/feed", 1, False)
    ledger.connected("backpack/feed", 1, True)
    ledger.disconnected("backpack/feed", 1, "client")
    ledger.logged_in("grvt", "ann", True)
    events = [record.event for record in ledger.records if isinstance(record, Connection)]
    assert events == ["opened", "authenticated", "closed"]
    assert isinstance(ledger.records[-1], Login)


def test_a_fault_is_recorded_as_it_was_asked_for() -> None:
    _, ledger = recorded()
    ledger.fault_fired(Drop(connection="grvt/trading"))
    record = ledger.records[-1]
    assert isinstance(record, FaultFired)
    assert msgspec.json.decode(record.fault)["action"] == "drop"


def test_another_schema_is_refused() -> None:
    line = b'{"type":"ledger","at_ns":0,"utc_ns":0,"schema":"ketch.ledger/99","seed":1}\n'
    with pytest.raises(LedgerError, match=r"ledger line 1: schema 'ketch.ledger/99'"):
        list(decode_records([line]))
