"""The GRVT front-end over real sockets: handshakes, REST, drops, latency, expiry."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests as http
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from paper.faults import Answer, Delay, Drop
from tests.support.grvt import CLIENT_ID, SUB_ACCOUNT
from tests.support.grvt_paper import API_KEY, SYMBOL, WAIT_S, PaperGrvt, served, signed
from venues.grvt import Reply, SequenceTracker, Session, StreamData, codec, reading, requests, rest
from venues.grvt.codec import decode_frame
from venues.model import Book, Fill, OrderStatus, OrderUpdate, Quote


@pytest.fixture
def venue() -> Iterator[PaperGrvt]:
    with served() as running:
        yield running


def log_in(venue: PaperGrvt, api_key: str = API_KEY) -> Session:
    request = rest.login(api_key)
    answer = http.post(
        venue.urls["edge"] + request.path, data=request.body, headers=request.headers,
        timeout=WAIT_S,
    )  # fmt: skip
    return rest.parse_login(answer.status_code, list(answer.headers.items()), answer.content)


def post(venue: PaperGrvt, call: requests.Call, headers: dict[str, str], host: str) -> Reply:
    request = rest.post(call)
    answer = http.post(
        venue.urls[host] + request.path, data=request.body, headers=request.headers | headers,
        timeout=WAIT_S,
    )  # fmt: skip
    return rest.parse_reply(answer.status_code, answer.content, call.route)


class Client:
    """Our own codec on a plain websocket."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.tracker = SequenceTracker()

    def next(self) -> Reply | StreamData:
        return decode_frame(self.connection.recv(timeout=WAIT_S))

    def call(self, call: requests.Call, request_id: int = 7) -> None:
        self.connection.send(codec.encode_call(call, request_id).decode())

    def reply(self) -> Reply:
        """The next reply; what the streams say before it is left out."""
        frame = self.next()
        while not isinstance(frame, Reply):
            frame = self.next()
        return frame

    def told(self) -> reading.Model:
        """The next thing that a stream says."""
        frame = self.next()
        while not (isinstance(frame, StreamData) and self.tracker.accept(frame)):
            frame = self.next()
        return reading.read_stream(frame)

    def subscribe(self, stream: str, selector: str) -> None:
        self.connection.send(codec.encode_subscribe(stream, [selector], 1).decode())
        self.tracker.subscribed(reading.read_subscription(self.reply()))


@contextmanager
def trading(venue: PaperGrvt) -> Iterator[Client]:
    headers = log_in(venue).headers
    with connect(venue.socket_url(), additional_headers=headers, close_timeout=1) as connection:
        yield Client(connection)


def test_an_order_is_placed_filled_and_queried_with_our_own_codec(venue: PaperGrvt) -> None:
    with trading(venue) as client:
        client.subscribe(codec.ORDER_STREAM, str(SUB_ACCOUNT))
        client.subscribe(codec.FILL_STREAM, str(SUB_ACCOUNT))
        client.call(requests.create_order(signed(venue.now_ns())), 41)
        reply = client.reply()
        assert reply.request_id == 41
        assert reading.read_order(reply).status is OrderStatus.PENDING
        opened, fill, filled = client.told(), client.told(), client.told()
        assert isinstance(opened, OrderUpdate)
        assert isinstance(fill, Fill)
        assert isinstance(filled, OrderUpdate)
        assert (filled.status, fill.client_order_id) == (OrderStatus.FILLED, CLIENT_ID)
        client.call(requests.query_order(SUB_ACCOUNT, CLIENT_ID))
        assert reading.read_order(client.reply()) == filled


def test_books_and_minis_start_with_a_snapshot_and_keep_coming(venue: PaperGrvt) -> None:
    with connect(venue.socket_url("market_data")) as connection:
        client = Client(connection)
        client.subscribe(codec.MINI_STREAM, codec.mini_selector(SYMBOL))
        quotes = [client.told(), client.told()]
        assert all(isinstance(quote, Quote) and quote.bid < quote.ask for quote in quotes)
        client.subscribe(codec.BOOK_STREAM, codec.book_selector(SYMBOL))
        seen = [client.told() for _ in range(4)]
        assert any(isinstance(book, Book) and not book.crossed for book in seen)


def test_a_handshake_without_a_session_is_refused_with_401(venue: PaperGrvt) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(venue.socket_url())
    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.body or b"")["code"] == 1000


def test_a_bad_handshake_may_be_accepted_and_every_request_refused() -> None:
    with served(bad_handshake="accept") as venue, connect(venue.socket_url()) as connection:
        client = Client(connection)
        client.call(requests.open_orders(SUB_ACCOUNT))
        error = client.reply().error
        assert error is not None
        assert error.code == 1000


def test_rest_needs_the_session_and_the_content_type(venue: PaperGrvt) -> None:
    denied = post(venue, requests.open_orders(SUB_ACCOUNT), {}, "trades")
    assert denied.error is not None
    assert (denied.error.code, denied.error.status) == (1000, 401)
    url = venue.urls["market_data"] + "/full/v1/instruments"
    plain = http.post(url, data="{}", headers={"Content-Type": "text/plain"}, timeout=WAIT_S)
    assert (plain.status_code, plain.json()["code"]) == (400, 1003)
    array = http.post(url, json=[], timeout=WAIT_S)
    assert (array.status_code, array.json()["code"]) == (400, 1003)


def test_an_order_over_rest_is_acknowledged_and_then_matched(venue: PaperGrvt) -> None:
    headers = log_in(venue).headers
    ack = post(venue, requests.create_order(signed(venue.now_ns())), headers, "trades")
    assert reading.read_order(ack).status is OrderStatus.PENDING
    found = post(venue, requests.query_order(SUB_ACCOUNT, CLIENT_ID), headers, "trades")
    assert reading.read_order(found).status is OrderStatus.FILLED
    fills = post(venue, requests.fill_history(SUB_ACCOUNT), headers, "trades")
    assert [fill.client_order_id for fill in reading.read_fill_history(fills).items] == [CLIENT_ID]


def test_instruments_book_mini_and_clock_are_public(venue: PaperGrvt) -> None:
    listed = reading.read_instrument(post(venue, requests.instrument(SYMBOL), {}, "market_data"))
    assert listed.symbol == SYMBOL
    book = post(venue, requests.book(SYMBOL), {}, "market_data")
    assert book.error is None
    wrong = post(venue, requests.book(SYMBOL, depth=11), {}, "market_data")
    assert wrong.error is not None
    assert wrong.error.code == 3031
    venue.frozen_ns = 1767225600123 * 10**6
    answer = http.get(venue.urls["market_data"] + rest.TIME_PATH, timeout=WAIT_S)
    assert rest.parse_time(answer.status_code, answer.content) == 1767225600123


def test_a_wrong_key_is_refused_and_both_logins_are_recorded(venue: PaperGrvt) -> None:
    log_in(venue)
    with pytest.raises(Exception, match="1000"):
        log_in(venue, "wrong")
    assert venue.sessions.events == [("logged in", "ann", True), ("logged in", "", False)]


def test_a_dropped_connection_ends_at_once_and_cancels_nothing(venue: PaperGrvt) -> None:
    with trading(venue) as client:
        client.call(requests.create_order(signed(venue.now_ns(), tif="gtc", price="2400")))
        client.reply()
        venue.call(lambda: venue.faults.arm(Drop(connection="grvt/trading")))
        with pytest.raises(ConnectionClosed):
            client.next()
    assert venue.sessions.ended.wait(WAIT_S)
    assert ("connected", "grvt/trading", True) in venue.sessions.events
    assert ("disconnected", "grvt/trading", "fault") in venue.sessions.events
    assert venue.call(lambda: len(venue.exchange.open_orders("ann"))) == 1


def test_an_order_sent_just_before_the_drop_is_accepted_without_an_answer() -> None:
    with served(latency_s=0.2) as venue, trading(venue) as client:
        client.call(requests.create_order(signed(venue.now_ns(), tif="gtc", price="2400")))
        # The frame has left, and is taken in only after this connection is gone.
        client.connection.close()
        assert venue.sessions.ended.wait(WAIT_S)
        assert venue.call(lambda: len(venue.exchange.open_orders("ann"))) == 1


def test_a_delayed_connection_answers_in_order_when_the_delay_is_over(venue: PaperGrvt) -> None:
    with trading(venue) as client:
        delay = Delay(connection="grvt/trading", by_s=0.2, for_s=60)
        venue.call(lambda: venue.faults.arm(delay))
        for request_id in (1, 2, 3):
            client.call(requests.open_orders(SUB_ACCOUNT), request_id)
        assert [client.reply().request_id for _ in range(3)] == [1, 2, 3]


def test_a_canned_answer_may_hide_an_order_that_was_accepted(venue: PaperGrvt) -> None:
    headers = log_in(venue).headers
    fault = Answer(
        connection="grvt/rest", route="/create_order", status=500, execute=True,
        body='{"code":1002,"message":"Internal Server Error","status":500}',
    )  # fmt: skip
    venue.call(lambda: venue.faults.arm(fault))
    reply = post(venue, requests.create_order(signed(venue.now_ns())), headers, "trades")
    assert reply.error is not None
    assert not reply.error.outcome.definite
    found = post(venue, requests.query_order(SUB_ACCOUNT, CLIENT_ID), headers, "trades")
    assert reading.read_order(found).status is OrderStatus.FILLED


def test_a_cookie_that_expires_closes_the_socket_where_it_is_set_to() -> None:
    with served(session_s=0.2, expired_socket="close") as venue:
        # Cookies end on whole seconds: this one lives for a tenth of a second.
        venue.frozen_ns = 1767225600 * 10**9 - 10**8
        with trading(venue) as client:
            with pytest.raises(ConnectionClosed) as caught:
                client.next()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4401
        assert venue.sessions.ended.wait(WAIT_S)
        assert ("disconnected", "grvt/trading", "venue") in venue.sessions.events


def test_an_expired_cookie_is_refused_by_rest_while_the_open_socket_goes_on() -> None:
    with served(session_s=3600.0) as venue:
        headers = log_in(venue).headers
        with connect(venue.socket_url(), additional_headers=headers, close_timeout=1) as connection:
            client = Client(connection)
            venue.skew_ns = 2 * 3600 * 10**9
            denied = post(venue, requests.open_orders(SUB_ACCOUNT), headers, "trades")
            assert denied.error is not None
            assert denied.error.code == 1000
            client.call(requests.open_orders(SUB_ACCOUNT))
            assert reading.read_orders(client.reply()) == ()


def flood(client: Client, venue: PaperGrvt) -> None:
    """Ask for more than an outbox holds, and wait for what never comes."""
    for n in range(15):
        order = signed(venue.now_ns(), client_order_id=2**63 + n, size="0.01")
        client.call(requests.create_order(order))
    client.told()


def test_a_consumer_too_slow_for_its_outbox_is_cut_off() -> None:
    with served(outbox=20, feed_latency_s=600.0) as venue, trading(venue) as client:
        client.subscribe(codec.ORDER_STREAM, str(SUB_ACCOUNT))
        with pytest.raises(ConnectionClosed):
            flood(client, venue)
        assert venue.sessions.ended.wait(WAIT_S)
        assert ("disconnected", "grvt/trading", "venue") in venue.sessions.events


def test_a_gateway_restart_cuts_everybody_and_counts_anew(venue: PaperGrvt) -> None:
    with trading(venue) as client:
        client.subscribe(codec.FILL_STREAM, str(SUB_ACCOUNT))
        client.call(requests.create_order(signed(venue.now_ns())))
        client.told()
        venue.call(venue.front_end.restart_gateway)
        with pytest.raises(ConnectionClosed):
            client.next()
    with trading(venue) as client:
        client.connection.send(
            codec.encode_subscribe(codec.FILL_STREAM, [str(SUB_ACCOUNT)], 1).decode()
        )
        subscription = reading.read_subscription(client.reply())
        assert subscription.first_sequence_number == ("1",)


def test_who_leaves_in_the_middle_of_a_request_leaves_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with served(latency_s=0.05) as venue:
        session = log_in(venue)
        asked = rest.post(requests.open_orders(SUB_ACCOUNT))
        headers = asked.headers | session.headers | {"Host": "venue", "Content-Length": "100"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        trades = urlsplit(venue.urls["trades"])
        caller = socket.create_connection((trades.hostname, trades.port))
        caller.sendall(f"POST {asked.path} HTTP/1.1\r\n{lines}\r\n{{".encode())
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        assert post(venue, requests.open_orders(SUB_ACCOUNT), session.headers, "trades").result
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
