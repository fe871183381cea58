"""43 to 45: an operator stops it in the middle, trades by hand, starts it wrongly."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper.records import Accepted, Login, Manual
from tests.support.actors_tree import Run
from tests.support.faults import Scene, openings, scene, seconds, soak
from tests.support.faults_process import Service, fired_s, service
from venues.model import Side

_log = logging.getLogger("ketch.faults")
GRVT_ETH, BACKPACK_ETH = "ETH_USDT_Perp", "ETH_USDC_PERP"
_EVERY_HOOK = [
    ("primary_recv", 1), ("primary_accept", 1), ("primary_fill", 1), ("hedge_recv", 1),
    ("hedge_fill", 1), ("primary_fill", 2), ("hedge_recv", 2), ("hedge_fill", 2),
]  # fmt: skip
_LONG = ("desks.eth.hold_s=0.5", "desks.eth.direction=long")
_SOME_HOOKS = [("primary_recv", 1), ("primary_fill", 1), ("hedge_recv", 1), ("primary_fill", 2)]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as it:
        yield it


# -- 43: stop in the middle of a cycle ----


def told_to_stop(it: Service, hook: str, nth: int, name: str) -> None:
    """It is told at that moment, and once more: it ends by itself, well, and soon."""
    fired = it.scene.judge.fired()
    with it.life() as life:
        life.signalled(name, hook, 2, nth=nth)
        it.scene.fired(fired + 1)
        life.child.send_signal(signal.SIGTERM)
        assert life.end(10) == 0, it.said
    assert "Traceback" not in it.said


def judge_stops(it: Service) -> None:
    """J, N, and no opening after the signal, but for the one that was on its way."""
    it.scene.judged(naked_q_s=5)
    records = it.scene.records()
    opened_s = [seconds(order) for order in openings(records)]
    logins_s = [seconds(record) for record in records if isinstance(record, Login)]
    for signalled_s in fired_s(records):
        new_life_s = min((at for at in logins_s if at > signalled_s), default=float("inf"))
        after = [at for at in opened_s if signalled_s < at < new_life_s]
        assert len(after) <= 1, (signalled_s, after)


def test_43_told_to_stop_in_the_middle_of_a_cycle_it_opens_nothing_and_leaves_nothing(
    it: Service,
) -> None:
    for number, (hook, nth) in enumerate(_SOME_HOOKS):
        told_to_stop(it, hook, nth, ("term", "int")[number % 2])
    judge_stops(it)


@soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("swapped", [False, True], ids=["backpack leads", "grvt leads"])
def test_43_told_to_stop_at_every_hook(tmp_path: Path, swapped: bool) -> None:
    with service(tmp_path, swapped=swapped) as it:
        for hook, nth in _EVERY_HOOK:
            for name in ("term", "int"):
                told_to_stop(it, hook, nth, name)
        judge_stops(it)


# -- 44: somebody trades or cancels by hand ----


def held(stage: Scene, venue: str, symbol: str) -> Decimal:
    """What the account holds, whoever traded it."""
    accounts: Any = stage.process.get("/accounts")
    positions = accounts[venue]["main"]["positions"]
    return Decimal(next((p["size"] for p in positions if p["symbol"] == symbol), "0"))


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        pytest.param("grvt", GRVT_ETH, id="grvt"),
        pytest.param("backpack", BACKPACK_ETH, id="backpack", marks=soak),
    ],
)
def test_44_a_foreign_trade_halts_the_desk_which_closes_its_own_and_leaves_that_alone(
    tmp_path: Path, venue: str, symbol: str
) -> None:
    side = Side.BUY if venue == "backpack" else Side.SELL  # as our own leg
    with scene(tmp_path) as stage, stage.service(*_LONG) as run:
        halts_over_a_foreign_trade(stage, run, venue, symbol, side)
        stage.judged(naked_q_s=5)
        assert held(stage, venue, symbol) == Decimal("0.3") * side.sign


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        pytest.param("grvt", GRVT_ETH, id="grvt"),
        pytest.param("backpack", BACKPACK_ETH, id="backpack", marks=soak),
    ],
)
def test_44_a_foreign_trade_against_our_leg_has_taken_it_off_and_is_not_traded_back(
    tmp_path: Path, venue: str, symbol: str
) -> None:
    """Nobody can tell it from a forced close: what reduces keeps its flag, and flips nothing."""
    side = Side.SELL if venue == "backpack" else Side.BUY
    with scene(tmp_path) as stage, stage.service(*_LONG) as run:
        halts_over_a_foreign_trade(stage, run, venue, symbol, side)
        verdict = stage.judge.measures(stage.primary)
        assert verdict["duplicates"] == verdict["orphans"] == verdict["flips"] == []
        assert held(stage, "grvt", GRVT_ETH) == held(stage, "backpack", BACKPACK_ETH) == 0


def halts_over_a_foreign_trade(stage: Scene, run: Run, venue: str, symbol: str, side: Side) -> None:
    """In the middle of a cycle; no other is opened."""
    stage.arm(
        "trade", venue=venue, symbol=symbol, side=side.value, size="0.3", at=stage.at("hedge_fill")
    )
    assert run.wait_done().halted
    (traded_s,) = stage.faults_s()
    assert not [order for order in stage.openings() if seconds(order) > traded_s]


@soak
def test_44_margin_taken_out_and_another_leverage_cost_no_more_than_a_cycle(
    tmp_path: Path,
) -> None:
    soon = "venues.grvt.connection.balances_every_s=0.2"
    with scene(tmp_path) as stage, stage.service(soon) as run:
        stage.arm("withdraw", venue="grvt", amount="99950", at=stage.at("primary_fill"))
        stage.fired(1)
        stage.run_on(run, 1)
        stage.arm("withdraw", venue="grvt", amount="-99950")
        stage.arm("leverage", venue="backpack", leverage=2, at=stage.at("primary_fill", 1))
        stage.fired(3)
        stage.finish(run)
        stage.judged(naked_q_s=8)


def test_44_a_foreign_cancel_of_what_rests_does_not_touch_ours(tmp_path: Path) -> None:
    with scene(tmp_path) as stage, stage.service() as run:
        stage.arm("cancel", venue="grvt", symbol=None, at=stage.at("hedge_recv"))
        stage.arm("cancel", venue="backpack", symbol=None, at=stage.at("primary_recv"))
        stage.fired(2)
        stage.run_on(run)
        stage.finish(run)
        stage.judged(naked_q_s=5)


# -- 45: wrong start ----


def test_45_an_account_that_is_not_flat_with_orders_that_rest_is_not_touched(
    tmp_path: Path,
) -> None:
    with service(tmp_path, grvt={"start_positions": {GRVT_ETH: "-1.5"}}) as it:
        for venue, symbol in (("grvt", GRVT_ETH), ("backpack", BACKPACK_ETH)):
            it.scene.arm("trade", venue=venue, symbol=symbol, side="buy", size="0.1", price="2000")
        with it.life("--cycles", "1") as life:
            assert life.end() == 7, it.said
        records = it.scene.records()
        by_hand = {(r.venue, r.order_id) for r in records if isinstance(r, Manual)}
        ours = [r for r in records if isinstance(r, Accepted) and r.account == "main"]
        assert {(r.venue, r.order_id) for r in ours} == by_hand
        accounts = it.scene.process.get("/accounts")
        for venue in ("grvt", "backpack"):
            assert len(accounts[venue]["main"]["open_orders"]) == 1, accounts


@pytest.mark.parametrize("swapped", [True, False], ids=["grvt leads", "grvt hedges"])
def test_45_with_a_key_of_another_chain_the_desk_halts_after_the_second_refusal(
    tmp_path: Path, swapped: bool
) -> None:
    with service(tmp_path, swapped=swapped) as it:
        line = json.loads(it.venue.read_text())
        line["grvt"]["chain_id"] += 1
        it.venue.write_text(json.dumps(line))
        halts_over_the_key(it, "grvt refuses our key (2002): check that the private key")
        refused_twice(it, swapped)


@pytest.mark.parametrize("swapped", [False, True], ids=["backpack leads", "backpack hedges"])
def test_45_with_a_key_that_may_only_read_the_desk_halts_after_the_second_refusal(
    tmp_path: Path, swapped: bool
) -> None:
    with service(tmp_path, swapped=swapped) as it:
        it.scene.arm(
            "answer", connection="backpack/rest", route="/api/v1/order", method="POST",
            status=403, body='{"code":"FORBIDDEN","message":"Forbidden"}', times=100,
        )  # fmt: skip
        halts_over_the_key(it, "backpack refuses our key (FORBIDDEN): check that the API key may")
        refused_twice(it, not swapped)


def halts_over_the_key(it: Service, why: str) -> None:
    with it.life("--cycles", "3") as life:
        assert life.end() == 6, it.said
    assert f"2 times in a row {why}" in it.said


def refused_twice(it: Service, leads: bool) -> None:
    """Nothing was opened if its venue leads, else two cycles, each unwound at once."""
    assert len(it.scene.openings()) == (0 if leads else 2), it.said
    it.scene.judged(naked_q_s=1)


def test_45_two_legs_on_one_venue_are_refused(it: Service) -> None:
    with it.life("-o", "desks.eth.hedge={venue: backpack, symbol: BTC_USDC_PERP}") as life:
        assert life.end() == 78, it.said
    assert not it.scene.openings()


def test_45_a_size_below_the_smallest_order_is_refused(it: Service) -> None:
    with it.life("-o", "desks.eth.size=0.001") as life:
        assert life.end() == 78, it.said
    assert not it.scene.openings()
