"""The paper Backpack's private streams, heard by a plain websocket client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from websockets.sync.client import connect

from tests.support.backpack_server import (
    SYMBOL,
    PaperBackpack,
    Stream,
    ann,
    money,
    order,
    placed,
    served,
)
from venues.backpack import requests
from venues.backpack.streams import (
    OrderEvent,
    PositionEvent,
    decode_stream,
)
from venues.model import OrderStatus, Side, TimeInForce


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


def test_a_taker_hears_accepted_then_each_fill(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    venue.bob_sends("sell", "0.2", "2500.05")
    placed(venue, order())
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
    placed(venue, order())
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
    placed(venue, order(size=Decimal(8)))
    seen = stream.until("orderExpired")
    assert [data["e"] for data in seen] == ["orderAccepted", "orderFill", "orderExpired"]
    assert (seen[-1]["R"], seen[-1]["z"], seen[-1]["X"]) == ("ImmediateOrCancel", "5", "Expired")
    moments = [data["T"] for data in seen]
    assert moments == sorted(moments)
    stream.settled()


def test_a_fok_that_misses_expires_without_a_fill(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    update = placed(venue, order(size=Decimal(8), time_in_force=TimeInForce.FOK))
    assert (update.status, update.executed) == (OrderStatus.EXPIRED, Decimal(0))
    assert [data["e"] for data in stream.until("orderExpired")] == ["orderAccepted", "orderExpired"]


def test_a_refused_order_is_never_heard_of(venue: PaperBackpack) -> None:
    stream = venue.stream("account.orderUpdate").settled()
    assert venue.send(ann().execute_order(order(price="9000"))).status_code == 400
    stream.settled()


def test_a_maker_hears_its_fill_and_the_cancel_of_the_rest(venue: PaperBackpack) -> None:
    stream = venue.stream(f"account.orderUpdate.{SYMBOL}").settled()
    placed(venue, order(price="2500", time_in_force=TimeInForce.GTC))
    venue.bob_sends("sell", "0.2", "2500", "ioc")
    fill = stream.until("orderFill")[-1]
    assert (fill["X"], fill["l"], fill["m"]) == ("PartiallyFilled", "0.2", True)
    venue.send(ann().cancel_all(SYMBOL))
    cancelled = stream.until("orderCancelled")[-1]
    assert (cancelled["X"], cancelled["z"]) == ("Cancelled", "0.2")


def test_a_reduce_only_order_that_shrinks_is_modified(venue: PaperBackpack) -> None:
    placed(venue, order())
    placed(venue, order(Side.SELL, "2550", reduce_only=True, client_order_id=8,
                       time_in_force=TimeInForce.GTC))  # fmt: skip
    stream = venue.stream("account.orderUpdate").settled()
    placed(venue, order(Side.SELL, "2490", size=Decimal("0.2"), client_order_id=9))
    modified = stream.until("orderModified")[-1]
    assert (modified["c"], modified["q"], modified["X"]) == (8, "0.3", "New")


def test_positions_open_adjust_flip_and_close(venue: PaperBackpack) -> None:
    stream = venue.stream("account.positionUpdate").settled()
    for side, price, size, client_order_id in (
        (Side.BUY, "2501", "0.5", 1), (Side.BUY, "2501", "0.5", 2),
        (Side.SELL, "2490", "1.5", 3), (Side.BUY, "2501", "0.5", 4),
    ):  # fmt: skip
        placed(venue, order(side, price, size=Decimal(size), client_order_id=client_order_id))
    seen = [stream.data() for _ in range(4)]
    assert [(data["e"], data["q"]) for data in seen] == [
        ("positionOpened", "0.5"),
        ("positionAdjusted", "1"),
        ("positionAdjusted", "-0.5"),
        ("positionClosed", "0"),
    ]


def test_subscribing_to_positions_brings_a_snapshot(venue: PaperBackpack) -> None:
    placed(venue, order())
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
    placed(venue, order())
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
    stream.connection.send('{"method":"UNSUBSCRIBE","params":["account.orderUpdate"]}')
    stream.settled()
    placed(venue, order())
    assert stream.next()["stream"] == f"trade.{SYMBOL}"
