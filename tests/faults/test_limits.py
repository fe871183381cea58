"""A desk's limits where they act: over real sockets, with the venues' ledger as judge."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from actors.board import BoardSnapshot, ReadBoard
from tests.support.actors_tree import BOUND_S, Run
from tests.support.faults import openings, scene, seconds, until
from tests.support.faults_process import service
from tests.support.faults_rules import ROLES, hedge_of
from trading.plan import Action, ActiveLimit
from venues.model import BACKPACK, GRVT

SLACK_S = 1.0  # the guard looks four times a second; then its word, an order, and its way


def limit(name: str, at: object, action: str, clear_s: float = 1.0) -> str:
    return f"desks.eth.limits.{name}={{at: {at}, action: {action}, clear_s: {clear_s}}}"


def board(run: Run) -> BoardSnapshot:
    snapshot: BoardSnapshot = run.directory.address("board").ask(ReadBoard())
    return snapshot


def limits_in_force(run: Run) -> tuple[ActiveLimit, ...]:
    """What holds the desk now."""
    return tuple(active for desk in board(run).desks for active in desk.limits_in_force)


def held_by(run: Run, name: str) -> None:
    """Until that limit is in force for the desk."""
    until_seen(
        run, lambda: any(active.limit == name for active in limits_in_force(run)), f"held by {name}"
    )


def until_seen(run: Run, true: Callable[[], bool], what: str) -> None:
    """The board is asked again and again: nobody tells a test when a desk is held."""
    due_s = time.monotonic() + BOUND_S
    while not true():
        assert time.monotonic() < due_s, f"never {what}: {run.describe()}"


# -- naked for too long ----


@ROLES
def test_a_desk_that_is_naked_at_its_limit_is_taken_off_without_its_hedge(
    tmp_path: Path, swapped: bool
) -> None:
    """The hedge's deadline is far: the guard's limit alone ends the wait, at its figure."""
    settings = ("desks.eth.hedge_deadline_s=60", limit("naked_s", 2, "reduce"))
    with scene(tmp_path, swapped=swapped) as the:
        reason = {GRVT: "ioc", BACKPACK: "price_band"}[hedge_of(the)]
        rule = {"connection": hedge_of(the), "of": "increasing", "reason": reason, "part": 0.0}
        the.arm("deny", at=the.at("hedge_recv"), for_s=6, **rule)
        with the.service(*settings) as run:
            the.met()
            until(run, lambda: any(r.outcome == "unwound" for r in run.records), "unwound", 20)
            the.run_on(run, 2)
            the.finish(run)
        verdict = the.judged(naked_q_s=2 + SLACK_S)
        assert Decimal(verdict["naked_q_s"]["max"]) >= 2, "not before its time"


# -- a day's loss ----


@ROLES
def test_a_day_that_has_lost_its_limit_halts_the_desk_flat(tmp_path: Path, swapped: bool) -> None:
    """Each cycle loses its fees, so that the second is one too many; none is opened after it."""
    with scene(tmp_path, swapped=swapped) as the:
        with the.service(limit("daily_loss", 5, "halt")) as run:
            outcome = run.wait_done()
        assert outcome.flat
        assert re.fullmatch(r"daily_loss: [5-9]\.\d+, limit 5", outcome.halted), outcome.halted
        lost = -sum(record.pnl for record in run.records)
        assert lost >= 5 > lost + run.records[-1].pnl
        the.judged(naked_q_s=1)
        # The cycle that was opened before the guard looked again is closed, and is the last.
        assert len(the.openings()) <= len(run.records) + 1


def test_the_process_ends_with_6_and_a_restart_does_not_trade_the_loss_away(
    tmp_path: Path,
) -> None:
    losing = limit("daily_loss", 5, "halt")
    with service(tmp_path, losing) as it:
        with it.life() as life:
            assert life.end() == 6, it.said
        assert "daily_loss: " in it.said
        opened = len(openings(it.scene.records()))
        with it.life("--cycles", "3") as life:
            assert life.end() == 6, it.said
        assert len(openings(it.scene.records())) == opened, "it had halted"
        with it.life("--cycles", "1", "--resume") as life:
            assert life.end() == 0, it.said
        assert len(openings(it.scene.records())) == opened + 1, "what was lost counts no more"
        it.scene.judged(naked_q_s=1)


def test_killed_after_its_loss_and_before_its_halt_it_halts_at_the_next_start(
    tmp_path: Path,
) -> None:
    """The first life knows no limit; the second finds the day's loss on record."""
    with service(tmp_path) as it:
        with it.life() as life:
            life.cycles(3)  # two of them lose enough, and are on record
            life.child.kill()
            life.end()
        it.settings = (*it.settings, limit("daily_loss", 5, "halt"))
        with it.life("--cycles", "5") as life:
            assert life.end() == 6, it.said
        began_s = max(it.scene.logins_s())
        assert not [order for order in it.scene.openings() if seconds(order) > began_s]


# -- margin ----


@ROLES
def test_a_margin_below_its_limit_freezes_the_desk_until_it_is_back(
    tmp_path: Path, swapped: bool
) -> None:
    settings = (
        limit("margin_ratio", 0.5, "freeze"),
        "desks.eth.gate.margin_factor=0",
        "venues.grvt.connection.balances_every_s=0.5",
        "desks.eth.hold_s=1.5",
    )
    with scene(tmp_path, swapped=swapped) as the, the.service(*settings) as run:
        the.run_on(run, 1)
        # Some 230 are left, of which a position of 1250 needs 125 while it is held.
        the.arm("leverage", venue=GRVT, leverage=10)
        the.arm("withdraw", venue=GRVT, amount="99760")
        held_by(run, "margin_ratio")
        (active,) = (active for active in limits_in_force(run) if active.limit == "margin_ratio")
        assert active.action is Action.FREEZE
        assert f"of {GRVT}, limit 0.5" in active.reason
        the.run_on(run, 1)
        the.finish(run)
        the.judged(naked_q_s=1)
