"""Both engines on one clock, traded by a plain hedger: what the judge says of a sound run."""

from __future__ import annotations

from decimal import Decimal

import pytest

from paper.faults import At, Fund, Refuse
from paper.measures import measure
from paper.options import PaperSettings
from paper.orders import OrderRequest, PaperOrder
from paper.records import Funded, Marked
from paper.verdict import Measures, scope_of
from paper.world import World
from tests.support.paper import ManualClock
from venues.model import BACKPACK, BPS, GRVT, Side, TimeInForce

D = Decimal
SYMBOLS = {BACKPACK: "ETH_USDC_PERP", GRVT: "ETH_USDT_Perp"}


class Hedger:
    """Opens on one venue, hedges what was filled on the other, holds, and closes the same way."""

    def __init__(self, seed: int, primary: str = BACKPACK) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.world = World(PaperSettings(seed=seed), clock=self.clock)
        self.primary = primary
        self.hedge = GRVT if primary == BACKPACK else BACKPACK
        self.missed = 0

    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)
        self.world.tick()

    def take(self, venue: str, side: Side, size: Decimal) -> PaperOrder:
        exchange = self.world.exchanges[venue]
        ticker = exchange.ticker(SYMBOLS[venue])
        touch = ticker.ask if side is Side.BUY else ticker.bid
        cap = exchange.instrument(SYMBOLS[venue]).cap_price(touch * (1 + 5 * BPS * side.sign), side)
        self.wait(0.01)
        return exchange.submit(
            OrderRequest(
                account="main",
                symbol=SYMBOLS[venue],
                side=side,
                size=size,
                price=cap,
                time_in_force=TimeInForce.IOC,
            )
        )

    def cycles(self, count: int, size: str = "0.5") -> None:
        for number in range(count):
            side = Side.BUY if number % 2 else Side.SELL
            for leg in (side, side.opposite):
                filled = self.take(self.primary, leg, D(size)).executed
                hedged = self.take(self.hedge, leg.opposite, filled).executed
                self.missed += (filled != D(size)) + (hedged != filled)
                self.wait(0.5)

    def judge(self, planned: int) -> Measures:
        scope = scope_of(self.primary, q=D("0.5"), lot=D("0.01"), planned=planned)
        return measure(self.world.ledger.records, scope)


@pytest.mark.parametrize("primary", [BACKPACK, GRVT])
def test_a_sound_hedger_is_judged_sound(primary: str) -> None:
    hedger = Hedger(seed=1, primary=primary)
    hedger.cycles(50)
    verdict = hedger.judge(50)
    assert verdict.sound
    assert (verdict.availability, verdict.orders, hedger.missed) == (D(1), 200, 0)
    assert verdict.naked_q_s.max == D("0.01")


def test_cost_is_the_two_taker_fees_and_less_than_a_bp_of_slippage() -> None:
    hedger = Hedger(seed=2)
    hedger.cycles(20)
    verdict, turnover = hedger.judge(20), D("0.5") * 2500 * 40
    assert 9 < verdict.fees[BACKPACK] / turnover / BPS < 11
    assert 5 < verdict.fees[GRVT] / turnover / BPS < 6
    assert all(0 < cost / turnover / BPS < 1 for cost in verdict.slippage.values())


def test_the_account_agrees_with_the_ledger() -> None:
    hedger = Hedger(seed=3)
    hedger.cycles(5)
    verdict = hedger.judge(5)
    for venue, exchange in hedger.world.exchanges.items():
        assert exchange.positions("main") == []
        summary = exchange.summary("main")
        assert summary.balance == D(100_000) + summary.realized_pnl - verdict.fees[venue]


def test_the_same_seed_gives_the_same_fills() -> None:
    runs = []
    for _ in range(2):
        hedger = Hedger(seed=4)
        hedger.cycles(5)
        runs.append(hedger.judge(5))
    assert runs[0] == runs[1]


def test_a_hook_fires_in_the_cycle_it_names() -> None:
    hedger = Hedger(seed=5)
    faults = hedger.world.faults
    faults.arm(Refuse(connection="grvt", for_s=1, at=At(cycle=3, hook="primary_fill")))
    hedger.cycles(2)
    assert not faults.refusing("grvt/trading")
    hedger.take(BACKPACK, Side.SELL, D("0.5"))
    assert faults.refusing("grvt/trading")


@pytest.mark.parametrize("in_s", [0, 4])
def test_a_funding_that_was_moved_is_booked_for_what_is_held_then(in_s: float) -> None:
    hedger = Hedger(seed=6)
    hedger.take(BACKPACK, Side.BUY, D("0.5"))
    hedger.world.faults.arm(Fund(venue="backpack", in_s=in_s))
    hedger.wait(in_s)
    funded = [record for record in hedger.world.ledger.records if isinstance(record, Funded)]
    assert [(record.venue, record.size) for record in funded] == [(BACKPACK, D("0.5"))]


def test_marks_are_sampled_for_every_contract() -> None:
    hedger = Hedger(seed=6)
    hedger.world.sample_marks()
    marks = [record for record in hedger.world.ledger.records if isinstance(record, Marked)]
    assert len(marks) == 12
    assert hedger.world.venue_of("SOL_USDT_Perp") == GRVT
    assert hedger.world.venue_of("DOGE") is None
