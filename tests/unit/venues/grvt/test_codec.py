"""GRVT frames as recorded: what they become in the model, and what no frame may do."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import grvt as recorded
from tests.support.grvt import CLIENT_ID, SUB_ACCOUNT, rpc, stream
from venues.errors import FrameError, SessionRefused, VenueError, VenueRefused
from venues.grvt import codec, reading, requests
from venues.grvt.codec import Reply, StreamData, decode_frame
from venues.grvt.errors import Outcome, OutcomeUnknown
from venues.model import (
    Book,
    Fill,
    Level,
    MarketInfo,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    Side,
)


def reply(frame: str) -> Reply:
    decoded = decode_frame(frame)
    assert isinstance(decoded, Reply)
    return decoded


def data(frame: str) -> StreamData:
    decoded = decode_frame(frame)
    assert isinstance(decoded, StreamData)
    return decoded


def test_a_create_reply_is_provisional_and_has_no_venue_order_id_yet() -> None:
    frame = rpc(f'{{"result":{recorded.ORDER_JSON}}}', "v1/create_order")
    order = reading.read_order(reply(frame))
    assert (order.status, order.venue_order_id, order.client_order_id) == (
        OrderStatus.PENDING, "", CLIENT_ID,
    )  # fmt: skip
    assert (order.executed, order.size, order.side) == (Decimal(0), Decimal("0.001"), Side.BUY)
    assert (order.average_price, order.reason) == (None, "")


def test_a_flattened_result_is_read_like_a_nested_one() -> None:
    nested = reading.read_order(reply(rpc(f'{{"result":{recorded.ORDER_JSON}}}')))
    assert reading.read_order(reply(rpc(recorded.ORDER_JSON))) == nested


def test_quoted_v_and_nonce_and_an_empty_jsonrpc_are_accepted() -> None:
    text = recorded.ORDER_JSON.replace('"v":28', '"v":"28"').replace("1234567890,", '"1234567890",')
    frame = rpc(f'{{"result":{text}}}').replace('"2.0"', '""')
    assert reading.read_order(reply(frame)).client_order_id == CLIENT_ID


def test_unknown_fields_and_statuses_do_not_stop_an_order() -> None:
    text = recorded.ORDER_JSON.replace('"PENDING"', '"HALF_OPEN","surprise":[{}]')
    text = text.replace('"reject_reason":"UNSPECIFIED"', '"reject_reason":"MOON_PHASE"')
    order = reading.read_order(reply(rpc(f'{{"result":{text},"more":1}}')))
    assert order.status is OrderStatus.UNKNOWN
    assert not order.status.terminal
    assert order.reason == "MOON_PHASE"


@pytest.mark.parametrize("ack", ["true", '"true"', '"True"'])
def test_an_ack_is_true_in_either_spelling(ack: str) -> None:
    assert reading.read_ack(reply(rpc(f'{{"result":{{"ack":{ack}}}}}', "v1/cancel_order")))


def test_open_orders_and_histories_are_arrays_under_result() -> None:
    frame = rpc(f'{{"result":[{recorded.ORDER_JSON}]}}', "v1/open_orders")
    assert len(reading.read_orders(reply(frame))) == 1
    history = rpc(f'{{"result":[{recorded.FILL_JSON}],"next":"abc"}}', "v1/fill_history")
    page = reading.read_fill_history(reply(history))
    assert (len(page.items), page.cursor) == (1, "abc")
    assert reading.read_orders(reply(rpc("[]", "v1/open_orders"))) == ()


def test_a_fill_keeps_its_fee_sign_and_its_key() -> None:
    frame = rpc(f'{{"result":[{recorded.FILL_JSON}],"next":""}}', "v1/fill_history")
    page = reading.read_fill_history(reply(frame))
    (fill,) = page.items
    assert fill.fee == Decimal("0.040263")
    assert fill.key == ("BTC_USDT_Perp", "63487-2", "0x0101010503a12f6e000000007791f1bd")
    assert (fill.side, fill.maker, fill.forced, page.cursor) == (Side.BUY, False, False, "")


@pytest.mark.parametrize(("said", "pages"), [("same", 1), ("another", 200)])
def test_a_history_without_an_end_is_a_frame_error(said: str, pages: int) -> None:
    assert reading.next_cursor("next", "same", 199) == "next"
    assert reading.next_cursor("", "same", 200) == ""
    with pytest.raises(FrameError, match="no end"):
        reading.next_cursor(said, "same", pages)


def test_positions_summary_and_instruments() -> None:
    (position,) = reading.read_positions(reply(rpc(f'{{"result":[{recorded.POSITION_JSON}]}}')))
    assert position.size == Decimal("-0.002")
    summary = reading.read_summary(reply(rpc(f'{{"result":{recorded.SUMMARY_JSON}}}')))
    assert (summary.equity, summary.available) == (Decimal("10001.5"), Decimal("9900.0"))
    instrument = reading.read_instrument(reply(rpc(f'{{"result":{recorded.INSTRUMENT_JSON}}}')))
    assert instrument == recorded.BTC


def test_each_stream_becomes_its_own_model() -> None:
    order = reading.read_stream(data(stream("v1.order", recorded.ORDER_JSON)))
    fill = reading.read_stream(data(stream("v1.fill", recorded.FILL_JSON)))
    position = reading.read_stream(data(stream("v1.position", recorded.POSITION_JSON)))
    assert isinstance(order, OrderUpdate)
    assert isinstance(fill, Fill)
    assert isinstance(position, Position)


def test_a_state_message_takes_its_instrument_from_the_selector() -> None:
    message = data(stream("v1.state", recorded.STATE_JSON, selector=f"{SUB_ACCOUNT}-BTC_USDT_Perp"))
    state = reading.read_stream(message)
    assert isinstance(state, OrderUpdate)
    assert (state.symbol, state.status, state.reason) == (
        "BTC_USDT_Perp", OrderStatus.CANCELLED, "IOC_CANCEL",
    )  # fmt: skip
    assert (state.executed, state.average_price) == (Decimal("0.0004"), Decimal("65000.5"))
    assert data(stream("v1.state", recorded.STATE_JSON)).symbol == ""


def test_books_and_minis() -> None:
    book = reading.read_stream(
        data(stream("v1.book.s", recorded.BOOK_JSON, "BTC_USDT_Perp@500-10", "464151"))
    )
    assert isinstance(book, Book)
    assert book.bids[0] == Level(Decimal("65000.1"), Decimal("1.5"))
    assert not book.crossed
    quote = reading.read_stream(data(stream("v1.mini.s", recorded.MINI_JSON, "BTC_USDT_Perp@200")))
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask) == (Decimal("65000.1"), Decimal("65000.4"))


@pytest.mark.parametrize("none", ["", '"best_bid_price":"0.0","best_bid_size":"0.0",'])
def test_a_side_of_the_book_that_is_empty_is_a_price_of_0(none: str) -> None:
    feed = recorded.MINI_JSON.replace('"best_bid_price":"65000.1","best_bid_size":"1.5",', none)
    quote = reading.read_stream(data(stream("v1.mini.s", feed, "BTC_USDT_Perp@200")))
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask) == (Decimal(0), Decimal("65000.4"))


def test_a_ticker_without_prices_still_tells_the_funding() -> None:
    feed = '{"event_time":"1","instrument":"BTC_USDT_Perp","funding_rate":"0.01"}'
    info = reading.read_stream(data(stream("v1.ticker.s", feed, "BTC_USDT_Perp@1000")))
    assert isinstance(info, MarketInfo)
    assert (info.mark_price, info.funding_rate) == (None, Decimal("0.0001"))


@pytest.mark.parametrize(("field", "number"), [("size", "-0.5"), ("size", "0"), ("price", "-1")])
def test_a_fill_of_nothing_or_less_is_a_frame_error(field: str, number: str) -> None:
    feed = json.dumps(json.loads(recorded.FILL_JSON) | {field: number})
    with pytest.raises(FrameError, match=field):
        reading.read_stream(data(stream("v1.fill", feed)))


def test_a_subscription_says_what_is_missing() -> None:
    result = (
        '{"stream":"v1.book.s","subs":["BTC_USDT_Perp@500-10"],"unsubs":[],"num_snapshots":[1],'
        '"first_sequence_number":["464151"],"latest_sequence_number":["464150"]}'
    )
    subscription = reading.read_subscription(reply(rpc(result, "subscribe", 1)))
    assert subscription.first_sequence_number == ("464151",)
    assert subscription.missing(["BTC_USDT_Perp@500-10", "X@500-10"]) == ("X@500-10",)


@pytest.mark.parametrize(
    ("code", "error"),
    [(2012, VenueRefused), (2080, VenueRefused), (1000, SessionRefused), (1002, OutcomeUnknown),
     (1006, OutcomeUnknown), (98765, OutcomeUnknown)],
)  # fmt: skip
def test_an_error_reply_raises_what_it_means(code: int, error: type[VenueError]) -> None:
    frame = (
        f'{{"jsonrpc":"2.0","error":{{"code":{code},"message":"m"}},"id":7,"method":"v1/order"}}'
    )
    decoded = reply(frame)
    assert decoded.error is not None
    assert decoded.error.code == code
    with pytest.raises(error):
        reading.read_order(decoded)


def test_a_bare_error_object_is_a_reply_to_nobody_knows_what() -> None:
    decoded = reply('{"code":1003,"message":"malformed","status":400,"request_id":"x"}')
    assert decoded.request_id is None
    assert decoded.error is not None
    assert decoded.error.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "frame",
    [b"", b"null", b"[]", b"{}", b"7", b"\xff\xfe", b"<html>502</html>", b'{"feed":{}}',
     b'{"id":"seven","result":{}}', b'{"error":7,"id":1}', b"[" * 100_000,
     b'{"x":' + b"[" * 100_000 + b'}',
     b'{"stream":"v1.fill","selector":"1","sequence_number":"x","feed":{}}'],
)  # fmt: skip
def test_a_frame_that_does_not_decode_is_a_frame_error_with_its_place(frame: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode_frame(frame, "grvt/trading")
    assert "grvt/trading" in str(caught.value)


@pytest.mark.parametrize("number", ['"NaN"', '"Infinity"', '"1e999999"', "true", '""', "null"])
def test_a_number_that_is_none_is_a_frame_error(number: str) -> None:
    feed = recorded.FILL_JSON.replace('"89473.4"', number)
    with pytest.raises(FrameError):
        reading.read_stream(data(stream("v1.fill", feed)))


@pytest.mark.parametrize("client_id", ['"-1"', '"18446744073709551616"', "-5", '"x"', '"1_0"'])
def test_a_client_id_that_is_no_uint64_is_a_frame_error(client_id: str) -> None:
    feed = recorded.FILL_JSON.replace('"9223372036854775809"', client_id)
    with pytest.raises(FrameError):
        reading.read_stream(data(stream("v1.fill", feed)))


READERS = (
    reading.read_order, reading.read_orders, reading.read_fill_history, reading.read_positions,
    reading.read_summary, reading.read_instrument, reading.read_ack, reading.read_subscription,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["result", "error", "feed", "stream", "selector", "id", "code", "legs"])
        | st.text(max_size=4), inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_frame_raises_anything_but_a_frame_error(frame: bytes) -> None:
    try:
        decode_frame(frame)
    except FrameError:
        return


@given(JSON, st.sampled_from(READERS))
def test_no_result_raises_anything_but_a_frame_error(value: object, reader: object) -> None:
    frame = json.dumps({"id": 1, "result": value})
    assert callable(reader)
    try:
        reader(decode_frame(frame))
    except FrameError:
        return


OBJECTS = [
    ("v1.order", recorded.ORDER_JSON), ("v1.state", recorded.STATE_JSON),
    ("v1.fill", recorded.FILL_JSON), ("v1.position", recorded.POSITION_JSON),
    ("v1.book.s", recorded.BOOK_JSON), ("v1.mini.s", recorded.MINI_JSON),
]  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(OBJECTS), JSON, st.data())
def test_one_field_turned_into_anything_raises_nothing_else(
    sample: tuple[str, str], value: object, draw: st.DataObject
) -> None:
    name, text = sample
    feed = json.loads(text)
    feed[draw.draw(st.sampled_from(sorted(feed)))] = value
    frame = stream(name, json.dumps(feed))
    try:
        reading.read_stream(data(frame))
    except FrameError:
        return


def test_a_stream_that_nobody_asked_for_is_a_frame_error() -> None:
    with pytest.raises(FrameError):
        reading.read_stream(data(stream("v1.weather", "{}")))


@pytest.mark.parametrize(
    ("call", "route", "body"),
    [
        (requests.cancel_order(5, 9), "cancel_order",
         {"sub_account_id": "5", "client_order_id": "9"}),
        (requests.cancel_order(5, 9, time_to_live_ms=500), "cancel_order",
         {"sub_account_id": "5", "client_order_id": "9", "time_to_live_ms": "500"}),
        (requests.query_order(5, 9), "order", {"sub_account_id": "5", "client_order_id": "9"}),
        (requests.open_orders(5), "open_orders", {"sub_account_id": "5", "kind": ["PERPETUAL"]}),
        (requests.cancel_all_orders(5), "cancel_all_orders", {"sub_account_id": "5"}),
        (requests.fill_history(5, start_ns=7), "fill_history",
         {"sub_account_id": "5", "kind": ["PERPETUAL"], "start_time": "7", "limit": 500}),
        (requests.positions(5), "positions", {"sub_account_id": "5", "kind": ["PERPETUAL"]}),
        (requests.account_summary(5), "account_summary", {"sub_account_id": "5"}),
        (requests.cancel_on_disconnect(5, 30000), "cancel_on_disconnect",
         {"sub_account_id": "5", "countdown_time": "30000"}),
    ],
)  # fmt: skip
def test_each_call_is_a_json_rpc_request(
    call: requests.Call, route: str, body: dict[str, object]
) -> None:
    frame = json.loads(codec.encode_call(call, 41))
    assert frame == {"jsonrpc": "2.0", "method": f"v1/{route}", "params": body, "id": 41}


def test_a_subscribe_request() -> None:
    selector = codec.book_selector("BTC_USDT_Perp")
    assert json.loads(codec.encode_subscribe(codec.BOOK_STREAM, [selector], 1)) == {
        "jsonrpc": "2.0",
        "method": "subscribe",
        "params": {
            "stream": "v1.book.s",
            "selectors": ["BTC_USDT_Perp@500-10"],
            "use_global_sequence_number": False,
        },
        "id": 1,
    }
