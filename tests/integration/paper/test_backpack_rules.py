"""The paper Backpack's own rules on request, on its real sockets, each as it is documented."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from paper.faults import Deny, Fault, Liquidate, Maintenance, Shatter, Throttle
from paper.hands import Hands
from paper.orders import Reason
from tests.support.backpack_server import (
    SYMBOL,
    PaperBackpack,
    Stream,
    ann,
    error_of,
    order,
    placed,
    resting,
    served,
)
from venues.backpack.requests import HttpRequest
from venues.model import BACKPACK, Side

REST = "backpack/rest"


@pytest.fixture
def venue() -> Iterator[PaperBackpack]:
    with served(first="reply") as running:
        yield running


def arm(venue: PaperBackpack, fault: Fault) -> None:
    venue.call(lambda: venue.faults.arm(fault))


def deny(venue: PaperBackpack, reason: Reason, **more: Any) -> None:
    arm(venue, Deny(connection=BACKPACK, reason=reason, **more))


def hits(venue: PaperBackpack) -> list[str]:
    return [hit.detail for hit in venue.faults.hits]


def feed(venue: PaperBackpack) -> Stream:
    return venue.stream("account.orderUpdate").settled()


def entry(client_order_id: int = 7, **changes: Any) -> HttpRequest:
    return ann().execute_order(order(client_order_id=client_order_id, **changes))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.MARGIN, "INSUFFICIENT_MARGIN"),
        (Reason.POSITION_LIMIT, "POSITION_LIMIT"),
        (Reason.OPEN_ORDER_LIMIT, "ORDER_LIMIT"),
        (Reason.REDUCE_ONLY, "INVALID_ORDER"),
        (Reason.REDUCE_TOO_LARGE, "INVALID_ORDER"),
        (Reason.PRICE_BAND, "INVALID_PRICE"),
    ],
)
def test_an_order_is_refused_at_entry(venue: PaperBackpack, reason: Reason, code: str) -> None:
    deny(venue, reason, when="entry")
    assert error_of(venue, entry())[:2] == (400, code)
    assert placed(venue, order()).client_order_id == 7


def test_post_only_orders_are_refused_at_entry_fifteen_times(venue: PaperBackpack) -> None:
    deny(venue, Reason.POST_ONLY, when="entry", of="post_only", times=15)
    for number in range(15):
        asked = ann().execute_order(resting(number + 1, post_only=True))
        assert error_of(venue, asked) == (
            400, "INVALID_ORDER", "Order would immediately match and take.",
        )  # fmt: skip
    assert placed(venue, resting(16, post_only=True)).executed == 0


@pytest.mark.parametrize("part", [0.0, 0.4, 0.8])
@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (Reason.MARGIN, "InsufficientMargin"),
        (Reason.SELF_TRADE, "SelfTradePrevention"),
        (Reason.PRICE_BAND, "PriceOutOfBounds"),
        (Reason.PRICE_IMPACT, "PriceImpact"),
        (Reason.SLIPPAGE, "SlippageToleranceExceeded"),
        (Reason.REDUCE_ONLY, "ReduceOnlyNotReduced"),
    ],
)
def test_an_order_expires_for_a_reason_after_a_part_was_executed(
    venue: PaperBackpack, reason: Reason, word: str, part: float
) -> None:
    stream = feed(venue)
    deny(venue, reason, part=part)
    reply = venue.send(entry())
    assert (reply.status_code, reply.json()["status"]) == (200, "Expired")
    executed = Decimal("0.5") * Decimal(str(part))
    assert Decimal(reply.json()["executedQuantity"]) == executed
    last = stream.until("orderExpired")[-1]
    assert (last["X"], last["R"], Decimal(last["z"])) == ("Expired", word, executed)


def test_a_reduce_only_order_is_cut_and_the_stream_tells_of_it(venue: PaperBackpack) -> None:
    placed(venue, order())
    stream = feed(venue)
    deny(venue, Reason.REDUCE_ONLY_LIMIT, of="reduce_only", part=0.6, shrink=True)
    close = order(side=Side.SELL, price="2499", client_order_id=8, reduce_only=True)
    reply = venue.send(ann().execute_order(close)).json()
    assert (reply["status"], Decimal(reply["quantity"])) == ("Filled", Decimal("0.3"))
    modified = stream.until("orderModified")[-1]
    assert (modified["X"], Decimal(modified["q"])) == ("New", Decimal("0.3"))


def test_an_order_is_executed_in_twenty_fills_at_once(venue: PaperBackpack) -> None:
    stream = feed(venue)
    arm(venue, Shatter(connection=BACKPACK, pieces=20))
    assert placed(venue, order()).executed == Decimal("0.5")
    fills = stream.until_filled()
    assert len(fills) >= 20
    assert sum(Decimal(fill["l"]) for fill in fills) == Decimal("0.5")
    assert len({fill["t"] for fill in fills}) == len(fills)


@pytest.mark.parametrize("after_s", [None, 2])
def test_requests_are_turned_away_with_429_and_nothing_is_executed(
    venue: PaperBackpack, after_s: int | None
) -> None:
    arm(venue, Throttle(connection=REST, times=2, retry_after_s=after_s))
    reply = venue.send(entry())
    assert (reply.status_code, reply.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert reply.headers.get("Retry-After") == (None if after_s is None else "2")
    assert venue.get("api/v1/time").status_code == 429
    assert venue.send(ann().query_order(SYMBOL, client_order_id=7)).status_code == 404


@pytest.mark.parametrize("status", [403, 418])
def test_too_many_requests_within_a_second_are_banned_and_so_is_what_follows(
    venue: PaperBackpack, status: Any
) -> None:
    arm(venue, Throttle(connection=REST, share=1e-9, for_s=60, most_per_s=5, ban_status=status))
    found = [venue.send(entry(n + 1)).status_code for n in range(7)]
    assert found == [200] * 5 + [status] * 2
    assert "html" in venue.get("api/v1/time").headers["Content-Type"]
    assert hits(venue) == ["banned"]
    venue.call(venue.faults.clear)
    assert venue.get("api/v1/time").status_code == 200


@pytest.mark.parametrize("code", ["MAINTENANCE", "TRADING_PAUSED"])
def test_in_maintenance_no_order_and_no_cancel_is_taken_and_reads_are_fine(
    venue: PaperBackpack, code: Any
) -> None:
    placed(venue, resting())
    arm(venue, Maintenance(connection=BACKPACK, for_s=60, code=code))
    assert error_of(venue, entry(8))[:2] == (503, code)
    assert error_of(venue, ann().cancel_order(SYMBOL, client_order_id=7))[:2] == (503, code)
    assert venue.send(ann().query_order(SYMBOL, client_order_id=7)).status_code == 200
    assert venue.get("api/v1/status").json()["status"] == "Maintenance"
    venue.call(venue.faults.clear)
    assert venue.get("api/v1/status").json()["status"] == "Ok"
    assert venue.send(entry(8)).json()["status"] == "Filled"


@pytest.mark.parametrize(
    ("how", "origin", "system"),
    [
        ("liquidation", "LIQUIDATION_AUTOCLOSE", "LiquidatePositionOnBook"),
        ("adl", "ADL_AUTOCLOSE", "LiquidatePositionOnAdl"),
    ],
)
def test_a_part_of_a_position_is_closed_by_the_venue(
    venue: PaperBackpack, how: Any, origin: str, system: str
) -> None:
    Hands({BACKPACK: venue.exchange}, venue.faults, signals=False)
    placed(venue, order())
    stream = feed(venue)
    arm(venue, Liquidate(venue=BACKPACK, account="ann", part=0.3, how=how))
    fill = stream.until("orderFill")[-1]
    assert (fill["O"], fill.get("c"), fill["S"]) == (origin, None, "Ask")
    assert Decimal(fill["l"]) == Decimal("0.15")
    row = venue.send(ann().fill_history()).json()[0]
    assert (row["systemOrderType"], row["clientId"]) == (system, None)


def test_a_liquidation_may_be_told_by_the_position_stream_alone(venue: PaperBackpack) -> None:
    Hands({BACKPACK: venue.exchange}, venue.faults, signals=False)
    placed(venue, order())
    stream = venue.stream("account.orderUpdate", "account.positionUpdate")
    assert stream.data()["q"] == "0.5"
    arm(venue, Liquidate(venue=BACKPACK, account="ann", told="position"))
    assert stream.data()["e"] == "positionClosed"
    placed(venue, resting(9))
    assert stream.data()["e"] == "orderAccepted"
