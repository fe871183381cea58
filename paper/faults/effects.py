"""The faults that are acting now: how often and for how long they still do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

from paper.faults.base import ConnectionFault, Counted, Fault

_Timed = TypeVar("_Timed", bound=ConnectionFault)
_Uses = TypeVar("_Uses", bound=Counted)
_SCALE: Final = 2**64


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A fault really met something. ``detail`` says what came of it (``executed``)."""

    fault: Fault
    detail: str = ""


class _Acting(msgspec.Struct):
    """A fault that acts until ``until`` (monotonic seconds), ``left`` times more, both if given."""

    number: int
    fault: ConnectionFault
    until: float | None
    left: int | None
    skip: int
    seen: int = 0


class Effects:
    """Faults that lie in wait for requests, frames or reads. Loop thread only.

    Which matches a ``share`` below 1 hits, and what a seeded truth is, follows from the seed, the
    fault's place among all and the count of its matches: never from anything else.
    """

    def __init__(
        self, clock: Callable[[], float], seed: int, on_hit: Callable[[Hit], None]
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._on_hit = on_hit
        self._taken = ""
        self._acting: list[_Acting] = []

    def add(self, fault: ConnectionFault, number: int) -> None:
        """From now on it acts; ``number`` is its place among all that were armed."""
        for_s: float | None = getattr(fault, "for_s", None)
        until = None if for_s is None else self._clock() + for_s
        uses = fault.uses if isinstance(fault, Counted) else None
        skip = fault.skip if isinstance(fault, Counted) else 0
        self._acting.append(_Acting(number, fault, until, uses, skip))

    def clear(self) -> None:
        """Forget all of them."""
        self._acting.clear()

    def lasting(self, kind: type[_Timed], connection: str) -> list[_Timed]:
        """The faults of a kind that act on a connection now; using one changes nothing."""
        return [fault for acting in self._on() if (fault := _as(acting, kind, connection))]

    def take(
        self, kind: type[_Uses], connection: str, matches: Callable[[_Uses], bool]
    ) -> _Uses | None:
        """Use the oldest fault of a kind that hits this; None when there is none.

        Tell ``hit`` what came of it.
        """
        for acting in self._on():
            fault = _as(acting, kind, connection)
            if fault is None or not matches(fault):
                continue
            acting.seen += 1
            if acting.seen <= acting.skip or not self._drawn(acting, fault.share):
                continue
            self._taken = f"{acting.number}|{acting.seen}"
            if acting.left is not None:
                acting.left -= 1
                if not acting.left:
                    self._acting.remove(acting)
            return fault
        return None

    def hit(self, fault: Fault, detail: str = "") -> None:
        """Report that a fault which was taken has done its work."""
        self._on_hit(Hit(fault=fault, detail=detail))

    def met(self, fault: ConnectionFault, detail: str) -> None:
        """Report, once, that a fault which lasts has touched something."""
        for acting in self._acting:
            if acting.fault is fault and not acting.seen:
                acting.seen = 1
                self.hit(fault, detail)

    def truth(self) -> bool:
        """A seeded coin for the fault that was taken last: each use has its own."""
        return self._draw(f"truth|{self._taken}") < 0.5

    def _drawn(self, acting: _Acting, share: float) -> bool:
        return share >= 1 or self._draw(f"share|{acting.number}|{acting.seen}") < share

    def _draw(self, text: str) -> float:
        digest = hashlib.blake2b(f"{self._seed}|{text}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / _SCALE

    def _on(self) -> Iterator[_Acting]:
        if not self._acting:
            return iter(())
        now = self._clock()
        self._acting = [
            acting for acting in self._acting if acting.until is None or acting.until > now
        ]
        return iter(tuple(self._acting))


def hits(name: str, connection: str) -> bool:
    """True when a fault of that name is one of this connection."""
    return connection == name or connection.startswith(f"{name}/")


def _as(acting: _Acting, kind: type[_Timed], connection: str) -> _Timed | None:
    fault = acting.fault
    return fault if isinstance(fault, kind) and hits(fault.connection, connection) else None
