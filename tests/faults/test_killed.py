"""34 and 35: ``kill -9`` at every moment of a cycle, and again and again.

The process is started anew each time, as a service manager would, with the timings that
are shipped. What is naked while no process is at the venues is the downtime.
"""

from __future__ import annotations

import logging
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from cli.run_record import JOURNAL
from paper.records import Accepted, AnyRecord, Connection, FaultFired, Filled
from tests.support.faults import seconds, soak
from tests.support.faults_process import BOUND_S, Service, fired_s, increases, service
from trading.desk import CycleRecord
from venues.model import GRVT

_log = logging.getLogger("ketch.faults")
# Hook and how often it is reached in the cycle: 1 opens, 2 closes.
_OPENING = [("read_positions", 1), ("primary_recv", 1), ("primary_accept", 1), ("primary_fill", 1)]
_HEDGING = [("hedge_recv", 1), ("hedge_fill", 1)]
_CLOSING = [("primary_fill", 2), ("hedge_recv", 2)]
_MORE = [("primary_before_reply", 1), ("hedge_accept", 1), ("hedge_before_reply", 1),
         ("primary_recv", 2), ("hedge_fill", 2)]  # fmt: skip
_N_Q_S = 5.0
_BAN_S = 45
_ONE_VENUE_Q_S = 15.0  # with the downtime, until it is proven, and hedge_deadline_s


@pytest.fixture
def backpack_first(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as it:
        yield it


@pytest.fixture
def grvt_first(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "grvt", swapped=True) as it:
        yield it


def killed(it: Service, hook: str, nth: int, *, downtime_s: float = 0.0) -> None:
    """A life that ends there, and nothing for a time."""
    fired = it.scene.judge.fired()
    with it.life("--resume") as life:
        life.signalled("kill", hook, nth=nth)
        assert life.end() == -signal.SIGKILL, it.said
    assert it.scene.judge.fired() == fired + 1
    if downtime_s:
        due_s = time.monotonic() + downtime_s
        it.scene.process.get(f"/faults?fired={fired + 2}&wait_s={downtime_s}")
        assert time.monotonic() >= due_s - 0.1


def goes_on(it: Service, cycles: int = 1, within_s: float = BOUND_S) -> None:
    """The next life closes what is open, trades on, and ends well."""
    with it.life("--resume", "--cycles", str(cycles)) as life:
        assert life.end(within_s) == 0, it.said


def cycles(state: Path) -> list[CycleRecord]:
    """What is on record of cycles."""
    with closing(sqlite3.connect(f"file:{state / JOURNAL}?mode=ro", uri=True)) as file:
        rows = file.execute("select record_json from cycles where record_json != ''").fetchall()
    return [msgspec.json.decode(row[0], type=CycleRecord) for row in rows]


def judged(it: Service) -> None:
    """J, and N within the longest time that no process was there, and 5 s."""
    down_s = downtime_s(it.scene.records())
    _log.info("at most %.1f s down", down_s)
    it.scene.judged(naked_q_s=down_s + _N_Q_S)


def downtime_s(records: list[AnyRecord]) -> float:
    """The longest time from a kill until somebody was connected again."""
    longest_s, killed_s = 0.0, None
    for record in records:
        if isinstance(record, FaultFired):
            killed_s = seconds(record)
        elif isinstance(record, Connection) and record.event == "authenticated" and killed_s:
            longest_s, killed_s = max(longest_s, seconds(record) - killed_s), None
    return longest_s


@pytest.mark.parametrize(
    "moments", [_OPENING, _HEDGING, _CLOSING], ids=["opening", "hedging", "closing"]
)
def test_34_killed_at_a_moment_of_the_cycle_the_next_life_hedges_or_closes_what_is_open(
    backpack_first: Service, moments: list[tuple[str, int]]
) -> None:
    for hook, nth in moments:
        killed(backpack_first, hook, nth)
    goes_on(backpack_first)
    judged(backpack_first)


@pytest.mark.parametrize(
    ("hook", "nth", "surely"), [("primary_fill", 1, True), ("hedge_recv", 2, False)]
)
def test_34_what_a_killed_cycle_has_cost_is_on_record_as_the_venues_have_it(
    backpack_first: Service, hook: str, nth: int, surely: bool
) -> None:
    """Unless the last order, which waited for no disk, is not on record; then it says so."""
    killed(backpack_first, hook, nth)
    goes_on(backpack_first)
    booked = [
        -record.side.sign * record.size * record.price - record.fee
        for record in backpack_first.scene.records()
        if isinstance(record, Filled) and record.account == "main"
    ]
    recorded = cycles(backpack_first.state)
    assert len(recorded) > 1
    exact = all(one.fees_complete for one in recorded)
    assert exact or not surely
    assert sum(one.pnl for one in recorded) == sum(booked) or not exact


@soak
def test_34_killed_at_a_moment_of_the_cycle_grvt_first(grvt_first: Service) -> None:
    for hook, nth in [("primary_recv", 1), ("primary_fill", 1), ("hedge_recv", 2)]:
        killed(grvt_first, hook, nth)
    goes_on(grvt_first)
    judged(grvt_first)


@soak
@pytest.mark.timeout(600)
def test_34_killed_at_every_moment_of_the_cycle_whichever_venue_is_first(
    backpack_first: Service, grvt_first: Service
) -> None:
    for it in (backpack_first, grvt_first):
        for hook, nth in _OPENING + _HEDGING + _CLOSING + _MORE:
            killed(it, hook, nth)
        goes_on(it)
        judged(it)


@soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("hook", ["primary_fill", "hedge_recv"])
def test_34_started_again_after_half_a_minute(backpack_first: Service, hook: str) -> None:
    killed(backpack_first, hook, 1, downtime_s=30)
    killed(backpack_first, hook, 2, downtime_s=1)
    goes_on(backpack_first)
    judged(backpack_first)


@soak
@pytest.mark.timeout(300)
def test_18_and_34_killed_at_a_primary_fill_and_banned_by_the_hedges_venue_at_the_next_start(
    backpack_first: Service,
) -> None:
    """Nobody can see whether a hedge is there; the record says that none was sent."""
    it = backpack_first
    killed(it, "primary_fill", 1)
    it.scene.arm(
        "throttle", connection=GRVT, share=0.01, for_s=10, most_per_s=1, ban_s=_BAN_S
    )  # fmt: skip
    goes_on(it, within_s=_BAN_S + 2 * BOUND_S)
    it.scene.judged(naked_q_s=_ONE_VENUE_Q_S)


def test_35_five_kills_in_a_row_reuse_no_order_id_and_recovery_starts_over(
    backpack_first: Service,
) -> None:
    """Each life is killed at the first thing that it does: the first order, or its recovery's."""
    it = backpack_first
    for _ in range(5):
        with it.life("--resume") as life:
            it.scene.arm("signal", pid=life.child.pid, signal="kill", at={"hook": "accept"})
            assert life.end() == -signal.SIGKILL, it.said
    goes_on(it)
    judged(it)
    verdict = it.scene.judge.measures(it.scene.primary)
    ours = [r for r in it.scene.records() if isinstance(r, Accepted) and r.account == "main"]
    ids = [(order.venue, order.client_order_id) for order in ours]
    assert len(ids) == len(set(ids)) == verdict["orders"]
    killed_s = fired_s(it.scene.records())
    _log.info("5 kills in %.1f s", killed_s[-1] - killed_s[0])


@soak
def test_35_after_three_crashes_in_a_minute_it_closes_what_is_open_and_halts(
    backpack_first: Service,
) -> None:
    it = backpack_first
    for _ in range(3):
        with it.life() as life:
            life.signalled("kill", "primary_fill")
            assert life.end() == -signal.SIGKILL, it.said
    crashed_s = fired_s(it.scene.records())[-1]
    with it.life("--cycles", "1") as life:
        assert life.end() == 6, it.said
    judged(it)
    after = [r for r in it.scene.records() if isinstance(r, Accepted) and seconds(r) > crashed_s]
    assert after, "what was open was closed"
    assert not increases(it.scene.records(), crashed_s, it.scene.primary)
