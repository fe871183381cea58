"""What is drawn by chance in a drill, from the seed, the cycle and the hook: never from a run.

Each draw has a name of its own, so that a trader which asks more often shifts nothing: the same
seed means the same trouble for whoever trades.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

_Any = TypeVar("_Any")
_SCALE: Final = 2**64


def draw(seed: int, cycle: int, hook: str, n: int) -> float:
    """A number in [0, 1) that belongs to the ``n``-th choice at ``hook`` of ``cycle``."""
    text = f"{seed}|{cycle}|{hook}|{n}"
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _SCALE


class Draws:
    """The draws at one hook of one cycle, one after the other."""

    def __init__(self, seed: int, cycle: int, hook: str) -> None:
        self._seed = seed
        self._cycle = cycle
        self._hook = hook
        self._n = 0

    def number(self) -> float:
        """The next draw, in [0, 1)."""
        self._n += 1
        return draw(self._seed, self._cycle, self._hook, self._n)

    def choice(self, things: Sequence[_Any]) -> _Any:
        """One of ``things``, which are not empty."""
        return things[int(self.number() * len(things))]

    def shuffled(self, things: Sequence[_Any]) -> list[_Any]:
        """All of them, in another order."""
        keys = [self.number() for _ in things]
        return [things[place] for place in sorted(range(len(things)), key=keys.__getitem__)]
