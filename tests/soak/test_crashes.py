"""``kill -9`` at random moments of a run on paper, each followed by a start at once.

The venues live on. Their ledger is the judge of what was traded, and of what the journal must have:
every fill of ours exactly once, and no order id twice. KETCH_SOAK_CRASHES and KETCH_SOAK_CYCLES say
how many (5 and 4), KETCH_SOAK_SEED which; ``make soak-crashes`` asks for 500 over 200 cycles.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.journal_check import check_journal
from tests.support.actors_tree import FRONT, QUICK, Judge
from tests.support.cli import command, environment
from tests.support.paper_process import Process

CRASHES = int(os.environ.get("KETCH_SOAK_CRASHES", "5"))
CYCLES = int(os.environ.get("KETCH_SOAK_CYCLES", "4"))
SEED = int(os.environ.get("KETCH_SOAK_SEED", "1"))
START_S = 20.0  # a start and the recovery of what the last life left
LIMIT_S = 120 + CRASHES * 10
AT_THE_START = 0.2  # so many of the kills come before the first order
STARTING_S = 2.5
NAKED_Q_S = 2 * STARTING_S + 5  # downtime, even if it is killed again while it starts, and 5
CYCLE_S = 0.8


class Trader:
    """A process that is started again and again, at the same venues, with the same state."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.journal = folder / "ketch" / "paper" / "journal.sqlite"
        self.log = folder / "log"
        self._read = 0
        (folder / "venue.json").write_text(json.dumps(process.line))

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Three crashes in a minute would halt it, which is policy and has a test of its own."""
        settings = [part for setting in QUICK for part in ("-o", setting)]
        venue = ["--venue", str(self.folder / "venue.json")]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command("run", *venue, "--resume", *settings, *arguments),
                stdout=log, stderr=log, env=environment(self.folder), start_new_session=True,
            )  # fmt: skip

    def finish(self) -> int:
        """Whatever is open is closed, and one more cycle done."""
        return self.launch("--cycles", "1").wait(START_S * 3)

    @property
    def finished(self) -> int:
        """Cycles on record as traded to their end."""
        if not self.journal.exists():
            return 0
        query = "select count(*) from cycles where outcome in ('completed', 'unwound')"
        return int(self.rows(query)[0][0])

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.journal)) as database:
            return database.execute(query).fetchall()

    def ledger(self, since: int = 0) -> list[Any]:
        """What happened at both venues, from that record on."""
        address = f"{self.process.line['control']}/ledger?since={since}"
        reply = self.process.http.request("GET", address)
        return [json.loads(line) for line in reply.data.splitlines()]

    def has_traded(self) -> bool:
        """True when an order was accepted since this was asked the last time."""
        news = self.ledger(self._read)
        self._read += len(news)
        return any(record["type"] == "accepted" for record in news)

    def describe(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@pytest.mark.timeout(LIMIT_S + 60)
def test_a_run_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    with Process("--settings", FRONT) as process:
        trader = Trader(process, tmp_path)
        crash_at_random(trader)
        assert trader.finish() == 0, trader.describe()
        Judge(process).check(naked_q_s=NAKED_Q_S)
        every_fill_is_on_record_once(trader)
        assert check_journal(trader.journal).damaged == ()
        assert check_journal(trader.journal).unresolved == {}
        assert trader.finished >= CYCLES


def crash_at_random(trader: Trader) -> None:
    """Start, kill, start; until it was killed often enough and enough cycles are over."""
    dice, crashes = random.Random(SEED), 0
    deadline_s = time.monotonic() + LIMIT_S
    while crashes < CRASHES or trader.finished < CYCLES:
        assert time.monotonic() < deadline_s, f"{crashes} crashes\n{trader.describe()}"
        child = trader.launch()
        try:
            if dice.random() < AT_THE_START:
                wait(child, dice.uniform(0, STARTING_S), trader)
            else:
                wait_for_orders(child, trader)
                wait(child, dice.uniform(0, CYCLE_S), trader)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        crashes += 1


def wait_for_orders(child: subprocess.Popen[bytes], trader: Trader) -> None:
    """Until this life has sent something."""
    trader.has_traded()
    deadline_s = time.monotonic() + START_S
    while not trader.has_traded():
        assert time.monotonic() < deadline_s, f"trades nothing\n{trader.describe()}"
        wait(child, 0.02, trader)


def wait(child: subprocess.Popen[bytes], seconds: float, trader: Trader) -> None:
    """Let it work for so long; it must not end by itself."""
    threading.Event().wait(seconds)
    assert child.poll() is None, f"ended with {child.returncode}\n{trader.describe()}"


def every_fill_is_on_record_once(trader: Trader) -> None:
    """What the venues executed for us and what the journal has is the same."""
    records = trader.ledger()
    ours = {
        (record["venue"], record["order_id"]): record["client_order_id"]
        for record in records
        if record["type"] == "accepted" and record["client_order_id"] is not None
    }
    executed = sorted(
        (record["venue"], str(ours[record["venue"], record["order_id"]]), Decimal(record["size"]))
        for record in records
        if record["type"] == "fill" and (record["venue"], record["order_id"]) in ours
    )
    on_record = sorted(
        (venue, client_order_id, Decimal(json.loads(text)["size"]))
        for venue, client_order_id, text in trader.rows(
            "select venue, client_order_id, fill_json from fills"
        )
    )
    assert on_record == executed
