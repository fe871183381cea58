"""What no stream of Backpack's tells: each market's mode and its funding, asked for by REST."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from actors.backpack_status import BackpackStatus, LookDue
from actors.market_board import MarketBoard
from actors.request_limiter import RequestLimiter
from tests.support.actors import WAIT_S, Peer, Script, ScriptedServer, answer, read_request
from tests.support.actors_venue import BACKPACK_ETH, UNLIMITED, Scene, backpack_access
from tests.support.trading import BACKPACK_ETH as MARKET
from tests.support.trading import D
from venues.model import BACKPACK, MarketInfo, MarketMode

FILTERS = {
    "price": {"tickSize": "0.01"},
    "quantity": {"minQuantity": "0.01", "stepSize": "0.01"},
}
LISTED: dict[str, Any] = {
    "symbol": BACKPACK_ETH, "baseSymbol": "ETH", "quoteSymbol": "USDC", "filters": FILTERS,
    "orderBookState": "Open", "fundingInterval": 28_800_000, "visible": True,
}  # fmt: skip
MARK = {
    "symbol": BACKPACK_ETH, "markPrice": "2500", "fundingRate": "0.0001",
    "nextFundingTimestamp": 28_800_000,
}  # fmt: skip
NORMAL = MarketInfo(
    venue=BACKPACK, symbol=BACKPACK_ETH, mark_price=D(2500), funding_rate=D("0.0001"),
    next_funding_ns=28_800 * 10**9, funding_interval_s=28_800,
)  # fmt: skip


class Exchange:
    """What the exchange says, which a test may change between two looks."""

    def __init__(self) -> None:
        self.status: tuple[int, dict[str, Any]] = (200, {"status": "Ok"})
        self.markets = [LISTED]
        self.board = MarketBoard()
        self.scene = Scene(BACKPACK, "status")
        self.limiter = RequestLimiter(UNLIMITED)

    def script(self, peer: Peer) -> None:
        while True:
            path = read_request(peer)[0].split()[1].rpartition("/")[2]
            status, body = self.status if path == "status" else (200, self._body(path))
            peer.send(answer(status, json.dumps(body).encode()))

    def _body(self, path: str) -> Any:
        return {"markets": self.markets, "markPrices": [MARK]}[path]

    @contextmanager
    def asked(self, script: Script | None = None) -> Iterator[None]:
        with (
            ScriptedServer(script or self.script) as server,
            self.scene.playing(
                lambda c: BackpackStatus(
                    c, replace(backpack_access(server.http), limiter=self.limiter), self.board
                )
            ),
        ):
            heard = self.scene.stage.directory.address("backpack/heartbeat")
            self.board.listen(heard, (MARKET,))
            yield

    def info(self) -> MarketInfo | None:
        return self.board.take("backpack/heartbeat", BACKPACK, BACKPACK_ETH).info

    def next_info(self) -> MarketInfo | None:
        """What it says of the market when asked anew."""
        self.info()
        self.scene.actor.tell(LookDue())
        self.scene.pongs.get(timeout=WAIT_S)
        return self.info()


def test_it_is_ready_once_every_market_is_on_the_board() -> None:
    exchange = Exchange()
    with exchange.asked():
        exchange.scene.ready()
        assert exchange.info() == NORMAL
        assert exchange.board.view(BACKPACK, BACKPACK_ETH).informed_s <= time.monotonic()


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({"orderBookState": "PostOnly"}, MarketMode.POST_ONLY),
        ({"orderBookState": "LimitOnly"}, MarketMode.REDUCE_ONLY),
        ({"orderBookState": "CancelOnly"}, MarketMode.CANCEL_ONLY),
        ({"orderBookState": "Closed"}, MarketMode.CLOSED),
        ({"orderBookState": "Auction"}, MarketMode.UNKNOWN),
        ({"visible": False}, MarketMode.REDUCE_ONLY),
        ({"symbol": "BTC_USDC_PERP"}, MarketMode.UNKNOWN),
    ],
)
def test_a_market_is_in_the_mode_that_its_listing_says(
    changes: dict[str, Any], mode: MarketMode
) -> None:
    exchange = Exchange()
    with exchange.asked():
        exchange.scene.ready()
        exchange.markets = [LISTED | changes]
        info = exchange.next_info()
        assert info is not None
        assert info.mode is mode


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ((200, {"status": "Maintenance"}), MarketMode.CLOSED),
        ((503, {"code": "MAINTENANCE", "message": "soon"}), MarketMode.CLOSED),
        ((503, {"code": "TRADING_PAUSED", "message": "soon"}), MarketMode.CLOSED),
        ((200, {"status": "Degraded"}), MarketMode.UNKNOWN),
    ],
)
def test_in_maintenance_every_market_is_closed_and_its_funding_still_known(
    said: tuple[int, dict[str, Any]], mode: MarketMode
) -> None:
    exchange = Exchange()
    with exchange.asked():
        exchange.scene.ready()
        exchange.status = said
        info = exchange.next_info()
        assert info is not None
        assert (info.mode, info.next_funding_ns) == (mode, NORMAL.next_funding_ns)
        assert exchange.limiter.closed is (mode is MarketMode.CLOSED)
        exchange.status = (200, {"status": "Ok"})
        assert exchange.next_info() == NORMAL
        assert not exchange.limiter.closed


def test_an_answer_that_is_none_ends_it_and_what_it_told_stays_with_its_age() -> None:
    exchange = Exchange()
    with exchange.asked():
        exchange.scene.ready()
        exchange.status = (500, {"code": "SERVER_ERROR", "message": ""})
        exchange.scene.actor.tell(LookDue())
        assert exchange.scene.failed().detail.startswith("FrameError: ")
        assert exchange.info() == NORMAL


def test_too_many_questions_stop_openings_and_nothing_else() -> None:
    exchange = Exchange()
    with exchange.asked():
        exchange.scene.ready()
        exchange.status = (429, {"code": "TOO_MANY_REQUESTS", "message": ""})
        exchange.scene.actor.tell(LookDue())
        exchange.scene.failed()
    assert exchange.limiter.no_new_risk(time.monotonic())
    assert not exchange.limiter.barred(time.monotonic())
