"""A tell between two supervised actors, next to one between two plain pykka actors.

Both as a round trip: one actor sends the number back until it is used up, so each tell wakes the
other actor's thread.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import Final

import pykka

from benchmarks.harness import Figure, interleave, scaled
from supervision.actor import ActorContext, SupervisedActor
from supervision.clock import MonotonicClock
from supervision.directory import Address, Directory
from supervision.root import start_root
from supervision.spec import ChildSpec, SupervisorSpec

_ROUNDS: Final = 41
_TELLS: Final = 400
_WAIT_S: Final = 30.0


class _Supervised(SupervisedActor):
    def __init__(self, context: ActorContext, other: str, done: threading.Event) -> None:
        super().__init__(context)
        self._other: Address = self.address(other)
        self._done = done

    def on_message(self, message: object) -> None:
        assert isinstance(message, int)
        if message:
            self._other.tell(message - 1)
        else:
            self._done.set()


class _Plain(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self._done = done
        self.other: pykka.ActorRef[_Plain] | None = None

    def on_receive(self, message: object) -> None:
        if isinstance(message, pykka.ActorRef):
            self.other = message
        elif message:
            assert isinstance(message, int)
            assert self.other is not None
            self.other.tell(message - 1)
        else:
            self._done.set()


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """Time per tell, in both worlds."""
    done = threading.Event()
    directory = Directory()
    children = tuple(
        ChildSpec(id=name, factory=functools.partial(_Supervised, other=other, done=done))
        for name, other in (("left", "right"), ("right", "left"))
    )
    root = start_root(
        SupervisorSpec(id="root", children=children), directory=directory, clock=MonotonicClock()
    )
    left, right = _Plain.start(done), _Plain.start(done)
    left.tell(right)
    right.tell(left)
    tells = scaled(_TELLS, scale)
    supervised = directory.address("left")

    def ours() -> float:
        began_s = time.perf_counter()
        supervised.tell(tells)
        return _finished(done, began_s, tells)

    def floor() -> float:
        began_s = time.perf_counter()
        left.tell(tells)
        return _finished(done, began_s, tells)

    try:
        root.wait_ready(_WAIT_S)
        pair = interleave(ours, floor, scaled(_ROUNDS, scale))
    finally:
        left.stop()
        right.stop()
        root.stop()
        root.wait(_WAIT_S)
    return (pair.figure("tell between supervised actors / between pykka's", 1.25),)


def _finished(done: threading.Event, began_s: float, tells: int) -> float:
    if not done.wait(_WAIT_S):
        raise TimeoutError(f"{tells} tells not done in {_WAIT_S:g} s")
    done.clear()
    return (time.perf_counter() - began_s) / tells
