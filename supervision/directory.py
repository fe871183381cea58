"""Who is where: names, epochs, addresses, status messages. One per process, outlives supervisors.

Code holds an ``Address``, never an actor: an instance dies, its name stays. A name resolves only
between ready and stop; everything else gets ``Unavailable``, which says when to expect it back.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import pykka
from loguru import logger
from pykka._envelope import Envelope

from supervision.errors import AskTimeout, StaleEpoch, Unavailable
from supervision.events import Event, Faulted
from supervision.inbox import Inbox, InboxClosed
from supervision.states import ChildState, ExitKind, Health, StatusMessage

Watcher: TypeAlias = Callable[[StatusMessage], object]
Sink: TypeAlias = Callable[[Event], None]

MAX_ASK_S = 60.0
_SAMPLES = 8
_LIVE = frozenset({ChildState.STARTING, ChildState.RUNNING, ChildState.HALF_OPEN})


class Binding(msgspec.Struct, frozen=True):
    """What a name resolves to."""

    inbox: Inbox
    epoch: int
    half_open: bool


class DeadLetter(msgspec.Struct, frozen=True):
    """Tells to one name that nobody handled, and the type names of the last few."""

    name: str
    count: int
    samples: tuple[str, ...]


class Address:
    """A name to send to, whoever is behind it. Any thread. Cheap to make and to keep.

    ``guard`` runs before each send; an actor's own addresses raise Fenced there once it has lost
    its rights.
    """

    __slots__ = ("_directory", "_guard", "name")

    def __init__(
        self, directory: Directory, name: str, guard: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self._directory = directory
        self._guard = guard

    def __repr__(self) -> str:
        return f"Address({self.name!r})"

    def tell(
        self, message: object, *, expect_epoch: int | None = None, half_open: bool = False
    ) -> None:
        """Put ``message`` into the present instance's inbox.

        A probe instance takes it only with ``half_open``. Raises Unavailable when nobody is there
        (also when the instance ends at this moment), StaleEpoch when it isn't the expected one.
        """
        self._put(Envelope(message), expect_epoch, half_open)

    def ask(
        self,
        message: object,
        *,
        timeout_s: float = 5.0,
        expect_epoch: int | None = None,
        half_open: bool = False,
    ) -> Any:
        """Send ``message`` and wait for the answer, at most ``timeout_s`` (up to 60) seconds.

        Raises what ``tell`` raises, AskTimeout (the request may still be handled later), and
        whatever the handler raised.
        """
        if not 0 < timeout_s <= MAX_ASK_S:
            raise ValueError(f"timeout_s must be in (0, {MAX_ASK_S:g}]: {timeout_s}")
        future: pykka.ThreadingFuture[Any] = pykka.ThreadingFuture()
        self._put(Envelope(message, reply_to=future), expect_epoch, half_open)
        try:
            return future.get(timeout=timeout_s)
        except pykka.Timeout:
            raise AskTimeout(self.name, type(message).__name__, timeout_s) from None

    def offer(self, message: object) -> bool:
        """Like ``tell``; False instead of Unavailable, and then it is counted as a dead letter."""
        try:
            self.tell(message, half_open=True)
        except Unavailable:
            self._directory.count_dead_letters(self.name, (type(message).__name__,))
            return False
        return True

    def _put(self, envelope: Envelope[Any], expect_epoch: int | None, half_open: bool) -> None:
        if self._guard is not None:
            self._guard()
        binding = self._directory.resolve(self.name)
        if binding is None or (binding.half_open and not half_open):
            raise self._directory.unavailable(self.name)
        if expect_epoch is not None and binding.epoch != expect_epoch:
            raise StaleEpoch(self.name, expect_epoch, binding.epoch)
        try:
            binding.inbox.put(envelope)
        except InboxClosed:
            raise self._directory.unavailable(self.name) from None


class Directory:
    """The process's names. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bindings: dict[str, Binding] = {}
        self._epochs: dict[str, int] = {}
        self._statuses: dict[str, StatusMessage] = {}
        self._seqs: dict[str, int] = {}
        self._watchers: dict[int, tuple[str, Watcher]] = {}
        self._next_watcher = 0
        self._controls: dict[str, Sink] = {}
        self._dead: dict[str, DeadLetter] = {}

    # -- for everybody ------------------------------------------------------------------------

    def address(self, name: str) -> Address:
        """An address for ``name``, which need not exist yet."""
        return Address(self, name)

    def status(self, name: str) -> StatusMessage | None:
        """The last status of ``name``, or None if it is unknown."""
        return self._statuses.get(name)

    def snapshot(self) -> tuple[StatusMessage, ...]:
        """The last status of every known name, in the order in which they first appeared."""
        with self._lock:
            return tuple(self._statuses.values())

    def subscribe(self, prefix: str, watcher: Watcher) -> Callable[[], None]:
        """Hand ``watcher`` the present status of every match, then every change, in order.

        ``prefix`` is a path: "grvt" matches "grvt" and all below, "" everything. The watcher runs
        on the publishing thread, so it may only hand over (``lambda m: address.offer(m)``) and
        never wait. One that raises is removed. Returns the way to unsubscribe.
        """
        with self._lock:
            key = self._next_watcher
            self._next_watcher += 1
            self._watchers[key] = (prefix, watcher)
            for status in tuple(self._statuses.values()):
                if matches(prefix, status.name):
                    self._deliver(key, watcher, status)
        return lambda: self._unsubscribe(key)

    def fail(self, name: str, epoch: int, cause: BaseException) -> bool:
        """Have the supervisor of ``name`` end that instance as failed, even if its thread hangs.

        Its name is unbound, it is told to stop, its interrupt hook runs, and it is abandoned once
        its shutdown time is over. False if ``epoch`` is not the present, live instance.
        """
        status = self._statuses.get(name)
        control = self._controls.get(parent_path(name))
        if control is None or status is None or status.epoch != epoch or status.state not in _LIVE:
            return False
        fault = Faulted(name, epoch, ExitKind.ERROR, describe(cause), cause, unresponsive=True)
        control(fault)
        return True

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """What was told to nobody, by name."""
        with self._lock:
            return tuple(self._dead.values())

    # -- for addresses and actors ---------------------------------------------------------------

    def resolve(self, name: str) -> Binding | None:
        """The present binding. Lock-free: a binding is replaced, never changed."""
        return self._bindings.get(name)

    def unavailable(self, name: str) -> Unavailable:
        """The error for a name that can't be sent to now."""
        status = self._statuses.get(name)
        if status is None:
            return Unavailable(name, None, None)
        return Unavailable(name, status.state, status.retry_at)

    def count_dead_letters(self, name: str, kinds: tuple[str, ...], count: int = 0) -> None:
        """Record tells that nobody handled: the type names of some, and how many in all."""
        with self._lock:
            old = self._dead.get(name, DeadLetter(name, 0, ()))
            samples = (*old.samples, *kinds)[-_SAMPLES:]
            self._dead[name] = DeadLetter(name, old.count + max(count, len(kinds)), samples)

    # -- for supervisors ------------------------------------------------------------------------

    def next_epoch(self, name: str) -> int:
        """A new epoch for ``name``: never given twice in the life of the process."""
        with self._lock:
            epoch = self._epochs[name] = self._epochs.get(name, 0) + 1
            return epoch

    def last_epoch(self, name: str) -> int:
        """The epoch that ``name`` was given last; 0 if it never had one."""
        return self._epochs.get(name, 0)

    def bind(self, name: str, epoch: int, inbox: Inbox, *, half_open: bool) -> None:
        """From now on ``name`` resolves to this instance."""
        with self._lock:
            self._bindings[name] = Binding(inbox, epoch, half_open)

    def unbind(self, name: str, epoch: int) -> None:
        """``name`` resolves to nobody, if it still resolved to ``epoch``."""
        with self._lock:
            binding = self._bindings.get(name)
            if binding is not None and binding.epoch == epoch:
                del self._bindings[name]

    def publish(self, status: StatusMessage) -> None:
        """Number ``status`` and hand it to the watchers, in order."""
        with self._lock:
            seq = self._seqs[status.name] = self._seqs.get(status.name, 0) + 1
            numbered = msgspec.structs.replace(status, seq=seq)
            self._statuses[status.name] = numbered
            for key, (prefix, watcher) in tuple(self._watchers.items()):
                if matches(prefix, status.name):
                    self._deliver(key, watcher, numbered)

    def forget(self, name: str) -> None:
        """``name`` is unknown from now on; its epochs and sequence go on if it comes back."""
        with self._lock:
            self._bindings.pop(name, None)
            self._statuses.pop(name, None)

    def close_below(self, path: str) -> None:
        """Everything below a supervisor that was given up is stopped, and nobody else says so."""
        with self._lock:
            for status in tuple(self._statuses.values()):
                below = status.name != path and matches(path, status.name)
                if below and status.state not in (ChildState.STOPPED, ChildState.FAILED):
                    self.publish(
                        msgspec.structs.replace(
                            status,
                            state=ChildState.STOPPED,
                            kind=ExitKind.KILLED.value,
                            health=Health.UNKNOWN,
                            retry_at=None,
                        )
                    )

    def take_control(self, path: str, sink: Sink) -> None:
        """Events for the supervisor at ``path`` go to ``sink`` from now on."""
        with self._lock:
            self._controls[path] = sink

    def drop_control(self, path: str, sink: Sink) -> None:
        """The supervisor at ``path`` is gone, unless another has taken over."""
        with self._lock:
            if self._controls.get(path) == sink:
                del self._controls[path]

    def control(self, path: str) -> Sink | None:
        """Where events for the supervisor at ``path`` go."""
        return self._controls.get(path)

    def _deliver(self, key: int, watcher: Watcher, status: StatusMessage) -> None:
        try:
            watcher(status)
        except Exception as error:  # noqa: BLE001 - a broken watcher must not cost the others theirs
            self._unsubscribe(key)
            logger.warning("watcher of {} removed: {}", status.name, describe(error))

    def _unsubscribe(self, key: int) -> None:
        with self._lock:
            self._watchers.pop(key, None)


def matches(prefix: str, name: str) -> bool:
    """True when ``name`` is ``prefix`` or lies below it; "" matches everything."""
    return not prefix or name == prefix or name.startswith(f"{prefix}/")


def parent_path(name: str) -> str:
    """The path of the supervisor that ``name`` belongs to; "" is the root."""
    return name.rpartition("/")[0]


def describe(cause: BaseException) -> str:
    """One line for a status message: the class and its text, cut to a bounded length."""
    text = " ".join(str(cause).split())
    return f"{type(cause).__name__}: {text}"[:300] if text else type(cause).__name__


def trace(cause: BaseException) -> str:
    """The traceback of ``cause`` as text: source lines only, never the values of variables."""
    return "".join(traceback.format_exception(cause)).rstrip()
