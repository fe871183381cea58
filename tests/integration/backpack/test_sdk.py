"""bpx-py as it is installed, sync and async, trades on the paper Backpack over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from bpx.account import Account
from bpx.async_.account import Account as AsyncAccount
from bpx.async_.public import Public as AsyncPublic
from bpx.base.base_account import BaseAccount
from bpx.base.base_public import BasePublic
from bpx.public import Public

from tests.support.backpack import PUBLIC_KEY, SECRET_KEY
from tests.support.backpack_server import OTHER_SECRET_KEY, SYMBOL, PaperBackpack, money, served

Call = Callable[..., Any]


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[PaperBackpack]:
    with served() as running:
        monkeypatch.setattr(BaseAccount, "BPX_API_URL", running.urls["api"])
        monkeypatch.setattr(BasePublic, "BASE_URL", running.urls["api"])
        yield running


def blocking(account: Any) -> Call:
    return lambda method, **arguments: getattr(account, method)(**arguments)


def awaiting(account: Any) -> Call:
    async def call(method: str, **arguments: Any) -> Any:
        answer: Awaitable[Any] = getattr(account, method)(**arguments)
        return await answer

    return lambda method, **arguments: asyncio.run(call(method, **arguments))


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, venue: PaperBackpack) -> Call:
    if request.param == "sync":
        return blocking(Account(PUBLIC_KEY, SECRET_KEY))
    return awaiting(AsyncAccount(PUBLIC_KEY, SECRET_KEY))


@pytest.fixture(params=["sync", "async"])
def public(request: pytest.FixtureRequest, venue: PaperBackpack) -> Call:
    return blocking(Public()) if request.param == "sync" else awaiting(AsyncPublic())


def limit(side: str, price: str, client_id: int, time_in_force: str = "GTC") -> dict[str, Any]:
    return {
        "symbol": SYMBOL, "side": side, "order_type": "Limit", "quantity": "0.5", "price": price,
        "time_in_force": time_in_force, "client_id": client_id,
    }  # fmt: skip


def test_an_order_is_placed_filled_and_found_in_the_history(sdk: Call) -> None:
    placed = sdk("execute_order", **limit("Bid", "2501", 7, "IOC"))
    assert (placed["status"], placed["executedQuantity"]) == ("Filled", "0.5")
    fill, = sdk("get_fill_history", symbol=SYMBOL)  # fmt: skip
    assert (fill["orderId"], fill["clientId"], fill["price"]) == (placed["id"], "7", "2500.1")
    past, = sdk("get_order_history", limit=10, offset=0)  # fmt: skip
    assert past["status"] == "Filled"
    position, = sdk("get_open_positions")  # fmt: skip
    assert position["netQuantity"] == "0.5"


def test_a_resting_order_is_queried_and_cancelled_by_either_id(sdk: Call) -> None:
    placed = sdk("execute_order", **limit("Bid", "2400", 77))
    assert placed["status"] == "New"
    assert sdk("get_open_order", symbol=SYMBOL, client_id=77)["id"] == placed["id"]
    assert len(sdk("get_open_orders")) == 1
    # bpx-py sends the client id of a cancel as text; the exchange is lenient, and so is the paper.
    assert sdk("cancel_order", symbol=SYMBOL, client_id=77)["status"] == "Cancelled"
    again = sdk("execute_order", **limit("Bid", "2400", 77))
    assert sdk("cancel_order", symbol=SYMBOL, order_id=again["id"])["status"] == "Cancelled"
    gone = sdk("get_open_order", symbol=SYMBOL, order_id=again["id"])
    assert gone["code"] == "RESOURCE_NOT_FOUND"


def test_everything_is_cancelled_at_once(sdk: Call) -> None:
    for client_id in (1, 2):
        sdk("execute_order", **limit("Ask", "2600", client_id))
    assert len(sdk("cancel_all_orders", symbol=SYMBOL)) == 2
    assert sdk("get_open_orders") == []


def test_a_market_order_fills(sdk: Call) -> None:
    placed = sdk("execute_order", symbol=SYMBOL, side="Ask", order_type="Market", quantity="0.25")
    assert (placed["orderType"], placed["status"]) == ("Market", "Filled")
    assert money(placed["executedQuoteQuantity"]) == Decimal("624.975")
    by_quote = sdk(
        "execute_order", symbol=SYMBOL, side="Bid", order_type="Market", quote_quantity="1000"
    )
    assert by_quote["quantity"] == "0.39"


def test_post_only_and_reduce_only_are_honoured(sdk: Call) -> None:
    crossing = sdk("execute_order", **limit("Bid", "2501", 1), post_only=True)
    assert crossing == {
        "code": "INVALID_ORDER",
        "message": "Order would immediately match and take.",
    }
    assert sdk("execute_order", **limit("Bid", "2400", 2), post_only=True)["postOnly"] is True
    nothing = sdk("execute_order", **limit("Ask", "2490", 3, "IOC"), reduce_only=True)
    assert nothing["code"] == "INVALID_ORDER"


def test_a_client_id_that_is_live_is_refused(sdk: Call) -> None:
    sdk("execute_order", **limit("Bid", "2400", 7))
    again = sdk("execute_order", **limit("Bid", "2400", 7))
    assert again == {"code": "INVALID_CLIENT_REQUEST", "message": "Duplicate client id"}


def test_account_and_money_are_shown(sdk: Call) -> None:
    assert sdk("get_account")["futuresTakerFee"] == "10"
    assert sdk("get_balances")["USDC"]["available"] == "100000"
    assert sdk("get_collateral")["netEquity"] == "100000"
    assert sdk("update_account", leverage_limit="5") == ""
    assert sdk("get_account")["leverageLimit"] == "5"


def test_the_wrong_secret_and_an_unknown_key_are_refused(venue: PaperBackpack) -> None:
    forged = Account(PUBLIC_KEY, OTHER_SECRET_KEY).get_open_orders()
    assert forged == {"code": "INVALID_CLIENT_REQUEST", "message": "Invalid signature"}
    stranger = Account("AAAA", SECRET_KEY).get_open_orders()
    assert stranger["code"] == "UNAUTHORIZED"


def test_an_elapsed_window_is_refused(venue: PaperBackpack) -> None:
    venue.skew_ns = 6_000_000_000
    late = Account(PUBLIC_KEY, SECRET_KEY).execute_order(**limit("Bid", "2501", 7, "IOC"))
    assert late == {"code": "INVALID_CLIENT_REQUEST", "message": "Request has expired"}
    patient = Account(PUBLIC_KEY, SECRET_KEY, window=60_000)
    assert patient.execute_order(**limit("Bid", "2501", 7, "IOC"))["status"] == "Filled"


def test_public_figures_are_there(public: Call) -> None:
    assert public("get_status") == {"status": "Ok", "message": None}
    assert public("get_ping") == "pong"
    assert int(public("get_time")) > 1_700_000_000_000
    assert {market["symbol"] for market in public("get_markets")} >= {SYMBOL, "SOL_USDC_PERP"}
    assert public("get_depth", symbol=SYMBOL)["asks"] == [["2500.1", "5"]]
