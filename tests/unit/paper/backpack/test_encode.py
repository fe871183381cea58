"""What the venue writes: plain numbers, and frames that our own decoders read back."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.backpack import encode
from paper.backpack.settings import BackpackSettings
from paper.orders import OrderRequest, PaperFill, PaperOrder, Reason, Status
from tests.support.backpack import STEADY
from venues.backpack import codec
from venues.model import OrderStatus, Side, TimeInForce


def an_order(price: str | None = "2500.50", wire: object = 7) -> PaperOrder:
    request = OrderRequest(
        account="ann",
        symbol="ETH_USDC_PERP",
        side=Side.SELL,
        size=Decimal("0.50"),
        price=None if price is None else Decimal(price),
        time_in_force=TimeInForce.GTC,
        client_order_id=7,
        wire=wire,
    )
    return PaperOrder(12, request, 1_750_793_021_519_690_000)


def ended(status: Status, reason: Reason, executed: str = "0") -> PaperOrder:
    order = an_order()
    order.status, order.reason, order.executed = status, reason, Decimal(executed)
    return order


@STEADY
@given(st.decimals(-(10**12), 10**12, places=12) | st.integers(-(10**20), 10**20).map(Decimal))
def test_no_number_is_written_with_an_exponent(value: Decimal) -> None:
    text = str(encode.wire(value))
    assert "E" not in text
    assert abs(Decimal(text) - value) <= Decimal("1e-6")


@pytest.mark.parametrize(
    ("value", "text"),
    [("100", "100"), ("1E+3", "1000"), ("0.50", "0.5"), ("-0.00", "0"), ("1.25005", "1.25005")],
)
def test_numbers_are_written_as_short_as_they_can_be(value: str, text: str) -> None:
    assert str(encode.wire(Decimal(value))) == text


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [
        (ended(Status.OPEN, Reason.NONE), "New", None),
        (ended(Status.OPEN, Reason.NONE, "0.1"), "PartiallyFilled", None),
        (ended(Status.FILLED, Reason.NONE, "0.5"), "Filled", None),
        (ended(Status.CANCELLED, Reason.CLIENT_CANCEL), "Cancelled", None),
        (ended(Status.CANCELLED, Reason.CLIENT_CANCEL_ALL), "Cancelled", None),
        (ended(Status.CANCELLED, Reason.IOC, "0.1"), "Expired", "ImmediateOrCancel"),
        (ended(Status.CANCELLED, Reason.FOK), "Expired", "FillOrKill"),
        (ended(Status.REJECTED, Reason.POST_ONLY), "Expired", "PostOnlyTaker"),
        (ended(Status.CANCELLED, Reason.REDUCE_ONLY), "Expired", "ReduceOnlyNotReduced"),
        (ended(Status.CANCELLED, Reason.SELF_TRADE), "Expired", "SelfTradePrevention"),
        (ended(Status.CANCELLED, Reason.LIQUIDATION), "Expired", "Liquidation"),
        (ended(Status.CANCELLED, Reason.EXPIRED), "Expired", "Unknown"),
    ],
)
def test_each_end_has_the_exchanges_words(
    order: PaperOrder, status: str, reason: str | None
) -> None:
    assert (encode.status_of(order), encode.expiry_reason(order)) == (status, reason)


def test_a_limit_order_reads_back_as_the_model() -> None:
    body = msgspec.json.encode(encode.order_result(an_order()))
    update = codec.decode_placed(200, body).update
    assert update is not None
    assert update.status is OrderStatus.OPEN
    assert update.client_order_id == 7
    assert update.size == Decimal("0.5")
    assert update.side is Side.SELL


def test_a_market_order_has_neither_price_nor_post_only() -> None:
    document = msgspec.to_builtins(encode.order_result(an_order(price=None)))
    assert document["orderType"] == "Market"
    assert document["timeInForce"] == "IOC"
    assert "price" not in document
    assert "postOnly" not in document
    assert document["quoteQuantity"] is None


def test_history_times_are_naive_text_in_utc() -> None:
    assert encode.iso(1_750_793_021_519_690_000) == "2025-06-24T19:23:41.519"
    assert encode.iso(1_750_793_021_000_000_000) == "2025-06-24T19:23:41.000"


def test_an_order_event_has_upper_case_types_and_a_null_trade_id() -> None:
    data = encode.order_data(an_order(), "orderAccepted", 5)
    document = msgspec.to_builtins({"stream": "account.orderUpdate", "data": data})["data"]
    assert (document["o"], document["f"], document["i"]) == ("LIMIT", "GTC", "12")
    assert document["t"] is None
    assert document["c"] == 7
    assert "R" not in document


@pytest.mark.parametrize(("positive", "text"), [(False, "-0.125"), (True, "0.125")])
def test_a_maker_rebate_has_the_sign_that_was_set(positive: bool, text: str) -> None:
    fill = PaperFill(
        account="ann", order=an_order(), symbol="ETH_USDC_PERP", side=Side.SELL,
        size=Decimal("0.5"), price=Decimal(2500), fee=Decimal("-0.125"),
        fee_rate=Decimal("-0.0001"), maker=True, realized_pnl=Decimal(0),
        mark_price=Decimal(2500), trade_id=1, taker_serial=1, match=1, now_ns=0,
    )  # fmt: skip
    settings = BackpackSettings(positive_rebates=positive)
    assert str(encode.history_fill(fill, settings).fee) == text
    assert str(encode.fill_data(fill, 0, settings).fee) == text
