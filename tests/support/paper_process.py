"""The paper process as its parent sees it, and a hedger that trades both of its venues."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from decimal import Decimal
from typing import Any, Self

import urllib3
from websockets.sync.client import ClientConnection, connect

from tests.support.forked import Forked
from venues import grvt
from venues.backpack.requests import RequestBuilder
from venues.grvt import requests, rest
from venues.model import BPS, Instrument, NewOrder, Side, TimeInForce

WAIT_S = 30
CLOSE_S = 0.1  # nobody reads any more: there is no closing handshake to wait for


class Process:
    """``python -m paper`` with pipes, forked; ``line`` is what it printed.

    What it says on stderr goes to a file: a pipe that nobody reads would stop a long run.
    """

    def __init__(self, *arguments: str) -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.child = Forked(
            "paper", "--exit-on-eof", *arguments,
            imported=("paper.server",), stdin=subprocess.PIPE, stderr=self.stderr,
        )  # fmt: skip
        self.http = urllib3.PoolManager(retries=False, timeout=WAIT_S)

    def __enter__(self) -> Self:
        assert self.child.stdout is not None
        self.line = json.loads(self.child.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self.child.wait(WAIT_S)
        if self.child.stdout is not None:
            self.child.stdout.close()
        self.stderr.close()

    def said(self) -> str:
        """Everything on its stderr until now."""
        self.stderr.seek(0)
        return self.stderr.read().decode()

    def hang_up(self) -> None:
        if self.child.stdin is not None and not self.child.stdin.closed:
            self.child.stdin.close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        reply = self.http.request(method, self.line["control"] + path, body=data)
        return reply.status, json.loads(reply.data)

    def get(self, path: str) -> Any:
        status, body = self.ask("GET", path)
        assert status == 200, body
        return body


GRVT_ETH = Instrument(
    venue="grvt",
    symbol="ETH_USDT_Perp",
    base="ETH",
    quote="USDT",
    tick=Decimal("0.01"),
    step=Decimal("0.01"),
    min_size=Decimal("0.01"),
    min_notional=Decimal(20),
    asset_id=0x030401,
    base_decimals=9,
)
BACKPACK_ETH = "ETH_USDC_PERP"


class Hedger:
    """Takes on Backpack and hedges on GRVT, over the real protocols: REST here, websocket there."""

    def __init__(self, process: Process) -> None:
        self.process = process
        line = process.line
        keys = line["backpack"]["accounts"][0]
        self._api = line["backpack"]["api"]
        self._builder = RequestBuilder(keys["public_key"], keys["secret_key"])
        account = line["grvt"]["accounts"][0]
        self._sub_account = int(account["sub_account_id"])
        self._signer = grvt.OrderSigner(account["private_key"], line["grvt"]["chain_id"])
        self._session = self._login(account["api_key"])
        self._orders = 0
        self.feed = self.open_feed()
        self.trading = self.open_trading()

    def _login(self, api_key: str) -> grvt.Session:
        asked = rest.login(api_key)
        reply = self.process.http.request(
            "POST",
            self.process.line["grvt"]["edge"] + asked.path,
            body=asked.body,
            headers=asked.headers,
        )
        return rest.parse_login(reply.status, reply.headers.items(), reply.data)

    def open_feed(self) -> ClientConnection:
        """Backpack's private feed, subscribed."""
        feed = connect(self.process.line["backpack"]["ws"], close_timeout=CLOSE_S)
        feed.send(self._builder.subscribe_frame(["account.orderUpdate"]))
        return feed

    def open_trading(self) -> ClientConnection:
        """GRVT's trading websocket, authenticated."""
        url = self.process.line["grvt"]["trades"].replace("http", "ws", 1) + "/ws/full"
        return connect(url, additional_headers=self._session.headers, close_timeout=CLOSE_S)

    def close(self) -> None:
        self.feed.close()
        self.trading.close()

    def open_and_close(self) -> None:
        """One cycle."""
        for side in (Side.BUY, Side.SELL):
            self.primary(side)
            self.hedge(side.opposite)

    def primary(self, side: Side) -> None:
        asked = self._builder.execute_order(self._order(BACKPACK_ETH, side))
        reply = self.process.http.request(
            asked.method, self._api + asked.target, body=asked.body, headers=dict(asked.headers)
        )
        assert json.loads(reply.data)["status"] == "Filled", reply.data

    def hedge(self, side: Side) -> None:
        """Send the hedge and read its acknowledgement."""
        order = self._signer.order(self._order(GRVT_ETH.symbol, side), GRVT_ETH, self._sub_account)
        self.trading.send(grvt.encode_call(requests.create_order(order), self._orders))
        reply = grvt.decode_frame(self.trading.recv(WAIT_S))
        assert isinstance(reply, grvt.Reply)
        assert reply.error is None

    def _order(self, symbol: str, side: Side) -> NewOrder:
        self._orders += 1
        mark = Decimal(self.process.get(f"/prices?symbol={symbol}&count=1")["marks"][0])
        return NewOrder(
            symbol=symbol,
            side=side,
            size=Decimal("0.5"),
            price=(mark * (1 + 20 * BPS * side.sign)).quantize(GRVT_ETH.tick),
            time_in_force=TimeInForce.IOC,
            client_order_id=2**63 + self._orders if symbol == GRVT_ETH.symbol else self._orders,
            expires_ns=time.time_ns() + 5_000_000_000,
            nonce=self._orders,
        )
