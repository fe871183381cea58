"""The paper Backpack's websocket host, heard by a plain websocket client."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests as http
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from paper.faults import Delay, Drop, Refuse
from tests.support_backpack_server import (
    SYMBOL,
    WAIT_S,
    PaperBackpack,
    Stream,
    ann,
    money,
    served,
)
from venues.backpack import codec, requests
from venues.backpack.book import BookBuilder
from venues.backpack.streams import (
    DepthDelta,
    OrderEvent,
    PositionEvent,
    QuoteEvent,
    decode_stream,
)
from venues.errors import SequenceGap
from venues.model import NewOrder, OrderStatus, Side, TimeInForce


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def order(side: Side = Side.BUY, price: str = "2501", **changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "symbol": SYMBOL, "side": side, "size": Decimal("0.5"), "price": Decimal(price),
        "time_in_force": TimeInForce.IOC, "client_order_id": 7, "expires_ns": 0,
    }  # fmt: skip
    return NewOrder(**(fields | changes))


def place(venue: PaperBackpack, new: NewOrder) -> dict[str, Any]:
    response = venue.send(ann().execute_order(new))
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


RESTING = order(price="2400", time_in_force=TimeInForce.GTC)


def test_a_taker_hears_accepted_then_each_fill(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    venue.bob_sends("sell", "0.2", "2500.05")
    place(venue, order())
    events = [decode_stream(json.dumps(stream.next())) for _ in range(3)]
    assert all(isinstance(event, OrderEvent) for event in events)
    kinds = [event.kind for event in events if isinstance(event, OrderEvent)]
    assert kinds == ["orderAccepted", "orderFill", "orderFill"]
    fills = [event.fill for event in events if isinstance(event, OrderEvent) and event.fill]
    assert [fill.size for fill in fills] == [Decimal("0.2"), Decimal("0.3")]
    last = events[-1]
    assert isinstance(last, OrderEvent)
    assert last.update.status is OrderStatus.FILLED
    assert last.update.executed == Decimal("0.5")


def test_types_on_the_wire_are_the_venues(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    place(venue, order())
    fill = stream.until("orderFill")[-1]
    assert isinstance(fill["c"], int)
    assert isinstance(fill["t"], int)
    assert isinstance(fill["T"], int)
    assert isinstance(fill["i"], str)
    assert (fill["o"], fill["O"], fill["N"]) == ("LIMIT", "USER", "USDC")
    assert money(fill["n"]) == Decimal("1.25005")
    assert fill["m"] is False


def test_an_ioc_rest_expires_after_its_fills_and_nothing_follows(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    place(venue, order(size=Decimal(8)))
    seen = stream.until("orderExpired")
    assert [data["e"] for data in seen] == ["orderAccepted", "orderFill", "orderExpired"]
    assert (seen[-1]["R"], seen[-1]["z"], seen[-1]["X"]) == ("ImmediateOrCancel", "5", "Expired")
    moments = [data["T"] for data in seen]
    assert moments == sorted(moments)
    stream.settled()


def test_a_fok_that_misses_expires_without_a_fill(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    body = place(venue, order(size=Decimal(8), time_in_force=TimeInForce.FOK))
    assert (body["status"], body["executedQuantity"]) == ("Expired", "0")
    assert [data["e"] for data in stream.until("orderExpired")] == ["orderAccepted", "orderExpired"]


def test_a_refused_order_is_never_heard_of(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    assert venue.send(ann().execute_order(order(price="9000"))).status_code == 400
    stream.settled()


def test_a_maker_hears_its_fill_and_the_cancel_of_the_rest(venue: PaperBackpack) -> None:
    stream = venue.stream(f"account.orderUpdate.{SYMBOL}").settled()
    place(venue, order(price="2500", time_in_force=TimeInForce.GTC))
    venue.bob_sends("sell", "0.2", "2500", "ioc")
    fill = stream.until("orderFill")[-1]
    assert (fill["X"], fill["l"], fill["m"]) == ("PartiallyFilled", "0.2", True)
    venue.send(ann().cancel_all(SYMBOL))
    cancelled = stream.until("orderCancelled")[-1]
    assert (cancelled["X"], cancelled["z"]) == ("Cancelled", "0.2")


def test_a_reduce_only_order_that_shrinks_is_modified(venue: PaperBackpack) -> None:
    place(venue, order())
    place(venue, order(Side.SELL, "2550", reduce_only=True, client_order_id=8,
                       time_in_force=TimeInForce.GTC))  # fmt: skip
    stream = venue.stream("account.orderUpdate").settled()
    place(venue, order(Side.SELL, "2490", size=Decimal("0.2"), client_order_id=9))
    modified = stream.until("orderModified")[-1]
    assert (modified["c"], modified["q"], modified["X"]) == (8, "0.3", "New")


def test_positions_open_adjust_flip_and_close(venue: PaperBackpack) -> None:
    stream = venue.stream("account.positionUpdate").settled()
    for side, price, size, client_order_id in (
        (Side.BUY, "2501", "0.5", 1), (Side.BUY, "2501", "0.5", 2),
        (Side.SELL, "2490", "1.5", 3), (Side.BUY, "2501", "0.5", 4),
    ):  # fmt: skip
        place(venue, order(side, price, size=Decimal(size), client_order_id=client_order_id))
    seen = [stream.data() for _ in range(4)]
    assert [(data["e"], data["q"]) for data in seen] == [
        ("positionOpened", "0.5"),
        ("positionAdjusted", "1"),
        ("positionAdjusted", "-0.5"),
        ("positionClosed", "0"),
    ]


def test_subscribing_to_positions_brings_a_snapshot(venue: PaperBackpack) -> None:
    place(venue, order())
    event = decode_stream(json.dumps(venue.stream("account.positionUpdate").next()))
    assert isinstance(event, PositionEvent)
    assert event.snapshot
    assert event.position.size == Decimal("0.5")


def test_nobody_hears_the_orders_of_another_account(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate", "account.positionUpdate").settled()
    venue.bob_sends("buy", "0.5", "2501", "ioc")
    stream.settled()


def test_a_bad_signature_is_an_error_frame_and_the_socket_stays_open(venue: PaperBackpack) -> None:
    frame = json.loads(ann().subscribe_frame(["account.orderUpdate"]))
    frame["signature"][2] = str(int(frame["signature"][2]) + 1)
    stream = Stream(connect(venue.urls["ws"]), json.dumps(frame))
    refusal = stream.next()
    assert refusal == {"id": None, "error": {"code": 4002, "message": "Invalid signature"}}
    stream.connection.send(ann().subscribe_frame(["account.orderUpdate"]))
    stream.settled()
    place(venue, order())
    assert stream.data()["e"] == "orderAccepted"
    assert [event for event in venue.sessions.events if event[0] == "logged in"] == [
        ("logged in", "", False),
        ("logged in", "ann", True),
    ]


def test_a_stale_signature_does_not_subscribe_again(venue: PaperBackpack) -> None:
    frame = ann().subscribe_frame(["account.orderUpdate"])
    venue.skew_ns = 6_000_000_000
    stream = Stream(connect(venue.urls["ws"]), frame)
    assert stream.next()["error"]["message"] == "Request has expired"


def test_private_streams_need_a_signature(venue: PaperBackpack) -> None:
    frame = requests.subscribe_public_frame(["account.orderUpdate"])
    stream = Stream(connect(venue.urls["ws"]), frame)
    assert stream.next()["error"]["message"] == "Missing signature"


@pytest.mark.parametrize(
    "name",
    ["bookTicker.X", "depth.50ms.ETH_USDC_PERP", "account.balances", "account.orderUpdate.X", ""],
)
def test_an_unknown_stream_is_error_4006(venue: PaperBackpack, name: str) -> None:
    stream = venue.stream(name)
    assert stream.next() == {"id": None, "error": {"code": 4006, "message": "Invalid stream"}}


@pytest.mark.parametrize("frame", ["{", "[]", '{"method":"SHOUT","params":[]}', '"x"'])
def test_a_frame_that_is_no_request_is_an_error_frame(venue: PaperBackpack, frame: str) -> None:
    stream = Stream(connect(venue.urls["ws"]), frame)
    assert stream.next()["error"]["code"] == 4000


def test_unsubscribing_ends_a_stream(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate", f"trade.{SYMBOL}").settled()
    stream.connection.send(requests.unsubscribe_frame(["account.orderUpdate"]))
    stream.settled()
    place(venue, order())
    assert stream.next()["stream"] == f"trade.{SYMBOL}"


def test_best_prices_are_told_when_they_move(venue: PaperBackpack) -> None:
    stream = venue.stream(f"bookTicker.{SYMBOL}").settled()
    place(venue, order())
    message = stream.next()
    assert isinstance(message["data"]["u"], str)
    event = decode_stream(json.dumps(message))
    assert isinstance(event, QuoteEvent)
    assert (event.quote.ask, event.quote.ask_size) == (Decimal("2500.1"), Decimal("4.5"))


def test_mark_prices_are_published_at_their_interval() -> None:
    with served(mark_interval_s=0.01) as venue:
        data = venue.stream(f"markPrice.{SYMBOL}").data()
    assert (data["e"], data["p"], data["i"]) == ("markPrice", "2500", "2500")


def deltas(stream: Stream, count: int) -> list[DepthDelta]:
    events = [decode_stream(json.dumps(stream.next())) for _ in range(count)]
    return [event for event in events if isinstance(event, DepthDelta)]


def trade_times(venue: PaperBackpack, count: int) -> None:
    for client_order_id in range(count):
        place(venue, order(size=Decimal("0.1"), client_order_id=client_order_id))


def test_a_book_built_from_snapshot_and_stream_is_the_venues(venue: PaperBackpack) -> None:
    stream = venue.stream(f"depth.{SYMBOL}").settled()
    builder = BookBuilder(SYMBOL)
    trade_times(venue, 2)
    for delta in deltas(stream, 1):
        builder.apply(delta)
    response = venue.send(requests.depth(SYMBOL))
    assert builder.load(codec.decode_depth(SYMBOL, response.status_code, response.content))
    trade_times(venue, 2)
    for delta in deltas(stream, 3):
        builder.apply(delta)
    book, last_id = venue.call(lambda: venue.exchange.book(SYMBOL, 10))
    assert builder.book(10).asks == book.asks
    assert builder.book(10).bids == book.bids
    assert builder.last_id == last_id


def test_aggregated_depth_covers_several_ids_without_a_hole() -> None:
    with served(depth_aggregate=2) as venue:
        stream = venue.stream(f"depth.{SYMBOL}").settled()
        trade_times(venue, 4)
        first, second = deltas(stream, 2)
    assert first.last_id - first.first_id == 1
    assert second.first_id == first.last_id + 1


def test_a_paced_depth_stream_merges_what_happened_meanwhile(venue: PaperBackpack) -> None:
    stream = venue.stream(f"depth.200ms.{SYMBOL}").settled()
    trade_times(venue, 3)
    builder = BookBuilder(SYMBOL)
    while builder.last_id < venue.exchange.book(SYMBOL, 1)[1]:
        for delta in deltas(stream, 1):
            builder.apply(delta)
        response = venue.send(requests.depth(SYMBOL))
        builder.load(codec.decode_depth(SYMBOL, response.status_code, response.content))
    assert builder.book(1).asks[0].size == Decimal("4.7")


def test_a_gap_in_the_depth_stream_is_a_real_one() -> None:
    with served(depth_gap_every=2) as venue:
        stream = venue.stream(f"depth.{SYMBOL}").settled()
        trade_times(venue, 3)
        first, third = deltas(stream, 2)
    builder = BookBuilder(SYMBOL)
    builder.apply(first)
    with pytest.raises(SequenceGap):
        builder.apply(third)


def test_snapshots_may_be_stale_and_unsorted() -> None:
    with served(stale_snapshots=True, unsorted_levels=True) as venue:
        venue.bob_sends("buy", "1", "2400")
        path = f"api/v1/depth?symbol={SYMBOL}"
        first = venue.get(path).json()
        trade_times(venue, 1)
        assert venue.get(path).json()["lastUpdateId"] == first["lastUpdateId"]
        assert int(venue.get(path).json()["lastUpdateId"]) > int(first["lastUpdateId"])
    assert [price for price, _ in first["bids"]] == ["2400", "2499.9"]


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
    with served(first="reply", feed_latency_s=0.0) as venue:
        stream = venue.stream("account.orderUpdate").settled()
        assert place(venue, order())["status"] == "Filled"
        assert stream.until("orderFill")[-1]["X"] == "Filled"


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
    with served(ping_interval_s=0.02, pong_timeout_s=0.05) as venue:
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
        place(venue, order(size=Decimal("0.01"), client_order_id=client_order_id))
        place(venue, order(Side.SELL, "2490", size=Decimal("0.01"), client_order_id=0))
        venue.call(lambda: venue.exchange.tick())


def test_a_venue_that_goes_down_says_so_with_a_close_frame() -> None:
    with served() as venue:
        stream = venue.stream(f"trade.{SYMBOL}").settled()
    with pytest.raises(ConnectionClosed) as caught:
        stream.next()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert venue.sessions.events[-1] == ("disconnected", "backpack/market", "venue")
