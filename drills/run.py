"""Runs a drill: for each seed and trader the venues, the trader, and the verdict."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from drills.judge import Evidence, decides, judge
from drills.plan import Plan
from drills.result import DRILL_SCHEMA, Report, Result
from drills.scene import Scene
from drills.traders import KETCH, channel_of, trade
from drills.unfold import unfold

_A_CYCLE_S: Final = 3.0  # far more than one takes
_SPARE_S: Final = 120.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. ``replay`` is the command line without seeds; ``keep`` is for files."""

    plan: Plan
    seeds: tuple[int, ...]
    traders: tuple[str, ...]
    replay: str
    keep: Path | None = None


def run(order: Order, said: Callable[[Result], None]) -> Report:
    """All runs, one after the other; ``said`` hears each as it ends."""
    runs = []
    for plan, trader in _programme(order):
        for seed in order.seeds:
            result = run_once(plan, trader, seed, order)
            said(result)
            runs.append(result)
    return Report(
        schema=DRILL_SCHEMA,
        drill=order.plan.name,
        about=order.plan.about,
        plan_hash=order.plan.hash,
        passed=all(result.passed for result in runs if decides(result.trader, order.traders)),
        not_reached=tuple(
            f"{each.label} ({each.elsewhere})" for each in order.plan.faults if each.elsewhere
        ),
        runs=tuple(runs),
    )


def run_once(plan: Plan, trader: str, seed: int, order: Order) -> Result:
    """One trader on one seed. Its files are kept when it failed, or where ``keep`` says."""
    placed = unfold(plan, seed, channel_of(trader))
    folder = _folder(order, plan, trader, seed)
    began_s = time.monotonic()
    with Scene(plan, seed, placed, folder) as scene:
        ending = trade(trader, scene, _limit_s(plan, [each.injection.lasts_s for each in placed]))
    evidence = Evidence(
        plan=plan, seed=seed, trader=trader, placed=placed, records=scene.records(),
        ending=ending, duration_s=round(time.monotonic() - began_s, 1),
        replay=f"{order.replay} --seed {seed}" + ("" if trader == KETCH else f" --only {trader}"),
    )  # fmt: skip
    result = judge(evidence)
    if order.keep is None and result.passed:
        shutil.rmtree(folder, ignore_errors=True)
    elif not result.passed and decides(trader, order.traders):
        return msgspec.structs.replace(
            result, failures=(*result.failures, f"ledger and log: {folder}")
        )
    return result


def _programme(order: Order) -> list[tuple[Plan, str]]:
    plan = order.plan
    found = [(plan, trader) for trader in order.traders]
    if plan.swapped_too and KETCH in order.traders:
        found.append((msgspec.structs.replace(plan, primary=plan.hedge), KETCH))
    return found


def _limit_s(plan: Plan, lasts_s: Sequence[float]) -> float:
    """When a run is given up: well after any that goes on would have ended."""
    return plan.cycles * (_A_CYCLE_S + plan.hold_s + plan.pause_s) + 3 * sum(lasts_s) + _SPARE_S


def _folder(order: Order, plan: Plan, trader: str, seed: int) -> Path:
    name = f"{plan.name}-{plan.primary}-{trader}-{seed}"
    if order.keep is None:
        return Path(tempfile.mkdtemp(prefix=f"ketch-drill-{name}-"))
    folder = order.keep / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
