"""One leg of a cycle on an SDK: market orders, what is held, what became of an order.

Answers are passed on as the SDK gives them: what to make of ``{}`` is the policy's business.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final, Protocol

SYMBOL: Final = "ETH_USDT_Perp"
BACKPACK_SYMBOL: Final = "ETH_USDC_PERP"
_CALL_S: Final = 5.0
_NOT_FOUND: Final = 1004


class Leg(Protocol):
    """What a policy needs of a leg. ``size`` is signed: positive buys."""

    name: str

    def order(self, size: Decimal, client_id: int | None = None) -> bool:
        """Send a market order; truthy when the SDK's answer looks like success. May raise."""

    def held(self) -> Decimal:
        """The position as the SDK reads it; a failed read looks like 0, as it does there."""

    def became(self, client_id: int) -> str:
        """``filled``, ``absent``, or ``unknown`` when the answer tells neither."""

    def close(self) -> None:
        """End connections."""


def point_sdks_at(places: dict[str, Any]) -> None:
    """Tell the SDKs, which know only the venues' real hosts, where the paper venues are."""
    from bpx.base.base_account import BaseAccount
    from pysdk import grvt_ccxt_env as env

    grvt = places["grvt"]
    domains = {
        env.GrvtEndpointType.EDGE: grvt["edge"],
        env.GrvtEndpointType.TRADE_DATA: grvt["trades"],
        env.GrvtEndpointType.MARKET_DATA: grvt["market_data"],
    }
    env.get_grvt_endpoint_domains = lambda _name: domains
    BaseAccount.BPX_API_URL = places["backpack"]["api"] + "/"


def _credentials(places: dict[str, Any]) -> dict[str, str]:
    account = places["grvt"]["accounts"][0]
    return {
        "trading_account_id": account["sub_account_id"],
        "private_key": account["private_key"],
        "api_key": account["api_key"],
    }


class BackpackLeg:
    """bpx-py, synchronous."""

    name = "backpack"

    def __init__(self, places: dict[str, Any]) -> None:
        from bpx.account import Account

        keys = places["backpack"]["accounts"][0]
        self._account = Account(keys["public_key"], keys["secret_key"])

    def order(self, size: Decimal, client_id: int | None = None) -> bool:
        side = "Bid" if size > 0 else "Ask"
        reply = self._account.execute_order(
            symbol=BACKPACK_SYMBOL, side=side, order_type="Market", quantity=str(abs(size)),
            client_id=client_id,
        )  # fmt: skip
        return isinstance(reply, dict) and "id" in reply

    def held(self) -> Decimal:
        rows = self._account.get_open_positions()
        if not isinstance(rows, list):
            return Decimal(0)
        return sum((Decimal(row["netQuantity"]) for row in rows), Decimal(0))

    def became(self, client_id: int) -> str:
        rows = self._account.get_order_history(symbol=BACKPACK_SYMBOL)
        if not isinstance(rows, list):
            return "unknown"
        found = [row for row in rows if str(row.get("clientId")) == str(client_id)]
        if not found:
            return "absent"
        return "filled" if found[0]["status"] == "Filled" else "unknown"

    def close(self) -> None:
        pass


class SyncGrvtLeg:
    """GrvtCcxt: synchronous REST, as the program of the incident used it."""

    name = "grvt"

    def __init__(self, places: dict[str, Any]) -> None:
        from pysdk.grvt_ccxt import GrvtCcxt
        from pysdk.grvt_ccxt_env import GrvtEnv

        self._client = GrvtCcxt(GrvtEnv.PROD, parameters=_credentials(places))
        self._order_url = places["grvt"]["trades"] + "/full/v1/order"

    def order(self, size: Decimal, client_id: int | None = None) -> bool:
        params = {} if client_id is None else {"client_order_id": client_id}
        side = "buy" if size > 0 else "sell"
        ioc = {"time_in_force": "IMMEDIATE_OR_CANCEL"}
        return bool(
            self._client.create_order(SYMBOL, "market", side, str(abs(size)), None, ioc | params)
        )

    def held(self) -> Decimal:
        return _held(self._client.fetch_positions([SYMBOL]))

    def became(self, client_id: int) -> str:
        order = self._client.fetch_order(params={"client_order_id": client_id})
        return _became(order, self._client.get_endpoint_return_value(self._order_url))

    def close(self) -> None:
        pass


class ProGrvtLeg:
    """GrvtCcxtPro: asynchronous REST."""

    name = "grvt"

    def __init__(self, places: dict[str, Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._order_url = places["grvt"]["trades"] + "/full/v1/order"
        self._client = self._wait(self._connect(places))

    async def _connect(self, places: dict[str, Any]) -> Any:
        from pysdk.grvt_ccxt_env import GrvtEnv
        from pysdk.grvt_ccxt_pro import GrvtCcxtPro

        client = GrvtCcxtPro(GrvtEnv.PROD, parameters=_credentials(places))
        await client.load_markets()
        return client

    def _wait(self, call: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(call, _CALL_S * 3))

    def order(self, size: Decimal, client_id: int | None = None) -> bool:
        params = {} if client_id is None else {"client_order_id": client_id}
        side = "buy" if size > 0 else "sell"
        ioc = {"time_in_force": "IMMEDIATE_OR_CANCEL"}
        return bool(
            self._wait(
                self._client.create_order(
                    SYMBOL, "market", side, str(abs(size)), None, ioc | params
                )
            )
        )

    def held(self) -> Decimal:
        return _held(self._wait(self._client.fetch_positions([SYMBOL])))

    def became(self, client_id: int) -> str:
        order = self._wait(self._client.fetch_order(params={"client_order_id": client_id}))
        return _became(order, self._client.get_endpoint_return_value(self._order_url))

    def close(self) -> None:
        async def end() -> None:
            await self._client._session.close()
            self._client._session = None

        self._wait(end())


class SocketGrvtLeg(ProGrvtLeg):
    """GrvtCcxtWS: orders as RPC over the websocket, success is what the order stream says."""

    def __init__(self, places: dict[str, Any]) -> None:
        self._states: dict[int, str] = {}
        super().__init__(places)

    async def _connect(self, places: dict[str, Any]) -> Any:
        from pysdk.grvt_ccxt_env import GrvtEnv
        from pysdk.grvt_ccxt_env import GrvtWSEndpointType as Kind
        from pysdk.grvt_ccxt_ws import GrvtCcxtWS

        client = GrvtCcxtWS(
            GrvtEnv.PROD, self._loop, logging.getLogger("sdk"), parameters=_credentials(places)
        )
        trades = places["grvt"]["trades"].replace("http", "ws", 1)
        market = places["grvt"]["market_data"].replace("http", "ws", 1)
        client.api_url = {
            Kind.TRADE_DATA: trades + "/ws",
            Kind.MARKET_DATA: market + "/ws",
            Kind.TRADE_DATA_RPC_FULL: trades + "/ws/full",
            Kind.MARKET_DATA_RPC_FULL: market + "/ws/full",
        }
        await client.initialize()
        await client.subscribe("order", self._heard)
        await _until(
            lambda: (
                client.is_stream_subscribed(Kind.TRADE_DATA, "order")
                and client.are_endpoints_connected(client.endpoint_types)
            )
        )
        return client

    async def _heard(self, message: dict[str, Any]) -> None:
        order = message["feed"]
        self._states[int(order["metadata"]["client_order_id"])] = order["state"]["status"]

    def order(self, size: Decimal, client_id: int | None = None) -> bool:
        chosen = client_id or random.randint(0, 2**32 - 1)
        return bool(self._wait(self._send(size, chosen)))

    async def _send(self, size: Decimal, client_id: int) -> bool:
        side = "buy" if size > 0 else "sell"
        params = {"time_in_force": "IMMEDIATE_OR_CANCEL", "client_order_id": client_id}
        await self._client.rpc_create_order(SYMBOL, "market", side, str(abs(size)), None, params)
        try:
            await asyncio.wait_for(_until(lambda: client_id in self._states), _CALL_S)
        except TimeoutError:
            return False
        return self._states[client_id] in ("OPEN", "FILLED")

    def close(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        super().close()


def _held(rows: Any) -> Decimal:
    return sum((Decimal(row["size"]) for row in rows or []), Decimal(0))


def _became(order: dict[str, Any], reply: dict[str, Any]) -> str:
    """Not found is a code of its own; the SDK's ``{}`` says the same of every failure."""
    found = order.get("result") or order
    if found.get("state", {}).get("status") == "FILLED":
        return "filled"
    return "absent" if reply.get("code") == _NOT_FOUND else "unknown"


async def _until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


GRVT_LEGS: Final[dict[str, Callable[[dict[str, Any]], Leg]]] = {
    "sync": SyncGrvtLeg,
    "pro": ProGrvtLeg,
    "ws": SocketGrvtLeg,
}


def new_client_id() -> int:
    """As the SDK makes them, in the range that it documents for clients."""
    return 2**63 + time.time_ns() % 2**62
