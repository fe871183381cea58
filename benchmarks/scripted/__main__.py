"""The scripted venues' process: prints its ports, then carries out one command a line of stdin.

It ends with its standard input.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from benchmarks.scripted.venues import Venues


def main() -> None:
    """Serve until stdin ends."""
    venues = Venues()
    _say(venues.ports)
    for line in sys.stdin.buffer:
        command: dict[str, Any] = msgspec.json.decode(line)
        name = command.pop("do")
        _say(venues.fills(**command) if name == "fills" else venues.kill(**command))


def _say(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
