"""bpx-py against the whole paper process: its own engine, its moving prices, its keys."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bpx.account import Account
from bpx.base.base_account import BaseAccount
from bpx.base.base_public import BasePublic
from bpx.public import Public
from websockets.sync.client import connect

from tests.support.backpack_server import SYMBOL, WAIT_S, Stream, money
from venues.backpack.requests import RequestBuilder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "paper", "--seed", "5", "--exit-on-eof"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        backpack: dict[str, Any] = json.loads(process.stdout.readline())["backpack"]
        monkeypatch.setattr(BaseAccount, "BPX_API_URL", backpack["api"] + "/")
        monkeypatch.setattr(BasePublic, "BASE_URL", backpack["api"] + "/")
        yield backpack
        process.stdin.close()
        assert process.wait(WAIT_S) == 0


def test_a_position_is_opened_and_closed_at_the_market(venue: dict[str, Any]) -> None:
    keys = venue["accounts"][0]
    account = Account(keys["public_key"], keys["secret_key"])
    builder = RequestBuilder(keys["public_key"], keys["secret_key"])
    feed = Stream(connect(venue["ws"]), builder.subscribe_frame(["account.orderUpdate"])).settled()
    ask, _ = Public().get_depth(symbol=SYMBOL)["asks"][0]
    cap = (Decimal(ask) * Decimal("1.001")).quantize(Decimal("0.01"))
    opened = account.execute_order(
        symbol=SYMBOL, side="Bid", order_type="Limit", quantity="0.5", price=str(cap),
        time_in_force="IOC", client_id=1,
    )  # fmt: skip
    assert opened["status"] == "Filled"
    filled = sum(money(data["l"]) for data in feed.until_filled())
    assert filled == Decimal("0.5")
    closed = account.execute_order(
        symbol=SYMBOL, side="Ask", order_type="Market", quantity="0.5", reduce_only=True
    )
    assert closed["status"] == "Filled"
    assert account.get_open_positions() == []
    assert account.get_open_orders() == []
