"""How much of the time the machine kept from who wanted to run.

The limits of docs/faults.md are those of a machine that has a core to spare. A busy one, such as
one that runs four tests on two cores, delays every step of a recovery; what it took is allowed on
top. It is measured in a process of its own, so that nothing the service does to itself counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

_TICK_S: Final = 0.02
_METRONOME: Final = """
import json, select, sys, time
tick_s = float(sys.argv[1])
late = []
while True:
    began_s = time.monotonic()
    if select.select([0], [], [], tick_s)[0]:
        if not sys.stdin.readline():
            break
        print(json.dumps(late), flush=True)
        continue
    now_s = time.monotonic()
    late.append((began_s, max(0.0, now_s - began_s - tick_s)))
"""


class Starvation:
    """Measures for the length of a ``with`` block."""

    def __init__(self) -> None:
        command = (sys.executable, "-I", "-S", "-c", _METRONOME, str(_TICK_S))
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Starvation:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def worst_s(self, within_s: float) -> float:
        """The most that was lost so far in any stretch of ``within_s`` seconds."""
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write("\n")
        asked.flush()
        return worst_stretch_s(
            [(at_s, late_s) for at_s, late_s in json.loads(told.readline())], within_s
        )


def worst_stretch_s(late: list[tuple[float, float]], within_s: float) -> float:
    """The largest sum of what was ``late`` (when, by how much) within so many seconds."""
    worst_s = sum_s = 0.0
    oldest = 0
    for began_s, late_s in late:
        sum_s += late_s
        while began_s - late[oldest][0] > within_s:
            sum_s -= late[oldest][1]
            oldest += 1
        worst_s = max(worst_s, sum_s)
    return worst_s
