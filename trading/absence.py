"""The proof that an order never reached its venue, or is known there no more. Pure.

Absence is proven by all evidence agreeing twice, asked for after the order can no longer execute:
the order query, the fill history and the position. How long after depends on what can be trusted.

- *Histories* lag: the venue's settle time has to be over. This is the rule that always holds.
- *Live* evidence does not: if the feed has been up since before the order was written, the position
  was known then and is exactly what other orders explain, and no other order of the symbol is open,
  then an execution would have shown twice, in the feed and in the position, which both come from
  the engine and not from a history. Then a short time is enough.
"""

from __future__ import annotations

from typing import Final

_PROOFS: Final = 2


class Proof:
    """What speaks for it that the venue does not have an order that can no longer execute.

    All count from the first time that the venue, asked late enough, did not know it: answers
    "unknown", fill histories read, and positions read that it is not a part of.
    """

    __slots__ = ("fills_read", "positions_read", "times")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The venue does know it."""
        self.times = self.fills_read = self.positions_read = 0

    def position_read(self, *, speaks_for: bool) -> None:
        """A position was read; one that speaks against it starts the count anew."""
        if self.times:
            self.positions_read = self.positions_read + 1 if speaks_for else 0

    @property
    def complete(self) -> bool:
        """True when all evidence has agreed twice: one of each may have been under way before."""
        return min(self.times - 1, self.fills_read, self.positions_read) >= _PROOFS


class Absence:
    """The two ways to the proof, and when (monotonic) the order was last asked for."""

    __slots__ = ("asked_s", "live", "settled")

    def __init__(self) -> None:
        self.asked_s = float("-inf")
        self.live = Proof()
        self.settled = Proof()

    def reset(self) -> None:
        """The venue does know it."""
        self.live.reset()
        self.settled.reset()

    def fills_read(self) -> None:
        """A fill history was read that has nothing new of it."""
        for proof in (self.live, self.settled):
            proof.fills_read += proof.times > 0

    def position_read(self, *, possible: bool, exact: bool) -> None:
        """A position was read: the order may be a part of it, or others explain it exactly."""
        self.settled.position_read(speaks_for=not possible)
        self.live.position_read(speaks_for=exact)

    @property
    def proven(self) -> bool:
        """True when one of the two ways has led to its end."""
        return self.live.complete or self.settled.complete
