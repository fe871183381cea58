from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
from aiohttp import web

from paper.faults import Answer, AnyFault, At, Delay, Drop, Fault, Faults, Hook, Refuse
from paper.hooks import CycleHooks
from tests.support.paper import Venue
from venues.model import Side


class Seconds:
    """A monotonic clock that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Wires:
    """Faults with websockets that remember being cut."""

    def __init__(self) -> None:
        self.clock = Seconds()
        self.fired: list[Fault] = []
        self.faults = Faults(self.clock, self.fired.append)
        self.cut: list[str] = []

    def open(self, name: str) -> int:
        return self.faults.opened(name, lambda: self.cut.append(name))


@pytest.fixture
def wires() -> Wires:
    return Wires()


def test_drop_cuts_the_live_connections_of_that_name_only(wires: Wires) -> None:
    number = wires.open("grvt/trading")
    other = wires.open("grvt/market")
    wires.faults.arm(Drop(connection="grvt/trading"))
    assert wires.cut == ["grvt/trading"]
    assert (wires.faults.dropped(number), wires.faults.dropped(other)) == (True, False)
    assert wires.faults.connections == {other: "grvt/market"}


def test_a_venue_name_hits_all_of_its_connections(wires: Wires) -> None:
    for name in ("grvt/trading", "grvt/market", "backpack/feed"):
        wires.open(name)
    wires.faults.arm(Drop(connection="grvt"))
    assert wires.cut == ["grvt/trading", "grvt/market"]


def test_a_connection_that_closed_by_itself_is_not_cut(wires: Wires) -> None:
    number = wires.open("grvt/trading")
    wires.faults.closed(number)
    wires.faults.arm(Drop(connection="grvt/trading"))
    assert wires.cut == []


def test_a_renamed_connection_is_known_by_its_new_name(wires: Wires) -> None:
    wires.faults.renamed(wires.open("backpack/market"), "backpack/feed")
    wires.faults.arm(Drop(connection="backpack/market"))
    assert wires.cut == []
    wires.faults.arm(Drop(connection="backpack/feed"))
    assert wires.cut == ["backpack/market"]


def test_refusal_and_delay_end_by_themselves(wires: Wires) -> None:
    wires.faults.arm(Refuse(connection="grvt", for_s=5))
    wires.faults.arm(Delay(connection="backpack/rest", by_s=0.5, for_s=10))
    assert wires.faults.refusing("grvt/trading")
    assert wires.faults.delay_s("backpack/rest") == 0.5
    wires.clock.now = 5.0
    assert not wires.faults.refusing("grvt/trading")
    assert wires.faults.delay_s("backpack/rest") == 0.5
    wires.clock.now = 10.0
    assert wires.faults.delay_s("backpack/rest") == 0


def test_a_websocket_opened_while_refused_is_cut_at_once(wires: Wires) -> None:
    async def open_refused() -> None:
        wires.faults.arm(Refuse(connection="grvt", for_s=5))
        wires.open("grvt/trading")
        await asyncio.sleep(0)

    asyncio.run(open_refused())
    assert wires.cut == ["grvt/trading"]


def test_an_armed_fault_waits_for_its_hook(wires: Wires) -> None:
    wires.open("grvt/trading")
    fault = Drop(connection="grvt/trading", at=At(cycle=2, hook="primary_fill", nth=2))
    wires.faults.arm(fault)
    for cycle, nth in ((1, 2), (2, 1)):
        wires.faults.reached(cycle, "primary_fill", nth)
    assert (wires.cut, wires.faults.armed) == ([], (fault,))
    wires.faults.reached(2, "primary_fill", 2)
    assert (wires.cut, wires.faults.armed, wires.fired) == (["grvt/trading"], (), [fault])


def test_clearing_forgets_everything(wires: Wires) -> None:
    wires.faults.arm(Refuse(connection="grvt", for_s=5))
    wires.faults.arm(Drop(connection="grvt", at=At(cycle=1, hook="fill")))
    wires.faults.clear()
    assert not wires.faults.refusing("grvt/trading")
    assert wires.faults.armed == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"drop","connection":"kraken/feed"}',
        '{"action":"drop","connection":"grvt","at":{"cycle":0,"hook":"fill"}}',
        '{"action":"drop","connection":"grvt","at":{"cycle":1,"hook":"lunch"}}',
        '{"action":"refuse","connection":"grvt"}',
        '{"action":"answer","connection":"grvt","route":"","status":200}',
        '{"action":"explode","connection":"grvt"}',
        '{"action":"drop","connection":"grvt","typo":1}',
    ],
)
def test_a_fault_that_makes_no_sense_is_not_accepted(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=AnyFault)


def test_a_fault_reads_back_as_it_was_written() -> None:
    faults: list[Fault] = [
        Drop(connection="grvt/trading", at=At(cycle=7, hook="primary_fill")),
        Refuse(connection="backpack", for_s=1.5),
        Answer(connection="grvt/rest", route="/full/v1/create_order", status=502, times=3),
    ]
    for fault in faults:
        assert msgspec.json.decode(msgspec.json.encode(fault), type=AnyFault) == fault


def watched(faults: Faults) -> tuple[CycleHooks, Venue, Venue]:
    """Two venues with deep books whose cycles are counted: Backpack and GRVT."""
    hooks = CycleHooks(faults)
    backpack, grvt = Venue(), Venue()
    for name, venue in (("backpack", backpack), ("grvt", grvt)):
        venue.exchange.add_listener(hooks.listener(name))
        venue.market.offer(Side.BUY, ("99", "50"))
        venue.market.offer(Side.SELL, ("100", "1"), ("101", "50"))
        venue.exchange.tick()
    return hooks, backpack, grvt


def take(venue: Venue, side: str, size: str = "1") -> None:
    venue.send("ann", side, size, "101" if side == "buy" else "99", tif="ioc")


def test_a_cycle_starts_with_the_first_order_while_both_venues_are_flat() -> None:
    hooks, backpack, grvt = watched(Faults())
    seen = []
    for lead, follow in ((backpack, grvt), (grvt, backpack)):
        for venue, side in ((lead, "buy"), (follow, "sell"), (lead, "sell"), (follow, "buy")):
            take(venue, side)
            seen.append(hooks.cycle)
    assert seen == [1, 1, 1, 1, 2, 2, 2, 2]


def test_an_entry_that_missed_is_still_the_same_cycle() -> None:
    hooks = CycleHooks(Faults())
    venue = Venue()
    venue.exchange.add_listener(hooks.listener("grvt"))
    for _ in range(3):
        venue.send("ann", "buy", "1", "100", tif="ioc")
    assert hooks.cycle == 1


def test_hooks_count_within_their_cycle_and_know_the_primary() -> None:
    faults = Faults()
    _, backpack, grvt = watched(faults)
    places: list[tuple[Hook, int]] = [
        ("primary_fill", 2), ("hedge_accept", 1), ("fill", 3), ("accept", 3)
    ]  # fmt: skip
    armed = [Drop(connection="grvt", at=At(cycle=1, hook=hook, nth=n)) for hook, n in places]
    for fault in armed:
        faults.arm(fault)
    take(backpack, "buy", "2")
    assert list(faults.fired) == armed[:1]
    take(grvt, "sell")
    assert list(faults.fired) == armed[:3]


Probe = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


@asynccontextmanager
async def served(faults: Faults, done: list[str]) -> AsyncIterator[str]:
    """A small venue host on a real socket, with the faults in front of it."""

    async def order(request: web.Request) -> web.Response:
        done.append(request.path)
        return web.Response(text="real")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str("hello")
        return ws

    app = web.Application(middlewares=[faults.middleware("grvt/rest")])
    app.add_routes([web.post("/full/v1/create_order", order), web.get("/ws/full", socket)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def probe(faults: Faults, check: Probe) -> list[str]:
    done: list[str] = []

    async def run() -> None:
        async with served(faults, done) as url, aiohttp.ClientSession() as session:
            await check(session, url)

    asyncio.run(run())
    return done


def test_refused_requests_and_upgrades_end_without_an_answer() -> None:
    async def check(session: aiohttp.ClientSession, url: str) -> None:
        faults.arm(Refuse(connection="grvt/rest", for_s=60))
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(f"{url}/full/v1/create_order")
        async with session.ws_connect(f"{url}/ws/full") as ws:
            assert await ws.receive_str() == "hello"
        faults.arm(Refuse(connection="grvt/trading", for_s=60))
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(f"{url}/ws/full")

    faults = Faults()
    assert probe(faults, check) == []


def test_canned_answers_are_given_as_often_as_asked_and_execute_only_if_told() -> None:
    async def check(session: aiohttp.ClientSession, url: str) -> None:
        route = "/full/v1/create_order"
        faults.arm(Answer(connection="grvt", route=route, status=502, body="<html>", times=2))
        faults.arm(Answer(connection="grvt/rest", route=route, status=504, body="", execute=True))
        seen = []
        for _ in range(4):
            async with session.post(url + route) as response:
                seen.append((response.status, await response.text()))
        assert seen == [(502, "<html>"), (502, "<html>"), (504, ""), (200, "real")]

    faults = Faults()
    assert len(probe(faults, check)) == 2


def test_a_delayed_reply_comes_late_though_the_order_was_done() -> None:
    async def check(session: aiohttp.ClientSession, url: str) -> None:
        faults.arm(Delay(connection="grvt/rest", by_s=0.05, for_s=60))
        started = time.monotonic()
        async with session.post(f"{url}/full/v1/create_order") as response:
            assert await response.text() == "real"
        assert time.monotonic() - started >= 0.05

    faults = Faults()
    assert len(probe(faults, check)) == 1


def test_connections_to_two_servers_may_have_the_same_port() -> None:
    faults = Faults(Seconds(), lambda _: None)
    faults.opened("grvt/market", lambda: None, 40_000)
    feed = faults.opened("backpack/market", lambda: None, 40_000)
    faults.renamed(feed, "backpack/feed")
    assert faults.name_at(40_000, ("backpack/market", "backpack/feed")) == "backpack/feed"
    assert faults.name_at(40_000, ("grvt/rest", "grvt/trading")) is None
