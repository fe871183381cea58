"""One connection actor under a supervisor, with scripted peers in the place of its venue.

Around it are only those it talks to: mailboxes for orders and heartbeat, a stand-in for the login.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from actors.access import BackpackAccess, GrvtAccess
from actors.backpack_rest import BackpackRest
from actors.grvt_session import GetSession
from actors.orders import ClockChecked
from actors.request_limiter import RequestLimiter
from config.schema import ConnectionConfig, RateConfig
from config.secrets import Secret
from paper.keys import backpack_keys
from paper.settings import BACKPACK_INSTRUMENTS, GRVT_INSTRUMENTS
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import Address
from supervision.policy import Boot, Policy, Readiness
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.states import ChildState, StatusMessage
from supervision.tree import ERROR_KEYS
from tests.support.actors import (
    TEXT,
    WAIT_S,
    Peer,
    Script,
    ScriptedServer,
    answer,
    mailbox,
    read_request,
)
from tests.support.supervision_live import RETRY, Stage
from venues.backpack.requests import RequestBuilder
from venues.grvt import Endpoints, OrderSigner, Session
from venues.model import NewOrder, Side, TimeInForce

API_KEY = "the-api-key-of-a-test"
SESSION = Session(cookie="the-cookie-of-a-test", account_id="ACC:1", expires_ns=2**62)
GRVT_ETH, BACKPACK_ETH = "ETH_USDT_Perp", "ETH_USDC_PERP"
UNLIMITED = RateConfig(per_s=1_000, burst=10_000, reserved=1)
QUICK = ConnectionConfig(
    connect_timeout_s=2.0, write_timeout_s=0.5, reply_timeout_s=0.2, read_timeout_s=0.5
)


def grvt_access(url: str, timing: ConnectionConfig = QUICK) -> GrvtAccess:
    """All three hosts of GRVT are at ``url``."""
    return GrvtAccess(
        endpoints=Endpoints(edge=url, trades=url, market_data=url, chain_id=325),
        api_key=Secret(API_KEY),
        sub_account_id=2147050003876484,
        signer=OrderSigner("0x" + "11" * 32, 325),
        instruments={i.symbol: i for i in GRVT_INSTRUMENTS if i.symbol == GRVT_ETH},
        connection=timing,
        limiter=RequestLimiter(UNLIMITED),
    )


def backpack_access(url: str, timing: ConnectionConfig = QUICK) -> BackpackAccess:
    """Both hosts of Backpack are at ``url``."""
    keys = backpack_keys(1)[0]
    return BackpackAccess(
        api_url=url,
        ws_url=url.replace("http", "ws", 1),
        requests=RequestBuilder(keys.public_key, keys.secret_key),
        instruments={i.symbol: i for i in BACKPACK_INSTRUMENTS if i.symbol == BACKPACK_ETH},
        connection=timing,
        limiter=RequestLimiter(UNLIMITED),
    )


class Login(SupervisedActor):
    """In the place of the session actor: has one login, and keeps what else it is told."""

    def __init__(self, context: ActorContext, letters: queue.Queue[Any]) -> None:
        super().__init__(context)
        self._letters = letters

    def on_message(self, message: object) -> object:
        if isinstance(message, GetSession):
            return SESSION
        self._letters.put(message)
        return None


class Letters(queue.Queue[Any]):
    """What orders and login were told, in order; comparisons of clocks are kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.clocks: queue.Queue[Any] = queue.Queue()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if isinstance(item, ClockChecked):
            self.clocks.put(item)
        else:
            super().put(item, block, timeout)


class Scene:
    """A venue of one real actor, and what the others around it were told."""

    def __init__(self, venue: str, child_id: str) -> None:
        self.stage = Stage()
        self.letters = Letters()
        self.pongs: queue.Queue[Any] = queue.Queue()
        self.venue = venue
        self.name = f"{venue}/{child_id}"
        self.actor: Address = self.stage.directory.address(self.name)

    @contextmanager
    def playing(
        self, build: Callable[[ActorContext], SupervisedActor], **policy: Any
    ) -> Iterator[Scene]:
        fields = {"ready": Readiness.EXPLICIT, "boot": Boot.OPTIONAL, "backoff": RETRY, **policy}
        venue = SupervisorSpec(
            self.venue,
            (
                mailbox("orders", self.letters),
                mailbox("heartbeat", self.pongs),
                ChildSpec("session", lambda context: Login(context, self.letters)),
                ChildSpec(self.name.rpartition("/")[2], build, Policy(**fields)),
            ),
        )
        with self.stage.tree(venue, error_keys=ERROR_KEYS):
            yield self

    def ready(self, epoch: int = 1) -> StatusMessage:
        return self.stage.wait(self.name, ChildState.RUNNING, epoch)

    def failed(self, epoch: int = 1) -> StatusMessage:
        return self.stage.wait(self.name, ChildState.BACKING_OFF, epoch)

    def lives(self) -> bool:
        """It is in its first life still."""
        return self.stage.stream(self.name)[-1] == ("running", 1)

    def letter(self) -> Any:
        return self.letters.get(timeout=WAIT_S)


def new_order(symbol: str, number: int = 1, expires_s: float = 60.0) -> NewOrder:
    """An order that the venue of ``symbol`` could take."""
    wide = symbol == GRVT_ETH
    return NewOrder(
        symbol=symbol,
        side=Side.BUY,
        size=Decimal("0.5"),
        price=Decimal("2500.01"),
        time_in_force=TimeInForce.IOC,
        client_order_id=(2**63 if wide else 0) + number,
        expires_ns=time.time_ns() + int(expires_s * 1e9),
        created_ns=time.time_ns(),
        nonce=number,
    )


# -- what a venue says ----


def grvt_subscribed(peer: Peer, count: int) -> None:
    """Read so many subscriptions and accept them."""
    for _ in range(count):
        request = read_rpc(peer)
        params = request["params"]
        numbers = ["0"] * len(params["selectors"])
        result = {
            "stream": params["stream"], "subs": params["selectors"], "unsubs": [],
            "num_snapshots": [0], "first_sequence_number": numbers,
            "latest_sequence_number": numbers,
        }  # fmt: skip
        reply(peer, request, {"result": result})


def read_rpc(peer: Peer) -> Any:
    """The next JSON-RPC request of the client's."""
    opcode, payload = peer.read_frame()
    while opcode != TEXT:
        opcode, payload = peer.read_frame()
    return json.loads(payload)


def reply(peer: Peer, request: Any, fields: dict[str, Any]) -> None:
    body = {"jsonrpc": "2.0", "id": request["id"], "method": request["method"], **fields}
    peer.text(json.dumps(body).encode())


def grvt_trading(then: Script) -> Script:
    """A trading host that accepts everything it is asked until the actor is ready."""

    def script(peer: Peer) -> None:
        peer.upgrade()
        grvt_subscribed(peer, 3)
        then(peer)

    return script


def backpack_rest(routes: dict[str, Script]) -> Script:
    """Backpack's host: its time and account, and what the test says of other routes."""
    known: dict[str, Script] = {
        "GET /api/v1/time": lambda peer: peer.send(answer(200, b"%d" % (time.time_ns() // 10**6))),
        "GET /api/v1/account": lambda peer: peer.send(
            answer(200, b'{"futuresMakerFee": "8", "futuresTakerFee": "10"}')
        ),
        **routes,
    }

    def script(peer: Peer) -> None:
        while True:
            line, _ = read_request(peer)
            known[line.rpartition(" ")[0].partition("?")[0]](peer)

    return script


def play_backpack(
    routes: dict[str, Script], act: Callable[[Scene, ScriptedServer], object], **policy: object
) -> Scene:
    """Backpack's HTTP actor against a host with such routes, once it is ready."""
    scene = Scene("backpack", "rest")
    with (
        ScriptedServer(backpack_rest(routes)) as server,
        scene.playing(lambda c: BackpackRest(c, backpack_access(server.http)), **policy),
    ):
        scene.ready()
        act(scene, server)
    return scene
