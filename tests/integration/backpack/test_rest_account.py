"""The paper Backpack's histories, positions, money and public routes over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.backpack_server import (
    SYMBOL,
    PaperBackpack,
    ann,
    error_of,
    order,
    placed,
    served,
)
from venues.backpack import codec
from venues.backpack.requests import HttpRequest
from venues.model import OrderStatus, Side


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served() as running:
        yield running


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
