"""Runs a drill: for each seed and trader the venues, the trader, and the verdict."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from drills.compare import compare
from drills.judge import Evidence, decides, judge
from drills.plan import Plan, styled
from drills.result import DRILL_SCHEMA, Report, Result
from drills.scene import Scene
from drills.traders import KETCH, channel_of, trade
from drills.unfold import unfold

_A_CYCLE_S: Final = 3.0  # far more than one takes
_AT_REST_S: Final = 30.0  # and where orders rest until the market comes to them
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
    for plan, trader, style in _programme(order):
        for seed in order.seeds:
            result = run_once(plan, trader, style, seed, order)
            said(result)
            runs.append(result)
    return Report(
        schema=DRILL_SCHEMA,
        drill=order.plan.name,
        about=order.plan.about,
        plan_hash=order.plan.hash,
        passed=all(result.passed for result in runs if decides(result.trader, order.traders)),
        not_reached=tuple(_not_reached(order)),
        runs=tuple(runs),
        comparisons=tuple(compare(runs)),
    )


def run_once(plan: Plan, trader: str, style: str, seed: int, order: Order) -> Result:
    """One trader on one seed. Its files are kept when it failed, or where ``keep`` says."""
    placed = unfold(plan, seed, channel_of(trader))
    folder = _folder(order, f"{plan.name}-{plan.primary}-{style}-{trader}-{seed}")
    began_s = time.monotonic()
    with Scene(plan, seed, placed, folder) as scene:
        ending = trade(trader, scene, _limit_s(plan, [each.injection.lasts_s for each in placed]))
        traffic = scene.traffic()
    evidence = Evidence(
        plan=plan, seed=seed, trader=trader, style=style, placed=placed, records=scene.records(),
        ending=ending, traffic=traffic, duration_s=round(time.monotonic() - began_s, 1),
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


def _not_reached(order: Order) -> Iterator[str]:
    """Faults of the plan that no run of it can have reached."""
    every = [each for seed in order.seeds for each in unfold(order.plan, seed, "socket")]
    placed, numbers = {each.label for each in every}, {each.injection.fault for each in every}
    for each in order.plan.faults:
        if each.elsewhere:
            yield f"{each.label} ({each.elsewhere})"
        elif each.label not in placed:
            drawn = each.fault in numbers
            yield f"{each.label} ({'not drawn on' if drawn else 'too few cycles on'} these seeds)"


def _programme(order: Order) -> list[tuple[Plan, str, str]]:
    """Who runs which plan: every trader, and Ketch in each style and with the roles swapped."""
    plan = order.plan
    found: list[tuple[Plan, str, str]] = []
    for style in plan.styles:
        one = styled(plan, style)
        found += [(one, trader, style) for trader in order.traders]
        if plan.swapped_too and KETCH in order.traders:
            found.append((msgspec.structs.replace(one, primary=plan.hedge), KETCH, style))
    return found


def _limit_s(plan: Plan, lasts_s: Sequence[float]) -> float:
    """When a run is given up: well after any that goes on would have ended."""
    rests = "maker" in msgspec.json.encode(plan.settings).decode()
    cycle_s = _AT_REST_S if rests else _A_CYCLE_S
    return plan.cycles * (cycle_s + plan.hold_s + plan.pause_s) + 3 * sum(lasts_s) + _SPARE_S


def _folder(order: Order, name: str) -> Path:
    if order.keep is None:
        return Path(tempfile.mkdtemp(prefix=f"ketch-drill-{name.replace(' ', '-')}-"))
    folder = order.keep / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
