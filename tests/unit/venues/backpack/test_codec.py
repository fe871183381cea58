"""Backpack's HTTP answers: the documented bodies, the meaning of every failure, and damage."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import backpack as sample
from tests.support.backpack import STEADY
from venues.backpack import codec, frames
from venues.backpack.codec import Verdict
from venues.backpack.streams import OrderEvent
from venues.errors import FrameError, SessionRefused, VenueError, VenueRefused
from venues.model import OrderStatus, Side

READS: dict[str, tuple[Callable[[int, bytes], object], bytes]] = {
    "open orders": (codec.decode_open_orders, b"[" + sample.LIMIT_ORDER + b"]"),
    "order history": (codec.decode_order_history, b"[" + sample.HISTORY_ORDER + b"]"),
    "fills": (codec.decode_fills, b"[" + sample.HISTORY_FILL + b"]"),
    "positions": (codec.decode_positions, b"[" + sample.POSITION + b"]"),
    "markets": (codec.decode_markets, b"[" + sample.MARKET + b"]"),
    "depth": (lambda status, body: codec.decode_depth("X", status, body), sample.DEPTH),
    "ticker": (codec.decode_ticker, sample.TICKER),
    "mark prices": (codec.decode_mark_prices, sample.MARK_PRICES),
    "account": (codec.decode_account, sample.ACCOUNT),
    "collateral": (codec.decode_collateral, sample.COLLATERAL),
    "status": (codec.decode_status, sample.STATUS),
    "time": (codec.decode_time, b"1750793021519"),
    "cancel all": (codec.decode_cancel_all, b"[" + sample.LIMIT_ORDER + b"]"),
}


def refusal(code: str, message: str = "") -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


def test_a_resting_limit_order_decodes() -> None:
    answer = codec.decode_placed(200, sample.LIMIT_ORDER)
    assert answer.update is not None
    assert answer.update.status is OrderStatus.OPEN
    assert answer.update.client_order_id == 4294967295
    assert answer.update.average_price is None
    assert answer.update.event_ns == 1750793021519000000


def test_a_market_order_has_no_price_but_an_average() -> None:
    update = codec.decode_placed(200, sample.MARKET_ORDER).update
    assert update is not None
    assert update.status is OrderStatus.FILLED
    assert update.average_price == Decimal("141.25")
    assert update.side is Side.SELL
    assert update.client_order_id is None


def test_an_unknown_status_and_field_do_not_break_an_order() -> None:
    body = sample.LIMIT_ORDER.replace(b'"New"', b'"Pondering","novel":[1]')
    update = codec.decode_order(200, body).update
    assert update is not None
    assert update.status is OrderStatus.UNKNOWN


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("New", OrderStatus.OPEN),
        ("PartiallyFilled", OrderStatus.OPEN),
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("Expired", OrderStatus.EXPIRED),
        ("TriggerPending", OrderStatus.PENDING),
        ("TriggerFailed", OrderStatus.REJECTED),
    ],
)
def test_each_status_has_its_meaning(word: str, status: OrderStatus) -> None:
    update = codec.decode_order(200, sample.LIMIT_ORDER.replace(b"New", word.encode())).update
    assert update is not None
    assert update.status is status


@pytest.mark.parametrize(
    ("word", "follows"), [("Expired", True), ("Filled", False), ("New", False)]
)
def test_why_an_order_expired_is_not_in_the_answer_and_follows(word: str, follows: bool) -> None:
    update = codec.decode_order(200, sample.LIMIT_ORDER.replace(b"New", word.encode())).update
    assert update is not None
    assert (update.reason, update.reason_follows) == ("", follows)


def test_a_cancel_that_is_accepted_but_not_done_has_no_order() -> None:
    answer = codec.decode_cancel(202, b"")
    assert answer.outcome.ok
    assert answer.update is None
    assert answer.error is None
    assert codec.decode_cancel_all(202, b"") == ()


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, refusal("INVALID_ORDER", "no"), Verdict.REFUSED),
        (400, refusal("INSUFFICIENT_MARGIN"), Verdict.REFUSED),
        (400, refusal("BRAND_NEW_CODE"), Verdict.REFUSED),
        (400, refusal("INVALID_CLIENT_REQUEST", "Request has expired"), Verdict.REFUSED),
        (401, refusal("INVALID_CLIENT_REQUEST", "Request has expired"), Verdict.REFUSED),
        (400, refusal("INVALID_CLIENT_REQUEST", "Invalid signature"), Verdict.SESSION),
        (401, refusal("UNAUTHORIZED"), Verdict.SESSION),
        (403, refusal("FORBIDDEN"), Verdict.SESSION),
        (429, refusal("TOO_MANY_REQUESTS"), Verdict.RATE_LIMITED),
        (404, refusal("RESOURCE_NOT_FOUND", "Not Found"), Verdict.NOT_FOUND),
        (400, refusal("INVALID_CLIENT_REQUEST", "Order not found"), Verdict.NOT_FOUND),
        (500, refusal("SERVER_ERROR"), Verdict.UNKNOWN),
        (503, refusal("MAINTENANCE"), Verdict.REFUSED),
        (400, refusal("TIMEOUT"), Verdict.UNKNOWN),
        (400, b"failed to parse field quantity", Verdict.UNKNOWN),
        (429, b"", Verdict.RATE_LIMITED),
        (502, b"<html><h1>502 Bad Gateway</h1></html>", Verdict.UNKNOWN),
        (301, refusal("MOVED"), Verdict.UNKNOWN),
        (200, sample.LIMIT_ORDER, Verdict.OK),
    ],
)
def test_each_answer_has_one_meaning(status: int, body: bytes, verdict: Verdict) -> None:
    assert codec.classify(status, body).verdict is verdict


def test_an_expired_request_tells_that_the_clock_wants_a_look() -> None:
    body = refusal("INVALID_CLIENT_REQUEST", "Request has expired")
    assert codec.classify(400, body).expired
    assert not codec.classify(400, sample.ERROR).expired
    assert not codec.classify(503, body).expired


def test_a_refused_order_names_its_client_id_and_the_venues_words() -> None:
    answer = codec.decode_placed(400, sample.ERROR, client_order_id=7)
    assert isinstance(answer.error, VenueRefused)
    assert answer.outcome.nothing_executed
    assert str(answer.error) == (
        "backpack refused order 7: INVALID_ORDER Order would immediately match and take."
    )


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"<html>", b"\xff", b"[1]", b"pong"])
def test_a_write_answered_with_nonsense_is_unknown_not_refused(body: bytes) -> None:
    answer = codec.decode_placed(200, body)
    assert answer.outcome.verdict is Verdict.UNKNOWN
    assert isinstance(answer.error, FrameError)
    assert not answer.outcome.nothing_executed


def test_not_found_refuses_a_new_order_but_settles_nothing_about_an_old_one() -> None:
    body = refusal("RESOURCE_NOT_FOUND", "Not Found")
    assert codec.decode_placed(404, body).outcome.verdict is Verdict.REFUSED
    assert codec.decode_order(404, body).outcome.verdict is Verdict.NOT_FOUND
    assert not codec.decode_cancel(404, body).outcome.nothing_executed


def test_history_has_text_ids_and_naive_times_in_utc() -> None:
    fill, = codec.decode_fills(200, b"[" + sample.HISTORY_FILL + b"]")  # fmt: skip
    assert fill.client_order_id == 4294967295
    assert fill.event_ns == 1750793021519000000
    assert fill.fee == Decimal("0.14125")
    assert fill.key == ("SOL_USDC_PERP", "6023471", "114575842681290753")
    order, = codec.decode_order_history(200, b"[" + sample.HISTORY_ORDER + b"]")  # fmt: skip
    assert order.status is OrderStatus.EXPIRED
    assert (order.reason, order.reason_follows) == ("ImmediateOrCancel", False)
    assert order.event_ns == 1750793021519000000


def test_a_fill_of_the_history_has_the_key_of_the_same_fill_on_the_stream() -> None:
    fill, = codec.decode_fills(200, b"[" + sample.HISTORY_FILL + b"]")  # fmt: skip
    event = codec.decode_stream(sample.ORDER_FILL)
    assert isinstance(event, OrderEvent)
    assert event.fill is not None
    assert event.fill.key == fill.key


@pytest.mark.parametrize("none", [{}, {"tradeId": None}])
def test_a_fill_of_the_history_without_a_trade_id_has_a_key_of_what_it_says(
    none: dict[str, object],
) -> None:
    row = json.loads(sample.HISTORY_FILL)
    del row["tradeId"]
    rows = [row | none, row | none, row | none | {"price": "141.250", "quantity": "1"}]
    told = codec.decode_fills(200, json.dumps([json.loads(sample.HISTORY_FILL), *rows]).encode())
    assert [fill.numbered for fill in told] == [True, False, False, False]
    assert len({fill.key for fill in told}) == 4
    again = codec.decode_fills(200, json.dumps(rows).encode())
    assert {fill.key for fill in again} == {fill.key for fill in told[1:]}


def test_a_position_is_signed() -> None:
    position, = codec.decode_positions(200, b"[" + sample.POSITION + b"]")  # fmt: skip
    assert position.size == Decimal("-0.5")
    assert position.entry_price == Decimal("141.2")


def test_no_position_is_an_empty_list_and_a_404_only_for_a_single_symbol() -> None:
    assert codec.decode_positions(200, b"[]") == ()
    assert codec.decode_positions(404, refusal("RESOURCE_NOT_FOUND"), single=True) == ()
    with pytest.raises(VenueRefused):
        codec.decode_positions(404, refusal("RESOURCE_NOT_FOUND"))


def test_a_market_is_an_instrument_with_a_state() -> None:
    listing, = codec.decode_markets(200, b"[" + sample.MARKET + b"]")  # fmt: skip
    assert listing.state == "Open"
    assert listing.instrument.base == "SOL"
    assert listing.instrument.tick == Decimal("0.01")
    assert listing.instrument.min_size == Decimal("0.01")
    assert listing.instrument.min_notional == 0


def test_a_market_without_a_tick_is_a_frame_error() -> None:
    body = b"[" + sample.MARKET.replace(b'"tickSize":"0.01"', b'"tickSize":"0"') + b"]"
    with pytest.raises(FrameError, match="not positive"):
        codec.decode_markets(200, body)


def test_fees_and_free_collateral_make_the_summary() -> None:
    account = codec.decode_account(200, sample.ACCOUNT)
    summary = codec.account_summary(account, codec.decode_collateral(200, sample.COLLATERAL))
    assert summary.equity == Decimal("100.5")
    assert summary.available == Decimal("90.25")
    assert summary.maker_fee_bps == Decimal("-0.5")
    assert summary.taker_fee_bps == Decimal(5)


def test_status_time_ticker_and_marks_decode() -> None:
    assert codec.decode_status(200, sample.STATUS).status == "Ok"
    assert codec.decode_time(200, b"1750793021519") == 1750793021519
    assert codec.decode_ticker(204, b"") is None
    ticker = codec.decode_ticker(200, sample.TICKER)
    assert ticker is not None
    assert ticker.last_price == Decimal("141.25")
    assert codec.decode_mark_prices(200, sample.MARK_PRICES)[0].mark_price == Decimal("141.24")


@pytest.mark.parametrize("name", READS)
def test_every_read_raises_typed_errors_for_each_kind_of_failure(name: str) -> None:
    decode, body = READS[name]
    assert decode(200, body) is not None
    with pytest.raises(SessionRefused):
        decode(401, refusal("UNAUTHORIZED"))
    with pytest.raises(VenueRefused):
        decode(429, refusal("TOO_MANY_REQUESTS"))
    with pytest.raises(FrameError):
        decode(502, b"<html>")
    with pytest.raises(FrameError):
        decode(200, b"")


@STEADY
@given(st.sampled_from(sorted(READS)), st.integers(0, 900), st.integers(0, 9), st.binary())
def test_damaged_bodies_raise_nothing_but_venue_errors(
    name: str, place: int, cut: int, inserted: bytes
) -> None:
    decode, body = READS[name]
    damaged = body[:place] + inserted[:6] + body[place + cut :]
    with contextlib.suppress(VenueError):
        decode(200, damaged)


@STEADY
@given(st.integers(100, 599), st.binary(max_size=60))
def test_an_order_route_answers_whatever_the_wire_brings(status: int, body: bytes) -> None:
    answer = codec.decode_placed(status, body)
    assert (answer.error is None) == answer.outcome.ok


@pytest.mark.parametrize(
    ("frame", "body"),
    [
        (frames.OrderResult, sample.LIMIT_ORDER),
        (frames.OrderResult, sample.MARKET_ORDER),
        (frames.HistoryFill, sample.HISTORY_FILL),
        (frames.Depth, sample.DEPTH),
        (frames.Account, sample.ACCOUNT),
        (frames.Collateral, sample.COLLATERAL),
    ],
)
def test_what_a_frame_encodes_is_what_it_decoded(frame: type[object], body: bytes) -> None:
    decoded = msgspec.json.decode(body, type=frame)
    encoded = json.loads(msgspec.json.encode(decoded))
    original = json.loads(body)
    assert {name: original[name] for name in encoded if name in original} == {
        name: encoded[name] for name in encoded if name in original
    }
    assert all(encoded[name] is None for name in encoded if name not in original)
