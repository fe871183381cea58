"""Fault injector loaded into the service's process, for what nothing outside can cause.

It shifts the process's clock, breaks name resolution, kills or hangs an actor. Started in the place
of ``main.py`` when a plan asks for that; what it is to do comes over standard input, a line each:
``clock 5 3600``, ``names 5 fails``, ``part 5 hangs grvt/orders SubmitOrder`` (for how long comes
second). This is the only file of the drills that runs in the service, and knows its inside.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from supervision.actor import SupervisedActor

NAMED: Final = "localhost"
"""The host that has a name (``drills.scene``); all else of the venues is an address."""
_ADDRESS: Final = "127.0.0.1"
_NS_PER_S: Final = 1_000_000_000


class Trouble(RuntimeError):
    """What a part dies of."""


class Clock:
    """The system's clock, which can be wrong. Durations come from another, and stay right."""

    def __init__(self, real_ns: Callable[[], int]) -> None:
        self._real_ns = real_ns
        self._ahead_ns = 0

    def time_ns(self) -> int:
        """In the place of ``time.time_ns``."""
        return self._real_ns() + self._ahead_ns

    def time(self) -> float:
        """In the place of ``time.time``."""
        return self.time_ns() / _NS_PER_S

    def jump(self, by_s: float) -> None:
        """It is ahead (behind) by that from now on."""
        self._ahead_ns = int(by_s * _NS_PER_S)


class Names:
    """The name server: it knows one name, as long as it answers."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self._how = ""
        self._answers = threading.Event()

    def look_up(self, host: str, *rest: Any, **more: Any) -> Any:
        """In the place of ``socket.getaddrinfo``."""
        how = self._how
        if host == NAMED and how == "fails":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host == NAMED and how == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == NAMED and how == "hangs":
            self._answers.wait()
        return self._real(_ADDRESS if host == NAMED else host, *rest, **more)

    def fail(self, how: str) -> None:
        """It ``fails``, it does not know the name, it ``hangs``."""
        self._answers.clear()
        self._how = how

    def heal(self) -> None:
        """It answers, also what was asked before."""
        self._how = ""
        self._answers.set()


class Parts:
    """The actors, of which one may die of its next message of a kind, or hang in it."""

    def __init__(self, real: Callable[[SupervisedActor, Any], Any]) -> None:
        self._real = real
        self._lock = threading.Lock()
        self._wanted: tuple[str, str, str] | None = None
        self._over = threading.Event()

    def receive(self, actor: SupervisedActor, message: Any) -> Any:
        """In the place of what hands an actor its messages."""
        if self._wanted is not None:
            self._meet(actor, type(message).__name__)
        return self._real(actor, message)

    def want(self, how: str, name: str, kind: str) -> None:
        """The part ``name`` ``dies`` of its next message of that ``kind``, or ``hangs`` in it."""
        with self._lock:
            self._over.clear()
            self._wanted = (how, name, kind)

    def let_go(self) -> None:
        """Whoever hangs wakes up, and who has met nothing is spared."""
        with self._lock:
            self._wanted = None
        self._over.set()

    def _meet(self, actor: SupervisedActor, kind: str) -> None:
        with self._lock:
            wanted = self._wanted
            if wanted is None or wanted[1:] != (actor.name, kind):
                return
            self._wanted = None
        how = wanted[0]
        _say(f"part {how} {actor.name} {kind}")
        if how == "dies":
            raise Trouble("the drill lets it die")
        actor.beat()  # the message has begun, for who looks after the actor
        self._over.wait()


class FaultInjector:
    """Does what it is told, and undoes it when its time is over."""

    def __init__(self, clock: Clock, names: Names, parts: Parts) -> None:
        self._clock = clock
        self._names = names
        self._parts = parts

    def obey(self, line: str) -> None:
        """Do what one line says."""
        what, for_s, *words = line.split()
        if what == "clock":
            self._clock.jump(float(words[0]))
            undo: Callable[[], None] = lambda: self._clock.jump(0)  # noqa: E731 - three of a kind
        elif what == "names":
            self._names.fail(words[0])
            undo = self._names.heal
        else:
            self._parts.want(*words)
            undo = self._parts.let_go
        timer = threading.Timer(float(for_s), undo)
        timer.daemon = True
        timer.start()


def main() -> None:
    """Take the places of clock, name resolution and actors, then be the service."""
    clock, names = Clock(time.time_ns), Names(socket.getaddrinfo)
    parts = Parts(SupervisedActor._handle_receive)

    def receive(actor: SupervisedActor, message: Any) -> Any:
        return parts.receive(actor, message)

    for place, name, stand_in in (
        (time, "time_ns", clock.time_ns),
        (time, "time", clock.time),
        (socket, "getaddrinfo", names.look_up),
        (SupervisedActor, "_handle_receive", receive),
    ):
        setattr(place, name, stand_in)
    injector = FaultInjector(clock, names, parts)
    threading.Thread(
        target=_listen, args=(injector,), daemon=True, name="in-process-faults"
    ).start()
    import main as service  # only now: who imports a function by its name gets ours

    service.main()


def _listen(injector: FaultInjector) -> None:
    for line in sys.stdin:
        injector.obey(line)


def _say(text: str) -> None:
    """For the run's log, which the drill keeps."""
    sys.stderr.write(f"drill: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
