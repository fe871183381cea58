"""The scripted venues' process, as a benchmark sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import msgspec

import benchmarks
from benchmarks.scripted.venues import OURS, Ports

_END_S: Final = 5.0
T = TypeVar("T")


class PeerFailed(Exception):
    """The scripted venues' process ended, or could not do what it was told; it says why itself."""


class Peer:
    """Started by entering, ended by leaving. Not for two threads at once."""

    def __enter__(self) -> Self:
        home = str(Path(benchmarks.__file__).resolve().parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scripted"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
            env=os.environ | {"PYTHONPATH": home},
        )
        with ExitStack() as undo:
            undo.callback(self._end)
            self.ports = self._read(Ports)
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def order_fills(self, of: str, orders: int, pieces: int, pause_s: float) -> None:
        """Have it send fills; ``fills_done`` waits for the end of them."""
        self._write(do="fills", of=of, orders=orders, pieces=pieces, pause_s=pause_s)

    def fills_done(self) -> list[float]:
        """Seconds from each fill written to its hedge read, at the venue."""
        return self._read(list[float])

    def kill(self, of: str = OURS) -> float:
        """End that side's GRVT trading connection; returns the monotonic moment."""
        self._write(do="kill", of=of)
        return self._read(float)

    def _write(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()

    def _read(self, shape: type[T]) -> T:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailed
        return msgspec.json.decode(line, type=shape)

    def _end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
