"""Real trees for supervision tests: actors that do what a test tells them, and ways to wait.

Nothing here sleeps: tests wait for a status, an event or an answer, with a bound that only a
failure ever reaches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supervision.actor import ActorContext, SupervisedActor
from supervision.clock import MonotonicClock
from supervision.directory import Directory
from supervision.policy import Backoff, Boot, Intensity, Policy
from supervision.root import RootHandle, start_root
from supervision.spec import AnySpec, ChildSpec, ErrorKeys, SupervisorSpec
from supervision.states import ChildState, ExitKind, StatusMessage

BOUND_S = 10.0
RETRY = Backoff(initial=0.2, factor=1, max=0.2, jitter=0)


class Puppet(SupervisedActor):
    """Runs whatever callable it is sent, and answers with the result.

    ``on_birth`` are callables run in ``on_start``, one per instance, the last one again and again.
    """

    births: list[Callable[[Puppet], object]]
    exits: list[ExitKind]

    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self.births = []
        self.exits = []
        self.released = threading.Event()

    def on_start(self) -> None:
        if self.births:
            self.births[min(self.epoch, len(self.births)) - 1](self)

    def on_message(self, message: object) -> object:
        return message(self) if callable(message) else message

    def on_interrupt(self) -> None:
        self.released.set()

    def on_exit(self, kind: ExitKind) -> None:
        self.released.set()
        self.exits.append(kind)


class Stage:
    """A directory, the statuses that were published, and the actors that were built."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.statuses: list[StatusMessage] = []
        self.actors: dict[tuple[str, int], Puppet] = {}
        self.exits: list[ExitKind] = []
        self.exit_codes: list[int] = []
        self._changed = threading.Condition()
        self.directory.subscribe("", self._note)

    def _note(self, status: StatusMessage) -> None:
        with self._changed:
            self.statuses.append(status)
            self._changed.notify_all()

    def spec(
        self,
        child_id: str,
        *births: Callable[[Puppet], object],
        construct: Callable[[ActorContext], object] | None = None,
        kind: type[Puppet] = Puppet,
        **policy: object,
    ) -> ChildSpec:
        """A puppet of some ``kind``; ``construct`` runs before each instance is built."""

        def build(context: ActorContext) -> SupervisedActor:
            if construct is not None:
                construct(context)
            actor = kind(context)
            actor.births, actor.exits = list(births), self.exits
            self.actors[(context.name, context.epoch)] = actor
            return actor

        fields: dict[str, object] = {"backoff": RETRY, "boot": Boot.OPTIONAL, **policy}
        return ChildSpec(child_id, build, Policy(**fields))  # type: ignore[arg-type]

    def wait(self, name: str, state: ChildState, epoch: int = 0) -> StatusMessage:
        """The first status of ``name`` in ``state`` (of ``epoch``), already seen or to come."""
        found: list[StatusMessage] = []

        def seen() -> bool:
            found[:] = [
                s
                for s in self.statuses
                if s.name == name and s.state is state and epoch in (0, s.epoch)
            ]
            return bool(found)

        with self._changed:
            assert self._changed.wait_for(seen, BOUND_S), f"{name} never {state} #{epoch}"
        return found[0]

    def stream(self, name: str) -> list[tuple[str, int]]:
        """(state, epoch) of every status of ``name`` so far."""
        return [(s.state.value, s.epoch) for s in self.statuses if s.name == name]

    def tell(self, name: str, do: Callable[[Puppet], object]) -> None:
        """Have the puppet run ``do``, told."""
        self.directory.address(name).tell(do)

    def ask(self, name: str, do: Callable[[Puppet], object], timeout_s: float = BOUND_S) -> object:
        """Have the puppet run ``do``, asked."""
        answer: object = self.directory.address(name).ask(do, timeout_s=timeout_s)
        return answer

    @contextmanager
    def tree(
        self, *children: AnySpec, error_keys: ErrorKeys | None = None, **fields: object
    ) -> Iterator[RootHandle]:
        """A running tree over ``children``, booted, and stopped at the end."""
        outer: dict[str, object] = {"intensity": Intensity(100, 60), **fields}
        spec = SupervisorSpec("root", children, **outer)  # type: ignore[arg-type]
        handle = start_root(
            spec,
            directory=self.directory,
            clock=MonotonicClock(),
            on_exit=self.exit_codes.append,
            error_keys=error_keys,
        )
        try:
            yield handle
        finally:
            for actor in tuple(self.actors.values()):
                actor.released.set()
            handle.stop()
            assert handle.wait(BOUND_S) is not None


def threads_of(name: str) -> list[threading.Thread]:
    """The live threads of every instance of ``name``."""
    return [t for t in threading.enumerate() if t.name.startswith(f"{name}#")]


def joined(name: str, epoch: int) -> bool:
    """Wait until no thread of this instance is left."""
    threads = [t for t in threading.enumerate() if t.name.split(":")[0] == f"{name}#{epoch}"]
    for thread in threads:
        thread.join(BOUND_S)
    return not any(t.is_alive() for t in threads)


def hang(entered: threading.Event, go_on: threading.Event) -> Callable[[Puppet], object]:
    """What keeps a puppet in one message: it says that it is in it, and waits."""

    def handle(puppet: Puppet) -> None:
        entered.set()
        go_on.wait(BOUND_S)

    return handle
