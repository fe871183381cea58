"""The whole service against the paper venues, started, waited for and judged by a test.

Both run as they do in ``ketch run``: the tree in this process, the venues in their own. What a run
was like is judged by the venues' ledger alone. Nothing sleeps: tests wait for records and statuses.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from actors.access import BackpackAccess, GrvtAccess
from actors.board import ReadBoard
from actors.coordinator import DeskOutcome, StopDesk
from actors.grvt_session import GetSession
from actors.journal_file import JournalFile
from actors.request_limiter import RequestLimiter
from cli.settings import Settings, load_settings
from config.schema import BackpackConfig, GrvtConfig
from config.secrets import Secret
from paper.records import AnyRecord, decode_records
from paper.settings import BACKPACK_INSTRUMENTS, GRVT_INSTRUMENTS
from supervision.clock import MonotonicClock
from supervision.directory import Directory
from supervision.root import RootHandle, start_root
from supervision.stalls import StallWatch
from supervision.states import ChildState, StatusMessage
from supervision.tree import ERROR_KEYS, Service, service_tree
from tests.support.paper_process import Process
from trading.desk import CycleRecord
from trading.ids import LAST_EPOCH, IdAllocator
from venues.backpack.requests import RequestBuilder
from venues.grvt import Endpoints, OrderSigner, Session
from venues.model import BACKPACK, GRVT, Instrument

BOUND_S = 30.0
GRVT_ETH, BACKPACK_ETH = "ETH_USDT_Perp", "ETH_USDC_PERP"
ACTORS = (
    "journal", "board", "guard",
    "grvt/orders", "grvt/session", "grvt/queries", "grvt/trading", "grvt/market", "grvt/heartbeat",
    "backpack/orders", "backpack/rest", "backpack/feed", "backpack/market", "backpack/status",
    "backpack/heartbeat", "prices/grvt", "prices/backpack",
    "eth/guard", "eth/coordinator",
)  # fmt: skip
# Venues without latency; a hurried service must not run into Backpack's limit of requests.
FRONT = (
    '{"backpack": {"front": {"history_lag_s": 0.05, "latency_s": 0, "feed_latency_s": 0,'
    ' "requests_per_minute": 0}}}'
)
# No waiting that a test does not need: cycles follow at once, what failed is replaced at once.
QUICK = (
    "desks.eth.hold_s=0", "desks.eth.pause_s=0", "desks.eth.retry_s=0.05",
    "venues.backpack.connection.settle_s=0.3", "venues.grvt.connection.settle_s=0.3",
    "venues.backpack.connection.expiry_s=0.5", "venues.grvt.connection.expiry_s=1",
    "supervision.limiters.default.rate=100", "supervision.limiters.default.burst=100",
    "supervision.policies.connection.backoff.initial=0.05",
    "supervision.policies.connection.backoff.max=0.2",
    "supervision.policies.connection.breaker.failure_threshold=50",
    "supervision.policies.worker.backoff.initial=0.05",
    "supervision.policies.journal.backoff.initial=0.05",
    # Cycles without a pause ask for more than the shipped budgets of requests have.
    *(f"venues.{venue}.rate.{figure}=1000" for venue in (GRVT, BACKPACK)
      for figure in ("per_s", "burst")),
)  # fmt: skip


def place_of(process: Process) -> Endpoints:
    """Where the paper GRVT is."""
    grvt = process.line["grvt"]
    return Endpoints(
        edge=grvt["edge"],
        trades=grvt["trades"],
        market_data=grvt["market_data"],
        chain_id=grvt["chain_id"],
    )


def grvt_access(process: Process, config: GrvtConfig, place: Endpoints) -> GrvtAccess:
    """The first test account of the paper GRVT."""
    account = process.line["grvt"]["accounts"][0]
    return GrvtAccess(
        endpoints=place,
        api_key=Secret(account["api_key"]),
        sub_account_id=int(account["sub_account_id"]),
        signer=OrderSigner(account["private_key"], place.chain_id),
        instruments=_one(GRVT_INSTRUMENTS, GRVT_ETH),
        connection=config.connection,
        limiter=RequestLimiter(config.rate),
    )


def backpack_access(
    process: Process, config: BackpackConfig, api_url: str, ws_url: str
) -> BackpackAccess:
    """The first test account of the paper Backpack."""
    keys = process.line["backpack"]["accounts"][0]
    return BackpackAccess(
        api_url=api_url,
        ws_url=ws_url,
        requests=RequestBuilder(keys["public_key"], keys["secret_key"]),
        instruments=_one(BACKPACK_INSTRUMENTS, BACKPACK_ETH),
        connection=config.connection,
        limiter=RequestLimiter(config.rate),
    )


def _one(instruments: tuple[Instrument, ...], symbol: str) -> dict[str, Instrument]:
    return {i.symbol: i for i in instruments if i.symbol == symbol}


class Run:
    """A running service. Statuses and records are kept, and can be waited for."""

    def __init__(
        self,
        process: Process,
        folder: Path,
        *,
        cycles: int | None,
        settings: tuple[str, ...] = (),
        place: Endpoints | None = None,
        backpack: tuple[str, str] | None = None,
        stalls: StallWatch | None = None,
    ) -> None:
        self.process = process
        self.directory = Directory()
        self.statuses: list[StatusMessage] = []
        self.records: list[CycleRecord] = []
        self.outcome: DeskOutcome | None = None
        self.journal = folder / "journal.sqlite"
        self.settings: Settings = load_settings(None, (*QUICK, *settings)).config
        self.cycles = cycles
        self._changed = threading.Condition()
        self._stalls = stalls
        self._place = place or place_of(process)
        line = process.line["backpack"]
        self._backpack = backpack or (line["api"], line["ws"])
        self.directory.subscribe("", self._note_status)
        with closing(JournalFile(self.journal)) as file:
            first = 1 + secrets.randbelow(LAST_EPOCH)  # many journals trade at one paper venue here
            begun = file.begin_run(time.time_ns(), first)
        self._ids = IdAllocator(begun.epoch, begun.first_epoch)
        self.root: RootHandle = self._start()

    def _start(self) -> RootHandle:
        venues = self.settings.venues
        service = Service(
            config=self.settings,
            grvt=grvt_access(self.process, venues.grvt, self._place),
            backpack=backpack_access(self.process, venues.backpack, *self._backpack),
            journal=self.journal,
            cycles=self.cycles,
            run_began_ns=time.time_ns(),
            on_done=self._note_outcome,
            on_record=self._note_record,
            ids=self._ids,
        )
        return start_root(
            service_tree(service),
            directory=self.directory,
            clock=MonotonicClock(),
            error_keys=ERROR_KEYS,
            limiters=self.settings.supervision.limiters,
            stalls=self._stalls,
        )

    # -- waiting -----------------------------------------------------------------------------------

    def wait_for(self, true: Callable[[], bool], what: str) -> None:
        with self._changed:
            reached = self._changed.wait_for(lambda: true() or self._over(), BOUND_S)
        assert reached, f"never {what}: {self.describe()}"
        assert true(), f"ended before {what}: {self.describe()}"

    def wait_cycles(self, count: int) -> None:
        """Until so many cycles are over in this life of the service."""
        self.wait_for(lambda: len(self.records) >= count, f"{count} cycles")

    def wait_status(self, name: str, state: ChildState, epoch: int = 1) -> StatusMessage:
        """The first status of that name in that state, of that life or a later one."""
        found: list[StatusMessage] = []

        def seen() -> bool:
            found[:] = [
                s for s in self.statuses if s.name == name and s.state is state and s.epoch >= epoch
            ]
            return bool(found)

        self.wait_for(seen, f"{name} {state.value} #{epoch}")
        return found[0]

    def wait_done(self) -> DeskOutcome:
        """Until the desk has done its cycles."""
        with self._changed:
            self._changed.wait_for(self._over, BOUND_S)
        assert self.outcome is not None, self.describe()
        # Its last record is on the way to the board, ahead of this question.
        self.directory.address("board").ask(ReadBoard(), timeout_s=BOUND_S)
        return self.outcome

    def finish(self) -> None:
        """Have the desk finish its cycle, and wait for that."""
        self.directory.address("eth/coordinator").offer(StopDesk())
        self.wait_done()

    def epoch(self, name: str) -> int:
        status = self.directory.status(name)
        return 0 if status is None else status.epoch

    def kinds(self, name: str) -> set[str]:
        """How that actor's lives ended, with the details."""
        return {f"{s.kind} {s.detail}" for s in self.statuses if s.name == name and s.kind}

    def cookie(self) -> str:
        """The cookie of GRVT's present login: a secret."""
        session: Session = self.directory.address("grvt/session").ask(GetSession())
        return session.cookie

    def describe(self) -> str:
        lines = (
            f"{status.name}#{status.epoch} {status.state.value} {status.kind} {status.detail}"
            for status in self.directory.snapshot()
        )
        return "\n".join((f"{len(self.records)} cycles, outcome {self.outcome}", *lines))

    def _over(self) -> bool:
        return self.outcome is not None or self.root.exit_code is not None

    def _note_status(self, status: StatusMessage) -> None:
        with self._changed:
            self.statuses.append(status)
            self._changed.notify_all()

    def _note_record(self, record: CycleRecord) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def _note_outcome(self, outcome: DeskOutcome) -> None:
        with self._changed:
            self.outcome = outcome
            self._changed.notify_all()


@contextmanager
def running(process: Process, folder: Path, **options: Any) -> Iterator[Run]:
    """A service that runs for the length of the block, and stops cleanly."""
    run = Run(process, folder, **options)
    try:
        yield run
    finally:
        run.root.stop()
        code = run.root.wait(BOUND_S)
    assert code == 0, run.describe()


class Judge:
    """What the venues' ledger says, and the faults that their control port arms."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def fault(self, **fault: object) -> None:
        status, body = self.process.ask("POST", "/faults", fault)
        assert status == 200, body

    def at(self, hook: str, cycle: int = 2) -> dict[str, object]:
        """That hook, ``cycle`` cycles from here (1: the next to start)."""
        present = self.process.get("/healthz")["cycle"]
        return {"cycle": present + cycle, "hook": hook}

    def records(self) -> list[AnyRecord]:
        """The ledger."""
        reply = self.process.http.request("GET", self.process.line["control"] + "/ledger")
        return list(decode_records(reply.data.splitlines(keepends=True)))

    def fired(self) -> int:
        return len(self.process.get("/faults")["fired"])

    def measures(self, primary: str = BACKPACK) -> Any:
        return self.process.get(f"/measures?primary={primary}&q=0.5&lot=0.01")

    def check(self, *, primary: str = BACKPACK, naked_q_s: float | None = None) -> Any:
        """J of the fault list, and the worst episode's bound; returns the measures."""
        verdict = self.measures(primary)
        for name in ("duplicates", "orphans", "position_errors", "flips"):
            assert verdict[name] == [], verdict[name]
        assert float(verdict["net"]) == 0, verdict["net"]
        if naked_q_s is not None:
            assert float(verdict["naked_q_s"]["max"]) <= naked_q_s, verdict["naked_q_s"]
        return verdict
