"""The real command in a process of its own, at paper venues that outlive it.

The venues send it signals at their hooks, so a process dies, stands still or is told to stop at the
same moment of every run; their ledger judges all of its lives as one.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Self

from paper.records import Accepted, AnyRecord, FaultFired, Filled
from tests.support.cli import ketch, started
from tests.support.faults import SWAPPED, Scene, seconds
from tests.support.forked import Forked
from tests.support.paper_process import Process
from tests.support.starvation import Starvation
from venues.model import ZERO

BOUND_S = 60.0
# Cycles follow soon; everything that a limit is about stays as it is shipped.
SOON = ("desks.eth.hold_s=0.05", "desks.eth.pause_s=0.05")


class Service:
    """One state folder, and the lives of ``ketch run`` on it."""

    def __init__(self, scene: Scene, folder: Path, settings: tuple[str, ...] = ()) -> None:
        self.scene = scene
        self.folder = folder
        self.log = folder / "log"
        self.venue = folder / "venue.json"
        self.settings = (*SOON, *(SWAPPED if scene.swapped else ()), *settings)
        folder.mkdir(exist_ok=True)
        self.venue.write_text(json.dumps(scene.process.line))

    @property
    def state(self) -> Path:
        """Where the journal and the locks are."""
        return self.folder / "ketch" / "paper"

    @contextmanager
    def life(self, *arguments: str, output: int | None = None) -> Iterator[Life]:
        """A process; it is killed at the end of the block if it has not ended before.

        What it says goes to the log, or to the descriptor ``output``.
        """
        settings = [part for setting in self.settings for part in ("-o", setting)]
        arguments = ("--venue", str(self.venue), *settings, *arguments)
        with self.log.open("ab") as log:
            child = started(
                self.folder, "run", *arguments,
                stdout=log if output is None else output, extra={"KETCH__LOG__LEVEL": "debug"},
            )  # fmt: skip
        life = Life(self, child)
        try:
            yield life
        finally:
            if child.poll() is None:
                child.kill()
            child.wait(BOUND_S)

    def do(self, *arguments: str) -> str:
        """A command against it; what it said."""
        done = ketch(self.folder, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr + self.said
        return done.stdout

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]


class Life:
    """One process of the service."""

    def __init__(self, service: Service, child: Forked) -> None:
        self.service = service
        self.scene = service.scene
        self.child = child

    def signalled(self, name: str, hook: str, cycle: int = 1, **more: object) -> Self:
        """It gets that signal there; ``for_s`` is how long a ``stop`` lasts."""
        for_s = {"for_s": more.pop("for_s")} if "for_s" in more else {}
        at = self.scene.at(hook, cycle, **more)
        self.scene.arm("signal", pid=self.child.pid, signal=name, at=at, **for_s)
        return self

    def end(self, within_s: float = BOUND_S) -> int:
        """Its exit code, negative for the signal that killed it."""
        try:
            return self.child.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end:\n{self.service.said}") from None

    def until(self, true: Callable[[], bool], what: str, within_s: float = BOUND_S) -> None:
        """Wait for something that the venues know; it must not end before that."""
        due_s = time.monotonic() + within_s
        while not true():
            assert self.child.poll() is None, f"ended before {what}:\n{self.service.said}"
            assert time.monotonic() < due_s, f"never {what}:\n{self.service.said}"

    def cycles(self, count: int, within_s: float = BOUND_S) -> None:
        """Until so many more cycles are over."""
        measures = self.scene.judge.measures
        wanted = measures(self.scene.primary)["completed"] + count
        self.until(
            lambda: measures(self.scene.primary)["completed"] >= wanted, f"{count} cycles", within_s
        )


@contextmanager
def service(
    folder: Path, *settings: str, swapped: bool = False, **paper: object
) -> Iterator[Service]:
    """The command's state folder, and paper venues that may send it signals."""
    tree = json.dumps({"signals": True, **paper})
    with Starvation() as starvation, Process("--settings", tree) as process:
        yield Service(Scene(process, folder, swapped, starvation), folder, settings)


def increases(records: list[AnyRecord], after_s: float, venue: str) -> list[Accepted]:
    """Orders at ``venue`` that made its position larger, accepted later than that."""
    held, found = ZERO, []
    for record in records:
        if not isinstance(record, Accepted | Filled) or record.venue != venue:
            continue
        if record.account != "main":
            continue
        signed: Decimal = record.side.sign * record.size
        if isinstance(record, Filled):
            held += signed
        elif seconds(record) > after_s and abs(held + signed) > abs(held):
            found.append(record)
    return found


def fills(records: list[AnyRecord]) -> list[tuple[str, str, Decimal]]:
    """What the venues executed for the service: venue, client order id, size."""
    return sorted(
        (record.venue, str(record.client_order_id), record.size)
        for record in records
        if isinstance(record, Filled) and record.account == "main" and record.client_order_id
    )


def fills_on_record(journal: Path) -> list[tuple[str, str, Decimal]]:
    """What the journal has of that."""
    with closing(sqlite3.connect(journal)) as database:
        rows = database.execute("select venue, client_order_id, fill_json from fills").fetchall()
    return sorted((venue, name, Decimal(json.loads(text)["size"])) for venue, name, text in rows)


def fired_s(records: list[AnyRecord]) -> list[float]:
    """When faults acted."""
    return [seconds(record) for record in records if isinstance(record, FaultFired)]
