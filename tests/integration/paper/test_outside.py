"""What others do to an account or a process during a drill, and the moments it is armed on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from paper.records import FaultHit, Filled, Manual
from tests.support.paper_faults import ALL_ENDPOINTS, Drill, arguments
from tests.support.paper_process import BACKPACK_ETH, WAIT_S, Hedger, Process
from venues.model import Side

GRVT_ETH = "ETH_USDT_Perp"


@pytest.fixture
def drill() -> Iterator[Drill]:
    with Process("--seed", "11", "--settings", '{"signals":true}') as process:
        yield Drill(process)


def position(drill: Drill, venue: str) -> list[float]:
    return [float(row["size"]) for row in drill.accounts(venue)["positions"]]


def verdict(drill: Drill, planned: int) -> tuple[int, list[object], float]:
    judged = drill.process.get(f"/measures?primary=backpack&planned={planned}")
    broken = [
        *judged["duplicates"], *judged["orphans"], *judged["position_errors"], *judged["flips"]
    ]  # fmt: skip
    return judged["completed"], broken, float(judged["net"])


def test_a_trade_by_hand_moves_the_account_and_is_not_held_against_the_trader(
    drill: Drill,
) -> None:
    trader = Hedger(drill.process)
    at = drill.at("primary_fill")
    hand = {"venue": "backpack", "symbol": BACKPACK_ETH, "side": "buy", "size": "0.3"}
    drill.arm("trade", **hand, at=at)
    trader.open_and_close()
    (said,) = drill.wait_hits()
    executed, _, wanted = said.partition(": ")[2].partition(" of ")
    assert float(executed) == float(wanted) == 0.3
    assert position(drill, "backpack") == [0.3]
    assert verdict(drill, 1) == (1, [], 0.0)
    assert [record.venue for record in drill.records() if isinstance(record, Manual)] == [
        "backpack"
    ]
    trader.close()


def test_a_foreign_order_rests_under_an_id_of_its_own_until_somebody_cancels_it(
    drill: Drill,
) -> None:
    drill.arm(
        "trade", venue="grvt", symbol=GRVT_ETH, side="buy", size="0.1", price="2400",
        client_order_id=77,
    )  # fmt: skip
    (order,) = drill.accounts("grvt")["open_orders"]
    assert (order["client_order_id"], float(order["price"])) == (77, 2400)
    drill.arm("cancel", venue="grvt")
    assert drill.accounts("grvt")["open_orders"] == []
    assert drill.wait_hits(2)[1] == "1 cancelled"


def test_a_part_of_a_position_is_liquidated_by_force(drill: Drill) -> None:
    trade = {"venue": "backpack", "symbol": BACKPACK_ETH, "side": "buy", "size": "1"}
    drill.arm("trade", **trade)
    drill.arm("liquidate", venue="backpack", part=0.3)
    assert position(drill, "backpack") == [0.7]
    drill.arm("liquidate", venue="backpack")
    assert position(drill, "backpack") == []


def test_resting_orders_are_taken_in_parts_and_in_pieces(drill: Drill) -> None:
    trade = {"venue": "backpack", "symbol": BACKPACK_ETH, "side": "buy", "size": "2"}
    drill.arm("trade", **trade, price="2400")
    drill.arm("take", venue="backpack", part=0.5, pieces=5)
    assert position(drill, "backpack") == [1.0]
    drill.arm("take", venue="backpack")
    assert position(drill, "backpack") == [2.0]
    fills = [record for record in drill.records() if isinstance(record, Filled)]
    assert [float(fill.size) for fill in fills] == [0.2] * 5 + [1.0]


def test_another_leverage_makes_an_order_too_large(drill: Drill) -> None:
    drill.arm("leverage", venue="grvt", leverage=1)
    trade = {"venue": "grvt", "symbol": GRVT_ETH, "side": "buy"}
    drill.arm("trade", **trade, size="60", price="2400")
    drill.arm("trade", **trade, size="1", price="2400")
    details = drill.wait_hits(3)
    assert details[:2] == ["leverage 1", "refused: margin"]
    assert details[2].endswith("0 of 1")


def test_money_leaves_the_account(drill: Drill) -> None:
    drill.arm("withdraw", venue="grvt", amount="60000")
    assert float(drill.accounts("grvt")["summary"]["equity"]) == 40_000


def test_an_account_may_hold_something_from_the_start() -> None:
    settings = {"grvt": {"start_positions": {GRVT_ETH: "-1.5"}}}
    with Process(*arguments(seed=3, **settings)) as process:
        assert position(Drill(process), "grvt") == [-1.5]
    refused = Process(*arguments(grvt={"start_positions": {"DOGE": "1"}}))
    refused.child.communicate(timeout=WAIT_S)
    assert refused.child.returncode == 78
    assert "start_positions: DOGE" in refused.said()


def test_a_process_is_killed_at_the_very_fill(drill: Drill) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    trader = Hedger(drill.process)
    drill.arm("signal", pid=victim.pid, signal="kill", at=drill.at("primary_fill"))
    trader.primary(Side.BUY)
    assert victim.wait(WAIT_S) == -signal.SIGKILL
    assert drill.wait_hits() == ["sent"]
    drill.arm("signal", pid=victim.pid, signal="term")
    assert drill.wait_hits()[0].startswith("not sent")
    trader.close()
    if victim.stdin is not None:
        victim.stdin.close()


def test_a_process_is_stopped_for_a_time(drill: Drill) -> None:
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    pipes = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", echo], stdin=pipes, stdout=pipes) as victim:
        assert victim.stdin is not None
        assert victim.stdout is not None
        victim.stdin.write(b"up\n")
        victim.stdin.flush()
        assert victim.stdout.readline() == b"up\n"
        started = time.monotonic()
        drill.arm("signal", pid=victim.pid, signal="stop", for_s=0.2)
        victim.stdin.write(b"asleep\n")
        victim.stdin.flush()
        assert victim.stdout.readline() == b"asleep\n"
        assert time.monotonic() - started >= 0.19


def test_what_cannot_be_done_is_refused_with_the_reason() -> None:
    with Process() as process:
        drill = Drill(process)
        assert '"signals": true' in drill.refused("signal", pid=99_999)
        assert "no contract 'DOGE'" in drill.refused(
            "trade", venue="grvt", symbol="DOGE", side="buy", size="1"
        )
        assert "no account 'x'" in drill.refused("cancel", venue="grvt", account="x")
        assert "$.at.hook" in drill.refused("mark", at={"hook": "lunch"})


def test_every_moment_of_a_cycle_can_be_waited_for(drill: Drill) -> None:
    trader = Hedger(drill.process)
    hooks = ("primary_recv", "primary_fill", "primary_before_reply", "hedge_recv")
    for hook in (*hooks, "hedge_before_reply"):
        drill.arm("mark", name=hook, at=drill.at(hook))
    drill.arm("mark", name="upgrade", at={"hook": "ws_upgrade", "venue": "backpack"})
    trader.open_feed().close()
    trader.open_and_close()
    assert drill.wait_hits(6) == ["upgrade", *hooks, "hedge_before_reply"]
    kinds = [record.detail for record in drill.records() if isinstance(record, FaultHit)]
    assert kinds == ["upgrade", *hooks, "hedge_before_reply"]
    trader.close()


def test_with_every_endpoint_behind_the_proxy_a_cycle_is_as_sound_as_without() -> None:
    with Process(*arguments(*ALL_ENDPOINTS, seed=4)) as process:
        drill, trader = Drill(process), Hedger(process)
        trader.open_and_close()
        assert verdict(drill, 1) == (1, [], 0.0)
        drill.arm("rst", connection="grvt/trading")
        assert drill.wait_hits() == ["grvt/trading"]
        trader.close()
