"""The paper Backpack's REST host over real sockets, asked with our own requests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests as http

from paper.faults import Answer
from tests.support_backpack import SECRET_KEY
from tests.support_backpack_server import (
    OTHER_PUBLIC_KEY,
    OTHER_SECRET_KEY,
    SYMBOL,
    PaperBackpack,
    ann,
    served,
)
from venues.backpack import codec, requests
from venues.backpack.codec import OrderAnswer, Verdict
from venues.backpack.requests import HttpRequest, RequestBuilder
from venues.model import NewOrder, OrderStatus, OrderUpdate, Side, TimeInForce


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


def resting(client_order_id: int = 7, **changes: Any) -> NewOrder:
    return order(
        price="2400", client_order_id=client_order_id, time_in_force=TimeInForce.GTC, **changes
    )


def place(venue: PaperBackpack, new: NewOrder) -> OrderAnswer:
    response = venue.send(ann().execute_order(new))
    return codec.decode_placed(response.status_code, response.content, new.client_order_id)


def placed(venue: PaperBackpack, new: NewOrder) -> OrderUpdate:
    update = place(venue, new).update
    assert update is not None
    return update


def error_of(venue: PaperBackpack, request: HttpRequest, **headers: str) -> tuple[int, str, str]:
    response = venue.send(request, **headers)
    body = response.json()
    return response.status_code, body["code"], body["message"]


def test_a_taker_order_is_answered_after_it_matched(venue: PaperBackpack) -> None:
    update = placed(venue, order())
    assert update.status is OrderStatus.FILLED
    assert update.executed == Decimal("0.5")
    assert update.average_price == Decimal("2500.10")


def test_an_ioc_rest_expires_with_what_it_executed(venue: PaperBackpack) -> None:
    update = placed(venue, order(size=Decimal(8)))
    assert update.status is OrderStatus.EXPIRED
    assert update.executed == 5


def test_a_partly_filled_ioc_may_be_called_partially_filled() -> None:
    with served(partial_ioc="PartiallyFilled") as venue:
        response = venue.send(ann().execute_order(order(size=Decimal(8))))
    assert response.json()["status"] == "PartiallyFilled"


def test_a_resting_order_is_found_by_both_ids_and_by_none_once_cancelled(
    venue: PaperBackpack,
) -> None:
    update = placed(venue, resting())
    queries = [
        ann().query_order(SYMBOL, client_order_id=7),
        ann().query_order(SYMBOL, venue_order_id=update.venue_order_id),
    ]
    for query in queries:
        response = venue.send(query)
        assert codec.decode_order(response.status_code, response.content).update is not None
    response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    cancelled = codec.decode_cancel(response.status_code, response.content).update
    assert cancelled is not None
    assert cancelled.status is OrderStatus.CANCELLED
    for query in queries:
        assert error_of(venue, query)[:2] == (404, "RESOURCE_NOT_FOUND")


def test_cancelling_what_is_gone_is_a_400_that_means_ask_the_history(venue: PaperBackpack) -> None:
    placed(venue, order())
    response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    assert response.status_code == 400
    answer = codec.decode_cancel(response.status_code, response.content)
    assert answer.outcome.verdict is Verdict.NOT_FOUND


def test_a_cancel_may_be_accepted_before_it_is_done() -> None:
    with served(cancel_reply="accepted", cancel_delay_s=0.0) as venue:
        stream = venue.stream("account.orderUpdate").settled()
        placed(venue, resting())
        response = venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
        assert (response.status_code, response.content) == (202, b"")
        assert stream.until("orderCancelled")[-1]["X"] == "Cancelled"


def test_cancel_all_ends_every_resting_order(venue: PaperBackpack) -> None:
    for client_order_id in (1, 2, 3):
        placed(venue, resting(client_order_id))
    response = venue.send(ann().open_orders(SYMBOL))
    assert len(codec.decode_open_orders(response.status_code, response.content)) == 3
    response = venue.send(ann().cancel_all(SYMBOL))
    ended = codec.decode_cancel_all(response.status_code, response.content)
    assert {update.client_order_id for update in ended} == {1, 2, 3}
    response = venue.send(ann().open_orders())
    assert codec.decode_open_orders(response.status_code, response.content) == ()


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (resting(post_only=True, side=Side.SELL), "INVALID_ORDER"),
        (order(reduce_only=True), "INVALID_ORDER"),
        (order(size=Decimal("0.005")), "INVALID_QUANTITY"),
        (order(size=Decimal("0.505")), "INVALID_QUANTITY"),
        (order(price="2500.105"), "INVALID_PRICE"),
        (order(price="9000"), "INVALID_PRICE"),
        (order(size=Decimal(900)), "INSUFFICIENT_MARGIN"),
        (order(symbol="DOGE_USDC_PERP"), "INVALID_SYMBOL"),
    ],
)
def test_each_refusal_at_entry_has_the_venues_code(
    venue: PaperBackpack, new: NewOrder, code: str
) -> None:
    answer = place(venue, new)
    assert answer.outcome.verdict is Verdict.REFUSED
    assert answer.outcome.code == code
    assert venue.exchange.order_history("ann") == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+999", "-1", "0", "1E-40"])
def test_a_number_that_is_no_size_is_refused_like_any_other(
    venue: PaperBackpack, number: str
) -> None:
    config = ann()._account.execute_order(
        symbol=SYMBOL, side="Bid", order_type="Limit", quantity=number, price="2400"
    )
    request = HttpRequest(
        method="POST",
        path=config.url,
        headers=tuple(config.headers.items()),
        body=json.dumps(config.data).encode(),
    )
    assert error_of(venue, request)[:2] == (400, "INVALID_QUANTITY")


def test_a_client_id_that_is_live_is_refused_and_free_again_afterwards(
    venue: PaperBackpack,
) -> None:
    placed(venue, resting())
    answer = place(venue, resting())
    assert (answer.outcome.code, answer.outcome.text) == (
        "INVALID_CLIENT_REQUEST",
        "Duplicate client id",
    )
    venue.send(ann().cancel_order(SYMBOL, client_order_id=7))
    assert placed(venue, resting()).status is OrderStatus.OPEN


def test_duplicate_client_ids_are_accepted_when_set_so() -> None:
    with served(duplicates="accept") as venue:
        assert placed(venue, resting()).client_order_id == 7
        assert placed(venue, resting()).client_order_id == 7
        assert len(venue.exchange.open_orders("ann")) == 2


def test_a_wrong_signature_is_refused(venue: PaperBackpack) -> None:
    stolen = dict(ann().open_orders().headers)["X-Signature"]
    request = ann().execute_order(order())
    assert error_of(venue, request, **{"X-Signature": stolen}) == (
        400,
        "INVALID_CLIENT_REQUEST",
        "Invalid signature",
    )


def test_a_changed_body_is_refused(venue: PaperBackpack) -> None:
    request = ann().execute_order(order())
    body = json.loads(request.body) | {"quantity": "5"}
    changed = HttpRequest(
        method="POST", path=request.path, headers=request.headers, body=json.dumps(body).encode()
    )
    assert error_of(venue, changed)[2] == "Invalid signature"


def test_an_elapsed_window_is_refused_and_nothing_is_placed(venue: PaperBackpack) -> None:
    venue.skew_ns = 3_000_000_000
    answer = place(venue, order())
    assert answer.outcome.verdict is Verdict.REFUSED
    assert answer.outcome.expired
    assert venue.exchange.order_history("ann") == []


def test_a_clock_that_is_corrected_is_accepted_again(venue: PaperBackpack) -> None:
    venue.skew_ns = 60_000_000_000
    response = venue.send(requests.server_time())
    builder = ann()
    ours_ms = time.time_ns() // 1_000_000
    builder.clock_offset_ms = codec.decode_time(response.status_code, response.content) - ours_ms
    assert venue.send(builder.open_orders()).status_code == 200
    assert venue.send(ann().open_orders()).status_code == 400


def test_an_unknown_key_and_a_missing_one_are_401(venue: PaperBackpack) -> None:
    stranger = RequestBuilder("AAAA", OTHER_SECRET_KEY)
    assert error_of(venue, stranger.open_orders())[:2] == (401, "UNAUTHORIZED")
    unsigned = HttpRequest(method="GET", path="/api/v1/orders")
    assert error_of(venue, unsigned) == (401, "UNAUTHORIZED", "Missing header X-API-Key")


def test_the_key_of_one_account_does_not_open_another(venue: PaperBackpack) -> None:
    forged = RequestBuilder(OTHER_PUBLIC_KEY, SECRET_KEY)
    assert error_of(venue, forged.open_orders())[2] == "Invalid signature"


def test_a_body_that_cannot_be_parsed_is_answered_in_plain_text(venue: PaperBackpack) -> None:
    broken = HttpRequest(method="POST", path="/api/v1/order", body=b'{"symbol":')
    response = venue.send(broken)
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert codec.classify(response.status_code, response.content).verdict is Verdict.UNKNOWN


def test_too_many_requests_are_429() -> None:
    with served(requests_per_minute=2) as venue:
        verdicts = []
        for _ in range(3):
            response = venue.send(ann().open_orders())
            verdicts.append(codec.classify(response.status_code, response.content).verdict)
    assert verdicts == [Verdict.OK, Verdict.OK, Verdict.RATE_LIMITED]


def test_a_market_that_takes_no_orders_says_so(venue: PaperBackpack) -> None:
    venue.front_end.market_data.states[SYMBOL] = "PostOnly"
    assert place(venue, order()).outcome.code == "TRADING_PAUSED"
    assert placed(venue, resting(post_only=True)).status is OrderStatus.OPEN
    response = venue.send(requests.markets())
    listings = codec.decode_markets(response.status_code, response.content)
    assert {listing.state for listing in listings if listing.instrument.symbol == SYMBOL} == {
        "PostOnly"
    }


def test_a_batch_answers_each_order_for_itself(venue: PaperBackpack) -> None:
    bodies = [
        json.loads(ann().execute_order(new).body) for new in (resting(1), order(price="9000"))
    ]
    response = venue.send(signed_batch(bodies))
    first, second = response.json()
    assert (first["operation"], first["clientId"], first["status"]) == ("Ok", 1, "New")
    assert (second["operation"], second["code"]) == ("Err", "INVALID_PRICE")


def signed_batch(bodies: list[dict[str, Any]]) -> HttpRequest:
    """A batch, which bpx-py cannot build, signed after vector V4."""
    account = ann()._account
    timestamp_ms = ann().timestamp_ms()
    words = {True: "true", False: "false"}
    parts = [
        "&".join(
            ["instruction=orderExecute"]
            + [
                f"{name}={words[value] if isinstance(value, bool) else value}"
                for name, value in sorted(body.items())
            ]
        )
        for body in bodies
    ]
    # The signer puts "instruction=" in front of what it is given.
    text = "&".join(parts).removeprefix("instruction=")
    headers = {
        "X-API-Key": account.public_key,
        "X-Signature": account._sign({}, text, timestamp_ms, 5000),
        "X-Timestamp": str(timestamp_ms),
        "X-Window": "5000",
    }
    return HttpRequest(
        method="POST",
        path="/api/v1/orders",
        headers=tuple(headers.items()),
        body=json.dumps(bodies).encode(),
    )


def test_history_shows_an_order_and_its_fills_only_after_its_lag() -> None:
    with served(history_lag_s=60.0) as venue:
        placed(venue, order())
        assert venue.send(ann().fill_history(SYMBOL)).json() == []
        assert venue.send(ann().order_history(SYMBOL)).json() == []
        venue.skew_ns = 61_000_000_000
        later = ann()
        later.clock_offset_ms = 61_000
        response = venue.send(later.fill_history(SYMBOL))
        fill, = codec.decode_fills(response.status_code, response.content)  # fmt: skip
        assert (fill.client_order_id, fill.size) == (7, Decimal("0.5"))
        assert fill.fee == Decimal("1.25005")
        response = venue.send(later.order_history(SYMBOL))
        update, = codec.decode_order_history(response.status_code, response.content)  # fmt: skip
        assert update.status is OrderStatus.FILLED


def test_history_is_paged_and_filtered(venue: PaperBackpack) -> None:
    ids = [placed(venue, order(client_order_id=number)).venue_order_id for number in (1, 2, 3)]
    response = venue.send(ann().order_history(SYMBOL, limit=2))
    assert [item["id"] for item in response.json()] == [ids[2], ids[1]]
    assert response.headers["X-TOTAL"] == "3"
    assert response.headers["X-PAGE-COUNT"] == "2"
    response = venue.send(ann().order_history(SYMBOL, limit=2, offset=2))
    assert [item["id"] for item in response.json()] == [ids[0]]
    response = venue.send(ann().fill_history(SYMBOL, venue_order_id=ids[1]))
    assert [item["clientId"] for item in response.json()] == ["2"]
    future_ms = venue.now_ns() // 1_000_000 + 60_000
    assert venue.send(ann().fill_history(SYMBOL, from_ms=future_ms)).json() == []
    assert error_of(venue, ann().fill_history(limit=0))[1] == "INVALID_RANGE"


def test_positions_and_money_follow_the_fills(venue: PaperBackpack) -> None:
    placed(venue, order(Side.SELL, "2490"))
    response = venue.send(ann().positions(SYMBOL))
    position, = codec.decode_positions(response.status_code, response.content)  # fmt: skip
    assert position.size == Decimal("-0.5")
    assert position.entry_price == Decimal("2499.90")
    assert venue.send(ann().positions("SOL_USDC_PERP")).json() == []
    accounts = venue.send(ann().account())
    money = venue.send(ann().collateral())
    summary = codec.account_summary(
        codec.decode_account(accounts.status_code, accounts.content),
        codec.decode_collateral(money.status_code, money.content),
    )
    assert (summary.maker_fee_bps, summary.taker_fee_bps) == (Decimal(8), Decimal(10))
    assert summary.equity < 100_000
    capital = venue.send(ann().capital())
    assert codec.decode_capital(200, capital.content)["USDC"].available == summary.available


def test_an_order_that_was_accepted_may_be_answered_with_503(venue: PaperBackpack) -> None:
    venue.call(lambda: venue.faults.arm(answer_503()))
    answer = place(venue, resting())
    assert answer.outcome.verdict is Verdict.UNKNOWN
    response = venue.send(ann().query_order(SYMBOL, client_order_id=7))
    found = codec.decode_order(response.status_code, response.content).update
    assert found is not None
    assert found.status is OrderStatus.OPEN


def answer_503() -> Any:
    return Answer(
        connection="backpack/rest", route="/api/v1/order", status=503,
        body='{"code":"TIMEOUT","message":""}', execute=True,
    )  # fmt: skip


def test_an_answer_may_be_lost_with_the_order_in_the_book() -> None:
    with served(lost_replies=1.0) as venue:
        with pytest.raises(http.ConnectionError):
            venue.send(ann().execute_order(resting()))
        assert venue.call(lambda: len(venue.exchange.open_orders("ann"))) == 1


def test_public_routes_answer_as_documented(venue: PaperBackpack) -> None:
    assert venue.get("api/v1/ping").text == "pong"
    assert venue.get("api/v1/ping").headers["Content-Type"].startswith("text/plain")
    assert venue.get("api/v1/time").text.isdigit()
    assert venue.get(f"api/v1/ticker?symbol={SYMBOL}").status_code == 204
    placed(venue, order())
    ticker = venue.get(f"api/v1/ticker?symbol={SYMBOL}").json()
    assert (ticker["lastPrice"], ticker["trades"]) == ("2500.1", "1")
    assert venue.get("api/v1/tickers").json() == [ticker]
    trade, = venue.get(f"api/v1/trades?symbol={SYMBOL}").json()  # fmt: skip
    assert (trade["price"], trade["quantity"], trade["isBuyerMaker"]) == ("2500.1", "0.5", False)
    mark, = venue.get(f"api/v1/markPrices?symbol={SYMBOL}").json()  # fmt: skip
    assert mark["markPrice"] == "2500"
    assert venue.get("api/v1/status").json() == {"status": "Ok", "message": None}
    assert venue.get(f"api/v1/market?symbol={SYMBOL}").json()["baseSymbol"] == "ETH"
    assert venue.get("api/v1/market?symbol=X").json()["code"] == "INVALID_MARKET"
    assert venue.get(f"api/v1/depth?symbol={SYMBOL}&limit=7").status_code == 400
    assert venue.get("api/v1/nothing").json()["code"] == "RESOURCE_NOT_FOUND"


def test_settings_of_the_account_are_kept_and_answered_with_nothing(venue: PaperBackpack) -> None:
    config = ann()._account.update_account(leverage_limit="5")
    request = HttpRequest(
        method="PATCH",
        path=config.url,
        headers=tuple(config.headers.items()),
        body=json.dumps(config.data).encode(),
    )
    response = venue.send(request)
    assert (response.status_code, response.content) == (200, b"")
    assert venue.send(ann().account()).json()["leverageLimit"] == "5"
