"""Hedged cycles over both real protocols, judged by the ledger, while connections are lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from paper.records import Connection, decode_records
from tests.support.paper_process import WAIT_S, Hedger, Process
from venues.model import Side


@pytest.fixture
def hedger() -> Iterator[Hedger]:
    with Process("--seed", "11") as process:
        trader = Hedger(process)
        yield trader
        trader.close()


def verdict(hedger: Hedger, planned: int) -> dict[str, Any]:
    """The judgement once the venue has answered all it was asked."""
    judged: dict[str, Any] = hedger.process.get(f"/measures?primary=backpack&planned={planned}")
    return judged


def wait_closed(connection: ClientConnection) -> None:
    """Read what had come before the cut."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv(WAIT_S)


def drop(hedger: Hedger, connection: str, cycle: int, hook: str) -> None:
    at = {"cycle": cycle, "hook": hook}
    fault = {"action": "drop", "connection": connection, "at": at}
    assert hedger.process.ask("POST", "/faults", fault)[0] == 200


def test_cycles_over_the_wire_are_sound_complete_and_quickly_hedged(hedger: Hedger) -> None:
    for _ in range(5):
        hedger.open_and_close()
    judged = verdict(hedger, 5)
    assert (judged["completed"], judged["orders"], float(judged["net"])) == (5, 20, 0)
    for broken in ("duplicates", "orphans", "position_errors", "flips"):
        assert judged[broken] == []
    assert float(judged["naked_q_s"]["max"]) < 0.5


def test_the_feed_is_cut_at_the_very_fill_that_it_would_have_told_of(hedger: Hedger) -> None:
    drop(hedger, "backpack/feed", cycle=2, hook="primary_fill")
    hedger.open_and_close()
    hedger.primary(Side.BUY)
    wait_closed(hedger.feed)
    hedger.hedge(Side.SELL)
    hedger.feed = hedger.open_feed()
    hedger.primary(Side.SELL)
    hedger.hedge(Side.BUY)
    assert verdict(hedger, 2)["completed"] == 2
    closed = [record for record in connections(hedger) if record.event == "closed"]
    assert [(record.connection, record.by) for record in closed] == [("backpack/feed", "fault")]


def test_the_trading_connection_is_cut_after_it_took_the_hedge(hedger: Hedger) -> None:
    drop(hedger, "grvt/trading", cycle=1, hook="hedge_accept")
    hedger.primary(Side.BUY)
    with contextlib.suppress(ConnectionClosed):
        hedger.hedge(Side.SELL)
    wait_closed(hedger.trading)
    assert float(verdict(hedger, 1)["net"]) == 0


def connections(hedger: Hedger) -> list[Connection]:
    lines = hedger.process.http.request("GET", hedger.process.line["control"] + "/ledger").data
    records = decode_records(lines.splitlines(keepends=True))
    return [record for record in records if isinstance(record, Connection)]


def test_both_private_connections_are_in_the_ledger_as_authenticated(hedger: Hedger) -> None:
    hedger.open_and_close()
    seen = {(record.connection, record.event) for record in connections(hedger)}
    assert {("backpack/feed", "authenticated"), ("grvt/trading", "authenticated")} <= seen
