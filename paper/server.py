"""The paper process: both venues and the control port on loopback, until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from aiohttp import web

from paper.backpack.front_end import BackpackFrontEnd
from paper.control import ControlPort
from paper.grvt.front_end import GrvtFrontEnd
from paper.keys import BackpackKeys, GrvtKeys, backpack_keys, grvt_keys
from paper.options import Endpoint, PaperSettings
from paper.orders import Refused
from paper.proxy import Proxy, Wire
from paper.world import World
from venues.model import BACKPACK, GRVT

VENUE_SCHEMA: Final = "ketch.venue/1"
EXIT_FAILED: Final = 1
EXIT_CONFIGURATION: Final = 78

_HOST: Final = "127.0.0.1"
_SHUTDOWN_S: Final = 0.2
_STDIN: Final = 0
_EOF_READ: Final = 4096


class PaperStartError(Exception):
    """The process cannot start as configured; the text says where and what to do."""


class GrvtEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the paper GRVT is, and who may trade there."""

    edge: str
    trades: str
    market_data: str
    chain_id: int
    accounts: tuple[GrvtKeys, ...]


class BackpackEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the paper Backpack is, and who may trade there."""

    api: str
    ws: str
    accounts: tuple[BackpackKeys, ...]


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The line that the process prints once it serves."""

    schema: str
    grvt: GrvtEndpoints
    backpack: BackpackEndpoints
    control: str


async def serve(
    settings: PaperSettings,
    ready: Callable[[Endpoints], None],
    stop: asyncio.Event,
    stream: BinaryIO | None = None,
) -> None:
    """Serve until ``stop`` is set; ``ready`` is called once, when every port listens.

    Raises PaperStartError when a port is not to be had or the ledger's ``stream`` takes nothing,
    and OSError when that fails later on.
    """
    try:
        world = World(settings, stream)
    except Refused as refused:
        raise PaperStartError(
            f"paper.*.start_positions: {refused.detail or refused.reason.value}"
        ) from refused
    except OSError as error:
        raise PaperStartError(f"ledger: cannot be written ({error.strerror})") from error
    async with AsyncExitStack() as stack:
        ready(await _open(world, stop, stack))
        # What start-up built stays for good: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        ticking = asyncio.create_task(_pass_time(world))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({ticking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        world.faults.close_all()
        for task in (ticking, stopping):
            task.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        if not ticking.cancelled() and ticking.done():
            ticking.result()


async def _open(world: World, stop: asyncio.Event, stack: AsyncExitStack) -> Endpoints:
    """Bind every port, the control port last."""
    settings = world.settings
    wire = Wire(world.faults)
    grvt = await _open_grvt(world, wire, stack)
    backpack = await _open_backpack(world, wire, stack)
    control = await _listen(
        stack, ControlPort(world, stop.set).app(), settings.control_port, "control_port"
    )
    return Endpoints(
        schema=VENUE_SCHEMA, grvt=grvt, backpack=backpack, control=f"http://{_HOST}:{control}"
    )


async def _open_grvt(world: World, wire: Wire, stack: AsyncExitStack) -> GrvtEndpoints:
    settings = world.settings.grvt
    keys = grvt_keys(world.settings.seed)
    front = msgspec.structs.replace(settings.front, seed=settings.front.seed + world.settings.seed)
    accounts = [entry.account(front.chain_id) for entry in keys]
    apps = GrvtFrontEnd(world.exchanges[GRVT], world.ledger, world.faults, accounts, front).apps()
    listen = partial(_endpoint, stack, wire, world.settings)
    edge = await listen("grvt/edge", apps["edge"], settings.edge_port)
    trades = await listen("grvt/trades", apps["trades"], settings.trades_port)
    data = await listen("grvt/market-data", apps["market_data"], settings.market_data_port)
    return GrvtEndpoints(
        edge=f"http://{_HOST}:{edge}",
        trades=f"http://{_HOST}:{trades}",
        market_data=f"http://{_HOST}:{data}",
        chain_id=front.chain_id,
        accounts=keys,
    )


async def _open_backpack(world: World, wire: Wire, stack: AsyncExitStack) -> BackpackEndpoints:
    settings = world.settings.backpack
    keys = backpack_keys(world.settings.seed)
    front = msgspec.structs.replace(settings.front, seed=settings.front.seed + world.settings.seed)
    accounts = [entry.account() for entry in keys]
    apps = BackpackFrontEnd(
        world.exchanges[BACKPACK], world.ledger, world.faults, accounts, front, settings.engine.fees
    ).apps()
    listen = partial(_endpoint, stack, wire, world.settings)
    api = await listen("backpack/api", apps["api"], settings.api_port)
    ws = await listen("backpack/ws", apps["ws"], settings.ws_port)
    return BackpackEndpoints(api=f"http://{_HOST}:{api}", ws=f"ws://{_HOST}:{ws}", accounts=keys)


async def _endpoint(
    stack: AsyncExitStack, wire: Wire, settings: PaperSettings, name: Endpoint,
    app: web.Application, port: int,
) -> int:  # fmt: skip
    """Serve one endpoint, behind the fault proxy if that is wanted; returns the client's port."""
    venue, _, place = name.partition("/")
    setting = f"{venue}.{place.replace('-', '_')}_port"
    if name not in settings.proxied:
        return await _listen(stack, app, port, setting)
    proxy = Proxy(name, await _listen(stack, app, 0, setting), wire)
    stack.push_async_callback(proxy.stop)
    try:
        return await proxy.start(port)
    except OSError as error:
        raise _port_taken(setting, port, error) from error


async def _listen(stack: AsyncExitStack, app: web.Application, port: int, setting: str) -> int:
    """Serve an application on loopback; returns its port. Raises PaperStartError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, _HOST, port)
    try:
        await site.start()
    except OSError as error:
        raise _port_taken(setting, port, error) from error
    address: tuple[str, int] = runner.addresses[0]
    return address[1]


def _port_taken(setting: str, port: int, error: OSError) -> PaperStartError:
    return PaperStartError(
        f"paper.{setting}: cannot listen on {_HOST}:{port} ({error.strerror}); "
        "choose another port, or 0 for any free one"
    )


async def _pass_time(world: World) -> None:
    """Move the venues along at each price step, and sample the marks."""
    loop = asyncio.get_running_loop()
    step_s = world.settings.prices.step_s
    next_step = next_mark = loop.time()
    while True:
        next_step = max(next_step + step_s, loop.time())
        await asyncio.sleep(next_step - loop.time())
        world.tick()
        if loop.time() >= next_mark:
            next_mark = loop.time() + world.settings.mark_interval_s
            world.sample_marks()


def run(
    settings: PaperSettings,
    ledger_path: Path | str | None = None,
    control_port: int | None = None,
    exit_on_eof: bool = False,
) -> int:
    """Run the process until SIGTERM, SIGINT, ``POST /shutdown`` or the end of stdin.

    Prints one JSON line on stdout when it serves. Returns the exit code: 0; after one line on
    stderr, 78 for what cannot be had, or 1 for a ledger that could not be written any more.
    """
    if control_port is not None:
        settings = msgspec.structs.replace(settings, control_port=control_port)
    try:
        stream = None if ledger_path is None else _create(Path(ledger_path))
        asyncio.run(_serve_until_told(settings, stream, exit_on_eof))
    except PaperStartError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    except OSError as error:
        sys.stderr.write(f"the ledger {ledger_path} cannot be written any more: {error}\n")
        return EXIT_FAILED
    return 0


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("wb", buffering=0)
    except OSError as error:
        raise PaperStartError(
            f"ledger {path}: cannot be written ({error.strerror}); name a file in a folder that "
            "exists and is yours"
        ) from error


async def _serve_until_told(
    settings: PaperSettings, stream: BinaryIO | None, exit_on_eof: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if exit_on_eof:
        _watch_stdin(loop, stop)
    await serve(settings, _announce, stop, stream)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set ``stop`` when stdin ends: then the parent is gone, however it went."""

    def wait() -> None:
        while os.read(_STDIN, _EOF_READ):
            continue
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _announce(endpoints: Endpoints) -> None:
    sys.stdout.write(msgspec.json.encode(endpoints).decode() + "\n")
    sys.stdout.flush()
