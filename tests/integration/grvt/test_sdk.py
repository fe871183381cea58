"""The unmodified grvt-pysdk trades on the paper GRVT: synchronous, asynchronous and websocket."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.grvt import CLIENT_ID, PRIVATE_KEY, SUB_ACCOUNT
from tests.support.grvt_paper import API_KEY, SYMBOL, WAIT_S, PaperGrvt, served

IOC = {"time_in_force": "IMMEDIATE_OR_CANCEL", "client_order_id": CLIENT_ID}
RESTING = {"client_order_id": CLIENT_ID + 1}
CREDENTIALS = {
    "trading_account_id": str(SUB_ACCOUNT),
    "private_key": PRIVATE_KEY,
    "api_key": API_KEY,
}
CREATE = "/full/v1/create_order"


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[PaperGrvt]:
    """A served front-end, with the SDK's hosts pointing at it.

    The SDK reads the cookie's expiry in local time and logs secrets through the root logger.
    """
    from pysdk import grvt_ccxt_env as env

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    logging.disable(logging.CRITICAL)
    with served() as running:
        domains = {
            env.GrvtEndpointType.EDGE: running.urls["edge"],
            env.GrvtEndpointType.TRADE_DATA: running.urls["trades"],
            env.GrvtEndpointType.MARKET_DATA: running.urls["market_data"],
        }
        monkeypatch.setattr(env, "get_grvt_endpoint_domains", lambda _name: domains)
        yield running
    logging.disable(logging.NOTSET)
    monkeypatch.undo()
    time.tzset()


def sync_client(**changes: str) -> Any:
    from pysdk.grvt_ccxt import GrvtCcxt
    from pysdk.grvt_ccxt_env import GrvtEnv

    return GrvtCcxt(GrvtEnv.PROD, parameters=CREDENTIALS | changes)


def refusal(client: Any, venue: PaperGrvt, result: dict[str, Any]) -> int:
    assert result == {}
    code: int = client.get_endpoint_return_value(venue.urls["trades"] + CREATE)["code"]
    return code


def test_the_sync_client_places_sees_filled_and_cancels(venue: PaperGrvt) -> None:
    client = sync_client()
    assert client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
    order = client.fetch_order(params={"client_order_id": CLIENT_ID})["result"]
    assert (order["state"]["status"], order["state"]["traded_size"]) == ("FILLED", ["0.5"])
    assert [fill["size"] for fill in client.fetch_my_trades()["result"]] == ["0.5"]
    assert client.fetch_positions([SYMBOL])[0]["size"] == "0.5"

    assert client.create_limit_order(SYMBOL, "buy", "0.5", "2400", RESTING)
    (resting,) = client.fetch_open_orders(SYMBOL)
    assert client.cancel_order(id=resting["order_id"])
    assert client.fetch_open_orders() == []
    history = client.fetch_order_history()["result"]
    assert [row["state"]["status"] for row in history] == ["CANCELLED", "FILLED"]


def test_the_sync_client_s_market_order_and_cancel_all(venue: PaperGrvt) -> None:
    client = sync_client()
    assert client.create_order(SYMBOL, "market", "sell", "0.25", None, IOC)
    assert client.fetch_positions()[0]["size"] == "-0.25"
    client.create_limit_order(SYMBOL, "buy", "0.5", "2400", RESTING)
    assert client.cancel_all_orders()
    assert client.fetch_open_orders() == []


def test_the_sync_client_reads_markets_prices_and_balances(venue: PaperGrvt) -> None:
    client = sync_client()
    assert list(client.markets) == [SYMBOL]
    assert client.fetch_market(SYMBOL)["min_size"] == "0.001"
    assert client.fetch_order_book(SYMBOL)["bids"][0]["price"] == "2499.9"
    assert client.fetch_mini_ticker(SYMBOL)["best_ask_price"] == "2500.1"
    assert client.fetch_ticker(SYMBOL)["mark_price"] == "2500.0"
    assert client.get_account_summary()["total_equity"] == "100000.0"


def test_a_signature_over_another_asset_is_refused_with_2002(venue: PaperGrvt) -> None:
    client = sync_client()
    client.markets[SYMBOL]["instrument_hash"] = "0x99"
    result = client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
    assert refusal(client, venue, result) == 2002


def test_a_signature_of_another_key_is_refused_with_2000(venue: PaperGrvt) -> None:
    client = sync_client(private_key="0x" + "22" * 32)
    result = client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
    assert refusal(client, venue, result) == 2000


def test_an_expired_order_is_refused_with_2001(venue: PaperGrvt) -> None:
    client = sync_client()
    late = IOC | {"order_duration_secs": -10}
    result = client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", late)
    assert refusal(client, venue, result) == 2001


def test_a_client_id_in_use_is_refused_with_2012(venue: PaperGrvt) -> None:
    client = sync_client()
    client.create_limit_order(SYMBOL, "buy", "0.5", "2400", RESTING)
    result = client.create_limit_order(SYMBOL, "buy", "0.5", "2401", RESTING)
    assert refusal(client, venue, result) == 2012


def test_without_a_session_the_answer_is_1000(venue: PaperGrvt) -> None:
    client = sync_client()
    venue.call(lambda: venue.front_end.sessions.end("ann"))
    result = client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
    assert refusal(client, venue, result) == 1000


def test_the_async_client_places_sees_filled_and_cancels(venue: PaperGrvt) -> None:
    from pysdk.grvt_ccxt_env import GrvtEnv
    from pysdk.grvt_ccxt_pro import GrvtCcxtPro

    async def trade() -> None:
        client = GrvtCcxtPro(GrvtEnv.PROD, parameters=CREDENTIALS)
        await client.load_markets()
        assert await client.create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
        order = (await client.fetch_order(params={"client_order_id": CLIENT_ID}))["result"]
        assert order["state"]["status"] == "FILLED"
        assert await client.create_limit_order(SYMBOL, "buy", "0.5", "2400", RESTING)
        assert len(await client.fetch_open_orders(SYMBOL)) == 1
        assert await client.cancel_order(params={"client_order_id": CLIENT_ID + 1})
        assert await client.fetch_open_orders(SYMBOL) == []
        await end_session(client)

    asyncio.run(trade())


def raw_client(venue: PaperGrvt) -> Any:
    from pysdk.grvt_raw_base import GrvtApiConfig
    from pysdk.grvt_raw_env import GrvtEnv
    from pysdk.grvt_raw_sync import GrvtRawSync

    config = GrvtApiConfig(GrvtEnv.PROD, str(SUB_ACCOUNT), PRIVATE_KEY, API_KEY, None)
    client = GrvtRawSync(config)
    client.env.edge.rpc_endpoint = venue.urls["edge"]
    client.md_rpc, client.td_rpc = venue.urls["market_data"], venue.urls["trades"]
    return client


def test_the_raw_client_finds_every_field_of_its_typed_answers(venue: PaperGrvt) -> None:
    from pysdk import grvt_raw_types as raw
    from pysdk.grvt_raw_signing import sign_order

    client = raw_client(venue)
    listed = client.get_all_instruments_v1(raw.ApiGetAllInstrumentsRequest(is_active=True)).result
    order = raw.Order(
        sub_account_id=str(SUB_ACCOUNT),
        time_in_force=raw.TimeInForce.IMMEDIATE_OR_CANCEL,
        legs=[raw.OrderLeg(SYMBOL, "0.5", True, "2500.1")],
        signature=raw.Signature("", "", "", 0, str(venue.now_ns() + 10**10), 7),
        metadata=raw.OrderMetadata(str(CLIENT_ID)),
    )
    signed = sign_order(
        order, client.config, client.account, {row.instrument: row for row in listed}
    )
    created = client.create_order_v1(raw.ApiCreateOrderRequest(signed)).result
    assert created.state.status is raw.OrderStatus.PENDING
    account = str(SUB_ACCOUNT)
    assert client.positions_v1(raw.ApiPositionsRequest(account)).result[0].size == "0.5"
    assert client.fill_history_v1(raw.ApiFillHistoryRequest(account)).result[0].size == "0.5"
    summary = client.sub_account_summary_v1(raw.ApiSubAccountSummaryRequest(account)).result
    assert summary.positions[0].instrument == SYMBOL
    history = client.order_history_v1(raw.ApiOrderHistoryRequest(account)).result
    assert history[0].state.status is raw.OrderStatus.FILLED


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for ``condition``, which somebody else's tasks bring about."""

    async def watch() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(watch(), WAIT_S)


async def end_session(client: Any) -> None:
    """Close the HTTP session; left to itself the client does so in a loop that is gone."""
    await client._session.close()
    client._session = None


class Watcher:
    """The websocket client, listening to orders and fills on the sockets it chooses itself."""

    def __init__(self, venue: PaperGrvt) -> None:
        from pysdk.grvt_ccxt_env import GrvtEnv
        from pysdk.grvt_ccxt_env import GrvtWSEndpointType as Kind
        from pysdk.grvt_ccxt_ws import GrvtCcxtWS

        loop = asyncio.get_running_loop()
        self.kind = Kind
        self.orders: list[str] = []
        self.fills: list[str] = []
        self.client = GrvtCcxtWS(
            GrvtEnv.PROD, loop, logging.getLogger("sdk"), parameters=CREDENTIALS
        )
        self.client.api_url = {
            Kind.TRADE_DATA: venue.socket_url("trades", "/ws"),
            Kind.MARKET_DATA: venue.socket_url("market_data", "/ws"),
            Kind.TRADE_DATA_RPC_FULL: venue.socket_url("trades"),
            Kind.MARKET_DATA_RPC_FULL: venue.socket_url("market_data"),
        }

    async def start(self) -> None:
        await self.client.initialize()
        await self.client.subscribe("order", self._order)
        await self.client.subscribe("fill", self._fill)
        trades = self.kind.TRADE_DATA
        await eventually(
            lambda: (
                self.client.is_stream_subscribed(trades, "order")
                and self.client.is_stream_subscribed(trades, "fill")
                and self.client.are_endpoints_connected(self.client.endpoint_types)
            )
        )

    async def stop(self) -> None:
        """End what the client has no end for: its tasks first, or they would reconnect."""
        endless = [
            task
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__qualname__", "").startswith("GrvtCcxtWS")
        ]
        for task in endless:
            task.cancel()
        await asyncio.gather(*endless, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self.client.ws.values()))
        await end_session(self.client)

    async def _order(self, message: dict[str, Any]) -> None:
        self.orders.append(message["feed"]["state"]["status"])

    async def _fill(self, message: dict[str, Any]) -> None:
        self.fills.append(message["feed"]["size"])


def test_the_websocket_client_places_sees_filled_and_cancels(venue: PaperGrvt) -> None:
    async def trade() -> None:
        watcher = Watcher(venue)
        await watcher.start()
        client = watcher.client
        await client.rpc_create_order(SYMBOL, "limit", "buy", "0.5", "2500.10", IOC)
        await eventually(lambda: watcher.orders == ["OPEN", "FILLED"] and watcher.fills == ["0.5"])
        await client.rpc_create_limit_order(SYMBOL, "buy", "0.5", "2400", RESTING)
        await eventually(lambda: watcher.orders[2:] == ["OPEN"])
        await client.rpc_cancel_order(params={"client_order_id": CLIENT_ID + 1})
        await eventually(lambda: watcher.orders[3:] == ["CANCELLED"])
        await client.rpc_create_limit_order(SYMBOL, "buy", "0.5", "2400", {"client_order_id": 5})
        await client.rpc_cancel_all_orders()
        await eventually(lambda: watcher.orders[4:] == ["OPEN", "CANCELLED"])
        await watcher.stop()

    asyncio.run(trade())
    assert venue.call(lambda: venue.exchange.open_orders("ann")) == []
