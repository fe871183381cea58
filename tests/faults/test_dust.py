"""Fault 30: the primary is filled by less than the hedge's venue takes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper.records import AnyRecord, Filled
from tests.support.faults import seconds
from tests.support.faults_process import Service, service
from tests.support.faults_rules import long
from venues.model import ZERO

LOT = Decimal("0.01")
SETTLED_S = 3.0
FINE = {
    True: {"grvt": {"steps": {"ETH_USDT_Perp": "0.0001"}}},
    False: {
        "backpack": {"steps": {"ETH_USDC_PERP": "0.0001"}},
        "grvt": {"steps": {"ETH_USDT_Perp": "0.001"}},
    },
}
"""Who leads has the finer steps; GRVT's orders are worth 20 at least."""
DUST = pytest.mark.parametrize(
    ("swapped", "part"),
    [
        pytest.param(True, 0.018, id="grvt leads, 0.009 of 0.01"),
        pytest.param(False, 0.0014, id="backpack leads, 0.0007 of 0.001"),
        long(False, 0.014, id="backpack leads, 0.007 is worth less than 20"),
    ],
)


@contextmanager
def dusty(folder: Path, swapped: bool, part: float) -> Iterator[Service]:
    """Cycle 2 is filled by that part of its size, and not by more: its entry is given up."""
    with service(folder, swapped=swapped, **FINE[swapped]) as it:
        the = it.scene
        at = the.at("primary_recv")
        rule: dict[str, Any] = {"connection": the.primary, "of": "increasing", "reason": "ioc"}
        the.arm("deny", part=part, at=at, **rule)
        the.arm("deny", times=2, at=at, **rule)
        yield it


def strays(records: list[AnyRecord]) -> Decimal:
    """The largest |net| that lasted for longer than three seconds."""
    net, since_s, largest = ZERO, 0.0, ZERO
    for record in records:
        if not isinstance(record, Filled) or not record.client_order_id:
            continue
        if seconds(record) - since_s > SETTLED_S:
            largest = max(largest, abs(net))
        net, since_s = net + record.side.sign * record.size, seconds(record)
    return max(largest, abs(net))


@DUST
def test_30_dust_is_carried_and_cleared(tmp_path: Path, swapped: bool, part: float) -> None:
    with dusty(tmp_path, swapped, part) as it:
        with it.life() as life:
            it.scene.met(3)
            life.cycles(2)
            life.child.send_signal(signal.SIGTERM)
            assert life.end() == 0
        assert strays(it.scene.records()) < LOT
        it.scene.judged(naked_q_s=0.5)


@DUST
def test_30_what_is_carried_survives_a_kill(tmp_path: Path, swapped: bool, part: float) -> None:
    with dusty(tmp_path, swapped, part) as it:
        with it.life() as life:
            life.signalled("kill", "primary_recv", 2, nth=3)
            assert life.end() < 0
        with it.life() as life:
            life.cycles(2)
            life.child.send_signal(signal.SIGTERM)
            assert life.end() == 0
        assert strays(it.scene.records()) < LOT
        it.scene.judged(naked_q_s=5)
