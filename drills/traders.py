"""Who trades in a drill: the service as it is installed, or a program that it is compared with.

Each is started as a process, with the venues' line in a file. Its own words judge nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.exits import ABANDONED, CONFIGURATION, DONE, EXPOSED, GAVE_UP, HALTED, UNEXPECTED
from drills.footprint import Footprint, Steps
from drills.host import Host
from drills.plan import Plan
from drills.processes import HOME, started
from drills.scene import Scene
from drills.unfold import Channel, Placed, as_recorded
from venues.model import BACKPACK, GRVT

KETCH: Final = "ketch"
RESTARTED: Final = "-restarted"
BASELINES: Final = tuple(
    f"{client}-{policy}"
    for client in ("sync", "pro", "ws")
    for policy in ("published", "marked", "careful", f"published{RESTARTED}")
)
_SYMBOLS: Final = {GRVT: "ETH_USDT_Perp", BACKPACK: "ETH_USDC_PERP"}
_HALTS: Final = (HALTED, EXPOSED)  # the second where positions are nobody's yet
_BROKEN: Final = (UNEXPECTED, GAVE_UP, ABANDONED, CONFIGURATION)
_BY_HAND, _BY_HAND_S = 5, 10.0  # how often somebody starts a stopped program again, and when
_AGAIN_S: Final = 1.0  # between a process that was killed and the next one
_POLL_S: Final = 0.05
_LOOP, _LOOP_S = 3, 75.0  # so many crashes within a minute and a start, and it only closes


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a trader came to its end: its last exit code, its lives, and what is wrong with that.

    ``halts`` counts those that a fault demanded. ``host`` is what went wrong with what the host
    did, by the name of its mark.
    """

    exit_code: int
    lives: int
    halts: int = 0
    halts_not_demanded: int = 0
    early: Footprint | None = None
    last: Footprint | None = None
    failure: str = ""
    host: dict[str, str] = msgspec.field(default_factory=dict)


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
        self._host = Host(scene.folder, scene.venue, self._again, scene.impostor)
        self._lives = 0
        self._mended: list[Placed] = []
        self._killed_s: list[float] = []
        self._halts = 0
        self._steps = Steps(scene.plan.cycles)

    def live(self) -> Ending:
        """Start it, and again for as long as its ends are the drill's doing."""
        with self._host:
            return self._until_over()

    def _until_over(self) -> Ending:
        cycles, resume = self._scene.plan.cycles, False
        while True:
            # What a killed process left behind is settled by another one, also after the last.
            left = max(1, cycles - self._scene.cycle())
            signalled = self._signals()
            code = self._process(left, resume=resume)
            if code is None:
                return self._end(UNEXPECTED, "it did not end in time")
            over = self._scene.cycle() >= cycles
            told = self._signals() > signalled
            if code in _HALTS and self._may_halt():
                resume = True
                self._halts += 1
                if over:
                    return self._end(DONE, "")
            elif code < 0:
                self._killed_s.append(time.monotonic())
                if not told:
                    return self._end(code, f"it was killed by signal {-code}, which no fault sent")
            elif code and not over and self._by_hand():
                self._pause(_BY_HAND_S)
            elif over or not told:
                return self._end(code, _complaint(code, self._trader))

    def _process(self, left: int, *, resume: bool) -> int | None:
        """One life; its exit code, or None when it had to be ended."""
        if self._lives:
            self._pause(_AGAIN_S)
        self._lives += 1
        scene = self._scene
        in_process = scene.needs_in_process_faults and self._trader == KETCH
        arguments = command(
            self._trader, scene.plan, scene.venue, left, resume=resume, in_process_faults=in_process
        )
        with started(
            arguments, scene.folder, "log", told=in_process, certificate=self._host.certificate
        ) as child:
            while child.poll() is None and time.monotonic() < self._due_s:
                self._scene.arm_signals(child.pid)
                self._host.act(self._scene.marks(), child)
                self._steps.step(child.pid, self._scene.cycle, self._lives)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_POLL_S)
            if child.poll() is None:
                return None
            return child.returncode

    def _again(self, venue: Path, settings: Sequence[str]) -> list[str]:
        """Another copy of it, for a cycle at the venues of that file."""
        more = [part for setting in settings for part in ("-o", setting)]
        return [*command(self._trader, self._scene.plan, venue, 1, resume=False), *more]

    def _pause(self, for_s: float) -> None:
        """Nobody trades meanwhile; never beyond the moment when all of it is given up."""
        self._host.wait(min(for_s, self._due_s - time.monotonic()))

    def _by_hand(self) -> bool:
        """Somebody starts the program again, a few times, where it has stopped."""
        return self._trader.endswith(RESTARTED) and self._lives <= _BY_HAND

    def _signals(self) -> int:
        """How often the venues have sent one that ends a process."""
        ends = ("kill", "term", "int")
        return sum(fault.get("signal") in ends for fault in self._scene.fired())

    def _may_halt(self) -> bool:
        """A halt that a fault demands: what was done by hand is undone. False for any other.

        Three kills within a minute demand one, too: what crashes in a loop must not open anything.
        """
        if self._trader != KETCH:
            return False
        fired = {as_recorded(fault) for fault in self._scene.fired()}
        hit = {as_recorded(fault) for fault in self._scene.hit()}
        halting = [placed for placed in self._scene.placed if placed.injection.halts]
        new = [p for p in halting if p not in self._mended and p.reached(fired, hit)]
        self._mended += new
        for fault in (fault for placed in new for fault in placed.injection.mend):
            self._scene.arm(fault)
        if new:
            return True
        recent = [at_s for at_s in self._killed_s if time.monotonic() - at_s < _LOOP_S]
        return len(recent) >= _LOOP

    def _end(self, code: int, failure: str) -> Ending:
        return Ending(
            exit_code=code, lives=self._lives, failure=failure, host=self._host.failures(),
            halts=self._halts, halts_not_demanded=int(code in _HALTS),
            early=self._steps.early, last=self._steps.last,
        )  # fmt: skip


def command(
    trader: str,
    plan: Plan,
    venue: Path,
    cycles: int,
    *,
    resume: bool,
    in_process_faults: bool = False,
) -> list[str]:
    """The command line of a life with so many cycles, on request with the fault injector."""
    if trader != KETCH:
        client, _, policy = trader.removesuffix(RESTARTED).partition("-")
        return [
            sys.executable, "-m", "benchmarks.baselines", "--client", client, "--policy", policy,
            "--venue", str(venue), "--cycles", str(cycles), "--size", str(plan.size),
            "--primary", plan.primary, "--hold", str(plan.hold_s), "--pause", str(plan.pause_s),
            *(["--close-first"] if trader.endswith(RESTARTED) else []),
        ]  # fmt: skip
    options = [part for setting in _overrides(plan) for part in ("-o", setting)]
    program = ["-m", "drills.in_process_faults"] if in_process_faults else [str(HOME / "main.py")]
    return [
        sys.executable, *program, "run", "--venue", str(venue),
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


def _complaint(code: int, trader: str) -> str:
    """What an exit code says against the trader; the ledger says the rest."""
    if trader != KETCH or code not in (*_BROKEN, *_HALTS):
        return ""
    if code in _HALTS:
        return f"it halted where nothing demands that (exit code {code})"
    return f"it ended with exit code {code}"
