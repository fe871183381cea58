"""Backpack's websocket frames: what each becomes; nothing but FrameError is ever raised."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.backpack import (
    BOOK_TICKER,
    DEPTH_DELTA,
    MARK_PRICE,
    ORDER_ACCEPTED,
    ORDER_EXPIRED,
    ORDER_FILL,
    POSITION_OPENED,
    POSITION_SNAPSHOT_IN_NUMBERS,
    STEADY,
    STREAM_ERROR,
    STREAM_SAMPLES,
)
from venues.backpack.streams import (
    ControlFrame,
    DepthDelta,
    MarkEvent,
    OrderEvent,
    OtherEvent,
    PositionEvent,
    QuoteEvent,
    StreamRefused,
    decode_stream,
)
from venues.errors import FrameError
from venues.model import Level, OrderStatus, Side

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = SCALARS | st.lists(st.lists(SCALARS, max_size=3), max_size=3)


def order_event(frame: str) -> OrderEvent:
    event = decode_stream(frame)
    assert isinstance(event, OrderEvent)
    return event


def changed(frame: str, **fields: object) -> str:
    document = json.loads(frame)
    document["data"].update(fields)
    return json.dumps(document)


def test_an_accepted_order_is_open() -> None:
    event = order_event(ORDER_ACCEPTED)
    assert event.kind == "orderAccepted"
    assert event.fill is None
    assert event.update.status is OrderStatus.OPEN
    assert event.update.client_order_id == 7
    assert event.update.venue_order_id == "114575842681290753"
    assert event.update.size == Decimal("12.5")
    assert event.update.event_ns == 1750793021519690000


def test_a_fill_carries_the_match_and_the_cumulative_state() -> None:
    event = order_event(ORDER_FILL)
    assert event.update.executed == 2
    assert event.update.average_price == Decimal("141.25")
    assert event.update.status is OrderStatus.OPEN
    assert event.fill is not None
    assert event.fill.key == ("SOL_USDC_PERP", "6023471", "114575842681290753")
    assert (event.fill.size, event.fill.price) == (Decimal(2), Decimal("141.25"))
    assert event.fill.fee == Decimal("0.0565")
    assert event.fill.maker
    assert not event.fill.forced


def test_a_partly_filled_ioc_expires_with_its_reason() -> None:
    update = order_event(ORDER_EXPIRED).update
    assert update.status is OrderStatus.EXPIRED
    assert update.executed == 1
    assert update.side is Side.SELL
    assert update.reason == "ImmediateOrCancel"


def test_a_forced_trade_is_marked() -> None:
    fill = order_event(changed(ORDER_FILL, O="ADL_AUTOCLOSE", c=None)).fill
    assert fill is not None
    assert fill.forced
    assert fill.client_order_id is None
    assert fill.fee_told


def test_a_forced_trade_may_come_without_its_fee() -> None:
    fill = order_event(changed(ORDER_FILL, O="ADL_AUTOCLOSE", c=None, n=None)).fill
    assert fill is not None
    assert (fill.fee, fill.fee_told) == (Decimal(0), False)


def test_a_fee_in_the_base_asset_is_turned_into_quote_currency() -> None:
    fill = order_event(changed(ORDER_FILL, n="0.002", N="SOL")).fill
    assert fill is not None
    assert fill.fee == Decimal("0.2825")


def test_unknown_words_and_fields_are_kept_as_unknown() -> None:
    event = order_event(changed(ORDER_ACCEPTED, e="orderTeleported", X="Limbo", S="Sideways", zz=1))
    assert event.kind == "orderTeleported"
    assert event.update.status is OrderStatus.UNKNOWN
    assert not event.update.status.terminal
    assert event.update.side is None


@pytest.mark.parametrize(
    "broken",
    [{"t": None}, {"l": None}, {"L": "0"}, {"l": "-1"}, {"l": "NaN"}, {"S": "Sideways"}, {"X": 3}],
)
def test_a_fill_that_cannot_be_counted_is_a_frame_error(broken: dict[str, object]) -> None:
    with pytest.raises(FrameError, match="backpack stream"):
        decode_stream(changed(ORDER_FILL, **broken))


def test_a_position_event_is_signed_and_a_snapshot_has_no_event_word() -> None:
    opened = decode_stream(POSITION_OPENED)
    assert isinstance(opened, PositionEvent)
    assert not opened.snapshot
    assert opened.position.size == 2
    snapshot = decode_stream(POSITION_SNAPSHOT_IN_NUMBERS)
    assert isinstance(snapshot, PositionEvent)
    assert snapshot.snapshot
    assert snapshot.position.size == Decimal("-0.5")
    assert snapshot.position.entry_price == Decimal("141.25")


def test_a_book_ticker_is_a_quote() -> None:
    event = decode_stream(BOOK_TICKER)
    assert isinstance(event, QuoteEvent)
    assert (event.quote.bid, event.quote.ask) == (Decimal("141.25"), Decimal("141.26"))
    assert (event.quote.bid_size, event.quote.ask_size) == (Decimal(10), Decimal("3.2"))


@pytest.mark.parametrize("none", [{"b": "0", "B": "0"}, {"b": None, "B": None}])
def test_a_side_of_the_book_that_is_empty_is_a_price_of_0(none: dict[str, object]) -> None:
    event = decode_stream(changed(BOOK_TICKER, **none))
    assert isinstance(event, QuoteEvent)
    assert (event.quote.bid, event.quote.ask) == (Decimal(0), Decimal("141.26"))


def test_a_negative_price_is_none() -> None:
    with pytest.raises(FrameError, match="negative"):
        decode_stream(changed(BOOK_TICKER, b="-1"))


def test_a_depth_delta_keeps_its_update_ids() -> None:
    event = decode_stream(DEPTH_DELTA)
    assert isinstance(event, DepthDelta)
    assert (event.first_id, event.last_id) == (94978272, 94978274)
    assert event.asks == (Level(Decimal("141.26"), Decimal(0)),)


def test_a_mark_price_keeps_its_funding() -> None:
    event = decode_stream(MARK_PRICE)
    assert isinstance(event, MarkEvent)
    assert event.mark == Decimal("141.24")
    assert event.funding_rate == Decimal("0.0000125")


def test_a_refused_subscription_names_the_venues_code() -> None:
    event = decode_stream(STREAM_ERROR)
    assert event == StreamRefused(code="4006", text="Invalid stream")
    assert isinstance(event, StreamRefused)
    assert str(event.error()) == "backpack session refused (HTTP 0): 4006 Invalid stream"


@pytest.mark.parametrize("frame", ['{"result":null}', "{}", '{"id":1,"result":{"x":[]}}'])
def test_what_is_neither_data_nor_error_is_control(frame: str) -> None:
    assert decode_stream(frame) == ControlFrame()


def test_streams_that_we_do_not_read_are_named() -> None:
    frame = '{"stream":"trade.SOL_USDC_PERP","data":{"p":1}}'
    assert decode_stream(frame) == OtherEvent(stream="trade.SOL_USDC_PERP")


@STEADY
@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_nothing_but_frame_errors(frame: bytes) -> None:
    decode_or_frame_error(frame)


@STEADY
@given(st.sampled_from(STREAM_SAMPLES[:-1]), st.data())
def test_samples_with_arbitrary_values_raise_nothing_but_frame_errors(
    sample: str, data: st.DataObject
) -> None:
    document: dict[str, Any] = json.loads(sample)
    names = sorted(document["data"])
    for name in data.draw(st.lists(st.sampled_from(names), max_size=3)):
        document["data"][name] = data.draw(JSON)
    decode_or_frame_error(json.dumps(document))


@STEADY
@given(st.sampled_from(STREAM_SAMPLES), st.integers(0, 400), st.integers(0, 5), st.binary())
def test_damaged_samples_raise_nothing_but_frame_errors(
    sample: str, place: int, cut: int, inserted: bytes
) -> None:
    frame = sample.encode()
    decode_or_frame_error(frame[:place] + inserted[:6] + frame[place + cut :])


@pytest.mark.parametrize("number", ["1e999999999", "NaN", "-Infinity", "1E+99", "0E-99999"])
def test_numbers_beyond_reason_are_frame_errors(number: str) -> None:
    with pytest.raises(FrameError):
        decode_stream(changed(ORDER_FILL, z=number))


def test_deep_nesting_is_a_frame_error() -> None:
    with pytest.raises(FrameError):
        decode_stream('{"stream":' + "[" * 100_000)


def decode_or_frame_error(frame: bytes | str) -> None:
    with contextlib.suppress(FrameError):
        decode_stream(frame)
