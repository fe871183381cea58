"""What ``ketch run`` takes while it holds a position: memory, and share of a core.

Its own process only; the paper venues, which live in another one, are not counted.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import benchmarks
from benchmarks.harness import Bound, Figure

_WATCH_S: Final = 4.0
_SETTLE_S: Final = 2.0
_WAIT_S: Final = 30.0
_SHORTEST_S: Final = 0.5
_HOLDING: Final = "holding"


class NeverHeld(Exception):
    """The service came to no position; ``output`` is the end of what it wrote."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    def __str__(self) -> str:
        return f"ketch run never held a position: {self.output}"


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """Resident memory and processor time over some seconds."""
    watch_s = max(_SHORTEST_S, _WATCH_S * scale)
    with tempfile.TemporaryDirectory(prefix="ketch-bench-") as folder:
        process = _start(folder)
        try:
            _wait_for(process, _HOLDING)
            time.sleep(min(_SETTLE_S, watch_s))
            used_s, began_s = _processor_s(process.pid), time.monotonic()
            time.sleep(watch_s)
            share = (_processor_s(process.pid) - used_s) / (time.monotonic() - began_s)
            resident = _resident_mb(process.pid)
        finally:
            _stop(process)
    return (
        Figure(
            name="idle service, 2 venues, 1 desk: resident",
            measured=resident, unit="MB", limit=120, bound=Bound.VALUE,
        ),
        Figure(
            name="idle service, 2 venues, 1 desk: of a core",
            measured=share * 100, unit="%", limit=3, bound=Bound.VALUE,
        ),
    )  # fmt: skip


def _start(folder: str) -> subprocess.Popen[bytes]:
    home = str(Path(benchmarks.__file__).resolve().parent.parent)
    command = [
        sys.executable, "-m", "main", "run", "--cycles", "1",
        "-o", "desks.eth.hold_s=600", "-o", "log.level=debug",
    ]  # fmt: skip
    unset = ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")
    kept = {k: v for k, v in os.environ.items() if k not in unset and not k.startswith("KETCH_")}
    return subprocess.Popen(
        command,
        cwd=home,
        env=kept | {"XDG_STATE_HOME": folder},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _wait_for(process: subprocess.Popen[bytes], word: str) -> None:
    """Until it has logged ``word``; raises NeverHeld."""
    assert process.stderr is not None
    descriptor = process.stderr.fileno()
    deadline_s = time.monotonic() + _WAIT_S
    logged = ""
    while word not in logged:
        left_s = deadline_s - time.monotonic()
        ready = select.select([descriptor], [], [], max(0.0, left_s))[0]
        data = os.read(descriptor, 65_536) if ready else b""
        if not data:
            raise NeverHeld(logged[-500:])
        logged += data.decode("utf-8", "replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
