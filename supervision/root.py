"""The top of the tree: start it, wait for it, order it about, and learn its exit code."""

from __future__ import annotations

import dataclasses
import itertools
import random
import threading
from collections.abc import Callable, Iterator, Mapping

import pykka
from loguru import logger

from supervision import events, exit_codes
from supervision.actor import ActorContext
from supervision.clock import Clock
from supervision.directory import Directory, parent_path
from supervision.errors import ActorKilled, AskTimeout, BootFailed, Stalled
from supervision.events import Reply, VerbKind, VerbReply
from supervision.instances import Instances
from supervision.limiter import Limiters
from supervision.policy import Limiter
from supervision.spec import AnySpec, ErrorKeys, SupervisorSpec, validate
from supervision.stalls import LOOK_EVERY_S, StallWatch
from supervision.states import ExitKind
from supervision.supervisor import Shared, SupervisorActor
from supervision.timers import Timers

_NOBODY = "-"  # no child can be called that


class RootHandle:
    """The running tree as ``main`` sees it. Every method may be called from any thread.

    ``stop`` may be called from a signal handler.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        directory: Directory,
        on_exit: Callable[[int], None] | None,
        check: Callable[[SupervisorSpec, frozenset[str]], None],
        limiters: Limiters,
        own_timers: Timers | None,
    ) -> None:
        self._spec = spec
        self._own_timers = own_timers
        self._directory = directory
        self._on_exit = on_exit
        self._check = check
        self._limiters = limiters
        self._tokens = itertools.count(1)
        self._changed = threading.Condition()
        self._ready = False
        self._exit: events.Exited | None = None
        self._exit_code: int | None = None
        self._limit_reached = False
        self._actor: SupervisorActor | None = None
        self.instances = Instances(spec.max_abandoned_total, self._abandoned_limit)

    # -- life -----------------------------------------------------------------------------------

    def wait_ready(self, timeout_s: float) -> bool:
        """True once every child has booted, False after ``timeout_s``. Raises BootFailed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._exit is not None, timeout_s)
            if self._exit is not None and isinstance(self._exit.cause, BootFailed):
                raise self._exit.cause
            return self._ready

    def stop(self) -> None:
        """Order an orderly stop, in reverse start order, and return at once."""
        assert self._actor is not None, "set before the handle is handed out"
        self._actor.order_stop(drain=False)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit code once the root has gone, None after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self._exit_code is not None, timeout_s)
            return self._exit_code

    @property
    def exit_code(self) -> int | None:
        """One of ``supervision.exit_codes``; None while the tree stands."""
        return self._exit_code

    @property
    def shutdown_deadline_s(self) -> float:
        """How long an orderly stop may take, by the figures that are in force."""
        return self._spec.shutdown_deadline

    @property
    def failure(self) -> BaseException | None:
        """Why the tree ended by itself: BootFailed or Escalated (the original error chained)."""
        return None if self._exit is None else self._exit.cause

    # -- verbs ----------------------------------------------------------------------------------

    def start(self, path: str, timeout_s: float = 5.0) -> Reply:
        """Start a child that is down, without waiting for its delay."""
        return self._verb(VerbKind.START, path, timeout_s)

    def stop_child(self, path: str, timeout_s: float = 5.0) -> Reply:
        """Stop a child; it stays down until it is started."""
        return self._verb(VerbKind.STOP, path, timeout_s)

    def restart(self, path: str, timeout_s: float = 5.0) -> Reply:
        """Replace a child's instance; it counts as no failure."""
        return self._verb(VerbKind.RESTART, path, timeout_s)

    def reset(self, path: str, timeout_s: float = 5.0) -> Reply:
        """Forget a child's failures, close its breaker, and start it if it was waiting for that."""
        return self._verb(VerbKind.RESET, path, timeout_s)

    def remove(self, path: str, timeout_s: float = 5.0) -> Reply:
        """Take a stopped child off the tree."""
        return self._verb(VerbKind.REMOVE, path, timeout_s)

    def kill(self, path: str) -> bool:
        """Have the child's present instance fail, as a failure like any other."""
        status = self._directory.status(path)
        return status is not None and self._directory.fail(path, status.epoch, ActorKilled(path))

    def add(self, parent: str, spec: AnySpec, timeout_s: float = 30.0) -> Reply:
        """Append a child to the supervisor at ``parent`` ("" for the root) and start it.

        Raises SpecErrors if the spec itself is not valid.
        """
        alone = dataclasses.replace(spec, depends_on=(), significant=False)
        self._check(SupervisorSpec(self._spec.id, (alone,)), self._limiters.names)
        token = next(self._tokens)
        return self._command(parent, events.Add(spec, token), timeout_s)

    def reload(
        self,
        spec: SupervisorSpec,
        timeout_s: float = 5.0,
        *,
        limiters: Mapping[str, Limiter] | None = None,
    ) -> None:
        """Take over the figures of ``spec``, everywhere; starts, stops and restarts nothing.

        ``limiters`` are the token buckets from now on (None: as they are). Raises SpecErrors, and
        then nothing has changed.
        """
        self._check(spec, self._limiters.names if limiters is None else frozenset(limiters))
        if limiters is not None:
            self._limiters.retune(limiters)
        self.instances.retune(spec.max_abandoned_total)
        for path, node in _supervisors(spec, ""):
            self._command(path, events.Reload(node, next(self._tokens)), timeout_s)
        self._spec = spec

    def answers(self, timeout_s: float) -> bool:
        """Whether the root's own loop takes an order in and answers it within ``timeout_s``."""
        if self._exit_code is not None:
            return True
        try:
            self._verb(VerbKind.RESET, _NOBODY, timeout_s)
        except AskTimeout:
            return False
        return True

    def _verb(self, kind: VerbKind, path: str, timeout_s: float) -> Reply:
        order = events.Verb(kind, path.rpartition("/")[2], next(self._tokens))
        return self._command(parent_path(path), order, timeout_s)

    def _command(
        self, parent: str, order: events.Verb | events.Add | events.Reload, timeout_s: float
    ) -> Reply:
        sink = self._directory.control(parent)
        supervisor = getattr(sink, "__self__", None)
        if not isinstance(supervisor, SupervisorActor):
            return Reply(order.token, VerbReply.NOT_FOUND)
        future: pykka.ThreadingFuture[Reply] = pykka.ThreadingFuture()
        supervisor.command(order, future)
        try:
            reply: Reply = future.get(timeout=timeout_s)
        except pykka.Timeout:
            raise AskTimeout(parent or self._spec.id, type(order).__name__, timeout_s) from None
        return reply

    # -- notices of the root actor --------------------------------------------------------------

    def _run(self, actor: SupervisorActor) -> None:
        self._actor = actor
        actor.launch()

    def _notice(self, event: events.Event) -> None:
        """Runs on the root's thread, the exit as the last thing there."""
        if isinstance(event, events.Exited):
            self._close()
        with self._changed:
            if isinstance(event, events.Ready):
                self._ready = True
            elif isinstance(event, events.Exited):
                self._exit = event
                self._exit_code = self._code(event.kind)
            self._changed.notify_all()
        if isinstance(event, events.Exited) and self._on_exit is not None:
            self._on_exit(self._code(event.kind))

    def _close(self) -> None:
        """What is left behind is said, for a stop succeeds all the same."""
        hung = self.instances.abandoned()
        if hung:
            logger.bind(actor=self._spec.id).error("left with hung threads: {}", ", ".join(hung))
        if self._own_timers is not None:
            self._own_timers.close()

    def _code(self, kind: ExitKind) -> int:
        if self._limit_reached:
            return exit_codes.ABANDONED_LIMIT
        if kind in (ExitKind.SHUTDOWN, ExitKind.NORMAL):
            return exit_codes.OK
        failed = kind is ExitKind.START_FAILED
        return exit_codes.BOOT_FAILED if failed else exit_codes.ESCALATED

    def _abandoned_limit(self) -> None:
        self._limit_reached = True
        self.stop()


class _Looker:
    """Looks for stalls, on the timer thread. The timers' end is its end."""

    def __init__(
        self, stalls: StallWatch, timers: Timers, directory: Directory, instances: Instances
    ) -> None:
        self._stalls = stalls
        self._timers = timers
        self._directory = directory
        self._instances = instances
        self._known = stalls.look()

    def look(self) -> None:
        """Have what does not outlive a stall fail after one."""
        count = self._stalls.look()
        if count != self._known:
            self._known = count
            gap_s = self._stalls.gap_s
            logger.warning("the process has stood still for {:.1f} s", gap_s)
            for actor in self._instances.outslept():
                cause = Stalled(actor.name, actor.epoch, gap_s)
                self._directory.fail(actor.name, actor.epoch, cause)
        self._timers.after(LOOK_EVERY_S, self.look)


def _supervisors(spec: SupervisorSpec, path: str) -> Iterator[tuple[str, SupervisorSpec]]:
    """Every supervisor of a tree with its path, parents first."""
    yield path, spec
    for child in spec.children:
        if isinstance(child, SupervisorSpec):
            yield from _supervisors(child, f"{path}/{child.id}" if path else child.id)


def start_root(
    spec: SupervisorSpec,
    *,
    directory: Directory,
    clock: Clock,
    on_exit: Callable[[int], None] | None = None,
    error_keys: ErrorKeys | None = None,
    limiters: Mapping[str, Limiter] | None = None,
    jitter: Callable[[], float] = random.random,
    timers: Timers | None = None,
    stalls: StallWatch | None = None,
) -> RootHandle:
    """Check the whole tree, then boot it on threads of its own. Returns at once.

    ``on_exit`` gets the exit code, on the root's thread, when everything has stopped.
    ``error_keys`` says which exceptions the keys in ``fatal`` and ``fail_on`` mean. ``stalls`` is
    looked at all the time; after a stall, what does not outlive one fails. Raises SpecErrors, and
    then nothing was created.
    """
    keys = error_keys or {}
    buckets = Limiters(limiters)

    def check(tree: SupervisorSpec, limiter_names: frozenset[str]) -> None:
        validate(tree, keys, limiter_names)

    check(spec, buckets.names)
    shared_timers, timers = timers, timers or Timers(clock)
    handle = RootHandle(spec, directory, on_exit, check, buckets, None if shared_timers else timers)
    context = ActorContext(
        name=spec.id,
        epoch=directory.next_epoch(spec.id),
        directory=directory,
        clock=clock,
        timers=timers,
        notify=handle._notice,
        policy=spec.policy,
        stalls=stalls,
    )
    if stalls is not None:
        _Looker(stalls, timers, directory, handle.instances).look()
    shared = Shared(handle.instances, buckets, jitter, keys)
    handle._run(SupervisorActor(context, spec, shared, path=""))
    return handle
