"""The real tree, every actor of it, against the scripted venues."""

from __future__ import annotations

import dataclasses
import queue
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

import msgspec

from actors.access import BackpackAccess, GrvtAccess
from actors.coordinator import DeskOutcome, StopDesk
from actors.request_limiter import RequestLimiter
from benchmarks.samples import (
    BACKPACK_ETH,
    BACKPACK_PUBLIC,
    BACKPACK_SECRET,
    CHAIN_ID,
    GRVT_ETH,
    PRIVATE_KEY,
    SUB_ACCOUNT,
)
from benchmarks.scripted.venues import Ports
from config.loader import OverrideLayer, load, shipped
from config.schema import KetchConfig, RateConfig
from config.secrets import Secret
from supervision.clock import MonotonicClock
from supervision.directory import Directory
from supervision.root import start_root
from supervision.spec import SupervisorSpec
from supervision.tree import ERROR_KEYS, Service, service_tree
from trading.desk import CycleRecord
from venues.backpack.requests import RequestBuilder
from venues.grvt import Endpoints, OrderSigner
from venues.model import Instrument

WAIT_S: Final = 30.0
# Nothing waits but for what is measured: an order that is filled slowly is not asked for, and a
# replacement does not wait for its turn.
_SETTINGS: Final = (
    "desks.eth.hold_s=0", "desks.eth.pause_s=0", "desks.eth.gate.funding_guard_s=0",
    "venues.grvt.connection.poll_s=86400", "venues.backpack.connection.poll_s=86400",
    "venues.grvt.connection.expiry_s=60", "venues.backpack.connection.expiry_s=60",
    "supervision.root.intensity={max_restarts: 1000, within: 1}",
    "supervision.limiters.default={rate: 100, burst: 1000}",
    "supervision.policies.connection.backoff={immediate: 10, initial: 0, stable_for: 0.1}",
    "supervision.policies.connection.breaker.failure_threshold=1000",
)  # fmt: skip

# What is measured is the service, not its patience with a venue.
_UNLIMITED: Final = RateConfig(per_s=1_000, burst=10_000, reserved=1)


class KetchSettings(KetchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shipped file as a whole; the paper venues' section is not ours to read."""

    paper: msgspec.Raw = msgspec.Raw()


class RunningService:
    """The tree from entering to leaving; cycles without end, their records in a queue.

    Beside the desk that trades there are ``further`` ones, whose markets are not listed.
    """

    def __init__(
        self, ports: Ports, pieces: int = 1, extra: tuple[str, ...] = (), further: int = 0
    ) -> None:
        self.records: queue.SimpleQueue[CycleRecord] = queue.SimpleQueue()
        self.directory = Directory()
        self._done = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="ketch-bench-")
        size = BACKPACK_ETH.step * pieces
        self._further = tuple(range(further))
        desks = tuple(_desk(number, size) for number in self._further)
        settings = OverrideLayer((*_SETTINGS, f"desks.eth.size={size}", *desks, *extra))
        self.config = load(KetchSettings, shipped("paper.yaml"), settings).config
        self._service = self._build(ports)

    def spec(self) -> SupervisorSpec:
        """The tree as it will be started."""
        return service_tree(self._service)

    def __enter__(self) -> Self:
        self.root = start_root(
            self.spec(),
            directory=self.directory,
            clock=MonotonicClock(),
            error_keys=ERROR_KEYS,
            limiters=self.config.supervision.limiters,
        )
        self.root.wait_ready(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.root.stop()
        self.root.wait(WAIT_S)
        self._folder.cleanup()

    def stop_desk(self) -> None:
        """Have the desk finish its cycle and open no other."""
        self.directory.address("eth/coordinator").offer(StopDesk())

    def _build(self, ports: Ports) -> Service:
        host = "127.0.0.1"
        grvt = GrvtAccess(
            endpoints=Endpoints(
                edge=f"http://{host}:{ports.http}",
                trades=f"http://{host}:{ports.trades}",
                market_data=f"http://{host}:{ports.market}",
                chain_id=CHAIN_ID,
            ),
            api_key=Secret("scripted"),
            sub_account_id=SUB_ACCOUNT,
            signer=OrderSigner(PRIVATE_KEY, CHAIN_ID),
            instruments=self._listed(GRVT_ETH),
            connection=self.config.venues.grvt.connection,
            limiter=RequestLimiter(_UNLIMITED),
        )
        backpack = BackpackAccess(
            api_url=f"http://{host}:{ports.http}",
            ws_url=f"ws://{host}:{ports.backpack}/",
            requests=RequestBuilder(BACKPACK_PUBLIC, BACKPACK_SECRET),
            instruments=self._listed(BACKPACK_ETH),
            connection=self.config.venues.backpack.connection,
            limiter=RequestLimiter(_UNLIMITED),
        )
        return Service(
            config=self.config,
            grvt=grvt,
            backpack=backpack,
            journal=Path(self._folder.name) / "journal.sqlite",
            cycles=None,
            run_began_ns=time.time_ns(),
            on_done=self._note_done,
            on_record=self.records.put,
        )

    def _listed(self, eth: Instrument) -> dict[str, Instrument]:
        symbols = [eth.symbol, *(_symbol(eth, number) for number in self._further)]
        return {symbol: msgspec.structs.replace(eth, symbol=symbol) for symbol in symbols}

    def _note_done(self, _: DeskOutcome) -> None:
        self._done.set()


def _symbol(eth: Instrument, number: int) -> str:
    return eth.symbol.replace("ETH", f"M{number}")


def _desk(number: int, size: Decimal) -> str:
    primary = f"{{venue: backpack, symbol: {_symbol(BACKPACK_ETH, number)}}}"
    hedge = f"{{venue: grvt, symbol: {_symbol(GRVT_ETH, number)}}}"
    return f"desks.m{number}={{primary: {primary}, hedge: {hedge}, size: {size}}}"


def replaced(spec: SupervisorSpec, child: SupervisorSpec) -> SupervisorSpec:
    """``spec`` with ``child`` in the place of the one that has its id."""
    children = tuple(child if old.id == child.id else old for old in spec.children)
    return dataclasses.replace(spec, children=children)
