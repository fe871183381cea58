"""Three desks at once, one of which can't hedge for a while: the others do not notice.

KETCH_SOAK_CYCLES says how many cycles each has (12); ``make soak-desks`` asks for 200.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import urllib3

from tests.integration.cli.test_control import running
from tests.support.actors import free_port
from tests.support.desks import assert_clean, assert_sound, by_name, three_desks
from tests.support.ledger import Books, money

CYCLES = int(os.environ.get("KETCH_SOAK_CYCLES", "12"))
WORST_Q_S = 2  # with two cores for six processes; `make soak-cycles` measures it without others
OUT_S = 2.0 + CYCLES / 10  # shorter than the others' cycles take together
SYMBOLS = {
    "eth": ("ETH_USDC_PERP", "ETH_USDT_Perp"),
    "btc": ("BTC_USDC_PERP", "BTC_USDT_Perp"),
    "sol": ("SOL_USDC_PERP", "SOL_USDT_Perp"),
}


@pytest.mark.timeout(120 + 6 * CYCLES)
def test_a_market_that_refuses_one_desk_costs_the_others_no_cycle(tmp_path: Path) -> None:
    port, file, ledger = free_port(), tmp_path / "summary.json", tmp_path / "ledger.jsonl"
    arguments = (
        "--cycles", str(CYCLES), "--summary", str(file), "--ledger", str(ledger),
        "-o", "paper.grvt.engine.funding.rate=0", "-o", "paper.backpack.engine.funding.rate=0",
        "-o", f"paper.control_port={port}", *three_desks(tmp_path, ", hedge_deadline_s: 0.5"),
    )  # fmt: skip
    with running(tmp_path, *arguments) as run:
        run.wait_line(f"btc cycle {CYCLES // 4} ")
        fault = {
            "action": "deny", "connection": "grvt", "symbol": "BTC_USDT_Perp", "of": "any",
            "reason": "market", "when": "entry", "for_s": OUT_S,
        }  # fmt: skip
        body = msgspec.json.encode(fault)
        answer = urllib3.request("POST", f"http://127.0.0.1:{port}/faults", body=body)
        assert answer.status == 200, answer.data
        assert run.process.wait(100 + 6 * CYCLES) == 0, run.said
    summary = msgspec.json.decode(file.read_bytes())
    desks = by_name(summary)
    for name in ("eth", "sol"):
        assert_clean(desks[name], CYCLES)
        assert Decimal(desks[name]["verdict"]["naked_q_s"]["max"]) <= WORST_Q_S
    btc = desks["btc"]
    assert_sound(btc)
    assert btc["cycles"].get("unwound", 0) + btc["cycles"].get("abandoned", 0) > 0
    assert btc["cycles"]["completed"] + btc["cycles"].get("unwound", 0) == CYCLES
    assert summary["restarts"] == {}
    for name, desk in desks.items():
        books = Books(ledger, SYMBOLS[name])
        assert money(desk["fees"]) == dict(sorted(books.fees.items()))
        assert Decimal(desk["pnl"]) == books.pnl
