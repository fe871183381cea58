"""Who trades in a drill: the service as it is installed, or a program that it is compared with.

Each is started as a process, with the venues' line in a file. Its own words judge nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

import cli
from cli.exits import ABANDONED, CONFIGURATION, DONE, GAVE_UP, HALTED, UNEXPECTED
from drills.plan import Plan
from drills.scene import Scene
from drills.unfold import Channel
from venues.model import BACKPACK, GRVT

KETCH: Final = "ketch"
BASELINES: Final = tuple(
    f"{client}-{policy}"
    for client in ("sync", "pro", "ws")
    for policy in ("published", "marked", "careful")
)
_SYMBOLS: Final = {GRVT: "ETH_USDT_Perp", BACKPACK: "ETH_USDC_PERP"}
_HOME: Final = Path(cli.__file__).resolve().parent.parent
_BROKEN: Final = (UNEXPECTED, GAVE_UP, ABANDONED, CONFIGURATION)
_AGAIN_S: Final = 1.0  # between a process that was killed and the next one
_STOP_S: Final = 30.0
_POLL_S: Final = 0.05


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a trader came to its end: its last exit code, its lives, and what is wrong with that."""

    exit_code: int
    lives: int
    failure: str = ""


def channel_of(trader: str) -> Channel:
    """How its GRVT orders travel."""
    return "rest" if trader.startswith(("sync-", "pro-")) else "socket"


def trade(trader: str, scene: Scene, limit_s: float) -> Ending:
    """Have it trade the plan's cycles; killed processes are started again, halted desks resumed.

    Blocks until it has ended, or for ``limit_s``: then it is told to stop.
    """
    return _Lives(trader, scene, time.monotonic() + limit_s).live()


class _Lives:
    """One trader, from its first process to its last."""

    def __init__(self, trader: str, scene: Scene, due_s: float) -> None:
        self._trader = trader
        self._scene = scene
        self._due_s = due_s
        self._lives = 0
        self._mended = 0

    def live(self) -> Ending:
        """Start it, and again for as long as its ends are the drill's doing."""
        plan, resume = self._scene.plan, False
        while True:
            left = plan.cycles - self._scene.cycle()
            if self._lives and left <= 0:
                left = 1  # what a killed process left behind is settled by another one
            code = self._process(left, resume=resume)
            if code is None:
                return self._end(UNEXPECTED, "it did not end in time")
            over = self._scene.cycle() >= plan.cycles
            if code == HALTED and self._mend():
                resume = True
            elif code >= 0 or self._trader != KETCH:
                return self._end(code, _complaint(code, self._trader))
            if over and code >= 0:
                return self._end(DONE, "")

    def _process(self, left: int, *, resume: bool) -> int | None:
        """One life; its exit code, or None when it had to be ended."""
        if self._lives:
            time.sleep(_AGAIN_S)
        self._lives += 1
        with _started(command(self._trader, self._scene, left, resume), self._scene) as child:
            self._scene.trader_started(child.pid)
            while child.poll() is None and time.monotonic() < self._due_s:
                try:
                    child.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
            if child.poll() is not None:
                return child.returncode
            child.terminate()
            return None

    def _mend(self) -> bool:
        """A halt that a fault demands: undo what was done by hand. False for any other halt."""
        fired = {fault["at"]["cycle"] for fault in self._scene.fired() if fault["at"]}
        halting = [p for p in self._scene.placed if p.injection.halts and p.cycle in fired]
        if self._trader != KETCH or len(halting) <= self._mended:
            return False
        for placed in halting[self._mended :]:
            for fault in placed.injection.mend:
                self._scene.arm(fault)
        self._mended = len(halting)
        return True

    def _end(self, code: int, failure: str) -> Ending:
        return Ending(exit_code=code, lives=self._lives, failure=failure)


def command(trader: str, scene: Scene, cycles: int, resume: bool) -> list[str]:
    """The command line of a life with so many cycles."""
    plan = scene.plan
    if trader != KETCH:
        client, _, policy = trader.partition("-")
        return [
            sys.executable, "-m", "benchmarks.baselines", "--client", client, "--policy", policy,
            "--venue", str(scene.venue), "--cycles", str(cycles), "--size", str(plan.size),
            "--primary", plan.primary, "--hold", str(plan.hold_s), "--pause", str(plan.pause_s),
        ]  # fmt: skip
    options = [part for setting in _overrides(plan) for part in ("-o", setting)]
    return [
        sys.executable, str(_HOME / "main.py"), "run", "--venue", str(scene.venue),
        "--cycles", str(cycles), *(["--resume"] if resume else []), *options,
    ]  # fmt: skip


def _overrides(plan: Plan) -> Iterator[str]:
    for role, venue in (("primary", plan.primary), ("hedge", plan.hedge)):
        yield f"desks.eth.{role}={{venue: {venue}, symbol: {_SYMBOLS[venue]}}}"
    yield f"desks.eth.size={plan.size}"
    yield f"desks.eth.hold_s={plan.hold_s}"
    yield f"desks.eth.pause_s={plan.pause_s}"
    for name, value in _flat(plan.settings, ""):
        yield f"{name}={value}"


def _flat(tree: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", msgspec.json.encode(value).decode().strip('"')


@contextmanager
def _started(arguments: list[str], scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    """The process, in an environment without settings or keys of ours; it ends with the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KETCH_")}
    unset = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"), "")
    path = os.pathsep.join(filter(None, [str(_HOME), os.environ.get("PYTHONPATH", "")]))
    own = {"XDG_STATE_HOME": str(scene.folder), "PYTHONPATH": path, "COLUMNS": "120"}
    with (scene.folder / "log").open("ab") as log:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=kept | unset | own,
            start_new_session=True,  # a Ctrl-C is for the drill, which then ends it in order
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _complaint(code: int, trader: str) -> str:
    """What an exit code says against the trader; the ledger says the rest."""
    if trader != KETCH or code not in (*_BROKEN, HALTED):
        return ""
    return "it halted where nothing demands that" if code == HALTED else f"it ended with {code}"
