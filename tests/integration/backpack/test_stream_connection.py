"""How the paper Backpack's websockets begin, keep alive, come in order with REST, and end."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

import pytest
import requests as http
from websockets.exceptions import ConnectionClosed

from paper.faults import Delay, Drop, Refuse
from tests.support.backpack_server import (
    SYMBOL,
    WAIT_S,
    PaperBackpack,
    ann,
    order,
    placed,
    served,
)
from venues.model import NewOrder, Side


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def test_the_feed_may_come_before_the_answer() -> None:
    with served(first="feed") as venue:
        stream = venue.stream("account.orderUpdate").settled()
        hold = Delay(connection="backpack/rest", by_s=60.0, for_s=60.0)
        venue.call(lambda: venue.faults.arm(hold))
        with pytest.raises(http.Timeout):
            send_impatiently(venue, order())
        assert [data["e"] for data in stream.until("orderFill")] == ["orderAccepted", "orderFill"]


def send_impatiently(venue: PaperBackpack, new: NewOrder) -> None:
    request = ann().execute_order(new)
    http.post(
        venue.urls["api"].rstrip("/") + request.path, data=request.body,
        headers=dict(request.headers), timeout=0.2,
    )  # fmt: skip


def test_the_answer_may_come_before_the_feed() -> None:
    with served(first="reply") as venue:
        stream = venue.stream("account.orderUpdate").settled()
        request = ann().execute_order(order())
        host = venue.urls["api"].removeprefix("http://").rstrip("/")
        client = HTTPConnection(host, timeout=WAIT_S)
        client.request("POST", request.target, request.body, dict(request.headers))
        stream.until("orderFill")
        # What was written before the feed has arrived when the feed has.
        assert select.select([client.sock], [], [], 0)[0]
        assert json.loads(client.getresponse().read())["status"] == "Filled"
        client.close()


def test_a_dropped_feed_ends_without_a_close_frame(venue: PaperBackpack) -> None:
    feed = venue.stream("account.orderUpdate").settled()
    market = venue.stream(f"trade.{SYMBOL}").settled()
    venue.call(lambda: venue.faults.arm(Drop(connection="backpack/feed")))
    with pytest.raises(ConnectionClosed) as caught:
        feed.next()
    assert caught.value.rcvd is None
    market.settled()
    venue.call(lambda: None)
    assert ("disconnected", "backpack/feed", "fault") in eventually(venue)


def eventually(venue: PaperBackpack) -> list[tuple[object, ...]]:
    """The sessions' events once a connection's end is among them."""
    while not any(event[0] == "disconnected" for event in venue.sessions.events):
        venue.call(lambda: None)
    return venue.sessions.events


def test_a_refused_feed_may_connect_but_not_subscribe(venue: PaperBackpack) -> None:
    refuse = Refuse(connection="backpack/feed", for_s=60.0)
    venue.call(lambda: venue.faults.arm(refuse))
    feed = venue.stream("account.orderUpdate")
    with pytest.raises(ConnectionClosed):
        feed.next()
    venue.stream(f"trade.{SYMBOL}").settled()


def test_a_client_that_leaves_is_recorded_as_leaving(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    stream.close()
    assert eventually(venue)[-1] == ("disconnected", "backpack/feed", "client")


def test_the_venue_pings_and_cuts_off_who_does_not_answer() -> None:
    with served(ping_interval_s=0.02, pong_timeout_s=2.0) as venue:
        alive = venue.stream("account.orderUpdate").settled()
        silent = Silent(venue)
        silent.read_to_the_end()
        alive.settled()
        assert eventually(venue)[-1][2] == "venue"


class Silent:
    """A websocket client that shakes hands and never answers a ping."""

    def __init__(self, venue: PaperBackpack) -> None:
        host, port = venue.urls["ws"].removeprefix("ws://").rstrip("/").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT_S)
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def read_to_the_end(self) -> None:
        try:
            while self.socket.recv(4096):
                continue
        except ConnectionResetError:
            return


def test_a_client_that_does_not_read_is_cut_off() -> None:
    with served(queue_limit=1, feed_latency_s=60.0) as venue:
        stream = venue.stream(f"trade.{SYMBOL}", f"bookTicker.{SYMBOL}", f"depth.{SYMBOL}")
        trade_until(venue, lambda: any(e[0] == "disconnected" for e in venue.sessions.events))
        with pytest.raises(ConnectionClosed):
            stream.next()
        assert eventually(venue)[-1] == ("disconnected", "backpack/market", "venue")


def trade_until(venue: PaperBackpack, done: Any) -> None:
    client_order_id = 0
    while not done():
        client_order_id += 1
        placed(venue, order(size=Decimal("0.01"), client_order_id=client_order_id))
        placed(venue, order(Side.SELL, "2490", size=Decimal("0.01"), client_order_id=0))
        venue.call(lambda: venue.exchange.tick())


def test_a_venue_that_goes_down_says_so_with_a_close_frame() -> None:
    with served() as venue:
        stream = venue.stream(f"trade.{SYMBOL}").settled()
    with pytest.raises(ConnectionClosed) as caught:
        stream.next()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert venue.sessions.events[-1] == ("disconnected", "backpack/market", "venue")
